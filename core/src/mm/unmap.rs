//! Pages go: entries are cleared, and what they mapped is gathered.
//!
//! # Linux
//! mm/vma.c: `vms_gather_munmap_vmas()`, `vms_complete_munmap_vmas()`; mm/memory.c:
//! `zap_pte_range()`. Kept: VMAs go before their pages, pages before their page tables.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::flush::FlushInfo;
use crate::mm::gather::{FlushType, Gather};
use crate::mm::mmap_lock::MmapWrite;
use crate::mm::ptl::PtlGuard;
use crate::mm::vma::Vma;
use crate::mm::vma_tree::VmaTree;
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::protocol::ZapFlush;
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;

/// A VMA that is out of the tree, and where it was.
type Removed<P> = (PageRange, Arc<Vma<P>>);

/// What a zap leaves. Linux: `struct zap_details`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spares {
    /// What is no file's: the copies of a private mapping. Linux: not `even_cows`.
    pub copies: bool,
    /// The markers of guard pages. Linux: not `ZAP_FLAG_DROP_MARKER`.
    pub guards: bool,
}

impl Spares {
    /// Nothing: the VMA goes.
    pub const NOTHING: Spares = Spares {
        copies: false,
        guards: false,
    };
    /// Guard pages: the VMA stays.
    pub const GUARDS: Spares = Spares {
        copies: false,
        guards: true,
    };
    /// These, and copies: the file loses a page, and no more.
    pub const COPIES: Spares = Spares {
        copies: true,
        guards: true,
    };
}

impl<'s, P: Platform> Cpu<'s, P> {
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
    pub(crate) fn remove_vmas(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        range: PageRange,
    ) -> Vec<Removed<P>> {
        self.split(lock, range);
        let gone = lock.tree().overlapping(range);
        for (range, vma) in &gone {
            self.remove_vma(lock, *range, vma);
        }
        gone
    }

    /// Removes pages, unless they were `zapped`, and page tables of the VMAs `gone`, which were in
    /// `range` and are out of `tree`. Linux: `vms_complete_munmap_vmas()`.
    pub(crate) fn unmap_pages(
        &mut self,
        tree: &VmaTree<P>,
        range: PageRange,
        gone: Vec<Removed<P>>,
        zapped: Option<Gather>,
    ) -> Gather {
        // QUIRK(VmaUnlinkedLate): proofs/file/tables-go-under-truncate
        let late = self.sys.has(Quirk::VmaUnlinkedLate);
        let ranges = gone.iter().map(|(range, _)| *range);
        let mut gather = zapped.unwrap_or_else(|| self.zap_all(ranges));
        if !late {
            self.unlink_all(&gone);
        }
        self.free_pgtables(tree, range, &mut gather);
        self.finish(&mut gather);
        if late {
            self.unlink_all(&gone);
        }
        for (_, vma) in gone {
            self.close_gone(&vma);
            self.free_vma(vma);
        }
        gather
    }

    /// Takes the VMAs `gone` out of the reverse mapping.
    fn unlink_all(&mut self, gone: &[Removed<P>]) {
        if self.sys.files().have_caches() || self.sys.anon_vmas().is_some() {
            for (_, vma) in gone {
                self.unlink_rmap(vma.copy_stable());
            }
        }
    }

    /// Clears the entries of all these.
    pub(crate) fn zap_all(&mut self, ranges: impl IntoIterator<Item = PageRange>) -> Gather {
        let mut gather = self.gather();
        for range in ranges {
            self.zap(range, &mut gather);
        }
        gather
    }

    /// Clears the entries of `range`. Linux: `zap_pte_range()`.
    pub(crate) fn zap(&mut self, range: PageRange, gather: &mut Gather) {
        self.zap_but(range, Spares::NOTHING, gather);
    }

    /// The same, but for what `spares` says.
    pub(crate) fn zap_but(&mut self, range: PageRange, spares: Spares, gather: &mut Gather) {
        for part in self.sys.geometry().leaf_parts(range) {
            self.zap_table(part, spares, gather);
        }
    }

    /// Clears the entries of `part`, which one leaf table translates.
    fn zap_table(&mut self, part: PageRange, spares: Spares, gather: &mut Gather) {
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
        self.flush_batched_pending();
        // Linux: force_flush.
        let mut flushes_now = false;
        for vpn in ptl.entries(part) {
            flushes_now |= self.zap_entry(&mut ptl, vpn, spares, gather);
        }
        if early {
            gather.needs_no_flush();
        }
        self.flush_zapped(gather, flushes_now);
        ptl.unlock();
    }

    /// Clears the entry of `vpn`, but for what `spares` says. Whether what was gathered is to be flushed before the lock is
    /// left.
    pub(crate) fn zap_entry(
        &mut self,
        ptl: &mut PtlGuard<'s, P>,
        vpn: Vpn,
        spares: Spares,
        gather: &mut Gather,
    ) -> bool {
        // Linux: should_zap_folio().
        let is_spared = |pte: Pte| !self.sys.frame(pte.pfn()).is_of_file();
        if spares.copies && ptl.entry(vpn).leaf().is_some_and(is_spared) {
            return false;
        }
        for (grant, prot) in ptl.past(vpn) {
            gather.revoked(grant, prot);
        }
        match ptl.entry(vpn) {
            Entry::None => return false,
            Entry::Swapped(swapped) => {
                ptl.set(vpn, Pte::NONE);
                // QUIRK(ZapKeepsSlot): proofs/swap/unmapped-in-swap
                if !self.sys.has(Quirk::ZapKeepsSlot) {
                    self.free_swap(swapped.slot(), false);
                }
                return false;
            }
            // Linux: zap_drop_markers().
            Entry::Guard => {
                if !spares.guards {
                    ptl.set(vpn, Pte::NONE);
                }
                return false;
            }
            Entry::Leaf(_) | Entry::Table(_) => {}
        }
        // QUIRK(ZapPutsFirst): proofs/cow/freed-when-no-entry-is-left
        let puts_first = self.sys.has(Quirk::ZapPutsFirst);
        if puts_first {
            self.free_frame(ptl.pte(vpn).pfn());
        }
        let old = ptl.set(vpn, Pte::NONE);
        let is_owed = old.is_dirty() && self.sys.frame(old.pfn()).account().is_some();
        // QUIRK(RmapRemovedBeforeFlush): proofs/file/stored-while-unmapped
        match is_owed && !self.sys.has(Quirk::RmapRemovedBeforeFlush) {
            true => gather.dirty(old),
            false => self.entry_went(old),
        }
        if !puts_first {
            gather.frame(old.pfn());
        }
        gather.revoked(old.grant(), old.prot());
        if !old.prot().is_empty() {
            gather.changed(ptl.pages(vpn), FlushType::Strict);
        }
        is_owed
    }

    /// Entries were cleared under a page-table lock, which is still held, and some of them need it until they are flushed.
    pub(crate) fn flush_zapped(&mut self, gather: &mut Gather, flushes_now: bool) {
        let all_now = self.sys.protocol().zap_flush() == ZapFlush::Ptl;
        // QUIRK(FlushAfterPtl): proofs/tlb/flush-after-ptl
        let all_now = all_now && !self.sys.has(Quirk::FlushAfterPtl);
        // QUIRK(DirtyFlushedAfterPtl): proofs/file/stored-while-unmapped
        if all_now || flushes_now && !self.sys.has(Quirk::DirtyFlushedAfterPtl) {
            self.flush_gathered(gather);
        }
    }
}
