//! Reclaim: what a page holds goes to swap, and the page is free.
//!
//! ```text
//! mmap lock, ptl: the page is alone --> page lock, if it is free --> a slot, and into the cache --> entry cleared, a flush
//! is pending, entry of swap set --> both locks are left --> flush --> written to the slot --> out of the cache -->
//! page lock is left
//! ```
//! The flush is a batch's: between the locks and the flush others find the entry of swap, and TLBs have translations. Whoever
//! promises that none is left looks whether one is pending ([`Cpu::flush_batched_pending`]).
//!
//! # Linux
//! mm/vmscan.c: `shrink_folio_list()`, `__remove_mapping()`; mm/rmap.c: `try_to_unmap_one()`,
//! `try_to_unmap_flush()`; mm/madvise.c: `madvise_cold_or_pageout_pte_range()`. Kept: the page's lock from before its entry goes
//! until it has left the cache; it is written after the flush. Changed: the page is found by its address, under the mmap
//! lock, which is left with the page-table lock, where Linux finds it by its list and its entries by the reverse mapping.
//! Dropped: pages with more than one entry stay (`madvise pageout` of Linux passes over them too), as do those of files in memory and
//! copies that private mappings of files have (for files on disks see [`file_reclaim`](crate::mm::file_reclaim)); a page that was freed lazily goes to swap like any other; a page that is clean in the cache is never
//! mapped, so that there is no write to be saved. References are not frozen before the page goes: a fault that has found it
//! keeps it by its own, and looks whether it is the slot's still; nothing else holds a page that has no entry, as there are
//! no pins.

use crate::mm::cpu::Cpu;
use crate::mm::flush::FlushInfo;
use crate::mm::ptl::PtlGuard;
use crate::mm::swap_in::FrameGuard;
use crate::orderings;
use crate::platform::{Platform, Word};
use crate::types::addr::{PageRange, Vpn};
use crate::types::error::Errno;
use crate::types::event::What;
use crate::types::ids::{GrantId, Pfn, SwapSlot};
use crate::types::prot::Prot;
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;
use alloc::vec::Vec;

