//! Fences: what only a fence restores, and which one it takes.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, AR, REL, RLX, SC, X, Y, Z, cas, fence, fetch_add, load, store};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "SB+scfs",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), load(Y, RLX)],
                    vec![store(Y, 1, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (psc_F); TSO, section 1",
    },
    Litmus {
        name: "SB+scf+rlx",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), load(Y, RLX)],
                    vec![store(Y, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "TSO, section 1: one side is not enough",
    },
    Litmus {
        name: "SB+arfs",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(AR), load(Y, RLX)],
                    vec![store(Y, 1, RLX), fence(AR), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "C++20 [atomics.fences]: only sc fences order a store and a load",
    },
    Litmus {
        name: "SB+scf+sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), load(Y, RLX)],
                    vec![store(Y, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (psc_base): a fence on one side, sc accesses on the other",
    },
    Litmus {
        name: "SB+scf+rel+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), load(Y, RLX)],
                    vec![store(Y, 1, REL), load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "RC11, section 3",
    },
    Litmus {
        name: "SB+scf before",
        program: || {
            Program::new(
                2,
                vec![
                    vec![fence(SC), store(X, 1, RLX), load(Y, RLX)],
                    vec![fence(SC), store(Y, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "RC11, section 3: the fences stand in the wrong place",
    },
    Litmus {
        name: "R+scfs",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), store(Y, 1, RLX)],
                    vec![store(Y, 2, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [0] && o.finals[1] == 2,
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (psc_F)",
    },
    Litmus {
        name: "R+scf second",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![store(Y, 2, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [0] && o.finals[1] == 2,
        verdicts: [never(3), never(3), sometimes(4)],
        source: "TSO: stores are in order; RC11: one fence is not enough",
    },
    Litmus {
        name: "2+2W+scfs",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), store(Y, 2, RLX)],
                    vec![store(Y, 1, RLX), fence(SC), store(X, 2, RLX)],
                ],
            )
        },
        outcome: |o| o.finals == [1, 1],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (psc_F)",
    },
    Litmus {
        name: "2+2W+2sc+scf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), store(Y, 2, SC)],
                    vec![store(Y, 1, RLX), fence(SC), store(X, 2, RLX)],
                ],
            )
        },
        outcome: |o| o.finals == [1, 1],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (psc_base); GenMC 2+2W+2sc+scf",
    },
    Litmus {
        name: "2+2W+relfs",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(REL), store(Y, 2, RLX)],
                    vec![store(Y, 1, RLX), fence(REL), store(X, 2, RLX)],
                ],
            )
        },
        outcome: |o| o.finals == [1, 1],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "C++20 [atomics.fences]: co is not synchronisation",
    },
    Litmus {
        name: "S+relf+acqf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 2, RLX), fence(REL), store(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(ACQ), store(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.finals[0] == 2,
        verdicts: [never(3), never(3), never(3)],
        source: "C++20 [atomics.fences]; GenMC S+relf+acqf",
    },
    Litmus {
        name: "LB+scfs",
        program: || {
            Program::new(
                2,
                vec![
                    vec![load(X, RLX), fence(SC), store(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(SC), store(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[1], [1]],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (no thin air)",
    },
    Litmus {
        name: "WRC+scf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), fence(SC), store(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), never(7)],
        source: "C++20 [atomics.fences]",
    },
    Litmus {
        name: "WRC+relf+rlx",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), fence(REL), store(Y, 1, RLX)],
                    vec![load(Y, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), sometimes(8)],
        source: "C++20 [atomics.fences]: it takes both sides",
    },
    Litmus {
        name: "3.SB+scfs",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), fence(SC), load(Y, RLX)],
                    vec![store(Y, 1, RLX), fence(SC), load(Z, RLX)],
                    vec![store(Z, 1, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0], [0]],
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 4 (sc fences everywhere)",
    },
    Litmus {
        name: "3.SB+2 scfs",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), fence(SC), load(Y, RLX)],
                    vec![store(Y, 1, RLX), fence(SC), load(Z, RLX)],
                    vec![store(Z, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0], [0]],
        verdicts: [never(7), sometimes(8), sometimes(8)],
        source: "TSO, section 1: one side is not enough",
    },
    Litmus {
        name: "SB+cas fence",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), cas(Z, 0, 1, SC, SC), load(Y, RLX)],
                    vec![store(Y, 1, RLX), cas(Z, 0, 2, SC, SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[0][1] == 0 && o.reads[1][1] == 0,
        verdicts: [never(4), never(4), never(4)],
        source: "count: 2 winners, whose x or y the loser sees, but not the other way",
    },
    Litmus {
        name: "SB+failed cas",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), cas(Z, 5, 6, SC, SC), load(Y, RLX)],
                    vec![store(Y, 1, RLX), cas(Z, 5, 6, SC, SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0, 0], [0, 0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "a failed compare-exchange is a read here, which fences nothing (cmpxchg would)",
    },
    Litmus {
        name: "SB+fetch_add fence",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), fetch_add(Z, 1, SC), load(Y, RLX)],
                    vec![store(Y, 1, RLX), fetch_add(Z, 1, SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[0][1] == 0 && o.reads[1][1] == 0,
        verdicts: [never(4), never(4), never(4)],
        source: "TSO: locked instructions drain the buffer; RC11: the adds synchronise one way, hb;eco forbids one of the reads",
    },
    Litmus {
        name: "SB+relaxed fetch_add",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), fetch_add(Z, 1, RLX), load(Y, RLX)],
                    vec![store(Y, 1, RLX), fetch_add(Z, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[0][1] == 0 && o.reads[1][1] == 0,
        verdicts: [never(4), never(4), sometimes(8)],
        source: "TSO: locked instructions drain the buffer; RC11: relaxed ones do not synchronise",
    },
];
