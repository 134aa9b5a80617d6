//! Propagation: three threads and more, and whether they agree on what happened.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, AR, REL, RLX, SC, X, Y, Z, fence, load, store, store_loaded};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "IRIW",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(Y, 1, RLX)],
                    vec![load(X, RLX), load(Y, RLX)],
                    vec![load(Y, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2..] == [[1, 0], [1, 0]],
        verdicts: [never(15), never(15), sometimes(16)],
        source: "Cats, section 3 (IRIW); TSO: stores are multi-copy atomic",
    },
    Litmus {
        name: "IRIW+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, REL)],
                    vec![store(Y, 1, REL)],
                    vec![load(X, ACQ), load(Y, ACQ)],
                    vec![load(Y, ACQ), load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads[2..] == [[1, 0], [1, 0]],
        verdicts: [never(15), never(15), sometimes(16)],
        source: "RC11, section 1: release and acquire are not multi-copy atomic",
    },
    Litmus {
        name: "IRIW+sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC)],
                    vec![store(Y, 1, SC)],
                    vec![load(X, SC), load(Y, SC)],
                    vec![load(Y, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[2..] == [[1, 0], [1, 0]],
        verdicts: [never(15), never(15), never(15)],
        source: "RC11, section 1",
    },
    Litmus {
        name: "IRIW+sc reads",
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
        outcome: |o| o.reads[2..] == [[1, 0], [1, 0]],
        verdicts: [never(15), never(15), sometimes(16)],
        source: "RC11, section 3 (psc): the writes must be sc too",
    },
    Litmus {
        name: "IRIW-acq-sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC)],
                    vec![store(Y, 1, SC)],
                    vec![load(X, ACQ), load(Y, SC)],
                    vec![load(Y, ACQ), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[2..] == [[1, 0], [1, 0]],
        verdicts: [never(15), never(15), sometimes(16)],
        source: "RC11, figure 1 (IRIW-acq-sc): allowed, which C++11 got wrong for Power",
    },
    Litmus {
        name: "IRIW+scfs",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(Y, 1, RLX)],
                    vec![load(X, RLX), fence(SC), load(Y, RLX)],
                    vec![load(Y, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2..] == [[1, 0], [1, 0]],
        verdicts: [never(15), never(15), never(15)],
        source: "RC11, section 3 (psc_F)",
    },
    Litmus {
        name: "IRIW+scf+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(Y, 1, RLX)],
                    vec![load(X, RLX), fence(SC), load(Y, RLX)],
                    vec![load(Y, ACQ), load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads[2..] == [[1, 0], [1, 0]],
        verdicts: [never(15), never(15), sometimes(16)],
        source: "RC11, section 3 (psc_F): one fence is not enough",
    },
    Litmus {
        name: "IRIWish",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), store_loaded(Y, 0, 0, REL)],
                    vec![load(X, RLX), fence(AR), load(Y, RLX)],
                    vec![load(Y, RLX), fence(AR), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [vec![], vec![1], vec![1, 0], vec![1, 0]],
        verdicts: [never(27), never(27), never(28)],
        source: "GenMC IRIWish: 27 under SC; RC11: one more, in which y is 0 from either write",
    },
    Litmus {
        name: "WRC",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), store(Y, 1, RLX)],
                    vec![load(Y, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), sometimes(8)],
        source: "Cats, section 3 (WRC)",
    },
    Litmus {
        name: "WRC+rel+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), store(Y, 1, REL)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 3: hb;eco is irreflexive, also with rf from x",
    },
    Litmus {
        name: "WRC+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), store(Y, 1, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), sometimes(8)],
        source: "RC11, section 3: no release, no sw",
    },
    Litmus {
        name: "WRC+data",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), store_loaded(Y, 0, 0, RLX)],
                    vec![load(Y, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), sometimes(8)],
        source: "RC11, section 3: dependencies order nothing",
    },
    Litmus {
        name: "ISA2",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![load(Y, RLX), store(Z, 1, RLX)],
                    vec![load(Z, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), sometimes(8)],
        source: "Cats, section 3 (ISA2)",
    },
    Litmus {
        name: "ISA2+rel+acq",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![load(Y, ACQ), store(Z, 1, REL)],
                    vec![load(Z, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 3: hb is transitive",
    },
    Litmus {
        name: "ISA2+rlx middle",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![load(Y, RLX), store(Z, 1, REL)],
                    vec![load(Z, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), sometimes(8)],
        source: "RC11, section 3: the chain is broken",
    },
    Litmus {
        name: "ISA2+fences",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), fence(REL), store(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(AR), store(Z, 1, RLX)],
                    vec![load(Z, RLX), fence(ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [1, 0],
        verdicts: [never(7), never(7), never(7)],
        source: "C++20 [atomics.fences]",
    },
];
