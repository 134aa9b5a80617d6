//! Longer cycles through reads-from, coherence and from-reads: RWC, Z6 and relatives.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, REL, RLX, SC, X, Y, Z, fence, fetch_add, load, store};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "RWC",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), load(Y, RLX)],
                    vec![store(Y, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0] && o.reads[2] == [0],
        verdicts: [never(7), sometimes(8), sometimes(8)],
        source: "Cats, section 3 (RWC); TSO: the third thread is half of SB",
    },
    Litmus {
        name: "RWC+sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC)],
                    vec![load(X, SC), load(Y, SC)],
                    vec![store(Y, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0] && o.reads[2] == [0],
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 4 (DRF)",
    },
    Litmus {
        name: "RWC+scfs",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), fence(SC), load(Y, RLX)],
                    vec![store(Y, 1, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0] && o.reads[2] == [0],
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 2.2 (RWC+syncs): forbidden, which C++11 allowed; GenMC RWC+syncs",
    },
    Litmus {
        name: "RWC+acq+scf",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, ACQ), load(Y, ACQ)],
                    vec![store(Y, 1, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0] && o.reads[2] == [0],
        verdicts: [never(7), never(7), sometimes(8)],
        source: "RC11, section 3 (psc_F): one fence is not enough",
    },
    Litmus {
        name: "W+RWC",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![load(Y, RLX), load(Z, RLX)],
                    vec![store(Z, 1, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0] && o.reads[2] == [0],
        verdicts: [never(7), sometimes(8), sometimes(8)],
        source: "Cats, section 3 (W+RWC); TSO: the third thread is half of SB",
    },
    Litmus {
        name: "W+RWC+scfs",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![load(Y, ACQ), fence(SC), load(Z, RLX)],
                    vec![store(Z, 1, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0] && o.reads[2] == [0],
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 3 (psc_F)",
    },
    Litmus {
        name: "W+RWC+sc",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![load(Y, ACQ), load(Z, SC)],
                    vec![store(Z, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0] && o.reads[2] == [0],
        verdicts: [never(7), never(7), sometimes(8)],
        source: "RC11, section 3 (psc): x is written by no sc access, hb into R z is not scb",
    },
    Litmus {
        name: "W+RWC+sc, x too",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, SC), store(Y, 1, REL)],
                    vec![load(Y, ACQ), load(Z, SC)],
                    vec![store(Z, 1, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 0] && o.reads[2] == [0],
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 3 (psc): po;hb;po between sc accesses is scb",
    },
    Litmus {
        name: "Z6.U",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), store(Y, 1, REL)],
                    vec![fetch_add(Y, 1, SC), load(Y, RLX)],
                    vec![store(Y, 3, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 3] && o.reads[2] == [0],
        verdicts: [never(18), never(18), sometimes(24)],
        source: "RC11, figure 1 (Z6.U): allowed, which C++11 got wrong for Power; GenMC Z6.U: 18 under SC; count: 4 + 2 + 2 + 4 + 6 + 6 by co of y",
    },
    Litmus {
        name: "Z6.U+sc",
        program: || {
            Program::new(
                2,
                vec![
                    vec![store(X, 1, SC), store(Y, 1, SC)],
                    vec![fetch_add(Y, 1, SC), load(Y, SC)],
                    vec![store(Y, 3, SC), load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 3] && o.reads[2] == [0],
        verdicts: [never(18), never(18), never(18)],
        source: "RC11, section 4 (DRF)",
    },
    Litmus {
        name: "Z6: Rfe PodRW Coe PodWR Fre",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![load(Y, RLX), store(Z, 1, RLX)],
                    vec![store(Z, 2, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1..] == [[1], [0]] && o.finals[2] == 2,
        verdicts: [never(7), sometimes(8), sometimes(8)],
        source: "Cats, section 3: only the last pair is relaxed on TSO",
    },
    Litmus {
        name: "Z6: Rfe PodRW Coe PodWR Fre+rel+acq",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, REL)],
                    vec![load(Y, ACQ), store(Z, 1, REL)],
                    vec![store(Z, 2, REL), load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads[1..] == [[1], [0]] && o.finals[2] == 2,
        verdicts: [never(7), sometimes(8), sometimes(8)],
        source: "RC11, section 3: co is not synchronisation",
    },
    Litmus {
        name: "Z6: Rfe PodRW Coe PodWR Fre+scfs",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), fence(SC), store(Y, 1, RLX)],
                    vec![load(Y, RLX), fence(SC), store(Z, 1, RLX)],
                    vec![store(Z, 2, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1..] == [[1], [0]] && o.finals[2] == 2,
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 4 (sc fences everywhere)",
    },
    Litmus {
        name: "Z6: Coe PodWW Rfe PodRR Fre",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 1, RLX)],
                    vec![store(Y, 2, RLX), store(Z, 1, RLX)],
                    vec![load(Z, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [1, 0] && o.finals[1] == 2,
        verdicts: [never(7), never(7), sometimes(8)],
        source: "Cats, section 3; TSO: no store before a load",
    },
    Litmus {
        name: "Z6: Coe PodWW Rfe PodRR Fre+rel+acq",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, REL), store(Y, 1, REL)],
                    vec![store(Y, 2, REL), store(Z, 1, REL)],
                    vec![load(Z, ACQ), load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [1, 0] && o.finals[1] == 2,
        verdicts: [never(7), never(7), sometimes(8)],
        source: "RC11, section 3: co is not synchronisation",
    },
    Litmus {
        name: "Z6: Coe PodWW Rfe PodRR Fre+scfs",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), fence(SC), store(Y, 1, RLX)],
                    vec![store(Y, 2, RLX), fence(SC), store(Z, 1, RLX)],
                    vec![load(Z, RLX), fence(SC), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [1, 0] && o.finals[1] == 2,
        verdicts: [never(7), never(7), never(7)],
        source: "RC11, section 4 (sc fences everywhere)",
    },
    Litmus {
        name: "3.2W",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, RLX), store(Y, 2, RLX)],
                    vec![store(Y, 1, RLX), store(Z, 2, RLX)],
                    vec![store(Z, 1, RLX), store(X, 2, RLX)],
                ],
            )
        },
        outcome: |o| o.finals == [1, 1, 1],
        verdicts: [never(7), never(7), sometimes(8)],
        source: "Cats, section 3; count: 2^3 less the cycle",
    },
];
