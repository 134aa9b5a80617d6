//! Flushes that reclaim does later than its entries: who promises that no translation is left waits for them.
//!
//! An entry that is cleared for reclaim is told under its table's lock, in a word of the address space: how many were, and up
//! to which of them all TLBs were flushed since. An operation that takes that lock and may find nothing to flush looks at it,
//! and flushes everything if the two differ.
//!
//! # Linux
//! mm/rmap.c: `set_tlb_ubc_flush_pending()`, `flush_tlb_batched_pending()`; commit 3ea277194daa for the look, 5ee2fa2f0636
//! for the two counts. Kept: the flush of reclaim itself does not tell that it was done. Changed: a word has both counts, of
//! 32 bits each, which do not overflow.

use core::sync::atomic::Ordering;

use crate::mm::cpu::Cpu;
use crate::mm::flush::FlushInfo;
use crate::orderings;
use crate::platform::{Platform, Word};
use crate::types::quirk::Quirk;

/// How many were told; how many of them are flushed is above.
const PENDING: u64 = u32::MAX as u64;

impl<P: Platform> Cpu<'_, P> {
    /// An entry was cleared, whose flush comes later. The caller has the lock of its table.
    /// Linux: `set_tlb_ubc_flush_pending()`.
    pub(crate) fn tell_batched(&self) {
        if let Some(batched) = &self.mm().tlb_flush_batched {
            batched.fetch_add(1, self.flush_batched());
        }
    }

    /// Flushes what reclaim has cleared and not flushed yet. The caller has the lock of a table, and relies on translations of
    /// entries that it finds cleared there being gone. Linux: `flush_tlb_batched_pending()`.
    pub(crate) fn flush_batched_pending(&mut self) {
        let Some(batched) = &self.mm().tlb_flush_batched else {
            return;
        };
        // QUIRK(BatchedFlushIgnored): proofs/swap/protected-before-the-flush
        if self.sys.has(Quirk::BatchedFlushIgnored) {
            return;
        }
        let ordering = self.flush_batched();
        let found = batched.fetch_add(0, ordering);
        let pending = found & PENDING;
        if pending == found >> 32 {
            return;
        }
        self.shootdown(FlushInfo {
            range: None,
            freed_tables: false,
        });
        // QUIRK(BatchedFlushLost): proofs/swap/told-while-it-is-flushed
        if self.sys.has(Quirk::BatchedFlushLost) {
            batched.swap(0, ordering);
            return;
        }
        let flushed = pending | pending << 32;
        // If it is another word by now, there is more to flush for the next one that looks.
        let failed = orderings::FLUSH_BATCHED_FAILED;
        let _ = batched.compare_exchange(found, flushed, ordering, failed);
    }

    fn flush_batched(&self) -> Ordering {
        // QUIRK(BatchedFlushRelaxed): proofs/swap/flushed-what-was-told
        let quirks = self.sys.quirks();
        quirks.weaken(Quirk::BatchedFlushRelaxed, orderings::FLUSH_BATCHED)
    }
}
