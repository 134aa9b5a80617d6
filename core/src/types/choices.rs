//! The table of choices: it drives parsing, printing and documentation, so that a choice is named
//! in one place.

use crate::types::protocol::{
    Dirty, Dontneed, DriverFault, DriverMap, DriverState, DriverWait, Expand, FaultPath, Flush,
    IoWait, MprotectWritable, Munmap, Protocol, PtFree, Ptl, Smaps, Swapin, TlbFault, ZapFlush,
};

/// A choice: its name, its values, and where they come from.
#[derive(Debug)]
pub struct ChoiceInfo {
    /// Its name, left of `=`.
    pub name: &'static str,
    /// What it decides.
    pub summary: &'static str,
    /// Its values.
    pub values: &'static [ValueInfo],
}

/// A value of a choice.
#[derive(Debug)]
pub struct ValueInfo {
    /// Its name, right of `=`.
    pub name: &'static str,
    /// What it means.
    pub summary: &'static str,
    /// Where it comes from: a Linux function, a series, a version.
    pub source: &'static str,
    /// Makes the choice.
    pub(crate) set: fn(&mut Protocol),
    /// Whether it is made.
    pub(crate) is: fn(&Protocol) -> bool,
}

macro_rules! value {
    ($name:literal, $summary:literal, $source:literal, $field:ident = $value:expr) => {
        ValueInfo {
            name: $name,
            summary: $summary,
            source: $source,
            set: |p| p.$field = $value,
            is: |p| p.$field == $value,
        }
    };
}

