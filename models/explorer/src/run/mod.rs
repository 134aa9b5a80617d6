//! One run of the program on a graph.
//!
//! The threads run as coroutines on one OS thread. What they ask for is answered
//! by the graph as long as it has an answer (*replay*); then by the search,
//! which adds to the graph (*frontier*).
//!
//! # Invariants
//! - R1. A read is answered only after the write that it reads from has been
//!   asked for in this run. So the run is a linearisation of `porf`, and plain
//!   memory that is free of races holds what the graph says.
//! - R2. Nothing is added before all of the graph has been replayed.
//! - R3. A location is bound to its id when an object is first used in a run. All
//!   locations with events are bound when the frontier is reached.

mod afterwards;
pub(crate) mod assume;
#[allow(unsafe_code, reason = "switches stacks")]
pub(crate) mod coroutine;
pub(crate) mod gate;
pub(crate) mod heads;
pub mod object;
pub mod ops;
mod order;
pub(crate) mod registry;
pub(crate) mod repeat;
pub(crate) mod schedule;
pub(crate) mod session;
pub(crate) mod step;
mod threads;
pub(crate) mod until;
