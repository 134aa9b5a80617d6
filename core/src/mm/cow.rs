//! Copy-on-write: a write to the zero page, or to a page that another process has too.
//!
//! ```text
//! under ptl    the entry's page is shared: a reference of it
//! under none   a page is taken, and the content copied to it
//! under ptl    the entry is the same:     cleared, flushed, set to the copy
//!              it is another one by now:  the copy goes, and the access faults again
//! under none   the reference goes
//! ```
//!
//! # Invariants
//! - C1: no CPU stores to an anonymous page that is being copied, and none frees it. No entry of it allows
//!   writes, and what TLBs had was flushed, before a fault finds it shared (K2). As long as the
//!   fault has its reference, it is shared to all others, which can only copy it too.
//!   A file's page is stored to at any time: what the copy has is one of its states.
//! - C2: so an entry that is the same as before stands for the same content, whatever came between.
//! - C3: no entry of the address space has a page and the copy of it at once, nor any TLB.
//!
//! # Linux
//! mm/memory.c: `do_wp_page()`, `wp_can_reuse_anon_folio()`, `wp_page_copy()`. Kept: whether the
//! page is shared is decided under the page-table lock, by a count that references raise too; the
//! lock is left for the copy, and whatever kept the table is left with it. Changed: bits that
//! hardware has set in the entry meanwhile are no reason to fault again; references alone tell
//! whether a page is shared, so that `madvise cold`, which counts entries in Linux
//! (`folio_maybe_mapped_shared()`), takes a page that is being copied for one that is shared.

