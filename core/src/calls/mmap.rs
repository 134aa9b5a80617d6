//! `mmap` and `munmap`: VMAs come and go.
//!
//! # Linux
//! mm/mmap.c, mm/vma.c: `mmap_region()`, `vma_merge()`, `do_vmi_munmap()`,
//! `__split_vma()`. Kept: a new VMA is visible before its last field is
//! written; neighbours that fit are merged; VMAs go before their pages, pages
//! before their page tables; `munmap` downgrades the mmap lock when the VMAs are gone
//! (`vms_complete_munmap_vmas()`), so that a fault may find one page gone and the next still there.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::flush::FlushInfo;
use crate::mm::gather::{FlushType, Gather};
use crate::mm::space::MmapWrite;
use crate::mm::vma::{Vma, VmaCopy};
use crate::mm::vma_tree::VmaTree;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::error::Errno;
use crate::types::prot::{Access, Prot};
use crate::types::protocol::{Munmap, ZapFlush};
use crate::types::pte::Pte;
use crate::types::quirk::Quirk;

/// How `mmap` deals with what is there, and with its new pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MmapFlags {
    /// Fail over a mapping, rather than replace it. Linux: `MAP_FIXED_NOREPLACE`.
    pub noreplace: bool,
    /// Populate the pages. Linux: `MAP_POPULATE`.
    pub populate: bool,
}

/// A VMA that is out of the tree, and where it was.
type Removed<P> = (PageRange, Arc<Vma<P>>);

impl<'s, P: Platform> Cpu<'s, P> {
    /// Maps anonymous private memory at `range`, merged with neighbours of the
    /// same protection. Linux: `mmap(MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS)`.
    pub fn mmap(&mut self, range: PageRange, prot: Prot, flags: MmapFlags) -> Result<(), Errno> {
        self.check_range(range)?;
        let mut lock = self.mmap_write_lock();
        if flags.noreplace && lock.tree().overlaps(range) {
            self.mmap_write_unlock(lock);
            return Err(Errno::Exist);
        }
        let gather = self.unmap(&mut lock, range);
        // QUIRK(MmapDropsMmapLock): proofs/basics/mmap-replaces
        if self.sys.has(Quirk::MmapDropsMmapLock) {
            self.mmap_write_unlock(lock);
            lock = self.mmap_write_lock();
        }
        self.map(&mut lock, VmaCopy { range, prot });
        self.mmap_write_unlock(lock);
        self.complete(gather);
        if flags.populate && !prot.is_empty() {
            let access = if prot.allows(Access::Write) {
                Access::Write
            } else {
                Access::Read
            };
            // As for MAP_POPULATE, that a page could not be had is no error.
            let _ = self.populate(range, access);
        }
        Ok(())
    }

    /// Unmaps `range`. Linux: `munmap()`.
    pub fn munmap(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        let mut lock = self.mmap_write_lock();
        // QUIRK(MunmapPagesFirst): proofs/vma_lock/removed-before-its-pages
        let first = self.sys.has(Quirk::MunmapPagesFirst) && lock.tree().overlaps(range);
        let first = first.then(|| self.zap_all([range]));
        let gone = self.remove_vmas(&mut lock, range);
        if gone.is_empty() {
            self.mmap_write_unlock(lock);
            return Ok(());
        }
        let gather = match self.sys.protocol().munmap() {
            Munmap::Exclusive => {
                let gather = self.unmap_pages(lock.tree(), range, gone, first);
                self.mmap_write_unlock(lock);
                gather
            }
            Munmap::Downgrade => {
                let tree = lock.tree().clone();
                let lock = self.mmap_write_downgrade(lock);
                // QUIRK(MunmapZapsUnlocked): proofs/pt_free/munmap-zaps-unlocked
                if self.sys.has(Quirk::MunmapZapsUnlocked) {
                    self.mmap_read_unlock(lock);
                    self.unmap_pages(&tree, range, gone, first)
                } else {
                    let gather = self.unmap_pages(&tree, range, gone, first);
                    self.mmap_read_unlock(lock);
                    gather
                }
            }
        };
        self.complete(gather);
        Ok(())
    }

