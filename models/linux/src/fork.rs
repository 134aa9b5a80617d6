//! Forked processes that answer questions about their memory, and end.
//!
//! ```text
//! parent   fork ------------------ ... ---- wait ---->  Answers
//! child      +-- work(0), work(1), ... _exit     |        ^ shared
//!                   +---- each answer -----------+--------+
//! ```
//! The process is made by the system call alone, without libc's handlers: a thread of a process
//! that has others may do so. One that lives longer, and allocates, is made by libc.
//!
//! # Invariants
//! 1. A child does `work`, which takes no lock and no memory (made by libc: no lock), and leaves by
//!    `_exit`.
//! 2. A thread that forks waits: a child outlives no [`Child`].

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arena::errno;
use seqfault_lang::ops::{Answer, Errno, Fault, Strange};

/// Memory that children write their answers to.
#[derive(Debug)]
pub(super) struct Answers {
    slots: NonNull<Slot>,
    len: usize,
}

/// An answer: what it is, and its value. All zeros is none.
#[derive(Debug, Default)]
#[repr(C)]
struct Slot {
    kind: AtomicU64,
    value: AtomicU64,
}

// SAFETY: all of it is atomic.
unsafe impl Send for Answers {}
// SAFETY: as above.
unsafe impl Sync for Answers {}

impl Answers {
    /// Room for so many.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn new(len: usize) -> Result<Answers, String> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let bytes = Answers::bytes(len);
        // SAFETY: new memory at an address that the kernel chooses; all zeros are slots.
        let found = unsafe { libc::mmap(std::ptr::null_mut(), bytes, prot, flags, -1, 0) };
        if found == libc::MAP_FAILED {
            let error = std::io::Error::last_os_error();
            return Err(format!("memory to share with a child ({error})"));
        }
        let slots = NonNull::new(found.cast()).expect("nothing is mapped at 0");
        Ok(Answers { slots, len })
    }

    /// No mapping is empty.
    fn bytes(len: usize) -> usize {
        len.max(1) * size_of::<Slot>()
    }

    /// How many there is room for.
    pub fn len(&self) -> usize {
        self.len
    }

    fn slots(&self) -> &[Slot] {
        // SAFETY: mapped, page-aligned and initialised until `drop`, and never borrowed mutably.
        unsafe { std::slice::from_raw_parts(self.slots.as_ptr(), self.len) }
    }

    /// Takes the answer of a slot, which is empty afterwards; `None` if there is none.
    pub fn take(&self, slot: usize) -> Option<Answer> {
        let slot = &self.slots()[slot];
        // The child has been waited for.
        let value = slot.value.load(Ordering::Relaxed);
        Some(match slot.kind.swap(0, Ordering::Relaxed) {
            0 => return None,
            WORD => Answer::Word(value),
            OK => Answer::Ok,
            FAULT => Answer::Fault(*Fault::ALL.get(value as usize)?),
            ERRNO => Answer::Errno(Errno::from_number(value)?),
            _ => Answer::Strange(Strange::from_bits(value)),
        })
    }

    /// Puts an answer into its slot.
    ///
    /// # Panics
    /// If it is about an event.
    pub fn put(&self, slot: usize, answer: Answer) {
        let (kind, value) = match answer {
            Answer::Word(word) => (WORD, word),
            Answer::Ok => (OK, 0),
            Answer::Fault(fault) => (FAULT, fault as u64),
            Answer::Errno(errno) => (ERRNO, errno.number()),
            Answer::Strange(strange) => (STRANGE, strange.bits()),
            Answer::Page(_) | Answer::Closed => unreachable!("a child reads no events"),
        };
        let slot = &self.slots()[slot];
        slot.value.store(value, Ordering::Relaxed);
        slot.kind.store(kind, Ordering::Relaxed);
    }
}

const WORD: u64 = 1;
const OK: u64 = 2;
const FAULT: u64 = 3;
const ERRNO: u64 = 4;
const STRANGE: u64 = 5;

