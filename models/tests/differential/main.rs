//! Core, and others, against the reference specification, one CPU.

mod canaries;
mod heaps;
mod peers;
mod sequences;
mod strategies;
mod toy;
