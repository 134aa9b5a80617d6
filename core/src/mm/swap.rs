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
//! With a reverse mapping reclaim counts entries one by one, while the page is cached and locked; a page that is in the cache
//! already goes out to the same slot. A slot is in use as long as an entry has it, or a page of the cache, or a fault that reads it past the cache.
//!
//! # Invariants
//! - S1: a slot's count is the number of entries that have it. It goes up under the page-table lock of an entry that has
//!   it, or of the page that goes there, and down under that of the entry that goes. So one with a count is not reused.
//!   With a reverse mapping, up also under that of an entry that reclaim replaces by one of it.
//! - S2: a page comes to the cache locked, and leaves it under its lock (`Frame::lock`), or when the last entry goes and
//!   no CPU has that lock. Whoever has the lock looks at the count before it leaves it: no page without an entry stays.
//! - S3: a page in the cache has a reference of it, and a look-up takes another before the cache can lose the page.
//! - S4: a page that goes out is written to its slot when no TLB has a translation of it, and leaves the cache then.
//! - S5: while a fault reads a slot past the cache it is pinned: it is not reused, though the last entry goes.
//! - S6: an area that is switched off takes no page from the begin on, and its map goes when no slot is in use, and none that
//!   has found an entry of swap without a page-table lock uses it.
//!
//! # Linux
//! mm/swapfile.c: `swap_map`, `swap_duplicate()`, `swap_free()`, `swapcache_prepare()`; mm/swap_state.c. Kept: a page's
//! lock, and what is looked at under it. Changed: one lock has both the counts and the cache, which is what
//! the cluster's lock is since the swap table of Linux 6.18; a page leaves the cache as soon as no entry has its slot, and
//! not where room gets short; the users of an area are counted under a lock (`percpu_ref`). Dropped: `swapon`, clusters, readahead, huge pages, the exclusive bit of entries.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ghost::life::Life;
use crate::ghost::lock_events::{Held, LockEvents};
use crate::orderings;
use crate::platform::{Mutex, Platform, WaitQueue, Word};
use crate::types::event::LockClass;
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

/// What is known of all slots. Linux: `swap_map`, and the swap cache.
struct Map {
    slots: Vec<Slot>,
    /// It takes no more pages. Linux: not `SWP_WRITEOK`.
    is_full: bool,
}

/// Who uses an area that may be switched off. Linux: `struct swap_info_struct`, `users`.
#[derive(Clone, Copy, Debug)]
struct Users {
    count: u32,
    state: Area,
}

/// How far an area is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Area {
    /// It is in use.
    On,
    /// `swapoff` has begun.
    Leaving,
    /// None may use it any more.
    Dead,
}

/// What a swap area has that may be switched off.
struct Device<P: Platform> {
    users: P::Mutex<Users>,
    /// Where `swapoff` waits for them. Linux: `comp`.
    unused: P::WaitQueue,
    /// Whether the map is there (ghost).
    life: Life<P>,
}

/// A swap area.
pub(crate) struct Swap<P: Platform> {
    map: P::Mutex<Map>,
    /// If it may be switched off.
    device: Option<Device<P>>,
    /// What is written there.
    content: Box<[P::Word]>,
    /// Where faults wait for one that reads past the cache. Linux: `swapcache_wq`.
    unpinned: P::WaitQueue,
}

/// The lock of the slots, held.
pub(crate) struct SwapGuard<'a, P: Platform> {
    held: Held<P, <P::Mutex<Map> as Mutex<Map>>::Guard<'a>>,
}

