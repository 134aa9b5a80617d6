//! User accesses through the host's MMU that survive their faults.
//!
//! ```text
//! load8(address) ---> value, 0
//!        |
//!      fault ---> kernel ---> signal handler: is the saved RIP in the block, or in an arena?
//!                                |  yes: value = si_addr, status = signal | code << 8,
//!                                |       registers as the caller had them, `ret`
//!                                +  no: report, and the process ends
//! ```
//! The handler never returns to the kernel: it takes the callee-saved registers and
//! the stack pointer from the signal frame and returns from the access in the
//! place of the instruction that faulted. Nothing is shared between threads, so any number of
//! them may fault at once; each has a signal stack of its own.
//!
//! # Invariants
//! 1. An access touches its address with one instruction, at offset 0 of the stack frame: the
//!    return address is on top of the stack whenever it faults.
//! 2. `exec` jumps to zero bytes, which are `add [rax], al`, with a `rax` that no mapping can
//!    have. What it was allowed to fetch so ends in a general protection fault, with nothing
//!    changed; what it was not ends in a page fault at the address itself.
//! 3. Addresses are those of an [`Arena`](super::arena::Arena), where Rust knows of no memory.

mod stack;
mod x86_64;

use seqfault_lang::ops::{Answer, Fault, Strange};

/// The right of a thread to access arenas. Its faults find a signal stack.
#[derive(Debug)]
pub(super) struct Accessor {
    /// It belongs to the thread that made it.
    _thread: std::marker::PhantomData<*mut ()>,
}

/// Takes the signals of faults, if need be again: what other engines run on (the generators of
/// loom and shuttle) takes them for itself when it is first used.
pub(super) fn take_signals() {
    x86_64::install();
}

impl Accessor {
    /// Makes this thread, and the process, ready.
    pub(super) fn new() -> Accessor {
        take_signals();
        stack::install();
        Accessor {
            _thread: std::marker::PhantomData,
        }
    }

    /// Reads the word at `address`.
    ///
    /// # Safety
    /// `address` is in an arena.
    pub(super) unsafe fn read(&self, address: usize) -> Answer {
        // SAFETY: invariant 3 is the caller's; a fault comes back as a status.
        let raw = unsafe { x86_64::seqfault_load8(address) };
        raw.fault().unwrap_or(Answer::Word(raw.value))
    }

    /// Writes `value` to the word at `address`.
    ///
    /// # Safety
    /// `address` is in an arena.
    pub(super) unsafe fn write(&self, address: usize, value: u64) -> Answer {
        // SAFETY: as in `read`.
        let raw = unsafe { x86_64::seqfault_store8(address, value) };
        raw.fault().unwrap_or(Answer::Ok)
    }

    /// Exchanges the word at `address` with `value`.
    ///
    /// # Safety
    /// `address` is in an arena.
    pub(super) unsafe fn xchg(&self, address: usize, value: u64) -> Answer {
        // SAFETY: as in `read`.
        let raw = unsafe { x86_64::seqfault_xchg8(address, value) };
        raw.fault().unwrap_or(Answer::Word(raw.value))
    }

    /// Executes the instruction at `address`.
    ///
    /// # Safety
    /// `address` is in an arena, and the two bytes there are 0.
    pub(super) unsafe fn exec(&self, address: usize) -> Answer {
        // SAFETY: invariants 2 and 3 are the caller's.
        let raw = unsafe { x86_64::seqfault_exec(address) };
        match raw.fault() {
            Some(Answer::Strange(x86_64::EXECUTED)) => Answer::Ok,
            Some(fault) => fault,
            None => unreachable!("`exec` ends in a fault"),
        }
    }
}

impl x86_64::Raw {
    /// The fault, if there was one.
    fn fault(&self) -> Option<Answer> {
        if self.status == 0 {
            return None;
        }
        let signal = (self.status & 0xff) as i32;
        let code = (self.status >> 8) as u32 as i32;
        Some(match (signal, code) {
            (libc::SIGSEGV, SEGV_MAPERR) => Answer::MAPERR,
            (libc::SIGSEGV, SEGV_ACCERR) => Answer::ACCERR,
            (libc::SIGBUS, _) => Answer::Fault(Fault::Bus),
            _ => Answer::Strange(Strange::signal(signal as u8, code)),
        })
    }
}

/// `si_code` of a fault where nothing is mapped.
const SEGV_MAPERR: i32 = 1;
/// `si_code` of a fault that the mapping's protection causes.
const SEGV_ACCERR: i32 = 2;
