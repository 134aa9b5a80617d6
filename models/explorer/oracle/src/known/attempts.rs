//! Lock attempts that fail or never end: try-lock and deadlock.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, RLX, X, fence, load, store};
use crate::program::Instr::{Lock, TryLock, Unlock};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "deadlock AB BA",
        program: || {
            Program::with_locks(
                0,
                2,
                0,
                vec![
                    vec![Lock(0), Lock(1), Unlock(1), Unlock(0)],
                    vec![Lock(1), Lock(0), Unlock(0), Unlock(1)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [
            never(2).blocked(1),
            never(2).blocked(1),
            never(2).blocked(1),
        ],
        source: "count: two serial orders, one embrace",
    },
    Litmus {
        name: "deadlock of 3",
        program: || {
            Program::with_locks(
                0,
                3,
                0,
                vec![
                    vec![Lock(0), Lock(1), Unlock(1), Unlock(0)],
                    vec![Lock(1), Lock(2), Unlock(2), Unlock(1)],
                    vec![Lock(2), Lock(0), Unlock(0), Unlock(2)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [
            never(6).blocked(1),
            never(6).blocked(1),
            never(6).blocked(1),
        ],
        source: "count: 2^3 orders less two cycles, one of which is the embrace",
    },
    Litmus {
        name: "relock",
        program: || {
            Program::with_locks(0, 1, 0, vec![vec![Lock(0), Lock(0), Unlock(0), Unlock(0)]])
        },
        outcome: |o| !o.reads.is_empty(),
        verdicts: [
            never(0).blocked(1),
            never(0).blocked(1),
            never(0).blocked(1),
        ],
        source: "a mutex is not recursive",
    },
    Litmus {
        name: "never unlocked",
        program: || Program::with_locks(0, 1, 0, vec![vec![Lock(0)], vec![Lock(0)]]),
        outcome: |o| !o.reads.is_empty(),
        verdicts: [
            never(0).blocked(2),
            never(0).blocked(2),
            never(0).blocked(2),
        ],
        source: "count: n winners, all others wait",
    },
    Litmus {
        name: "try both",
        program: || {
            Program::with_locks(
                0,
                1,
                0,
                vec![vec![TryLock(0), Unlock(0)], vec![TryLock(0), Unlock(0)]],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(4), never(4), never(4)],
        source: "count: 2! orders in which both succeed, and one failure on the section of each",
    },
    Litmus {
        name: "try, never unlocked",
        program: || Program::with_locks(0, 1, 0, vec![vec![TryLock(0)], vec![TryLock(0)]]),
        outcome: |o| o.reads == [[1], [1]],
        verdicts: [never(2), never(2), never(2)],
        source: "count: n winners",
    },
    Litmus {
        name: "try own",
        program: || {
            Program::with_locks(
                0,
                1,
                0,
                vec![vec![Lock(0), TryLock(0), Unlock(0), Unlock(0)]],
            )
        },
        outcome: |o| o.reads == [[1]],
        verdicts: [never(1), never(1), never(1)],
        source: "a mutex is not recursive",
    },
    Litmus {
        name: "try does not synchronise",
        program: || {
            Program::with_locks(
                1,
                1,
                0,
                vec![
                    vec![store(X, 1, RLX), Lock(0)],
                    vec![TryLock(0), fence(ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [0, 0],
        verdicts: [
            never(1).blocked(2),
            never(1).blocked(2),
            sometimes(2).blocked(2),
        ],
        source: "C++20 [thread.mutex.requirements]: a failed try_lock is no acquire",
    },
];
