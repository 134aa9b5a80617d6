//! Addresses of the process where only a test's pages are.
//!
//! ```text
//! 0x2000_0000_0000   arena 0: the window's pages, nothing behind them
//! 0x2001_0000_0000   arena 1
//! ...                64 of them, for threads that run tests at once
//! ```
//! Neither the program, nor libc, nor thread stacks are placed here, so what a
//! test leaves unmapped stays unmapped, and its mappings merge with none but its own.
//! AddressSanitizer keeps its shadow below 0x1000_7fff_8000, and its heap above 0x5000_0000_0000.
//!
//! # Invariants
//! 1. An arena's addresses belong to one [`Arena`] at a time, and to the threads that it gave
//!    a [`Key`].
//! 2. Calls whose arguments are whole pages stay inside the window. Others are given
//!    so that the kernel must refuse them, or round them to such pages.

mod calls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::access::{Accessor, take_signals};
use super::files::Files;
use super::monitor::Monitor;
use super::probe::uapi;
use seqfault_lang::ops::{Answer, Backing, Bytes};
use seqfault_spec::seq::Call;

/// The first arena's first address.
pub(super) const ARENAS_START: usize = 0x2000_0000_0000;
/// From an arena's first address to the next one's.
const STRIDE: usize = 1 << 32;
/// How many arenas there can be at once.
const ARENAS: u32 = u64::BITS;
/// Behind the last arena's addresses.
pub(super) const ARENAS_END: usize = ARENAS_START + ARENAS as usize * STRIDE;
/// The size of a page.
pub(super) const PAGE: usize = 4096;
/// How many pages one page table maps.
pub(super) const TABLE_PAGES: usize = 512;
/// How many pages a window may have: behind them the arena stays empty.
pub(super) const MAX_PAGES: usize = STRIDE / PAGE / 2;
/// Where in a page `exec` finds its instruction: the word is at 0, all else stays 0.
const CODE: usize = PAGE / 2;

/// The arenas that are taken, by bit.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// A window of pages, nothing mapped at first, used by one thread.
#[derive(Debug)]
pub struct Arena {
    /// The arena, if this is who took it.
    number: Option<u32>,
    base: usize,
    pages: usize,
    accessor: Accessor,
    /// What mappings of files are of.
    files: Arc<Files>,
    monitor: Monitor,
}

