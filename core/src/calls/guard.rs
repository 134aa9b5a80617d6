//! Guard pages: a marker in an entry, where no page is and no fault brings one.
//!
//! ```text
//!  none, page, swapped --guard_install--> guard --guard_remove, munmap--> none
//! ```
//! An access to a guard page is answered as one to what is not mapped. The marker is no page: `madvise dontneed` and what
//! a file's `truncate` unmaps leave it, `mremap` moves it, and `fork` copies it. Nothing but the page-table lock makes it
//! stable.
//!
//! # Linux
//! mm/madvise.c: `madvise_guard_install()`, `madvise_guard_remove()`, since 6.13; of files since 6.15. Changed: what
//! is there is cleared, and the marker set, under one hold of the page-table lock, where Linux zaps it, with faults going on
//! meanwhile, and tries again; the call holds the mmap lock, where it may do with the VMA's since 6.18; and it tells of its
//! flush from its begin on. Linux tells of each zap's alone: where nothing is to be zapped, as another zap has
//! cleared the entries and not flushed yet, pages can be accessed for a while after the call. It shows that on a host of two
//! CPUs in one of ten runs of proofs/tlb/guarded-where-a-zap-flushes.

use crate::mm::cpu::Cpu;
use crate::mm::gather::Gather;
use crate::mm::mmap_lock::MmapRead;
use crate::mm::unmap::Spares;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::error::Errno;
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Makes the pages of `range` guard pages; what they held goes. Over a hole: `Nomem`, and what is mapped is done.
    /// `Inval` at a mapping of a device, and what is mapped before it is done.
    /// Linux: `madvise(MADV_GUARD_INSTALL)`.
    pub fn madvise_guard_install(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        let lock = self.mmap_read_lock();
        // QUIRK(GuardTellsNoFlush): proofs/tlb/guarded-where-a-zap-flushes
        let late = self.sys.has(Quirk::GuardTellsNoFlush);
        let mut gather = (!late).then(|| self.gather());
        let result = self.each_guardable(&lock, range, true, |cpu, part| {
            // QUIRK(GuardInstallsOnce): proofs/basics/guarded-under-a-fault
            let once = cpu.sys.has(Quirk::GuardInstallsOnce);
            if once {
                let gather = gather.get_or_insert_with(|| cpu.gather());
                cpu.zap_but(part, Spares::GUARDS, gather);
            }
            cpu.install_guards(part, once, &mut gather)
        });
        if let Some(gather) = &mut gather {
            self.finish(gather);
        }
        lock.unlock();
        if let Some(gather) = gather {
            self.complete(gather);
        }
        result
    }

    /// Makes the guard pages of `range` pages as they are when they are mapped. The rest is as
    /// with [`Cpu::madvise_guard_install`]. Linux: `madvise(MADV_GUARD_REMOVE)`.
    pub fn madvise_guard_remove(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        let lock = self.mmap_read_lock();
        let result = self.each_guardable(&lock, range, false, |cpu, part| {
            if let Some(mut ptl) = cpu.lock_leaf(part.start, true) {
                for vpn in ptl.entries(part) {
                    if ptl.entry(vpn) == Entry::Guard {
                        ptl.set(vpn, Pte::NONE);
                    }
                }
                ptl.unlock();
            }
            Ok(())
        });
        lock.unlock();
        result
    }

    /// Calls `each` with what one leaf table translates of what is mapped of `range`.
    /// Linux: `madvise_walk_vmas()`, `is_valid_guard_vma()`.
    fn each_guardable(
        &mut self,
        lock: &MmapRead<'s, P>,
        range: PageRange,
        installs: bool,
        mut each: impl FnMut(&mut Self, PageRange) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let (mapped, whole) = Self::mapped(lock, range);
        for vma in mapped {
            let found = lock.find(vma.start);
            let refuses =
                |vma: VmaCopy| vma.backing.is_device() || installs && self.is_kept(vma.locked);
            if found.is_some_and(refuses) {
                return Err(Errno::Inval);
            }
            for part in self.sys.geometry().leaf_parts(vma) {
                each(self, part)?;
            }
        }
        if whole { Ok(()) } else { Err(Errno::Nomem) }
    }

    /// Puts markers into the entries of `part`, which one leaf table translates. What is there goes; but not if that was done
    /// `once` (a quirk).
    fn install_guards(
        &mut self,
        part: PageRange,
        once: bool,
        gather: &mut Option<Gather>,
    ) -> Result<(), Errno> {
        let mut ptl = self.lock_leaf_alloc(part.start).ok_or(Errno::Nomem)?;
        self.flush_batched_pending();
        let mut flushes_now = false;
        for vpn in ptl.entries(part) {
            match ptl.entry(vpn) {
                Entry::Guard => continue,
                Entry::None => {}
                _ if once => continue,
                // QUIRK(GuardOverPage): proofs/basics/guard-takes-the-page
                _ if self.sys.has(Quirk::GuardOverPage) => {}
                _ => {
                    let gather = gather.get_or_insert_with(|| self.gather());
                    flushes_now |= self.zap_entry(&mut ptl, vpn, Spares::GUARDS, gather);
                }
            }
            ptl.set(vpn, Pte::GUARD);
        }
        if let Some(gather) = gather {
            self.flush_zapped(gather, flushes_now);
        }
        ptl.unlock();
        Ok(())
    }
}
