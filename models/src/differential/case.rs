//! A sequence of operations on core, on the specification, and on the host's kernel, side by side.

use std::ops::Range;
use std::slice;

use seqfault_core::{Access, Cpu, CpuId, CpuLocal, PageState, System, Vpn};

use super::difference::{Difference, OWNED, Party, What};
use super::op::{Op, core_prot};
use super::subject::{PAGES, Subject};
use crate::conform::Level;
use crate::linux::{Host, Rights};
use crate::platform::{self, Native};
use crate::spec::Rules;
use crate::spec::seq::{Call, Machine, Ret};
use crate::spec::vma::Vmas;

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
        self.check_with(rules, None, &mut |_| ())
    }

    /// The same with the host's kernel as a third. `watch` is told the number of each operation
    /// before it begins.
    ///
    /// # Errors
    /// The first difference.
    ///
    /// # Panics
    /// As [`check`](Case::check).
    pub fn check_on(
        &self,
        host: &mut Host,
        rules: &Rules,
        level: Level,
        watch: &mut dyn FnMut(usize),
    ) -> Result<(), Box<Difference>> {
        self.check_with(rules, Some((host, level)), watch)
    }

    fn check_with(
        &self,
        rules: &Rules,
        host: Option<(&mut Host, Level)>,
        watch: &mut dyn FnMut(usize),
    ) -> Result<(), Box<Difference>> {
        let mut trio = Trio {
            case: self,
            ops: self.effective_ops(),
            at: 0,
            spec: Machine::with_rules(PAGES, rules.clone()),
            answer: Ret::Ok,
            vmas: Vmas::new(rules.merging),
            // What the host promises is no business of core's.
            core_rules: match host {
                Some(_) => rules.open(),
                None => rules.clone(),
            },
            host,
        };
        platform::begin();
        let result = platform::catch(|| trio.run(watch));
        platform::end();
        let (party, what) = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(difference)) => difference,
            Err(stopped) => {
                Native::reset();
                let what = What::Violation {
                    violation: stopped.violation,
                    message: stopped.message,
                };
                (Party::Core, what)
            }
        };
        trio.ops.truncate(trio.at + 1);
        Err(Box::new(Difference {
            party,
            subject: self.subject,
            ops: trio.ops,
            answer: trio.answer.value(),
            spec: trio.spec,
            what,
        }))
    }

    /// What the CPU may do of its operations, and the closing ones.
    pub fn effective_ops(&self) -> Vec<Op> {
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
}

/// Who runs a case together.
struct Trio<'a> {
    case: &'a Case,
    ops: Vec<Op>,
    /// The operation under way.
    at: usize,
    spec: Machine,
    /// The specification's answer to it.
    answer: Ret,
    /// Where VMAs begin and end on the host.
    vmas: Vmas,
    /// What core may choose.
    core_rules: Rules,
    host: Option<(&'a mut Host, Level)>,
}

impl Trio<'_> {
    fn run(&mut self, watch: &mut dyn FnMut(usize)) -> Result<(), (Party, What)> {
        let subject = &self.case.subject;
        let first = subject.shape.first();
        let system: System<Native> = System::new(subject.config());
        let mut cpu = Cpu::new(&system, CpuLocal::new(&system, CpuId(0)));
        if let Some((host, _)) = &mut self.host {
            host.reset();
        }
        for at in 0..self.ops.len() {
            watch(at);
            self.at = at;
            let op = &self.ops[at];
            self.answer = op.apply(&mut self.spec);
            // The host first: where the specification is wrong, it is the authority.
            if let Some((host, level)) = &mut self.host {
                same_host(host, op, self.answer, &self.spec)
                    .map_err(|what| (Party::Linux, what))?;
                if *level == Level::Vma && op.acts() {
                    self.vmas.apply(op.call(), self.answer);
                    same_host_vmas(host, &self.vmas).map_err(|what| (Party::Linux, what))?;
                }
            }
            if let Some(step) = op.step(first) {
                let found = step.run(&mut cpu);
                if found != self.answer.value() {
                    return Err((Party::Core, What::Answer(found)));
                }
            }
            self.same_core(&system, first)
                .map_err(|what| (Party::Core, what))?;
            if *op == Op::RcuBarrier {
                let local = cpu.into_local();
                system.check_at_rest(slice::from_ref(&local));
                cpu = Cpu::new(&system, local);
            }
        }
        Ok(())
    }

    fn same_core(&self, system: &System<Native>, first: Vpn) -> Result<(), What> {
        for page in 0..PAGES {
            let found = system.page(Vpn(first.0 + page as u64));
            same_page(page, &found, &self.spec, &self.core_rules)?;
        }
        same_vmas(system, first, &self.spec)
    }
}

