//! System calls on a window's pages.

use std::ops::Range;

use super::super::answer::failed;
use super::{Arena, PAGE, errno};
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Bytes, Strange};
use seqfault_spec::seq::Call;
use smallvec::{SmallVec, smallvec};

impl Arena {
    /// Address and length of pages, as whole pages or otherwise.
    fn span(&self, pages: &Range<usize>, bytes: Option<Bytes>) -> (usize, usize) {
        let (start, end) = (self.address(pages.start), self.address(pages.end));
        let len = end.saturating_sub(start);
        match bytes {
            None => (start, len),
            Some(Bytes::Short) => (start, len - (PAGE - 1)),
            Some(Bytes::Empty) => (start, 0),
            Some(Bytes::Unaligned) => (start + 8, len),
            Some(Bytes::Wrapping) => (start, usize::MAX - start + 1 + PAGE),
        }
    }

    /// Maps anonymous private memory.
    pub fn mmap(
        &mut self,
        pages: Range<usize>,
        bytes: Option<Bytes>,
        prot: Prot,
        populate: bool,
        noreplace: bool,
    ) -> Answer {
        let source = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        self.map(&pages, bytes, prot, source, (populate, noreplace))
    }

    /// Maps anonymous private memory that a fault below it extends.
    pub(crate) fn mmap_growsdown(
        &mut self,
        pages: &Range<usize>,
        bytes: Option<Bytes>,
        prot: Prot,
        populate_noreplace: (bool, bool),
    ) -> Answer {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_GROWSDOWN;
        self.map(pages, bytes, prot, (flags, -1, 0), populate_noreplace)
    }

    /// Maps `source`: flags that say of what kind it is, the file, and where in it.
    pub(crate) fn map(
        &mut self,
        pages: &Range<usize>,
        bytes: Option<Bytes>,
        prot: Prot,
        (mut flags, file, offset): (i32, i32, libc::off_t),
        (populate, noreplace): (bool, bool),
    ) -> Answer {
        let (start, len) = self.span(pages, bytes);
        flags |= if noreplace {
            libc::MAP_FIXED_NOREPLACE
        } else {
            libc::MAP_FIXED
        };
        if populate {
            flags |= libc::MAP_POPULATE;
        }
        // SAFETY: invariant 2; nothing of Rust's is in the window.
        unsafe {
            let wanted = start as *mut libc::c_void;
            let found = libc::mmap(wanted, len, host_prot(prot), flags, file, offset);
            if found == wanted {
                return Answer::Ok;
            }
            if found == libc::MAP_FAILED {
                return failed(errno());
            }
            libc::munmap(found, len);
        }
        Answer::Strange(Strange::ELSEWHERE)
    }

    /// Unmaps.
    pub fn munmap(&mut self, pages: Range<usize>, bytes: Option<Bytes>) -> Answer {
        let (start, len) = self.span(&pages, bytes);
        // SAFETY: invariant 2; nothing of Rust's is in the window.
        answer(unsafe { libc::munmap(start as *mut libc::c_void, len) })
    }

    /// Moves pages to the places of others. With `dontunmap` their mapping stays.
    pub fn mremap(
        &mut self,
        from: &Range<usize>,
        to: &Range<usize>,
        dontunmap: bool,
        bytes: Option<Bytes>,
    ) -> Answer {
        let ((old, len), (new, new_len)) = (self.span(from, bytes), self.span(to, bytes));
        let mut flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        if dontunmap {
            flags |= libc::MREMAP_DONTUNMAP;
        }
        let (old, new) = (old as *mut libc::c_void, new as *mut libc::c_void);
        // SAFETY: invariant 2; nothing of Rust's is in the window.
        match unsafe { libc::mremap(old, len, new_len, flags, new) } {
            libc::MAP_FAILED => failed(errno()),
            found if found == new => Answer::Ok,
            _ => Answer::Strange(Strange::ELSEWHERE),
        }
    }

    /// Changes a protection.
    pub fn mprotect(&mut self, pages: Range<usize>, bytes: Option<Bytes>, prot: Prot) -> Answer {
        let (start, len) = self.span(&pages, bytes);
        // SAFETY: invariant 2; nothing of Rust's is in the window.
        answer(unsafe { libc::mprotect(start as *mut libc::c_void, len, host_prot(prot)) })
    }

    /// Locks pages in memory.
    pub fn mlock(&mut self, pages: &Range<usize>, bytes: Option<Bytes>) -> Answer {
        let (start, len) = self.span(pages, bytes);
        // SAFETY: it brings pages in, and changes nothing that is mapped.
        answer(unsafe { libc::mlock(start as *const libc::c_void, len) })
    }

    /// Lets them go.
    pub fn munlock(&mut self, pages: &Range<usize>, bytes: Option<Bytes>) -> Answer {
        let (start, len) = self.span(pages, bytes);
        // SAFETY: as above.
        answer(unsafe { libc::munlock(start as *const libc::c_void, len) })
    }

    /// Writes what pages show of files, and waits for it.
    pub fn msync(&self, pages: &Range<usize>, bytes: Option<Bytes>) -> Answer {
        let (start, len) = self.span(pages, bytes);
        // SAFETY: it writes what is mapped to files, and changes nothing that is mapped.
        answer(unsafe { libc::msync(start as *mut libc::c_void, len, libc::MS_SYNC) })
    }

    /// Gives advice: one of libc's `MADV_*`.
    pub fn madvise(&mut self, pages: Range<usize>, bytes: Option<Bytes>, advice: i32) -> Answer {
        let (start, len) = self.span(&pages, bytes);
        // SAFETY: invariant 2; nothing of Rust's is in the window.
        answer(unsafe { libc::madvise(start as *mut libc::c_void, len, advice) })
    }

    /// What `maps` or `smaps` answers, or what the host lacks for it; `None` if `op` is neither.
    pub(crate) fn monitored(&mut self, op: &Call) -> Option<Result<u64, String>> {
        let addresses = |pages: &Range<usize>| self.address(pages.start)..self.address(pages.end);
        match op {
            Call::Maps { pages } => Some(self.monitor.maps(addresses(pages))),
            Call::Smaps { pages } => Some(self.monitor.smaps(addresses(pages))),
            _ => None,
        }
    }

    /// Counts pages that are in memory.
    pub fn mincore(&self, pages: &Range<usize>, bytes: Option<Bytes>) -> Answer {
        let (start, len) = self.span(pages, bytes);
        let mut found: SmallVec<[u8; 64]> = smallvec![0; pages.len()];
        // SAFETY: it has a byte for each of the pages, and of a length that wraps the kernel answers
        // before it writes.
        match unsafe { libc::mincore(start as *mut libc::c_void, len, found.as_mut_ptr()) } {
            0 => Answer::Word(found.iter().filter(|page| **page & 1 != 0).count() as u64),
            _ => failed(errno()),
        }
    }
}

/// The protection as the host takes it.
fn host_prot(prot: Prot) -> i32 {
    match prot {
        Prot::None => libc::PROT_NONE,
        Prot::R => libc::PROT_READ,
        Prot::Rw => libc::PROT_READ | libc::PROT_WRITE,
        Prot::Rx => libc::PROT_READ | libc::PROT_EXEC,
        Prot::Rwx => libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
    }
}

fn answer(result: i32) -> Answer {
    if result == 0 {
        Answer::Ok
    } else {
        failed(errno())
    }
}
