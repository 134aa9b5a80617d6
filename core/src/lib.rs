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
//! | what | where |
//! | --- | --- |
//! | which lock makes which field of a VMA stable | `vma` |
//! | the lock order | `mm` |
//! | fault paths, one by one | `fault`, `speculative` |
//! | how a page is copied on write, and what lock that needs | `cow` |
//! | how hardware walks and sets bits | `user` |
//! | what hardware does unasked | `speculation` |
//! | when page tables may be freed | `walk`, `rcu` |
//! | who must be flushed, and when | `gather`, `flush` |
//! | what `fork` shares, and what keeps it apart | `fork` |
//! | what is checked, and why it adds no interleavings | `ghost` |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod addr;
mod choices;
mod counters;
mod cow;
mod cpu;
mod event;
mod fault;
mod flush;
mod fork;
mod frame;
mod gather;
mod ghost;
mod inspect;
mod madvise;
mod mm;
mod mmap;
mod mprotect;
mod mremap;
pub mod platform;
mod pool;
mod prot;
mod protocol;
mod pte;
mod quirk;
mod rcu;
mod speculation;
mod speculative;
mod system;
mod table;
#[cfg(test)]
mod test_platform;
mod tlb;
mod user;
mod violation;
mod vma;
mod vma_tree;
mod walk;

pub use addr::{Geometry, PageRange, Vpn};
pub use choices::{CHOICES, ChoiceInfo, ValueInfo};
pub use counters::{Counter, Counters};
pub use cpu::{Cpu, CpuId, CpuLocal};
pub use event::{Event, FlushReason, LockClass, LockStep, What, WriteSource};
pub use fault::Fault;
pub use frame::Pfn;
pub use inspect::PageState;
pub use mm::MmId;
pub use mmap::{Errno, MmapFlags};
pub use platform::Platform;
pub use prot::{Access, Prot};
pub use protocol::{
    ChoiceError, Dirty, Dontneed, FaultPath, Flush, MprotectWritable, Munmap, Protocol, PtFree,
    Ptl, TlbFault, ZapFlush,
};
pub use pte::Pte;
pub use quirk::{Quirk, Quirks};
pub use speculation::Walker;
pub use system::{Config, System};
pub use table::TableId;
pub use violation::{Invariant, Violation};
