//! Reclaim: what a page holds goes to swap, and the page is free.
//!
//! ```text
//! mmap lock, ptl: page lock, if it is free; a slot, and into the cache --> both locks are left --> lock of the page's anon_vma:
//! each place of the page, under its ptl: entry cleared, a flush is pending, entry of swap set --> lock is left --> flush of each
//! address space --> written to the slot --> out of the cache --> page lock is left
//! ```
//! The flush is a batch's: between the locks and the flush others find the entry of swap, and TLBs have translations. Whoever
//! promises that none is left looks whether one is pending ([`Cpu::flush_batched_pending`]).
//!
//! Where there is no reverse mapping ([`anon_vma`](crate::mm::anon_vma)), a page has the one place where it is found: its entry
//! goes at once, under the mmap lock.
//!
//! # Linux
//! mm/vmscan.c: `shrink_folio_list()`, `__remove_mapping()`; mm/rmap.c: `try_to_unmap_one()`,
//! `try_to_unmap_flush()`; mm/madvise.c: `madvise_cold_or_pageout_pte_range()`. Kept: the page's lock from before its entries go
//! until it has left the cache; it is written after the flush. Changed: a page is found by its address, where Linux has a
//! list. Each address space is flushed by itself, where Linux has one batch of CPUs. An entry that was missed is a violation, where
//! Linux keeps the page. Dropped: the pages of files in
//! memory and copies that private mappings of files have stay (for files on disks see
//! [`file_reclaim`](crate::mm::file_reclaim); `madvise pageout` passes over anonymous pages that are shared too, as in
//! Linux); a page that was freed lazily goes to swap like any other; a page that is clean in the cache is written again.
//! References are not frozen before the page goes: a fault that has found it
//! keeps it by its own, and looks whether it is the slot's still; one that copies it looks at its entry again; there are
//! no pins.

use crate::mm::anon_vma::AnonVmas;
use crate::mm::cpu::Cpu;
use crate::mm::flush::FlushInfo;
use crate::mm::ptl::PtlGuard;
use crate::mm::swap_in::FrameGuard;
use crate::mm::system::System;
use crate::mm::vma::VmaCopy;
use crate::orderings;
use crate::platform::{Platform, Word, violated};
use crate::types::addr::{PageRange, Vpn};
use crate::types::error::Errno;
use crate::types::event::What;
use crate::types::ids::{GrantId, MmId, Pfn, SwapSlot};
use crate::types::prot::Prot;
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;
use alloc::vec::Vec;

/// A page that is on its way out. This CPU has its lock, and a reference of it.
struct Leaving<'s, P: Platform> {
    /// Where it was found.
    vpn: Vpn,
    pfn: Pfn,
    page: FrameGuard<'s, P>,
    slot: SwapSlot,
    gone: Vec<Gone>,
}

/// An entry that was replaced by one of swap.
struct Gone {
    mm: MmId,
    vpn: Vpn,
    /// What the flush takes away (ghost).
    revoked: Vec<(GrantId, Prot)>,
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Reclaims the page at `vpn`, if it can be: it is anonymous, or a clean one of a file on a disk, and no CPU is at it; without
    /// a reverse mapping, no other entry has it, if it is anonymous.
    ///
    /// # Panics
    /// If the machine has no swap area.
    pub fn reclaim(&mut self, vpn: Vpn) -> Result<(), Errno> {
        let takes_shared = self.sys.anon_vmas().is_some();
        self.reclaim_page(vpn, takes_shared);
        Ok(())
    }

    /// Reclaims the pages of `range`, of anonymous ones those that no other entry has. Over a hole: `Nomem`, and the mapped pages are reclaimed.
    /// `Inval` at a locked mapping, and what is mapped before it is reclaimed.
    /// Linux: `madvise(MADV_PAGEOUT)`. Changed: the mmap lock is left between pages.
    ///
    /// # Panics
    /// As [`Cpu::reclaim`].
    pub fn madvise_pageout(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        let lock = self.mmap_read_lock();
        let (mapped, result) = self.unlocked(&lock, range);
        lock.unlock();
        for vpn in mapped.iter().flat_map(|part| part.iter()) {
            self.reclaim_page(vpn, false);
        }
        result
    }

