//! The lock of an address space.
//!
//! # Linux
//! include/linux/mmap_lock.h.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ghost::lock_events::LockEvents;
use crate::mm::cpu::Cpu;
use crate::mm::rcu::RcuGuard;
use crate::mm::space::{Mm, Mmap};
use crate::mm::system::System;
use crate::mm::vma::{Vma, VmaCopy};
use crate::mm::vma_tree::VmaTree;
use crate::orderings;
use crate::platform::{Platform, RcuPointer, RwLock, Word};
use crate::types::addr::{PageRange, Vpn};
use crate::types::counters::Counter;
use crate::types::event::{Event, LockClass, LockStep, What};
use crate::types::ids::MmId;
use crate::types::protocol::{FaultPath, Smaps};
use crate::types::quirk::Quirk;

/// The mmap lock, held for writing.
pub(crate) struct MmapWrite<'s, P: Platform> {
    sys: &'s System<P>,
    id: MmId,
    guard: <P::RwLock<Mmap<P>> as RwLock<Mmap<P>>>::WriteGuard<'s>,
    changed: bool,
    holds_back: bool,
    events: LockEvents<P>,
}

/// The mmap lock, held for reading.
pub(crate) struct MmapRead<'s, P: Platform> {
    sys: &'s System<P>,
    id: MmId,
    guard: <P::RwLock<Mmap<P>> as RwLock<Mmap<P>>>::ReadGuard<'s>,
    events: LockEvents<P>,
}

impl<P: Platform> MmapRead<'_, P> {
    /// What `look` finds in the tree. Where VMAs grow under this lock (`expand=mmap_read`), that is the one which
    /// readers see, and its nodes may be replaced meanwhile.
    pub fn look<R>(&self, look: impl FnOnce(&VmaTree<P>) -> R) -> R {
        if !self.sys.expands_read_locked() {
            return look(&self.guard.tree);
        }
        // QUIRK(ReadLockedWalkOutsideRcu): proofs/stack/walked-while-it-grows
        let outside = self.sys.has(Quirk::ReadLockedWalkOutsideRcu);
        let section = (!outside).then(|| RcuGuard::enter(self.sys, self.events.cpu()));
        let tree = self.sys.mm(self.id).tree.load();
        let found = look(&tree);
        drop(section);
        found
    }

    /// Whether some VMA covers `vpn`.
    pub fn covers(&self, vpn: Vpn) -> bool {
        self.look(|tree| tree.find(vpn).is_some())
    }

    /// The VMA that covers `vpn`, copied.
    pub fn find(&self, vpn: Vpn) -> Option<VmaCopy> {
        self.look(|tree| Some(tree.find(vpn)?.1.copy_stable()))
    }

    /// The first VMA that overlaps `range`, copied.
    pub fn next_in(&self, range: PageRange) -> Option<VmaCopy> {
        self.look(|tree| Some(tree.next_in(range)?.1.copy_stable()))
    }

    /// The VMAs that overlap `range`.
    pub fn overlapping(&self, range: PageRange) -> Vec<PageRange> {
        let vmas = self.look(|tree| tree.overlapping(range));
        vmas.into_iter().map(|(range, _)| range).collect()
    }

    /// The page behind the heap.
    pub fn heap_end(&self) -> Vpn {
        self.guard.heap_end
    }

    /// Linux: `mmap_read_unlock()`.
    pub fn unlock(self) {
        self.events.tell(LockStep::Unlocked);
        drop(self.guard);
    }
}

impl<'s, P: Platform> MmapWrite<'s, P> {
    fn event(&self, what: What) {
        let cpu = self.events.cpu();
        P::event(Event { cpu, what });
    }

