//! VMAs enter and leave the `i_mmap` of the file that they map, through which `truncate` removes entries, and writeback cleans
//! them; and the [`anon_vma`](crate::mm::anon_vma)s of their pages, through which reclaim removes entries.
//!
//! Where no file changes its length, there is no `i_mmap`, and where nothing is reclaimed no anon_vma; then all of this does
//! nothing.
//!
//! # Invariants
//! T4 and T5 of [`page_cache`](crate::mm::page_cache). No mmap lock is held where entries are removed: a VMA of `i_mmap`
//! may be changing, and its pages may be going, moving or coming meanwhile.
//!
//! # Linux
//! mm/vma.c: `vma_link_file()`, `unlink_file_vma()`, `vma_prepare()`, `vma_complete()`; mm/memory.c:
//! `unmap_mapping_range()`, `unmap_mapping_folio()`. Changed: a list, and not an interval tree; where VMAs split, merge or
//! move, what will be there enters before what was there leaves, where Linux has the lock throughout, which no CPU may
//! hold that waits for a VMA's readers.

use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::gather::Gather;
use crate::mm::page_cache::{IMmapWrite, Link, PageCache};
use crate::mm::unmap::Spares;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::ids::FileId;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// The VMA `vma` enters, or will in a moment. Linux: `vma_link_file()`.
    pub(crate) fn link_rmap(&mut self, vma: VmaCopy) {
        // QUIRK(ChildVisitedFirst): proofs/file/parent-is-visited-first
        let first = self.sys.has(Quirk::ChildVisitedFirst);
        self.with_i_mmap(vma, |i_mmap, link| i_mmap.link(link, first));
        self.link_anon(vma, first);
    }

    /// The VMA `vma` leaves. Linux: `unlink_file_vma()`.
    pub(crate) fn unlink_rmap(&mut self, vma: VmaCopy) {
        self.with_i_mmap(vma, |i_mmap, link| i_mmap.unlink(link));
        self.unlink_anon(vma);
    }

    /// The VMA `old` is `new` from now on. Linux: `vma_complete()`.
    pub(crate) fn relink_rmap(&mut self, old: VmaCopy, new: VmaCopy) {
        let link = self.link_of(new);
        self.with_i_mmap(old, |i_mmap, old| {
            i_mmap.unlink(old);
            if let Some((_, link)) = link {
                i_mmap.link(link, false);
            }
        });
        self.relink_anon(old, new);
    }

    fn with_i_mmap(&mut self, vma: VmaCopy, change: impl FnOnce(&mut IMmapWrite<'s, P>, Link)) {
        if let Some((file, link)) = self.link_of(vma) {
            let mut i_mmap = self.sys.files().cache(file).i_mmap_write(self.id());
            change(&mut i_mmap, link);
            i_mmap.unlock();
        }
    }

    fn link_of(&self, vma: VmaCopy) -> Option<(FileId, Link)> {
        let files = self.sys.files();
        files.link(self.local.mm, vma.range, vma.backing, vma.locked)
    }

    /// Removes the entries of the pages of each VMA that `pages` says, but those that `spares` says. What they promise is for
    /// [`Cpu::complete`]. Linux: `unmap_mapping_range()`, `unmap_mapping_folio()`.
    pub(crate) fn unmap_mapping(
        &mut self,
        cache: &PageCache<P>,
        pages: impl Fn(Link) -> PageRange,
        spares: Spares,
        gathers: &mut Vec<Gather>,
    ) {
        // Linux: zap_page_range_single().
        self.visit_mappings(cache, pages, |cpu, pages| {
            let mut gather = cpu.gather();
            cpu.zap_but(pages, spares, &mut gather);
            cpu.finish(&mut gather);
            gathers.push(gather);
        });
    }

    /// Visits the pages of each VMA that `pages` says, in its address space.
    /// Linux: `vma_interval_tree_foreach()`, `rmap_walk_file()`.
    pub(crate) fn visit_mappings(
        &mut self,
        cache: &PageCache<P>,
        pages: impl Fn(Link) -> PageRange,
        mut visit: impl FnMut(&mut Self, PageRange),
    ) {
        let i_mmap = cache.i_mmap_read(self.id());
        let links = i_mmap.links();
        // QUIRK(UnmapMappingUnlocked): proofs/file/truncated-while-unmapped
        let i_mmap = match self.sys.has(Quirk::UnmapMappingUnlocked) {
            true => {
                i_mmap.unlock();
                None
            }
            false => Some(i_mmap),
        };
        for link in links {
            let pages = pages(link);
            if pages.is_empty() {
                continue;
            }
            self.visiting(link.mm, |cpu| visit(cpu, pages));
        }
        if let Some(i_mmap) = i_mmap {
            i_mmap.unlock();
        }
    }
}