/// A page that is on its way out.
struct Leaving<'s, P: Platform> {
    vpn: Vpn,
    pfn: Pfn,
    slot: SwapSlot,
    page: FrameGuard<'s, P>,
    /// What the flush takes away (ghost).
    revoked: Vec<(GrantId, Prot)>,
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Reclaims the page at `vpn`, if it can be: it is anonymous, and no other entry has it, or a clean one of a file on a disk;
    /// and no CPU is at it.
    ///
    /// # Panics
    /// If the machine has no swap area.
    pub fn reclaim(&mut self, vpn: Vpn) -> Result<(), Errno> {
        let lock = self.mmap_read_lock();
        let vma = lock.find(vpn);
        if let Some(map) = vma.and_then(|vma| vma.backing.file()) {
            lock.unlock();
            self.reclaim_shown(map, vpn);
            return Ok(());
        }
        let leaving = vma.and_then(|_| self.unmap_one(vpn));
        lock.unlock();
        if let Some(leaving) = leaving {
            self.page_out(leaving);
        }
        Ok(())
    }

    /// Reclaims the pages of `range`. Over a hole: `Nomem`, and the mapped pages are reclaimed.
    /// Linux: `madvise(MADV_PAGEOUT)`. Changed: the mmap lock is left between pages.
    ///
    /// # Panics
    /// As [`Cpu::reclaim`].
    pub fn madvise_pageout(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        let lock = self.mmap_read_lock();
        let whole = range.iter().all(|vpn| lock.covers(vpn));
        lock.unlock();
        for vpn in range.iter() {
            self.reclaim(vpn)?;
        }
        if whole { Ok(()) } else { Err(Errno::Nomem) }
    }

    /// Replaces the entry of `vpn` by one of swap. Linux: `add_to_swap()`, `try_to_unmap_one()`.
    fn unmap_one(&mut self, vpn: Vpn) -> Option<Leaving<'s, P>> {
        let mut ptl = self.lock_leaf(vpn, true)?;
        let leaving = self.unmap_locked(&mut ptl, vpn);
        ptl.unlock();
        leaving
    }

    fn unmap_locked(&mut self, ptl: &mut PtlGuard<'s, P>, vpn: Vpn) -> Option<Leaving<'s, P>> {
        let Entry::Leaf(soft) = ptl.entry(vpn) else {
            return None;
        };
        let pfn = soft.pfn();
        let frame = self.sys.frame(pfn);
        if pfn == Pfn::ZERO || frame.is_of_file() {
            return None;
        }
        // Another process has it, or a fault copies it, or an entry of swap has it in the cache.
        if frame.is_shared() {
            return None;
        }
        let page = self.try_lock_frame(pfn)?;
        let mut slots = self.swap().lock(self.id());
        let Some(slot) = slots.alloc() else {
            slots.unlock();
            page.unlock();
            return None;
        };
        // The entry's, which is there in a moment.
        slots.slot(slot).count = 1;
        slots.slot(slot).cached = Some(pfn);
        frame.get();
        slots.unlock();
        let mut revoked: Vec<_> = ptl.past(vpn).collect();
        let old = ptl.set(vpn, Pte::NONE);
        self.tell_batched();
        ptl.set(vpn, Pte::swapped(slot));
        self.entry_went(old);
        revoked.push((old.grant(), old.prot()));
        Some(Leaving {
            vpn,
            pfn,
            slot,
            page,
            revoked,
        })
    }

    /// The page of `leaving` has no entry any more, and its reference is this CPU's. Linux: `try_to_unmap_flush_dirty()`,
    /// `pageout()`, `__remove_mapping()`.
    fn page_out(&mut self, leaving: Leaving<'s, P>) {
        let Leaving {
            vpn,
            pfn,
            slot,
            page,
            revoked,
        } = leaving;
        let flush = FlushInfo {
            range: Some(PageRange::page(vpn)),
            freed_tables: false,
        };
        // QUIRK(PageoutBeforeFlush): proofs/swap/written-before-the-flush
        let early = self.sys.has(Quirk::PageoutBeforeFlush);
        if early {
            self.write_swapped(vpn, pfn, slot);
        }
        // QUIRK(ReclaimFreesBeforeFlush): proofs/swap/freed-before-the-flush
        let unflushed = self.sys.has(Quirk::ReclaimFreesBeforeFlush);
        if !unflushed {
            self.shootdown(flush);
            for (grant, prot) in revoked {
                self.sys.machine.grants.revoked(grant, prot, self.id());
            }
        }
        if !early {
            self.write_swapped(vpn, pfn, slot);
        }
        self.remove_mapping(page, pfn, slot);
        self.free_frame(pfn);
        if unflushed {
            self.shootdown(flush);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::mmap::MmapFlags;
    use crate::inspect::PageState;
    use crate::mm::cpu::CpuLocal;
    use crate::mm::system::System;
    use crate::test_platform::Alone;
    use crate::types::config::Config;
    use crate::types::ids::{CpuId, MmId};
    use crate::types::protocol::{Protocol, Swapin};

    const CHILD: MmId = MmId(1);

    /// What `does` does on a machine with so many slots of swap, where pages 1 and 2 hold 7 and 8. All is in order
    /// afterwards.
    fn with_swap(
        slots: u32,
        swapin: Swapin,
        does: impl FnOnce(&System<Alone>, &mut Cpu<'_, Alone>),
    ) {
        let config = Config {
            mms: 2,
            swap_slots: slots,
            protocol: Protocol {
                swapin,
                ..Protocol::default()
            },
            ..Config::small(1)
        };
        let system = System::<Alone>::new(config);
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        let pages = PageRange::new(Vpn(1), Vpn(3));
        cpu.mmap(pages, Prot::RW, MmapFlags::default())
            .expect("there is room");
        for (vpn, word) in [(1, 7), (2, 8)] {
            cpu.write(Vpn(vpn), word).expect("it is mapped");
        }
        does(&system, &mut cpu);
        cpu.rcu_barrier();
        system.check_at_rest(core::slice::from_ref(&local));
    }

    fn in_both(does: impl Fn(&System<Alone>, &mut Cpu<'_, Alone>)) {
        for swapin in [Swapin::Cache, Swapin::Direct] {
            with_swap(2, swapin, &does);
        }
    }

    fn out(cpu: &mut Cpu<'_, Alone>, vpn: u64) {
        cpu.reclaim(Vpn(vpn)).expect("it always may");
    }

    fn page(system: &System<Alone>, vpn: u64) -> PageState {
        system.page(MmId::MAIN, Vpn(vpn))
    }

    #[test]
    fn what_goes_out_comes_back() {
        in_both(|system, cpu| {
            for word in 10..14 {
                out(cpu, 1);
                let state = page(system, 1);
                assert!(state.swapped && !state.present && !state.dirty);
                assert_eq!(cpu.mincore(PageRange::page(Vpn(1))), Ok(0));
                assert!(cpu.read(Vpn(1)).is_ok());
                assert!(!page(system, 1).swapped);
                out(cpu, 1);
                cpu.write(Vpn(1), word).expect("it is mapped");
                assert_eq!(cpu.read(Vpn(1)), Ok(word));
            }
            out(cpu, 1);
            assert_eq!(page(system, 1).word, 13);
        });
    }

    #[test]
    fn what_cannot_go_stays() {
        with_swap(1, Swapin::Cache, |system, cpu| {
            out(cpu, 1);
            out(cpu, 2);
            assert!(
                page(system, 1).swapped && !page(system, 2).swapped,
                "the area is full"
            );
            assert_eq!(cpu.read(Vpn(1)), Ok(7));
            out(cpu, 2);
            assert!(page(system, 2).swapped, "its slot is free again");
            out(cpu, 9);
            cpu.fork(CHILD).expect("there is memory");
            out(cpu, 1);
            assert!(!page(system, 1).swapped, "the child has it too");
        });
    }

    #[test]
    fn what_unmaps_it_frees_its_slot() {
        let one = PageRange::page(Vpn(1));
        in_both(|system, cpu| {
            out(cpu, 1);
            cpu.madvise_dontneed(one).expect("it is mapped");
            assert_eq!(cpu.read(Vpn(1)), Ok(0));
            out(cpu, 2);
            cpu.madvise_free(PageRange::page(Vpn(2)))
                .expect("it is mapped");
            assert_eq!(cpu.read(Vpn(2)), Ok(0));
            cpu.write(Vpn(1), 5).expect("it is mapped");
            cpu.madvise_pageout(one).expect("it is mapped");
            assert!(page(system, 1).swapped);
            cpu.munmap(one).expect("it is mapped");
            assert!(!page(system, 1).swapped);
        });
    }

    #[test]
    fn it_moves_and_changes_its_protection() {
        in_both(|system, cpu| {
            out(cpu, 1);
            cpu.mprotect(PageRange::page(Vpn(1)), Prot::R)
                .expect("it is mapped");
            cpu.mremap(PageRange::page(Vpn(1)), PageRange::page(Vpn(5)), false)
                .expect("there is room");
            assert!(page(system, 5).swapped && !page(system, 1).swapped);
            assert_eq!(cpu.read(Vpn(5)), Ok(7));
            assert!(cpu.write(Vpn(5), 1).is_err());
        });
    }

    #[test]
    fn processes_share_a_slot() {
        in_both(|system, cpu| {
            out(cpu, 1);
            cpu.fork(CHILD).expect("there is memory");
            cpu.write(Vpn(1), 9).expect("it is mapped");
            assert_eq!(system.page(CHILD, Vpn(1)).word, 7);
            let of_child = cpu.within(CHILD, |cpu| cpu.swap_in_all(Vpn(1)));
            assert_eq!(of_child, Some(7));
            assert_eq!(cpu.read(Vpn(1)), Ok(9));
        });
    }

    impl Cpu<'_, Alone> {
        /// Brings in what is at `vpn`, and tells what it holds.
        fn swap_in_all(&mut self, vpn: Vpn) -> Option<u64> {
            let page = PageRange::page(vpn);
            self.madvise_populate(page, crate::types::prot::Access::Read)
                .ok()?;
            let entry = self.walk_to_end(vpn).1.leaf()?;
            Some(self.sys.frame(entry.pfn()).word.load(orderings::AT_REST))
        }
    }
}
