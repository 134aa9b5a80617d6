//! Fuzz targets: each body is a function of bytes that panics on a finding.
//!
//! # Running
//! - Replay on stable, as `cargo test` does: every file of `fuzz/seeds` and of
//!   `fuzz/crashes`, if there are any.
//! - Replay of one file: `cargo run -p seqfault-fuzz --bin mm_ops -- FILE`.
//! - libFuzzer on stable, guided by coverage: `cargo ci overnight --hours 1`, or by hand
//!   ```sh
//!   RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
//!     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table" \
//!     cargo run --release -p seqfault-fuzz --bin mm_ops --target x86_64-unknown-linux-gnu \
//!     --target-dir target/fuzz -- fuzz/corpus/mm_ops fuzz/seeds/mm_ops -max_len=256
//!   ```
//!   (`--target` keeps the flags from build scripts.)
//! - With cargo-fuzz: `cargo +nightly fuzz run mm_ops`.
//!
//! # Seeds
//! `fuzz/seeds` is made by `BLESS=1 cargo test -p seqfault-fuzz --test seeds`:
//! of random inputs, those that reach what no earlier one did. What libFuzzer
//! finds goes to `fuzz/corpus`, which is not kept, and to `fuzz/crashes`.

pub mod dictionary;
pub mod explorer_random;
mod folder;
pub mod guided;
pub mod litmus_text;
pub mod mutate;
pub mod plan;
pub mod program;
pub mod program_schedule;
mod protocol;
pub mod record;
pub mod rng;
pub mod seeds;
pub mod sequence;
pub mod shrink;
/// Runs the enumerator's programs on the explorer: as the explorer's own tests do.
#[path = "../../models/explorer/tests/subject/mod.rs"]
mod subject;
mod syntax;
mod targets;
pub mod time_to_bug;
pub mod triage;

use seqfault_core::Quirks;
use seqfault_models::differential::Difference;
use seqfault_models::spec::Rules;

pub use folder::{files, folder};
pub use sequence::case;
pub use targets::{TARGETS, Target, target};

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

/// A concurrent program under a schedule, both from `data`.
///
/// # Panics
/// If an invariant does not hold, or the specification does not allow the outcome.
pub fn program_schedule(data: &[u8]) {
    if let Err(finding) = program_schedule::run_input(data, Quirks::NONE, &Rules::default()) {
        panic!("{finding}");
    }
}
