//! How a VMA is read-locked without the mmap lock.
//!
//! # Linux
//! mm/mmap_lock.c: `lock_vma_under_rcu()`.

use alloc::sync::Arc;

use crate::mm::cpu::Cpu;
use crate::mm::vma::{Vma, VmaCopy};
use crate::platform::{Platform, RcuPointer};
use crate::types::addr::Vpn;
use crate::types::counters::Counter;
use crate::types::event::LockClass;
use crate::types::quirk::Quirk;

impl<P: Platform> Cpu<'_, P> {
    /// Does `work` under the read lock of the VMA that covers `vpn`. `None`: that lock cannot be
    /// had, or `work` will not do under it. Linux: `lock_vma_under_rcu()`, `vma_end_read()`.
    pub(crate) fn with_vma_locked<R>(
        &mut self,
        vpn: Vpn,
        work: impl FnOnce(&mut Self, &Arc<Vma<P>>, VmaCopy) -> Option<R>,
    ) -> Option<R> {
        let mm = self.mm();
        // QUIRK(TreeWalkWithoutRcu): proofs/vma_tree/walk-without-rcu
        let rcu = (!self.sys.has(Quirk::TreeWalkWithoutRcu)).then(|| self.rcu_read_lock());
        let tree = mm.tree.load();
        let Some((range, vma)) = tree.find(vpn) else {
            self.how("falls back: no VMA");
            return None;
        };
        let events = self.mm_lock_events(LockClass::Vma, range.start.0);
        let Some(read) = vma.start_read(&mm.seq, &mm.writer_wait, events) else {
            self.how("falls back: the VMA is locked or gone");
            return None;
        };
        self.count(Counter::VmaReadLocks);
        let copy = read.vma().copy_stable();
        let mut read = Some(read);
        // QUIRK(VmaLockEndsEarly): proofs/vma_lock/ended-early
        if self.sys.has(Quirk::VmaLockEndsEarly)
            && let Some(read) = read.take()
        {
            read.end();
        }
        drop(rcu);
        // QUIRK(VmaNoRevalidate): proofs/vma_lock/reused-not-revalidated
        let result = if copy.range.contains(vpn) || self.sys.has(Quirk::VmaNoRevalidate) {
            work(self, vma, copy)
        } else {
            self.how("falls back: the VMA is another one by now");
            None
        };
        if let Some(read) = read {
            read.end();
        }
        // QUIRK(VmaUsedAfterPut): proofs/vma_lock/used-after-put
        if self.sys.has(Quirk::VmaUsedAfterPut) {
            vma.life.used();
        }
        result
    }
}
