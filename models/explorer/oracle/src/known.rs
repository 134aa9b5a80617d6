//! Known answers: litmus tests that the literature decides, with the exact number of executions.
//!
//! A [`Litmus`] is a program, a question about its outcomes and an answer per model. The tests are
//! text, one file for each family, in the folder `known`; [`all`] reads them. Numbers are those of
//! complete consistent graphs (`rf` and `co`, orders of critical sections included).
//!
//! # Notation
//!
//! ```text
//! # Store buffering: may a load overtake a store?
//!
//! test SB
//!   P0: store x 1 rlx; r0 = load y rlx
//!   P1: store y 1 rlx; r0 = load x rlx
//!   exists 0:r0=0 /\ 1:r0=0
//!   sc: forbidden, 3 executions
//!   tso, rc11, cpp20: allowed, 4 executions
//!   source: TSO, section 1; RC11, section 1
//! ```
//!
//! - `test` is followed by the name, which no other test has.
//! - The threads are in the notation of [`notation`](crate::notation).
//! - `exists` asks whether some execution has an outcome that meets a condition: equations with `=`
//!   and `!=` between registers of threads (`0:r0`), last values of words (`x`) and numbers,
//!   connected by `/\`, which binds tighter, and `\/`. The condition `true` asks whether any
//!   execution ends. A test without `exists` asks for no outcome: its answers are numbers alone.
//! - Each model has its answer. If there is an `exists`, the answer says whether the outcome is
//!   `allowed` or `forbidden`. Then it gives the number of complete executions, and where there are
//!   any that of blocked ones and of complete ones with a data race:
//!   `sc: forbidden, 2 executions, 1 blocked, 1 racy`.
//! - `source` is where the answers come from.
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
//! | count | a closed form, given with the test |
//!
//! Section numbers are for orientation. Where a test cites a paper only, the count is that of this
//! enumerator, confirmed by the abstract machines (SC and TSO).

use crate::enumerate::{Model, Outcome};
use crate::program::Program;

mod condition;
mod read;

pub use condition::{Condition, Equation, Term};
pub use read::litmus_tests;

/// What one model says of a litmus test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// A litmus test with its answer in each model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Litmus {
    /// Unique.
    pub name: String,
    /// The program.
    pub program: Program,
    /// The outcome in question.
    pub condition: Condition,
    /// Answers in the order of [`Model::ALL`].
    pub verdicts: [Verdict; Model::ALL.len()],
    /// Where the answers come from.
    pub source: String,
}

impl Litmus {
    /// The answers, each with its model.
    pub fn answers(&self) -> impl Iterator<Item = (Model, Verdict)> + use<> {
        Model::ALL.into_iter().zip(self.verdicts)
    }

    /// `outcome` is the one in question.
    pub fn is_met(&self, outcome: &Outcome) -> bool {
        self.condition.holds(outcome)
    }
}

/// The families of litmus tests, each with its text.
macro_rules! families {
    ($($family:literal)*) => {
        [$(($family, include_str!(concat!("../known/", $family, ".litmus")))),*]
    };
}

const FAMILIES: [(&str, &str); 14] = families![
    "coherence" "buffering" "overtaking" "message" "sequences" "strong" "propagation" "cycles"
    "fences" "rmw" "mutexes" "attempts" "rwlocks" "cells"
];

/// Every litmus test, or the file, line and column of the first mistake in their texts.
pub fn all() -> Result<Vec<Litmus>, String> {
    let mut tests = Vec::new();
    for (family, text) in FAMILIES {
        match litmus_tests(text) {
            Ok(found) => tests.extend(found),
            Err(mistake) => return Err(format!("known/{family}.litmus:{mistake}")),
        }
    }
    Ok(tests)
}
