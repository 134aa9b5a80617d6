//! `brk`: the heap gets longer, or shorter, by a call.
//!
//! ```text
//!  start        old break    new break         start        new break    old break
//!  |  mapped    |  is mapped |                 |  mapped    |  unmapped  |
//! ```
//! The break is the page behind the heap. It is the mmap lock's: it is read and set under the write lock, and set
//! before that is downgraded to unmap (`proofs/stack/two-move-the-break`, `break-is-set-first`). The heap gets longer if
//! nothing is mapped up to the new break, that page included, and if what grows down next above keeps its gap
//! (`break-stops-at-a-mapping`, `heap-under-a-stack`). It gets shorter if something is mapped behind the new break,
//! whatever that is: all of it goes, as by `munmap`, and a heap that gets longer again waits for that
//! (`break-comes-back`).
//!
//! # Linux
//! mm/mmap.c, `sys_brk()`: `vma_find()`, `vm_start_gap()`, `do_brk_flags()`, `do_vmi_align_munmap()`. Changed: the break is at
//! a page; what is mapped below the heap's start may become one VMA with it (Linux: `vma_prev_limit()`); `fork` copies
//! the break with the VMAs, under the lock, where Linux copies it before it has the lock (kernel/fork.c, `dup_mm()`:
//! `memcpy()`), so that the break of a child may be another than its VMAs'. Dropped: `RLIMIT_DATA`, and the heap that
//! `mlockall(MCL_FUTURE)` locks, which is populated when the lock is left.

use crate::mm::cpu::Cpu;
use crate::mm::file::Backing;
use crate::mm::mmap_lock::MmapWrite;
use crate::mm::stack::STACK_GUARD_GAP;
use crate::mm::vma::VmaCopy;
use crate::mm::vma_tree::VmaTree;
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::anon::Anon;
use crate::types::error::Errno;
use crate::types::prot::Prot;
use crate::types::quirk::Quirk;

impl<P: Platform> VmaTree<P> {
    /// Whether something is mapped in `more`, or too near above for the heap to end there.
    fn is_near_above(&self, more: PageRange) -> bool {
        let above = PageRange::new(more.start, Vpn(u64::MAX));
        self.next_in(above).is_some_and(|(range, vma)| {
            let gap = match vma.copy_stable().backing {
                Backing::Stack => STACK_GUARD_GAP,
                _ => 0,
            };
            more.end.0 + 1 > range.start.0.saturating_sub(gap)
        })
    }
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Makes `to` the page behind the heap. `Nomem`, and the heap is as it was, below the heap's start, over what is
    /// mapped or next to it, and where there is nothing that could go. Linux: `brk()`, which returns the old break then.
    ///
    /// # Panics
    /// If the machine has no [heap](crate::Config::heap).
    pub fn brk(&mut self, to: Vpn) -> Result<(), Errno> {
        let start = self.sys.config().heap.expect("the machine has a heap");
        // QUIRK(BreakReadEarly): proofs/stack/two-move-the-break
        let early = self.sys.has(Quirk::BreakReadEarly).then(|| {
            let lock = self.mmap_read_lock();
            let found = lock.heap_end();
            lock.unlock();
            found
        });
        let lock = self.mmap_write_lock();
        let old = early.unwrap_or(lock.heap_end());
        if to < start || to.0 >= self.sys.geometry().len_pages() {
            lock.unlock();
            return Err(Errno::Nomem);
        }
        match to < old {
            true => self.shrink_heap(lock, PageRange::new(to, old)),
            false => self.grow_heap(lock, PageRange::new(old, to)),
        }
    }

    /// The heap ends where `gone` begins. Linux: "Always allow shrinking brk".
    fn shrink_heap(&mut self, mut lock: MmapWrite<'s, P>, gone: PageRange) -> Result<(), Errno> {
        if !lock.tree().overlaps(gone) {
            lock.unlock();
            return Err(Errno::Nomem);
        }
        // QUIRK(BreakSetLate): proofs/stack/break-is-set-first
        let late = self.sys.has(Quirk::BreakSetLate);
        if !late {
            lock.set_heap_end(gone.start);
        }
        self.munmap_locked(lock, gone);
        if late {
            let mut lock = self.mmap_write_lock();
            lock.set_heap_end(gone.start);
            lock.unlock();
        }
        Ok(())
    }

    /// The heap goes on over `more`. Linux: `do_brk_flags()`.
    fn grow_heap(&mut self, mut lock: MmapWrite<'s, P>, more: PageRange) -> Result<(), Errno> {
        if more.is_empty() {
            lock.unlock();
            return Ok(());
        }
        let is_stopped = lock.tree().is_near_above(more);
        // QUIRK(BreakIgnoresMappings): proofs/stack/break-stops-at-a-mapping
        let replaces = is_stopped && self.sys.has(Quirk::BreakIgnoresMappings);
        if is_stopped && !replaces {
            lock.unlock();
            return Err(Errno::Nomem);
        }
        let replaced = replaces.then(|| self.unmap(&mut lock, more));
        let new = VmaCopy {
            range: more,
            prot: Prot::RW,
            backing: Backing::Anonymous,
            anon: Anon::NONE,
            locked: false,
        };
        self.map(&mut lock, new);
        lock.set_heap_end(more.end);
        lock.unlock();
        if let Some(gather) = replaced {
            self.complete(gather);
        }
        Ok(())
    }
}
