//! `fork`: a second address space shares all pages, until one of the two writes.
//!
//! ```text
//! mmap_lock of both, every VMA of the parent locked --> VMAs and tables of the child -->
//! entries lose W and go to the child --> one flush --> locks are left
//! ```
//!
//! # Invariants
//! - K1: a frame has as many references as entries, but for faults that copy it and entries that are
//!   not flushed yet (M1); one whose entry allows writes has no other, and no fault copies it.
//! - K2: from the first entry that loses W to the end of the flush no fault changes an entry of the
//!   parent. Until that flush stores may go through old translations, to frames that both have;
//!   no fault copies such a frame meanwhile. So the child has what was stored before the flush and
//!   nothing else: a snapshot.
//!
//! # Linux
//! kernel/fork.c: `dup_mmap()`; mm/memory.c: `copy_present_ptes()`. Kept: the lock of each VMA
//! before its entries are copied, the flush before any lock is left. Changed: references
//! alone tell whether a page is shared, where Linux has `PageAnonExclusive` beside it, for pinned pages.
//! Where faults take neither lock (`rcu_fault`), they find no VMA meanwhile. No other CPU would
//! wait for the child's locks.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::file::Backing;
use crate::mm::gather::Gather;
use crate::mm::mmap_lock::MmapWrite;
use crate::mm::ptl::PtlGuard;
use crate::mm::vma::{Vma, VmaCopy};
use crate::mm::vma_tree::VmaTree;
use crate::mm::walk::Walk;
use crate::orderings;
use crate::platform::{Platform, RcuPointer};
use crate::types::addr::PageRange;
use crate::types::error::Errno;
use crate::types::event::What;
use crate::types::ids::{MmId, Pfn};
use crate::types::prot::Prot;
use crate::types::protocol::FaultPath;
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Copies the address space that the CPU runs to `child`, in which nothing is mapped.
    /// `Nomem` if there is no memory for it: then nothing is mapped there still.
    /// Linux: `fork()`, `dup_mmap()`.
    ///
    /// # Panics
    /// If `child` is not an address space of the machine.
    pub fn fork(&mut self, child: MmId) -> Result<(), Errno> {
        let mut lock = self.mmap_write_lock();
        let mut child_lock = self.within(child, Self::mmap_write_lock);
        child_lock.set_heap_end(lock.heap_end());
        let vmas = lock.tree().overlapping(self.everything());
        self.keep_faults_out(&lock, &vmas);
        let mut gather = self.gather();
        let copies: Vec<VmaCopy> = vmas.iter().map(|(_, vma)| vma.copy_stable()).collect();
        let result = self.copy_vmas(&copies, child, &mut child_lock);
        // QUIRK(ForkLinksLate): proofs/file/truncated-while-forked
        let late_links = self.sys.has(Quirk::ForkLinksLate);
        if late_links {
            self.within(child, |cpu| {
                let linked = copies.iter().map(|vma| vma.unlocked());
                linked.for_each(|vma| cpu.unlink_rmap(vma));
            });
        }
        if result.is_ok() {
            // The child finds what is shared by itself: vma_needs_copy(), mm/memory.c.
            // QUIRK(ForkPassesOverPrivate): proofs/file/child-has-the-copy
            let passes_over = |backing: Backing| match backing {
                Backing::Anonymous | Backing::Stack => false,
                Backing::Shared(_) | Backing::Driver(_) => true,
                Backing::Private(_) => self.sys.has(Quirk::ForkPassesOverPrivate),
            };
            for vma in &copies {
                // VM_MAYBE_GUARD, which guard_install sets; before Linux 6.19 (6.18.y) it set anon_vma for that.
                let guards_alone = passes_over(vma.backing);
                if !guards_alone || self.sys.config().guards {
                    self.copy_page_range(vma.range, child, guards_alone, &mut gather);
                }
            }
            if late_links {
                self.within(child, |cpu| {
                    let linked = copies.iter().map(|vma| vma.unlocked());
                    linked.for_each(|vma| cpu.link_rmap(vma));
                });
            }
        } else {
            self.within(child, |cpu| cpu.unmap_all(&mut child_lock));
        }
        // QUIRK(ForkFlushAfterUnlock): proofs/cow/flush-after-unlock
        let late = self.sys.has(Quirk::ForkFlushAfterUnlock);
        if !late {
            self.finish(&mut gather);
        }
        child_lock.unlock();
        self.let_faults_in(&mut lock);
        lock.unlock();
        if late {
            self.finish(&mut gather);
        }
        self.complete(gather);
        result
    }

    /// Frees all that is mapped in `mm`, which no CPU runs any more. Linux: `exit_mmap()`.
    pub fn exit_mm(&mut self, mm: MmId) {
        self.within(mm, |cpu| {
            let mut lock = cpu.mmap_write_lock();
            cpu.unmap_all(&mut lock);
            lock.unlock();
        });
    }

    /// Unmaps all that is mapped where no CPU has a translation.
    fn unmap_all(&mut self, lock: &mut MmapWrite<'s, P>) {
        for (range, _) in lock.tree().overlapping(self.everything()) {
            let gather = self.unmap(lock, range);
            self.complete(gather);
        }
    }

    fn everything(&self) -> PageRange {
        self.sys.geometry().all_pages()
    }

    /// From here on no fault changes an entry (K2). Linux: `vma_start_write()` in `dup_mmap()`.
    fn keep_faults_out(&mut self, lock: &MmapWrite<'s, P>, vmas: &[(PageRange, Arc<Vma<P>>)]) {
        // QUIRK(ForkTreeVisible): proofs/cow/fork-vs-rcu-fault
        if self.sys.protocol().fault() == FaultPath::RcuFault
            && !self.sys.has(Quirk::ForkTreeVisible)
        {
            let nothing = Arc::new(VmaTree::new());
            self.mm().tree.store(nothing, orderings::TREE_HIDE);
        }
        // QUIRK(ForkVmasUnlocked): proofs/cow/fork-vs-fault
        if !self.sys.has(Quirk::ForkVmasUnlocked) {
            for (_, vma) in vmas {
                lock.start_write(vma);
            }
        }
    }

    fn let_faults_in(&mut self, lock: &mut MmapWrite<'s, P>) {
        if self.sys.protocol().fault() == FaultPath::RcuFault {
            lock.publish_again();
        }
    }

    /// Makes the child's VMAs, and its tables where the parent has them.
    fn copy_vmas(
        &mut self,
        vmas: &[VmaCopy],
        child: MmId,
        child_lock: &mut MmapWrite<'s, P>,
    ) -> Result<(), Errno> {
        for &vma in vmas {
            let vma = self.fork_anon_vma(vma);
            // VM_LOCKED_MASK: dup_mmap(), mm/mmap.c.
            // QUIRK(ForkKeepsLocked): proofs/basics/child-is-not-locked
            let vma = match self.sys.has(Quirk::ForkKeepsLocked) {
                true => vma,
                false => vma.unlocked(),
            };
            // Neighbours stay two, though neither is locked: dup_mmap() merges nothing.
            self.within(child, |cpu| {
                cpu.add_vma(child_lock, vma);
                cpu.link_rmap(vma);
            });
            // QUIRK(ForkOpensNoDriver): proofs/driver/fork-opens
            if self.sys.has(Quirk::ForkOpensNoDriver) {
                self.close_driver(vma);
            }
            for part in self.sys.geometry().leaf_parts(vma.range) {
                let needed = self.leaf_table(part.start).is_some();
                if needed && !self.within(child, |cpu| cpu.install_tables(part.start)) {
                    return Err(Errno::Nomem);
                }
            }
        }
        Ok(())
    }

    /// Shares the pages of `range` with the child, or gives it the markers of guard pages alone.
    /// Linux: `copy_page_range()`.
    fn copy_page_range(
        &mut self,
        range: PageRange,
        child: MmId,
        guards_alone: bool,
        gather: &mut Gather,
    ) {
        for part in self.sys.geometry().leaf_parts(range) {
            let Some(mut ptl) = self.lock_leaf(part.start, true) else {
                continue;
            };
            // Linux flushes in any case, at the end of dup_mmap().
            self.flush_batched_pending();
            let child_table = self.within(child, |cpu| cpu.walk(&Walk::Held, part.start));
            if let Some(table) = child_table {
                let mut child_ptl = self.ptl_lock(table);
                self.copy_ptes(
                    part,
                    &mut ptl,
                    (child, &mut child_ptl),
                    guards_alone,
                    gather,
                );
                child_ptl.unlock();
            }
            ptl.unlock();
        }
    }

    /// Linux: `copy_present_ptes()`.
    fn copy_ptes(
        &mut self,
        part: PageRange,
        ptl: &mut PtlGuard<'s, P>,
        (child, child_ptl): (MmId, &mut PtlGuard<'s, P>),
        guards_alone: bool,
        gather: &mut Gather,
    ) {
        for vpn in ptl.entries(part) {
            for (grant, past) in ptl.past(vpn) {
                gather.revoked(grant, past & Prot::W);
            }
            let soft = match ptl.entry(vpn) {
                Entry::Leaf(_) if guards_alone => continue,
                Entry::Leaf(soft) => soft,
                // Linux: copy_nonpresent_pte().
                Entry::Swapped(swapped) => {
                    // QUIRK(ForkSwapNotCounted): proofs/swap/forked-in-swap
                    if !self.sys.has(Quirk::ForkSwapNotCounted) {
                        self.swap().duplicate(swapped.slot(), self.id());
                    }
                    self.event(What::Forked { child, vpn });
                    child_ptl.set(vpn, swapped);
                    continue;
                }
                // Linux: copy_pte_marker().
                Entry::Guard => {
                    // QUIRK(ForkDropsGuards): proofs/cow/child-has-the-guards
                    if !self.sys.has(Quirk::ForkDropsGuards) {
                        self.event(What::Forked { child, vpn });
                        child_ptl.set(vpn, Pte::GUARD);
                    }
                    continue;
                }
                Entry::None | Entry::Table(_) => continue,
            };
            let prot = soft.prot() & !Prot::W;
            // QUIRK(ForkParentWritable): proofs/cow/fork-protects-both
            let keeps_w = self.sys.has(Quirk::ForkParentWritable);
            let old = if prot == soft.prot() || keeps_w {
                ptl.current(vpn)
            } else {
                // Linux: ptep_set_wrprotect().
                let new = Pte::new(soft.pfn(), prot, self.grant(prot));
                let old = ptl.modify(vpn, new);
                gather.revoked(old.grant(), Prot::W);
                // QUIRK(ForkNoFlush): proofs/cow/fork-flushes
                if !self.sys.has(Quirk::ForkNoFlush) {
                    gather.changed(ptl.pages(vpn), self.flush_type(old, new));
                }
                old
            };
            if old.pfn() != Pfn::ZERO {
                self.sys.frame(old.pfn()).share();
            }
            self.event(What::Forked { child, vpn });
            // QUIRK(ForkChildWritable): proofs/cow/fork-protects-both
            let prot = if self.sys.has(Quirk::ForkChildWritable) {
                soft.prot()
            } else {
                prot
            };
            let mut copy = Pte::new(old.pfn(), prot, self.grant(prot));
            // QUIRK(ForkChildClean): proofs/cow/child-inherits-dirty
            if !self.sys.has(Quirk::ForkChildClean) {
                copy = copy.with_history_of(old);
            }
            self.entry_comes(copy.pfn());
            child_ptl.set(vpn, copy);
        }
    }
}
