//! Conditions on the outcome of a program.

use crate::enumerate::Outcome;
use crate::program::Program;

/// What a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// A number.
    Number(u64),
    /// A register of a thread: its yielded value of that index.
    Register {
        /// The thread.
        thread: usize,
        /// The register.
        register: usize,
    },
    /// The last value of an atomic word.
    Word(usize),
}

impl Term {
    /// Why the outcomes of `program` do not have it.
    pub(super) fn check(self, program: &Program) -> Result<(), String> {
        match self {
            Term::Register { thread, register } => {
                let instrs = program.threads.get(thread).into_iter().flatten();
                let yields = instrs.filter(|instr| instr.yields()).count();
                let why = || format!("P{thread} has no `r{register}`");
                (register < yields).then_some(()).ok_or_else(why)
            }
            Term::Word(loc) if loc >= program.locations => {
                Err("the program does not name this word".to_owned())
            }
            Term::Word(_) | Term::Number(_) => Ok(()),
        }
    }

    fn value(self, outcome: &Outcome) -> u64 {
        match self {
            Term::Number(number) => number,
            Term::Register { thread, register } => outcome.reads[thread][register],
            Term::Word(loc) => outcome.finals[loc],
        }
    }
}

/// Two terms that are equal, or are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equation {
    /// The terms.
    pub terms: [Term; 2],
    /// They are equal.
    pub equal: bool,
}

impl Equation {
    fn holds(&self, outcome: &Outcome) -> bool {
        let [left, right] = self.terms.map(|term| term.value(outcome));
        (left == right) == self.equal
    }
}

/// A condition: one of the conjunctions holds. Without any it never does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// The conjunctions. One without equations always holds.
    pub any: Vec<Vec<Equation>>,
}

impl Condition {
    /// It holds of `outcome`.
    ///
    /// # Panics
    ///
    /// If it names a register or a word that the outcome has not.
    pub fn holds(&self, outcome: &Outcome) -> bool {
        let conjunction = |all: &Vec<Equation>| all.iter().all(|equation| equation.holds(outcome));
        self.any.iter().any(conjunction)
    }
}
