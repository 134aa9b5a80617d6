//! Read-modify-writes: atomicity, and how many orders there are.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, AR, REL, RLX, X, Y, cas, fetch_add, load, store, store_loaded, swap};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "2 fetch_add",
        program: || {
            Program::new(
                1,
                vec![vec![fetch_add(X, 1, RLX)], vec![fetch_add(X, 1, RLX)]],
            )
        },
        outcome: |o| o.reads[0] == o.reads[1],
        verdicts: [never(2), never(2), never(2)],
        source: "RC11, section 3 (atomicity); count: n!",
    },
    Litmus {
        name: "3 fetch_add",
        program: || {
            Program::new(
                1,
                vec![
                    vec![fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[0] == o.reads[1],
        verdicts: [never(6), never(6), never(6)],
        source: "RC11, section 3 (atomicity); count: n!",
    },
    Litmus {
        name: "4 fetch_add",
        program: || {
            Program::new(
                1,
                vec![
                    vec![fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[0] == o.reads[1],
        verdicts: [never(24), never(24), never(24)],
        source: "RC11, section 3 (atomicity); count: n!",
    },
    Litmus {
        name: "5 fetch_add in 3 threads",
        program: || {
            Program::new(
                1,
                vec![
                    vec![fetch_add(X, 1, RLX), fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX), fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.finals != [5],
        verdicts: [never(30), never(30), never(30)],
        source: "count: 5! / (2! 2!)",
    },
    Litmus {
        name: "viktor-relseq",
        program: || {
            Program::new(
                1,
                vec![
                    vec![fetch_add(X, 1, ACQ), fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX), fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, REL)],
                    vec![fetch_add(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.finals != [6],
        verdicts: [never(180), never(180), never(180)],
        source: "GenMC viktor-relseq: 180; count: 6! / (2! 2!)",
    },
    Litmus {
        name: "3 swaps",
        program: || {
            Program::new(
                1,
                vec![
                    vec![swap(X, 1, AR)],
                    vec![swap(X, 2, AR)],
                    vec![swap(X, 3, AR)],
                ],
            )
        },
        outcome: |o| o.finals == [0],
        verdicts: [never(6), never(6), never(6)],
        source: "count: n!",
    },
    Litmus {
        name: "2 cas",
        program: || {
            Program::new(
                1,
                vec![vec![cas(X, 0, 1, AR, ACQ)], vec![cas(X, 0, 2, AR, ACQ)]],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(2), never(2), never(2)],
        source: "RC11, section 3 (atomicity); count: n winners",
    },
    Litmus {
        name: "3 cas",
        program: || {
            Program::new(
                1,
                vec![
                    vec![cas(X, 0, 1, RLX, RLX)],
                    vec![cas(X, 0, 2, RLX, RLX)],
                    vec![cas(X, 0, 3, RLX, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[0] == [2] && o.reads[1] == [3],
        verdicts: [never(3), never(3), never(3)],
        source: "count: n winners, from whom all others read",
    },
    Litmus {
        name: "cas chain",
        program: || {
            Program::new(
                1,
                vec![vec![cas(X, 0, 1, RLX, RLX)], vec![cas(X, 1, 2, RLX, RLX)]],
            )
        },
        outcome: |o| o.finals == [2],
        verdicts: [sometimes(2), sometimes(2), sometimes(2)],
        source: "count: the second comes second, or fails on the initial write",
    },
    Litmus {
        name: "cas fails late",
        program: || Program::new(1, vec![vec![store(X, 1, RLX), cas(X, 0, 2, RLX, RLX)]]),
        outcome: |o| o.reads[0] == [0],
        verdicts: [never(1), never(1), never(1)],
        source: "RC11, section 3 (coherence): a failed compare-exchange is a read",
    },
    Litmus {
        name: "store between",
        program: || Program::new(1, vec![vec![fetch_add(X, 1, RLX)], vec![store(X, 5, RLX)]]),
        outcome: |o| o.reads[0] == [0] && o.finals == [1],
        verdicts: [never(2), never(2), never(2)],
        source: "RC11, section 3 (atomicity)",
    },
    Litmus {
        name: "two stores between",
        program: || {
            Program::new(
                1,
                vec![
                    vec![fetch_add(X, 1, RLX)],
                    vec![store(X, 5, RLX)],
                    vec![store(X, 9, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[0] == [5] && o.finals == [6],
        verdicts: [sometimes(6), sometimes(6), sometimes(6)],
        source: "count: 3!, the add is one write of three",
    },
    Litmus {
        name: "rmw and reader",
        program: || {
            Program::new(
                1,
                vec![
                    vec![fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX)],
                    vec![load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [1],
        verdicts: [sometimes(6), sometimes(6), sometimes(6)],
        source: "count: n! (n + 1)^k",
    },
    Litmus {
        name: "ticket",
        program: || {
            Program::new(
                2,
                vec![
                    vec![fetch_add(X, 1, RLX), store_loaded(Y, 0, 0, RLX)],
                    vec![fetch_add(X, 1, RLX), store_loaded(Y, 0, 0, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [1]] && o.finals[1] == 0,
        verdicts: [sometimes(4), sometimes(4), sometimes(4)],
        source: "count: 2! tickets, 2! orders of the stores, which no model orders",
    },
    Litmus {
        name: "ticket+rel",
        program: || {
            Program::new(
                2,
                vec![
                    vec![fetch_add(X, 1, RLX), store(Y, 1, RLX), fetch_add(X, 1, REL)],
                    vec![fetch_add(X, 1, ACQ), store(Y, 2, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [2] && o.finals[1] == 1,
        verdicts: [never(5), never(5), never(5)],
        source: "RC11, section 3: the third ticket comes after the store of the first thread; count: 2 + 2 + 1",
    },
    Litmus {
        name: "ticket+rlx",
        program: || {
            Program::new(
                2,
                vec![
                    vec![fetch_add(X, 1, RLX), store(Y, 1, RLX), fetch_add(X, 1, RLX)],
                    vec![fetch_add(X, 1, RLX), store(Y, 2, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [2] && o.finals[1] == 1,
        verdicts: [never(5), never(5), sometimes(6)],
        source: "RC11, section 3: relaxed read-modify-writes do not synchronise; count: 3 tickets, 2 orders",
    },
    Litmus {
        name: "IRIW+rmws",
        program: || {
            Program::new(
                2,
                vec![
                    vec![fetch_add(X, 1, RLX)],
                    vec![fetch_add(Y, 1, RLX)],
                    vec![fetch_add(X, 0, RLX), fetch_add(Y, 0, RLX)],
                    vec![fetch_add(Y, 0, RLX), fetch_add(X, 0, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2..] == [[1, 0], [1, 0]],
        verdicts: [never(27), never(27), never(27)],
        source: "RC11, section 3 (no thin air): at a word of read-modify-writes co is rf; count: 36 less 9 cycles",
    },
    Litmus {
        name: "MP+rmws",
        program: || {
            Program::new(
                2,
                vec![
                    vec![fetch_add(X, 1, RLX), fetch_add(Y, 1, RLX)],
                    vec![fetch_add(Y, 0, RLX), fetch_add(X, 0, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (no thin air): at a word of read-modify-writes co is rf",
    },
    Litmus {
        name: "MP+ar rmws",
        program: || {
            Program::new(
                2,
                vec![
                    vec![fetch_add(X, 1, RLX), fetch_add(Y, 1, AR)],
                    vec![fetch_add(Y, 0, AR), fetch_add(X, 0, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "C++20 [intro.races]",
    },
    Litmus {
        name: "MP+ar rmws, other way",
        program: || {
            Program::new(
                2,
                vec![
                    vec![fetch_add(X, 1, RLX), fetch_add(Y, 1, AR)],
                    vec![fetch_add(Y, 0, AR), fetch_add(X, 0, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0, 0], [0, 0]],
        verdicts: [sometimes(3), sometimes(3), sometimes(3)],
        source: "count: as MP+rel+acq, and the adds to x are ordered by rf",
    },
];
