//! A stateless model checker for concurrent programs under real memory models.
//!
//! [`model`] runs a closure once for every consistent execution graph of it, and
//! reports the first that panics, races, or waits for ever. The algorithm is
//! TruSt (POPL 2022): see [`search`].
//!
//! ```
//! use seqfault_explorer::sync::atomic::{AtomicU64, Ordering::Relaxed};
//! use seqfault_explorer::thread;
//! use std::sync::Arc;
//!
//! seqfault_explorer::model(|| {
//!     let x = Arc::new(AtomicU64::new(0));
//!     let y = x.clone();
//!     let other = thread::spawn(move || y.fetch_add(1, Relaxed));
//!     x.fetch_add(1, Relaxed);
//!     other.join().unwrap();
//!     assert_eq!(x.load(Relaxed), 2);
//! });
//! ```
#![warn(missing_docs)]
#![deny(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn)]

pub mod alloc;
mod builder;
#[allow(unsafe_code, reason = "hands out pointers to plain memory")]
pub mod cell;
mod config;
pub mod consistency;
mod course;
mod driver;
mod estimate;
pub mod graph;
#[doc(hidden)]
pub mod mutation;
mod parallel;
pub mod report;
mod rest;
mod run;
#[allow(
    missing_docs,
    reason = "its items are private; the module is named in the docs"
)]
pub mod search;
mod strata;
pub mod symmetry;
pub mod sync;
mod tally;
pub mod thread;
mod worker;

pub use builder::{Builder, model};
pub use config::{Config, Reduce};
pub use consistency::Model;
pub use estimate::Estimate;
pub use report::{Failure, FailureKind, Limit, Progress, Report, Verdict};
pub use rest::{Refused, Rest};
pub use run::ops;

/// Ends an iteration of a loop that waits for other threads.
///
/// Where the iteration is found to have no effect, and the one before it had none, the thread
/// goes on only in executions in which it reads something else. An execution in which it has
/// waited is moot, unless it fails. Elsewhere, and outside of loops, this does nothing: a loop
/// that gives up after some iterations is followed until it does.
#[track_caller]
pub fn spin() {
    ops::spin();
}

/// A value below `n`; all are tried.
#[track_caller]
pub fn choose(n: usize) -> usize {
    ops::choose(u32::try_from(n).expect("a small number of choices")) as usize
}