use crate::mm::cpu::Cpu;
use crate::mm::fault::{Await, Handled, Outcome, VmaStays};
use crate::mm::flush::FlushInfo;
use crate::mm::ptl::PtlGuard;
use crate::mm::vma::VmaCopy;
use crate::mm::walk::Walk;
use crate::platform::Platform;
use crate::types::addr::Vpn;
use crate::types::error::Fault;
use crate::types::event::What;
use crate::types::ids::Pfn;
use crate::types::prot::{Access, Prot};
use crate::types::pte::Pte;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Gives `vpn` a page of its own, where its entry `old` has the zero page or a shared one.
    /// `None`: the page-table lock could not be taken again, and nothing was changed.
    /// Linux: `do_wp_page()`, `wp_page_copy()`.
    pub(crate) fn copy_on_write(
        &mut self,
        ptl: PtlGuard<'s, P>,
        vma: VmaCopy,
        vpn: Vpn,
        old: Pte,
        stays: VmaStays,
    ) -> Option<Outcome> {
        // QUIRK(CowNoReference): proofs/cow/freed-while-copied
        let referenced = old.pfn() != Pfn::ZERO && !self.sys.has(Quirk::CowNoReference);
        // QUIRK(CowReferenceAfterPtl): proofs/cow/referenced-after-the-lock
        let late = self.sys.has(Quirk::CowReferenceAfterPtl);
        if referenced && !late {
            self.sys.frame(old.pfn()).get();
        }
        ptl.unlock();
        if referenced && late {
            self.sys.frame(old.pfn()).get();
        }
        let outcome = match self.alloc_frame(vpn) {
            Some(copy) => self.copy_and_map(vma, vpn, old, copy, stays),
            None => Some(Err(Fault::Bus)),
        };
        // QUIRK(CowReferenceNotPut): proofs/cow/copy-leaves-the-old-page
        if referenced && !self.sys.has(Quirk::CowReferenceNotPut) {
            self.free_frame(old.pfn());
        }
        outcome
    }

    /// The page-table lock is not held.
    fn copy_and_map(
        &mut self,
        vma: VmaCopy,
        vpn: Vpn,
        old: Pte,
        copy: Pfn,
        stays: VmaStays,
    ) -> Option<Outcome> {
        // QUIRK(MapBeforeCopy): proofs/cow/mapped-before-it-is-copied
        let late = self.sys.has(Quirk::MapBeforeCopy);
        if !late {
            self.copy_frame(vpn, old.pfn(), copy);
        }
        let locked = self.lock_again(vma, vpn, stays);
        let outcome = match locked {
            None => None,
            // QUIRK(CowNoPteSame): proofs/cow/two-copy-one-page
            Some((ptl, vma)) if ptl.pte(vpn).is_same(old) || self.sys.has(Quirk::CowNoPteSame) => {
                self.map_copy(ptl, vma, vpn, copy, late);
                return Some(Ok(Handled::Resolved));
            }
            Some((ptl, _)) => {
                self.how("drops the copy: the entry is another one by now");
                ptl.unlock();
                Some(Ok(Handled::Again(Await::Nothing)))
            }
        };
        // QUIRK(CowKeepsCopy): proofs/cow/two-copy-one-page
        if !self.sys.has(Quirk::CowKeepsCopy) {
            self.free_frame(copy);
        }
        outcome
    }

    /// Takes the page-table lock again, with the VMA as it is now.
    fn lock_again(
        &mut self,
        vma: VmaCopy,
        vpn: Vpn,
        stays: VmaStays,
    ) -> Option<(PtlGuard<'s, P>, VmaCopy)> {
        // QUIRK(NoVmaRecheckAfterCopy): proofs/cow/protected-while-copied
        let looks = || !self.sys.has(Quirk::NoVmaRecheckAfterCopy);
        match stays {
            VmaStays::Seq(seq) => {
                let seq = looks().then_some(seq);
                self.lock_speculative(vpn, seq).map(|ptl| (ptl, vma))
            }
            VmaStays::Found if looks() => {
                let _section = self.rcu_read_lock();
                self.lock_by_rcu(Walk::Rcu { _section }, vma, vpn, Access::Write)
            }
            VmaStays::Found => self.lock_leaf(vpn, false).map(|ptl| (ptl, vma)),
            VmaStays::Locked(_) => self.lock_leaf(vpn, true).map(|ptl| (ptl, vma)),
        }
    }

    /// Puts `copy` in the place of the page at `vpn`.
    fn map_copy(
        &mut self,
        mut ptl: PtlGuard<'s, P>,
        vma: VmaCopy,
        vpn: Vpn,
        copy: Pfn,
        late: bool,
    ) {
        let replaced = ptl.pte(vpn).grant();
        let grant = self.grant(vma.prot);
        self.sys.machine.grants.replaces(grant, replaced);
        let new = self.written(Pte::new(copy, vma.prot, grant));
        let flush = FlushInfo {
            range: Some(ptl.pages(vpn)),
            freed_tables: false,
        };
        let before;
        if vma.backing.is_anonymous() {
            let page = self.anon_page(vma, vpn, true);
            self.sys.frame(copy).set_anon(page);
        }
        self.entry_comes(copy);
        // No CPU may use the new page while another still uses the old one (C3).
        // QUIRK(CowOverwrite): proofs/tlb/cow-over-old-page
        if self.sys.has(Quirk::CowOverwrite) {
            before = self.set_pte(&mut ptl, vpn, new);
            self.shootdown(flush);
        } else {
            // QUIRK(CowFlushBeforeClear): proofs/cow/flushed-before-it-is-cleared-by-cow
            let early = self.sys.has(Quirk::CowFlushBeforeClear);
            if early {
                self.shootdown(flush);
            }
            before = self.set_pte(&mut ptl, vpn, Pte::NONE);
            // QUIRK(CowNoFlush): proofs/cow/copied-without-a-flush
            if !early && !self.sys.has(Quirk::CowNoFlush) {
                self.shootdown(flush);
            }
            self.set_pte(&mut ptl, vpn, new);
        }
        if late {
            self.copy_frame(vpn, before.pfn(), copy);
        }
        self.entry_went(before);
        // QUIRK(CowKeepsReference): proofs/cow/copy-leaves-the-old-page
        if !self.sys.has(Quirk::CowKeepsReference) {
            self.free_frame(before.pfn());
        }
        ptl.unlock();
        let all = Prot::RW | Prot::X;
        self.sys.machine.grants.revoked(replaced, all, self.id());
    }

    /// Copies a page, unless it is the zero page: the copy is zero already.
    /// Linux: `__wp_page_copy_user()`.
    pub(crate) fn copy_frame(&self, vpn: Vpn, from: Pfn, to: Pfn) {
        if from != Pfn::ZERO {
            self.sys.frame(to).copy(self.sys.frame(from));
            self.event(What::FrameCopied { vpn, from, to });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::mmap::MmapFlags;
    use crate::mm::cpu::CpuLocal;
    use crate::mm::system::System;
    use crate::test_platform::Alone;
    use crate::types::addr::PageRange;
    use crate::types::config::Config;
    use crate::types::ids::{CpuId, MmId};

    #[test]
    fn without_memory_for_a_copy_nothing_changes() {
        let (child, vpn) = (MmId(1), Vpn(1));
        let system = System::<Alone>::new(Config {
            mms: 2,
            frames_per_cpu: 1,
            ..Config::small(1)
        });
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        let rest = |cpu: &Cpu<'_, Alone>| system.check_at_rest(core::slice::from_ref(&*cpu.local));
        let mapped = cpu.mmap(PageRange::page(vpn), Prot::RW, MmapFlags::default());
        mapped.expect("there is room");
        assert_eq!(cpu.write(vpn, 7), Ok(()));
        cpu.fork(child).expect("there is memory for tables");
        assert_eq!(cpu.write(vpn, 1), Err(Fault::Bus));
        assert_eq!(cpu.read(vpn), Ok(7));
        rest(&cpu);
        cpu.exit_mm(child);
        assert_eq!(cpu.write(vpn, 1), Ok(()), "the page is not shared any more");
        cpu.rcu_barrier();
        rest(&cpu);
    }
}
