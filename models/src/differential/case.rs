//! A sequence of operations on core and on the specification, side by side.

use std::slice;

use seqfault_core::{Access, Cpu, CpuId, CpuLocal, PageState, System, Vpn};

use super::difference::{Difference, What};
use super::op::{Op, core_prot};
use super::subject::{PAGES, Subject};
use crate::litmus::ast::Value;
use crate::platform::{self, Native};
use crate::spec::Rules;
use crate::spec::seq::{Call, Machine};

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
        let answers: Vec<(Machine, Value)> = ops
            .iter()
            .map(|op| {
                let answer = spec.apply(op.call()).value();
                (spec.clone(), answer)
            })
            .collect();
        platform::begin(platform::nobody);
        let mut at = 0;
        let result = platform::catch(|| self.run(&ops, &answers, &mut at));
        platform::end();
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
        Err(Box::new(Difference {
            subject: self.subject,
            ops: ops[..=at].to_vec(),
            answer: answers[at].1.clone(),
            spec: answers[at].0.clone(),
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

    /// Runs core against `answers`. `at` is the operation under way.
    fn run(&self, ops: &[Op], answers: &[(Machine, Value)], at: &mut usize) -> Result<(), What> {
        let first = self.subject.shape.first();
        let system: System<Native> = System::new(self.subject.config());
        let mut cpu = Cpu::new(&system, CpuLocal::new(&system, CpuId(0)));
        for (number, (op, (spec, expected))) in ops.iter().zip(answers).enumerate() {
            *at = number;
            let found = op.step(first).run(&mut cpu);
            if found != *expected {
                return Err(What::Answer(found));
            }
            for page in 0..PAGES {
                same_page(page, &system.page(Vpn(first.0 + page as u64)), spec)?;
            }
            same_vmas(&system, first, spec)?;
            if *op == Op::RcuBarrier {
                let local = cpu.into_local();
                system.check_at_rest(slice::from_ref(&local));
                cpu = Cpu::new(&system, local);
            }
        }
        Ok(())
    }
}

/// Compares one page.
fn same_page(page: usize, found: &PageState, spec: &Machine) -> Result<(), What> {
    let prot = spec.prot(page).map(core_prot);
    if found.vma.is_some() != spec.mapped(page) {
        return Err(What::Mapped {
            page,
            expected: spec.mapped(page),
        });
    }
    if found.vma != prot {
        return Err(What::Prot {
            page,
            found: found.vma,
        });
    }
    let value = match found.vma {
        None => Value::Name("maperr".to_owned()),
        Some(prot) if !prot.allows(Access::Read) => Value::Name("accerr".to_owned()),
        Some(_) => Value::Word(found.word),
    };
    if value != spec.value(page).value() {
        return Err(What::Value { page, found: value });
    }
    let may_write = prot.is_some_and(|prot| prot.allows(Access::Write));
    let properties = [
        ("present", spec.populated(page), found.present),
        ("dirty", spec.dirty(page), found.dirty),
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
fn same_vmas(system: &System<Native>, first: Vpn, spec: &Machine) -> Result<(), What> {
    let mut expected = Vec::new();
    for page in 0..PAGES {
        let Some(prot) = spec.prot(page).map(core_prot) else {
            continue;
        };
        let vpn = first.0 + page as u64;
        match expected.last_mut() {
            Some((end, last)) if *end == vpn && *last == prot => *end += 1,
            _ => expected.push((vpn + 1, prot)),
        }
    }
    let found = system.vmas();
    // The pages' protections are equal already, so it is enough to count.
    let is_canonical = found.len() == expected.len()
        && found
            .iter()
            .zip(&expected)
            .all(|((range, prot), (end, same))| range.end.0 == *end && prot == same);
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