    /// Whether `range` is one that can be asked for.
    pub(crate) fn check_range(&self, range: PageRange) -> Result<(), Errno> {
        if range.is_empty() || range.end.0 > self.sys.geometry().len_pages() {
            return Err(Errno::Inval);
        }
        Ok(())
    }

    /// Adds a VMA where nothing is, or extends its neighbours.
    /// Linux: `mmap_region()`, `vma_merge_new_range()`.
    pub(crate) fn map(&mut self, lock: &mut MmapWrite<'s, P>, new: VmaCopy) {
        let (before, after) = self.mergeable(lock, new);
        match (before, after) {
            (None, None) => self.add_vma(lock, new),
            (Some(before), None) => self.grow(lock, before, new.range),
            (None, Some(after)) => self.grow(lock, after, new.range),
            (Some(before), Some(after)) => {
                self.unlink(lock, after);
                let range = PageRange::new(new.range.start, after.range.end);
                self.grow(lock, before, range);
            }
        }
    }

    /// The neighbours of `vma` that it could be one with.
    pub(crate) fn mergeable(
        &self,
        lock: &MmapWrite<'s, P>,
        vma: VmaCopy,
    ) -> (Option<VmaCopy>, Option<VmaCopy>) {
        let same = |other: &VmaCopy| other.prot == vma.prot;
        let at = |vpn| lock.tree().find(vpn).map(|(_, vma)| vma.copy_stable());
        let before = vma.range.start.0.checked_sub(1);
        let before = before
            .and_then(|vpn| at(crate::types::addr::Vpn(vpn)))
            .filter(same);
        (before, at(vma.range.end).filter(same))
    }

    /// Extends the VMA `old` over `more`, which is next to it.
    fn grow(&mut self, lock: &mut MmapWrite<'s, P>, old: VmaCopy, more: PageRange) {
        let start = old.range.start.min(more.start);
        let end = old.range.end.max(more.end);
        let new = VmaCopy {
            range: PageRange::new(start, end),
            ..old
        };
        if let Some((_, vma)) = lock.tree().find(old.range.start) {
            let vma = vma.clone();
            self.change_vma(lock, &vma, old, new);
            self.publish(lock);
        }
    }

    /// Takes the VMA `old` out, whose pages another one takes over.
    fn unlink(&mut self, lock: &mut MmapWrite<'s, P>, old: VmaCopy) {
        if let Some((_, vma)) = lock.tree().find(old.range.start) {
            let vma = vma.clone();
            self.remove_vma(lock, old.range, &vma);
            self.free_vma(vma);
        }
    }

    /// Joins the VMA `vma` with its neighbours of the same protection.
    /// Linux: `vma_merge_existing_range()`.
    pub(crate) fn merge(&mut self, lock: &mut MmapWrite<'s, P>, vma: VmaCopy) {
        let (before, after) = self.mergeable(lock, vma);
        let mut range = vma.range;
        if let Some(after) = after {
            self.unlink(lock, after);
            range = PageRange::new(range.start, after.range.end);
        }
        match before {
            Some(before) => {
                self.unlink(lock, vma);
                self.grow(lock, before, range);
            }
            None if range != vma.range => self.grow(lock, vma, range),
            None => {}
        }
    }

    /// Splits VMAs so that none reaches over an end of `range`.
    /// Linux: `__split_vma()`.
    pub(crate) fn split(&mut self, lock: &mut MmapWrite<'s, P>, range: PageRange) {
        for at in [range.start, range.end] {
            let Some((whole, vma)) = lock.tree().find(at) else {
                continue;
            };
            if whole.start == at {
                continue;
            }
            let vma = vma.clone();
            let old = vma.copy_stable();
            let low = VmaCopy {
                range: PageRange::new(whole.start, at),
                ..old
            };
            let high = VmaCopy {
                range: PageRange::new(at, whole.end),
                ..old
            };
            self.change_vma(lock, &vma, old, low);
            self.add_vma(lock, high);
        }
    }

