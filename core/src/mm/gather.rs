//! Gathering: the pages and tables that an operation has unmapped, until they are flushed and
//! freed.
//!
//! # Invariants
//! - F1: a page goes back to its pool after every TLB that may translate to it
//!   was flushed; a page table after that and after its walkers are gone.
//! - F2: while a zap's entries are clear and its flush has not ended,
//!   `flush_pending` says so; a zap of the same pages that finds nothing sees it.
//!
//! # Linux
//! mm/mmu_gather.c: `tlb_gather_mmu()`, `tlb_finish_mmu()`; the flush types
//! none, relaxed and strict are those of the relaxed-flush series.

use alloc::vec::Vec;

use crate::ghost::looked::Active;
use crate::mm::cpu::{Callback, Cpu};
use crate::mm::flush::FlushInfo;
use crate::orderings;
use crate::platform::{Platform, Word};
use crate::types::addr::{PageRange, Vpn};
use crate::types::ids::{GrantId, Pfn, TableId};
use crate::types::prot::Prot;
use crate::types::protocol::{Flush, PtFree, ZapFlush};
use crate::types::pte::Pte;
use crate::types::quirk::Quirk;

/// How a changed entry is to be flushed. The strictest of an operation's
/// entries decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FlushType {
    /// No TLB can have the permission that was taken away.
    #[default]
    None,
    /// Only permission was added.
    Relaxed,
    /// Something was taken away.
    Strict,
}

/// The pages, tables and entries that one operation has unmapped or changed.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    flush: FlushType,
    range: Option<PageRange>,
    frames: Vec<Pfn>,
    /// Entries of pages that are written back, which were dirty: the page has them until they are flushed.
    /// Linux: `delayed_rmap`.
    dirty: Vec<Pte>,
    tables: Vec<TableId>,
    /// The permissions that it promises to have taken away when it completes (ghost).
    revoked: Vec<(GrantId, Prot)>,
    /// Others have not been told yet that a flush is pending (a quirk).
    untold: bool,
    quirks: Option<Active>,
}

impl Gather {
    fn has(&self, quirk: Quirk) -> bool {
        self.quirks.as_ref().is_some_and(|active| active.has(quirk))
    }

    /// An entry that translates `pages`, as many as its level says, was changed and needs `flush`.
    /// Linux: `tlb_remove_tlb_entry()`, `tlb_flush_pte_range()`.
    pub fn changed(&mut self, pages: PageRange, flush: FlushType) {
        if flush == FlushType::None {
            return;
        }
        self.flush = self.flush.max(flush);
        let range = self.range.unwrap_or(pages);
        // QUIRK(FlushLastPageOnly): proofs/tlb/two-pages-one-flush
        let start = if self.has(Quirk::FlushLastPageOnly) {
            pages.start
        } else {
            range.start.min(pages.start)
        };
        // QUIRK(FlushFirstPageOnly): proofs/tlb/two-pages-one-flush
        let end = if self.has(Quirk::FlushFirstPageOnly) {
            range.end
        } else {
            range.end.max(pages.end)
        };
        self.range = Some(PageRange::new(start, end));
    }

    /// What was changed so far needs no flush any more. Only for a quirk.
    pub fn needs_no_flush(&mut self) {
        self.flush = FlushType::None;
        self.range = None;
    }

    /// A frame is to be freed.
    pub fn frame(&mut self, pfn: Pfn) {
        self.frames.push(pfn);
    }

    /// The entry `old` was cleared, which was dirty, of a page that is written back.
    pub fn dirty(&mut self, old: Pte) {
        self.dirty.push(old);
    }

    /// A page table, which translated `vpn`, was unhooked and is to be freed. Its pages were zapped
    /// before: the flush is for CPUs that walk it, and one page is enough. Linux: `pte_free_tlb()`.
    pub fn table(&mut self, vpn: Vpn, table: TableId) {
        // QUIRK(TableNeedsNoFlush): proofs/pt_free/empty-table-is-walked
        if !self.has(Quirk::TableNeedsNoFlush) {
            self.changed(PageRange::page(vpn), FlushType::Strict);
        }
        self.tables.push(table);
    }

    /// `prot` of `grant` is taken away once the operation completes (ghost).
    pub fn revoked(&mut self, grant: GrantId, prot: Prot) {
        self.revoked.push((grant, prot));
    }
}

