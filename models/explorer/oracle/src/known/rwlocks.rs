//! Read-write locks: readers are not ordered among themselves.

use super::{Litmus, never, sometimes};
use crate::notation::{RLX, X, Y, load, store};
use crate::program::Instr::{CellRead, CellWrite, ReadLock, ReadUnlock, WriteLock, WriteUnlock};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "1 writers, 1 rlocks",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![
                    vec![WriteLock(0), WriteUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(2), never(2), never(2)],
        source: "count: n! (n + 1)^k for n writers and k readers",
    },
    Litmus {
        name: "1 writers, 2 rlocks",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![
                    vec![WriteLock(0), WriteUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(4), never(4), never(4)],
        source: "count: n! (n + 1)^k for n writers and k readers",
    },
    Litmus {
        name: "1 writers, 3 rlocks",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![
                    vec![WriteLock(0), WriteUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(8), never(8), never(8)],
        source: "count: n! (n + 1)^k for n writers and k readers",
    },
    Litmus {
        name: "2 writers, 1 rlocks",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![
                    vec![WriteLock(0), WriteUnlock(0)],
                    vec![WriteLock(0), WriteUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(6), never(6), never(6)],
        source: "count: n! (n + 1)^k for n writers and k readers",
    },
    Litmus {
        name: "2 writers, 2 rlocks",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![
                    vec![WriteLock(0), WriteUnlock(0)],
                    vec![WriteLock(0), WriteUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(18), never(18), never(18)],
        source: "count: n! (n + 1)^k for n writers and k readers",
    },
    Litmus {
        name: "0 writers, 3 rlocks",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![
                    vec![ReadLock(0), ReadUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                    vec![ReadLock(0), ReadUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(1), never(1), never(1)],
        source: "count: n! (n + 1)^k for n writers and k readers",
    },
    Litmus {
        name: "3 writers, 0 rlocks",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![
                    vec![WriteLock(0), WriteUnlock(0)],
                    vec![WriteLock(0), WriteUnlock(0)],
                    vec![WriteLock(0), WriteUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(6), never(6), never(6)],
        source: "count: n! (n + 1)^k for n writers and k readers",
    },
    Litmus {
        name: "rwlock cell",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![
                    vec![WriteLock(0), CellWrite(0), WriteUnlock(0)],
                    vec![ReadLock(0), CellRead(0), ReadUnlock(0)],
                    vec![ReadLock(0), CellRead(0), ReadUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(4), never(4), never(4)],
        source: "C++20 [thread.sharedmutex]: no race; count: n! (n + 1)^k for n writers and k readers",
    },
    Litmus {
        name: "readers write",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![
                    vec![ReadLock(0), CellWrite(0), ReadUnlock(0)],
                    vec![ReadLock(0), CellRead(0), ReadUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads.is_empty(),
        verdicts: [never(1).racy(1), never(1).racy(1), never(1).racy(1)],
        source: "readers are not ordered",
    },
    Litmus {
        name: "MP+rwlock",
        program: || {
            Program::with_locks(
                2,
                0,
                1,
                vec![
                    vec![
                        WriteLock(0),
                        store(X, 1, RLX),
                        store(Y, 1, RLX),
                        WriteUnlock(0),
                    ],
                    vec![ReadLock(0), load(Y, RLX), load(X, RLX), ReadUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(2), never(2), never(2)],
        source: "C++20 [thread.sharedmutex]",
    },
    Litmus {
        name: "reader, then writer",
        program: || {
            Program::with_locks(
                1,
                0,
                1,
                vec![
                    vec![ReadLock(0), load(X, RLX), ReadUnlock(0)],
                    vec![WriteLock(0), store(X, 1, RLX), WriteUnlock(0)],
                ],
            )
        },
        outcome: |o| o.reads[0] == [1],
        verdicts: [sometimes(2), sometimes(2), sometimes(2)],
        source: "count: n! (n + 1)^k for n writers and k readers",
    },
    Litmus {
        name: "upgrade",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![vec![
                    ReadLock(0),
                    WriteLock(0),
                    WriteUnlock(0),
                    ReadUnlock(0),
                ]],
            )
        },
        outcome: |o| !o.reads.is_empty(),
        verdicts: [
            never(0).blocked(1),
            never(0).blocked(1),
            never(0).blocked(1),
        ],
        source: "a reader cannot become a writer",
    },
    Litmus {
        name: "downgrade",
        program: || {
            Program::with_locks(
                0,
                0,
                1,
                vec![vec![
                    WriteLock(0),
                    ReadLock(0),
                    ReadUnlock(0),
                    WriteUnlock(0),
                ]],
            )
        },
        outcome: |o| !o.reads.is_empty(),
        verdicts: [
            never(0).blocked(1),
            never(0).blocked(1),
            never(0).blocked(1),
        ],
        source: "a writer cannot become a reader",
    },
];