    /// Removes VMAs, pages and page tables of `range`, under the mmap write lock throughout. What
    /// it promises is for [`Cpu::complete`], once the lock is left.
    pub(crate) fn unmap(&mut self, lock: &mut MmapWrite<'s, P>, range: PageRange) -> Gather {
        let gone = self.remove_vmas(lock, range);
        if gone.is_empty() {
            return Gather::default();
        }
        self.unmap_pages(lock.tree(), range, gone, None)
    }

    /// Takes the VMAs of `range` out of the tree. Linux: `vms_gather_munmap_vmas()`.
    fn remove_vmas(&mut self, lock: &mut MmapWrite<'s, P>, range: PageRange) -> Vec<Removed<P>> {
        self.split(lock, range);
        let gone = lock.tree().overlapping(range);
        for (range, vma) in &gone {
            self.remove_vma(lock, *range, vma);
        }
        gone
    }

    /// Removes pages, unless they were `zapped`, and page tables of the VMAs `gone`, which were in
    /// `range` and are out of `tree`. Linux: `vms_complete_munmap_vmas()`.
    fn unmap_pages(
        &mut self,
        tree: &VmaTree<P>,
        range: PageRange,
        gone: Vec<Removed<P>>,
        zapped: Option<Gather>,
    ) -> Gather {
        let ranges = gone.iter().map(|(range, _)| *range);
        let mut gather = zapped.unwrap_or_else(|| self.zap_all(ranges));
        self.free_pgtables(tree, range, &mut gather);
        self.finish(&mut gather);
        for (_, vma) in gone {
            self.free_vma(vma);
        }
        gather
    }

    /// Clears the entries of all these.
    fn zap_all(&mut self, ranges: impl IntoIterator<Item = PageRange>) -> Gather {
        let mut gather = self.gather();
        for range in ranges {
            self.zap(range, &mut gather);
        }
        gather
    }

    /// Clears the entries of `range`. Linux: `zap_pte_range()`.
    pub(crate) fn zap(&mut self, range: PageRange, gather: &mut Gather) {
        for part in self.sys.geometry().leaf_parts(range) {
            self.zap_table(part, gather);
        }
    }

    /// Clears the entries of `part`, which one leaf table translates.
    fn zap_table(&mut self, part: PageRange, gather: &mut Gather) {
        let Some(mut ptl) = self.lock_leaf(part.start, true) else {
            return;
        };
        // QUIRK(ZapFlushBeforeClear): proofs/tlb/flushed-before-it-is-cleared
        let early = self.sys.has(Quirk::ZapFlushBeforeClear);
        if early {
            self.shootdown(FlushInfo {
                range: Some(part),
                freed_tables: false,
            });
        }
        for vpn in part.iter() {
            for (grant, prot) in ptl.past(vpn) {
                gather.revoked(grant, prot);
            }
            let soft = ptl.pte(vpn);
            if soft.is_none() {
                continue;
            }
            let old = ptl.set(vpn, Pte::NONE);
            self.sys.frame(old.pfn()).unmapped(old.is_dirty());
            gather.frame(old.pfn());
            gather.revoked(old.grant(), old.prot());
            if !old.prot().is_empty() && !early {
                gather.changed(vpn, FlushType::Strict);
            }
        }
        let flush_now = self.sys.protocol().zap_flush() == ZapFlush::Ptl;
        // QUIRK(FlushAfterPtl): proofs/tlb/flush-after-ptl
        if flush_now && !self.sys.has(Quirk::FlushAfterPtl) {
            self.flush_gathered(gather);
        }
        ptl.unlock();
    }
}
