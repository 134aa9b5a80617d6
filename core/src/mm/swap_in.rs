//! Faults on pages that are in swap.
//!
//! ```text
//!  swapin   finds the page                     keeps the slot by            then
//!  cache    in the swap cache, or adds a new   the page that is in there    page lock: still the slot's? --> ptl: the
//!           one, which it locks and reads                                   same entry? --> mapped, the entry's slot is freed
//!  direct   reads to a page of its own, if     a pin                        ptl: the same entry? --> mapped, freed --> unpinned
//!           one entry has the slot
//! ```
//! With `swap_io_wait=hold_vma` the lock of the VMA, or the mmap lock, is held throughout: no writer waits for anything that a fault here waits for.
//! With `swap_io_wait=retry` a fault by way of the cache leaves it first, if it would wait, or read: it waits, or reads, with no lock, and
//! starts again under the mmap lock ([`file_io`](crate::mm::file_io) has the rules of that: I4); the second time it waits with what it holds. What it has
//! read stays in the cache as long as an entry has the slot. Faults that have neither lock fall back to the mmap lock.
//!
//! # Linux
//! mm/memory.c: `do_swap_page()`; commit 13ddaf26be32 for the pin, 01626a182302 for what waits for it. Kept: whether the page is
//! the slot's still is looked at under its lock, and whether the entry is the same, under the page-table lock. Changed: the lock of the VMA is
//! left before a page is added, where Linux leaves it in `folio_lock_or_retry()`, when the read has begun; a
//! page is added to the cache in one step with the look that finds none (Linux 6.18, `swap_cache_add_folio()`); it is written
//! to as it is only if a write faulted and no other entry has the slot, or the page.

use crate::ghost::lock_events::{Held, LockEvents};
use crate::mm::cpu::Cpu;
use crate::mm::fault::{Attempt, Await, Handled, Outcome, Wanted};
use crate::mm::ptl::PtlGuard;
use crate::mm::swap::Swap;
use crate::mm::vma::VmaCopy;
use crate::orderings;
use crate::platform::{Mutex, Platform, TryLock, Word, violated};
use crate::types::addr::Vpn;
use crate::types::counters::Counter;
use crate::types::error::Fault;
use crate::types::event::{LockClass, What};
use crate::types::ids::{Pfn, SwapSlot};
use crate::types::prot::{Access, Prot};
use crate::types::protocol::{IoWait, Swapin};
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;

/// The lock of an anonymous page, held. Linux: `folio_lock()`.
pub(crate) type FrameGuard<'s, P> =
    Held<P, <<P as Platform>::SpinLock<()> as Mutex<()>>::Guard<'s>>;

