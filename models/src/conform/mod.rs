//! The host's kernel against core and the specification, on random sequences, at full speed.
//!
//! ```text
//! runner --- memory that both map (ledger): sequence, step ----+
//!   |  \                                                       |
//!   |   watches: nothing moves for too long -> kill            v
//!   +--- a process for each job: Case::random, Case::check_on, writes each step down
//!                 ends with 0: all agree; 1: a difference, on standard output; else: a crash
//! ```
//! A sequence that crashes the process or never returns from a system call ends its worker and not
//! the run: the runner reports where it was, and goes on behind it.
//!
//! Where this is not Linux on x86-64, nothing is run, and that is said.

pub mod concurrent;
mod options;
mod share;
mod wrong;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod ledger;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod process;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod runner;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod worker;

pub use options::{Level, Options, Plant};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use runner::{Incident, Result, Run, run};
pub use share::{Share, Tally};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use worker::work;
pub use wrong::{WRONG, Wrong};
