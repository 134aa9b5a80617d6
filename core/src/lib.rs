//! A minimal but real page-fault handling core.
//!
//! Anonymous private memory, shared copy-on-write by processes, and files, which get longer and shorter: VMAs, page tables, TLBs, locks, RCU, system calls
//! and the fault handler, generic over the machine that they run on
//! ([`Platform`]). Checkers run it with every interleaving; threads run it at
//! full speed; a kernel brings a machine of its own.
//!
//! A [`System`] is a machine with its address spaces; a [`Cpu`] of it runs user
//! accesses ([`Cpu::read`]) and system calls ([`Cpu::mmap`]). A [`Protocol`]
//! is a value for each design choice, each sound alone; a [`Quirk`] is a
//! deviation known to be wrong.
//!
//! # Where to look
//!
//! | wing | what it holds | what it imports |
//! | --- | --- | --- |
//! | `orderings` | the memory orderings, each with the proof that needs it | nothing |
//! | `types` | addresses, numbers, protections, entries, choices, quirks, events | nothing |
//! | [`platform`] | what CPUs share: the machine that core runs on | `types` |
//! | `ghost` | what only the verification needs | those above |
//! | `hw` | CPUs with interrupts and TLBs, frames, page tables, translation | those above |
//! | `mm` | address spaces, VMAs, locks, RCU, faults, flushes | those above |
//! | `calls` | one file for each system call, and user accesses | those above |
//! | `inspect` | a machine that is at rest: what is mapped, and whether all is accounted for | those above |
//!
//! | question | where |
//! | --- | --- |
//! | how a VMA is locked | `mm::vma`, `mm::vma_lock` |
//! | the lock order | `mm::space` |
//! | fault paths, one by one | `mm::fault`, `mm::speculative` |
//! | how a mapping grows under a fault, and what stops it | `mm::stack` |
//! | how the heap gets longer and shorter | `calls::brk` |
//! | which page a first access gets, and whether a write may go to it | `mm::backing` |
//! | where the pages of files are | `mm::file`, `mm::page_cache` |
//! | how a page of a file comes and goes | `mm::file_fault`, `calls::truncate` |
//! | which pages a read fault maps beside its own | `mm::fault_around` |
//! | how a page of a file is read from a disk, and what waits meanwhile | `mm::file_io` |
//! | how a page of a file becomes dirty, is written back, and leaves memory | `mm::writeback`, `hw::account`, `calls::msync`, `mm::file_reclaim` |
//! | who maps a file, and when that is known | `mm::i_mmap` |
//! | which mappings may have an anonymous page, and when that is known | `mm::anon_vma` |
//! | how a page goes to swap, and comes back | `calls::reclaim`, `mm::swap_in` |
//! | what stays in memory | `calls::mlock` |
//! | what a slot of swap is, and the swap cache | `mm::swap` |
//! | how swap is switched off | `calls::swapoff` |
//! | when a flush of reclaim is pending | `mm::batch` |
//! | what calls a driver, under which lock, and what guards its state | `mm::driver`, `mm::driver_fault` |
//! | how a page is copied on write, and what lock that needs | `mm::cow` |
//! | what is told when an entry of a page comes or goes, and what a reference is | `mm::rmap` |
//! | what an entry is at which level, and which pages it translates | `types::pte`, `mm::ptl` |
//! | how hardware walks and sets bits | `hw::mmu` |
//! | what hardware does unasked | `hw::speculation` |
//! | when page tables may be freed | `mm::tables`, `mm::walk`, `mm::rcu` |
//! | which TLBs must be flushed, and when | `mm::gather`, `mm::flush` |
//! | what `fork` shares, and what keeps it apart | `calls::fork` |
//! | how a monitor goes through VMAs, and what it may find | `mm::monitor` |
//! | what is checked, and why it adds no interleavings | `ghost` |
//!
//! # Which lock makes what stable, readable, writable
//!
//! *Stable*: what is read under it stays until it is left. *Read besides*: what code may read
//! without, and how it finds out whether it held. *Any CPU* means a read-modify-write that needs no
//! lock. Ghost state is not in the table: it adds no interleavings.
//!
//! | object | field | stable under | read besides | written under |
//! | --- | --- | --- | --- | --- |
//! | `Mm` | `Mmap::tree`, `Mmap::seq`, `Mmap::heap_end` | mmap lock | - | mmap write lock |
//! | | `tree` (what readers see) | mmap lock; `expand=mmap_read`: mmap write lock, or pml | under RCU: an old tree stays whole | mmap write lock; `expand=mmap_read`: or mmap read lock and pml |
//! | | `seq` | mmap lock | by any CPU, which compares it | mmap write lock |
//! | | `root`, `cpumask` | always, while CPUs run | - | before CPUs run |
//! | | `tlb_gen`, `flush_pending`, `tlb_flush_batched` | - | by any CPU | any CPU |
//! | file in memory, where all keep their length | which pages it has | always | - | before CPUs run |
//! | `PageCache` | `size` | the inode lock; if it is behind the page, that page's lock until an entry is set (T3) | by any CPU | the inode lock |
//! | | `Slot::pfn`, and whether it was read | the page's lock | by any CPU, as a value | the page's lock |
//! | | a block on the disk | the page's lock, and its writeback (D4) | - | the page's lock, while it is not written back; its writeback |
//! | | `Slot::writeback` | the page's lock, while it is not held | - | begins: the page's lock |
//! | | `i_mmap` | its lock | - | its write lock |
//! | `AnonVma` | `links` | its root's lock | - | its root's write lock |
//! | `Swap` | counts, pages of the cache, pins | its lock; a count besides the ptl of an entry that has the slot (S1), a page of the cache besides its own lock (S2) | - | its lock |
//! | | `users` | its lock; the map of slots is there as long as one is counted, or an entry has a slot (S6) | - | its lock |
//! | | content of a slot | the lock of its page, or its pin | - | the lock of its page |
//! | `Driver` | `mappings` | its lock; or its callers' mmap lock, which will not do where there are two of them (R3) | - | the same |
//! | `Vma` | `start`, `end`, `prot` | mmap lock, or the VMA's read lock | under RCU: the sequence count is checked, or the VMA looked up again, under ptl; monitors compare what they read with the tree | mmap write lock and the VMA's write lock; `rcu_fault`: before it can be found, but for `prot` of a new VMA, which allows nothing until then |
//! | | `anon` | if it is not zero, as the others; else the mmap write lock | as the others | once pml, with the mmap lock for reading at least (A5); else as the others |
//! | | `seq` | the VMA's read lock, or mmap write lock | - | mmap write lock, with readers excluded |
//! | | `detached` (`vma_lock`) | the VMA's read lock | - | the VMA's write lock |
//! | | `refcnt` (`vma_refcnt`) | - | by any CPU | any CPU |
//! | `Node` | all | always | - | before it can be found |
//! | page table | entry of a table above the leaves, none to a table | pml | by walkers, kept by RCU, by interrupts that are off, or by a lock | pml, and the mmap lock or the VMA's read lock |
//! | | the same, a table to none | mmap lock or the VMA's read lock, if a VMA is there and no zap reclaims; else the table's ptl, if the entry is looked at under it | by walkers, as above | `munmap`: the mmap lock, no VMA being there; a reclaiming zap: pml and the table's ptl |
//! | | leaf entry: frame, R, W, X | ptl | by walkers: hardware translates by what it finds | ptl |
//! | | leaf entry: accessed, dirty | - | by walkers | hardware at any time; software under ptl |
//! | | `Slots` | ptl | - | ptl |
//! | `Frame` | `word` | a reference, if it is shared (C1) | by users, through a translation | users, through a translation; the kernel before an entry maps it |
//! | | `anon` | an entry that maps it, or its lock | - | before its first entry comes, or its lock |
//! | | `entries` | if it is not zero, the lock of its anon_vma keeps that in use (A2) | - | the ptl of the entry that comes or goes |
//! | | `refcount` | the ptl of an entry that maps it, if it is 1 | - | up: the ptl of an entry that maps it, or before an entry does; down: any CPU |
//! | `Account` | `dirty` | the page's lock | - | the page's lock |
//! | | `entries` | the page's lock, if there are none | by any CPU | up: the page's lock, or the ptl of another entry; down: any CPU, after its flush (D3) |
//! | CPU | TLB: entries, `generation`, `lazy`, `stuck` | the CPU's irq lock | - | the CPU's irq lock |
//! | | `PerCpu::lazy` | the CPU itself | by any CPU, with fences (see `mm::flush`) | the CPU itself |
//! | | `CpuLocal` | the CPU itself | - | the CPU itself |
//! | reserves of free frames and tables | all | their own lock | - | their own lock |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod calls;
mod ghost;
mod hw;
mod inspect;
mod mm;
mod orderings;
pub mod platform;
#[cfg(test)]
mod test_platform;
mod types;

pub use calls::mmap::{MmapFile, MmapFlags};
pub use hw::speculation::Walker;
pub use inspect::PageState;
pub use mm::cpu::{Cpu, CpuLocal};
pub use mm::system::System;
pub use platform::Platform;
pub use types::addr::{Geometry, PageRange, Vpn};
pub use types::choices::{CHOICES, ChoiceInfo, ValueInfo};
pub use types::choosing::ChoiceError;
pub use types::config::{Config, FileStart};
pub use types::counters::{Counter, Counters};
pub use types::error::{Errno, Fault};
pub use types::event::{Event, FlushReason, LockClass, LockStep, What, WriteSource};
pub use types::ids::{CpuId, FileId, FilePage, MmId, Pfn, SwapSlot, TableId};
pub use types::prot::{Access, Prot};
pub use types::protocol::{
    Dirty, Dontneed, Expand, FaultPath, Flush, IoWait, MprotectWritable, Munmap, Protocol, PtFree,
    Ptl, Smaps, Swapin, TlbFault, ZapFlush,
};
pub use types::pte::Pte;
pub use types::quirk::Quirk;
pub use types::quirks::Quirks;
pub use types::violation::{Invariant, Violation};
