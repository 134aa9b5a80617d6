//! Entries of a page come and go: whatever is to know which entries map a page learns it here.
//!
//! A page has references, which keep it ([`Frame::get`](crate::hw::frame::Frame::get),
//! [`Frame::put`](crate::hw::frame::Frame::put)), and entries, which map it. Each entry has a
//! reference. A fault that copies the page has one too, and so has an entry that is clear and not
//! flushed yet.
//!
//! # Invariants
//! - M1: an entry has its reference before it is set, and until it is cleared and flushed. So a page
//!   has as many references as entries, or more, and one that is freed has no entry.
//! - M2: an entry comes and goes under the lock of its table. No lock is common to all entries of a
//!   page: the tables of several address spaces have them.
//! - M3: the references decide whether a write may go to a page as it is, not the entries: a page that
//!   is being copied may have one entry, and must not change (C1; proofs/cow/reused-while-copied).
//!
//! # Linux
//! mm/rmap.c. Kept: references are taken before entries are counted, and put after (the comment in
//! mm/memory.c, `__wp_can_reuse_large_anon_folio()`); the zero page has no count (`vm_normal_page()`);
//! `move_ptes()` calls nothing, as the page has as many entries as before. Changed: the count is ghost
//! state but for pages that are written back, as no other step depends on it ([`writeback`](crate::mm::writeback), D3). It is checked at rest, and where a page is freed: that put comes after
//! all others, and each of them after the end of its entry, so that the count does not depend on the
//! order in which a checker runs what is not ordered. By M2 a step that did depend on it would need an
//! atomic word.

use crate::mm::cpu::Cpu;
use crate::platform::Platform;
use crate::types::ids::Pfn;
use crate::types::pte::Pte;

impl<P: Platform> Cpu<'_, P> {
    /// An entry of `pfn` comes: the caller has a reference for it, and sets it under the lock of its
    /// table. Linux: `folio_add_anon_rmap_ptes()`.
    pub(crate) fn entry_comes(&self, pfn: Pfn) {
        if pfn != Pfn::ZERO {
            self.sys.frame(pfn).mapped();
        }
    }

    /// An entry is gone: the caller has cleared it under the lock of its table, it was `old`, and its
    /// reference is still there. Linux: `folio_mark_dirty()`, `folio_remove_rmap_ptes()`.
    pub(crate) fn entry_went(&self, old: Pte) {
        if old.pfn() != Pfn::ZERO {
            self.sys.frame(old.pfn()).unmapped(old.is_dirty());
        }
    }
}
