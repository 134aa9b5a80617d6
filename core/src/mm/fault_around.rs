//! Read faults on files map what the page cache has around their page, so that those pages need no fault of their own.
//!
//! ```text
//!  RCU read section
//!    for each page of the page table that the VMA has:
//!      in the cache and uptodate? --> its lock, if it is free --> still there, and uptodate?
//!        --> page-table lock (the first time) --> nothing there? --> mapped, as a read fault maps it --> its lock is left
//! ```
//! It waits for no page: what it does not get, it leaves to the faults that need it, and if its own page is among these, the
//! fault goes on as without it.
//!
//! # Invariants
//! - N1: a page is mapped only if it was found in the cache under its lock, which is kept until the entry is set. What takes it
//!   out takes that lock first, and unmaps what it finds then (T1, I1).
//! - N2: nothing sleeps in the RCU read section, so that a page's lock is taken only if it is free.
//! - N3: an entry that is there stays: it may be a copy.
//! - N4: only pages of the VMA are mapped: it is what the fault has a lock of.
//! - N5: a page that is behind the file's end is not mapped, though it is in the cache still (T3): what was there may have been
//!   a copy of it, which has gone already.
//!
//! # Linux
//! mm/memory.c: `do_fault_around()`; mm/filemap.c: `filemap_map_pages()`, `next_uptodate_folio()`,
//! `filemap_map_folio_range()`. Kept: the page table is made before the RCU read section begins. Changed: the window is a page
//! table, and not `fault_around_bytes`.

use crate::mm::cpu::Cpu;
use crate::mm::file::FileMap;
use crate::mm::page_cache::PageGuard;
use crate::mm::ptl::PtlGuard;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::Vpn;
use crate::types::ids::Pfn;
use crate::types::prot::Access;
use crate::types::pte::Entry;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Maps what is to be read at `vpn` of `vma`, which is stable, and shows the file as `map` says, and what is around it:
    /// as far as that needs no sleep. Whether something is at `vpn` then. Linux: `do_fault_around()`.
    pub(crate) fn fault_around(&mut self, map: FileMap, vma: VmaCopy, vpn: Vpn) -> bool {
        loop {
            match self.map_around(map, vma, vpn) {
                Some(is_mapped) => return is_mapped,
                None if self.install_tables(vpn) => {}
                None => return false,
            }
        }
    }

    /// The same, unless a page is to be mapped and there is no page table. Linux: `filemap_map_pages()`.
    fn map_around(&mut self, map: FileMap, vma: VmaCopy, vpn: Vpn) -> Option<bool> {
        let rcu = self.rcu_read_lock();
        let table = self.sys.geometry().leaf_range(vpn);
        // QUIRK(FaultAroundLeavesVma): proofs/file/nothing-beside-the-vma
        let around = match self.sys.has(Quirk::FaultAroundLeavesVma) {
            true => table,
            false => table.intersection(vma.range),
        };
        let mut held: Option<PtlGuard<'s, P>> = None;
        for at in around.iter() {
            let Some((page, pfn)) = self.next_uptodate(map, at) else {
                continue;
            };
            if held.is_none() {
                held = self.lock_leaf(vpn, true);
            }
            let Some(ptl) = &mut held else {
                page.unlock();
                return None;
            };
            // QUIRK(FaultAroundUnlocked): proofs/file/gone-where-a-fault-maps-around
            let page = match self.sys.has(Quirk::FaultAroundUnlocked) {
                true => {
                    page.unlock();
                    None
                }
                false => Some(page),
            };
            // QUIRK(FaultAroundReplaces): proofs/file/copies-stay-where-faults-map-around
            if (ptl.entry(at) == Entry::None || self.sys.has(Quirk::FaultAroundReplaces))
                && let Ok((pfn, prot)) = vma.backing.shows(self, vma, at, Access::Read, pfn)
            {
                self.map_first(ptl, at, Access::Read, pfn, prot);
            }
            if let Some(page) = page {
                page.unlock();
            }
        }
        let is_mapped = held
            .as_ref()
            .is_some_and(|ptl| ptl.entry(vpn) != Entry::None);
        if let Some(ptl) = held {
            ptl.unlock();
        }
        drop(rcu);
        Some(is_mapped)
    }

    /// The page that `map` shows at `vpn`, and its lock, if it is in the cache, uptodate, and not locked.
    /// Linux: `next_uptodate_folio()`.
    fn next_uptodate(&self, map: FileMap, vpn: Vpn) -> Option<(PageGuard<'s, P>, Pfn)> {
        let sys = self.sys;
        let (cache, index) = sys.files().cached(map, vpn)?;
        let found = self.uptodate(cache.page_racy(index))?;
        // QUIRK(FaultAroundSleeps): proofs/file/mapped-around-without-sleep
        let page = match sys.has(Quirk::FaultAroundSleeps) {
            true => {
                self.might_sleep();
                cache.lock_page(index, self.id())?
            }
            false => cache.try_lock_page(index, self.id())?,
        };
        // QUIRK(FaultAroundLooksEarly): proofs/file/gone-where-a-fault-maps-around
        let now = match sys.has(Quirk::FaultAroundLooksEarly) {
            true => Some(found),
            false => self.uptodate(page.page()),
        };
        // QUIRK(FaultAroundIgnoresSize): proofs/file/copies-go-where-faults-map-around
        let is_within = index < cache.size() || sys.has(Quirk::FaultAroundIgnoresSize);
        let Some(now) = now.filter(|_| is_within) else {
            page.unlock();
            return None;
        };
        Some((page, now.pfn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::mmap::{MmapFile, MmapFlags};
    use crate::mm::cpu::CpuLocal;
    use crate::mm::system::System;
    use crate::test_platform::Alone;
    use crate::types::addr::PageRange;
    use crate::types::config::Config;
    use crate::types::counters::Counter;
    use crate::types::ids::{CpuId, FilePage, MmId};
    use crate::types::prot::Prot;
    use crate::types::protocol::Protocol;

    #[test]
    fn one_fault_maps_what_a_page_table_has() {
        let config = Config {
            protocol: Protocol {
                fault_around: true,
                ..Protocol::default()
            },
            ..Config::small(1)
        };
        let system = System::<Alone>::with_files(config, &[alloc::vec![5, 6, 7, 8]], false);
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        let flags = MmapFlags {
            file: Some(MmapFile {
                page: FilePage(0),
                shared: false,
            }),
            ..MmapFlags::default()
        };
        let pages = PageRange::new(Vpn(1), Vpn(5));
        cpu.mmap(pages, Prot::RW, flags).expect("there is room");
        assert_eq!(cpu.write(Vpn(2), 9), Ok(()), "a store maps its own page");
        let read = [1, 2, 3, 4].map(|vpn| cpu.read(Vpn(vpn)));
        assert_eq!(read, [Ok(5), Ok(9), Ok(7), Ok(8)]);
        cpu.exit_mm(MmId::MAIN);
        cpu.rcu_barrier();
        let faults = local.counters().get(Counter::Faults);
        let tables = 1 + u64::from(system.geometry().leaf_range(Vpn(4)).start > Vpn(1));
        assert_eq!(
            faults,
            1 + tables,
            "one for the store, and one for each table"
        );
        system.check_at_rest(core::slice::from_ref(&local));
    }
}
