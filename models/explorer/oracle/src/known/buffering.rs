//! Store buffering: may a load overtake a store?

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, REL, RLX, SC, X, Y, Z, load, store, swap};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "SB",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), load(Y, RLX)],
                    vec![store(Y, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "TSO, section 1; RC11, section 1",
    },
    Litmus {
        name: "SB+rel+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, REL), load(Y, ACQ)],
                    vec![store(Y, 1, REL), load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "RC11, section 1: release and acquire do not order a store and a load",
    },
    Litmus {
        name: "SB+4sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), load(Y, SC)],
                    vec![store(Y, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 1",
    },
    Litmus {
        name: "SB+3sc+rel",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, REL), load(Y, SC)],
                    vec![store(Y, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "RC11, section 3 (psc): all four must be sc; GenMC SB+3sc+rel",
    },
    Litmus {
        name: "SB+3sc+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), load(Y, ACQ)],
                    vec![store(Y, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "RC11, section 3 (psc); GenMC SB+3sc+acq. TSO: the fence stands behind the store",
    },
    Litmus {
        name: "SB+sc stores",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), load(Y, RLX)],
                    vec![store(Y, 1, SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0]],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "RC11, section 3 (psc). TSO: the fence stands behind the store",
    },
    Litmus {
        name: "SB+swaps",
        program: || {
            Program::new(
                2,
                vec![
                    vec![swap(X, 1, RLX), load(Y, RLX)],
                    vec![swap(Y, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0, 0], [0, 0]],
        verdicts: [never(3), never(3), sometimes(4)],
        source: "TSO, section 1: locked instructions drain the buffer; RC11: relaxed ones do not",
    },
    Litmus {
        name: "SB+sc swaps",
        program: || {
            Program::new(
                2,
                vec![
                    vec![swap(X, 1, SC), load(Y, SC)],
                    vec![swap(Y, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads == [[0, 0], [0, 0]],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (psc)",
    },
    Litmus {
        name: "SB+one swap",
        program: || {
            Program::new(
                2,
                vec![
                    vec![swap(X, 1, RLX), load(Y, RLX)],
                    vec![store(Y, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[0] == [0, 0] && o.reads[1] == [0],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "TSO, section 1: one side is not enough",
    },
    Litmus {
        name: "SB+forward",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), load(X, RLX), load(Y, RLX)],
                    vec![store(Y, 1, RLX), load(Y, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[1, 0], [1, 0]],
        verdicts: [never(3), sometimes(4), sometimes(4)],
        source: "TSO, example n4/n5 (loads see the own buffer); Cats, SB+rfi-pos",
    },
    Litmus {
        name: "3.SB",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), load(Y, RLX)],
                    vec![store(Y, 1, RLX), load(Z, RLX)],
                    vec![store(Z, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0], [0]],
        verdicts: [never(7), sometimes(8), sometimes(8)],
        source: "Cats, section 3; count: 2^3, all but one of them SC",
    },
    Litmus {
        name: "3.SB+sc",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, SC), load(Y, SC)],
                    vec![store(Y, 1, SC), load(Z, SC)],
                    vec![store(Z, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads == [[0], [0], [0]],
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 4 (DRF)",
    },
];
