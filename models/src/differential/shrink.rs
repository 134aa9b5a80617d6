//! The smallest case that still shows a difference.
//!
//! Greedy, and the same for whoever found the case: operations are dropped,
//! in halves and then one by one; what is left is made simpler; and the core
//! becomes the usual one where that does not matter.

use std::mem::discriminant;
use std::ops::Range;

use super::case::Case;
use super::difference::{Difference, What};
use super::op::Op;
use super::subject::Subject;
use crate::ops::Backing;
use crate::spec::Rules;
use crate::spec::seq::Call;

/// A check of a case: the difference that it shows.
pub type Check<'a> = &'a mut dyn FnMut(&Case) -> Result<(), Box<Difference>>;

impl Case {
    /// As [`Case::check`], but with the difference of the smallest case that
    /// was found to show one of the same kind.
    ///
    /// # Errors
    /// The difference.
    pub fn check_and_shrink(&self, rules: &Rules) -> Result<(), Box<Difference>> {
        self.shrink(&mut |case| case.check(rules))
    }

    /// The same for any `check`, this case's being the first.
    ///
    /// # Errors
    /// The difference.
    pub fn shrink(&self, check: Check<'_>) -> Result<(), Box<Difference>> {
        let Err(difference) = check(self) else {
            return Ok(());
        };
        let mut smallest = Smallest {
            case: self.clone(),
            difference,
            check,
        };
        while smallest.drop_ops() | smallest.simplify_ops() | smallest.simplify_subject() {}
        Err(smallest.difference)
    }
}

/// The smallest case so far.
struct Smallest<'a> {
    case: Case,
    difference: Box<Difference>,
    check: Check<'a>,
}

impl Smallest<'_> {
    /// Takes `case` if it shows the same kind of difference.
    fn take(&mut self, case: Case) -> bool {
        match (self.check)(&case) {
            Err(difference) if is_same_kind(&difference, &self.difference) => {
                self.case = case;
                self.difference = difference;
                true
            }
            _ => false,
        }
    }

    fn drop_ops(&mut self) -> bool {
        let mut progress = false;
        let mut len = self.case.ops.len();
        while len > 0 {
            let mut start = 0;
            while start < self.case.ops.len() {
                let mut case = self.case.clone();
                let end = (start + len).min(case.ops.len());
                case.ops.drain(start..end);
                if self.take(case) {
                    progress = true;
                } else {
                    start += len;
                }
            }
            len /= 2;
        }
        progress
    }

    fn simplify_ops(&mut self) -> bool {
        let mut progress = false;
        for number in 0..self.case.ops.len() {
            while simpler(&self.case.ops[number]).into_iter().any(|op| {
                let mut case = self.case.clone();
                case.ops[number] = op;
                self.take(case)
            }) {
                progress = true;
            }
        }
        progress
    }

    fn simplify_subject(&mut self) -> bool {
        let mut changed = Vec::new();
        let mut changes = |change: &dyn Fn(&mut Subject)| {
            let mut subject = self.case.subject;
            change(&mut subject);
            changed.push(subject);
        };
        let usual = Subject::default();
        changes(&|subject| subject.shape = usual.shape);
        changes(&|subject| subject.tlb_entries = usual.tlb_entries);
        changes(&|subject| subject.protocol = usual.protocol);
        changes(&|subject| subject.protocol.fault = usual.protocol.fault);
        // The choice that comes first would reset the others.
        for (name, value) in usual.protocol.choices().skip(1) {
            changes(&|subject| {
                let made = subject.protocol.choose(name, value.name);
                made.expect("a protocol names its own choices");
            });
        }
        changed.into_iter().any(|subject| {
            let ops = self.case.ops.clone();
            subject != self.case.subject
                && subject.protocol.conflict().is_none()
                && self.take(Case { subject, ops })
        })
    }
}

fn is_same_kind(a: &Difference, b: &Difference) -> bool {
    let violation = |what: &What| match what {
        What::Violation { violation, .. } => *violation,
        _ => None,
    };
    a.party == b.party
        && discriminant(&a.what) == discriminant(&b.what)
        && violation(&a.what) == violation(&b.what)
}

/// Operations that are a little simpler than `op`.
pub fn simpler(op: &Op) -> Vec<Op> {
    let (call, bytes) = (op.call(), op.bytes());
    let mut simpler: Vec<Op> = match bytes {
        None => simpler_calls(call).into_iter().map(Op::Call).collect(),
        Some(bytes) => {
            let calls = simpler_calls(call).into_iter();
            calls.map(|call| Op::Bytes(call, bytes)).collect()
        }
    };
    if bytes.is_some() {
        simpler.insert(0, Op::Call(call.clone()));
    }
    simpler
}

/// Calls that are a little simpler than `call`.
fn simpler_calls(call: &Call) -> Vec<Call> {
    let shorter = |pages: &Range<usize>| {
        let shorter = [pages.start + 1..pages.end, pages.start..pages.end - 1];
        shorter.into_iter().filter(|pages| !pages.is_empty())
    };
    match call {
        Call::Write { page, word: value } if *value > 1 => vec![Call::Write {
            page: *page,
            word: 1,
        }],
        Call::Xchg { page, word: value } => vec![Call::Write {
            page: *page,
            word: *value,
        }],
        Call::Mmap {
            pages,
            prot,
            populate,
            noreplace,
            backing: Backing::Anon,
        } => {
            let mmap = |pages, populate, noreplace| Call::Mmap {
                pages,
                prot: *prot,
                populate,
                noreplace,
                backing: Backing::Anon,
            };
            let mut calls: Vec<Call> = shorter(pages)
                .map(|pages| mmap(pages, *populate, *noreplace))
                .collect();
            if *populate {
                calls.push(mmap(pages.clone(), false, *noreplace));
            }
            if *noreplace {
                calls.push(mmap(pages.clone(), *populate, false));
            }
            calls
        }
        Call::Munmap { pages } => shorter(pages).map(|pages| Call::Munmap { pages }).collect(),
        Call::Mremap { from, to } => {
            let calls = shorter(from).map(|part| {
                let start = to.start + (part.start - from.start);
                Call::Mremap {
                    from: part.clone(),
                    to: start..start + part.len(),
                }
            });
            calls.collect()
        }
        Call::Mprotect { pages, prot } => shorter(pages)
            .map(|pages| Call::Mprotect { pages, prot: *prot })
            .collect(),
        Call::Dontneed { pages } => shorter(pages)
            .map(|pages| Call::Dontneed { pages })
            .collect(),
        Call::PopulateRead { pages } => shorter(pages)
            .map(|pages| Call::PopulateRead { pages })
            .collect(),
        Call::PopulateWrite { pages } => shorter(pages)
            .map(|pages| Call::PopulateWrite { pages })
            .collect(),
        _ => Vec::new(),
    }
}
