//! Release sequences: who still synchronises when the message is overwritten.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, AR, REL, RLX, X, Y, cas, fence, fetch_add, load, store, swap};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "MP+rels+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL), store(Y, 2, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [2, 0],
        verdicts: [never(4), never(4), sometimes(5)],
        source: "C++20 (P0982R1): a plain store by the same thread ends the release sequence; C++11 had it go on",
    },
    Litmus {
        name: "MP+rels+acq, head",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL), store(Y, 2, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(4), never(4), never(5)],
        source: "RC11, section 3: the head itself still synchronises",
    },
    Litmus {
        name: "MP+relf+rels+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![
                        store(X, 1, RLX),
                        fence(REL),
                        store(Y, 1, RLX),
                        store(Y, 2, RLX),
                    ],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [2, 0],
        verdicts: [never(4), never(4), never(4)],
        source: "C++20 [atomics.fences]: the fence releases by every later store",
    },
    Litmus {
        name: "MP+rel-own rmw+acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL), fetch_add(Y, 1, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [2, 0],
        verdicts: [never(4), never(4), never(4)],
        source: "C++20 [intro.races]: a relaxed read-modify-write continues the sequence",
    },
    Litmus {
        name: "MP+rel-rmw-acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![fetch_add(Y, 1, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [2, 0],
        verdicts: [never(9), never(9), never(9)],
        source: "C++20 [intro.races]; RC11, section 3: (rf; rmw)*; GenMC MPU+rel+acq",
    },
    Litmus {
        name: "MP+rel-swap-acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![swap(Y, 2, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [2, 0],
        verdicts: [never(9), never(9), never(9)],
        source: "C++20 [intro.races]: an exchange continues the sequence",
    },
    Litmus {
        name: "MP+rel-cas-acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![cas(Y, 1, 2, RLX, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [2, 0],
        verdicts: [never(7), never(7), never(7)],
        source: "C++20 [intro.races]: a compare-exchange that succeeds continues the sequence",
    },
    Litmus {
        name: "MP+relf-rmw-acqf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(REL), store(Y, 1, RLX)],
                    vec![fetch_add(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [2, 0],
        verdicts: [never(9), never(9), never(9)],
        source: "C++20 [atomics.fences]; GenMC MPU+relf+acqf",
    },
    Litmus {
        name: "MP+rlx-rel rmw-acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![fetch_add(Y, 1, REL)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [2, 0],
        verdicts: [never(9), never(9), sometimes(12)],
        source: "RC11, section 3: the relaxed store heads no release sequence, and the add releases only its own past",
    },
    Litmus {
        name: "MP+rel-ar rmw-rlx",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![fetch_add(Y, 1, AR)],
                    vec![load(Y, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1] && o.reads[2] == [2, 0],
        verdicts: [never(9), never(9), sometimes(12)],
        source: "C++20 [atomics.order]: it takes both sides",
    },
    Litmus {
        name: "MP+rel-store-acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![store(Y, 2, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [2, 0] && o.finals[1] == 2,
        verdicts: [never(9), never(9), sometimes(10)],
        source: "C++20 [intro.races]: a store of another thread ends the sequence",
    },
    Litmus {
        name: "MP+rel-rmw-rmw-acq",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![fetch_add(Y, 1, RLX)],
                    vec![fetch_add(Y, 1, RLX)],
                    vec![load(Y, ACQ), load(X, RLX)],
                ],
            )
        },
        outcome: |o| {
            o.finals[1] == 3 && o.reads[1] != [0] && o.reads[2] != [0] && o.reads[3] == [3, 0]
        },
        verdicts: [never(36), never(36), never(36)],
        source: "RC11, section 3: (rf; rmw)* is a closure; count: 2 (5 + 6 + 7) by the place of the store",
    },
];
