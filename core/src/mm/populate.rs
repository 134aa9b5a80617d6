//! Pages are brought in before any access asks for them.
//!
//! # Linux
//! mm/gup.c: `faultin_page_range()`, `populate_vma_page_range()`.

use crate::mm::cpu::Cpu;
use crate::mm::fault::{Await, Handled};
use crate::mm::mmap_lock::MmapRead;
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::counters::Counter;
use crate::types::error::{Errno, Fault};
use crate::types::prot::Access;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Under one mmap read lock: no other call changes what is mapped between two pages.
    /// Linux: `faultin_page_range()`.
    pub(crate) fn populate(&mut self, range: PageRange, access: Access) -> Result<(), Errno> {
        let mut lock = self.mmap_read_lock();
        let mut result = Ok(());
        for vpn in range.iter() {
            // QUIRK(PopulateDropsMmapLock): proofs/basics/populate-vs-munmap
            if vpn != range.start && self.sys.has(Quirk::PopulateDropsMmapLock) {
                lock.unlock();
                lock = self.mmap_read_lock();
            }
            result = self.populate_page(&lock, vpn, access);
            if result.is_err() {
                break;
            }
        }
        lock.unlock();
        result
    }

    fn populate_page(
        &mut self,
        lock: &MmapRead<'s, P>,
        vpn: Vpn,
        access: Access,
    ) -> Result<(), Errno> {
        // Where no VMA is, munmap frees page tables while others hold this lock for reading too.
        // QUIRK(PopulateWalksFirst): proofs/pt_free/walked-without-vma
        if !lock.covers(vpn) && !self.sys.has(Quirk::PopulateWalksFirst) {
            return Err(Errno::Nomem);
        }
        loop {
            // QUIRK(PopulateWalksUnprotected): proofs/pt_free/populate-vs-reclaim
            let walk =
                (!self.sys.has(Quirk::PopulateWalksUnprotected)).then(|| self.walk_begin(true));
            let (_, entry) = self.walk_to_end(vpn);
            drop(walk);
            if entry.leaf().is_some_and(|pte| pte.allows(access)) {
                return Ok(());
            }
            self.count(Counter::Faults);
            match self.fault_mmap_locked(lock, vpn, access) {
                // Linux: __get_user_pages() looks for the page again.
                Ok(Handled::Again(Await::Nothing)) => {}
                // Linux: fixup_user_fault() and its like take the mmap lock again.
                Ok(Handled::Again(Await::Driver)) => self.await_driver(),
                // The page is there: the access itself waits for a flush, if it must.
                Ok(Handled::Resolved | Handled::Again(Await::Flush)) => return Ok(()),
                // Behind the end of a file: madvise_populate(), mm/madvise.c.
                Err(Fault::Bus) if self.is_file(lock, vpn) => return Err(Errno::Fault),
                Err(Fault::MapErr | Fault::Bus) => return Err(Errno::Nomem),
                Err(Fault::AccErr) => return Err(Errno::Inval),
            }
        }
    }

    fn is_file(&self, lock: &MmapRead<'s, P>, vpn: Vpn) -> bool {
        lock.find(vpn).is_some_and(|vma| vma.backing.is_file())
    }
}
