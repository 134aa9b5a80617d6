//! How a user's program enters the kernel: one file for each system call, and one for the accesses
//! that may fault.
//!
//! A call takes locks, and asks [`mm`](crate::mm) for each step; it imports no other call.

use crate::mm::cpu::Cpu;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::error::Errno;

pub mod access;
pub mod brk;
pub mod fork;
pub mod guard;
pub mod madvise;
pub mod maps;
pub mod mincore;
pub mod mlock;
pub mod mmap;
pub mod mprotect;
pub mod mremap;
pub mod msync;
pub mod munmap;
pub mod reclaim;
pub mod swapoff;
pub mod truncate;

impl<P: Platform> Cpu<'_, P> {
    /// Whether `range` is one that can be asked for.
    fn check_range(&self, range: PageRange) -> Result<(), Errno> {
        if range.is_empty() || range.end.0 > self.sys.geometry().len_pages() {
            return Err(Errno::Inval);
        }
        Ok(())
    }
}
