//! Brute-force enumerator of the execution graphs of tiny concurrent programs.
//!
//! The judge of a stateless model checker: it shares no idea with one. All candidate graphs are
//! generated the way herd does, then filtered by the axioms of a memory model; there is no
//! scheduler, no revisit, no vector clock and no incremental state.
//!
//! ```text
//! program ──guess──> shapes ──per word──> (rf, co) candidates ──product──> graphs ──axioms──> count
//!          CAS, try,          coherent at                        values      sc.rs
//!          blocking           one location                       agree       tso.rs
//!                                                                            rc11.rs
//!                                                                            cpp20.rs
//! ```
//!
//! Three things check the judge itself: [`machine`] (interleaving, store buffers) and [`views`] (the
//! part of RC11 that has an operational twin) run the same programs step by step and must find the
//! same graphs; [`known`] has answers from the literature; the tests compare the models with each
//! other (inclusion, strengthening, restoration of sequential consistency).
//!
//! # Known answers
//!
//! The known answers are litmus tests as text, in the folder `known`, one file for each family.
//! Message passing, with the numbers of complete executions:
//!
//! ```text
//! test MP+rel+rlx
//!   P0: store x 1 rlx; store y 1 rel
//!   P1: r0 = load y rlx; r1 = load x rlx
//!   exists 1:r0=1 /\ 1:r1=0
//!   sc, tso: forbidden, 3 executions
//!   rc11, cpp20: allowed, 4 executions
//!   source: C++20 [atomics.order]: it takes both sides
//! ```
//!
//! [`notation`] lists the statements, [`known`] describes the rest. Programs are printed in the same
//! notation, so one that a differential test has found and shrunk can be kept as a litmus test.
//!
//! # Invariants
//!
//! 1. A shape fixes the events; a graph is a shape with `rf` and `co`. Distinct choices are distinct
//!    graphs, so counting needs no set of visited graphs.
//! 2. Every axiom is monotone in `rf` and `co` (no difference, no negation of either), so a graph
//!    that is still incomplete may be dropped by the same filter that judges complete ones.
//! 3. All models forbid `po | rf` cycles, so the values of a consistent graph are well founded.
//!
//! # Deliberately absent
//!
//! Graphs of condition variables and of attempts at read-write locks: [`machine::endings`] runs
//! them, under sequential consistency only.
//!
//! Loops, branches on loaded values (other than compare-exchange and try-lock), spawn and join in
//! the middle of a program, mixed-size accesses, consume, spurious failures.

pub mod candidate;
pub mod cpp20;
pub mod enumerate;
pub mod graph;
pub mod known;
pub mod machine;
pub mod notation;
pub mod program;
pub mod random;
pub mod rc11;
pub mod relation;
pub mod sc;
pub mod sections;
pub mod shape;
pub mod shrink;
pub mod tso;
pub mod views;

pub use enumerate::{Enumeration, Model, Outcome, enumerate};
pub use machine::endings::{Endings, Stuck, Wakeups, endings};
pub use machine::interleave;
pub use program::{Instr, Order, Program};
pub use random::random;
pub use shrink::shrink;
