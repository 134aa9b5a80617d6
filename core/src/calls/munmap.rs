//! `munmap`: VMAs go, with their pages.
//!
//! # Linux
//! mm/vma.c: `do_vmi_munmap()`. Kept: `munmap` downgrades the mmap lock when the VMAs are gone
//! (`vms_complete_munmap_vmas()`), so that a fault may find one page gone and the next still there.

use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::mmap_lock::MmapWrite;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::error::Errno;
use crate::types::protocol::Munmap;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Unmaps `range`. Linux: `munmap()`.
    pub fn munmap(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        let lock = self.mmap_write_lock();
        self.munmap_locked(lock, range);
        Ok(())
    }

    /// Unmaps `range`, and leaves the lock. Linux: `do_vmi_align_munmap()`.
    pub(crate) fn munmap_locked(&mut self, mut lock: MmapWrite<'s, P>, range: PageRange) {
        // QUIRK(MunmapPagesFirst): proofs/vma_lock/removed-before-its-pages
        let first = self.sys.has(Quirk::MunmapPagesFirst) && lock.tree().overlaps(range);
        let first = first.then(|| self.zap_all([range]));
        // QUIRK(DriverClosedFirst): proofs/driver/closed-when-it-is-gone
        let early = match self.sys.has(Quirk::DriverClosedFirst) {
            true => lock.tree().overlapping(range),
            false => Vec::new(),
        };
        early.iter().for_each(|(_, vma)| self.close_gone(vma));
        let gone = self.remove_vmas(&mut lock, range);
        for (_, vma) in early {
            self.open_driver(vma.copy_stable());
        }
        if gone.is_empty() {
            return lock.unlock();
        }
        let gather = match self.sys.protocol().munmap() {
            munmap if munmap == Munmap::Exclusive || self.may_grow_into(&lock, range) => {
                let gather = self.unmap_pages(lock.tree(), range, gone, first);
                lock.unlock();
                gather
            }
            _ => {
                let tree = lock.tree().clone();
                let lock = lock.downgrade();
                // QUIRK(MunmapZapsUnlocked): proofs/pt_free/munmap-zaps-unlocked
                if self.sys.has(Quirk::MunmapZapsUnlocked) {
                    lock.unlock();
                    self.unmap_pages(&tree, range, gone, first)
                } else {
                    let gather = self.unmap_pages(&tree, range, gone, first);
                    lock.unlock();
                    gather
                }
            }
        };
        self.complete(gather);
    }
}