impl<P: Platform> SwapGuard<'_, P> {
    /// What is known of `slot`.
    pub fn slot(&mut self, slot: SwapSlot) -> &mut Slot {
        &mut self.held.guard.slots[slot.0 as usize]
    }

    /// A free slot, if the area takes pages. Linux: `folio_alloc_swap()`.
    pub fn alloc(&self) -> Option<SwapSlot> {
        if self.held.guard.is_full {
            return None;
        }
        let at = self
            .held
            .guard
            .slots
            .iter()
            .position(|slot| slot.is_free())?;
        Some(SwapSlot(at as u32))
    }

    /// The slot that the page `pfn` is in the cache for. Linux: `folio_test_swapcache()`, `folio->swap`.
    pub fn of(&self, pfn: Pfn) -> Option<SwapSlot> {
        let slots = &self.held.guard.slots;
        let at = slots.iter().position(|slot| slot.cached == Some(pfn))?;
        Some(SwapSlot(at as u32))
    }

    /// It takes no more pages, or takes them again.
    pub fn set_full(&mut self, is_full: bool) {
        self.held.guard.is_full = is_full;
    }

    /// A slot that is in use, from `first` on. Linux: `find_next_to_unuse()`.
    pub fn in_use(&self, first: SwapSlot) -> Option<(SwapSlot, Slot)> {
        let slots = (0..).map(SwapSlot).zip(&self.held.guard.slots);
        let mut rest = slots.skip(first.0 as usize);
        rest.find_map(|(at, &slot)| (!slot.is_free()).then_some((at, slot)))
    }

    /// Leaves the lock.
    pub fn unlock(self) {
        self.held.unlock();
    }
}

impl<P: Platform> Swap<P> {
    /// One of so many slots. `leaves`: it may be switched off.
    pub fn new(slots: u32, leaves: bool) -> Swap<P> {
        let free = Map {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            is_full: false,
        };
        let users = Users {
            count: 0,
            state: Area::On,
        };
        Swap {
            map: P::Mutex::new(free).called("swap_lock"),
            device: leaves.then(|| Device {
                users: P::Mutex::new(users).called("swap_users"),
                unused: P::WaitQueue::new().called("swapoff_wq"),
                life: Life::of("the map of a swap area was used after it was freed"),
            }),
            content: (0..slots)
                .map(|_| P::Word::new(0).called("swap_slot"))
                .collect(),
            unpinned: P::WaitQueue::new().called("swapcache_wq"),
        }
    }

    /// Waits for the lock of the slots, for `cpu`. Linux: `swap_cluster_lock()`.
    pub fn lock(&self, cpu: CpuId) -> SwapGuard<'_, P> {
        let held = LockEvents::new(cpu, LockClass::Swap, 0).wait(|| {
            let map = self.map.lock();
            if let Some(device) = &self.device {
                device.life.used();
            }
            map
        });
        SwapGuard { held }
    }

    /// Keeps the area from going, if it is not gone. Not needed under the lock of a page table in which an entry has a slot.
    /// Linux: `get_swap_device()`.
    pub fn get(&self) -> bool {
        let Some(device) = &self.device else {
            return true;
        };
        let mut users = device.users.lock();
        let is_there = users.state != Area::Dead;
        users.count += u32::from(is_there);
        is_there
    }

    /// The area may go. Linux: `put_swap_device()`.
    pub fn put(&self) {
        if let Some(device) = &self.device {
            let mut users = device.users.lock();
            users.count -= 1;
            drop(users);
            device.unused.wake_all();
        }
    }

    /// `swapoff` begins; false if it has, or there is no area. Linux: `del_from_avail_list()`.
    pub fn leaves(&self) -> bool {
        let Some(device) = &self.device else {
            return false;
        };
        let mut users = device.users.lock();
        let is_on = users.state == Area::On;
        if is_on {
            users.state = Area::Leaving;
        }
        is_on
    }

    /// `swapoff` has failed. Linux: `reinsert_swap_info()`.
    pub fn stays(&self) {
        if let Some(device) = &self.device {
            device.users.lock().state = Area::On;
        }
    }

    /// None uses the area from now on. `waits`: nor does any that has begun before.
    /// Linux: `percpu_ref_kill()`, `wait_for_completion()`.
    pub fn die(&self, waits: bool) {
        if let Some(device) = &self.device {
            device.users.lock().state = Area::Dead;
            if waits {
                device.unused.wait_until(|| device.users.lock().count == 0);
            }
        }
    }

    /// Frees the map, which none uses any more. Linux: `vfree(swap_map)`.
    pub fn free_map(&self) {
        if let Some(device) = &self.device {
            device.life.freed();
        }
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
        let pinned = || self.map.lock().slots[slot.0 as usize].pinned;
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
        self.map.lock().slots.clone()
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
        let (swap, cpu) = (Swap::<Alone>::new(2, false), CpuId(0));
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
