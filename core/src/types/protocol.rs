//! Protocols: the design choices, each sound alone.
//!
//! A [`Protocol`] is one value for each choice; [`choices`](crate::types::choices) has their names.

/// How faults find and stabilise their VMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultPath {
    /// Under the mmap read lock.
    MmapLock,
    /// Speculatively, by the sequence count of the mm; else under the mmap read lock.
    Spf,
    /// Under the VMA's read-write lock.
    VmaLock,
    /// Under a reference of the VMA, which is reused by RCU type-safety.
    VmaRefcnt,
    /// Under RCU and the page-table lock alone.
    RcuFault,
}

/// When the memory of a page table may be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PtFree {
    /// After an IPI to every CPU that may walk it.
    Ipi,
    /// After a grace period.
    Rcu,
}

/// Where a page table's lock lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ptl {
    /// In the table itself.
    Embedded,
    /// In memory of its own, freed with the table.
    Allocated,
}

/// What `madvise dontneed` holds while it clears entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dontneed {
    /// The mmap lock for reading, until its flush is over.
    MmapLock,
    /// The lock of the VMA, which it leaves before the flush; for more than one VMA the mmap lock.
    VmaLock,
}

/// What keeps a VMA while `maps` and `smaps` tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Smaps {
    /// The mmap lock, for reading.
    MmapLock,
    /// The lock of the VMA; if it is not to be had, the mmap lock.
    VmaLock,
    /// Nothing: VMAs and page tables are read under RCU, and what was read is compared.
    Rcu,
}

/// What a fault holds while it waits until a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IoWait {
    /// Nothing: it leaves the lock of its VMA, or the mmap lock, and starts again afterwards.
    Retry,
    /// What it has: the lock of its VMA, or the mmap lock.
    HoldVma,
}

/// When a zap may drop the page-table lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ZapFlush {
    /// At once: the flush is gathered, and others are told that it is pending.
    Gather,
    /// After the flush.
    Ptl,
}

/// What `munmap` holds while it removes the pages of VMAs that are out of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Munmap {
    /// The mmap lock for reading: faults, and zaps elsewhere, go on.
    Downgrade,
    /// The mmap lock for writing.
    Exclusive,
}

/// How a change that only adds permission is flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flush {
    /// By a shootdown, like any change.
    Strict,
    /// By a new generation and a local flush; others fault, see the
    /// generation, and flush for themselves.
    Relaxed,
}

/// What a page fault does to the translation that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlbFault {
    /// Nothing: it stays in the TLB until it is flushed.
    Keep,
    /// Hardware drops it.
    Drop,
}

/// Whether software or hardware sets the dirty bit of a page that a write fault maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dirty {
    /// The fault, in advance.
    Fault,
    /// Hardware, when the store goes through.
    Hardware,
}

/// Whether `mprotect` or the next write fault makes pages writable that `mprotect` allows to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MprotectWritable {
    /// The next write fault.
    Fault,
    /// `mprotect` itself, for pages that belong to one mm alone.
    Direct,
}

/// What guards a driver's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DriverState {
    /// A lock of the driver's.
    OwnLock,
    /// The mmap lock of its callers.
    MmapLock,
}

/// Under which lock a driver's fault handler is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DriverFault {
    /// The VMA's lock, where faults have such locks.
    VmaLock,
    /// The mmap lock.
    MmapLock,
}

/// Which pages a read fault on a device maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DriverMap {
    /// Its own.
    Fault,
    /// Those around it, too, under RCU.
    Around,
}

/// What a fault does when the driver's lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DriverWait {
    /// It waits, and keeps its lock of the VMA or the mmap.
    Hold,
    /// It leaves that lock, waits, and starts again.
    Retry,
}

/// How a fault reads a page that is in swap and not in the swap cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Swapin {
    /// To the swap cache.
    Cache,
    /// Past it, if no other entry has the slot, which is pinned meanwhile.
    Direct,
}

/// Under which lock a fault extends a mapping that grows down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expand {
    /// The mmap lock for writing.
    MmapWrite,
    /// The mmap lock for reading, and the lock of the upper page tables.
    MmapRead,
}

/// One value for each choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol {
    /// `protocol`
    pub fault: FaultPath,
    /// `pt_free`
    pub pt_free: PtFree,
    /// `ptl`
    pub ptl: Ptl,
    /// `pt_reclaim`: whether `dontneed` frees a table that it emptied.
    pub pt_reclaim: bool,
    /// `munmap`
    pub munmap: Munmap,
    /// `zap_flush`
    pub zap_flush: ZapFlush,
    /// `flush`
    pub flush: Flush,
    /// `mprotect_writable`
    pub mprotect_writable: MprotectWritable,
    /// `dirty`
    pub dirty: Dirty,
    /// `tlb_fault`
    pub tlb_fault: TlbFault,
    /// `speculation`: how often the hardware of each CPU fills or evicts by itself, at most.
    pub speculation: u8,
    /// `dontneed`
    pub dontneed: Dontneed,
    /// `smaps`
    pub smaps: Smaps,
    /// `driver_state`
    pub driver_state: DriverState,
    /// `driver_fault`
    pub driver_fault: DriverFault,
    /// `driver_map`
    pub driver_map: DriverMap,
    /// `driver_wait`
    pub driver_wait: DriverWait,
    /// `fault_around`: whether a read fault on a file maps what is around its page, too.
    pub fault_around: bool,
    /// `io_wait`
    pub io_wait: IoWait,
    /// `swap_io_wait`
    pub swap_io_wait: IoWait,
    /// `swapin`
    pub swapin: Swapin,
    /// `expand`
    pub expand: Expand,
}

