//! The address space and its lock.
//!
//! # Lock order
//!
//! ```text
//! mmap_lock
//!   mmap_lock of a child that is being forked
//!   vma lock
//!     page_table_lock (pml)
//!       ptl
//!         ptl of a child that is being forked, or where mremap moves to
//!         irq of another CPU (a shootdown)
//! rcu: may wait for pml, ptl and other CPUs' irq; nobody waits for a grace
//!      period while he holds one of these
//! irq off: holds nothing but a ptl that it need not wait for
//! ```

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use crate::mm::cpu::Cpu;
use crate::mm::vma::{Vma, VmaCopy};
use crate::mm::vma_tree::{Retired, VmaTree};
use crate::platform::{Mutex, Platform, RcuPointer, RwLock, WaitQueue, Word};
use crate::types::addr::{PageRange, Vpn};
use crate::types::counters::Counter;
use crate::types::event::{LockClass, LockStep, What};
use crate::types::ids::{MmId, TableId};
use crate::types::protocol::FaultPath;
use crate::types::quirk::Quirk;

/// An address space. Linux: `struct mm_struct`.
pub(crate) struct Mm<P: Platform> {
    /// Protects the VMAs.
    pub mmap_lock: P::RwLock<Mmap<P>>,
    /// The tree as readers see it under RCU.
    pub tree: P::RcuPointer<VmaTree<P>>,
    /// Advanced by each mmap write section: at its end (VMA locks), or at its
    /// begin and its end (speculative faults: odd while a writer is inside).
    pub seq: P::Word,
    /// Protects the upper page tables. Linux: `page_table_lock`.
    pub pml: P::Mutex<()>,
    /// The top page table.
    pub root: TableId,
    /// Advanced by each flush. Linux: `context.tlb_gen`.
    pub tlb_gen: P::Word,
    /// The CPUs that may have translations.
    pub cpumask: P::Word,
    /// Zaps whose flush has not ended. Linux: `tlb_flush_pending`.
    pub flush_pending: P::Word,
    /// Where a writer waits for a VMA's readers. Linux: `vma_writer_wait`.
    pub writer_wait: P::WaitQueue,
}

/// What the mmap lock protects.
pub(crate) struct Mmap<P: Platform> {
    /// The tree as it is.
    pub tree: VmaTree<P>,
    /// What [`Mm::seq`] is.
    pub seq: u64,
}

impl<P: Platform> Mm<P> {
    /// An address space in which nothing is mapped. Its top page table is `root`, the CPUs of
    /// the set `cpumask` run it.
    pub fn new(root: TableId, cpumask: u64) -> Mm<P> {
        Mm {
            mmap_lock: P::RwLock::new(Mmap {
                tree: VmaTree::new(),
                seq: 0,
            })
            .called("mmap_lock"),
            tree: P::RcuPointer::new(Arc::new(VmaTree::new())).called("mm_mt"),
            seq: P::Word::new(0).called("mm_lock_seq"),
            pml: P::Mutex::new(()).called("page_table_lock"),
            root,
            tlb_gen: P::Word::new(0).called("tlb_gen"),
            cpumask: P::Word::new(cpumask).called("cpumask"),
            flush_pending: P::Word::new(0).called("tlb_flush_pending"),
            writer_wait: P::WaitQueue::new().called("vma_writer_wait"),
        }
    }
}

/// The held mmap write lock.
pub(crate) struct MmapWrite<'a, P: Platform> {
    guard: <P::RwLock<Mmap<P>> as RwLock<Mmap<P>>>::WriteGuard<'a>,
    changed: bool,
}

/// The held mmap read lock.
pub(crate) struct MmapRead<'a, P: Platform> {
    guard: <P::RwLock<Mmap<P>> as RwLock<Mmap<P>>>::ReadGuard<'a>,
}

impl<P: Platform> MmapRead<'_, P> {
    /// Whether some VMA covers `vpn`.
    pub fn covers(&self, vpn: Vpn) -> bool {
        self.guard.tree.find(vpn).is_some()
    }

    /// The VMA that covers `vpn`, copied.
    pub fn find(&self, vpn: Vpn) -> Option<VmaCopy> {
        let (_, vma) = self.guard.tree.find(vpn)?;
        Some(vma.copy_stable())
    }

    /// The VMAs that overlap `range`.
    pub fn overlapping(&self, range: PageRange) -> Vec<PageRange> {
        let vmas = self.guard.tree.overlapping(range);
        vmas.into_iter().map(|(range, _)| range).collect()
    }
}

