//! How a user's program enters the kernel.

pub mod access;
pub mod fork;
pub mod madvise;
pub mod mmap;
pub mod mprotect;
pub mod mremap;
