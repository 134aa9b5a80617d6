//! What is known of a page of a file that is written back to a disk: whether it is to be, and how many entries map it.
//!
//! Pages of a machine that writes nothing back have no account.
//!
//! # Linux
//! `folio_test_dirty()`, `folio_mapped()`. Changed: of the lock of a page and its writeback, see
//! [`page_cache`](crate::mm::page_cache).

use crate::ghost::looked::Active;
use crate::orderings;
use crate::platform::{Platform, Word};
use crate::types::quirk::Quirk;

/// The account of a page.
pub(crate) struct Account<P: Platform> {
    /// Whether the page is to be written. Linux: `PG_dirty`.
    dirty: P::Word,
    /// How many entries map it. Linux: `_mapcount`.
    entries: P::Word,
}

impl<P: Platform> Account<P> {
    /// That of a page that no entry maps.
    pub fn new() -> Account<P> {
        Account {
            dirty: P::Word::new(0).called("PG_dirty"),
            entries: P::Word::new(0).called("mapcount"),
        }
    }

    /// It is the account of another page from now on, which holds what its file does.
    pub fn renew(&self) {
        self.dirty.store(0, orderings::PAGE_DIRTY);
    }

    /// The page is to be written. The caller has the page's lock. Linux: `folio_mark_dirty()`.
    pub fn mark_dirty(&self) {
        self.dirty.store(1, orderings::PAGE_DIRTY);
    }

    /// The page is about to be written. The caller has its lock. Linux: `folio_test_clear_dirty()`.
    pub fn clear_dirty(&self) {
        self.dirty.store(0, orderings::PAGE_DIRTY);
    }

    /// Whether the page is to be written. The caller has its lock, or no CPU runs. Linux: `folio_test_dirty()`.
    pub fn is_dirty(&self) -> bool {
        self.dirty.load(orderings::PAGE_DIRTY) != 0
    }

    /// An entry comes that maps it.
    pub fn entry_comes(&self) {
        self.entries.fetch_add(1, orderings::MAPCOUNT_INC);
    }

    /// An entry is gone that mapped it.
    pub fn entry_went(&self, quirks: &Active) {
        // QUIRK(MapcountDropRelaxed): proofs/file/stored-while-unmapped
        let ordering = quirks.weaken(Quirk::MapcountDropRelaxed, orderings::MAPCOUNT_DEC);
        self.entries.fetch_sub(1, ordering);
    }

    /// Whether an entry maps it. The caller has its lock, so that none comes. Linux: `folio_mapped()`.
    pub fn is_mapped(&self, quirks: &Active) -> bool {
        // QUIRK(MapcountReadRelaxed): proofs/file/stored-while-unmapped
        let ordering = quirks.weaken(Quirk::MapcountReadRelaxed, orderings::MAPCOUNT_READ);
        self.entries.load(ordering) != 0
    }
}