/// Every choice, in the order in which they are listed.
pub static CHOICES: &[ChoiceInfo] = &[
    ChoiceInfo {
        name: "protocol",
        summary: "how a fault finds its VMA and keeps it",
        values: &[
            value!(
                "mmap_lock",
                "under the mmap read lock",
                "Linux before 6.4, do_user_addr_fault()",
                fault = FaultPath::MmapLock
            ),
            value!(
                "spf",
                "speculatively, by a per-mm sequence count; else under the mmap read lock",
                "M. Lespinasse, speculative page faults v2, January 2022",
                fault = FaultPath::Spf
            ),
            value!(
                "vma_lock",
                "under a read-write lock in the VMA, with vm_lock_seq against mm_lock_seq",
                "Linux 6.4, lock_vma_under_rcu(), vma_start_read()",
                fault = FaultPath::VmaLock
            ),
            value!(
                "vma_refcnt",
                "under a reference of the VMA, which RCU type-safety lets be reused at once",
                "Linux 6.15, vma_start_read(), commit 3104138517fc",
                fault = FaultPath::VmaRefcnt
            ),
            value!(
                "rcu_fault",
                "under RCU and the page-table lock alone, the VMA looked up again under the lock",
                "M. Wilcox at LSFMM+BPF, LWN May 2023",
                fault = FaultPath::RcuFault
            ),
        ],
    },
    ChoiceInfo {
        name: "pt_free",
        summary: "when the memory of a page table may be reused",
        values: &[
            value!(
                "ipi",
                "after an IPI: software walkers keep interrupts off",
                "mm/mmu_gather.c, tlb_remove_table_sync_one()",
                pt_free = PtFree::Ipi
            ),
            value!(
                "rcu",
                "after a grace period: software walkers are RCU readers",
                "mm/mmu_gather.c, MMU_GATHER_RCU_TABLE_FREE",
                pt_free = PtFree::Rcu
            ),
        ],
    },
    ChoiceInfo {
        name: "ptl",
        summary: "where a page table's lock lives",
        values: &[
            value!(
                "embedded",
                "in the table's own page",
                "include/linux/mm_types.h, struct ptdesc with a small spinlock_t",
                ptl = Ptl::Embedded
            ),
            value!(
                "allocated",
                "in memory of its own, freed with the table",
                "ALLOC_SPLIT_PTLOCKS; pagetable_dtor() in __tlb_remove_table() since 6.14",
                ptl = Ptl::Allocated
            ),
        ],
    },
    ChoiceInfo {
        name: "pt_reclaim",
        summary: "whether madvise dontneed frees a page table that it emptied",
        values: &[
            value!("off", "no", "Linux before 6.14", pt_reclaim = false),
            value!(
                "on",
                "yes; needs pt_free=rcu",
                "mm/pt_reclaim.c, CONFIG_PT_RECLAIM, Linux 6.14",
                pt_reclaim = true
            ),
        ],
    },
    ChoiceInfo {
        name: "munmap",
        summary: "what munmap holds while it removes pages",
        values: &[
            value!(
                "downgrade",
                "the mmap lock for reading",
                "mm/vma.c, vms_complete_munmap_vmas(); Linux 4.20, commit dd2283f2605e",
                munmap = Munmap::Downgrade
            ),
            value!(
                "exclusive",
                "the mmap lock for writing",
                "mm/mmap.c, do_munmap() before Linux 4.20",
                munmap = Munmap::Exclusive
            ),
        ],
    },
    ChoiceInfo {
        name: "zap_flush",
        summary: "when a zap may drop the page-table lock",
        values: &[
            value!(
                "gather",
                "before the flush, which is counted as pending meanwhile",
                "mm/mmu_gather.c, inc_tlb_flush_pending()",
                zap_flush = ZapFlush::Gather
            ),
            value!(
                "ptl",
                "after the flush",
                "mm/memory.c, zap_pte_range() with force_flush; commit 60bae7370896",
                zap_flush = ZapFlush::Ptl
            ),
        ],
    },
    ChoiceInfo {
        name: "flush",
        summary: "how a change that only adds permission is flushed",
        values: &[
            value!(
                "strict",
                "by a shootdown, like any change",
                "mm/mprotect.c, tlb_flush_pte_range()",
                flush = Flush::Strict
            ),
            value!(
                "relaxed",
                "by a new generation and a local flush; a clean page loses W without any",
                "N. Amit, relaxed TLB flushes, July 2022",
                flush = Flush::Relaxed
            ),
        ],
    },
    ChoiceInfo {
        name: "mprotect_writable",
        summary: "whether mprotect or a fault makes a page writable that mprotect allows to be",
        values: &[
            value!(
                "fault",
                "the next write fault",
                "mm/mprotect.c before 6.1",
                mprotect_writable = MprotectWritable::Fault
            ),
            value!(
                "direct",
                "mprotect, for exclusive anonymous pages",
                "mm/mprotect.c, can_change_pte_writable(), D. Hildenbrand, June 2022",
                mprotect_writable = MprotectWritable::Direct
            ),
        ],
    },
    ChoiceInfo {
        name: "dirty",
        summary: "whether software or hardware sets the dirty bit of a page that a write fault maps",
        values: &[
            value!(
                "fault",
                "the fault, in advance",
                "mm/memory.c, do_anonymous_page(), pte_mkdirty()",
                dirty = Dirty::Fault
            ),
            value!(
                "hardware",
                "hardware, when the store goes through: some 500 cycles on x86",
                "N. Amit, relaxed TLB flushes, July 2022: new entries are not dirty",
                dirty = Dirty::Hardware
            ),
        ],
    },
    ChoiceInfo {
        name: "tlb_fault",
        summary: "what a page fault does to the translation that caused it",
        values: &[
            value!(
                "keep",
                "nothing: software flushes it, or waits for a flush",
                "mm/memory.c, flush_tlb_fix_spurious_fault(), as include/linux/pgtable.h defines it",
                tlb_fault = TlbFault::Keep
            ),
            value!(
                "drop",
                "hardware drops it",
                "Intel SDM volume 3, 4.10.4.1; arch/x86/include/asm/pgtable.h, flush_tlb_fix_spurious_fault()",
                tlb_fault = TlbFault::Drop
            ),
        ],
    },
    ChoiceInfo {
        name: "speculation",
        summary: "how often each CPU's hardware fills or evicts a translation by itself, at most",
        values: &[
            value!(
                "none",
                "never: only `prefetch` and `evict` do",
                "an assumption of the model",
                speculation = 0
            ),
            value!(
                "1",
                "once, at any time",
                "Intel SDM volume 3, 4.10.2.3: translations that no program accesses",
                speculation = 1
            ),
            value!("2", "twice", "as for 1", speculation = 2),
            value!("3", "three times", "as for 1", speculation = 3),
        ],
    },
    ChoiceInfo {
        name: "dontneed",
        summary: "what madvise dontneed holds while it clears entries",
        values: &[
            value!(
                "mmap_lock",
                "the mmap lock for reading, until its flush is over",
                "mm/madvise.c, madvise_lock() before try_vma_read_lock()",
                dontneed = Dontneed::MmapLock
            ),
            value!(
                "vma_lock",
                "the VMA's lock, if the range is within one VMA; it is left before the flush",
                "mm/madvise.c, try_vma_read_lock(), madvise_walk_vmas(), madvise_finish_tlb(); B. Song, June 2025",
                dontneed = Dontneed::VmaLock
            ),
        ],
    },
    ChoiceInfo {
        name: "smaps",
        summary: "what keeps a VMA while maps and smaps tell of it",
        values: &[
            value!(
                "mmap_lock",
                "the mmap lock for reading",
                "fs/proc/task_mmu.c, m_start(): maps before Linux 6.17",
                smaps = Smaps::MmapLock
            ),
            value!(
                "vma_lock",
                "the VMA's lock; the VMA is found under RCU; else the mmap lock",
                "mm/mmap_lock.c, lock_next_vma(); fs/proc/task_mmu.c, get_next_vma(); S. Baghdasaryan, Linux 6.17, for maps",
                smaps = Smaps::VmaLock
            ),
            value!(
                "rcu",
                "nothing: a copy of the VMA is compared with the tree, and page tables are walked under RCU",
                "M. Wilcox at LSFMM+BPF 2023; S. Baghdasaryan, \"mm/maps: read proc/pid/maps under RCU\", April 2025",
                smaps = Smaps::Rcu
            ),
        ],
    },
    ChoiceInfo {
        name: "driver_state",
        summary: "what guards the state of a driver whose device is mapped",
        values: &[
            value!(
                "own_lock",
                "a lock of the driver's own",
                "M. Wilcox and J. Gunthorpe at LSFMM+BPF 2023: after a fork there are two mmap locks",
                driver_state = DriverState::OwnLock
            ),
            value!(
                "mmap_lock",
                "the mmap lock that open, close and faults are called with",
                "M. Lespinasse, there: some drivers rely on it",
                driver_state = DriverState::MmapLock
            ),
        ],
    },
    ChoiceInfo {
        name: "driver_fault",
        summary: "under which lock a driver's fault handler is called",
        values: &[
            value!(
                "vma_lock",
                "the VMA's lock, where faults take such locks: the driver says that it can do without the mmap lock",
                "mm/memory.c, vmf_can_call_fault(): a driver with map_pages(); M. Wilcox, \"mm: handle shared faults under the VMA lock\", October 2023",
                driver_fault = DriverFault::VmaLock
            ),
            value!(
                "mmap_lock",
                "the mmap lock for reading",
                "mm/memory.c, vmf_can_call_fault(): a driver without map_pages()",
                driver_fault = DriverFault::MmapLock
            ),
        ],
    },
    ChoiceInfo {
        name: "driver_map",
        summary: "which pages of a device a read fault maps",
        values: &[
            value!(
                "fault",
                "the one that it is about",
                "vm_ops->fault()",
                driver_map = DriverMap::Fault
            ),
            value!(
                "around",
                "those of its page table, too: map_pages(), under RCU, where nothing may sleep",
                "mm/memory.c, do_fault_around()",
                driver_map = DriverMap::Around
            ),
        ],
    },
    ChoiceInfo {
        name: "driver_wait",
        summary: "what a fault does while the driver's lock is taken",
        values: &[
            value!(
                "hold",
                "waits, and keeps what keeps its VMA",
                "most drivers",
                driver_wait = DriverWait::Hold
            ),
            value!(
                "retry",
                "leaves that, waits, and starts again",
                "drivers/gpu/drm/ttm/ttm_bo_vm.c, ttm_bo_vm_reserve()",
                driver_wait = DriverWait::Retry
            ),
        ],
    },
    ChoiceInfo {
        name: "fault_around",
        summary: "whether a read fault on a file maps what the page cache has around its page",
        values: &[
            value!(
                "off",
                "no",
                "fault_around_bytes of one page",
                fault_around = false
            ),
            value!(
                "on",
                "yes, in its page table: map_pages(), under RCU, where nothing may sleep",
                "mm/memory.c, do_fault_around(); mm/filemap.c, filemap_map_pages()",
                fault_around = true
            ),
        ],
    },
    ChoiceInfo {
        name: "io_wait",
        summary: "what a fault holds while it waits until a page of a file is read",
        values: &[
            value!(
                "retry",
                "no lock: it starts again afterwards; the second time it waits with what it holds",
                "mm/filemap.c, maybe_unlock_mmap_for_io(), fault_flag_allow_retry_first(); Linux 5.1",
                io_wait = IoWait::Retry
            ),
            value!(
                "hold_vma",
                "the lock of its VMA, or the mmap lock, so that nothing changes meanwhile",
                "M. Wilcox at LSFMM+BPF 2023: the other way, to keep changes of the VMA out",
                io_wait = IoWait::HoldVma
            ),
        ],
    },
    ChoiceInfo {
        name: "swap_io_wait",
        summary: "what a fault holds while it waits until a page comes from swap by way of the swap cache",
        values: &[
            value!(
                "hold_vma",
                "the lock of its VMA, or the mmap lock, so that nothing changes meanwhile",
                "M. Wilcox at LSFMM+BPF 2023: for swap the VMA's lock may be held",
                swap_io_wait = IoWait::HoldVma
            ),
            value!(
                "retry",
                "no lock: it starts again afterwards; the second time it waits with what it holds",
                "mm/filemap.c, __folio_lock_or_retry(), of do_swap_page()",
                swap_io_wait = IoWait::Retry
            ),
        ],
    },
    ChoiceInfo {
        name: "swapin",
        summary: "how a fault reads a page from swap",
        values: &[
            value!(
                "cache",
                "to the swap cache, where other faults find it",
                "mm/memory.c, do_swap_page(): swap_cache_get_folio(), swapin_readahead()",
                swapin = Swapin::Cache
            ),
            value!(
                "direct",
                "past the swap cache, if no other entry has the slot, which is pinned meanwhile",
                "mm/memory.c, do_swap_page(): SWP_SYNCHRONOUS_IO; commit 0bcac06f27d7, Linux 4.15",
                swapin = Swapin::Direct
            ),
        ],
    },
    ChoiceInfo {
        name: "expand",
        summary: "under which lock a fault extends a mapping that grows down",
        values: &[
            value!(
                "mmap_write",
                "the mmap lock for writing, and the VMA's",
                "mm/mmap_lock.c, lock_mm_and_find_vma(); Linux 6.5, commits 8d7071af8907 and c137381f71ae",
                expand = Expand::MmapWrite
            ),
            value!(
                "mmap_read",
                "the mmap lock for reading, and the lock of the upper page tables; readers walk the tree under RCU",
                "Linux before 6.5, expand_downwards(); commit 3dd443254941",
                expand = Expand::MmapRead
            ),
        ],
    },
];

impl PartialEq for ValueInfo {
    fn eq(&self, other: &ValueInfo) -> bool {
        self.name == other.name && self.summary == other.summary
    }
}

impl Eq for ValueInfo {}
