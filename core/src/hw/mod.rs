//! The machine: CPUs with interrupts and TLBs, page frames, page tables, and how accesses are
//! translated.
//!
//! What is here knows no VMA and no address space: an [`Mmu`](mmu::Mmu) has the number of a top
//! page table, as a CPU has it in a register. Page tables stand here with their locks, which live
//! in their memory, but how they are taken is told in [`mm`](crate::mm). It imports
//! [`types`](crate::types), [`platform`](crate::platform) and [`ghost`](crate::ghost).

pub mod account;
pub mod frame;
pub mod interrupt;
pub mod machine;
pub mod mmu;
pub mod pool;
pub mod speculation;
pub mod table;
pub mod tlb;
