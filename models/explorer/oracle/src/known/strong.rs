//! SeqCst accesses beside weaker ones, where RC11 and C++20 disagree.
//!
//! RC11 relates SeqCst accesses by program order, happens-before, and single steps of coherence and
//! of from-reads. C++20 ([atomics.order]) relates them by coherence-ordered-before, which goes on
//! over several such steps, and by strongly-happens-before. The answers here are RC11's.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, RLX, SC, X, Y, load, store};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "acquired, and older by SeqCst",
        program: || {
            Program::new(
                2,
                vec![
                    vec![load(X, ACQ), load(Y, SC)],
                    vec![store(X, 1, SC), store(X, 2, SC)],
                    vec![store(Y, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[0] == [2, 0] && o.reads[2] == [0],
        verdicts: [never(15), never(15), sometimes(18)],
        source: "RC11, section 3 (psc); C++20 forbids it: the read of 0 comes before both stores. Count: 3 * 2 * 3",
    },
    Litmus {
        name: "IRIW+rlx+sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(Y, 1, RLX)],
                    vec![load(X, SC), load(Y, SC)],
                    vec![load(Y, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [1, 0] && o.reads[3] == [1, 0],
        verdicts: [never(15), never(15), sometimes(16)],
        source: "RC11, section 3 (psc): no SeqCst access writes; C++20 forbids it. Count: 2 * 2 * 2 * 2",
    },
];
