//! Two threads, other shapes: load buffering, S, R, 2+2W.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, REL, RLX, SC, X, Y, Z, fetch_add, load, store, store_loaded};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "LB",
        program: || {
            Program::new(
                2,
                vec![
                    vec![load(X, RLX), store(Y, 1, RLX)],
                    vec![load(Y, RLX), store(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[1], [1]],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (no thin air): po | rf is acyclic; TSO: stores are never early",
    },
    Litmus {
        name: "LB+data",
        program: || {
            Program::new(
                2,
                vec![
                    vec![load(X, RLX), store_loaded(Y, 0, 0, RLX)],
                    vec![load(Y, RLX), store_loaded(X, 0, 0, RLX)],
                ],
            )
        },
        outcome: |o| o.reads != [[0], [0]],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3: no value out of thin air",
    },
    Litmus {
        name: "LB+data+1",
        program: || {
            Program::new(
                2,
                vec![
                    vec![load(X, RLX), store_loaded(Y, 0, 1, RLX)],
                    vec![load(Y, RLX), store_loaded(X, 0, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[1], [0]],
        verdicts: [sometimes(3), sometimes(3), sometimes(3)],
        source: "count: as LB; the value read is carried on",
    },
    Litmus {
        name: "LB+data+1 finals",
        program: || {
            Program::new(
                2,
                vec![
                    vec![load(X, RLX), store_loaded(Y, 0, 1, RLX)],
                    vec![load(Y, RLX), store_loaded(X, 0, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.finals == [2, 1],
        verdicts: [sometimes(3), sometimes(3), sometimes(3)],
        source: "count: as LB; the value read is carried on",
    },
    Litmus {
        name: "LB+rmws",
        program: || {
            Program::new(
                2,
                vec![
                    vec![fetch_add(X, 1, RLX), store(Y, 1, RLX)],
                    vec![fetch_add(Y, 1, RLX), store(X, 2, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[2], [1]],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (no thin air); count: as LB, co is given by rf",
    },
    Litmus {
        name: "3.LB",
        program: || {
            Program::new(
                3,
                vec![
                    vec![load(X, RLX), store(Y, 1, RLX)],
                    vec![load(Y, RLX), store(Z, 1, RLX)],
                    vec![load(Z, RLX), store(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[1], [1], [1]],
        verdicts: [never(7), never(7), never(7)],
        source: "Cats, section 3; count: 2^3 less the cycle",
    },
    Litmus {
        name: "S",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 2, RLX), store(Y, 1, RLX)],
                    vec![load(Y, RLX), store(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.finals[0] == 2,
        verdicts: [never(3), never(3), sometimes(4)],
        source: "Cats, section 3 (S); RC11: relaxed accesses do not synchronise",
    },
    Litmus {
        name: "S+rel+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 2, RLX), store(Y, 1, REL)],
                    vec![load(Y, ACQ), store(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.finals[0] == 2,
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (coherence, hb;eco); GenMC S+rel+acq",
    },
    Litmus {
        name: "S+rel+rlx",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 2, RLX), store(Y, 1, REL)],
                    vec![load(Y, RLX), store(X, 1, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.finals[0] == 2,
        verdicts: [never(3), never(3), sometimes(4)],
        source: "RC11, section 3: no acquire, no sw",
    },
    Litmus {
        name: "R",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![store(Y, 2, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [0] && o.finals[1] == 2,
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "Cats, section 3 (R)",
    },
    Litmus {
        name: "R+sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), store(Y, 1, SC)],
                    vec![store(Y, 2, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [0] && o.finals[1] == 2,
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 4 (DRF)",
    },
    Litmus {
        name: "R+rel+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, REL), store(Y, 1, REL)],
                    vec![store(Y, 2, REL), load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [0] && o.finals[1] == 2,
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "RC11, section 3: co is not synchronisation",
    },
    Litmus {
        name: "2+2W",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 2, RLX)],
                    vec![store(Y, 1, RLX), store(X, 2, RLX)],
                ],
            )
        },
        outcome: |o| o.finals == [1, 1],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "RC11, section 3; Cats, section 3 (2+2W); TSO: stores are in order",
    },
    Litmus {
        name: "2+2W+rel",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, REL), store(Y, 2, REL)],
                    vec![store(Y, 1, REL), store(X, 2, REL)],
                ],
            )
        },
        outcome: |o| o.finals == [1, 1],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "RC11, section 3: co is not synchronisation",
    },
    Litmus {
        name: "2+2W+3sc+rel",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), store(Y, 2, SC)],
                    vec![store(Y, 1, SC), store(X, 2, REL)],
                ],
            )
        },
        outcome: |o| o.finals == [1, 1],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "RC11, section 3 (psc): all four must be sc; GenMC 2+2W+3sc+rel",
    },
    Litmus {
        name: "2+2W+4sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), store(Y, 2, SC)],
                    vec![store(Y, 1, SC), store(X, 2, SC)],
                ],
            )
        },
        outcome: |o| o.finals == [1, 1],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (psc)",
    },
];
