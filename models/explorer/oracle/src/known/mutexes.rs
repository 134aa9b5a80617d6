//! Mutexes: orders of critical sections, and what they order.

use super::{Litmus, never, sometimes};
use crate::notation::{RLX, X, Y, load, store, store_loaded};
use crate::program::Instr::{Lock, Unlock};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "2 sections",
        program: || {
            Program::with_locks(
                0,
                1,
                0,
                vec![vec![Lock(0), Unlock(0)], vec![Lock(0), Unlock(0)]],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(2), never(2), never(2)],
        source: "count: n! orders of critical sections",
    },
    Litmus {
        name: "3 sections",
        program: || {
            Program::with_locks(
                0,
                1,
                0,
                vec![
                    vec![Lock(0), Unlock(0)],
                    vec![Lock(0), Unlock(0)],
                    vec![Lock(0), Unlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(6), never(6), never(6)],
        source: "count: n! orders of critical sections",
    },
    Litmus {
        name: "4 sections",
        program: || {
            Program::with_locks(
                0,
                1,
                0,
                vec![
                    vec![Lock(0), Unlock(0)],
                    vec![Lock(0), Unlock(0)],
                    vec![Lock(0), Unlock(0)],
                    vec![Lock(0), Unlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(24), never(24), never(24)],
        source: "count: n! orders of critical sections",
    },
    Litmus {
        name: "2 sections each",
        program: || {
            Program::with_locks(
                0,
                1,
                0,
                vec![
                    vec![Lock(0), Unlock(0), Lock(0), Unlock(0)],
                    vec![Lock(0), Unlock(0), Lock(0), Unlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(6), never(6), never(6)],
        source: "count: C(4, 2) merges",
    },
    Litmus {
        name: "two mutexes",
        program: || {
            Program::with_locks(
                0,
                2,
                0,
                vec![
                    vec![Lock(0), Unlock(0), Lock(1), Unlock(1)],
                    vec![Lock(0), Unlock(0), Lock(1), Unlock(1)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(4), never(4), never(4)],
        source: "count: 2! 2!",
    },
    Litmus {
        name: "two mutexes crossed",
        program: || {
            Program::with_locks(
                0,
                2,
                0,
                vec![
                    vec![Lock(0), Unlock(0), Lock(1), Unlock(1)],
                    vec![Lock(1), Unlock(1), Lock(0), Unlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(3), never(3), never(3)],
        source: "count: 2! 2! less the cycle",
    },
    Litmus {
        name: "counter",
        program: || {
            Program::with_locks(
                1,
                1,
                0,
                vec![
                    vec![Lock(0), load(X, RLX), store_loaded(X, 0, 1, RLX), Unlock(0)],
                    vec![Lock(0), load(X, RLX), store_loaded(X, 0, 1, RLX), Unlock(0)],
                ],
            )
        },
        outcome: |o| o.finals != [2],
        verdicts: [never(2), never(2), never(2)],
        source: "C++20 [thread.mutex]; count: n!",
    },
    Litmus {
        name: "counter of 3",
        program: || {
            Program::with_locks(
                1,
                1,
                0,
                vec![
                    vec![Lock(0), load(X, RLX), store_loaded(X, 0, 1, RLX), Unlock(0)],
                    vec![Lock(0), load(X, RLX), store_loaded(X, 0, 1, RLX), Unlock(0)],
                    vec![Lock(0), load(X, RLX), store_loaded(X, 0, 1, RLX), Unlock(0)],
                ],
            )
        },
        outcome: |o| o.finals != [3],
        verdicts: [never(6), never(6), never(6)],
        source: "C++20 [thread.mutex]; count: n!",
    },
    Litmus {
        name: "SB+locks",
        program: || {
            Program::with_locks(
                2,
                1,
                0,
                vec![
                    vec![Lock(0), store(X, 1, RLX), load(Y, RLX), Unlock(0)],
                    vec![Lock(0), store(Y, 1, RLX), load(X, RLX), Unlock(0)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(2), never(2), never(2)],
        source: "C++20 [thread.mutex]; count: n!",
    },
    Litmus {
        name: "SB+other locks",
        program: || {
            Program::with_locks(
                2,
                2,
                0,
                vec![
                    vec![Lock(0), store(X, 1, RLX), Unlock(0), load(Y, RLX)],
                    vec![Lock(1), store(Y, 1, RLX), Unlock(1), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "RC11, section 3: an unlock is a release and no fence",
    },
    Litmus {
        name: "SB+one lock",
        program: || {
            Program::with_locks(
                2,
                1,
                0,
                vec![
                    vec![store(X, 1, RLX), Lock(0), Unlock(0), load(Y, RLX)],
                    vec![store(Y, 1, RLX), Lock(0), Unlock(0), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(4), never(4), never(4)],
        source: "C++20 [thread.mutex]: who comes second sees all",
    },
    Litmus {
        name: "MP+lock",
        program: || {
            Program::with_locks(
                2,
                1,
                0,
                vec![
                    vec![store(X, 1, RLX), Lock(0), store(Y, 1, RLX), Unlock(0)],
                    vec![Lock(0), load(Y, RLX), Unlock(0), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "C++20 [thread.mutex]",
    },
];