impl Protocol {
    /// A preset by its name, which is also the value of the choice `protocol`.
    pub const fn preset(fault: FaultPath) -> Protocol {
        let pt_free = match fault {
            FaultPath::MmapLock | FaultPath::Spf => PtFree::Ipi,
            FaultPath::VmaLock | FaultPath::VmaRefcnt | FaultPath::RcuFault => PtFree::Rcu,
        };
        Protocol {
            fault,
            pt_free,
            ptl: Ptl::Embedded,
            pt_reclaim: false,
            munmap: Munmap::Downgrade,
            zap_flush: ZapFlush::Gather,
            flush: Flush::Strict,
            mprotect_writable: MprotectWritable::Direct,
            dirty: Dirty::Fault,
            tlb_fault: TlbFault::Keep,
            speculation: 0,
            dontneed: Dontneed::MmapLock,
            smaps: Smaps::MmapLock,
            driver_state: DriverState::OwnLock,
            driver_fault: DriverFault::VmaLock,
            driver_map: DriverMap::Fault,
            driver_wait: DriverWait::Hold,
            fault_around: false,
            io_wait: IoWait::Retry,
            swap_io_wait: IoWait::HoldVma,
            swapin: Swapin::Cache,
            expand: Expand::MmapWrite,
        }
    }

    /// Why these choices do not go together, if they do not.
    pub fn conflict(&self) -> Option<&'static str> {
        if self.pt_reclaim && self.pt_free != PtFree::Rcu {
            return Some("pt_reclaim=on needs pt_free=rcu: faults walk tables that it may free");
        }
        if self.fault == FaultPath::RcuFault && self.pt_free != PtFree::Rcu {
            return Some("protocol=rcu_fault needs pt_free=rcu: its faults are RCU readers");
        }
        let has_vma_locks = matches!(self.fault, FaultPath::VmaLock | FaultPath::VmaRefcnt);
        if self.dontneed == Dontneed::VmaLock && !has_vma_locks {
            return Some(
                "dontneed=vma_lock needs protocol=vma_lock or protocol=vma_refcnt: no other has locks of VMAs",
            );
        }
        if self.smaps == Smaps::VmaLock && !has_vma_locks {
            return Some(
                "smaps=vma_lock needs protocol=vma_lock or protocol=vma_refcnt: no other has locks of VMAs",
            );
        }
        if self.smaps == Smaps::Rcu && self.pt_free != PtFree::Rcu {
            return Some("smaps=rcu needs pt_free=rcu: it walks page tables under RCU alone");
        }
        if self.smaps == Smaps::Rcu && self.fault == FaultPath::MmapLock {
            return Some(
                "smaps=rcu does not go with protocol=mmap_lock: that frees VMAs without a grace period",
            );
        }
        if self.smaps == Smaps::Rcu && self.fault == FaultPath::RcuFault {
            return Some(
                "smaps=rcu does not go with protocol=rcu_fault: that hides VMAs from RCU to keep faults out",
            );
        }
        if self.expand == Expand::MmapRead && self.fault != FaultPath::MmapLock {
            return Some(
                "expand=mmap_read needs protocol=mmap_lock: other faults look at a VMA without the mmap lock while it grows",
            );
        }
        None
    }
}

impl Default for Protocol {
    fn default() -> Protocol {
        Protocol::preset(FaultPath::VmaRefcnt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [FaultPath; 5] = [
        FaultPath::MmapLock,
        FaultPath::Spf,
        FaultPath::VmaLock,
        FaultPath::VmaRefcnt,
        FaultPath::RcuFault,
    ];

    #[test]
    fn conflicts_are_told() {
        for (path, pt_reclaim) in [(FaultPath::RcuFault, false), (FaultPath::MmapLock, true)] {
            let protocol = Protocol {
                pt_free: PtFree::Ipi,
                pt_reclaim,
                ..Protocol::preset(path)
            };
            assert!(protocol.conflict().is_some(), "{protocol}");
        }
        for path in PATHS {
            let protocol = Protocol {
                dontneed: Dontneed::VmaLock,
                ..Protocol::preset(path)
            };
            let has_vma_locks = matches!(path, FaultPath::VmaLock | FaultPath::VmaRefcnt);
            assert_eq!(protocol.conflict().is_none(), has_vma_locks, "{protocol}");
            let protocol = Protocol {
                smaps: Smaps::VmaLock,
                ..Protocol::preset(path)
            };
            assert_eq!(protocol.conflict().is_none(), has_vma_locks, "{protocol}");
            let protocol = Protocol {
                expand: Expand::MmapRead,
                ..Protocol::preset(path)
            };
            let suits = path == FaultPath::MmapLock;
            assert_eq!(protocol.conflict().is_none(), suits, "{protocol}");
            for pt_free in [PtFree::Ipi, PtFree::Rcu] {
                let protocol = Protocol {
                    smaps: Smaps::Rcu,
                    pt_free,
                    ..Protocol::preset(path)
                };
                let suits = pt_free == PtFree::Rcu && (has_vma_locks || path == FaultPath::Spf);
                assert_eq!(protocol.conflict().is_none(), suits, "{protocol}");
            }
        }
    }
}
