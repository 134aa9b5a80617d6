//! Events: the steps that the machine tells of, for timelines and counters.

use crate::types::addr::{PageRange, Vpn};
use crate::types::counters::Counter;
use crate::types::ids::{CpuId, MmId, Pfn, SwapSlot, TableId};
use crate::types::prot::{Access, Prot};
use crate::types::pte::Pte;

/// Which write a read has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WriteSource {
    /// The CPU that wrote.
    pub cpu: CpuId,
    /// Which of its user writes, from 0.
    pub number: u32,
}

/// A lock class, as lock ordering knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum LockClass {
    /// A file's `i_rwsem`: its length.
    Inode,
    /// `mm.mmap_lock`
    Mmap,
    /// A VMA's lock.
    Vma,
    /// The lock of a driver.
    Driver,
    /// The lock of a page: one of a file, or an anonymous one on its way to swap or back.
    Page,
    /// A page of a file that is written to a disk: who waits for it waits for the end.
    Writeback,
    /// A file's `i_mmap_rwsem`: which VMAs map it.
    IMmap,
    /// The lock of an anon_vma: which VMAs may have a page.
    AnonVma,
    /// `mm.page_table_lock`
    Pml,
    /// A page table's lock.
    Ptl,
    /// The lock of the slots of swap, and of the swap cache.
    Swap,
    /// A CPU's RCU read side.
    Rcu,
    /// A CPU's interrupts being off.
    Irq,
}

/// Bits of an instance that say which lock of its address space it is.
const INSTANCE_BITS: u32 = 48;

/// The bit by which instances of anonymous pages differ from those of files' pages.
const ANONYMOUS: u64 = 1 << 63;

impl LockClass {
    /// The instance of lock `number` of an address space.
    pub(crate) const fn in_mm(mm: MmId, number: u64) -> u64 {
        (mm.0 as u64) << INSTANCE_BITS | number
    }

    /// The instance of [`LockClass::Page`] that an anonymous page's lock is.
    pub(crate) const fn of_frame(pfn: Pfn) -> u64 {
        ANONYMOUS | pfn.0 as u64
    }

    /// The anonymous page whose lock this instance of [`LockClass::Page`] is; `None` if it is a file's.
    pub const fn frame(instance: u64) -> Option<Pfn> {
        match instance & ANONYMOUS {
            0 => None,
            _ => Some(Pfn(instance as u32)),
        }
    }

    /// The address space, and the lock's number in it, of an instance of [`LockClass::Mmap`],
    /// [`LockClass::Vma`] or [`LockClass::Pml`].
    pub const fn of_mm(instance: u64) -> (MmId, u64) {
        let number = instance & ((1 << INSTANCE_BITS) - 1);
        (MmId((instance >> INSTANCE_BITS) as usize), number)
    }
}

/// How a lock was taken or left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum LockStep {
    /// About to wait for it, in shared mode or not.
    Waits,
    /// About to try it.
    Tries,
    /// Took it, having waited.
    Locked,
    /// Took it without waiting.
    TryLocked,
    /// It was taken, and the CPU did not wait.
    Busy,
    /// Had it for writing, and keeps it for reading.
    Downgraded,
    /// Left it.
    Unlocked,
}

/// Why a TLB was flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum FlushReason {
    /// This CPU's own change.
    Local,
    /// An IPI from a CPU.
    Ipi(CpuId),
    /// A spurious fault.
    Spurious,
    /// Coming back from lazy mode with an old generation.
    Switch,
}

