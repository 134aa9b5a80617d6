//! Pages of files that are on a disk are written back, and the first store to a clean one is told of.
//!
//! ```text
//!                      fault for a store: page lock, page dirty, entry set
//!  clean, entries let  --------------------------------------------------->  dirty, entries
//!  no store through    <---------------------------------------------------  let stores through
//!                      writeback: page lock, entries cleaned, page clean
//!                                 \--> written, after the page lock
//! ```
//! Writeback of a page:
//!
//! ```text
//! page lock: dirty? --> PG_writeback, when an earlier one has ended --> each entry (i_mmap, ptl): cleared, flushed, set
//! without W and dirty --> not dirty --> page lock is left --> content to the block --> PG_writeback ends
//! ```
//!
//! # Invariants
//! - D1: an entry of a shared mapping lets stores through only while its page is dirty, but for a moment in the lock of the
//!   page. It comes so, and the page becomes dirty, under that lock; and under it no entry does any more when the page stops
//!   being dirty. So a dirty bit that a zap finds tells of nothing that the page does not: none is transferred.
//! - D2: a translation that lets stores through goes before the page-table lock of its entry is left, wherever the entry
//!   goes, moves or is cleaned. So a CPU that has looked at the entry under that lock, and writes the page then,
//!   writes what was stored before.
//! - D3: the reverse mapping has an entry until it is flushed. Where it has none, writeback takes no page-table lock.
//! - D4: one CPU at a time writes a page, from before it stops being dirty until it is written. So blocks get
//!   older contents before newer ones, and no page that is being written leaves the cache.
//!
//! What shows them: `proofs/file/written-back`, `stored-while-written`, `fault-while-written` and
//! `made-writable-while-dropped` (D1), `protected-while-cleaned`, `stored-while-moved` and `stored-while-unmapped` (D2; the last
//! one D3 too), `written-twice` and `truncated-while-written` (D4). At rest a page that differs from its block and is not dirty is a
//! violation, `lost-dirty`, and so is an entry that lets stores through to a page that is not dirty.
//!
//! # Linux
//! mm/page-writeback.c: `folio_prepare_writeback()`, `folio_clear_dirty_for_io()`; mm/rmap.c: `folio_mkclean()`,
//! `page_vma_mkclean_one()`; mm/filemap.c: `filemap_page_mkwrite()`; mm/memory.c: `do_shared_fault()`, `wp_page_shared()`,
//! `finish_mkwrite_fault()`, `fault_dirty_shared_page()`. Kept: entries are cleaned before the page stops being dirty, which is before it is
//! written; the page's lock is not held while it is written. Changed: a page is marked as being written before it is cleaned, as
//! none looks without its lock but to wait; the lock of the page is kept from `page_mkwrite` until the entry is set, where Linux
//! leaves it, and takes it again; mappings that are private are visited too, whose entries are clean. Dropped: the transfer of
//! dirty bits (D1), which pages without dirty accounting need; mappings that demand stable pages; errors of I/O.

use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::fault::{Await, Handled, Outcome};
use crate::mm::flush::FlushInfo;
use crate::mm::page_cache::{Cached, Link, PageCache, PageGuard};
use crate::mm::ptl::PtlGuard;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::error::Fault;
use crate::types::event::What;
use crate::types::ids::{GrantId, Pfn};
use crate::types::prot::{Access, Prot};
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;

/// What a writeback takes away (ghost).
type Revoked = Vec<(GrantId, Prot)>;

impl<'s, P: Platform> Cpu<'s, P> {
    /// A store to a page `pfn` that is written back is about to be let through. Linux: `filemap_page_mkwrite()`.
    pub(crate) fn page_mkwrite(&self, _page: &PageGuard<'_, P>, pfn: Pfn) {
        // QUIRK(MkwriteKeepsClean): proofs/file/written-back
        if let Some(account) = self.sys.frame(pfn).account()
            && !self.sys.has(Quirk::MkwriteKeepsClean)
        {
            account.mark_dirty();
        }
    }

