//! `mremap`: pages move to other addresses.
//!
//! ```text
//! unmap the target --> no VMA at the source --> tables at the target --> entries move -->
//! a VMA at the target
//! ```
//! While entries move, no VMA covers their old or their new place: a fault there waits for the
//! mmap lock. A page is at its new place before its old one is flushed: for that moment a CPU may
//! read there and write through its old translation, to the same frame.
//!
//! # Linux
//! mm/mremap.c: `remap_move()`, `move_vma()`, `move_page_tables()`, `move_ptes()`. Kept: the
//! target is unmapped first; each VMA moves on its own, so that a range of several keeps its
//! holes; the locks of both page tables are held until the flush is done. Changed: the new VMA
//! comes after its entries, not before. Where a file is mapped, the new place is in its `i_mmap` before entries move,
//! behind the old one, so that `truncate`, which visits the old one first, finds each entry (`need_rmap_locks`).
//! Dropped: moving whole page tables. Where tables cannot be
//! had nothing moves, and the VMA comes back. With `MREMAP_DONTUNMAP` the old VMA stays in the tree, write-locked against
//! what goes by its lock alone: faults find its place empty from then on. Since nothing is unmapped, no `tlb_finish_mmu()`
//! asks whether others have cleared entries there and are about to flush them: beside a `truncate` that is under way, the
//! old place may still show a page that has gone (`proofs/file/read-where-a-copy-was`).

