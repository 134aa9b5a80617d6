#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod corpus;
mod rules;

pub use corpus::{Corpus, Proof, SHELVES};
pub use rules::{RULES, Rule};
