//! The explorer on programs of many kinds, against what they are known to do.
//!
//! One program, so that its tests have all CPUs to the end. `known` lists its cases itself, and
//! `discarded` counts what the whole process allocates: each is a program of its own.

mod behaviours;
mod beyond;
mod bounds;
mod closed_forms;
mod differential;
mod endings;
mod forged;
mod forgotten;
mod gates;
mod heads;
mod last;
mod loom;
mod loops;
mod made;
mod memory;
mod mutations;
mod objects;
mod outcomes;
mod parts;
mod resume;
mod retries;
mod size;
mod spins;
#[path = "../subject/mod.rs"]
mod subject;
mod symmetry;
mod until;
mod users;
mod waits;
