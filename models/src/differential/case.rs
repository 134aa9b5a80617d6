//! A sequence of operations on core, on the specification, and on the host's kernel, side by side.

use std::slice;

use smallvec::{SmallVec, smallvec};

use seqfault_core::{Cpu, CpuId, CpuLocal, MmId, PageRange, PageState, System, Vpn};

use super::child::{CHILD, expected_child, same_core_child, same_host_child};
use super::difference::{Difference, Party, What};
use super::op::Op;
use super::same::{Expected, same_answer, same_host, same_host_vmas, same_page, same_vmas};
use super::setup::{CoreSetup, PAGES};
use crate::conform::Level;
use crate::linux::Host;
use crate::ops::{Answer, Runs};
use crate::platform::{self, Native};
use crate::spec::Rules;
use crate::spec::seq::{Call, Machine};
use crate::spec::vma::Vmas;
use crate::subjects::perform;

/// A core, and what is done with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The core.
    pub core: CoreSetup,
    /// What its CPU does. Pages are below [`PAGES`]. What its CPU [has no use
    /// for](Runs::has_use_for) where it stands is passed over.
    pub ops: Vec<Op>,
}

/// After the sequence: everything that was mapped goes.
static CLOSING: [Op; 4] = [
    Op::SWITCH_MAIN,
    Op::RCU_BARRIER,
    Op::Call(Call::Munmap { pages: 0..PAGES }),
    Op::RCU_BARRIER,
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
        let spec = Machine::with_rules(PAGES, rules.clone());
        let ops = self.effective();
        // What the host promises is no business of core's.
        let core_rules = match host {
            Some(_) => rules.open(),
            None => rules.clone(),
        };
        let mut trio = Trio {
            case: self,
            ops: &ops,
            at: 0,
            allowed: smallvec![Answer::Ok],
            vmas: Vmas::new(rules.merging),
            pages: [(Expected::of(&spec, 0, &core_rules), None); PAGES],
            core_rules,
            spec,
            host,
        };
        platform::begin_deaf(platform::nobody);
        let result = platform::catch(|| trio.run(watch));
        platform::end();
        let (party, what) = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(difference)) => difference,
            Err(stopped) => {
                Native::begin(1);
                let what = What::Violation {
                    violation: stopped.violation,
                    message: stopped.message,
                };
                (Party::Core, what)
            }
        };
        let done = &ops[..=trio.at];
        Err(Box::new(Difference {
            party,
            core: self.core,
            ops: done.iter().copied().cloned().collect(),
            allowed: trio.allowed.to_vec(),
            spec: trio.spec,
            what,
        }))
    }

    /// What the CPU may do of its operations, and the closing ones.
    pub fn effective_ops(&self) -> Vec<Op> {
        self.effective().into_iter().cloned().collect()
    }

    fn effective(&self) -> Vec<&Op> {
        let mut runs = Runs::default();
        let possible = self.ops.iter().filter(|op| runs.has_use_for(op.call()));
        let mut ops = Vec::with_capacity(self.ops.len() + CLOSING.len());
        ops.extend(possible);
        ops.extend(CLOSING.iter().filter(|op| runs.has_use_for(op.call())));
        ops
    }
}

/// Who runs a case together.
struct Trio<'a> {
    case: &'a Case,
    ops: &'a [&'a Op],
    /// The operation under way.
    at: usize,
    spec: Machine,
    /// What the specification allows as its answer.
    allowed: SmallVec<[Answer; 1]>,
    /// Where VMAs begin and end on the host.
    vmas: Vmas,
    /// What core may choose.
    core_rules: Rules,
    /// What the specification says of each of core's pages, and what core showed that agreed.
    pages: [(Expected, Option<PageState>); PAGES],
    host: Option<(&'a mut Host, Level)>,
}

