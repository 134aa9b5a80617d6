//! `madvise`: pages are dropped, now or lazily, made old, or brought in.
//!
//! # Linux
//! mm/madvise.c: `madvise_dontneed_single_vma()`, under the mmap read lock, so that faults and other
//! zaps go on, or (`dontneed=vma_lock`) under the VMA's read lock, which `madvise_walk_vmas()` leaves
//! before `madvise_finish_tlb()` flushes, so that writers go on meanwhile, by a flush that they find
//! pending (F2); `faultin_page_range()`. Changed: under the mmap lock a table is reclaimed though
//! only a part of it was in the range, where mm/memory.c, `reclaim_pt_is_enabled()`, wants all.

use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::gather::{FlushType, Gather};
use crate::mm::mmap_lock::MmapRead;
use crate::mm::unmap::Spares;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::error::Errno;
use crate::types::ids::Pfn;
use crate::types::prot::Access;
use crate::types::protocol::Dontneed;
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;

/// What `dontneed` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Locked {
    /// The mmap lock, for reading.
    Mmap,
    /// The lock of one VMA, for reading.
    Vma,
}

/// What a program says of pages that it keeps mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advice {
    /// It will not need them soon.
    Cold,
    /// It does not need what they hold.
    Free,
}

impl Advice {
    /// What is left of an entry.
    fn left(self, pte: Pte) -> Pte {
        match self {
            Advice::Cold => pte.old(),
            Advice::Free => pte.software(),
        }
    }
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Drops the pages of `range`: they read zero again. Over a hole: `Nomem`,
    /// and the mapped pages are dropped. Linux: `madvise(MADV_DONTNEED)`.
    pub fn madvise_dontneed(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        if self.sys.protocol().dontneed() == Dontneed::VmaLock {
            let mut gather = self.gather();
            if self.dontneed_vma_locked(range, &mut gather) {
                self.finish(&mut gather);
                self.complete(gather);
                return Ok(());
            }
            return self.dontneed_mmap_locked(range, Some(gather));
        }
        self.dontneed_mmap_locked(range, None)
    }

    /// `begun`: flushes are told to be pending already.
    fn dontneed_mmap_locked(
        &mut self,
        range: PageRange,
        begun: Option<Gather>,
    ) -> Result<(), Errno> {
        let lock = self.mmap_read_lock();
        let (mapped, whole) = self.unlocked(&lock, range);
        // QUIRK(DontneedDropsMmapLock): proofs/basics/dontneed-is-one-step
        let lock = if self.sys.has(Quirk::DontneedDropsMmapLock) {
            lock.unlock();
            None
        } else {
            Some(lock)
        };
        let mut gather = begun.unwrap_or_else(|| self.gather());
        for part in mapped {
            self.drop_pages(part, Locked::Mmap, &mut gather);
        }
        self.finish(&mut gather);
        if let Some(lock) = lock {
            lock.unlock();
        }
        self.complete(gather);
        whole
    }

    /// Clears the entries of `range` under the lock of the one VMA that covers it, and leaves that
    /// lock. False: nothing was done, and the mmap lock is needed.
    /// Linux: `try_vma_read_lock()`, `is_vma_lock_sufficient()`, `vma_end_read()`.
    fn dontneed_vma_locked(&mut self, range: PageRange, gather: &mut Gather) -> bool {
        // QUIRK(DontneedDropsVmaLock): proofs/vma_lock/dontneed-vs-munmap
        let early = self.sys.has(Quirk::DontneedDropsVmaLock);
        let done = self.with_vma_locked(range.start, |cpu, _, vma| {
            if cpu.is_kept(vma.locked) {
                return None;
            }
            // QUIRK(DontneedPastVma): proofs/vma_lock/dontneed-past-the-vma
            if range.end > vma.range.end && !cpu.sys.has(Quirk::DontneedPastVma) {
                cpu.how("falls back: the VMA ends before");
                return None;
            }
            if !early {
                cpu.drop_pages(range, Locked::Vma, gather);
            }
            Some(())
        });
        if done.is_some() && early {
            self.drop_pages(range, Locked::Vma, gather);
        }
        done.is_some()
    }

    /// Clears the entries of `range`, which is mapped. Linux: `zap_page_range_single_batched()`.
    fn drop_pages(&mut self, range: PageRange, locked: Locked, gather: &mut Gather) {
        // QUIRK(ZapDropsGuards): proofs/basics/guard-pages-stay
        let spares = match self.sys.has(Quirk::ZapDropsGuards) {
            true => Spares::NOTHING,
            false => Spares::GUARDS,
        };
        self.zap_but(range, spares, gather);
        if self.sys.protocol().pt_reclaim() {
            self.reclaim_tables(range, locked, gather);
        }
    }

    /// Makes the pages of `range` old: their entries lose the accessed bit, and translations that
    /// have it go. Over a hole: `Nomem`, and the mapped pages are made old.
    /// Linux: `madvise(MADV_COLD)`, `madvise_cold_or_pageout_pte_range()`.
    pub fn madvise_cold(&mut self, range: PageRange) -> Result<(), Errno> {
        self.advise(range, Advice::Cold)
    }

    /// Lets what the pages of `range` hold go, until they are stored to: their entries lose the
    /// accessed bit and the dirty bit, and translations that have them go. A store that comes before
    /// the return may go as well. Over a hole: `Nomem`, and the mapped pages are freed. `Inval` at a mapping of a
    /// file, and what is mapped before it is freed.
    /// Linux: `madvise(MADV_FREE)`, `madvise_free_pte_range()`. Changed: what is in swap goes at once, as there; of what is in
    /// memory reclaim takes nothing back without writing it to swap.
    pub fn madvise_free(&mut self, range: PageRange) -> Result<(), Errno> {
        self.advise(range, Advice::Free)
    }