impl Arena {
    /// A window of `pages` pages.
    ///
    /// # Errors
    /// What the host lacks: a free arena, or free addresses there.
    pub fn new(pages: usize) -> Result<Arena, String> {
        if pages > MAX_PAGES {
            return Err(format!("a window of fewer than {pages} pages"));
        }
        let take = |taken: u64| Some(taken | 1 << taken.trailing_ones().min(ARENAS - 1));
        let taken = TAKEN
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take)
            .unwrap_or(u64::MAX);
        let number = taken.trailing_ones();
        if number == ARENAS {
            return Err(format!("fewer than {ARENAS} tests at once"));
        }
        let arena = Arena {
            number: Some(number),
            base: ARENAS_START + number as usize * STRIDE,
            pages,
            accessor: Accessor::new(),
            files: Arc::default(),
            monitor: Monitor::default(),
        };
        match arena.is_free() {
            true => Ok(arena),
            false => Err(format!("free addresses from {:#x} on", arena.base)),
        }
    }

    /// The right of other threads to the same window.
    pub(super) fn key(&self) -> Key<'_> {
        Key {
            base: self.base,
            pages: self.pages,
            files: &self.files,
        }
    }

    /// From now on mappings are of these files, by the numbers of their pages.
    pub(super) fn set_files(&mut self, files: Files) {
        self.files = Arc::new(files);
    }

    /// Gives the files their first words again.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn renew_files(&self) -> std::io::Result<()> {
        self.files.renew()
    }

    /// The files that mappings are of.
    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// Whether nothing is mapped in all of the arena.
    fn is_free(&self) -> bool {
        let flags = libc::MAP_PRIVATE
            | libc::MAP_ANONYMOUS
            | libc::MAP_NORESERVE
            | libc::MAP_FIXED_NOREPLACE;
        // SAFETY: it replaces nothing, and is unmapped again.
        unsafe {
            let wanted = self.base as *mut libc::c_void;
            let found = libc::mmap(wanted, STRIDE, libc::PROT_NONE, flags, -1, 0);
            if found != libc::MAP_FAILED {
                libc::munmap(found, STRIDE);
            }
            found == wanted
        }
    }

    /// How many pages it has.
    pub fn len_pages(&self) -> usize {
        self.pages
    }

    /// The address of a page.
    pub(super) fn address(&self, page: usize) -> usize {
        assert!(page <= self.pages, "page {page} is outside the window");
        self.base + page * PAGE
    }

    /// Unmaps everything. The signals of faults come here again, if another runtime took them meanwhile.
    pub fn reset(&mut self) {
        take_signals();
        let answer = self.munmap(0..self.pages, None);
        assert_eq!(answer, Answer::Ok, "the window can be unmapped");
    }

    /// Does an operation, whose range is given as `bytes` if not as whole pages; `None` if that is
    /// nothing to ask a kernel for by a window alone.
    pub fn apply(&mut self, op: &Call, bytes: Option<Bytes>) -> Option<Answer> {
        Some(match op {
            Call::Read { page } => self.read(*page),
            Call::Write { page, word: value } => self.write(*page, *value),
            Call::Xchg { page, word: value } => self.xchg(*page, *value),
            Call::Exec { page } => self.exec(*page),
            Call::Mmap {
                pages,
                prot,
                populate,
                noreplace,
                backing: Backing::Anon,
            } => self.mmap(pages.clone(), bytes, *prot, *populate, *noreplace),
            Call::Mmap {
                pages,
                prot,
                populate,
                noreplace,
                backing: Backing::Growsdown,
            } => self.mmap_growsdown(pages, bytes, *prot, (*populate, *noreplace)),
            Call::Mmap {
                pages,
                prot,
                populate,
                noreplace,
                backing: backing @ (Backing::PrivateFile(at) | Backing::SharedFile(at)),
            } => {
                let (file, offset) = self.files.find(*at)?;
                let flag = match backing {
                    Backing::SharedFile(_) => libc::MAP_SHARED,
                    _ => libc::MAP_PRIVATE,
                };
                let source = (flag, file, offset);
                self.map(pages, bytes, *prot, source, (*populate, *noreplace))
            }
            Call::Truncate { file, len } => self.files.truncate(*file, *len)?,
            Call::Punch { page } => self.files.punch(*page)?,
            Call::Munmap { pages } => self.munmap(pages.clone(), bytes),
            Call::Mremap {
                from,
                to,
                dontunmap,
            } => self.mremap(from, to, *dontunmap, bytes),
            Call::Mprotect { pages, prot } => self.mprotect(pages.clone(), bytes, *prot),
            Call::Mlock { pages } => self.mlock(pages, bytes),
            Call::Munlock { pages } => self.munlock(pages, bytes),
            Call::Msync { pages } => self.msync(pages, bytes),
            Call::Writeback { page } => {
                // Where nothing is mapped there is nothing to write.
                self.msync(&(*page..*page + 1), bytes);
                Answer::Ok
            }
            Call::Dontneed { pages } => self.madvise(pages.clone(), bytes, libc::MADV_DONTNEED),
            Call::Cold { pages } => self.madvise(pages.clone(), bytes, libc::MADV_COLD),
            Call::Pageout { pages } => self.madvise(pages.clone(), bytes, libc::MADV_PAGEOUT),
            Call::GuardInstall { pages } => {
                self.madvise(pages.clone(), bytes, uapi::MADV_GUARD_INSTALL)
            }
            Call::GuardRemove { pages } => {
                self.madvise(pages.clone(), bytes, uapi::MADV_GUARD_REMOVE)
            }
            Call::Reclaim { page } => {
                // Where nothing is mapped there is nothing to reclaim.
                self.madvise(*page..*page + 1, bytes, libc::MADV_PAGEOUT);
                Answer::Ok
            }
            Call::Free { pages } => self.madvise(pages.clone(), bytes, libc::MADV_FREE),
            Call::Willneed { pages } => self.madvise(pages.clone(), bytes, libc::MADV_WILLNEED),
            Call::PopulateRead { pages } => {
                self.madvise(pages.clone(), bytes, libc::MADV_POPULATE_READ)
            }
            Call::PopulateWrite { pages } => {
                self.madvise(pages.clone(), bytes, libc::MADV_POPULATE_WRITE)
            }
            Call::Mincore { pages } => self.mincore(pages, bytes),
            Call::Maps { .. } | Call::Smaps { .. } => Answer::Word(self.monitored(op)?.ok()?),
            Call::Prefetch { page } => self.prefetch(*page),
            // What only a model has: no time passes between a CPU's statements that would matter.
            Call::SwitchLazy {} | Call::RcuBarrier {} | Call::Evict { .. } => Answer::Ok,
            _ => return None,
        })
    }

    /// Prefetches the page's word: the CPU may fill its TLB, and never faults.
    pub fn prefetch(&self, page: usize) -> Answer {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = self.word(page) as *const i8;
        // SAFETY: a prefetch of any address changes nothing that a program can see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
        Answer::Ok
    }

    /// Reads the page's word.
    pub fn read(&self, page: usize) -> Answer {
        // SAFETY: the address is this arena's.
        unsafe { self.accessor.read(self.word(page)) }
    }

    /// What a read of the page would return where nothing grows: where mappings do (`grows`), a read of a hole could
    /// extend one.
    pub(super) fn shown(&self, page: usize, grows: bool) -> Answer {
        match grows && self.mincore(&(page..page + 1), None) == Answer::ENOMEM {
            true => Answer::MAPERR,
            false => self.read(page),
        }
    }

    /// Writes the page's word.
    pub fn write(&mut self, page: usize, value: u64) -> Answer {
        // SAFETY: the address is this arena's.
        unsafe { self.accessor.write(self.word(page), value) }
    }

    /// Exchanges the page's word.
    pub fn xchg(&mut self, page: usize, value: u64) -> Answer {
        // SAFETY: the address is this arena's.
        unsafe { self.accessor.xchg(self.word(page), value) }
    }

    /// Executes an instruction in the page.
    pub fn exec(&self, page: usize) -> Answer {
        // SAFETY: the address is this arena's, and nothing but words is ever written.
        unsafe { self.accessor.exec(self.word(page) + CODE) }
    }

    fn word(&self, page: usize) -> usize {
        assert!(page < self.pages, "page {page} is outside the window");
        self.base + page * PAGE
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.reset();
            TAKEN.fetch_and(!(1 << number), Ordering::AcqRel);
        }
    }
}