impl<P: Platform> Cpu<'_, P> {
    /// Begins to gather. Linux: `tlb_gather_mmu()`, `inc_tlb_flush_pending()`.
    pub(crate) fn gather(&mut self) -> Gather {
        // QUIRK(FlushPendingToldLate): proofs/tlb/pending-told-before
        let gathers = self.sys.protocol().zap_flush() == ZapFlush::Gather;
        let untold = gathers && self.sys.has(Quirk::FlushPendingToldLate);
        if gathers && !untold {
            self.mm()
                .flush_pending
                .fetch_add(1, orderings::FLUSH_PENDING_INC);
        }
        Gather {
            untold,
            ..self.gather_alone()
        }
    }

    /// Begins to gather what is flushed before the page-table lock is left, so that no other CPU is told of it.
    /// Linux: `force_flush` of `move_ptes()`.
    pub(crate) fn gather_alone(&self) -> Gather {
        Gather {
            quirks: Some(self.sys.quirks().clone()),
            ..Gather::default()
        }
    }

    /// Flushes what was gathered so far, then frees its frames.
    pub(crate) fn flush_gathered(&mut self, gather: &mut Gather) {
        // QUIRK(PageFreeBeforeFlush): proofs/pt_free/page-freed-before-flush
        if self.sys.has(Quirk::PageFreeBeforeFlush) {
            self.free_gathered(gather);
        }
        let range = gather.range.take();
        match (core::mem::take(&mut gather.flush), range) {
            (FlushType::None, _) | (FlushType::Relaxed, None) => {}
            (FlushType::Relaxed, Some(range)) => self.relaxed_flush(range),
            // No range: everything.
            (FlushType::Strict, range) => self.shootdown(FlushInfo {
                range,
                freed_tables: !gather.tables.is_empty(),
            }),
        }
        // Linux: tlb_flush_rmaps().
        for old in gather.dirty.drain(..) {
            self.entry_went(old);
        }
        self.free_gathered(gather);
    }

    /// Flushes what was gathered now if only permission was added: the caller
    /// still holds the lock under which it was.
    pub(crate) fn flush_relaxed_part(&mut self, gather: &mut Gather) {
        if gather.flush == FlushType::Relaxed
            && let Some(range) = gather.range.take()
        {
            gather.flush = FlushType::None;
            self.relaxed_flush(range);
        }
    }

    fn free_gathered(&mut self, gather: &mut Gather) {
        for pfn in gather.frames.drain(..) {
            self.free_frame(pfn);
        }
    }

    /// Ends the gathering: flushes and frees. What the caller still promises
    /// is left in `gather` for [`Cpu::complete`].
    /// Linux: `tlb_finish_mmu()`.
    pub(crate) fn finish(&mut self, gather: &mut Gather) {
        if self.sys.protocol().zap_flush() == ZapFlush::Gather {
            // QUIRK(FlushPendingReadRelaxed): proofs/tlb/flush-is-over
            let quirks = self.sys.quirks();
            let quirk = Quirk::FlushPendingReadRelaxed;
            let ordering = quirks.weaken(quirk, orderings::FLUSH_PENDING_READ);
            if gather.untold {
                self.mm()
                    .flush_pending
                    .fetch_add(1, orderings::FLUSH_PENDING_INC);
            }
            let pending = self.mm().flush_pending.load(ordering);
            // QUIRK(GatherIgnoresNested): proofs/tlb/nested-zap-not-flushed
            if pending > 1 && !self.sys.has(Quirk::GatherIgnoresNested) {
                gather.flush = FlushType::Strict;
                // QUIRK(NestedKeepsRange): proofs/tlb/nested-zap-of-more
                if !self.sys.has(Quirk::NestedKeepsRange) {
                    gather.range = None;
                }
            }
        }
        self.flush_gathered(gather);
        for table in core::mem::take(&mut gather.tables) {
            match self.sys.protocol().pt_free() {
                // The flush has interrupted every CPU, so none walks it.
                PtFree::Ipi => self.free_table_now(table),
                PtFree::Rcu => self.local.callbacks.push(Callback::Table(table)),
            }
        }
        if self.sys.protocol().zap_flush() == ZapFlush::Gather {
            // QUIRK(FlushPendingDropRelaxed): proofs/tlb/flush-is-over
            let quirks = self.sys.quirks();
            let quirk = Quirk::FlushPendingDropRelaxed;
            let ordering = quirks.weaken(quirk, orderings::FLUSH_PENDING_DEC);
            self.mm().flush_pending.fetch_sub(1, ordering);
        }
    }

    /// The operation is about to return: what it took away is gone for good (ghost).
    pub(crate) fn complete(&mut self, gather: Gather) {
        for (grant, prot) in gather.revoked {
            self.sys.machine.grants.revoked(grant, prot, self.id());
        }
    }

    /// How a change of a present entry from `old` to `new` is to be flushed.
    /// Linux: `pte_flush_type()` of the relaxed-flush series.
    pub(crate) fn flush_type(&self, old: Pte, new: Pte) -> FlushType {
        let (old_prot, new_prot) = (old.prot(), new.prot());
        let removed = old_prot & !new_prot;
        if old_prot.is_empty() || (removed.is_empty() && old_prot == new_prot) {
            return FlushType::None;
        }
        if self.sys.protocol().flush() == Flush::Strict {
            return FlushType::Strict;
        }
        if removed.is_empty() {
            return FlushType::Relaxed;
        }
        // QUIRK(RelaxedOnRemoval): proofs/tlb/relaxed-on-removal
        if self.sys.has(Quirk::RelaxedOnRemoval) {
            return FlushType::Relaxed;
        }
        // Hardware reads the entry again before it sets the dirty bit, and
        // finds that it may not: no write goes through a clean translation.
        // QUIRK(DirtyNeedsNoFlush): proofs/tlb/relaxed-on-removal
        let clean = !old.is_dirty() || self.sys.has(Quirk::DirtyNeedsNoFlush);
        // QUIRK(CleanNeedsNoFlushToRead): proofs/tlb/clean-page-loses-read
        let written = removed == Prot::W || self.sys.has(Quirk::CleanNeedsNoFlushToRead);
        if !written || !clean {
            FlushType::Strict
        } else if (new_prot & !old_prot).is_empty() {
            FlushType::None
        } else {
            // The permission that was added (rw became rx) is found by a fault.
            FlushType::Relaxed
        }
    }
}