/// Compares one page of core.
fn same_page(page: usize, found: &PageState, spec: &Machine, rules: &Rules) -> Result<(), What> {
    let prot = spec.prot(page).map(core_prot);
    let rights = found.vma.map(|prot| prot.to_string());
    same_prot(page, found.vma == prot, rights, spec)?;
    let value = match found.vma {
        None => Ret::Maperr,
        Some(prot) if !prot.allows(Access::Read) => Ret::Accerr,
        Some(_) => Ret::Word(found.word),
    };
    same_value(page, value, spec)?;
    let may_write = prot.is_some_and(|prot| prot.allows(Access::Write));
    same_properties(
        page,
        [
            ("present", spec.populated_under(rules, page), found.present),
            ("dirty", spec.dirty(page), found.dirty),
            ("writable", (!may_write).then_some(false), found.writable),
            ("young", (!found.present).then_some(false), found.young),
        ],
    )
}

/// Compares whether and how a page is mapped; `found` is a protection's name.
fn same_prot(page: usize, same: bool, found: Option<String>, spec: &Machine) -> Result<(), What> {
    let expected = spec.mapped(page);
    if found.is_some() != expected {
        return Err(What::Mapped { page, expected });
    }
    if same {
        Ok(())
    } else {
        Err(What::Prot { page, found })
    }
}

fn same_value(page: usize, found: Ret, spec: &Machine) -> Result<(), What> {
    if found == spec.value(page) {
        return Ok(());
    }
    let found = found.value();
    Err(What::Value { page, found })
}

/// Compares properties: name, what the specification says if it does, what was found.
fn same_properties<const N: usize>(
    page: usize,
    properties: [(&'static str, Option<bool>, bool); N],
) -> Result<(), What> {
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

/// Does the operation on the host's kernel, and compares what it shows.
fn same_host(host: &mut Host, op: &Op, expected: Ret, spec: &Machine) -> Result<(), What> {
    let bytes = match op {
        Op::Bytes(_, bytes) => Some(*bytes),
        Op::Call(_) => None,
        _ => return Ok(()),
    };
    let found = host.apply(op.call(), bytes);
    if !found.is(expected) {
        return Err(What::Answer(found.value()));
    }
    host.look();
    for page in 0..PAGES {
        let seen = host.page(page);
        let rights = seen.rights.map(|rights| rights.to_string());
        let same = seen.rights == spec.prot(page).map(Rights::from);
        same_prot(page, same, rights, spec)?;
        same_value(page, seen.value, spec)?;
        same_properties(
            page,
            [
                ("present", spec.populated(page), seen.present),
                (OWNED, spec.owned(page), seen.owned),
            ],
        )?;
    }
    Ok(())
}

/// Compares the host's VMAs.
fn same_host_vmas(host: &Host, vmas: &Vmas) -> Result<(), What> {
    let expected = vmas
        .list()
        .iter()
        .map(|vma| (&vma.pages, Rights::from(vma.prot)));
    let found = host.vmas().iter().map(|vma| (&vma.pages, vma.rights));
    if found.clone().eq(expected.clone()) {
        return Ok(());
    }
    let written = |(pages, rights): (&Range<usize>, Rights)| {
        format!("A[{}..{}] {rights}", pages.start, pages.end)
    };
    let found: Vec<String> = found.map(written).collect();
    let expected: Vec<String> = expected.map(written).collect();
    let (found, expected) = (found.join(", "), expected.join(", "));
    Err(What::Vmas(format!("{found}; expected {expected}")))
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