/// The right of another thread to a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    base: usize,
    pages: usize,
    files: &'a Arc<Files>,
}

impl Key<'_> {
    /// Uses the window on this thread.
    pub fn open<R>(self, work: impl FnOnce(&mut Arena) -> R) -> R {
        work(&mut Arena {
            number: None,
            base: self.base,
            pages: self.pages,
            accessor: Accessor::new(),
            files: self.files.clone(),
            monitor: Monitor::default(),
        })
    }
}

/// The errno of the call that failed last.
pub(super) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::observe::Observer;
    use super::*;
    use seqfault_lang::litmus::ast::Prot;

    fn skipped(lacks: &str) {
        // Past the capture of a passing test's output: a skipped test must be seen.
        let _ = writeln!(std::io::stderr(), "skipped: needs {lacks}");
    }

    #[test]
    fn mincore_finds_what_was_touched() {
        let (mut arena, observer) = match (Arena::new(3), Observer::new()) {
            (Ok(arena), Ok(observer)) => (arena, observer),
            (Err(lacks), _) | (_, Err(lacks)) => return skipped(&lacks),
        };
        super::super::host::without_huge_pages();
        assert_eq!(arena.mmap(0..2, None, Prot::Rw, false, false), Answer::Ok);
        let residents = |arena: &Arena| {
            let (mut vmas, mut residents) = (Vec::new(), Vec::new());
            observer.vmas(arena, &mut vmas);
            let answer = observer.residents(arena, &vmas, &mut residents);
            answer.expect("they are mapped");
            residents
        };
        assert_eq!(residents(&arena), [0, 0, 0]);
        arena.write(1, 1);
        assert_eq!(residents(&arena), [0, 1, 0]);
        arena.read(0);
        arena.madvise(1..2, None, libc::MADV_DONTNEED);
        assert_eq!(residents(&arena), [1, 0, 0]);
        arena.reset();
    }
}
