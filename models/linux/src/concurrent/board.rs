//! Memory that the child and its parent share: where each thread is.
//!
//! A thread writes its own line before each statement, and nothing else; the
//! parent looks, and says when there is to be an end.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Threads that a board has room for.
pub(super) const MAX_THREADS: usize = 16;

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// It has not begun.
    Nothing,
    /// The initial state of an instance.
    Setup(u64),
    /// It waits for the others before an instance.
    Meets(u64),
    /// The statement with this number, in an instance.
    Statement(u64, u8),
    /// It looks at the end of an instance.
    Looks(u64),
}

const NOTHING: u64 = 0;
const SETUP: u64 = 1;
const MEETS: u64 = 2;
const LOOKS: u64 = 3;
/// The first of the numbers that stand for statements.
const STATEMENTS: u64 = 8;
/// The bits of what is done; above them is the instance.
const BITS: u32 = 16;

impl Doing {
    fn encode(self) -> u64 {
        match self {
            Doing::Nothing => NOTHING,
            Doing::Setup(instance) => instance << BITS | SETUP,
            Doing::Meets(instance) => instance << BITS | MEETS,
            Doing::Looks(instance) => instance << BITS | LOOKS,
            Doing::Statement(instance, number) => {
                instance << BITS | (STATEMENTS + u64::from(number))
            }
        }
    }

    fn decode(word: u64) -> Doing {
        let instance = word >> BITS;
        match word & ((1 << BITS) - 1) {
            NOTHING => Doing::Nothing,
            SETUP => Doing::Setup(instance),
            MEETS => Doing::Meets(instance),
            LOOKS => Doing::Looks(instance),
            number => Doing::Statement(instance, (number - STATEMENTS) as u8),
        }
    }
}

/// A cache line of its own for each thread.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line(AtomicU64);

/// What is shared.
#[derive(Debug, Default)]
struct Lines {
    threads: [Line; MAX_THREADS],
    /// How many instances are over.
    over: Line,
    /// Not 0 once the parent wants an end.
    stop: Line,
}

/// The board. A child that is forked has the same one.
#[derive(Debug)]
pub(super) struct Board {
    lines: NonNull<Lines>,
}

// SAFETY: all of `Lines` is atomic.
unsafe impl Sync for Board {}

impl Board {
    /// An empty one.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new() -> std::io::Result<Board> {
        let len = size_of::<Lines>();
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: new memory at an address that the kernel chooses; all zeros are `Lines`.
        let found = unsafe { libc::mmap(std::ptr::null_mut(), len, prot, flags, -1, 0) };
        if found == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let lines = NonNull::new(found.cast()).expect("nothing is mapped at 0");
        Ok(Board { lines })
    }

    fn lines(&self) -> &Lines {
        // SAFETY: mapped, page-aligned and initialised until `drop`, and never borrowed mutably.
        unsafe { self.lines.as_ref() }
    }

    /// A thread is about to do this.
    pub fn note(&self, thread: usize, doing: Doing) {
        self.lines().threads[thread]
            .0
            .store(doing.encode(), Ordering::Relaxed);
    }

    /// What a thread is doing.
    pub fn doing(&self, thread: usize) -> Doing {
        Doing::decode(self.lines().threads[thread].0.load(Ordering::Relaxed))
    }

    /// So many instances are over.
    pub fn set_over(&self, instances: u64) {
        self.lines().over.0.store(instances, Ordering::Relaxed);
    }

    /// How many instances are over.
    pub fn over(&self) -> u64 {
        self.lines().over.0.load(Ordering::Relaxed)
    }

    /// The parent wants an end.
    pub fn stop(&self) {
        self.lines().stop.0.store(1, Ordering::Relaxed);
    }

    /// Whether it does.
    pub fn is_stopped(&self) -> bool {
        self.lines().stop.0.load(Ordering::Relaxed) != 0
    }

    /// Something that changes whenever a thread goes on.
    pub fn pulse(&self) -> [u64; MAX_THREADS] {
        let lines = self.lines();
        std::array::from_fn(|thread| lines.threads[thread].0.load(Ordering::Relaxed))
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // SAFETY: `new` mapped it, and the borrows of `lines` have ended.
        unsafe { libc::munmap(self.lines.as_ptr().cast(), size_of::<Lines>()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read() {
        let board = Board::new().expect("memory");
        assert_eq!(board.doing(1), Doing::Nothing);
        let before = board.pulse();
        for doing in [
            Doing::Setup(7),
            Doing::Meets(1 << 40),
            Doing::Statement(9, 255),
            Doing::Looks(0),
        ] {
            board.note(1, doing);
            assert_eq!(board.doing(1), doing);
        }
        assert_ne!(board.pulse(), before);
        assert_eq!(board.doing(0), Doing::Nothing);
    }
}
