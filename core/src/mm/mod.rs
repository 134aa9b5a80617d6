//! Memory management: what the kernel keeps for each address space, and the protocols that change
//! it.
//!
//! First the objects: [`space`] (an address space), [`vma`] and [`vma_tree`], [`system`] (a machine
//! with its address spaces), [`file`] and [`page_cache`], [`driver`], [`swap`], [`anon_vma`], and [`cpu`] (a CPU that works on one of them). Then what holds them
//! still: [`mmap_lock`], [`vma_lock`], [`i_mmap`], [`ptl`], [`walk`], [`rcu`]. Then what changes them: [`vmas`],
//! [`tables`], [`fault`] with [`speculative`], [`backing`], [`file_fault`], [`file_io`], [`writeback`], [`file_reclaim`], [`driver_fault`], [`swap_in`] and [`cow`], [`rmap`], [`populate`], [`unmap`]; and what
//! ends a change: [`gather`], [`flush`], [`batch`]. It imports [`hw`](crate::hw) and what that imports; no two files
//! import each other.

pub mod anon_vma;
pub mod backing;
pub mod batch;
pub mod cow;
pub mod cpu;
pub mod driver;
pub mod driver_fault;
pub mod fault;
pub mod fault_around;
pub mod file;
pub mod file_fault;
pub mod file_io;
pub mod file_reclaim;
pub mod flush;
pub mod gather;
pub mod i_mmap;
pub mod mmap_lock;
pub mod monitor;
pub mod page_cache;
pub mod page_lock;
pub mod populate;
pub mod ptl;
pub mod rcu;
pub mod rmap;
pub mod space;
pub mod speculative;
pub mod stack;
pub mod swap;
pub mod swap_in;
pub mod system;
pub mod tables;
pub mod unmap;
pub mod vma;
pub mod vma_lock;
pub mod vma_tree;
pub mod vmas;
pub mod walk;
pub mod writeback;
