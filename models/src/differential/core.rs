//! Core on the native machine, as a subject.

use std::mem;
use std::ops::Range;
use std::slice;

use seqfault_core::{
    self as core, Config, Cpu, CpuId, CpuLocal, MmId, PageRange, PageState, System, Vpn,
};

use super::given::Given;
use super::setup::{CoreSetup, PAGES, files};
use crate::ops::{self, Answer, Backing, Numbered};
use crate::platform::Native;
use crate::spec::seq::Call;
use crate::subject::{Child, Lacks, Rights, Seen, Subject};
use crate::subjects::{Addresses, AtAddresses, attempt, does, shown};

/// Its name.
pub(super) const CORE: &str = "core";

/// The address space of the child.
const CHILD: MmId = MmId(1);

/// Core, with a window of [`PAGES`] pages.
pub struct Core {
    config: Config,
    first: Vpn,
    running: Option<Running>,
}

/// A machine, and its CPU.
struct Running {
    system: System<Native>,
    local: CpuLocal<Native>,
    /// The pages as they were when they were last shown.
    shown: [Option<PageState>; PAGES],
    /// Nothing waits to be freed.
    rests: bool,
    /// It has mapped a file.
    maps_file: bool,
}

impl Core {
    /// Such a core, with memory enough for these operations.
    pub(super) fn new(setup: &CoreSetup, ops: &[&Given]) -> Core {
        Core {
            config: setup.config(ops),
            first: setup.shape.first(),
            running: None,
        }
    }

    /// The operation at the window's addresses, if core may have it.
    fn placed(&self, op: &Call) -> Option<ops::Op<Addresses>> {
        let at = |page: usize| Vpn(self.first.0 + page as u64);
        op.rename(&mut AtAddresses(at)).ok()
    }

    fn window(&self) -> PageRange {
        PageRange::new(self.first, Vpn(self.first.0 + PAGES as u64))
    }

    fn running(&mut self) -> &mut Running {
        let running = self.running.as_mut();
        running.expect("a sequence begins with a reset")
    }

    /// Lets the CPU run `mm`.
    fn run(&mut self, mm: MmId) {
        let Running { system, local, .. } = self.running();
        system.run_in(local, mm);
    }

    /// Shows the mappings of `mm`.
    fn show_vmas(&mut self, mm: MmId, show: &mut dyn FnMut(Range<usize>, Rights)) {
        let first = self.first.0;
        let page = |vpn: Vpn| (vpn.0 - first) as usize;
        self.running().system.visit_vmas(mm, |range, prot| {
            show(page(range.start)..page(range.end), rights(prot));
        });
    }
}

impl Running {
    /// Lets the CPU run.
    fn cpu(&mut self) -> Cpu<'_, Native> {
        Cpu::new(&self.system, &mut self.local)
    }
}

impl Subject for Core {
    fn name(&self) -> &'static str {
        CORE
    }

    fn reset(&mut self) {
        let system = System::with_files(self.config, &files(), true);
        self.running = Some(Running {
            local: CpuLocal::new(&system, CpuId(0)),
            system,
            shown: [None; PAGES],
            rests: false,
            maps_file: false,
        });
    }

    fn apply(&mut self, op: &ops::Op<Numbered>) -> Result<Answer, Lacks> {
        let placed = self.placed(op);
        let running = self.running();
        let answer = placed.and_then(|placed| attempt(&placed, &mut running.cpu()));
        running.rests = matches!(op, Call::RcuBarrier {});
        running.maps_file |= matches!(op, Call::Mmap { backing, .. } if *backing != Backing::Anon);
        answer.ok_or_else(|| Lacks::op(CORE, op))
    }

    fn lacks(&mut self, op: &ops::Op<Numbered>) -> Option<Lacks> {
        let has = self.placed(op).is_some_and(|op| does(&op));
        (!has).then(|| Lacks::op(CORE, op))
    }

    fn look(&mut self, show: &mut dyn FnMut(usize, Seen)) {
        let window = self.window();
        let Running { system, shown, .. } = self.running();
        let mut rest = shown.iter_mut().enumerate();
        system.visit_pages(MmId::MAIN, window, |_, found| {
            if let Some((page, last)) = rest.next()
                && *last != Some(found)
            {
                *last = Some(found);
                show(page, seen(&found));
            }
        });
        assert!(rest.next().is_none(), "every page of the window is shown");
    }

    fn vmas(&mut self, show: &mut dyn FnMut(Range<usize>, Rights)) -> bool {
        self.show_vmas(MmId::MAIN, show);
        true
    }

    /// The child is looked at. It does nothing, unless it may have pages in common with its parent:
    /// then the CPU runs it, which leaves no translation of the parent's.
    fn fork(&mut self, accesses: &[ops::Op<Numbered>], child: &mut Child) -> Result<Answer, Lacks> {
        let answer = self.apply(&Call::Fork { process: CHILD.0 })?;
        if answer == Answer::Ok {
            let window = self.window();
            let system = &self.running().system;
            system.visit_pages(CHILD, window, |_, found| child.pages.push(seen(&found)));
            let mut vmas = Vec::new();
            self.show_vmas(CHILD, &mut |pages, rights| vmas.push((pages, rights)));
            child.vmas = Some(vmas);
            if self.running().maps_file {
                self.run(CHILD);
                for access in accesses {
                    child.answers.push(self.apply(access)?);
                }
                self.run(MmId::MAIN);
            }
        }
        Ok(answer)
    }

    fn exit_child(&mut self) {
        self.running().cpu().exit_mm(CHILD);
    }

    /// Whenever nothing waits to be freed, everything is either mapped or free.
    fn check(&mut self) {
        let running = self.running();
        if mem::take(&mut running.rests) {
            let local = slice::from_ref(&running.local);
            running.system.check_at_rest(local);
        }
    }
}

/// What is seen of a page.
fn seen(page: &PageState) -> Seen {
    Seen {
        present: Some(page.present),
        dirty: Some(page.dirty),
        writable: Some(page.writable),
        young: Some(page.young),
        ..Seen::by_program(page.vma.map(rights), shown(page))
    }
}

fn rights(prot: core::Prot) -> Rights {
    Rights::from_bits(prot.bits() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::ast::Prot;
    use crate::subjects::protection;

    #[test]
    fn a_protection_is_a_set_of_rights() {
        for prot in [Prot::None, Prot::R, Prot::Rw, Prot::Rx, Prot::Rwx] {
            let on_core = protection(prot);
            assert_eq!(rights(on_core), Rights::from(prot));
            assert_eq!(rights(on_core).to_string(), on_core.to_string());
        }
        assert_eq!(rights(core::Prot::W).to_string(), core::Prot::W.to_string());
    }
}
