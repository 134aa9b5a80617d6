//! Cells: data races, and what prevents them.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, REL, RLX, X, load, store};
use crate::program::Instr::{CellRead, CellWrite, Lock, Unlock};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "locked cell",
        program: || {
            Program::with_locks(
                0,
                1,
                0,
                vec![
                    vec![Lock(0), CellWrite(0), Unlock(0)],
                    vec![Lock(0), CellRead(0), Unlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(2), never(2), never(2)],
        source: "C++20 [intro.races]: no race",
    },
    Litmus {
        name: "cell race",
        program: || Program::new(0, vec![vec![CellWrite(0)], vec![CellRead(0)]]),
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(1).racy(1), never(1).racy(1), never(1).racy(1)],
        source: "C++20 [intro.races]",
    },
    Litmus {
        name: "cell reads",
        program: || Program::new(0, vec![vec![CellRead(0)], vec![CellRead(0)]]),
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(1), never(1), never(1)],
        source: "C++20 [intro.races]: two reads do not race",
    },
    Litmus {
        name: "cell own",
        program: || Program::new(0, vec![vec![CellWrite(0), CellRead(0), CellWrite(0)]]),
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(1), never(1), never(1)],
        source: "C++20 [intro.races]: a thread does not race with itself",
    },
    Litmus {
        name: "cell MP+rel+acq",
        program: || {
            Program::new(
                1,
                vec![
                    vec![CellWrite(0), store(X, 1, REL)],
                    vec![load(X, ACQ), CellRead(0)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1],
        verdicts: [
            sometimes(2).racy(1),
            sometimes(2).racy(1),
            sometimes(2).racy(1),
        ],
        source: "C++20 [intro.races]: a race only if the flag is not seen",
    },
    Litmus {
        name: "cell MP+rlx",
        program: || {
            Program::new(
                1,
                vec![
                    vec![CellWrite(0), store(X, 1, RLX)],
                    vec![load(X, RLX), CellRead(0)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1],
        verdicts: [
            sometimes(2).racy(2),
            sometimes(2).racy(2),
            sometimes(2).racy(2),
        ],
        source: "C++20 [intro.races]: relaxed accesses do not synchronise",
    },
    Litmus {
        name: "cell MP+rels",
        program: || {
            Program::new(
                1,
                vec![
                    vec![CellWrite(0), store(X, 1, REL), store(X, 2, RLX)],
                    vec![load(X, ACQ), CellRead(0)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [2],
        verdicts: [
            sometimes(3).racy(2),
            sometimes(3).racy(2),
            sometimes(3).racy(2),
        ],
        source: "C++20 (P0982R1): a plain store ends the release sequence",
    },
];
