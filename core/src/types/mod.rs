//! Plain values: addresses, numbers, protections, entries, choices, and what is told of a run.
//!
//! Nothing here runs, waits or shares state. It imports nothing but itself.

pub mod addr;
pub mod anon;
pub mod choices;
pub mod choosing;
pub mod config;
pub mod counters;
pub mod error;
pub mod event;
pub mod ids;
pub mod prot;
pub mod protocol;
pub mod pte;
pub mod quirk;
pub mod quirks;
pub mod violation;
