//! Message passing: it takes a release and an acquire.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, AR, REL, RLX, SC, X, Y, Z, fence, load, store, store_loaded};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "MP",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![load(Y, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "RC11, section 1; Cats, section 3 (MP)",
    },
    Litmus {
        name: "MP+rel+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 1",
    },
    Litmus {
        name: "MP+rel+rlx",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![load(Y, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "C++20 [atomics.order]: it takes both sides",
    },
    Litmus {
        name: "MP+rlx+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "C++20 [atomics.order]: it takes both sides",
    },
    Litmus {
        name: "MP+sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), store(Y, 1, SC)],
                    vec![load(Y, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 4 (DRF)",
    },
    Litmus {
        name: "MP+acq store, rel load order",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, REL), store(Y, 1, RLX)],
                    vec![load(Y, RLX), load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "C++20 [atomics.order]: release and acquire on the wrong accesses",
    },
    Litmus {
        name: "MP+relf+acqf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(REL), store(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "C++20 [atomics.fences]; GenMC MP+relf+acqf",
    },
    Litmus {
        name: "MP+relf+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(REL), store(Y, 1, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "C++20 [atomics.fences]; GenMC MP+relf+acq",
    },
    Litmus {
        name: "MP+rel+acqf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![load(Y, RLX), fence(ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "C++20 [atomics.fences]; GenMC MP+rel+acqf",
    },
    Litmus {
        name: "MP+arf+arf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(AR), store(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(AR), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "C++20 [atomics.fences]",
    },
    Litmus {
        name: "MP+scf+scf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), store(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "C++20 [atomics.fences]: an sc fence is a release and acquire fence",
    },
    Litmus {
        name: "MP+scf+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), store(Y, 1, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "C++20 [atomics.fences]",
    },
    Litmus {
        name: "MP+scf+rlx",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), store(Y, 1, RLX)],
                    vec![load(Y, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "C++20 [atomics.fences]: it takes both sides",
    },
    Litmus {
        name: "MP+acqf+relf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(ACQ), store(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(REL), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "C++20 [atomics.fences]: fences the wrong way round",
    },
    Litmus {
        name: "MP+relf after+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX), fence(REL)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "C++20 [atomics.fences]: a release fence orders what comes before it",
    },
    Litmus {
        name: "MP+data",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![load(Y, RLX), store_loaded(Z, 0, 0, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "RC11, section 3: dependencies order nothing",
    },
];
