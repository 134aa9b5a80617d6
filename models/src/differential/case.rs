//! A sequence of operations on core and on the specification, side by side.

use std::{array, slice};

use seqfault_core::{Access, Cpu, CpuId, CpuLocal, PageState, System, Vpn};

use super::difference::{Difference, What};
use super::op::{Op, core_prot};
use super::subject::{PAGES, Subject};
use crate::litmus::ast::Value;
use crate::platform::{self, Native};
use crate::spec::Rules;
use crate::spec::seq::{Call, Machine, PageView, Ret};

/// A core, and what is done with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The core.
    pub subject: Subject,
    /// What its CPU does. Pages are below [`PAGES`]. A kernel thread does
    /// nothing but `rcu_barrier` and `switch`; anything else is passed over.
    pub ops: Vec<Op>,
}

/// After the sequence: everything that was mapped goes.
const CLOSING: [Op; 4] = [
    Op::SwitchMain,
    Op::RcuBarrier,
    Op::Call(Call::Munmap(0..PAGES)),
    Op::RcuBarrier,
];

impl Case {
    /// Runs core and the specification under `rules`, up to the first difference.
    ///
    /// # Errors
    /// The first difference.
    ///
    /// # Panics
    /// If an operation names a page outside the window, or if `rules` leave one
    /// CPU a choice of answers.
    pub fn check(&self, rules: &Rules) -> Result<(), Box<Difference>> {
        let ops = self.effective_ops();
        let mut spec = Machine::with_rules(PAGES, rules.clone());
        let expected: Vec<Expected> = ops.iter().map(|op| Expected::of(&mut spec, op)).collect();
        platform::begin();
        let mut at = 0;
        let result = platform::catch(|| self.run(&ops, &expected, &mut at));
        let what = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(what)) => what,
            Err(stopped) => {
                Native::reset();
                What::Violation {
                    violation: stopped.violation,
                    message: stopped.message,
                }
            }
        };
        platform::end();
        let mut spec = Machine::with_rules(PAGES, rules.clone());
        for op in &ops[..=at] {
            spec.apply(op.call());
        }
        Err(Box::new(Difference {
            subject: self.subject,
            ops: ops[..=at].to_vec(),
            answer: expected[at].answer.value(),
            spec,
            what,
        }))
    }

    /// What the CPU may do of its operations, and the closing ones.
    fn effective_ops(&self) -> Vec<Op> {
        let mut lazy = false;
        let possible = self.ops.iter().filter(|op| match op {
            Op::SwitchLazy => !std::mem::replace(&mut lazy, true),
            Op::SwitchMain => std::mem::replace(&mut lazy, false),
            op => !lazy || op.is_for_kernel_thread(),
        });
        let mut ops: Vec<Op> = possible.cloned().collect();
        ops.extend(CLOSING.into_iter().skip(usize::from(!lazy)));
        ops
    }

    /// Runs core against what is expected. `at` is the operation under way.
    fn run(&self, ops: &[Op], expected: &[Expected], at: &mut usize) -> Result<(), What> {
        let first = self.subject.shape.first();
        let system: System<Native> = System::new(self.subject.config(ops.len()));
        let mut cpu = Cpu::new(&system, CpuLocal::new(&system, CpuId(0)));
        for (number, (op, expected)) in ops.iter().zip(expected).enumerate() {
            *at = number;
            let found = op.step(first).run(&mut cpu);
            if !is(&found, expected.answer) {
                return Err(What::Answer(found));
            }
            for (page, view) in expected.pages.iter().enumerate() {
                same_page(page, &system.page(Vpn(first.0 + page as u64)), view)?;
            }
            same_vmas(&system, first, &expected.pages)?;
            if *op == Op::RcuBarrier {
                let local = cpu.into_local();
                system.check_at_rest(slice::from_ref(&local));
                cpu = Cpu::new(&system, local);
            }
        }
        Ok(())
    }
}

/// What the specification says of one operation.
struct Expected {
    answer: Ret,
    /// Every page after it.
    pages: [PageView; PAGES],
}

impl Expected {
    /// Does `op` on the specification.
    fn of(spec: &mut Machine, op: &Op) -> Expected {
        Expected {
            answer: spec.apply(op.call()),
            pages: array::from_fn(|page| spec.page(page)),
        }
    }
}

/// Whether core's answer is the specification's.
fn is(found: &Value, expected: Ret) -> bool {
    match (found, expected) {
        (Value::Word(found), Ret::Word(word)) => *found == word,
        (Value::Word(_), _) | (_, Ret::Word(_)) => false,
        (Value::Name(found), expected) => expected.name() == Some(found),
    }
}

/// Compares one page.
fn same_page(page: usize, found: &PageState, expected: &PageView) -> Result<(), What> {
    let prot = expected.prot.map(core_prot);
    if found.vma.is_some() != prot.is_some() {
        return Err(What::Mapped {
            page,
            expected: prot.is_some(),
        });
    }
    if found.vma != prot {
        return Err(What::Prot {
            page,
            found: found.vma,
        });
    }
    let value = match found.vma {
        None => Ret::Maperr,
        Some(prot) if !prot.allows(Access::Read) => Ret::Accerr,
        Some(_) => Ret::Word(found.word),
    };
    if value != expected.value {
        return Err(What::Value {
            page,
            found: value.value(),
        });
    }
    let may_write = prot.is_some_and(|prot| prot.allows(Access::Write));
    let properties = [
        ("present", expected.present, found.present),
        ("dirty", expected.dirty, found.dirty),
        ("writable", (!may_write).then_some(false), found.writable),
        ("young", (!found.present).then_some(false), found.young),
    ];
    for (name, expected, found) in properties {
        if expected.is_some_and(|expected| expected != found) {
            let expected = !found;
            return Err(What::Property {
                page,
                name,
                expected,
            });
        }
    }
    Ok(())
}

/// Checks that the VMAs are those of the pages, as few as can be.
fn same_vmas(system: &System<Native>, first: Vpn, pages: &[PageView]) -> Result<(), What> {
    let found = system.vmas();
    let mut ends = found.iter().map(|(range, _)| range.end.0);
    let mut end = first.0;
    // The pages' protections are equal already.
    let mut is_canonical = pages.chunk_by(|a, b| a.prot == b.prot).all(|run| {
        end += run.len() as u64;
        run[0].prot.is_none() || ends.next() == Some(end)
    });
    is_canonical &= ends.next().is_none();
    if is_canonical {
        return Ok(());
    }
    let list = found
        .iter()
        .map(|(range, prot)| {
            let (start, end) = (range.start.0 - first.0, range.end.0 - first.0);
            format!("A[{start}..{end}] {prot}")
        })
        .collect::<Vec<_>>();
    Err(What::Vmas(list.join(", ")))
}