impl<P: Platform> MmapWrite<'_, P> {
    /// The tree.
    pub fn tree(&self) -> &VmaTree<P> {
        &self.guard.tree
    }

    /// Readers were shown another tree: they are to be shown this one at the end.
    pub fn publish_again(&mut self) {
        self.changed = true;
    }
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// The address space that the CPU runs, or works on. Linux: `current->mm`.
    pub(crate) fn mm(&self) -> &'s Mm<P> {
        self.sys.mm(self.local.mm)
    }

    /// Lets the CPU work on another address space meanwhile.
    pub(crate) fn within<R>(&mut self, mm: MmId, work: impl FnOnce(&mut Self) -> R) -> R {
        let own = core::mem::replace(&mut self.local.mm, mm);
        let result = work(self);
        self.local.mm = own;
        result
    }

    /// The instance of a lock that each address space has for itself.
    pub(crate) fn mm_instance(&self, number: u64) -> u64 {
        LockClass::in_mm(self.local.mm, number)
    }

    /// Linux: `mmap_read_lock()`.
    pub(crate) fn mmap_read_lock(&mut self) -> MmapRead<'s, P> {
        self.lock_event(LockClass::Mmap, self.mm_instance(0), LockStep::Waits);
        let guard = self.mm().mmap_lock.read();
        self.lock_event(LockClass::Mmap, self.mm_instance(0), LockStep::Locked);
        self.count(Counter::MmapReadLocks);
        MmapRead { guard }
    }

    /// Linux: `mmap_read_unlock()`.
    pub(crate) fn mmap_read_unlock(&mut self, lock: MmapRead<'s, P>) {
        self.lock_event(LockClass::Mmap, self.mm_instance(0), LockStep::Unlocked);
        drop(lock);
    }

    /// Linux: `mmap_write_lock()`.
    pub(crate) fn mmap_write_lock(&mut self) -> MmapWrite<'s, P> {
        self.lock_event(LockClass::Mmap, self.mm_instance(0), LockStep::Waits);
        let mut guard = self.mm().mmap_lock.write();
        self.lock_event(LockClass::Mmap, self.mm_instance(0), LockStep::Locked);
        self.count(Counter::MmapWriteLocks);
        if self.sys.protocol().fault() == FaultPath::Spf {
            guard.seq += 1;
            // ORDERING(relaxed): the fence keeps it before what the writer
            // changes; pairs with the acquire fence of a reader who checks.
            // QUIRK(SeqBeginMissing): proofs/spf/writer-shows-itself
            if !self.sys.has(Quirk::SeqBeginMissing) {
                self.mm().seq.store(guard.seq, Ordering::Relaxed);
                self.event(What::SeqSet { value: guard.seq });
            }
            // QUIRK(SeqBeginNoFence): proofs/spf/torn-copy
            if !self.sys.has(Quirk::SeqBeginNoFence) {
                P::fence(Ordering::Release);
            }
        }
        MmapWrite {
            guard,
            changed: false,
        }
    }

    /// Linux: `mmap_write_unlock()`.
    pub(crate) fn mmap_write_unlock(&mut self, mut lock: MmapWrite<'s, P>) {
        self.end_writing(&mut lock);
        self.lock_event(LockClass::Mmap, self.mm_instance(0), LockStep::Unlocked);
        drop(lock);
    }

    /// Lets readers in, but no other writer. Linux: `mmap_write_downgrade()`.
    pub(crate) fn mmap_write_downgrade(&mut self, mut lock: MmapWrite<'s, P>) -> MmapRead<'s, P> {
        self.end_writing(&mut lock);
        self.lock_event(LockClass::Mmap, self.mm_instance(0), LockStep::Downgraded);
        let guard = self.mm().mmap_lock.downgrade(lock.guard);
        MmapRead { guard }
    }

    /// Shows what was changed, and unlocks the VMAs. Linux: `vma_end_write_all()`.
    fn end_writing(&mut self, lock: &mut MmapWrite<'s, P>) {
        self.publish(lock);
        match self.sys.protocol().fault() {
            FaultPath::MmapLock | FaultPath::RcuFault => {}
            FaultPath::Spf | FaultPath::VmaLock | FaultPath::VmaRefcnt => {
                lock.guard.seq += 1;
                // QUIRK(MmLockSeqRelaxed): proofs/vma_lock/mm-lock-seq-relaxed
                let ordering = if self.sys.has(Quirk::MmLockSeqRelaxed) {
                    Ordering::Relaxed
                } else {
                    // ORDERING(release): pairs with the acquire in
                    // Vma::start_read(): who sees the number sees the changes.
                    Ordering::Release
                };
                self.mm().seq.store(lock.guard.seq, ordering);
                self.event(What::SeqSet {
                    value: lock.guard.seq,
                });
            }
        }
    }

    /// Shows readers the tree as it is now. Linux: `rcu_assign_pointer()` in
    /// `mas_replace_node()`.
    pub(crate) fn publish(&mut self, lock: &mut MmapWrite<'s, P>) {
        if !lock.changed {
            return;
        }
        lock.changed = false;
        // QUIRK(TreePublishRelaxed): proofs/vma_tree/published-early
        let ordering = if self.sys.has(Quirk::TreePublishRelaxed) {
            Ordering::Relaxed
        } else {
            // ORDERING(release): pairs with the acquire of a lookup under RCU:
            // nodes and VMAs are made before they can be found.
            Ordering::Release
        };
        self.mm()
            .tree
            .store(Arc::new(lock.guard.tree.clone()), ordering);
    }

    /// Write-locks `vma` until the mmap lock is left.
    pub(crate) fn vma_start_write(&mut self, lock: &MmapWrite<'s, P>, vma: &Arc<Vma<P>>) {
        let start = self.mm_instance(vma.copy_racy().range.start.0);
        self.lock_event(LockClass::Vma, start, LockStep::Waits);
        vma.start_write(lock.guard.seq, &self.mm().writer_wait);
        self.lock_event(LockClass::Vma, start, LockStep::Locked);
    }

    /// Changes `vma`, which is in the tree at `old`.
    ///
    /// Faults by RCU alone read VMAs without any lock, so that a VMA that they can find never
    /// changes: a new one takes its place, together with the tree's new root.
    pub(crate) fn change_vma(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        vma: &Arc<Vma<P>>,
        old: VmaCopy,
        new: VmaCopy,
    ) {
        // QUIRK(ModifyVmaUnlocked): proofs/vma_lock/modified-unlocked
        if !self.sys.has(Quirk::ModifyVmaUnlocked) {
            self.vma_start_write(lock, vma);
        }
        // QUIRK(VmaChangedInPlace): proofs/vma_tree/changed-in-place
        let replaced = self.sys.protocol().fault() == FaultPath::RcuFault
            && !self.sys.has(Quirk::VmaChangedInPlace);
        let changed = if replaced {
            let changed = self.alloc_vma();
            changed.set(None, new);
            changed
        } else {
            vma.set(Some(old), new);
            vma.clone()
        };
        if replaced || old.range != new.range {
            let mut retired = Retired::new();
            let without = lock.guard.tree.remove(old.range.start, &mut retired);
            lock.guard.tree = without.insert(new.range, changed, &mut retired);
            lock.changed = true;
            self.retire_nodes(retired);
        }
        if replaced {
            self.free_vma(vma.clone());
        }
        self.event(What::VmaSet {
            range: new.range,
            prot: new.prot,
        });
    }

    /// Adds a VMA where nothing is.
    ///
    /// As in `mmap_region()`, the last of its fields is written after it
    /// became visible: it must be write-locked before.
    pub(crate) fn add_vma(&mut self, lock: &mut MmapWrite<'s, P>, new: VmaCopy) {
        let vma = self.alloc_vma();
        let incomplete = VmaCopy {
            prot: crate::types::prot::Prot::NONE,
            ..new
        };
        vma.set(None, incomplete);
        // QUIRK(NewVmaUnlocked): proofs/vma_lock/new-vma-unlocked
        let locked_by = (!self.sys.has(Quirk::NewVmaUnlocked)).then_some(lock.guard.seq);
        vma.attach(locked_by);
        let mut retired = Retired::new();
        lock.guard.tree = lock.guard.tree.insert(new.range, vma.clone(), &mut retired);
        lock.changed = true;
        self.publish(lock);
        self.retire_nodes(retired);
        vma.set(Some(incomplete), new);
        self.event(What::VmaSet {
            range: new.range,
            prot: new.prot,
        });
    }

    /// Takes a VMA out of the tree. It is to be freed with
    /// [`Cpu::free_vma`] when its pages are gone.
    pub(crate) fn remove_vma(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        range: PageRange,
        vma: &Arc<Vma<P>>,
    ) {
        // QUIRK(RemoveVmaUnlocked): proofs/vma_lock/removed-unlocked
        if !self.sys.has(Quirk::RemoveVmaUnlocked) {
            self.vma_start_write(lock, vma);
        }
        let mut retired = Retired::new();
        lock.guard.tree = lock.guard.tree.remove(range.start, &mut retired);
        lock.changed = true;
        // QUIRK(RemovalShownLate): proofs/vma_tree/removal-shown-late
        if !self.sys.has(Quirk::RemovalShownLate) {
            self.publish(lock);
        }
        vma.detach(&self.mm().writer_wait);
        self.retire_nodes(retired);
        self.event(What::VmaRemoved { range });
    }
}
