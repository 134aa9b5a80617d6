//! `swapoff`: all pages come back from swap, and the swap area is no more.
//!
//! ```text
//! it takes no more pages --> each process: entries of swap become ones of pages --> what is in the swap cache still leaves it
//! --> a slot is in use still: again --> none may use the area, and those that do are waited for --> its map is free
//! ```
//! Again, as reclaim that had a slot before puts entries of it where `swapoff` has been. Each time something came to an
//! end that had begun before, so that this ends.
//!
//! # Linux
//! mm/swapfile.c: `swapoff()`, `try_to_unuse()`, `unuse_mm()`, `unuse_pte()`. Kept: an entry is old, and allows no writes.
//! Changed: where there is no memory, pages that have come back stay, and the area goes on (`ENOMEM`). Dropped: `swapon`;
//! waiting for allocations that have begun (`wait_for_allocation()`), which are under the lock of the slots here.

use crate::mm::cpu::Cpu;
use crate::mm::fault::Attempt;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::error::Errno;
use crate::types::ids::SwapSlot;
use crate::types::pte::Entry;
use crate::types::quirk::Quirk;
use alloc::vec::Vec;

impl<P: Platform> Cpu<'_, P> {
    /// Switches the swap area off. `Inval`: that was done before, or is about to be. `Nomem`: there is no memory for what is in
    /// it.
    ///
    /// # Panics
    /// If the machine has no swap area.
    pub fn swapoff(&mut self) -> Result<(), Errno> {
        let swap = self.swap();
        if !swap.leaves() {
            return Err(Errno::Inval);
        }
        // QUIRK(SwapoffTakesPages): proofs/swap/switched-off-beside-reclaim
        if !self.sys.has(Quirk::SwapoffTakesPages) {
            self.set_full(true);
        }
        loop {
            for mm in self.sys.mms() {
                if let Err(error) = self.visiting(mm, Self::unuse_mm) {
                    self.set_full(false);
                    swap.stays();
                    return Err(error);
                }
            }
            self.unuse_cache();
            let slots = swap.lock(self.id());
            let is_in_use = slots.in_use(SwapSlot(0)).is_some();
            slots.unlock();
            // QUIRK(SwapoffOnce): proofs/swap/switched-off-beside-reclaim
            if !is_in_use || self.sys.has(Quirk::SwapoffOnce) {
                break;
            }
        }
        // QUIRK(SwapoffDoesNotWait): proofs/swap/switched-off-under-a-fault
        swap.die(!self.sys.has(Quirk::SwapoffDoesNotWait));
        swap.free_map();
        Ok(())
    }

    fn set_full(&mut self, is_full: bool) {
        let mut slots = self.swap().lock(self.id());
        slots.set_full(is_full);
        slots.unlock();
    }

    /// Brings in all that is in swap of the address space. Linux: `unuse_mm()`.
    fn unuse_mm(&mut self) -> Result<(), Errno> {
        let lock = self.mmap_read_lock();
        let all = self.sys.geometry().all_pages();
        let vmas: Vec<PageRange> = lock.overlapping(all);
        let mut result = Ok(());
        for vma in vmas.into_iter().filter_map(|range| lock.find(range.start)) {
            let swapped = vma.range.iter().map(|vpn| self.unuse_pte(vma, vpn));
            result = swapped.fold(result, Result::and);
        }
        lock.unlock();
        result
    }

    /// Linux: `unuse_pte_range()`.
    fn unuse_pte(&mut self, vma: VmaCopy, vpn: Vpn) -> Result<(), Errno> {
        loop {
            let Some(ptl) = self.lock_leaf(vpn, true) else {
                return Ok(());
            };
            let entry = ptl.entry(vpn);
            ptl.unlock();
            let Entry::Swapped(seen) = entry else {
                return Ok(());
            };
            let outcome = self.bring_in(vma, vpn, None, seen, Attempt::Tried);
            outcome.map_err(|_| Errno::Nomem)?;
        }
    }

    /// Waits for what is in the swap cache, and for faults that read past it: no page stays there without an entry.
    fn unuse_cache(&mut self) {
        let mut next = SwapSlot(0);
        loop {
            let slots = self.swap().lock(self.id());
            let found = slots.in_use(next);
            if let Some(pfn) = found.and_then(|(_, slot)| slot.cached) {
                self.sys.frame(pfn).get();
            }
            slots.unlock();
            let Some((at, slot)) = found else { return };
            next = SwapSlot(at.0 + 1);
            if let Some(pfn) = slot.cached {
                let page = self.lock_frame(pfn);
                self.unlock_cached(page, pfn, at);
                self.free_frame(pfn);
            } else if slot.pinned {
                self.swap().wait_unpinned(at);
            }
        }
    }
}
