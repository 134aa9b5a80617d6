//! The swap area: slots, and the pages that are in the swap cache.
//!
//! ```text
//!          reclaim: alloc              flushed, written, out of the cache
//!  free -------------------> cached, locked ----------------------------> in entries alone --- fork: one more entry
//!   ^                                                                      |           ^
//!   |                                                       a fault: added |           | other entries have it still
//!   |   the last entry goes, or gets the page                              v           |
//!   +-------------------------------------------------- cached, locked, or pinned (`swapin=direct`)
//! ```
//! A slot is in use as long as an entry has it, or a page of the cache, or a fault that reads it past the cache.
//!
//! # Invariants
//! - S1: a slot's count is the number of entries that have it. It goes up under the page-table lock of an entry that has
//!   it, or of the page that goes there, and down under that of the entry that goes. So one with a count is not reused.
//! - S2: a page comes to the cache locked, and leaves it under its lock (`Frame::lock`), or when the last entry goes and
//!   no CPU has that lock. Whoever has the lock looks at the count before it leaves it: no page without an entry stays.
//! - S3: a page in the cache has a reference of it, and a look-up takes another before the cache can lose the page.
//! - S4: a page that goes out is written to its slot when no TLB has a translation of it, and leaves the cache then.
//! - S5: while a fault reads a slot past the cache it is pinned: it is not reused, though the last entry goes.
//!
//! # Linux
//! mm/swapfile.c: `swap_map`, `swap_duplicate()`, `swap_free()`, `swapcache_prepare()`; mm/swap_state.c. Kept: a page's
//! lock, and what is looked at under it. Changed: one lock has both the counts and the cache, which is what
//! the cluster's lock is since the swap table of Linux 6.18; a page leaves the cache as soon as no entry has its slot, and
//! not where room gets short. Dropped: `swapoff`, clusters, readahead, huge pages, the exclusive bit of entries.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ghost::lock_events::LockEvents;
use crate::orderings;
use crate::platform::{Mutex, Platform, WaitQueue, Word};
use crate::types::event::{LockClass, LockStep};
use crate::types::ids::{CpuId, Pfn, SwapSlot};

/// What is known of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    /// How many entries have it. Linux: `swap_map`.
    pub count: u32,
    /// The page in the swap cache that it belongs to.
    pub cached: Option<Pfn>,
    /// A fault reads it past the cache. Linux: `SWAP_HAS_CACHE` without a folio.
    pub pinned: bool,
}

impl Slot {
    fn is_free(self) -> bool {
        self == Slot::default()
    }
}

/// A swap area.
pub(crate) struct Swap<P: Platform> {
    slots: P::Mutex<Vec<Slot>>,
    /// What is written there.
    content: Box<[P::Word]>,
    /// Where faults wait for one that reads past the cache. Linux: `swapcache_wq`.
    unpinned: P::WaitQueue,
}

/// The lock of the slots, held.
pub(crate) struct SwapGuard<'a, P: Platform> {
    slots: <P::Mutex<Vec<Slot>> as Mutex<Vec<Slot>>>::Guard<'a>,
    events: LockEvents<P>,
}

impl<P: Platform> SwapGuard<'_, P> {
    /// What is known of `slot`.
    pub fn slot(&mut self, slot: SwapSlot) -> &mut Slot {
        &mut self.slots[slot.0 as usize]
    }

    /// A free slot. Linux: `folio_alloc_swap()`.
    pub fn alloc(&self) -> Option<SwapSlot> {
        let at = self.slots.iter().position(|slot| slot.is_free())?;
        Some(SwapSlot(at as u32))
    }

    /// Leaves the lock.
    pub fn unlock(self) {
        self.events.tell(LockStep::Unlocked);
        drop(self.slots);
    }
}

impl<P: Platform> Swap<P> {
    /// One of so many slots.
    pub fn new(slots: u32) -> Swap<P> {
        let free = (0..slots).map(|_| Slot::default()).collect();
        Swap {
            slots: P::Mutex::new(free).called("swap_lock"),
            content: (0..slots)
                .map(|_| P::Word::new(0).called("swap_slot"))
                .collect(),
            unpinned: P::WaitQueue::new().called("swapcache_wq"),
        }
    }

    /// Waits for the lock of the slots, for `cpu`. Linux: `swap_cluster_lock()`.
    pub fn lock(&self, cpu: CpuId) -> SwapGuard<'_, P> {
        let events = LockEvents::new(cpu, LockClass::Swap, 0);
        events.tell(LockStep::Waits);
        let slots = self.slots.lock();
        events.tell(LockStep::Locked);
        SwapGuard { slots, events }
    }

    /// Another entry gets `slot`. The caller has the lock of one that has it. Linux: `swap_duplicate()`.
    pub fn duplicate(&self, slot: SwapSlot, cpu: CpuId) {
        let mut slots = self.lock(cpu);
        slots.slot(slot).count += 1;
        slots.unlock();
    }

    /// Whether a page of the cache belongs to `slot`. Linux: `swap_cache_get_folio()`.
    pub fn is_cached(&self, slot: SwapSlot, cpu: CpuId) -> bool {
        let mut slots = self.lock(cpu);
        let is_cached = slots.slot(slot).cached.is_some();
        slots.unlock();
        is_cached
    }

    /// Writes to `slot`, which is the caller's. Linux: `swap_writeout()`.
    pub fn write(&self, slot: SwapSlot, word: u64) {
        self.content[slot.0 as usize].store(word, orderings::SWAP_CONTENT);
    }

    /// Reads `slot`. Linux: `swap_read_folio()`.
    pub fn read(&self, slot: SwapSlot) -> u64 {
        self.content[slot.0 as usize].load(orderings::SWAP_CONTENT)
    }

    /// Waits until no fault reads `slot` past the cache.
    pub fn wait_unpinned(&self, slot: SwapSlot) {
        let pinned = || self.slots.lock()[slot.0 as usize].pinned;
        self.unpinned.wait_until(|| !pinned());
    }

    /// `slot` was read past the cache. Linux: `swapcache_clear()`, `wake_up(&swapcache_wq)`.
    pub fn unpin(&self, slot: SwapSlot, cpu: CpuId) {
        let mut slots = self.lock(cpu);
        slots.slot(slot).pinned = false;
        slots.unlock();
        self.unpinned.wake_all();
    }

    /// All slots. No CPU runs any more.
    pub fn at_rest(&self) -> Vec<Slot> {
        self.slots.lock().clone()
    }

    /// What a page holds whose entry has `slot`, and which is not in the cache. No CPU runs any more.
    pub fn peek(&self, slot: SwapSlot) -> u64 {
        self.content[slot.0 as usize].load(orderings::AT_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_platform::Alone;

    #[test]
    fn a_slot_is_free_when_nothing_has_it() {
        let (swap, cpu) = (Swap::<Alone>::new(2), CpuId(0));
        let used = [
            Slot {
                count: 1,
                ..Slot::default()
            },
            Slot {
                cached: Some(Pfn(3)),
                ..Slot::default()
            },
            Slot {
                pinned: true,
                ..Slot::default()
            },
        ];
        for slot in used {
            let mut slots = swap.lock(cpu);
            assert_eq!(slots.alloc(), Some(SwapSlot(0)));
            *slots.slot(SwapSlot(0)) = slot;
            assert_eq!(slots.alloc(), Some(SwapSlot(1)));
            *slots.slot(SwapSlot(1)) = slot;
            assert_eq!(slots.alloc(), None);
            for slot in [0, 1] {
                *slots.slot(SwapSlot(slot)) = Slot::default();
            }
            slots.unlock();
        }
    }
}
