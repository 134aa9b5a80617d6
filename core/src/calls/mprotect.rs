//! `mprotect`: permissions of what is mapped change.
//!
//! # Linux
//! mm/mprotect.c: `do_mprotect_pkey()`, `mprotect_fixup()`,
//! `change_pte_range()`, `can_change_pte_writable()`. Changed: what is locked and becomes writable is brought in, so that a
//! first store need not wait, when the mmap lock is left, and up to the first page that cannot come.

use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::file::Backing;
use crate::mm::gather::Gather;
use crate::mm::mmap_lock::MmapWrite;
use crate::mm::ptl::PtlGuard;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::error::Errno;
use crate::types::ids::Pfn;
use crate::types::prot::Prot;
use crate::types::protocol::{Flush, MprotectWritable};
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Gives `range` the protection `prot`. Over a hole: `Nomem`, and the
    /// pages before it are changed. Linux: `mprotect()`.
    pub fn mprotect(&mut self, range: PageRange, prot: Prot) -> Result<(), Errno> {
        self.check_range(range)?;
        let mut lock = self.mmap_write_lock();
        let mut end = range.start;
        for (found, _) in lock.tree().overlapping(range) {
            if found.start <= end {
                end = found.end.min(range.end);
            }
        }
        let mapped = PageRange::new(range.start, end);
        // QUIRK(MprotectFlushAfterUnlock): proofs/tlb/protected-twice
        let late = self.sys.has(Quirk::MprotectFlushAfterUnlock);
        let to_own = self.to_own(&lock, mapped, prot);
        let mut gather = self.protect(&mut lock, mapped, prot, late);
        lock.unlock();
        if let Some(gather) = &mut gather
            && late
        {
            self.finish(gather);
        }
        self.complete(gather.unwrap_or_default());
        // That a page cannot come is not told.
        let _ = to_own
            .into_iter()
            .try_for_each(|part| self.populate_mapped(part));
        if mapped == range {
            Ok(())
        } else {
            Err(Errno::Nomem)
        }
    }

    /// The parts of `range` that are locked and may be written from now on. Linux: `mprotect_fixup()`: "Private VM_LOCKED VMA
    /// becoming writable".
    fn to_own(&self, lock: &MmapWrite<'s, P>, range: PageRange, prot: Prot) -> Vec<PageRange> {
        if !prot.contains(Prot::W) {
            return Vec::new();
        }
        let vmas = lock.tree().overlapping(range).into_iter();
        let vmas = vmas.map(|(_, vma)| vma.copy_stable());
        let is_new = |vma: &VmaCopy| {
            let is_shared = matches!(vma.backing, Backing::Shared(_));
            vma.locked && !is_shared && !vma.prot.contains(Prot::W)
        };
        vmas.filter(is_new)
            .map(|vma| vma.range.intersection(range))
            .collect()
    }

    /// `range` has no holes. `None` if it has the protection already. `late`: the caller ends the
    /// gathering. Linux: `mprotect_fixup()`.
    fn protect(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        range: PageRange,
        prot: Prot,
        late: bool,
    ) -> Option<Gather> {
        let all_have_it = |lock: &MmapWrite<'s, P>| {
            let mut vmas = lock.tree().overlapping(range).into_iter();
            vmas.all(|(_, vma)| vma.copy_stable().prot == prot)
        };
        if range.is_empty() || all_have_it(lock) {
            return None;
        }
        self.split(lock, range);
        // QUIRK(MprotectVmaLate): proofs/vma_lock/protected-before-its-pages
        let vmas_late = self.sys.has(Quirk::MprotectVmaLate);
        if !vmas_late {
            self.protect_vmas(lock, range, prot);
        }
        let mut gather = self.gather();
        for part in self.sys.geometry().leaf_parts(range) {
            self.protect_table(part, prot, &mut gather);
        }
        if vmas_late {
            self.protect_vmas(lock, range, prot);
        }
        if !late {
            self.finish(&mut gather);
        }
        let mut at = range.start;
        while let Some((_, vma)) = lock.tree().find(at)
            && at < range.end
        {
            let copy = vma.copy_stable();
            at = copy.range.end;
            self.merge(lock, copy);
        }
        Some(gather)
    }

    /// Changes the VMAs of `range`, none of which reaches over an end of it.
    fn protect_vmas(&mut self, lock: &mut MmapWrite<'s, P>, range: PageRange, prot: Prot) {
        for (_, vma) in lock.tree().overlapping(range) {
            let old = vma.copy_stable();
            self.change_vma(lock, &vma, old, VmaCopy { prot, ..old });
        }
        lock.publish();
    }

    /// Changes the entries of `part`, which one leaf table translates.
    /// Linux: `change_pte_range()`.
    fn protect_table(&mut self, part: PageRange, prot: Prot, gather: &mut Gather) {
        let Some(mut ptl) = self.lock_leaf(part.start, true) else {
            return;
        };
        self.flush_batched_pending();
        for vpn in ptl.entries(part) {
            let removed = !prot;
            for (grant, past) in ptl.past(vpn) {
                gather.revoked(grant, past & removed);
            }
            if let Entry::Leaf(soft) = ptl.entry(vpn) {
                self.protect_pte(&mut ptl, vpn, soft, prot, gather);
            }
        }
        // Others must find the generation where they find the entries.
        // QUIRK(RelaxedFlushAfterPtl): proofs/tlb/relaxed-told-under-ptl
        if self.sys.protocol().flush() == Flush::Relaxed
            && !self.sys.has(Quirk::RelaxedFlushAfterPtl)
        {
            self.flush_relaxed_part(gather);
        }
        ptl.unlock();
    }

    fn protect_pte(
        &mut self,
        ptl: &mut PtlGuard<'s, P>,
        vpn: crate::types::addr::Vpn,
        soft: Pte,
        prot: Prot,
        gather: &mut Gather,
    ) {
        let direct = self.sys.protocol().mprotect_writable() == MprotectWritable::Direct;
        // QUIRK(MprotectWritableShared): proofs/cow/shared-after-mprotect
        let alone = direct && self.sys.has(Quirk::MprotectWritableShared);
        let exclusive =
            || soft.pfn() != Pfn::ZERO && (alone || !self.sys.frame(soft.pfn()).is_shared());
        let may_write =
            soft.prot().contains(Prot::W) || (direct && prot.contains(Prot::W) && exclusive());
        let hw = if may_write { prot } else { prot & !Prot::W };
        if hw == soft.prot() {
            return;
        }
        let grant = self.grant(hw);
        let new = Pte::new(soft.pfn(), hw, grant);
        // QUIRK(PteRmwNonatomic): proofs/tlb/dirty-lost-by-mprotect
        let old = if self.sys.has(Quirk::PteRmwNonatomic) {
            ptl.set_nonatomic(vpn, |old| new.with_history_of(old))
        } else {
            ptl.modify(vpn, new)
        };
        gather.revoked(old.grant(), old.prot() & !hw);
        let flush = self.flush_type(old, new);
        gather.changed(ptl.pages(vpn), flush);
    }
}
