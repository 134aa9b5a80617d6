//! Known answers: litmus tests that the literature decides, with the exact number of executions.
//!
//! A [`Litmus`] is a program, a question about its outcomes and an answer per model; [`ALL`] is the
//! same flattened to one row per model. Numbers are those of complete consistent graphs (`rf` and
//! `co`, orders of critical sections included).
//!
//! # Sources
//!
//! | short | text |
//! | --- | --- |
//! | RC11 | Lahav, Vafeiadis, Kang, Hur, Dreyer: *Repairing Sequential Consistency in C/C++11*, PLDI 2017 |
//! | TSO | Owens, Sarkar, Sewell: *A Better x86 Memory Model: x86-TSO*, TPHOLs 2009 |
//! | Cats | Alglave, Maranget, Tautschnig: *Herding Cats*, TOPLAS 2014 |
//! | C++20 | ISO C++20, [intro.races], [atomics.order], [atomics.fences]; P0982R1 for release sequences |
//! | GenMC | test-suite of the GenMC model checker, `tests/correct/litmus`: a test of that name or shape, and its expected count where one is given |
//! | count | a closed form, given with the row |
//!
//! Section numbers are for orientation. Where a row cites a paper only, the count is that of this
//! enumerator, confirmed by the abstract machines (SC and TSO).

use crate::enumerate::{Model, Outcome};
use crate::program::Program;

mod attempts;
mod buffering;
mod cells;
mod coherence;
mod cycles;
mod fences;
mod message;
mod mutexes;
mod overtaking;
mod propagation;
mod rmw;
mod rwlocks;
mod sequences;
mod strong;

/// What one model says of a litmus test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Some execution has the outcome in question.
    pub allowed: bool,
    /// Number of complete executions.
    pub executions: u64,
    /// Number of blocked executions.
    pub blocked: u64,
    /// Number of complete executions with a data race.
    pub racy: u64,
}

/// The outcome does not happen; so many executions.
const fn never(executions: u64) -> Verdict {
    Verdict {
        allowed: false,
        executions,
        blocked: 0,
        racy: 0,
    }
}

/// The outcome happens; so many executions.
const fn sometimes(executions: u64) -> Verdict {
    Verdict {
        allowed: true,
        executions,
        blocked: 0,
        racy: 0,
    }
}

impl Verdict {
    const fn blocked(self, blocked: u64) -> Self {
        Verdict { blocked, ..self }
    }

    const fn racy(self, racy: u64) -> Self {
        Verdict { racy, ..self }
    }
}

/// A litmus test with its answer in each model.
#[derive(Clone, Copy, Debug)]
pub struct Litmus {
    /// Unique.
    pub name: &'static str,
    /// The program.
    pub program: fn() -> Program,
    /// The outcome in question.
    pub outcome: fn(&Outcome) -> bool,
    /// Answers in the order of [`Model::ALL`].
    pub verdicts: [Verdict; 3],
    /// Who says so.
    pub source: &'static str,
}

/// One row of the table: a litmus test in one model.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Of the litmus test.
    pub name: &'static str,
    /// The program.
    pub program: fn() -> Program,
    /// The model.
    pub model: Model,
    /// The outcome in question.
    pub outcome: fn(&Outcome) -> bool,
    /// Some execution has that outcome.
    pub allowed: bool,
    /// Number of complete executions.
    pub executions: u64,
    /// Number of blocked executions.
    pub blocked: u64,
    /// Number of complete executions with a data race.
    pub racy: u64,
    /// Who says so.
    pub source: &'static str,
}

/// The families of litmus tests.
const FAMILIES: [&[Litmus]; 14] = [
    coherence::LITMUS,
    buffering::LITMUS,
    overtaking::LITMUS,
    message::LITMUS,
    sequences::LITMUS,
    strong::LITMUS,
    propagation::LITMUS,
    cycles::LITMUS,
    fences::LITMUS,
    rmw::LITMUS,
    mutexes::LITMUS,
    attempts::LITMUS,
    rwlocks::LITMUS,
    cells::LITMUS,
];

/// Every litmus test in every model.
pub static ALL: &[Known] = &flatten::<{ count() }>();

const fn count() -> usize {
    let mut total = 0;
    let mut family = 0;
    while family < FAMILIES.len() {
        total += FAMILIES[family].len() * Model::ALL.len();
        family += 1;
    }
    total
}

const fn flatten<const ROWS: usize>() -> [Known; ROWS] {
    let mut rows = [row(&FAMILIES[0][0], 0); ROWS];
    let (mut next, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let mut litmus = 0;
        while litmus < FAMILIES[family].len() {
            let mut model = 0;
            while model < Model::ALL.len() {
                rows[next] = row(&FAMILIES[family][litmus], model);
                next += 1;
                model += 1;
            }
            litmus += 1;
        }
        family += 1;
    }
    rows
}

const fn row(litmus: &Litmus, model: usize) -> Known {
    let verdict = litmus.verdicts[model];
    Known {
        name: litmus.name,
        program: litmus.program,
        model: Model::ALL[model],
        outcome: litmus.outcome,
        allowed: verdict.allowed,
        executions: verdict.executions,
        blocked: verdict.blocked,
        racy: verdict.racy,
        source: litmus.source,
    }
}
