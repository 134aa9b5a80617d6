//! A signal stack for each thread that accesses arenas.

use std::cell::RefCell;
use std::ptr;

/// Its size: the handler needs nothing, the kernel's frame up to 11 kB with AMX, and a fuzzer that
/// reports an unexpected fault what it likes.
const BYTES: usize = 256 << 10;

thread_local! {
    static STACK: RefCell<Option<SignalStack>> = const { RefCell::new(None) };
}

/// Gives this thread a signal stack, once.
pub(super) fn install() {
    STACK.with_borrow_mut(|stack| {
        stack.get_or_insert_with(SignalStack::install);
    });
}

/// The memory of a thread's signal stack.
struct SignalStack {
    _memory: Box<[u8]>,
}

impl SignalStack {
    fn install() -> SignalStack {
        let mut memory = vec![0u8; BYTES].into_boxed_slice();
        let stack = libc::stack_t {
            ss_sp: memory.as_mut_ptr().cast(),
            ss_flags: 0,
            ss_size: BYTES,
        };
        // SAFETY: the memory lives until `drop`, which disables the stack first.
        let result = unsafe { libc::sigaltstack(&stack, ptr::null_mut()) };
        assert_eq!(result, 0, "sigaltstack takes a stack of {BYTES} bytes");
        SignalStack { _memory: memory }
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let none = libc::stack_t {
            ss_sp: ptr::null_mut(),
            ss_flags: libc::SS_DISABLE,
            ss_size: 0,
        };
        // SAFETY: no handler runs on the stack: the thread is here.
        unsafe { libc::sigaltstack(&none, ptr::null_mut()) };
    }
}
