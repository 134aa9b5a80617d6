//! First accesses to files that have page caches: under the lock of the page, and then under the page-table lock. A page that
//! is to be read is read first (`file_io`).
//!
//! A fault that has no lock of its VMA does not come here: it cannot wait for a page with what keeps its VMA. It falls
//! back to the mmap lock.
//!
//! # Linux
//! mm/memory.c: `do_fault()`, `do_cow_fault()`, `finish_fault()`; mm/shmem.c: `shmem_fault()`,
//! `shmem_get_folio_gfp()`. Kept: the page stays locked until its entry is set; so it does while a private mapping's
//! copy is made, until that has its entry.

use crate::mm::cpu::Cpu;
use crate::mm::fault::{Attempt, Await, Handled, Outcome};
use crate::mm::file::FileMap;
use crate::mm::page_cache::{Cached, PageCache, PageGuard};
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::Vpn;
use crate::types::error::Fault;
use crate::types::ids::Pfn;
use crate::types::prot::{Access, Prot};
use crate::types::pte::Entry;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Nothing was there in `vma`, which maps a file as `map` says, and is stable. Linux: `do_fault()`.
    pub(crate) fn fault_file(
        &mut self,
        map: FileMap,
        vma: VmaCopy,
        (vpn, access): (Vpn, Access),
        attempt: Attempt,
    ) -> Outcome {
        let sys = self.sys;
        let Some((cache, index)) = sys.files().cached(map, vpn) else {
            return Err(Fault::Bus);
        };
        let around = self.sys.protocol().fault_around();
        if around && access != Access::Write && self.fault_around(map, vma, vpn) {
            return Ok(Handled::Resolved);
        }
        if cache.is_read() {
            return self.fault_on_disk(cache, index, vma, (vpn, access), attempt);
        }
        // QUIRK(FaultLooksUpEarly): proofs/file/page-goes-under-a-fault
        let early = self.sys.has(Quirk::FaultLooksUpEarly);
        let found = early.then(|| cache.page_racy(index)).flatten();
        let found = found.map(|page| page.pfn);
        let Some(page) = cache.lock_page(index, self.id()) else {
            return Err(Fault::Bus);
        };
        let pfn = match found {
            Some(found) => Ok(found),
            None => self.find_or_add(cache, &page, vpn, index),
        };
        self.map_locked(page, pfn, vma, (vpn, access))
    }

    /// Maps the page `pfn` of a file, if there is one, and leaves its lock, which is `page`.
    /// Linux: `do_read_fault()`, `do_cow_fault()`, `do_shared_fault()`.
    pub(crate) fn map_locked(
        &mut self,
        page: PageGuard<'_, P>,
        pfn: Result<Pfn, Fault>,
        vma: VmaCopy,
        (vpn, access): (Vpn, Access),
    ) -> Outcome {
        if let Ok(pfn) = pfn
            && access == Access::Write
            && vma.backing.tells_of_stores(self)
        {
            self.page_mkwrite(&page, pfn);
        }
        let got = pfn.and_then(|pfn| vma.backing.shows(self, vma, vpn, access, pfn));
        // QUIRK(FaultMapsUnlocked): proofs/file/page-goes-under-a-fault
        let page = match self.sys.has(Quirk::FaultMapsUnlocked) {
            true => {
                page.unlock();
                None
            }
            false => Some(page),
        };
        let outcome = match got {
            Ok((pfn, prot)) => self.finish_fault(vpn, access, pfn, prot),
            Err(fault) => Err(fault),
        };
        if let Some(page) = page {
            page.unlock();
        }
        outcome
    }

    /// The page `index` of the file, whose lock is held. Linux: `shmem_get_folio_gfp()`.
    fn find_or_add(
        &mut self,
        cache: &PageCache<P>,
        page: &PageGuard<'_, P>,
        vpn: Vpn,
        index: u32,
    ) -> Result<Pfn, Fault> {
        // QUIRK(FaultIgnoresSize): proofs/file/bus-after-truncate
        if index >= cache.size() && !self.sys.has(Quirk::FaultIgnoresSize) {
            return Err(Fault::Bus);
        }
        if let Some(page) = page.page() {
            return Ok(page.pfn);
        }
        self.add_page(page, vpn, true)
    }

    /// A new page of a file, whose lock is held. Linux: `shmem_alloc_and_add_folio()`, `__filemap_get_folio()`.
    pub(crate) fn add_page(
        &mut self,
        page: &PageGuard<'_, P>,
        vpn: Vpn,
        is_uptodate: bool,
    ) -> Result<Pfn, Fault> {
        let pfn = self.alloc_frame(vpn).ok_or(Fault::Bus)?;
        self.sys.frame(pfn).becomes_a_files();
        page.add(Cached { pfn, is_uptodate });
        Ok(pfn)
    }

    /// Maps `pfn`, of which the caller has a reference for the entry. Linux: `finish_fault()`.
    pub(crate) fn finish_fault(
        &mut self,
        vpn: Vpn,
        access: Access,
        pfn: Pfn,
        prot: Prot,
    ) -> Outcome {
        let Some(mut ptl) = self.lock_leaf_alloc(vpn) else {
            self.free_frame(pfn);
            return Err(Fault::Bus);
        };
        if ptl.entry(vpn) == Entry::None {
            self.map_first(&mut ptl, vpn, access, pfn, prot);
            ptl.unlock();
            return Ok(Handled::Resolved);
        }
        self.how("drops the page: another one is there by now");
        ptl.unlock();
        self.free_frame(pfn);
        Ok(Handled::Again(Await::Nothing))
    }
}
