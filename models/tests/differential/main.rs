//! Core against the reference specification, one CPU.

mod canaries;
mod sequences;
mod strategies;