    fn reclaim_page(&mut self, vpn: Vpn, takes_shared: bool) {
        let lock = self.mmap_read_lock();
        let found = lock.find(vpn);
        if let Some(map) = found.and_then(|vma| vma.backing.file()) {
            lock.unlock();
            return self.reclaim_shown(map, vpn);
        }
        // With a reverse mapping that tells of it.
        let stays = |vma: &VmaCopy| self.sys.anon_vmas().is_none() && self.sys.stays(vma.locked);
        let found = found.filter(|vma| !stays(vma));
        let ptl = found.and_then(|_| self.lock_leaf(vpn, true));
        let leaving = ptl.and_then(|mut ptl| {
            let mut leaving = self.isolate(&ptl, vpn, takes_shared);
            // It has no other place.
            if let Some(leaving) = &mut leaving
                && self.sys.anon_vmas().is_none()
            {
                let gone = self.unmap_entry(&mut ptl, vpn, leaving.slot);
                leaving.gone.push(gone);
            }
            ptl.unlock();
            leaving
        });
        lock.unlock();
        if let Some(mut leaving) = leaving {
            self.unmap_all_places(&mut leaving);
            self.page_out(leaving);
        }
    }

    /// The page at `vpn`, with a slot, and in the cache, if it can go. Linux: `folio_isolate_lru()`, `folio_alloc_swap()`.
    fn isolate(
        &mut self,
        ptl: &PtlGuard<'s, P>,
        vpn: Vpn,
        takes_shared: bool,
    ) -> Option<Leaving<'s, P>> {
        let Entry::Leaf(soft) = ptl.entry(vpn) else {
            return None;
        };
        let pfn = soft.pfn();
        let frame = self.sys.frame(pfn);
        if pfn == Pfn::ZERO || frame.is_of_file() {
            return None;
        }
        // Another process has it, or a fault copies it, or an entry of swap has it in the cache.
        if !takes_shared && frame.is_shared() {
            return None;
        }
        let page = self.try_lock_frame(pfn)?;
        if !self.swap().get() {
            page.unlock();
            return None;
        }
        let slot = self.take_slot(pfn, takes_shared);
        self.swap().put();
        let Some(slot) = slot else {
            page.unlock();
            return None;
        };
        let gone = Vec::new();
        Some(Leaving {
            vpn,
            pfn,
            page,
            slot,
            gone,
        })
    }

    /// A slot for the page `pfn`, whose lock the caller has, if one is free. Linux: `folio_alloc_swap()`.
    fn take_slot(&mut self, pfn: Pfn, takes_shared: bool) -> Option<SwapSlot> {
        let frame = self.sys.frame(pfn);
        let mut slots = self.swap().lock(self.id());
        let is_cached = takes_shared.then(|| slots.of(pfn)).flatten();
        let Some(slot) = is_cached.or_else(|| slots.alloc()) else {
            slots.unlock();
            return None;
        };
        if is_cached.is_none() {
            slots.slot(slot).cached = Some(pfn);
            frame.get();
        }
        if self.sys.anon_vmas().is_none() {
            // The entry's, which is there in a moment; its reference is this CPU's then.
            slots.slot(slot).count = 1;
        } else {
            frame.get();
        }
        slots.unlock();
        Some(slot)
    }

    /// Replaces all entries of the page by ones of swap. Linux: `try_to_unmap()`, `rmap_walk_anon()`.
    fn unmap_all_places(&mut self, leaving: &mut Leaving<'s, P>) {
        let (Some(all), Some(page)) = (self.sys.anon_vmas(), self.sys.frame(leaving.pfn).anon())
        else {
            return;
        };
        let lock = all.read(page.id, self.id());
        // Linux: folio_lock_anon_vma_read().
        // QUIRK(AnonVmaNotRechecked): proofs/swap/unmapped-while-it-is-found
        let looks = !self.sys.has(Quirk::AnonVmaNotRechecked);
        if looks && !self.sys.frame(leaving.pfn).is_mapped() {
            return lock.unlock();
        }
        all.used(page.id);
        // It stays in the cache, too, where a slot has been counted for it before: folio_check_references(), mm/vmscan.c.
        if self.sys.stays(AnonVmas::is_locked(&lock, page)) {
            return lock.unlock();
        }
        let places = AnonVmas::places(&lock, page);
        // QUIRK(RmapWalkUnlocked): proofs/swap/tables-go-under-reclaim
        let lock = match self.sys.has(Quirk::RmapWalkUnlocked) {
            true => {
                lock.unlock();
                None
            }
            false => Some(lock),
        };
        for (mm, vpn) in places {
            let gone = self.visiting(mm, |cpu| cpu.unmap_place(vpn, leaving));
            leaving.gone.extend(gone);
        }
        if let Some(lock) = lock {
            // None comes meanwhile but where a VMA is that is visited later (A1, A3).
            if P::CHECKED && self.sys.frame(leaving.pfn).is_mapped() {
                violated::<P>(
                    Invariant::Refcount,
                    "reclaim has been at all places of a page, and an entry has it still",
                );
            }
            lock.unlock();
        }
    }

    /// Replaces the entry of `vpn`, if it is one of the page. Linux: `page_vma_mapped_walk()`, `try_to_unmap_one()`.
    fn unmap_place(&mut self, vpn: Vpn, leaving: &Leaving<'s, P>) -> Option<Gone> {
        let mut ptl = self.lock_leaf(vpn, true)?;
        let is_here = |soft: &Pte| soft.pfn() == leaving.pfn;
        let is_here = ptl.entry(vpn).leaf().is_some_and(|soft| is_here(&soft));
        let gone = is_here.then(|| {
            // QUIRK(ReclaimSwapNotCounted): proofs/swap/counted-once-for-each-entry
            if !self.sys.has(Quirk::ReclaimSwapNotCounted) || leaving.gone.is_empty() {
                self.swap().duplicate(leaving.slot, self.id());
            }
            self.unmap_entry(&mut ptl, vpn, leaving.slot)
        });
        ptl.unlock();
        gone
    }

    /// Replaces the entry of `vpn` by one of `slot`, where this is counted.
    fn unmap_entry(&mut self, ptl: &mut PtlGuard<'s, P>, vpn: Vpn, slot: SwapSlot) -> Gone {
        let mut revoked: Vec<_> = ptl.past(vpn).collect();
        let old = ptl.set(vpn, Pte::NONE);
        self.tell_batched();
        ptl.set(vpn, Pte::swapped(slot));
        self.entry_went(old);
        revoked.push((old.grant(), old.prot()));
        let mm = self.local.mm;
        Gone { mm, vpn, revoked }
    }

    /// The entries of the page are gone, and their references are this CPU's. Linux: `try_to_unmap_flush_dirty()`, `pageout()`,
    /// `__remove_mapping()`.
    fn page_out(&mut self, leaving: Leaving<'s, P>) {
        let Leaving {
            vpn,
            pfn,
            page,
            slot,
            gone,
        } = leaving;
        let is_out = !gone.is_empty();
        let entries = gone.len();
        // QUIRK(PageoutBeforeFlush): proofs/swap/written-before-the-flush
        let early = self.sys.has(Quirk::PageoutBeforeFlush);
        if is_out && early {
            self.write_swapped(vpn, pfn, slot);
        }
        // QUIRK(ReclaimFreesBeforeFlush): proofs/swap/freed-before-the-flush
        let unflushed = self.sys.has(Quirk::ReclaimFreesBeforeFlush);
        let mut late = Vec::new();
        match unflushed {
            true => late = gone,
            false => self.flush_gone(gone),
        }
        if is_out && !early {
            self.write_swapped(vpn, pfn, slot);
        }
        self.remove_mapping(page, pfn, slot);
        for _ in 0..entries {
            self.free_frame(pfn);
        }
        if self.sys.anon_vmas().is_some() {
            self.free_frame(pfn);
        }
        for Gone { mm, vpn, .. } in late {
            self.visiting(mm, |cpu| cpu.flush_page(vpn));
        }
    }

    /// Flushes in each address space what is gone there. Linux: `try_to_unmap_flush()`.
    fn flush_gone(&mut self, gone: Vec<Gone>) {
        let own = self.local.mm;
        for Gone { mm, vpn, revoked } in gone {
            // QUIRK(ReclaimFlushesOwn): proofs/swap/flushed-in-each-process
            if mm == own || !self.sys.has(Quirk::ReclaimFlushesOwn) {
                self.visiting(mm, |cpu| cpu.flush_page(vpn));
            }
            for (grant, prot) in revoked {
                self.sys.machine.grants.revoked(grant, prot, self.id());
            }
        }
    }

    fn flush_page(&mut self, vpn: Vpn) {
        self.shootdown(FlushInfo {
            range: Some(PageRange::page(vpn)),
            freed_tables: false,
        });
    }

    /// Linux: `swap_writeout()`.
    fn write_swapped(&self, vpn: Vpn, pfn: Pfn, slot: SwapSlot) {
        let word = self.sys.frame(pfn).word.load(orderings::SWAP_CONTENT);
        self.swap().write(slot, word);
        self.event(What::SwappedOut { vpn, pfn, slot });
    }

    /// Takes the page out of the cache, and leaves its lock. A fault that has found it there looks again.
    /// Linux: `__remove_mapping()`.
    fn remove_mapping(&mut self, page: FrameGuard<'s, P>, pfn: Pfn, slot: SwapSlot) {
        let mut slots = self.swap().lock(self.id());
        slots.slot(slot).cached = None;
        slots.unlock();
        page.unlock();
        self.free_frame(pfn);
    }
}

impl<P: Platform> System<P> {
    /// Whether a page stays in memory, as a VMA that has it is locked. Linux: `folio_referenced_one()`, `try_to_unmap_one()`.
    pub(crate) fn stays(&self, locked: bool) -> bool {
        // QUIRK(ReclaimTakesLocked): proofs/swap/locked-stays
        locked && !self.has(Quirk::ReclaimTakesLocked)
    }
}

#[cfg(test)]
mod tests;
