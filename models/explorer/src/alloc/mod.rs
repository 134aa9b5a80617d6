//! Things with an end: what must be dropped or freed before the execution is
//! over, and must not be used after that.
//!
//! | | must end by | is checked for |
//! | --- | --- | --- |
//! | [`Track`] | being dropped | leaks |
//! | [`Ptr`] | [`Ptr::free`] | leaks, races, use after free, double free |
//! | [`alloc`], [`alloc_zeroed`] | [`dealloc`] | leaks, double free |
//! | [`sync::Arc`](crate::sync::Arc) | being dropped | leaks |
//!
//! An end is no event: it multiplies nothing. Like an access to a cell it is
//! ordered by happens-before alone, so that an execution stands for all orders
//! in which it may run.
//!
//! | | is reported as |
//! | --- | --- |
//! | a use that is not ordered after the creation | `DataRace` |
//! | a use that is not ordered with the end | `DataRace` |
//! | a use after the end | `UseAfterFree` |
//! | a second end, ordered or not | `DoubleFree` |
//! | no end in a complete execution | `Leak` |
//!
//! Executions that fail, block, are moot or run into a bound leak nothing: there
//! the end may have been still to come.
//!
//! ```
//! use seqfault_explorer::alloc::{Link, Ptr};
//! use seqfault_explorer::sync::atomic::Ordering::{Acquire, Release};
//! use seqfault_explorer::{Builder, FailureKind, thread};
//! use std::sync::Arc;
//!
//! let report = Builder::new().check(|| {
//!     let link = Arc::new(Link::new(Some(Ptr::new(7))));
//!     let reader = link.clone();
//!     thread::spawn(move || {
//!         if let Some(ptr) = reader.load(Acquire) {
//!             ptr.with(|value| assert_eq!(*value, 7));
//!         }
//!     });
//!     // Nothing waits for the reader.
//!     if let Some(ptr) = link.swap(None, Release) {
//!         ptr.free();
//!     }
//! });
//! assert_eq!(report.failure().unwrap().kind, FailureKind::DataRace);
//! ```
//!
//! # Real memory
//! Freed memory stays where it is until the run is over: a program that uses it
//! is reported, and gets nothing that is not valid. Then its value is dropped, whether
//! it was freed or not, exactly once; if the run is thrown away it is dropped only where
//! its threads are unwound. See [`Ptr::free`] for what a destructor may
//! do.
//!
//! # Gaps
//! - No address is used again in a run: that a compare-exchange takes a new
//!   allocation for an old one (ABA) is missed.

#[allow(unsafe_code, reason = "drops values whose type is forgotten")]
pub(crate) mod heap;
pub(crate) mod late;
mod link;
#[allow(unsafe_code, reason = "forgets the types of values, and frees them")]
pub(crate) mod memory;
#[allow(unsafe_code, reason = "hands out what it points to")]
mod ptr;
#[allow(unsafe_code, reason = "has the signatures of `std::alloc`")]
mod raw;
mod track;

pub use link::Link;
pub use ptr::Ptr;
pub use raw::{alloc, alloc_zeroed, dealloc};
pub use std::alloc::Layout;
pub use track::Track;
