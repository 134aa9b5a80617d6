//! Core, and others, against the reference specification, one CPU.

mod canaries;
mod peers;
mod sequences;
mod strategies;
mod toy;
