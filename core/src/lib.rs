//! A minimal but real page-fault handling core.
//!
//! Anonymous private memory, shared copy-on-write by processes: VMAs, page tables, TLBs, locks, RCU, system calls
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
//! | which lock makes which field of a VMA stable | `mm::vma` |
//! | the lock order | `mm::space` |
//! | fault paths, one by one | `mm::fault`, `mm::speculative` |
//! | how a page is copied on write, and what lock that needs | `mm::cow` |
//! | how hardware walks and sets bits | `hw::mmu` |
//! | what hardware does unasked | `hw::speculation` |
//! | when page tables may be freed | `mm::tables`, `mm::walk`, `mm::rcu` |
//! | which TLBs must be flushed, and when | `mm::gather`, `mm::flush` |
//! | what `fork` shares, and what keeps it apart | `calls::fork` |
//! | what is checked, and why it adds no interleavings | `ghost` |
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

pub use calls::mmap::MmapFlags;
pub use hw::speculation::Walker;
pub use inspect::PageState;
pub use mm::cpu::{Cpu, CpuLocal};
pub use mm::system::System;
pub use platform::Platform;
pub use types::addr::{Geometry, PageRange, Vpn};
pub use types::choices::{CHOICES, ChoiceError, ChoiceInfo, ValueInfo};
pub use types::config::Config;
pub use types::counters::{Counter, Counters};
pub use types::error::{Errno, Fault};
pub use types::event::{Event, FlushReason, LockClass, LockStep, What, WriteSource};
pub use types::ids::{CpuId, MmId, Pfn, TableId};
pub use types::prot::{Access, Prot};
pub use types::protocol::{
    Dirty, Dontneed, FaultPath, Flush, MprotectWritable, Munmap, Protocol, PtFree, Ptl, TlbFault,
    ZapFlush,
};
pub use types::pte::Pte;
pub use types::quirk::{Quirk, Quirks};
pub use types::violation::{Invariant, Violation};