/// Where a fault finds what its page holds.
enum Found {
    /// In the cache; the caller has a reference.
    Cached(Pfn),
    /// In the slot, which is the caller's to read past the cache; whether it is pinned for that.
    Alone(bool),
    /// In the slot.
    OnDisk,
    /// Another fault reads it past the cache.
    Busy,
    /// No entry has the slot any more.
    Gone,
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// The swap area.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn swap(&self) -> &'s Swap<P> {
        let swap = self.sys.swap();
        swap.expect("entries of swap are made where there is a swap area")
    }

    /// Waits for the lock of the page `pfn`. Linux: `folio_lock()`.
    pub(crate) fn lock_frame(&self, pfn: Pfn) -> FrameGuard<'s, P> {
        LockEvents::new(self.id(), LockClass::Page, LockClass::of_frame(pfn))
            .wait(|| self.sys.frame(pfn).lock().lock())
    }

    /// Takes the lock of the page `pfn` if it is free. Linux: `folio_trylock()`.
    pub(crate) fn try_lock_frame(&self, pfn: Pfn) -> Option<FrameGuard<'s, P>> {
        LockEvents::new(self.id(), LockClass::Page, LockClass::of_frame(pfn))
            .attempt(|| self.sys.frame(pfn).lock().try_lock())
    }

    /// An entry that had `slot` is gone, or has the page instead. The last one takes the page out of the cache, unless
    /// another CPU has its lock: that one does it (S2). Tells whether it was the last one.
    /// Linux: `free_swap_and_cache()`, `swap_free()`.
    pub(crate) fn free_swap(&mut self, slot: SwapSlot, locked: bool) -> bool {
        let mut slots = self.swap().lock(self.id());
        let known = slots.slot(slot);
        let Some(count) = known.count.checked_sub(1) else {
            violated::<P>(
                Invariant::Refcount,
                "a slot of swap was freed more often than entries had it",
            );
        };
        known.count = count;
        let is_last = count == 0;
        let cached = known.cached.filter(|_| is_last);
        // QUIRK(FreeSwapUnlocked): proofs/swap/slot-reused-while-written
        let locked = locked || self.sys.has(Quirk::FreeSwapUnlocked);
        let dropped = cached.filter(|&pfn| {
            let page = (!locked).then(|| self.try_lock_frame(pfn));
            match page {
                None => true,
                Some(None) => false,
                Some(Some(page)) => {
                    page.unlock();
                    true
                }
            }
        });
        if dropped.is_some() {
            slots.slot(slot).cached = None;
        }
        slots.unlock();
        if let Some(pfn) = dropped {
            self.free_frame(pfn);
        }
        is_last
    }

    /// Leaves the lock of the page `pfn`, which may be in the cache for `slot`: if no entry has that any more, the page
    /// leaves the cache (S2).
    pub(crate) fn unlock_cached(&mut self, page: FrameGuard<'s, P>, pfn: Pfn, slot: SwapSlot) {
        let mut slots = self.swap().lock(self.id());
        let known = slots.slot(slot);
        // QUIRK(UnlockKeepsCached): proofs/swap/unmapped-while-it-comes-back
        let looks = !self.sys.has(Quirk::UnlockKeepsCached);
        let leaves = looks && known.cached == Some(pfn) && known.count == 0;
        if leaves {
            known.cached = None;
        }
        page.unlock();
        slots.unlock();
        if leaves {
            self.free_frame(pfn);
        }
    }

    /// The page of `vpn` is in swap, as its entry says, which was `seen` under the page-table lock. The VMA is stable.
    /// Linux: `do_swap_page()`.
    pub(crate) fn swap_in(
        &mut self,
        vma: VmaCopy,
        (vpn, access): (Vpn, Access),
        seen: Pte,
        attempt: Attempt,
    ) -> Outcome {
        let outcome =
            self.with_swap_area(|cpu| cpu.bring_in(vma, vpn, Some(access), seen, attempt));
        outcome.unwrap_or_else(|| {
            self.how("starts again: the swap area is gone");
            Ok(Handled::Again(Await::Nothing))
        })
    }

    /// Does it while the swap area stays; `None` if it is gone. Linux: `get_swap_device()`, `put_swap_device()`.
    fn with_swap_area<R>(&mut self, does: impl FnOnce(&mut Self) -> R) -> Option<R> {
        // QUIRK(SwapinNoDevice): proofs/swap/switched-off-under-a-fault
        let gets = !self.sys.has(Quirk::SwapinNoDevice);
        if gets && !self.swap().get() {
            return None;
        }
        let done = does(self);
        if gets {
            self.swap().put();
        }
        Some(done)
    }

    /// A fault that has left all locks waits until what is in `slot` is in the swap cache, or the slot is free.
    pub(crate) fn wait_for_swap(&mut self, slot: SwapSlot, vpn: Vpn) -> Result<(), Fault> {
        let read = self.with_swap_area(|cpu| match cpu.find_swapped(slot) {
            Found::Cached(pfn) => {
                let page = cpu.lock_frame(pfn);
                cpu.unlock_cached(page, pfn, slot);
                cpu.free_frame(pfn);
                Ok(())
            }
            Found::OnDisk => {
                let Some((pfn, page)) = cpu.read_to_cache(vpn, slot)? else {
                    return Ok(());
                };
                cpu.unlock_cached(page, pfn, slot);
                cpu.free_frame(pfn);
                Ok(())
            }
            Found::Alone(pinned) => {
                if pinned {
                    cpu.swap().unpin(slot, cpu.id());
                }
                Ok(())
            }
            Found::Busy => {
                cpu.swap().wait_unpinned(slot);
                Ok(())
            }
            Found::Gone => Ok(()),
        });
        read.unwrap_or(Ok(()))
    }

    /// A new page with what is in `slot`, in the cache and locked, if none is there yet, and an entry has the slot.
    fn read_to_cache(
        &mut self,
        vpn: Vpn,
        slot: SwapSlot,
    ) -> Result<Option<(Pfn, FrameGuard<'s, P>)>, Fault> {
        let pfn = self.alloc_frame(vpn).ok_or(Fault::Bus)?;
        let page = self.lock_frame(pfn);
        if !self.add_to_swap_cache(pfn, slot) {
            page.unlock();
            self.free_frame(pfn);
            return Ok(None);
        }
        self.read_swapped(vpn, pfn, slot);
        Ok(Some((pfn, page)))
    }

    /// The same for a caller that keeps the swap area. No `access`: the entry becomes one of a page, and that is all.
    pub(crate) fn bring_in(
        &mut self,
        vma: VmaCopy,
        vpn: Vpn,
        access: Option<Access>,
        seen: Pte,
        attempt: Attempt,
    ) -> Outcome {
        let slot = seen.slot();
        let leaves =
            attempt == Attempt::First && self.sys.protocol().swap_io_wait() == IoWait::Retry;
        let wanted = |is_new| {
            let slot = Some(slot);
            Ok(Handled::Again(Await::Page(Wanted { vma, slot, is_new })))
        };
        match self.find_swapped(slot) {
            Found::Cached(pfn) => {
                // Linux: __folio_lock_or_retry().
                let page = match leaves {
                    true => self.try_lock_frame(pfn),
                    false => Some(self.lock_frame(pfn)),
                };
                let page = match page {
                    Some(page) => page,
                    None => {
                        self.free_frame(pfn);
                        return wanted(false);
                    }
                };
                // QUIRK(SwapinCacheNotRechecked): proofs/swap/another-page-of-the-slot
                let looks = !self.sys.has(Quirk::SwapinCacheNotRechecked);
                if looks && !self.is_cached_at(pfn, slot) {
                    self.how("drops the page: it left the swap cache");
                    page.unlock();
                    self.free_frame(pfn);
                    return Ok(Handled::Again(Await::Nothing));
                }
                let outcome = self.map_swapped(vma, vpn, access, seen, pfn, true);
                self.unlock_cached(page, pfn, slot);
                outcome
            }
            Found::OnDisk if leaves => wanted(true),
            Found::OnDisk => {
                let Some((pfn, page)) = self.read_to_cache(vpn, slot)? else {
                    return Ok(Handled::Again(Await::Nothing));
                };
                let outcome = self.map_swapped(vma, vpn, access, seen, pfn, true);
                self.unlock_cached(page, pfn, slot);
                outcome
            }
            Found::Alone(pinned) => {
                let outcome = match self.alloc_frame(vpn) {
                    None => Err(Fault::Bus),
                    Some(pfn) => {
                        self.read_swapped(vpn, pfn, slot);
                        self.map_swapped(vma, vpn, access, seen, pfn, false)
                    }
                };
                if pinned {
                    self.swap().unpin(slot, self.id());
                }
                outcome
            }
            Found::Busy => {
                self.how("waits for a fault that reads the slot past the swap cache");
                self.swap().wait_unpinned(slot);
                Ok(Handled::Again(Await::Nothing))
            }
            Found::Gone => Ok(Handled::Again(Await::Nothing)),
        }
    }

    /// Where what is in `slot` is found. Linux: `swap_cache_get_folio()`, `swapcache_prepare()`.
    fn find_swapped(&mut self, slot: SwapSlot) -> Found {
        let direct = self.sys.protocol().swapin() == Swapin::Direct;
        // QUIRK(SwapinNotPinned): proofs/swap/read-past-the-cache
        let pins = !self.sys.has(Quirk::SwapinNotPinned);
        let mut slots = self.swap().lock(self.id());
        let known = slots.slot(slot);
        let found = match known.cached {
            Some(pfn) => {
                self.sys.frame(pfn).get();
                Found::Cached(pfn)
            }
            None if known.count == 0 => Found::Gone,
            None if known.pinned => Found::Busy,
            None if direct && known.count == 1 => {
                known.pinned = pins;
                Found::Alone(pins)
            }
            None => Found::OnDisk,
        };
        slots.unlock();
        found
    }

    /// Whether the page `pfn`, whose lock is held, is in the cache for `slot`. Linux: `folio_matches_swap_entry()`.
    fn is_cached_at(&self, pfn: Pfn, slot: SwapSlot) -> bool {
        let mut slots = self.swap().lock(self.id());
        let is_cached = slots.slot(slot).cached == Some(pfn);
        slots.unlock();
        is_cached
    }

    /// Adds the page `pfn`, whose lock is held, to the cache for `slot`; false if another one is there, or no entry has the
    /// slot any more. Linux: `swap_cache_add_folio()`.
    fn add_to_swap_cache(&mut self, pfn: Pfn, slot: SwapSlot) -> bool {
        let mut slots = self.swap().lock(self.id());
        let known = slots.slot(slot);
        let adds = known.cached.is_none() && known.count > 0 && !known.pinned;
        if adds {
            known.cached = Some(pfn);
            self.sys.frame(pfn).get();
        }
        slots.unlock();
        adds
    }

    /// Reads `slot` to the page `pfn`, which no entry has. Linux: `swap_read_folio()`.
    fn read_swapped(&mut self, vpn: Vpn, pfn: Pfn, slot: SwapSlot) {
        let word = self.swap().read(slot);
        self.sys
            .frame(pfn)
            .word
            .store(word, orderings::SWAP_CONTENT);
        self.event(What::SwappedIn { vpn, pfn, slot });
        // As of files.
        self.count(Counter::IoWaits);
    }

    /// Maps the page `pfn`, of which the caller has a reference, if the entry of `vpn` is the one that was `seen`.
    fn map_swapped(
        &mut self,
        vma: VmaCopy,
        vpn: Vpn,
        access: Option<Access>,
        seen: Pte,
        pfn: Pfn,
        locked: bool,
    ) -> Outcome {
        let ptl = self.lock_leaf(vpn, true);
        // QUIRK(SwapinNoPteSame): proofs/swap/unmapped-while-it-comes-back
        let any = self.sys.has(Quirk::SwapinNoPteSame);
        let is_same = |ptl: &PtlGuard<'s, P>| any || ptl.entry(vpn) == Entry::Swapped(seen);
        let mut ptl = match ptl {
            Some(ptl) if is_same(&ptl) => ptl,
            other => {
                self.how("drops the page: the entry is another one by now");
                if let Some(ptl) = other {
                    ptl.unlock();
                }
                self.free_frame(pfn);
                return Ok(Handled::Again(Await::Nothing));
            }
        };
        let is_last = self.free_swap(seen.slot(), locked);
        // Another entry may have the slot still, or the page by now.
        // QUIRK(SwapinSharesWritable): proofs/swap/in-two-processes
        let is_alone = || {
            self.sys.has(Quirk::SwapinSharesWritable)
                || (is_last && !self.sys.frame(pfn).is_shared())
        };
        let prot = match access == Some(Access::Write) && is_alone() {
            true => vma.prot,
            false => vma.prot & !Prot::W,
        };
        self.sys.frame(pfn).moved(vpn);
        let page = self.anon_page(vma, vpn, is_last);
        self.sys.frame(pfn).set_anon(page);
        match access {
            Some(access) => self.map_first(&mut ptl, vpn, access, pfn, prot),
            None => {
                self.entry_comes(pfn);
                let grant = self.grant(prot);
                ptl.set(vpn, Pte::new(pfn, prot, grant));
            }
        }
        ptl.unlock();
        Ok(Handled::Resolved)
    }
}