    fn advise(&mut self, range: PageRange, advice: Advice) -> Result<(), Errno> {
        self.check_range(range)?;
        let lock = self.mmap_read_lock();
        let (mapped, mut result) = self.unlocked(&lock, range);
        let mut gather = self.gather();
        let mut losing = Vec::new();
        for part in mapped {
            // It goes no further: madvise_free_single_vma().
            let is_file = || {
                lock.find(part.start)
                    .is_some_and(|vma| vma.backing.is_file())
            };
            if advice == Advice::Free && is_file() {
                result = Err(Errno::Inval);
                break;
            }
            for part in self.sys.geometry().leaf_parts(part) {
                self.advise_table(part, advice, &mut losing, &mut gather);
            }
        }
        self.finish(&mut gather);
        lock.unlock();
        self.complete(gather);
        for pfn in losing {
            self.sys.frame(pfn).keeps_stores();
        }
        result
    }

    /// Clears what `advice` clears in the entries of `part`, which one leaf table translates: not in
    /// the zero page's, nor in those of pages that other processes share.
    fn advise_table(
        &mut self,
        part: PageRange,
        advice: Advice,
        losing: &mut Vec<Pfn>,
        gather: &mut Gather,
    ) {
        let Some(mut ptl) = self.lock_leaf(part.start, true) else {
            return;
        };
        self.flush_batched_pending();
        for vpn in ptl.entries(part) {
            let soft = match ptl.entry(vpn) {
                Entry::Leaf(soft) => soft,
                Entry::Swapped(swapped) if advice == Advice::Free => {
                    ptl.set(vpn, Pte::NONE);
                    self.free_swap(swapped.slot(), false);
                    continue;
                }
                _ => continue,
            };
            let is_shared = soft.pfn() == Pfn::ZERO || self.sys.frame(soft.pfn()).is_shared();
            let current = ptl.current(vpn);
            if is_shared || advice.left(current) == current {
                continue;
            }
            if advice == Advice::Free {
                self.sys.frame(soft.pfn()).loses_stores();
                losing.push(soft.pfn());
            }
            // QUIRK(AdviceOverOldEntry): proofs/tlb/dirty-kept-by-advice
            if self.sys.has(Quirk::AdviceOverOldEntry) {
                ptl.set_nonatomic(vpn, |pte| advice.left(pte));
            } else {
                // Gone for a moment, so that no bit that hardware sets is lost.
                let old = ptl.set(vpn, Pte::NONE);
                ptl.set(vpn, advice.left(old));
            }
            // QUIRK(AdviceNotFlushed): proofs/tlb/aged-by-advice
            if !self.sys.has(Quirk::AdviceNotFlushed) {
                gather.changed(ptl.pages(vpn), FlushType::Strict);
            }
        }
        ptl.unlock();
    }

    /// Whether a VMA keeps its pages, as it is locked. Linux: `madvise_dontneed_free_valid_vma()`, `can_madv_lru_vma()`.
    pub(super) fn is_kept(&self, locked: bool) -> bool {
        // QUIRK(AdviceTakesLocked): proofs/basics/locked-is-kept
        locked && !self.sys.has(Quirk::AdviceTakesLocked)
    }

    /// The mapped parts of `range` up to a locked VMA, and what is to be answered: `Inval` at such a one, or `Nomem` over
    /// a hole.
    pub(super) fn unlocked(
        &self,
        lock: &MmapRead<'s, P>,
        range: PageRange,
    ) -> (Vec<PageRange>, Result<(), Errno>) {
        let (mut mapped, whole) = Self::mapped(lock, range);
        let is_kept = |part: &PageRange| {
            let vma = lock.find(part.start);
            vma.is_some_and(|vma| self.is_kept(vma.locked))
        };
        if let Some(at) = mapped.iter().position(is_kept) {
            mapped.truncate(at);
            return (mapped, Err(Errno::Inval));
        }
        (mapped, if whole { Ok(()) } else { Err(Errno::Nomem) })
    }

    /// The mapped parts of `range`, and whether they are all of it.
    pub(super) fn mapped(lock: &MmapRead<'s, P>, range: PageRange) -> (Vec<PageRange>, bool) {
        let mut end = range.start;
        let mut whole = true;
        let mut parts = Vec::new();
        for found in lock.overlapping(range) {
            let part = found.intersection(range);
            whole &= part.start == end;
            end = part.end;
            parts.push(part);
        }
        (parts, whole && end == range.end)
    }

    /// Unhooks the tables that are empty now. Under a VMA's lock those alone that the VMA has for
    /// itself: in the rest of others a writer may be at work. Linux: `reclaim_pt_is_enabled()`.
    fn reclaim_tables(&mut self, range: PageRange, locked: Locked, gather: &mut Gather) {
        let geometry = self.sys.geometry();
        let mut vpn = range.start;
        while vpn < range.end {
            let covered = geometry.leaf_range(vpn);
            // QUIRK(ReclaimPartOfTable): proofs/pt_free/reclaimed-beside-mremap
            let suits = locked == Locked::Mmap
                || covered.intersection(range) == covered
                || self.sys.has(Quirk::ReclaimPartOfTable);
            if suits {
                self.reclaim_table(vpn, gather);
            }
            vpn = covered.end;
        }
    }

    /// Brings in the pages of `range` as `access` would: `Nomem` over a hole,
    /// `Inval` where the protection forbids it.
    /// Linux: `madvise(MADV_POPULATE_READ)`, `madvise(MADV_POPULATE_WRITE)`.
    pub fn madvise_populate(&mut self, range: PageRange, access: Access) -> Result<(), Errno> {
        self.check_range(range)?;
        self.populate(range, access)
    }
}