impl Drop for Answers {
    fn drop(&mut self) {
        // SAFETY: `new` mapped it, and the borrows of `slots` have ended.
        unsafe { libc::munmap(self.slots.as_ptr().cast(), Answers::bytes(self.len)) };
    }
}

/// A child, which is waited for at the latest when this goes.
#[derive(Debug)]
pub(super) struct Child {
    pid: i32,
}

impl Child {
    /// Forks this thread. The child does `work` and ends.
    ///
    /// # Errors
    /// The kernel's `errno`.
    ///
    /// # Safety
    /// `work` takes no lock and no memory: other threads may have been in the middle of both.
    pub unsafe fn fork(work: impl FnOnce()) -> Result<Child, i32> {
        let flags = libc::SIGCHLD as libc::c_ulong;
        let none: libc::c_ulong = 0;
        // SAFETY: a process of its own, on a copy of this stack; the rest is the caller's.
        let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
        match i32::try_from(pid) {
            Ok(0) => {
                work();
                // SAFETY: it ends the process, without the parent's cleaning up.
                unsafe { libc::_exit(0) }
            }
            Ok(pid) if pid > 0 => Ok(Child { pid }),
            _ => Err(errno()),
        }
    }

    /// Forks this thread by libc, whose allocator the child can use. The child dies with this thread, does
    /// `work` and ends.
    ///
    /// # Errors
    /// The kernel's `errno`.
    ///
    /// # Safety
    /// `work` takes no lock that another thread may have, but for those of libc's allocator.
    pub unsafe fn fork_by_libc(work: impl FnOnce()) -> Result<Child, i32> {
        // SAFETY: getpid cannot fail.
        let parent = unsafe { libc::getpid() };
        // SAFETY: a process of its own, on a copy of this stack; the rest is the caller's.
        match unsafe { libc::fork() } {
            0 => {
                // SAFETY: calls that change nothing but this process, or end it.
                unsafe {
                    libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                    if libc::getppid() != parent {
                        libc::_exit(1);
                    }
                }
                work();
                // SAFETY: it ends the process, without the parent's cleaning up.
                unsafe { libc::_exit(0) }
            }
            pid if pid > 0 => Ok(Child { pid }),
            _ => Err(errno()),
        }
    }
}

impl Drop for Child {
    /// Waits for the child's end. One that ended otherwise than it should has left slots empty.
    fn drop(&mut self) {
        // SAFETY: it is our child, which nobody has waited for.
        while unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) } < 0
            && errno() == libc::EINTR
        {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Arena;
    use seqfault_lang::litmus::ast::Prot;

    #[test]
    fn answers_are_taken_as_they_were_put() {
        let all = [
            Answer::Word(u64::MAX),
            Answer::Ok,
            Answer::MAPERR,
            Answer::ACCERR,
            Answer::Fault(Fault::Bus),
            Answer::Strange(Strange::signal(11, -6)),
            Answer::EEXIST,
            Answer::Strange(Strange::ELSEWHERE),
        ];
        let answers = Answers::new(all.len()).expect("memory");
        for (slot, answer) in all.into_iter().enumerate() {
            assert_eq!(answers.take(slot), None);
            answers.put(slot, answer);
            assert_eq!(answers.take(slot), Some(answer));
            assert_eq!(answers.take(slot), None);
        }
    }

    #[test]
    fn a_child_has_the_values_at_its_fork() {
        let mut arena = Arena::new(2).expect("an arena");
        arena.mmap(0..1, None, Prot::Rw, false, false);
        arena.write(0, 7);
        let answers = Answers::new(3).expect("memory");
        // SAFETY: accesses of an arena and stores to shared memory.
        let child = unsafe {
            Child::fork(|| {
                answers.put(0, arena.read(0));
                answers.put(1, arena.read(1));
                answers.put(2, arena.write(0, 9));
            })
        };
        arena.write(0, 8);
        drop(child.expect("a process"));
        let found = [0, 1, 2].map(|slot| answers.take(slot));
        let maperr = Answer::MAPERR;
        let expected = [Answer::Word(7), maperr, Answer::Ok].map(Some);
        assert_eq!(found, expected);
        assert_eq!(arena.read(0), Answer::Word(8));
    }
}
