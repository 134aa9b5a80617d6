//! Monitors go through the VMAs of an address space, one at a time.
//!
//! ```text
//!  smaps       finds the next VMA by   keeps it by             falls back to the mmap lock if
//!  mmap_lock   mmap read lock          mmap read lock          -
//!  vma_lock    RCU                     the VMA's read lock     a writer has it, it is behind, or it is ahead and not
//!                                                              the next one
//!  rcu         RCU, copies it          nothing: the copy is    the tree has another one there
//!                                      compared with the tree
//! ```
//! Every VMA is looked for anew, from where the last one ended: a monitor tells a list, not a moment.
//! A gap that the tree shows is believed, so writers show none where something stays mapped
//! ([`MmapWrite::hold_back`](crate::mm::mmap_lock::MmapWrite::hold_back)).
//!
//! # Linux
//! fs/proc/task_mmu.c: `m_start()`, `get_next_vma()`, `m_stop()`; mm/mmap_lock.c: `lock_next_vma()`. Changed: the
//! mmap lock and the RCU section are left after each VMA, as where each is read by a `read()` of its
//! own; under the mmap lock no VMA's lock is taken; whether a writer came is not asked before a VMA is looked up again.

use alloc::sync::Arc;

use crate::mm::cpu::Cpu;
use crate::mm::vma::{Vma, VmaCopy};
use crate::platform::{Platform, RcuPointer};
use crate::types::addr::{PageRange, Vpn};
use crate::types::counters::Counter;
use crate::types::event::LockClass;
use crate::types::ids::Pfn;
use crate::types::protocol::Smaps;
use crate::types::quirk::Quirk;

/// What a monitor tells of a VMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// How many pages it covers.
    Size,
    /// How many of them have a page of their own, not the zero page.
    Rss,
}

/// A VMA that was told of: how many pages were counted, and where the next one is looked for.
type Shown = (u64, Vpn);

/// Nothing was told: the mmap lock is needed.
struct FallsBack;

