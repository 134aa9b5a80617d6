//! Where a worker is, in memory that its runner sees too.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use super::share::Tally;

/// Where the worker is: `number` is its sequence, or `u64::MAX` before the first and after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub number: u64,
    pub step: u64,
    /// Grows with every step, those of a sequence that is being shrunk too.
    pub beats: u64,
    pub tally: Tally,
}

#[repr(C)]
struct Words {
    number: AtomicU64,
    step: AtomicU64,
    beats: AtomicU64,
    sequences: AtomicU64,
    ops: AtomicU64,
}

/// The memory: one page, all zeros at first, written by the worker alone.
pub(super) struct Ledger {
    words: NonNull<Words>,
}

const BYTES: usize = 4096;

impl Ledger {
    /// New memory, and the file through which a worker maps it.
    pub fn create() -> io::Result<(Ledger, File)> {
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::memfd_create(c"seqfault-ledger".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and nobody else's.
        let file = unsafe { File::from_raw_fd(fd) };
        file.set_len(BYTES as u64)?;
        Ok((Ledger::map(&file)?, file))
    }

    /// The memory of a file that [`create`](Ledger::create) made.
    pub fn map(file: &impl AsRawFd) -> io::Result<Ledger> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping where the kernel likes it.
        let found = unsafe {
            let fd = file.as_raw_fd();
            libc::mmap(ptr::null_mut(), BYTES, prot, libc::MAP_SHARED, fd, 0)
        };
        if found == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let words = NonNull::new(found.cast::<Words>()).expect("the kernel maps nothing at 0");
        Ok(Ledger { words })
    }

    fn words(&self) -> &Words {
        // SAFETY: the page is mapped until `drop`, is long enough, and any bytes are atomics.
        unsafe { self.words.as_ref() }
    }

    /// Writes down where the worker is.
    pub fn write(&self, number: u64, step: usize, tally: Tally) {
        let words = self.words();
        words.number.store(number, Ordering::Relaxed);
        words.step.store(step as u64, Ordering::Relaxed);
        words.sequences.store(tally.sequences, Ordering::Relaxed);
        words.ops.store(tally.ops, Ordering::Relaxed);
        // Nobody else writes, so this needs no read-modify-write.
        let beats = words.beats.load(Ordering::Relaxed);
        words.beats.store(beats + 1, Ordering::Release);
    }

    /// Where the worker is, or was.
    pub fn read(&self) -> Place {
        let words = self.words();
        let beats = words.beats.load(Ordering::Acquire);
        Place {
            number: words.number.load(Ordering::Relaxed),
            step: words.step.load(Ordering::Relaxed),
            beats,
            tally: Tally {
                sequences: words.sequences.load(Ordering::Relaxed),
                ops: words.ops.load(Ordering::Relaxed),
            },
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `map`, and nothing borrows it any more.
        unsafe { libc::munmap(self.words.as_ptr().cast(), BYTES) };
    }
}
