//! The accesses and the signal handler, for x86-64.

use std::arch::global_asm;
use std::mem::{self, offset_of};
use std::ptr;

use crate::arena::{ARENAS_END, ARENAS_START};
use seqfault_lang::ops::Strange;

/// What an access leaves in `rax` and `rdx`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Raw {
    /// The word, or the address that faulted.
    pub(super) value: u64,
    /// 0, or the signal and its code.
    pub(super) status: u64,
}

/// How `exec` ends when it was allowed: a general protection fault (`SI_KERNEL`).
pub(super) const EXECUTED: Strange = Strange::signal(libc::SIGSEGV as u8, 0x80);

unsafe extern "sysv64" {
    /// Reads.
    pub(super) fn seqfault_load8(address: usize) -> Raw;
    /// Writes.
    pub(super) fn seqfault_store8(address: usize, value: u64) -> Raw;
    /// Exchanges.
    pub(super) fn seqfault_xchg8(address: usize, value: u64) -> Raw;
    /// Executes; `value` is the address that faulted.
    pub(super) fn seqfault_exec(address: usize) -> Raw;
    /// The signal handler.
    fn seqfault_signal();
}

/// The offset of a saved register in the signal frame.
const fn saved(register: i32) -> usize {
    let gregs = offset_of!(libc::mcontext_t, gregs);
    offset_of!(libc::ucontext_t, uc_mcontext) + gregs + 8 * register as usize
}

/// The offset of `si_addr` in a `siginfo_t`.
const SI_ADDR: usize = 16;

global_asm!(
    ".pushsection .text.seqfault_access, \"ax\", @progbits",
    ".balign 64",
    ".globl seqfault_load8, seqfault_store8, seqfault_xchg8, seqfault_exec, seqfault_signal",
    ".hidden seqfault_load8, seqfault_store8, seqfault_xchg8, seqfault_exec, seqfault_signal",
    "seqfault_load8:",
    "mov rax, [rdi]",
    "xor edx, edx",
    "ret",
    "seqfault_store8:",
    "mov [rdi], rsi",
    "xor edx, edx",
    "ret",
    "seqfault_xchg8:",
    "mov rax, rsi",
    "xchg [rdi], rax",
    "xor edx, edx",
    "ret",
    // A non-canonical address, low byte 0: what is added to it would change nothing either.
    "seqfault_exec:",
    "movabs rax, 0x8000000000000000",
    "jmp rdi",
    "seqfault_accesses_end:",
    "ud2",
    // rdi: signal, rsi: siginfo_t, rdx: ucontext_t
    "seqfault_signal:",
    "mov rax, [rdx + {rip}]",
    "lea rcx, [rip + seqfault_load8]",
    "cmp rax, rcx",
    "jb 2f",
    "lea rcx, [rip + seqfault_accesses_end]",
    "cmp rax, rcx",
    "jb 3f",
    "2:",
    "movabs rcx, {arenas_start}",
    "cmp rax, rcx",
    "jb {unexpected}",
    "movabs rcx, {arenas_end}",
    "cmp rax, rcx",
    "jae {unexpected}",
    "3:",
    "mov ecx, [rsi + {si_code}]",
    "shl rcx, 8",
    "or ecx, edi",
    "mov rax, [rsi + {si_addr}]",
    "mov rbx, [rdx + {rbx}]",
    "mov rbp, [rdx + {rbp}]",
    "mov r12, [rdx + {r12}]",
    "mov r13, [rdx + {r13}]",
    "mov r14, [rdx + {r14}]",
    "mov r15, [rdx + {r15}]",
    "mov rsp, [rdx + {rsp}]",
    "mov rdx, rcx",
    "ret",
    ".popsection",
    rip = const saved(libc::REG_RIP),
    rbx = const saved(libc::REG_RBX),
    rbp = const saved(libc::REG_RBP),
    r12 = const saved(libc::REG_R12),
    r13 = const saved(libc::REG_R13),
    r14 = const saved(libc::REG_R14),
    r15 = const saved(libc::REG_R15),
    rsp = const saved(libc::REG_RSP),
    si_code = const offset_of!(libc::siginfo_t, si_code),
    si_addr = const SI_ADDR,
    arenas_start = const ARENAS_START,
    arenas_end = const ARENAS_END,
    unexpected = sym unexpected,
);

/// Installs the handler where it is not, in the place of whichever there is.
pub(super) fn install() {
    let ours = seqfault_signal as *const () as usize;
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        if handler(signal) == ours {
            continue;
        }
        // SAFETY: all zeros is a `sigaction`: no handler, no flags, no signal masked.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = ours;
        // The handler does not return, so the signal must not stay blocked.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        // SAFETY: the handler is as `SA_SIGINFO` wants it; for what is not
        // from an access it ends the process.
        let result = unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
        assert_eq!(result, 0, "signal {signal} can be handled");
    }
}

/// Who handles a signal.
fn handler(signal: i32) -> usize {
    // SAFETY: all zeros is a `sigaction`.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: it changes nothing, and `action` has room for the answer. A signal handler may do so.
    unsafe { libc::sigaction(signal, ptr::null(), &mut action) };
    action.sa_sigaction
}

/// A fault that no access caused: says so, and ends the process. A fuzzer, which handles the
/// signal of an abort, hears of it and keeps the input.
unsafe extern "sysv64" fn unexpected(
    signal: i32,
    info: *const libc::siginfo_t,
    context: *const libc::ucontext_t,
) -> ! {
    // SAFETY: the kernel gives both to a handler with `SA_SIGINFO`.
    let (address, rip) = unsafe {
        let rip = (*context).uc_mcontext.gregs[libc::REG_RIP as usize];
        ((*info).si_addr() as usize, rip)
    };
    let mut line = Line::default();
    line.text(b"seqfault: signal ");
    line.hex(signal as u64);
    line.text(b" at address ");
    line.hex(address as u64);
    line.text(b" by the instruction at ");
    line.hex(rip as u64);
    line.text(b", which is no access of a test\n");
    // SAFETY: only calls that a signal handler may make.
    unsafe {
        libc::write(2, line.bytes.as_ptr().cast(), line.len);
        if ![libc::SIG_DFL, libc::SIG_IGN].contains(&handler(libc::SIGABRT)) {
            libc::raise(libc::SIGABRT);
        }
        libc::_exit(UNEXPECTED_STATUS)
    }
}

/// The exit status after a fault that no access caused.
const UNEXPECTED_STATUS: i32 = 134;

/// A line of text without memory from an allocator, which may be what failed.
struct Line {
    bytes: [u8; 200],
    len: usize,
}

impl Default for Line {
    fn default() -> Line {
        Line {
            bytes: [0; 200],
            len: 0,
        }
    }
}

impl Line {
    fn text(&mut self, text: &[u8]) {
        for &byte in text {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
        }
    }

    fn hex(&mut self, number: u64) {
        self.text(b"0x");
        let digits = (64 - number.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            let nibble = (number >> (4 * digit) & 15) as usize;
            self.text(&b"0123456789abcdef"[nibble..=nibble]);
        }
    }
}