impl<P: Platform> Cpu<'_, P> {
    /// Tells of the first VMA that overlaps `rest`, if there is one, in as far as it does.
    pub(crate) fn show_next(&mut self, rest: PageRange, told: Told) -> Option<Shown> {
        let shown = match self.sys.protocol().smaps() {
            Smaps::MmapLock => Err(FallsBack),
            Smaps::VmaLock => self.show_next_vma_locked(rest, told),
            Smaps::Rcu => self.show_next_by_rcu(rest, told),
        };
        shown.unwrap_or_else(|FallsBack| self.show_next_mmap_locked(rest, told))
    }

    /// Under the mmap lock. Linux: `mmap_read_lock_killable()` in `lock_vma_range()`,
    /// `lock_next_vma_under_mmap_lock()`.
    fn show_next_mmap_locked(&mut self, rest: PageRange, told: Told) -> Option<Shown> {
        let lock = self.mmap_read_lock();
        let Some(vma) = lock.next_in(rest) else {
            lock.unlock();
            return None;
        };
        Some(self.show(vma, rest, told, true, || lock.unlock()))
    }

    /// Under the VMA's lock. Linux: `lock_next_vma()`.
    fn show_next_vma_locked(
        &mut self,
        rest: PageRange,
        told: Told,
    ) -> Result<Option<Shown>, FallsBack> {
        let mm = self.mm();
        let rcu = self.rcu_read_lock();
        let tree = mm.tree.load();
        let Some((range, vma)) = tree.next_in(rest) else {
            return Ok(None);
        };
        let events = self.mm_lock_events(LockClass::Vma, range.start.0);
        let Some(read) = vma.start_read(&mm.seq, &mm.writer_wait, events) else {
            self.how("falls back: the VMA is locked or gone");
            return Err(FallsBack);
        };
        self.count(Counter::VmaReadLocks);
        let copy = read.vma().copy_stable();
        // QUIRK(MapsVmaNotRechecked): proofs/monitor/told-twice
        let is_behind = copy.range.end <= rest.start && !self.sys.has(Quirk::MapsVmaNotRechecked);
        // It may have been shrunk, or be another one by now, and others have come before it.
        // QUIRK(MapsGapNotRechecked): proofs/monitor/phantom-gap
        let is_ahead = rest.start < copy.range.start && !self.sys.has(Quirk::MapsGapNotRechecked);
        if is_behind || (is_ahead && self.next_by_rcu(rest, vma).is_none()) {
            self.how("falls back: the VMA is not the next one any more");
            read.end();
            return Err(FallsBack);
        }
        drop(rcu);
        Ok(Some(self.show(copy, rest, told, true, || read.end())))
    }

    /// By RCU alone. Linux: `get_vma_snapshot()`, proposed in April 2025.
    fn show_next_by_rcu(
        &mut self,
        rest: PageRange,
        told: Told,
    ) -> Result<Option<Shown>, FallsBack> {
        let rcu = self.rcu_read_lock();
        let tree = self.mm().tree.load();
        let Some((range, vma)) = tree.next_in(rest) else {
            return Ok(None);
        };
        let copy = vma.copy_by_rcu();
        // Writers change a VMA before the tree that shows it so: what the tree has is whole.
        // QUIRK(MapsCopyNotRechecked): proofs/monitor/copied-while-split
        let unchecked = self.sys.has(Quirk::MapsCopyNotRechecked);
        if !unchecked && self.next_by_rcu(rest, vma) != Some(copy.range) {
            self.how("falls back: the VMA is another one by now");
            return Err(FallsBack);
        }
        drop(rcu);
        // QUIRK(SmapsWalksUnprotected): proofs/monitor/walked-outside-of-rcu
        let stable = told == Told::Rss && self.sys.has(Quirk::SmapsWalksUnprotected);
        let (count, next) = self.show(copy, rest, told, stable, || ());
        let next = if unchecked { next.max(range.end) } else { next };
        Ok(Some((count, next)))
    }

    /// Where the tree has `vma` now, if that is the first one in `rest`. The caller is in an RCU section.
    fn next_by_rcu(&self, rest: PageRange, vma: &Arc<Vma<P>>) -> Option<PageRange> {
        let tree = self.mm().tree.load();
        let (range, next) = tree.next_in(rest)?;
        Arc::ptr_eq(vma, next).then_some(range)
    }

    /// Tells of `vma`, and leaves what keeps it. `stable`: that keeps `munmap` out.
    /// Linux: `show_map()`, `show_smap()`.
    fn show(
        &mut self,
        vma: VmaCopy,
        rest: PageRange,
        told: Told,
        stable: bool,
        leave: impl FnOnce(),
    ) -> Shown {
        let part = vma.range.intersection(rest);
        // QUIRK(SmapsDropsLock): proofs/monitor/walked-without-the-lock
        let count = match told {
            Told::Size => {
                leave();
                part.len_pages()
            }
            Told::Rss if self.sys.has(Quirk::SmapsDropsLock) => {
                leave();
                self.count_rss(part, stable)
            }
            Told::Rss => {
                let count = self.count_rss(part, stable);
                leave();
                count
            }
        };
        (count, vma.range.end)
    }

    /// How many pages of `part` have an entry with a page of their own.
    /// Linux: `smap_gather_stats()`, `smaps_pte_range()`, `smaps_pte_entry()`.
    fn count_rss(&mut self, part: PageRange, stable: bool) -> u64 {
        let mut count = 0;
        for part in self.sys.geometry().leaf_parts(part) {
            let Some(ptl) = self.lock_leaf(part.start, stable) else {
                continue;
            };
            // QUIRK(SmapsCountsZeroPage): proofs/monitor/never-the-zero-page
            let all = self.sys.has(Quirk::SmapsCountsZeroPage);
            for vpn in ptl.entries(part) {
                let page = ptl.entry(vpn).leaf();
                // Linux: vm_normal_page() has no page for the zero page.
                count += u64::from(page.is_some_and(|pte| all || pte.pfn() != Pfn::ZERO));
            }
            ptl.unlock();
        }
        count
    }
}
