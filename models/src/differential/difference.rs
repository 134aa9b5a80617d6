//! A difference from the specification.

use std::fmt;

use seqfault_core::Violation;

use super::core::CORE;
use super::given::Given;
use super::setup::CoreSetup;
use crate::ops::Answer;
use crate::spec::seq::{Call, Machine};

/// What is done otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It answers this.
    Answer(Answer),
    /// A page is mapped, or not.
    Mapped {
        /// The page.
        page: usize,
        /// What the specification says.
        expected: bool,
    },
    /// A page has this protection.
    Prot {
        /// The page.
        page: usize,
        /// The protection's name.
        found: Option<String>,
    },
    /// A read of the page would return this.
    Value {
        /// The page.
        page: usize,
        /// The answer.
        found: Answer,
    },
    /// A page has a property, or not.
    Property {
        /// The page.
        page: usize,
        /// The property, as a litmus test names it.
        name: &'static str,
        /// What the specification says.
        expected: bool,
    },
    /// The child of a `fork` is answered this where it accesses a page.
    Child {
        /// Its access.
        call: Call,
        /// The answer.
        found: Answer,
        /// What the specification says.
        expected: Answer,
    },
    /// Something else of the child of a `fork` is otherwise.
    OfChild(Box<What>),
    /// The VMAs are these, and should be fewer, or others.
    Vmas(String),
    /// An invariant of core's own does not hold, or core panics.
    Violation {
        /// The invariant.
        violation: Option<Violation>,
        /// The panic's message.
        message: String,
    },
}

/// A difference: `Display` is the finding, then the litmus test.
#[derive(Clone)]
pub struct Difference {
    /// The name of the subject that differs.
    pub party: &'static str,
    /// The core that ran.
    pub core: CoreSetup,
    /// What was done, the operation that shows the difference last.
    pub ops: Vec<Given>,
    /// What that one does otherwise.
    pub what: What,
    /// What the specification allows as the answer to the last operation.
    pub(super) allowed: Vec<Answer>,
    /// The specification after it.
    pub(super) spec: Machine,
}

impl Difference {
    /// The operation that shows it.
    pub(super) fn last(&self) -> &Given {
        &self.ops[self.ops.len() - 1]
    }

    /// What is different, in a sentence.
    pub(super) fn finding(&self) -> String {
        let last = self.last();
        let is = |holds: bool| if holds { "is" } else { "is not" };
        let found = match &self.what {
            What::Answer(found) => {
                let allowed = self.allowed.iter().map(Answer::to_string);
                let allowed = Vec::from_iter(allowed).join(" or ");
                format!("`{last}` answers {found}, not {allowed}")
            }
            What::Mapped { page, expected } => {
                format!("after `{last}` A[{page}] {} mapped", is(!expected))
            }
            What::Prot { page, found } => {
                let found = found.as_deref().unwrap_or("no");
                format!("after `{last}` A[{page}] has {found} protection")
            }
            What::Value { page, found } => {
                let expected = self.spec.value(*page);
                format!("after `{last}` a read of A[{page}] would return {found}, not {expected}")
            }
            What::Property {
                page,
                name,
                expected,
            } => format!("after `{last}` A[{page}] {} {name}", is(!expected)),
            What::Child {
                call,
                found,
                expected,
            } => {
                let access = Given::Call(call.clone());
                format!("in the child of `{last}` `{access}` answers {found}, not {expected}")
            }
            What::OfChild(what) => format!("the child of `{last}` differs: {what:?}"),
            What::Vmas(found) => format!("after `{last}` the VMAs are others: {found}"),
            What::Violation {
                violation: Some(violation),
                ..
            } => format!("`{last}` violates {violation}"),
            What::Violation { message, .. } => format!("`{last}` panics: {message}"),
        };
        found.replace('\n', " ")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CoreSetup {
            shape, tlb_entries, ..
        } = self.core;
        let (party, finding) = (self.party, self.finding());
        writeln!(f, "{party} differs from the specification: {finding}")?;
        if party == CORE {
            writeln!(f, "({shape:?}, {tlb_entries} TLB entries)")?;
        }
        writeln!(f)?;
        f.write_str(&self.litmus())
    }
}

impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