    fn mm(&self) -> &'s Mm<P> {
        self.sys.mm(self.id)
    }

    /// The tree.
    pub fn tree(&self) -> &VmaTree<P> {
        &self.guard.tree
    }

    /// The page behind the heap.
    pub fn heap_end(&self) -> Vpn {
        self.guard.heap_end
    }

    /// Ends the heap at `end`.
    pub fn set_heap_end(&mut self, end: Vpn) {
        self.guard.heap_end = end;
    }

    /// Makes `tree` the tree. Readers see it after [`MmapWrite::publish`].
    pub fn set_tree(&mut self, tree: VmaTree<P>) {
        self.guard.tree = tree;
        self.changed = true;
    }

    /// Readers were shown another tree: they are to be shown this one at the end.
    pub fn publish_again(&mut self) {
        self.changed = true;
    }

    /// What is taken out of the tree from here on, something else takes the place of: readers are
    /// shown the tree when it is there, and no gap, if monitors believe in gaps that they find by RCU.
    /// Linux: `vma_iter_store_overwrite()`.
    pub fn hold_back(&mut self) {
        self.holds_back = self.sys.protocol().smaps() != Smaps::MmapLock;
    }

    /// The end of [`MmapWrite::hold_back`]: the next change is shown.
    pub fn let_go(&mut self) {
        self.holds_back = false;
    }

    /// The number by which VMAs are write-locked until this lock is left: what [`Mm::seq`] is.
    pub fn seq(&self) -> u64 {
        self.guard.seq
    }

    /// Begins to write: shows readers that check the sequence count that a writer is inside.
    /// Linux: speculative page faults, `mm_write_seqlock()`.
    fn begin_writing(&mut self) {
        if self.sys.protocol().fault() == FaultPath::Spf {
            self.guard.seq += 1;
            // QUIRK(SeqBeginMissing): proofs/spf/writer-shows-itself
            if !self.sys.has(Quirk::SeqBeginMissing) {
                self.mm().seq.store(self.guard.seq, orderings::MM_SEQ_BEGIN);
                let value = self.guard.seq;
                self.event(What::SeqSet { value });
            }
            // QUIRK(SeqBeginNoFence): proofs/spf/torn-copy
            if !self.sys.has(Quirk::SeqBeginNoFence) {
                P::fence(orderings::MM_SEQ_BEGIN_FENCE);
            }
        }
    }

    /// Linux: `mmap_write_unlock()`.
    pub fn unlock(mut self) {
        self.end_writing();
        self.events.tell(LockStep::Unlocked);
        drop(self.guard);
    }

    /// Lets readers in, but no other writer. Linux: `mmap_write_downgrade()`.
    pub fn downgrade(mut self) -> MmapRead<'s, P> {
        self.end_writing();
        self.events.tell(LockStep::Downgraded);
        MmapRead {
            sys: self.sys,
            id: self.id,
            guard: self.mm().mmap_lock.downgrade(self.guard),
            events: self.events,
        }
    }

    /// Shows the changes, and unlocks the VMAs. Linux: `vma_end_write_all()`.
    fn end_writing(&mut self) {
        self.publish();
        match self.sys.protocol().fault() {
            FaultPath::MmapLock | FaultPath::RcuFault => {}
            FaultPath::Spf | FaultPath::VmaLock | FaultPath::VmaRefcnt => {
                self.guard.seq += 1;
                // QUIRK(MmLockSeqRelaxed): proofs/vma_lock/mm-lock-seq-relaxed
                let quirks = self.sys.quirks();
                let ordering = quirks.weaken(Quirk::MmLockSeqRelaxed, orderings::MM_SEQ_END);
                self.mm().seq.store(self.guard.seq, ordering);
                let value = self.guard.seq;
                self.event(What::SeqSet { value });
            }
        }
    }

    /// Shows readers the tree as it is now. Linux: `rcu_assign_pointer()` in
    /// `mas_replace_node()`.
    pub fn publish(&mut self) {
        if !self.changed || self.holds_back {
            return;
        }
        self.changed = false;
        // QUIRK(TreePublishRelaxed): proofs/vma_tree/published-early
        let quirks = self.sys.quirks();
        let ordering = quirks.weaken(Quirk::TreePublishRelaxed, orderings::TREE_PUBLISH);
        self.mm()
            .tree
            .store(Arc::new(self.guard.tree.clone()), ordering);
    }

    /// Write-locks `vma` until the mmap lock is left.
    pub fn start_write(&self, vma: &Vma<P>) {
        let start = vma.copy_racy().range.start.0;
        let instance = LockClass::in_mm(self.id, start);
        let events = LockEvents::<P>::new(self.events.cpu(), LockClass::Vma, instance);
        events.tell(LockStep::Waits);
        vma.start_write(self.guard.seq, &self.mm().writer_wait);
        events.tell(LockStep::Locked);
    }
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Linux: `mmap_read_lock()`.
    pub(crate) fn mmap_read_lock(&mut self) -> MmapRead<'s, P> {
        self.might_sleep();
        let events = self.mm_lock_events(LockClass::Mmap, 0);
        events.tell(LockStep::Waits);
        let guard = self.mm().mmap_lock.read();
        events.tell(LockStep::Locked);
        self.count(Counter::MmapReadLocks);
        MmapRead {
            sys: self.sys,
            id: self.local.mm,
            guard,
            events,
        }
    }

    /// Linux: `mmap_write_lock()`.
    pub(crate) fn mmap_write_lock(&mut self) -> MmapWrite<'s, P> {
        self.might_sleep();
        let events = self.mm_lock_events(LockClass::Mmap, 0);
        events.tell(LockStep::Waits);
        let guard = self.mm().mmap_lock.write();
        events.tell(LockStep::Locked);
        self.count(Counter::MmapWriteLocks);
        let mut lock = MmapWrite {
            sys: self.sys,
            id: self.local.mm,
            guard,
            changed: false,
            holds_back: false,
            events,
        };
        if self.sys.expands_read_locked() {
            lock.guard.tree = VmaTree::clone(&self.mm().tree.load());
        }
        lock.begin_writing();
        lock
    }
}
