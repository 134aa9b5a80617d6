//! Coherence: one word, on which every model agrees.

use super::{Litmus, never, sometimes};
use crate::notation::{ACQ, REL, RLX, SC, X, Y, Z, load, store};
use crate::program::Program;

/// The litmus tests of this family.
pub const LITMUS: &[Litmus] = &[
    Litmus {
        name: "CoWW",
        program: || Program::new(1, vec![vec![store(X, 1, RLX), store(X, 2, RLX)]]),
        outcome: |o| o.finals == [1],
        verdicts: [never(1), never(1), never(1)],
        source: "RC11, section 3 (coherence); Cats, section 4 (sc per location)",
    },
    Litmus {
        name: "CoRW1",
        program: || Program::new(1, vec![vec![load(X, RLX), store(X, 1, RLX)]]),
        outcome: |o| o.reads[0] == [1],
        verdicts: [never(1), never(1), never(1)],
        source: "RC11, section 3 (coherence); Cats, section 4 (sc per location)",
    },
    Litmus {
        name: "CoWR0",
        program: || {
            Program::new(
                1,
                vec![vec![store(X, 1, RLX), load(X, RLX)], vec![store(X, 2, RLX)]],
            )
        },
        outcome: |o| o.reads[0] == [0],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (coherence); Cats, section 4 (sc per location)",
    },
    Litmus {
        name: "CoWR",
        program: || {
            Program::new(
                1,
                vec![vec![store(X, 1, RLX), load(X, RLX)], vec![store(X, 2, RLX)]],
            )
        },
        outcome: |o| o.reads[0] == [2] && o.finals == [1],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (coherence); Cats, section 4 (sc per location)",
    },
    Litmus {
        name: "CoRW2",
        program: || {
            Program::new(
                1,
                vec![vec![load(X, RLX), store(X, 1, RLX)], vec![store(X, 2, RLX)]],
            )
        },
        outcome: |o| o.reads[0] == [2] && o.finals == [2],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (coherence); Cats, section 4 (sc per location)",
    },
    Litmus {
        name: "CoRR",
        program: || {
            Program::new(
                1,
                vec![vec![store(X, 1, RLX)], vec![load(X, RLX), load(X, RLX)]],
            )
        },
        outcome: |o| o.reads[1] == [1, 0],
        verdicts: [never(3), never(3), never(3)],
        source: "RC11, section 3 (coherence); Cats, section 4 (sc per location)",
    },
    Litmus {
        name: "CoRR+order",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX), store(X, 2, RLX)],
                    vec![load(X, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [2, 1],
        verdicts: [never(6), never(6), never(6)],
        source: "RC11, section 3 (coherence); Cats, section 4 (sc per location); count: non-decreasing pairs of 3",
    },
    Litmus {
        name: "CoRR2",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, REL)],
                    vec![store(X, 2, REL)],
                    vec![load(X, ACQ), load(X, ACQ)],
                    vec![load(X, ACQ), load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [1, 2] && o.reads[3] == [2, 1],
        verdicts: [never(72), never(72), never(72)],
        source: "RC11, section 3; GenMC CoRR2: 72",
    },
    Litmus {
        name: "CoRR2+rlx",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(X, 2, RLX)],
                    vec![load(X, RLX), load(X, RLX)],
                    vec![load(X, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [1, 2] && o.reads[3] == [2, 1],
        verdicts: [never(72), never(72), never(72)],
        source: "RC11, section 3; GenMC CoRR2: 72",
    },
    Litmus {
        name: "CoRR1",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, REL)],
                    vec![store(X, 2, REL)],
                    vec![load(X, ACQ), load(X, ACQ)],
                    vec![load(X, ACQ)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [2, 1] && o.reads[3] == [0],
        verdicts: [sometimes(36), sometimes(36), sometimes(36)],
        source: "GenMC CoRR1: 36",
    },
    Litmus {
        name: "W+RRR+W",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX), load(X, RLX), load(X, RLX)],
                    vec![store(X, 2, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [1, 2, 1],
        verdicts: [never(20), never(20), never(20)],
        source: "GenMC W+RRR+W: 20; count: 2! C(5, 3)",
    },
    Litmus {
        name: "fr+w+w+w+reads",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(X, 2, RLX)],
                    vec![store(X, 3, RLX)],
                    vec![load(X, RLX), load(X, RLX), load(X, RLX), load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[3] == [0, 1, 2, 3],
        verdicts: [sometimes(210), sometimes(210), sometimes(210)],
        source: "GenMC fr+w+w+w+reads: 210; count: 3! C(7, 4)",
    },
    Litmus {
        name: "2 writers",
        program: || Program::new(1, vec![vec![store(X, 1, RLX)], vec![store(X, 2, RLX)]]),
        outcome: |o| o.finals == [0],
        verdicts: [never(2), never(2), never(2)],
        source: "count: n! orders of n writers",
    },
    Litmus {
        name: "3 writers",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(X, 2, RLX)],
                    vec![store(X, 3, RLX)],
                ],
            )
        },
        outcome: |o| o.finals == [1],
        verdicts: [sometimes(6), sometimes(6), sometimes(6)],
        source: "count: n! orders of n writers",
    },
    Litmus {
        name: "4 writers",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(X, 2, RLX)],
                    vec![store(X, 3, RLX)],
                    vec![store(X, 4, RLX)],
                ],
            )
        },
        outcome: |o| o.finals == [1],
        verdicts: [sometimes(24), sometimes(24), sometimes(24)],
        source: "count: n! orders of n writers",
    },
    Litmus {
        name: "2+2 writers",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX), store(X, 2, RLX)],
                    vec![store(X, 3, RLX), store(X, 4, RLX)],
                ],
            )
        },
        outcome: |o| o.finals == [1],
        verdicts: [never(6), never(6), never(6)],
        source: "count: C(4, 2) merges",
    },
    Litmus {
        name: "1 writer, 3 readers",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, SC)],
                    vec![load(X, SC)],
                    vec![load(X, SC)],
                    vec![load(X, SC)],
                ],
            )
        },
        outcome: |o| o.reads[1..] == [[0], [1], [0]],
        verdicts: [sometimes(8), sometimes(8), sometimes(8)],
        source: "count: 2^k choices of k readers",
    },
    Litmus {
        name: "2 writers, 2 readers",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(X, 2, RLX)],
                    vec![load(X, RLX)],
                    vec![load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2..] == [[1], [2]],
        verdicts: [sometimes(18), sometimes(18), sometimes(18)],
        source: "count: n! (n + 1)^k",
    },
    Litmus {
        name: "wrw+2",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, REL)],
                    vec![load(X, RLX), store(X, 2, REL)],
                    vec![load(X, RLX), store(X, 3, REL)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [3] && o.reads[2] == [2],
        verdicts: [never(22), never(22), never(22)],
        source: "GenMC wrw: 22",
    },
    Litmus {
        name: "wrw+3",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, REL)],
                    vec![load(X, RLX), store(X, 2, REL)],
                    vec![load(X, RLX), store(X, 3, REL)],
                    vec![load(X, RLX), store(X, 4, REL)],
                ],
            )
        },
        outcome: |o| o.reads[1] == [3] && o.reads[2] == [4] && o.reads[3] == [2],
        verdicts: [never(300), never(300), never(300)],
        source: "GenMC wrw: 300",
    },
    Litmus {
        name: "independent",
        program: || {
            Program::new(
                3,
                vec![
                    vec![store(X, 1, SC), load(X, RLX)],
                    vec![store(Y, 1, SC), load(Y, RLX)],
                    vec![store(Z, 1, SC), load(Z, RLX)],
                ],
            )
        },
        outcome: |o| o.reads == [[1], [1], [1]],
        verdicts: [sometimes(1), sometimes(1), sometimes(1)],
        source: "count: threads that share nothing have one execution",
    },
    Litmus {
        name: "same value twice",
        program: || {
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(X, 1, RLX)],
                    vec![load(X, RLX)],
                ],
            )
        },
        outcome: |o| o.reads[2] == [0],
        verdicts: [sometimes(6), sometimes(6), sometimes(6)],
        source: "count: graphs differ although their outcomes do not, n! (n + 1)",
    },
];