/// Words of core's own.
pub type Words = &'static str;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum What {
    /// A user read, or the read part of an exchange.
    UserRead {
        /// The page.
        vpn: Vpn,
        /// What was read.
        value: u64,
        /// From which write; `None` is the initial zero, or not known.
        from: Option<WriteSource>,
        /// Through which frame.
        pfn: Pfn,
    },
    /// A user write.
    UserWrite {
        /// The page.
        vpn: Vpn,
        /// What was written.
        value: u64,
        /// Through which frame.
        pfn: Pfn,
    },
    /// An instruction fetch.
    UserExec {
        /// The page.
        vpn: Vpn,
        /// Through which frame.
        pfn: Pfn,
    },
    /// The TLB took a translation.
    TlbFill {
        /// The page.
        vpn: Vpn,
        /// The entry as read.
        pte: Pte,
        /// Not for an access: speculation.
        prefetch: bool,
    },
    /// The TLB dropped all of it, or one range.
    TlbFlush {
        /// The range, or everything.
        range: Option<PageRange>,
        /// Why.
        reason: FlushReason,
        /// The generation that it now has.
        generation: u64,
    },
    /// An access faults on a translation that only another CPU's flush can take away: this
    /// CPU does nothing else until one comes.
    Stuck {
        /// The page.
        vpn: Vpn,
    },
    /// A flush came: see [`What::Stuck`].
    Unstuck {
        /// The page.
        vpn: Vpn,
    },
    /// The TLB dropped one translation by itself.
    TlbEvict {
        /// The page.
        vpn: Vpn,
    },
    /// Hardware set the accessed or dirty bit.
    HwSet {
        /// The page.
        vpn: Vpn,
        /// The entry afterwards.
        pte: Pte,
    },
    /// An access faulted.
    Fault {
        /// The page.
        vpn: Vpn,
        /// The access.
        access: Access,
    },
    /// How a fault found its VMA.
    FaultPath {
        /// In words: "under the VMA lock", "falls back: sequence count changed".
        #[cfg_attr(feature = "serde", serde(deserialize_with = "forever"))]
        how: Words,
    },
    /// Software walked the page tables, and found the leaf table or none.
    Walk {
        /// The page.
        vpn: Vpn,
        /// The leaf table.
        table: Option<TableId>,
        /// What keeps it.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "forever"))]
        kept_by: Words,
    },
    /// A spurious fault: the entry already allows the access.
    Spurious {
        /// The page.
        vpn: Vpn,
    },
    /// The mm's TLB generation was advanced.
    TlbGen {
        /// The new generation.
        generation: u64,
    },
    /// A leaf entry was read by software that changes it.
    PteRead {
        /// The page.
        vpn: Vpn,
        /// What it was.
        pte: Pte,
    },
    /// A leaf entry was changed by software.
    PteSet {
        /// The page.
        vpn: Vpn,
        /// What it was.
        old: Pte,
        /// What it is.
        new: Pte,
    },
    /// A page table was hooked in.
    TableInstalled {
        /// The table.
        table: TableId,
        /// A page that it translates.
        vpn: Vpn,
    },
    /// A page table was unhooked.
    TableRemoved {
        /// The table.
        table: TableId,
        /// A page that it translated.
        vpn: Vpn,
    },
    /// A page table's memory was freed.
    TableFreed {
        /// The table.
        table: TableId,
    },
    /// A page table's own lock was freed.
    PtlFreed {
        /// The table.
        table: TableId,
    },
    /// `fork` goes on to a child's entry.
    Forked {
        /// The child.
        child: MmId,
        /// The page.
        vpn: Vpn,
    },
    /// What follows is in this address space, until the CPU is told to be in another one.
    Visits {
        /// The address space.
        mm: MmId,
    },
    /// A page was copied.
    FrameCopied {
        /// The page.
        vpn: Vpn,
        /// From which frame.
        from: Pfn,
        /// To which frame.
        to: Pfn,
    },
    /// A page of a file was read.
    PageRead {
        /// The page.
        vpn: Vpn,
        /// From which block, which is a frame that is never mapped.
        from: Pfn,
        /// Into which frame.
        to: Pfn,
    },
    /// A page of a file was written to the disk.
    PageWritten {
        /// From which frame.
        from: Pfn,
        /// To which block, which is a frame that is never mapped.
        to: Pfn,
    },
    /// A block of a file was freed: it reads zero.
    BlockFreed {
        /// The frame that stands for it.
        pfn: Pfn,
    },
    /// What a page holds was written to swap.
    SwappedOut {
        /// The page.
        vpn: Vpn,
        /// From which frame.
        pfn: Pfn,
        /// Where to.
        slot: SwapSlot,
    },
    /// A page was read from swap.
    SwappedIn {
        /// The page.
        vpn: Vpn,
        /// To which frame.
        pfn: Pfn,
        /// From where.
        slot: SwapSlot,
    },
    /// A page was freed.
    FrameFreed {
        /// The frame.
        pfn: Pfn,
    },
    /// A VMA became visible, or changed.
    VmaSet {
        /// Its pages.
        range: PageRange,
        /// Its protection.
        prot: Prot,
    },
    /// A VMA was removed.
    VmaRemoved {
        /// Its pages.
        range: PageRange,
    },
    /// A VMA's memory was freed.
    VmaFreed,
    /// A sequence count was read.
    SeqRead {
        /// What it was.
        value: u64,
    },
    /// A sequence count was advanced.
    SeqSet {
        /// What it is.
        value: u64,
    },
    /// A lock was taken or left.
    Lock {
        /// Which class.
        class: LockClass,
        /// Which of its class: a table's number, a CPU's, the address space and the first page
        /// of a VMA ([`LockClass::of_mm`]).
        instance: u64,
        /// How.
        step: LockStep,
    },
    /// A grace period ended.
    GracePeriod,
    /// This CPU left the mm to a kernel thread, or came back.
    Lazy {
        /// Whether it is lazy now.
        lazy: bool,
    },
    /// Something was counted.
    Count(Counter),
}

/// A text that is read, kept for good: events are copied, and there are few texts.
#[cfg(feature = "serde")]
fn forever<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Words, D::Error> {
    let text: alloc::string::String = serde::Deserialize::deserialize(source)?;
    Ok(text.leak())
}

/// Something that a CPU did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    /// The CPU.
    pub cpu: CpuId,
    /// What it did.
    pub what: What,
}