impl Trio<'_> {
    fn run(&mut self, watch: &mut dyn FnMut(usize)) -> Result<(), (Party, What)> {
        let core = &self.case.core;
        let first = core.shape.first();
        let system: System<Native> = System::new(core.config(self.ops));
        let mut cpu = Cpu::new(&system, CpuLocal::new(&system, CpuId(0)));
        if let Some((host, _)) = &mut self.host {
            host.reset();
        }
        for at in 0..self.ops.len() {
            watch(at);
            self.at = at;
            let op = self.ops[at];
            let answer = op.apply(&mut self.spec);
            self.allowed = self.spec.allowed().into();
            // Before the host's child stores to its pages.
            let child = (*op == Op::FORK).then(|| expected_child(&self.spec, &self.core_rules));
            for page in op.call().pages() {
                self.pages[page] = (Expected::of(&self.spec, page, &self.core_rules), None);
            }
            // The host first: where the specification is wrong, it is the authority.
            if let Some((host, level)) = &mut self.host {
                if *op == Op::FORK {
                    same_host_child(host, &mut self.spec).map_err(|what| (Party::Linux, what))?;
                }
                same_host(host, op, &self.allowed, &self.spec)
                    .map_err(|what| (Party::Linux, what))?;
                if *level == Level::Vma && op.acts() {
                    match op.call() {
                        Call::Fork { .. } => self.vmas.fork(),
                        call => self.vmas.apply(call, answer),
                    }
                    same_host_vmas(host, &self.vmas).map_err(|what| (Party::Linux, what))?;
                }
            }
            if let Some(op) = op.on_core(first) {
                same_answer(perform(&op, &mut cpu), &self.allowed)
                    .map_err(|what| (Party::Core, what))?;
            }
            same_core(&system, first, &mut self.pages).map_err(|what| (Party::Core, what))?;
            if let Some(expected) = child {
                same_core_child(&system, first, &expected).map_err(|what| (Party::Core, what))?;
                cpu.exit_mm(CHILD);
                self.spec.exit();
            }
            if *op == Op::RCU_BARRIER {
                let local = cpu.into_local();
                system.check_at_rest(slice::from_ref(&local));
                cpu = Cpu::new(&system, local);
            }
        }
        Ok(())
    }
}

/// Looks at all of core, and compares what is not as it was when it last agreed.
fn same_core(
    system: &System<Native>,
    first: Vpn,
    pages: &mut [(Expected, Option<PageState>); PAGES],
) -> Result<(), What> {
    let window = PageRange::new(first, Vpn(first.0 + PAGES as u64));
    let mut rest = pages.iter_mut().enumerate();
    let mut same = Ok(());
    system.visit_pages(MmId::MAIN, window, |_, found| {
        if let (Ok(()), Some((page, (expected, agreed)))) = (&same, rest.next())
            && *agreed != Some(found)
        {
            same = same_page(page, &found, expected);
            *agreed = Some(found);
        }
    });
    same?;
    assert!(rest.next().is_none(), "every page of the window is shown");
    same_vmas(
        system,
        MmId::MAIN,
        first,
        pages.iter().map(|(expected, _)| expected.prot),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its hardware walks page tables still, while its program does not run.
    #[test]
    fn a_kernel_thread_speculates_and_waits() {
        let evict = Op::Call(Call::Evict { page: 1 });
        let read = Op::Call(Call::Read { page: 1 });
        let case = Case {
            core: CoreSetup::default(),
            ops: vec![
                Op::SWITCH_MAIN,
                Op::SWITCH_LAZY,
                evict.clone(),
                Op::SWITCH_LAZY,
                read,
                Op::FORK,
                Op::RCU_BARRIER,
            ],
        };
        let done = [Op::SWITCH_LAZY, evict, Op::RCU_BARRIER];
        let effective = case.effective_ops();
        assert_eq!(effective[..3], done);
        assert_eq!(effective[3..], CLOSING);
        let mut case = case;
        case.ops.push(Op::SWITCH_MAIN);
        let effective = case.effective_ops();
        assert_eq!(effective[..3], done);
        assert_eq!(effective[3], Op::SWITCH_MAIN);
        assert_eq!(effective[4..], CLOSING[1..]);
    }
}