use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::gather::{FlushType, Gather};
use crate::mm::mmap_lock::MmapWrite;
use crate::mm::vma::VmaCopy;
use crate::mm::vma_tree::VmaTree;
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::error::Errno;
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Moves what is mapped at `from` to `to`; what was there goes, but where `from` has a hole.
    /// `Fault` if `from` begins with a hole. If the two are not as long, what moves is a part of
    /// one VMA, or it is a `Fault`: the rest of `from` goes, or new pages come behind those that
    /// move. With `dontunmap`, for which they must be as long, what moves leaves its mapping behind, with nothing in it.
    /// Linux: `mremap(MREMAP_MAYMOVE | MREMAP_FIXED)`, and `MREMAP_DONTUNMAP`.
    pub fn mremap(&mut self, from: PageRange, to: PageRange, dontunmap: bool) -> Result<(), Errno> {
        self.check_range(from)?;
        self.check_range(to)?;
        let same_len = from.len_pages() == to.len_pages();
        if !from.intersection(to).is_empty() || dontunmap && !same_len {
            return Err(Errno::Inval);
        }
        let mut lock = self.mmap_write_lock();
        let mut gathers = Vec::new();
        let mut locked = None;
        let result = if same_len {
            self.move_range(&mut lock, from, to, dontunmap, &mut gathers)
        } else {
            let more = self.resize(&mut lock, from, to, &mut gathers);
            more.map(|more| locked = more)
        };
        lock.unlock();
        for gather in gathers {
            self.complete(gather);
        }
        // Linux: do_mremap(): mm_populate(), which does not tell that a page cannot come.
        if let Some(more) = locked {
            let _ = self.populate_mapped(more);
        }
        result
    }

    /// Moves a part of one VMA to where it is longer, or shorter. Answers what has come behind what was moved, if that is to
    /// be brought in, as it is locked. Linux: `check_prep_vma()`, `mremap_to()`, `shrink_vma()`.
    fn resize(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        from: PageRange,
        to: PageRange,
        gathers: &mut Vec<Gather>,
    ) -> Result<Option<PageRange>, Errno> {
        let Some((range, vma)) = lock.tree().find(from.start) else {
            return Err(Errno::Fault);
        };
        let len = from.len_pages().min(to.len_pages());
        if range.end.0 < from.start.0 + len {
            return Err(Errno::Fault);
        }
        let whole = vma.copy_stable();
        gathers.push(self.unmap(lock, to));
        let kept = PageRange::new(from.start, Vpn(from.start.0 + len));
        let moved = PageRange::new(to.start, Vpn(to.start.0 + len));
        if kept.end < from.end {
            gathers.push(self.unmap(lock, PageRange::new(kept.end, from.end)));
        }
        self.move_vma(lock, kept, moved, false, gathers)?;
        let behind = PageRange::new(moved.end, to.end);
        if !behind.is_empty() {
            // It goes on with the file, if there is one.
            let more = VmaCopy {
                range: behind,
                backing: whole.backing.moved(from.start, to.start),
                anon: whole.anon.moved(from.start, to.start),
                ..whole
            };
            self.map(lock, more);
        }
        Ok((whole.locked && !behind.is_empty()).then_some(behind))
    }

    /// Moves VMA by VMA. Linux: `remap_move()`.
    fn move_range(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        from: PageRange,
        to: PageRange,
        dontunmap: bool,
        gathers: &mut Vec<Gather>,
    ) -> Result<(), Errno> {
        let vmas = lock.tree().overlapping(from);
        let parts: Vec<PageRange> = vmas.iter().map(|(r, _)| r.intersection(from)).collect();
        if parts.first().is_none_or(|part| part.start != from.start) {
            return Err(Errno::Fault);
        }
        for part in parts {
            // Linux: check_prep_vma(), VM_PFNMAP.
            let first = lock.tree().find(part.start);
            if dontunmap && first.is_some_and(|(_, vma)| vma.copy_stable().backing.is_device()) {
                return Err(Errno::Inval);
            }
            let target = shift(part, from.start, to.start);
            gathers.push(self.unmap(lock, target));
            self.move_vma(lock, part, target, dontunmap, gathers)?;
        }
        Ok(())
    }

    /// Moves `from`, a part of one VMA, to where nothing is; with `dontunmap` that VMA stays. Linux: `move_vma()`.
    fn move_vma(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        from: PageRange,
        to: PageRange,
        dontunmap: bool,
        gathers: &mut Vec<Gather>,
    ) -> Result<(), Errno> {
        if !dontunmap {
            self.split(lock, from);
        }
        let Some(vma) = lock.tree().find(from.start).map(|(_, vma)| vma.clone()) else {
            return Ok(());
        };
        let old = VmaCopy {
            range: from,
            ..vma.copy_stable()
        };
        // QUIRK(MremapVmaGoesLate): proofs/vma_tree/moved-under-its-vma
        let late = self.sys.has(Quirk::MremapVmaGoesLate);
        if !dontunmap && !late {
            self.remove_vma(lock, from, &vma);
        }
        // QUIRK(DontunmapUnlocked): proofs/pt_free/reclaimed-beside-dontunmap
        if dontunmap && !self.sys.has(Quirk::DontunmapUnlocked) {
            lock.start_write(&vma);
        }
        // From here on no fault finds a VMA that goes, so that no entry comes where there is no table yet.
        let parts = self.parts_within_tables(from, to);
        let mut tables = parts.iter().map(|(part, target)| {
            self.leaf_table(part.start).is_none() || self.install_tables(*target)
        });
        let has_tables = tables.all(|has| has);
        if dontunmap && !has_tables {
            gathers.push(self.unmap_tables(lock.tree(), to));
            return Err(Errno::Nomem);
        }
        let (range, left) = if has_tables { (to, from) } else { (from, to) };
        // QUIRK(MremapKeepsFileOffset): proofs/file/moved-shows-the-same
        let new = match self.sys.has(Quirk::MremapKeepsFileOffset) {
            true => VmaCopy { range, ..old },
            false => old.moved(range),
        };
        // QUIRK(MremapMovesUnlinked): proofs/file/truncated-while-moved
        let unlinked = self.sys.has(Quirk::MremapMovesUnlinked);
        if !unlinked {
            self.link_rmap(new);
        } else if !dontunmap {
            self.unlink_rmap(old);
        }
        // QUIRK(MremapVmaComesEarly): proofs/vma_tree/mremap-vs-rcu-fault
        let early = self.sys.has(Quirk::MremapVmaComesEarly);
        let mut alone = early && self.enter(lock, new);
        let mut moved = self.gather_alone();
        if has_tables {
            for (part, target) in parts {
                self.move_ptes(part, target, dontunmap, &mut moved);
            }
        }
        self.flush_gathered(&mut moved);
        gathers.push(moved);
        if !dontunmap && late {
            self.remove_vma(lock, from, &vma);
        }
        if !early {
            alone = self.enter(lock, new);
        }
        match alone {
            true if unlinked => self.link_rmap(new),
            false if !unlinked => self.unlink_rmap(new),
            _ => {}
        }
        // QUIRK(DontunmapKeepsLocked): proofs/basics/left-behind-is-not-locked
        if dontunmap && old.locked && !self.sys.has(Quirk::DontunmapKeepsLocked) {
            self.unlock_left(lock, from);
        }
        if !dontunmap {
            if has_tables {
                self.unlink_rmap(old);
            }
            gathers.push(self.unmap_tables(lock.tree(), left));
            self.close_gone(&vma);
            self.free_vma(vma);
        }
        has_tables.then_some(()).ok_or(Errno::Nomem)
    }

    /// What has moved from `left` is not locked there any more. It may have become one with what is there.
    /// Linux: `dontunmap_complete()`.
    fn unlock_left(&mut self, lock: &mut MmapWrite<'s, P>, left: PageRange) {
        let Some(vma) = lock
            .tree()
            .find(left.start)
            .map(|(_, vma)| vma.copy_stable())
        else {
            return;
        };
        // QUIRK(DontunmapUnlocksAll): proofs/basics/unlocked-by-its-neighbour
        let range = match self.sys.has(Quirk::DontunmapUnlocksAll) {
            true => vma.range,
            false => left,
        };
        self.fixup_locked(lock, VmaCopy { range, ..vma }, false);
    }

    /// Frees the page tables of `left`, which is mapped no more, and flushes what others that have cleared its entries
    /// are about to. Linux: `do_vmi_munmap()`, in `unmap_source_vma()`.
    fn unmap_tables(&mut self, tree: &VmaTree<P>, left: PageRange) -> Gather {
        let mut gather = self.gather();
        self.free_pgtables(tree, left, &mut gather);
        self.finish(&mut gather);
        gather
    }

    /// The parts of `from` that one leaf table translates, there and at `to`; each with the page
    /// that it is moved to.
    fn parts_within_tables(&self, from: PageRange, to: PageRange) -> Vec<(PageRange, Vpn)> {
        let end_of_table = |vpn| self.sys.geometry().leaf_range(vpn).end;
        let mut parts = Vec::new();
        let mut start = from.start;
        while start < from.end {
            let target = Vpn(start.0 - from.start.0 + to.start.0);
            let room = end_of_table(target).0 - target.0;
            let end = from.end.min(end_of_table(start)).min(Vpn(start.0 + room));
            parts.push((PageRange::new(start, end), target));
            start = end;
        }
        parts
    }

    /// Moves the entries of `from` to `to` on; with `dontunmap` the old place stays mapped. Linux: `move_ptes()`.
    fn move_ptes(&mut self, from: PageRange, to: Vpn, dontunmap: bool, gather: &mut Gather) {
        let Some(mut old) = self.lock_alone(from.start) else {
            return;
        };
        let one_table = self.sys.geometry().leaf_range(from.start).contains(to);
        // Only a CPU that holds the mmap lock for writing waits for a second such lock.
        let mut new = (!one_table).then(|| self.lock_alone(to)).flatten();
        if new.is_none() && !one_table {
            // A fault that came too late has hooked the old table in, and nothing into it.
            return old.unlock();
        }
        self.flush_batched_pending();
        let mut revoked = Vec::new();
        let mut of_files = true;
        for vpn in old.entries(from) {
            let is_none = old.entry(vpn) == Entry::None;
            for (grant, prot) in old.past(vpn) {
                match is_none {
                    false => revoked.push((grant, prot)),
                    // What has cleared it may flush it later than this call returns.
                    true if dontunmap => {}
                    true => gather.revoked(grant, prot),
                }
            }
            let target = Vpn(vpn.0 - from.start.0 + to.0);
            match old.entry(vpn) {
                Entry::None => continue,
                Entry::Swapped(swapped) => {
                    old.set(vpn, Pte::NONE);
                    // QUIRK(MremapDropsSwap): proofs/swap/moved-in-swap
                    if !self.sys.has(Quirk::MremapDropsSwap) {
                        new.as_mut().unwrap_or(&mut old).set(target, swapped);
                    }
                    continue;
                }
                Entry::Guard => {
                    old.set(vpn, Pte::NONE);
                    // QUIRK(MremapDropsGuards): proofs/basics/guard-pages-move
                    if !self.sys.has(Quirk::MremapDropsGuards) {
                        new.as_mut().unwrap_or(&mut old).set(target, Pte::GUARD);
                    }
                    continue;
                }
                Entry::Leaf(_) | Entry::Table(_) => {}
            }
            let pte = old.set(vpn, Pte::NONE);
            revoked.push((pte.grant(), pte.prot()));
            if !pte.prot().is_empty() {
                gather.changed(old.pages(vpn), FlushType::Strict);
            }
            self.sys.frame(pte.pfn()).moved(target);
            of_files &= self.sys.frame(pte.pfn()).account().is_some();
            let grant = self.grant(pte.prot());
            let mut moved = Pte::new(pte.pfn(), pte.prot(), grant);
            // QUIRK(MremapDropsHistory): proofs/tlb/dirty-kept-by-mremap
            if !self.sys.has(Quirk::MremapDropsHistory) {
                moved = moved.with_history_of(pte);
            }
            new.as_mut().unwrap_or(&mut old).set(target, moved);
        }
        // QUIRK(MremapDirtyFlushedAfterPtl): proofs/file/stored-while-moved
        let late = of_files && self.sys.has(Quirk::MremapDirtyFlushedAfterPtl);
        // QUIRK(MremapFlushAfterPtl): proofs/tlb/mremap-flush-after-ptl
        if !late && !self.sys.has(Quirk::MremapFlushAfterPtl) {
            self.flush_gathered(gather);
        }
        // The CPU that takes one of these locks next may free the page, but for one that the page cache has: it cannot be
        // reached at its old place any more (ghost).
        for (grant, prot) in revoked {
            match late {
                true => gather.revoked(grant, prot),
                false => self.sys.machine.grants.revoked(grant, prot, self.id()),
            }
        }
        if let Some(new) = new {
            new.unlock();
        }
        old.unlock();
    }
}

/// `range` as far behind `to` as it is behind `from`.
fn shift(range: PageRange, from: Vpn, to: Vpn) -> PageRange {
    let start = Vpn(range.start.0 - from.0 + to.0);
    PageRange::new(start, Vpn(start.0 + range.len_pages()))
}
