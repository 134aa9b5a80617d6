//! Engines, verdicts, conformance, and the command.
//!
//! The language of tests, the specification and the runner on the host's kernel are packages of
//! their own, and modules here by their old names: a kernel author who wants the
//! language and the specification has no need of the engines.
pub mod classes;
pub mod cli;
pub mod conform;
pub mod differential;
pub mod engines;
pub mod matrix;
pub mod plan;
pub mod platform;
pub mod scenario;
pub mod subjects;
pub mod timeline;
pub mod verdict;

pub use seqfault_lang::{litmus, ops, subject};
pub use {seqfault_linux as linux, seqfault_spec as spec};

use seqfault_lang::random;
