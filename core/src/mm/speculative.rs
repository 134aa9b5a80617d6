//! Faults that take no lock of their VMA: by a sequence count, or by RCU alone.
//!
//! They work on a copy of the VMA that may be torn or gone. A second look decides, under the
//! page-table lock: writers change the count, the tree and the VMAs before they change entries
//! under that lock, so a fault that finds all as it was comes before them. It is taken again after
//! a page was copied ([`VmaStays`]), and so is the look.
//!
//! # Linux
//! Speculative page faults v2, January 2022: `do_user_addr_fault()`, `pte_map_lock()`; M. Wilcox at
//! LSFMM+BPF 2023 on faults under RCU.

use crate::ghost::lock_events::LockEvents;
use crate::mm::cpu::Cpu;
use crate::mm::fault::{Handled, VmaStays};
use crate::mm::ptl::PtlGuard;
use crate::mm::vma::VmaCopy;
use crate::mm::walk::Walk;
use crate::orderings;
use crate::platform::{Platform, RcuPointer, Word};
use crate::types::addr::Vpn;
use crate::types::event::{LockClass, LockStep, What};
use crate::types::prot::Access;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// By the sequence count. `None`: under the mmap lock instead.
    /// Linux: speculative page faults, `do_anonymous_page()` with
    /// `pte_map_lock()`.
    pub(crate) fn fault_speculative(&mut self, vpn: Vpn, access: Access) -> Option<Handled> {
        let mm = self.mm();
        // QUIRK(SpfSeqReadRelaxed): proofs/spf/count-read-early
        let quirks = self.sys.quirks();
        let ordering = quirks.weaken(Quirk::SpfSeqReadRelaxed, orderings::SPF_SEQ_READ);
        let seq = mm.seq.load(ordering);
        self.event(What::SeqRead { value: seq });
        // QUIRK(SpfIgnoresWriter): proofs/spf/begun-inside-a-writer
        if !seq.is_multiple_of(2) && !self.sys.has(Quirk::SpfIgnoresWriter) {
            self.how("falls back: a writer is inside");
            return None;
        }
        let rcu = self.rcu_read_lock();
        let copy = match mm.tree.load().find(vpn) {
            Some((_, vma)) => vma.copy_racy(),
            None => {
                self.how("falls back: no VMA");
                return None;
            }
        };
        drop(rcu);
        // The check under the lock would do: this one saves the walk, and lets
        // no fault act on a copy that never was a VMA. No proof needs it.
        if !self.seq_unchanged(seq) {
            return None;
        }
        // A page that has to be waited for is none either.
        let suits = copy.range.contains(vpn) && copy.prot.allows(access);
        if !suits || copy.backing.may_wait(self) || self.lacks_anon_vma(copy, access) {
            self.how("falls back: not for speculation");
            return None;
        }
        let ptl = self.lock_speculative(vpn, Some(seq))?;
        let entry = ptl.entry(vpn);
        self.commit(ptl, copy, vpn, access, entry, VmaStays::Seq(seq))?
            .ok()
    }

    /// The page-table lock, if no writer came since the sequence count was `seq`, if one is given.
    /// Linux: speculative page faults, `pte_map_lock()`.
    pub(crate) fn lock_speculative(
        &mut self,
        vpn: Vpn,
        seq: Option<u64>,
    ) -> Option<PtlGuard<'s, P>> {
        let walk = self.walk_begin(false);
        let Some(table) = self.walk(&walk, vpn) else {
            self.how("falls back: no page table");
            return None;
        };
        let tables = &self.sys.machine.tables;
        // QUIRK(SpinWithIrqsOff): proofs/spf/spin-with-irqs-off
        let ptl = if self.sys.has(Quirk::SpinWithIrqsOff) {
            let own = LockEvents::<P>::new(self.id(), LockClass::Irq, self.id().0 as u64);
            own.tell(LockStep::TryLocked);
            Some(self.ptl_lock(table))
        } else {
            PtlGuard::try_lock(tables, table, self.id())
        };
        let Some(ptl) = ptl else {
            self.how("falls back: the page-table lock is taken");
            return None;
        };
        // A writer that begins after this check zaps under this lock.
        // QUIRK(NoSeqCheckUnderPtl): proofs/spf/no-recheck-under-ptl
        if let Some(seq) = seq
            && !self.sys.has(Quirk::NoSeqCheckUnderPtl)
            && !self.seq_unchanged(seq)
        {
            ptl.unlock();
            return None;
        }
        // A zap that reclaims a table holds the mmap lock for reading alone: no sequence count
        // tells.
        if !self.still_translates(vpn, table, true) {
            ptl.unlock();
            self.how("falls back: the page table was reclaimed");
            return None;
        }
        // Interrupts come back on, as a copy flushes; an RCU section may last.
        Some(match walk {
            Walk::IrqOff { .. } => {
                drop(walk);
                ptl
            }
            Walk::Rcu { .. } | Walk::Held => ptl.keeping(walk),
        })
    }

    fn seq_unchanged(&self, seq: u64) -> bool {
        // QUIRK(SeqCheckNoFence): proofs/spf/torn-copy
        if !self.sys.has(Quirk::SeqCheckNoFence) {
            P::fence(orderings::SPF_CHECK_FENCE);
        }
        let now = self.mm().seq.load(orderings::SPF_CHECK);
        self.event(What::SeqRead { value: now });
        if now != seq {
            self.how("falls back: a writer came");
        }
        now == seq
    }

    /// Under RCU and the page-table lock. `None`: under the mmap lock instead.
    pub(crate) fn fault_rcu(&mut self, vpn: Vpn, access: Access) -> Option<Handled> {
        let mm = self.mm();
        let walk = Walk::Rcu {
            _section: self.rcu_read_lock(),
        };
        let copy = mm.tree.load().find(vpn).map(|(_, vma)| vma.copy_racy());
        let suits = |vma: &VmaCopy| vma.range.contains(vpn) && vma.prot.allows(access);
        let Some(copy) = copy.filter(suits) else {
            self.how("falls back: no VMA for it");
            return None;
        };
        if copy.backing.may_wait(self) {
            self.how("falls back: a page may have to be waited for");
            return None;
        }
        if self.lacks_anon_vma(copy, access) {
            self.how("falls back: the VMA has no anon_vma yet");
            return None;
        }
        let (ptl, copy) = self.lock_by_rcu(walk, copy, vpn, access)?;
        let entry = ptl.entry(vpn);
        self.commit(ptl, copy, vpn, access, entry, VmaStays::Found)?
            .ok()
    }

    /// The page-table lock, and the VMA that allows `access` now, which was `copy` before.
    pub(crate) fn lock_by_rcu(
        &mut self,
        walk: Walk<'s, P>,
        mut copy: VmaCopy,
        vpn: Vpn,
        access: Access,
    ) -> Option<(PtlGuard<'s, P>, VmaCopy)> {
        let Some(table) = self.walk(&walk, vpn) else {
            self.how("falls back: no page table");
            return None;
        };
        let ptl = self.ptl_lock(table);
        // Writers change the tree and the VMA before they change entries under
        // this lock: what is found now is what they left, or they are to come.
        // QUIRK(NoVmaRecheckUnderPtl): proofs/vma_tree/fault-by-rcu-alone
        if !self.sys.has(Quirk::NoVmaRecheckUnderPtl) {
            let suits = |vma: &VmaCopy| vma.range.contains(vpn) && vma.prot.allows(access);
            let tree = self.mm().tree.load();
            let again = tree.find(vpn).map(|(_, vma)| vma.copy_racy());
            // QUIRK(NoTableRecheckUnderRcu): proofs/vma_tree/table-unhooked-under-fault
            let same =
                self.sys.has(Quirk::NoTableRecheckUnderRcu) || self.leaf_table(vpn) == Some(table);
            // mprotect() has changed the VMA and not come to this entry yet: to set it as the VMA is
            // would take permission that only mprotect() flushes.
            // QUIRK(RcuFaultNarrows): proofs/vma_tree/narrowed-by-a-fault
            let entry = ptl.pte(vpn).prot();
            let keeps =
                |vma: &VmaCopy| vma.prot.contains(entry) || self.sys.has(Quirk::RcuFaultNarrows);
            match again.filter(suits).filter(keeps) {
                Some(again) if same => copy = again,
                _ => {
                    ptl.unlock();
                    self.how("falls back: the VMA or the table changed");
                    return None;
                }
            }
        }
        Some((ptl.keeping(walk), copy))
    }
}
