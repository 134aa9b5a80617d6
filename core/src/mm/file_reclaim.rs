//! A page of a file that is on a disk leaves memory, if it is clean: what it holds is on the disk.
//!
//! ```text
//! page lock: clean, and not being written? --> its entries go, and are flushed (i_mmap, ptl), if there are any --> no
//! reference is left but that of the cache? --> it leaves the cache --> page lock is left --> free
//! ```
//!
//! # Invariants
//! - D5: whether the page is dirty is looked at under its lock, and it becomes dirty under that lock alone (D1 of [`writeback`](crate::mm::writeback)). So a
//!   page that goes has been written as it is.
//! - D6: a page goes if the cache alone has a reference. An entry that is clear and not flushed has one: a CPU may read
//!   through it, while others read the page that has come in its place.
//!
//! What shows them: `proofs/file/stored-while-reclaimed`, `proofs/file/reclaimed-before-the-flush`.
//!
//! # Linux
//! mm/vmscan.c: `shrink_folio_list()`, `__remove_mapping()`. Kept: dirty pages stay (writeback is left to others). Changed: the lock
//! of the page is waited for, and so is a writeback, where Linux passes over the page. References are counted after
//! entries went, and not frozen: none comes but by an entry, or under the page's lock, so that it does not matter either
//! whether the page is found dirty before or after (`folio_ref_freeze()` and the comment behind it).

use alloc::vec::Vec;

use crate::hw::account::Account;
use crate::mm::cpu::Cpu;
use crate::mm::file::FileMap;
use crate::mm::gather::Gather;
use crate::mm::page_cache::{Cached, Link};
use crate::mm::unmap::Spares;
use crate::platform::{Platform, violated};
use crate::types::addr::{PageRange, Vpn};
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;

impl<P: Platform> Cpu<'_, P> {
    /// Takes the page that `map` shows at `vpn` out of memory, if its file is on a disk, and it can go.
    pub(crate) fn reclaim_shown(&mut self, map: FileMap, vpn: Vpn) {
        let sys = self.sys;
        let Some((cache, index)) = sys.files().cached(map, vpn) else {
            return;
        };
        if !cache.writes_back() {
            return;
        }
        let is_clean = |page: &Cached| {
            let account = sys.frame(page.pfn).account();
            account.is_some_and(|account| !account.is_dirty())
        };
        // QUIRK(ReclaimLooksEarly): proofs/file/stored-while-reclaimed
        let early = sys.has(Quirk::ReclaimLooksEarly);
        let early = early.then(|| cache.page_racy(index).is_some_and(|page| is_clean(&page)));
        let Some(page) = cache.lock_page(index, self.id()) else {
            return;
        };
        let found = page
            .page()
            .filter(|page| early.unwrap_or_else(|| is_clean(page)));
        let Some(found) = found else {
            return page.unlock();
        };
        cache.wait_for_writeback(index, self.id());
        let mut gathers: Vec<Gather> = Vec::new();
        // Linux: try_to_unmap().
        let account = sys.frame(found.pfn).account();
        if account.is_some_and(|account| account.is_mapped(sys.quirks())) {
            // The reference of a locked one's entry keeps the page.
            let pages = |link: Link| match sys.stays(link.locked) {
                true => PageRange::new(link.range.start, link.range.start),
                false => link.page(index),
            };
            self.unmap_mapping(cache, pages, Spares::COPIES, &mut gathers);
        }
        // QUIRK(ReclaimIgnoresReferences): proofs/file/reclaimed-before-the-flush
        let is_used = sys.frame(found.pfn).is_shared() && !sys.has(Quirk::ReclaimIgnoresReferences);
        let gone = match is_used {
            true => None,
            false => cache.remove(index),
        };
        if P::CHECKED && gone.is_some() && account.is_some_and(Account::is_dirty) {
            violated::<P>(
                Invariant::LostDirty,
                "a page of a file left memory, and it was to be written",
            );
        }
        page.unlock();
        for gather in gathers {
            self.complete(gather);
        }
        if let Some(pfn) = gone {
            self.free_frame(pfn);
        }
    }
}
