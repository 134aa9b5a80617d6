//! Monitors go through the VMAs of another's address space, one at a time.
//!
//! ```text
//!  smaps       finds the next VMA by   keeps it by          falls back to the mmap lock if
//!  mmap_lock   mmap read lock          mmap read lock       -
//! ```
//! Every VMA is looked for anew, from where the last one ended: a monitor tells a list, not a moment.
//!
//! # Linux
//! fs/proc/task_mmu.c: `m_start()`, `get_next_vma()`, `m_stop()`. Changed: the mmap lock is left after
//! each VMA, as where each is read by a `read()` of its own.

use crate::mm::cpu::Cpu;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::ids::Pfn;
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

impl<P: Platform> Cpu<'_, P> {
    /// Tells of the first VMA that overlaps `rest`, if there is one, in as far as it does.
    pub(crate) fn show_next(&mut self, rest: PageRange, told: Told) -> Option<Shown> {
        self.show_next_mmap_locked(rest, told)
    }

    /// Under the mmap lock. Linux: `mmap_read_lock_killable()` in `lock_vma_range()`.
    fn show_next_mmap_locked(&mut self, rest: PageRange, told: Told) -> Option<Shown> {
        let lock = self.mmap_read_lock();
        let Some(vma) = lock.next_in(rest) else {
            lock.unlock();
            return None;
        };
        Some(self.show(vma, rest, told, true, |_| lock.unlock()))
    }

    /// Tells of `vma`, and leaves what keeps it. `stable`: that keeps `munmap` out.
    /// Linux: `show_map()`, `show_smap()`.
    fn show(
        &mut self,
        vma: VmaCopy,
        rest: PageRange,
        told: Told,
        stable: bool,
        leave: impl FnOnce(&mut Self),
    ) -> Shown {
        let part = vma.range.intersection(rest);
        let mut leave = Some(leave);
        if told == Told::Size {
            if let Some(leave) = leave.take() {
                leave(self);
            }
            return (part.len_pages(), vma.range.end);
        }
        // QUIRK(SmapsDropsLock): proofs/monitor/walked-without-the-lock
        if self.sys.has(Quirk::SmapsDropsLock)
            && let Some(leave) = leave.take()
        {
            leave(self);
        }
        let parts = self.sys.geometry().leaf_parts(part);
        let count = parts.map(|part| self.count_rss(part, stable)).sum();
        if let Some(leave) = leave {
            leave(self);
        }
        (count, vma.range.end)
    }

    /// How many entries of `part`, which one leaf table translates, have a page of their own.
    /// Linux: `smap_gather_stats()`, `smaps_pte_range()`, `smaps_pte_entry()`.
    fn count_rss(&mut self, part: PageRange, stable: bool) -> u64 {
        let Some(ptl) = self.lock_leaf(part.start, stable) else {
            return 0;
        };
        // QUIRK(SmapsCountsZeroPage): proofs/monitor/never-the-zero-page
        let all = self.sys.has(Quirk::SmapsCountsZeroPage);
        let mut count = 0;
        for vpn in ptl.entries(part) {
            let page = ptl.entry(vpn).leaf();
            // Linux: vm_normal_page() has no page for the zero page.
            count += u64::from(page.is_some_and(|pte| all || pte.pfn() != Pfn::ZERO));
        }
        ptl.unlock();
        count
    }
}
