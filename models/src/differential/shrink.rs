//! The smallest case that still shows a difference.
//!
//! Greedy, and the same wherever the case was found: operations are dropped,
//! in halves and then one by one; what is left is made simpler; and the core
//! becomes the usual one where that does not matter.

use std::mem::discriminant;
use std::ops::Range;

use super::case::Case;
use super::difference::{Difference, What};
use super::given::Given;
use super::setup::CoreSetup;
use crate::litmus::ast::Prot;
use crate::ops::{Backing, Numbered, Operand};
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
        while smallest.drop_ops()
            | smallest.pass_on()
            | smallest.simplify_ops()
            | smallest.simplify_core()
        {}
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

    /// Drops an operation, and gives its protection to the next one: what it changes is changed at once.
    fn pass_on(&mut self) -> bool {
        let mut progress = false;
        let mut number = 0;
        while number + 1 < self.case.ops.len() {
            let mut case = self.case.clone();
            let dropped = case.ops.remove(number);
            let next = &mut case.ops[number];
            match protection(dropped.call()).and_then(|prot| with_protection(next.call(), prot)) {
                Some(call) => *next = Given::Call(call),
                None => {
                    number += 1;
                    continue;
                }
            }
            if self.take(case) {
                progress = true;
            } else {
                number += 1;
            }
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

    fn simplify_core(&mut self) -> bool {
        let mut changed = Vec::new();
        let mut changes = |change: &dyn Fn(&mut CoreSetup)| {
            let mut core = self.case.core;
            change(&mut core);
            changed.push(core);
        };
        let usual = CoreSetup::default();
        changes(&|core| core.shape = usual.shape);
        changes(&|core| core.tlb_entries = usual.tlb_entries);
        changes(&|core| core.protocol = usual.protocol);
        changes(&|core| core.protocol.fault = usual.protocol.fault);
        // The choice that comes first would reset the others.
        for (name, value) in usual.protocol.choices().skip(1) {
            changes(&|core| {
                let made = core.protocol.choose(name, value.name);
                made.expect("a protocol names its own choices");
            });
        }
        changed.into_iter().any(|core| {
            let ops = self.case.ops.clone();
            core != self.case.core
                && core.protocol.conflict().is_none()
                && self.take(Case { core, ops })
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

/// The protection that `call` asks for.
fn protection(call: &Call) -> Option<Prot> {
    call.operands().iter().find_map(|operand| match operand {
        Operand::Prot(prot) => Some(*prot),
        _ => None,
    })
}

/// The same call with another protection, if it has one.
fn with_protection(call: &Call, prot: Prot) -> Option<Call> {
    let operands = call.operands().into_iter().map(|operand| match operand {
        Operand::Prot(_) => Operand::Prot(prot),
        operand => operand,
    });
    protection(call).map(|_| Call::new(call.row(), operands))
}

/// Operations that are a little simpler than `op`.
pub fn simpler(op: &Given) -> Vec<Given> {
    let (call, bytes) = (op.call(), op.bytes());
    let mut simpler: Vec<Given> = match bytes {
        None => simpler_calls(call).into_iter().map(Given::Call).collect(),
        Some(bytes) => {
            let calls = simpler_calls(call).into_iter();
            calls.map(|call| Given::with_bytes(call, bytes)).collect()
        }
    };
    if bytes.is_some() {
        simpler.insert(0, Given::Call(call.clone()));
    }
    simpler
}

/// Calls that are a little simpler than `call`: an operand is, or all ranges are shorter, which are of
/// equal length then, or the longer one is, if the other is one page.
fn simpler_calls(call: &Call) -> Vec<Call> {
    let mut calls = Vec::new();
    // What is loaded need not be.
    if let Call::Xchg { page, word } = *call {
        calls.push(Call::Write { page, word });
    }
    let operands = call.operands();
    let (shortest, longest) = (call.lens().min(), call.lens().max());
    if shortest == Some(1)
        && let Some(longest) = longest.filter(|len| *len > 1)
    {
        let cut = |pages: &Range<usize>| pages.start..pages.end.min(pages.start + longest - 1);
        calls.push(Call::new(
            call.row(),
            operands.iter().map(|operand| match operand {
                Operand::Pages(pages) => Operand::Pages(cut(pages)),
                operand => operand.clone(),
            }),
        ));
    }
    if let Some(len) = shortest.filter(|len| *len > 1) {
        for part in [1..len, 0..len - 1] {
            calls.push(Call::new(
                call.row(),
                operands.iter().map(|operand| match operand {
                    Operand::Pages(pages) => {
                        Operand::Pages(pages.start + part.start..pages.start + part.end)
                    }
                    operand => operand.clone(),
                }),
            ));
        }
    }
    for (at, operand) in operands.iter().enumerate() {
        if let Some(simpler) = simpler_operand(operand) {
            let mut operands = operands.clone();
            operands[at] = simpler;
            calls.push(Call::new(call.row(), operands));
        }
    }
    calls
}

/// A simpler operand, if there is one that has nothing to do with others.
fn simpler_operand(operand: &Operand<Numbered>) -> Option<Operand<Numbered>> {
    match operand {
        Operand::Word(word) => (*word > 1).then_some(Operand::Word(1)),
        Operand::Len(len) => (*len > 0).then_some(Operand::Len(0)),
        Operand::Flag(flag) => flag.then_some(Operand::Flag(false)),
        Operand::Prot(prot) => (*prot != Prot::Rw).then_some(Operand::Prot(Prot::Rw)),
        Operand::Backing(backing) => {
            (*backing != Backing::Anon).then_some(Operand::Backing(Backing::Anon))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Random;

    fn texts(call: Call) -> Vec<String> {
        let simpler = simpler(&Given::Call(call)).into_iter();
        simpler.map(|op| op.to_string()).collect()
    }

    #[test]
    fn each_operand_becomes_simpler() {
        let mmap = Call::Mmap {
            pages: 2..4,
            prot: Prot::Rx,
            backing: Backing::SharedFile(1),
            populate: true,
            noreplace: true,
        };
        let simpler = [
            "mmap A[3] rx shared F[1] populate noreplace",
            "mmap A[2] rx shared F[1] populate noreplace",
            "mmap A[2..4] rw shared F[1] populate noreplace",
            "mmap A[2..4] rx populate noreplace",
            "mmap A[2..4] rx shared F[1] noreplace",
            "mmap A[2..4] rx shared F[1] populate",
        ];
        assert_eq!(texts(mmap), simpler);
        let mremap = |from, to, dontunmap| Call::Mremap {
            from,
            to,
            dontunmap,
        };
        let simpler = ["mremap A[1] A[5]", "mremap A[0] A[4]"];
        assert_eq!(texts(mremap(0..2, 4..6, false)), simpler);
        assert_eq!(texts(mremap(0..1, 4..5, false)), [""; 0]);
        assert_eq!(texts(mremap(0..1, 4..5, true)), ["mremap A[0] A[4]"]);
        assert_eq!(texts(mremap(0..1, 4..7, false)), ["mremap A[0] A[4..6]"]);
        assert_eq!(texts(mremap(0..2, 4..5, false)), ["mremap A[0] A[4]"]);
        let xchg = Call::Xchg { page: 1, word: 3 };
        assert_eq!(texts(xchg), ["write A[1] 3", "xchg A[1] 1"]);
        assert_eq!(texts(Call::Write { page: 1, word: 3 }), ["write A[1] 1"]);
        assert_eq!(texts(Call::Write { page: 1, word: 1 }), [""; 0]);
        assert_eq!(texts(Call::RcuBarrier {}), [""; 0]);
    }

    proptest! {
        /// Shrinking ends, and never leaves the window.
        #[test]
        fn what_is_simpler_is_never_what_it_was(seed: u64) {
            let mut sequence = super::super::Sequence::new(Random::new(seed), 12);
            let mut op = sequence.op();
            let pages: Vec<usize> = op.call().pages().collect();
            for _ in 0..100 {
                let all = simpler(&op);
                prop_assert!(!all.contains(&op), "{op}");
                let random = sequence.random.number() as usize;
                let Some(next) = all.get(random % all.len().max(1)) else {
                    return Ok(());
                };
                op = next.clone();
                prop_assert!(op.call().pages().all(|page| pages.contains(&page)), "{op}");
                let ranges = op.call().operands().into_iter().filter_map(|operand| match operand {
                    Operand::Pages(pages) => Some(pages.len()),
                    _ => None,
                });
                let lens: Vec<usize> = ranges.collect();
                let are_equal = lens.iter().all(|len| *len == lens[0]);
                prop_assert!(are_equal || lens.contains(&1), "{op}");
            }
            prop_assert!(false, "{op} becomes simpler without end");
        }
    }
}
