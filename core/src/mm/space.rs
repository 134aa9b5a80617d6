//! The address space and its lock.
//!
//! # Lock order
//!
//! ```text
//! mmap_lock, or a file's inode lock
//!   mmap_lock of a child that is being forked
//!   vma lock
//!     lock of a page
//!       writeback of a page (which goes on without the lock)
//!       i_mmap of the file, or anon_vma
//!         page_table_lock (pml)
//!           ptl
//!             ptl of a child that is being forked, or where mremap moves to
//!             lock of the slots of swap
//!             irq of another CPU (a shootdown)
//! rcu: may wait for pml, ptl and other CPUs' irq; no CPU waits for a grace
//!      period while it holds one of these
//! irq off: holds nothing but a ptl that it need not wait for
//! ```

use alloc::sync::Arc;

use crate::mm::vma_tree::VmaTree;
use crate::platform::{Mutex, Platform, RcuPointer, Rcuwait, RwLock, Word};
use crate::types::addr::Vpn;
use crate::types::ids::TableId;

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
    /// Entries that reclaim has cleared, and how many of them are flushed, where there is swap. Linux: `tlb_flush_batched`.
    pub tlb_flush_batched: Option<P::Word>,
    /// Where a writer waits for a VMA's readers. Linux: `vma_writer_wait`.
    pub writer_wait: P::Rcuwait,
}

/// The part of an address space that the mmap lock protects.
pub(crate) struct Mmap<P: Platform> {
    /// The tree as it is.
    pub tree: VmaTree<P>,
    /// The page behind the heap, if there is one. Linux: `mm->brk`.
    pub heap_end: Vpn,
    /// The value of [`Mm::seq`].
    pub seq: u64,
}

impl<P: Platform> Mm<P> {
    /// An address space in which nothing is mapped. Its top page table is `root`, the CPUs of
    /// the set `cpumask` run it. `swaps`: there is swap. The heap is at `heap`, and empty.
    pub fn new(root: TableId, cpumask: u64, swaps: bool, heap: Vpn) -> Mm<P> {
        Mm {
            mmap_lock: P::RwLock::new(Mmap {
                tree: VmaTree::new(),
                heap_end: heap,
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
            tlb_flush_batched: swaps.then(|| P::Word::new(0).called("tlb_flush_batched")),
            writer_wait: P::Rcuwait::new().called("vma_writer_wait"),
        }
    }
}