    /// A store to what `vma` shows of a file that is written back: the entry of `vpn` was `old`, which does not let it
    /// through. The VMA is stable. Linux: `wp_page_shared()`.
    pub(crate) fn write_shared(&mut self, vma: VmaCopy, vpn: Vpn, old: Pte) -> Outcome {
        let sys = self.sys;
        let map = vma.backing.file();
        let cached = map.and_then(|map| sys.files().cached(map, vpn));
        let Some(page) = cached.and_then(|(cache, index)| cache.lock_page(index, self.id())) else {
            return Err(Fault::Bus);
        };
        // It may be another one than that of the entry by now, or none: then the entry is another one, too.
        if let Some(found) = page.page() {
            self.page_mkwrite(&page, found.pfn);
        }
        // QUIRK(MkwriteUnlocked): proofs/file/fault-while-written
        let page = match self.sys.has(Quirk::MkwriteUnlocked) {
            true => {
                page.unlock();
                None
            }
            false => Some(page),
        };
        let outcome = self.finish_mkwrite(vma, vpn, old);
        if let Some(page) = page {
            page.unlock();
        }
        Ok(outcome)
    }

    /// The page is dirty, and its lock is held. Linux: `finish_mkwrite_fault()`.
    fn finish_mkwrite(&mut self, vma: VmaCopy, vpn: Vpn, old: Pte) -> Handled {
        let Some(mut ptl) = self.lock_leaf(vpn, true) else {
            return Handled::Again(Await::Nothing);
        };
        // QUIRK(MkwriteNoPteSame): proofs/file/made-writable-while-dropped
        let is_same = ptl.pte(vpn).is_same(old) || self.sys.has(Quirk::MkwriteNoPteSame);
        if is_same {
            self.add_permission(&mut ptl, vma, vpn, Access::Write, old);
        }
        ptl.unlock();
        match is_same {
            true => Handled::Resolved,
            false => {
                self.how("lets no store through: the entry is another one by now");
                Handled::Again(Await::Nothing)
            }
        }
    }

    /// Writes the page `index` of a file to its disk, if it is dirty, and waits until it is written, whoever does.
    /// Linux: `folio_prepare_writeback()`, `filemap_fdatawait_range()`.
    pub(crate) fn write_page(&mut self, cache: &PageCache<P>, index: u32) {
        if !cache.writes_back() {
            return;
        }
        // QUIRK(WritebackLooksUpEarly): proofs/file/truncated-while-written
        let early = self.sys.has(Quirk::WritebackLooksUpEarly);
        let found = early.then(|| cache.page_racy(index));
        let (Some(page), Some(block)) = (cache.lock_page(index, self.id()), cache.block(index))
        else {
            return;
        };
        let found = found.unwrap_or_else(|| page.page());
        let is_dirty = |found: &Cached| {
            let account = self.sys.frame(found.pfn).account();
            account.is_some_and(|account| account.is_dirty())
        };
        let Some(found) = found.filter(is_dirty) else {
            page.unlock();
            return cache.wait_for_writeback(index, self.id());
        };
        // QUIRK(WritebackTwice): proofs/file/written-twice
        let writeback = match self.sys.has(Quirk::WritebackTwice) {
            true => None,
            false => cache.writeback(index, self.id()),
        };
        // QUIRK(WritebackPageUnlocked): proofs/file/fault-while-written
        let page = match self.sys.has(Quirk::WritebackPageUnlocked) {
            true => {
                page.unlock();
                None
            }
            false => Some(page),
        };
        // QUIRK(WrittenBeforeMkclean): proofs/file/stored-while-written
        let early = self.sys.has(Quirk::WrittenBeforeMkclean);
        if early {
            self.write_block(found.pfn, block);
        }
        // Linux: folio_clear_dirty_for_io().
        let revoked = self.mkclean(cache, index, found.pfn);
        // QUIRK(DirtyClearedLate): proofs/file/fault-while-written
        let late = self.sys.has(Quirk::DirtyClearedLate);
        if !late {
            self.clear_dirty(found.pfn);
        }
        if let Some(page) = page {
            page.unlock();
        }
        if !early {
            self.write_block(found.pfn, block);
        }
        if late {
            self.clear_dirty(found.pfn);
        }
        if let Some(writeback) = writeback {
            writeback.unlock();
        }
        for (grant, prot) in revoked {
            self.sys.machine.grants.revoked(grant, prot, self.id());
        }
    }

