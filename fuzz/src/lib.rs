//! Fuzz targets: each body is a function of bytes that panics on a finding.
//!
//! | target | bytes become | and are held against |
//! | --- | --- | --- |
//! | `mm_ops` | one CPU's operations | the specification, after each |
//! | `mm_linux` | the same | the same, and the host's kernel too |
//! | `program_schedule` | a program of two to four CPUs, and its schedule | invariants, the specification |
//! | `program_search` | a program of two or three CPUs, in all executions up to a number | the same |
//! | `litmus_text` | a text | itself, read, printed and read again |
//! | `explorer_random` | a program of atomics and locks | a brute-force enumerator |
//!
//! # Running
//! - Replay on stable, as `cargo test` does: every seed, and every file of `fuzz/crashes`.
//! - Replay of one file: `cargo run -p seqfault-fuzz --bin mm_ops -- FILE`; speed:
//!   `cargo run --release -p seqfault-fuzz --bin mm_ops -- --bench fuzz/seeds/mm_ops`;
//!   what a finding would look like: `--quirks` instead of `--bench`.
//! - Guided by coverage: `cargo ci overnight --hours 1 --targets mm_ops`; one lane of
//!   `cargo ci pr` for each target runs a little of it.
//! - With cargo-fuzz: `cargo +nightly fuzz run mm_ops`.
//!
//! # Seeds
//! They are made when they are needed, of the proofs among others: `cargo ci` does it, and
//! `cargo run --release -p seqfault-fuzz --bin seeds` writes them into `fuzz/seeds`. The tree keeps
//! `fuzz/dictionaries` and `fuzz/options`, which `SEQFAULT_BLESS=1 cargo test -p seqfault-fuzz --test
//! seeds` writes. What libFuzzer finds goes to `fuzz/corpus`, which is not kept either.
//!
//! # Findings
//! `cargo ci triage DIR` makes small litmus tests of crash inputs and keeps them
//! in `proofs/found`; inputs of other targets go to `fuzz/crashes`.

pub mod deviant;
pub mod dictionary;
pub mod explorer_random;
mod folder;
pub mod guided;
pub mod litmus_text;
pub mod mm_linux;
pub mod mutate;
pub mod program;
pub mod program_schedule;
pub mod program_search;
pub mod rng;
pub mod seeds;
pub mod sequence;
pub mod shrink;
pub mod situations;
/// Runs the enumerator's programs on the explorer: as the explorer's own tests do.
#[path = "../../models/explorer/tests/subject/mod.rs"]
mod subject;
mod targets;
pub mod time_to_bug;
pub mod triage;

use seqfault_core::{Quirk, Quirks};
use seqfault_models::differential::Difference;
use seqfault_models::spec::Rules;

pub use seqfault_models::plan;
pub use seqfault_models::plan::record;
use seqfault_models::plan::{choices, syntax};

pub use folder::{files, folder};
pub use sequence::case;
pub use targets::{CANARY, TARGETS, Target, target};

/// Core against the reference specification, one CPU.
///
/// # Panics
/// If they differ: the message ends with a litmus test that shows it.
pub fn mm_ops(data: &[u8]) {
    if let Err(difference) = mm_ops_under(data, &Rules::default()) {
        panic!("{difference}");
    }
}

/// As [`mm_ops`], against the specification under `rules`.
///
/// # Errors
/// The difference, shrunk.
pub fn mm_ops_under(data: &[u8], rules: &Rules) -> Result<(), Box<Difference>> {
    case(data).check_and_shrink(rules)
}

/// Core and the host's kernel against the reference specification, one CPU.
///
/// # Panics
/// As [`mm_ops`], for either.
pub fn mm_linux(data: &[u8]) {
    if let Err(difference) = mm_linux::run(data) {
        panic!("{difference}");
    }
}

/// A concurrent program under a schedule, both from `data`.
///
/// # Panics
/// If an invariant does not hold, or the specification does not allow the outcome.
pub fn program_schedule(data: &[u8]) {
    if let Err(finding) = program_schedule::run_input(data, Quirks::NONE, &Rules::default()) {
        panic!("{finding}");
    }
}

/// A concurrent program from `data`, searched by the explorer.
///
/// # Panics
/// If an execution violates an invariant, or ends as the specification does not allow.
pub fn program_search(data: &[u8]) {
    if let Err(finding) = program_search::run_input(data, Quirks::NONE, &Rules::default()) {
        panic!("{finding}");
    }
}

/// As [`program_schedule()`], of a core that spins with interrupts off: to find
/// it, one choice must be the right one, and CPUs must meet.
///
/// # Panics
/// If that shows.
pub fn canary(data: &[u8]) {
    let quirks = Quirks::NONE.with(Quirk::SpinWithIrqsOff);
    if let Err(finding) = program_schedule::run_input(data, quirks, &Rules::default()) {
        panic!("{finding}");
    }
}
