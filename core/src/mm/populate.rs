//! Pages are brought in before any access asks for them.
//!
//! # Linux
//! mm/gup.c: `faultin_page_range()`, `populate_vma_page_range()`, `__mm_populate()`.

use crate::mm::cpu::Cpu;
use crate::mm::fault::{Attempt, Await, Handled, Started, Wanted};
use crate::mm::file::Backing;
use crate::mm::mmap_lock::MmapRead;
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::counters::Counter;
use crate::types::error::{Errno, Fault};
use crate::types::prot::{Access, Prot};
use crate::types::quirk::Quirk;

/// Why a page is not populated.
enum Stopped {
    /// The call ends with this.
    By(Errno),
    /// This page is to be read, with the mmap lock left.
    ToRead(Wanted),
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Under one mmap read lock, but where a page of a file is waited for: no other call changes what is mapped between two
    /// pages. Linux: `faultin_page_range()`.
    pub(crate) fn populate(&mut self, range: PageRange, access: Access) -> Result<(), Errno> {
        self.populate_each(range, |_, _| Ok(Some(access)))
    }

    /// The same of what is mapped of `range`, as a first access would that makes the page its own, if the mapping allows
    /// one: but for a driver's memory. Linux: `__mm_populate()`.
    pub(crate) fn populate_mapped(&mut self, range: PageRange) -> Result<(), Errno> {
        self.populate_each(range, |lock, vpn| {
            let Some(vma) = lock.find(vpn) else {
                return Ok(None);
            };
            let is_shared = matches!(vma.backing, Backing::Shared(_));
            match vma.backing {
                Backing::Driver(_) => Ok(None),
                _ if vma.prot.is_empty() => Err(Errno::Fault),
                _ if vma.prot.contains(Prot::W) && !is_shared => Ok(Some(Access::Write)),
                _ => Ok(Some(Access::Read)),
            }
        })
    }

    /// Each page of `range` as `wanted` says, if it is to come at all.
    fn populate_each(
        &mut self,
        range: PageRange,
        wanted: impl Fn(&MmapRead<'s, P>, Vpn) -> Result<Option<Access>, Errno>,
    ) -> Result<(), Errno> {
        let mut lock = self.mmap_read_lock();
        let mut result = Ok(());
        for vpn in range.iter() {
            // QUIRK(PopulateDropsMmapLock): proofs/basics/populate-vs-munmap
            if vpn != range.start && self.sys.has(Quirk::PopulateDropsMmapLock) {
                lock.unlock();
                lock = self.mmap_read_lock();
            }
            (lock, result) = match wanted(&lock, vpn) {
                Ok(Some(access)) => self.populate_page(lock, vpn, access),
                Ok(None) => continue,
                Err(errno) => (lock, Err(errno)),
            };
            if result.is_err() {
                break;
            }
        }
        lock.unlock();
        result
    }

    /// One page. The lock may have been left meanwhile, and is held again.
    fn populate_page(
        &mut self,
        mut lock: MmapRead<'s, P>,
        vpn: Vpn,
        access: Access,
    ) -> (MmapRead<'s, P>, Result<(), Errno>) {
        let mut attempt = Attempt::First;
        loop {
            let outcome = match self.populate_attempt(&lock, vpn, access, attempt) {
                Ok(()) => Ok(()),
                Err(Stopped::By(errno)) => Err(errno),
                Err(Stopped::ToRead(wanted)) => {
                    // Linux: __get_user_pages_locked(), which takes it again for the rest.
                    lock.unlock();
                    let started = self.after_io(wanted, vpn, access);
                    lock = self.mmap_read_lock();
                    match started {
                        Started::Again(next) => {
                            attempt = next;
                            continue;
                        }
                        Started::Not(outcome) => outcome.map(|_| ()).map_err(|_| Errno::Fault),
                    }
                }
            };
            return (lock, outcome);
        }
    }

    fn populate_attempt(
        &mut self,
        lock: &MmapRead<'s, P>,
        vpn: Vpn,
        access: Access,
        attempt: Attempt,
    ) -> Result<(), Stopped> {
        // Where no VMA is, munmap frees page tables while others hold this lock for reading too.
        // QUIRK(PopulateWalksFirst): proofs/pt_free/walked-without-vma
        if !lock.covers(vpn) && !self.sys.has(Quirk::PopulateWalksFirst) {
            return Err(Stopped::By(Errno::Nomem));
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
            let stopped = match self.fault_mmap_locked(lock, vpn, access, attempt) {
                // Linux: __get_user_pages() looks for the page again.
                Ok(Handled::Again(Await::Nothing)) => continue,
                Ok(Handled::Again(Await::Page(wanted))) => return Err(Stopped::ToRead(wanted)),
                // Linux: fixup_user_fault() and its like take the mmap lock again.
                Ok(Handled::Again(Await::Driver)) => {
                    self.await_driver();
                    continue;
                }
                // The page is there: the access itself waits for a flush, if it must.
                Ok(Handled::Resolved | Handled::Again(Await::Flush)) => return Ok(()),
                // A guard page: madvise_populate(), mm/madvise.c.
                Err(Fault::MapErr) if lock.find(vpn).is_some() => Errno::Fault,
                // Behind the end of a file.
                Err(Fault::Bus) if self.is_file(lock, vpn) => Errno::Fault,
                Err(Fault::MapErr | Fault::Bus) => Errno::Nomem,
                Err(Fault::AccErr) => Errno::Inval,
            };
            return Err(Stopped::By(stopped));
        }
    }

    fn is_file(&self, lock: &MmapRead<'s, P>, vpn: Vpn) -> bool {
        lock.find(vpn).is_some_and(|vma| vma.backing.is_file())
    }
}