    /// Cleans the entries of the page `index` of a file, which is `pfn`. Linux: `folio_mkclean()`, `rmap_walk_file()`.
    fn mkclean(&mut self, cache: &PageCache<P>, index: u32, pfn: Pfn) -> Revoked {
        let mut revoked = Vec::new();
        let account = self.sys.frame(pfn).account();
        if account.is_some_and(|account| account.is_mapped(self.sys.quirks())) {
            let pages = |link: Link| link.page(index);
            self.visit_mappings(cache, pages, |cpu, page| {
                cpu.page_mkclean_one(page, pfn, &mut revoked);
            });
        }
        revoked
    }

    fn clear_dirty(&self, pfn: Pfn) {
        if let Some(account) = self.sys.frame(pfn).account() {
            account.clear_dirty();
        }
    }

    /// Cleans the entry of `page`, if it maps `pfn`. Linux: `page_vma_mkclean_one()`.
    fn page_mkclean_one(&mut self, page: PageRange, pfn: Pfn, revoked: &mut Revoked) {
        let vpn = page.start;
        let Some(mut ptl) = self.lock_leaf(vpn, true) else {
            return;
        };
        let is_its = matches!(ptl.entry(vpn), Entry::Leaf(pte) if pte.pfn() == pfn);
        // QUIRK(MkcleanDirtyOnly): proofs/file/fault-while-written
        let dirty_only = self.sys.has(Quirk::MkcleanDirtyOnly);
        let is_clean = |pte: Pte| !pte.is_dirty() && (dirty_only || !pte.allows(Access::Write));
        if !is_its || is_clean(ptl.current(vpn)) {
            return ptl.unlock();
        }
        let late = self.clean_entry(&mut ptl, vpn, revoked);
        ptl.unlock();
        if let Some(flush) = late {
            self.shootdown(flush);
        }
    }

    /// The entry of `vpn` loses the dirty bit and lets no store through. What is left to be flushed (a quirk).
    fn clean_entry(
        &mut self,
        ptl: &mut PtlGuard<'s, P>,
        vpn: Vpn,
        revoked: &mut Revoked,
    ) -> Option<FlushInfo> {
        let flush = FlushInfo {
            range: Some(ptl.pages(vpn)),
            freed_tables: false,
        };
        revoked.extend(ptl.past(vpn).map(|(grant, prot)| (grant, prot & Prot::W)));
        let old = self.set_pte(ptl, vpn, Pte::NONE);
        // QUIRK(MkcleanFlushAfterPtl): proofs/file/protected-while-cleaned
        let late = self.sys.has(Quirk::MkcleanFlushAfterPtl);
        // QUIRK(MkcleanNoFlush): proofs/file/stored-while-written
        if !late && !self.sys.has(Quirk::MkcleanNoFlush) {
            self.shootdown(flush);
        }
        // QUIRK(MkcleanKeepsWritable): proofs/file/written-back
        let prot = match self.sys.has(Quirk::MkcleanKeepsWritable) {
            true => old.prot(),
            false => old.prot() & !Prot::W,
        };
        let mut new = Pte::new(old.pfn(), prot, self.grant(prot));
        if old.is_young() {
            new = new.young();
        }
        self.set_pte(ptl, vpn, new);
        revoked.push((old.grant(), old.prot() & !prot));
        late.then_some(flush)
    }

    /// Linux: the file system's `writepages()`.
    fn write_block(&self, from: Pfn, to: Pfn) {
        self.sys.frame(to).copy(self.sys.frame(from));
        self.event(What::PageWritten { from, to });
    }
}
