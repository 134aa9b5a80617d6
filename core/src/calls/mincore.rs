//! `mincore`: how many pages are present.
//!
//! # Linux
//! mm/mincore.c: `do_mincore()`, one VMA at a time, each under the mmap read lock, which is left in
//! between; `mincore_pte_range()`, under the page-table lock. Changed: the number of pages is answered,
//! not which they are.

use crate::mm::cpu::Cpu;
use crate::mm::file::Backing;
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::error::Errno;
use crate::types::pte::Entry;
use crate::types::quirk::Quirk;

impl<P: Platform> Cpu<'_, P> {
    /// How many pages of `range` are present. Over a hole: `Nomem`.
    pub fn mincore(&mut self, range: PageRange) -> Result<u64, Errno> {
        self.check_range(range)?;
        let mut rest = range;
        let mut found = 0;
        while !rest.is_empty() {
            let lock = self.mmap_read_lock();
            let Some(vma) = lock.find(rest.start) else {
                lock.unlock();
                return Err(Errno::Nomem);
            };
            let part = vma.range.intersection(rest);
            // QUIRK(MincoreDropsMmapLock): proofs/vma_tree/counted-while-unmapped
            let lock = if self.sys.has(Quirk::MincoreDropsMmapLock) {
                lock.unlock();
                None
            } else {
                Some(lock)
            };
            let sys = self.sys;
            let is_cached = |map, vpn| sys.files().shown(map, vpn).page().is_some();
            let parts = sys.geometry().leaf_parts(part);
            found += match vma.backing {
                Backing::Anonymous | Backing::Stack | Backing::Driver(_) => {
                    parts.map(|part| self.count_present(part, |_| false)).sum()
                }
                // A copy counts as well, whose page the file may not have any more: mincore_pte_range().
                Backing::Private(map) if sys.files().have_caches() => parts
                    .map(|part| self.count_present(part, |vpn| is_cached(map, vpn)))
                    .sum(),
                // What is in the page cache counts, mapped or not: mincore_page().
                Backing::Shared(map) | Backing::Private(map) => {
                    part.iter().filter(|&vpn| is_cached(map, vpn)).count() as u64
                }
            };
            if let Some(lock) = lock {
                lock.unlock();
            }
            rest.start = part.end;
        }
        Ok(found)
    }

    /// How many entries of `part` are there, which one leaf table translates, or have a page `otherwise`.
    fn count_present(&mut self, part: PageRange, otherwise: impl Fn(Vpn) -> bool) -> u64 {
        let Some(ptl) = self.lock_leaf(part.start, true) else {
            return part.iter().filter(|&vpn| otherwise(vpn)).count() as u64;
        };
        let counts = |vpn: &Vpn| match ptl.entry(*vpn) {
            Entry::Leaf(_) => true,
            // Linux: mincore_swap().
            Entry::Swapped(swapped) => self.swap().is_cached(swapped.slot(), self.id()),
            Entry::None | Entry::Guard | Entry::Table(_) => otherwise(*vpn),
        };
        let found = part.iter().filter(counts).count();
        ptl.unlock();
        found as u64
    }
}
