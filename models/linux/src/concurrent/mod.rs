//! Litmus tests of several CPUs on the host's kernel, after litmus7.
//!
//! ```text
//! parent            child
//! fork ----------->  one pinned thread for each CPU of the test
//!   |                   CPU 0: sets up a batch of instances, side by side; forks processes of the
//!   |                          test in which other CPUs' programs run
//!   | <--- outcomes     all:   meet; start together by the time-stamp counter, each after a
//!   | <--- board               delay of its own; run; next instance
//!   |                   CPU 0: looks at the final states, counts, unmaps
//!   +--- ends it if it hangs, tells how it ended if it crashes
//! ```
//! A system call takes thousands of cycles, an access a few: threads that merely start together
//! hardly ever meet in it. So each CPU's program is timed as it runs (a moving average), and the
//! other CPUs' starts are drawn uniformly over the longest one's duration and a bit beyond, with
//! random gaps between statements.
//! L. Maranget and others, "litmus: running tests against hardware", TACAS 2011.
//!
//! | file | has |
//! | --- | --- |
//! | `plan` | a test as calls on pages, and what is looked at in the end |
//! | `spread` | where the pages of an instance are |
//! | `homes` | the processes that CPUs are in |
//! | `perform` | one statement on the host |
//! | `family` | the processes that a test forks |
//! | `meeting` | threads that wait for each other, and start together |
//! | `pace` | how long programs take, and the delays that follow |
//! | `batch` | what the seed decides |
//! | `crew` | what the threads do |
//! | `setup` | initial states, and processes that live as long as a batch |
//! | `threads` | threads that a child process can have |
//! | `finale` | the end of a batch: final states and outcomes |
//! | `affinity`, `noise` | which CPU they run on, and what disturbs them |
//! | `histogram` | outcomes, how often, and when first |
//! | `board` | memory shared with the parent: where each thread is |
//! | `message`, `child` | the child process, and its watchdog |
//! | `turns` | a program again and again, with events counted |
//!
//! # Seeds
//! Orders, spreads, and the random numbers behind delays and gaps come from the seed. The host's
//! timing does not: the same seed need not show the same outcomes.
//!
//! # What only a model has
//! `prefetch` is a prefetch instruction, which walks the page tables and never faults; `switch main`
//! is a short sleep, in which the CPU runs the idle thread or another process; `switch lazy`, `evict`
//! and `rcu_barrier` do nothing. The choices of `with` lines are the kernel's own.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod affinity;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod batch;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod board;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod child;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod crew;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod family;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod finale;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod histogram;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod homes;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod meeting;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod message;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod noise;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod pace;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod perform;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod plan;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod run;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod setup;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod spread;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod threads;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod turns;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use run::{lacks, run};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use turns::{Rounds, count};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use seqfault_lang::litmus::ast::Outcome;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
use seqfault_lang::litmus::ast::Program;

/// Why the host cannot run the test.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub fn lacks(_: &Program) -> Option<String> {
    Some("needs Linux on x86-64".to_owned())
}

/// Runs nothing.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub fn run(program: &Program, _: &Settings, _: &mut dyn FnMut(u64)) -> Seen {
    Seen {
        trouble: lacks(program),
        ..Seen::default()
    }
}

/// How much to run, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// At most so many instances.
    pub iterations: u64,
    /// Where random choices start.
    pub seed: u64,
    /// At most so long.
    pub time: Option<Duration>,
    /// Ends the run once it is set: after the batch that it is in.
    pub interrupt: Option<Arc<AtomicBool>>,
    /// Instances side by side.
    pub side_by_side: usize,
    /// How long all threads may stand still before that is a hang.
    pub patience: Duration,
    /// Something that goes wrong on purpose.
    #[doc(hidden)]
    pub sabotage: Option<Sabotage>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            iterations: 2_000,
            seed: 0,
            time: None,
            interrupt: None,
            side_by_side: 32,
            patience: Duration::from_secs(20),
            sabotage: None,
        }
    }
}

/// Something that goes wrong on purpose, to test the watchdog.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// This CPU's thread never starts.
    Hang(usize),
    /// This CPU's thread accesses memory that is no arena's, in this instance.
    Crash(usize, u64),
    /// This CPU's thread panics, in this instance.
    Panic(usize, u64),
}

/// How often an outcome was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// In so many instances.
    pub count: u64,
    /// In this one first.
    pub first: u64,
}

/// What a run showed.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The outcomes.
    pub outcomes: BTreeMap<Outcome, Tally>,
    /// How many instances were run.
    pub instances: u64,
    /// How many CPUs of the host they ran on.
    pub cpus: usize,
    /// How the run ended, if not by itself.
    pub trouble: Option<String>,
    /// How long it took, once it was its turn.
    pub elapsed: Duration,
}
