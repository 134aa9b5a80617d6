//! Coroutines on pooled stacks.
//!
//! The only module that switches stacks. Under AddressSanitizer corosensei tells it of each
//! switch (its feature `sanitizer`), and takes away what marks a stack had before it is used
//! again.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use corosensei::stack::{DefaultStack, Stack as _};
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::driver::Program;

/// How a thread's function ended.
pub(crate) type Ending = Result<(), Box<dyn Any + Send>>;

/// A thread that can be continued.
pub(crate) struct Fiber {
    inner: Coroutine<(), (), Ending, DefaultStack>,
    /// Where its stack begins, and where it ends.
    base: usize,
    limit: usize,
    /// How far the stack was used when it was suspended.
    top: usize,
}

/// What is on the stack of a coroutine that is suspended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames {
    top: usize,
    bytes: Vec<u8>,
}

thread_local! {
    static YIELDER: Cell<*const Yielder<(), ()>> = const { Cell::new(ptr::null()) };
    /// The address of something in the frame that is suspended.
    static TOP: Cell<usize> = const { Cell::new(0) };
}

/// Stacks that are not in use.
#[derive(Default)]
pub(crate) struct StackPool {
    free: Vec<DefaultStack>,
    size: usize,
}

impl StackPool {
    pub(crate) fn new(size: usize) -> StackPool {
        StackPool {
            free: Vec::new(),
            size,
        }
    }

    /// A coroutine that will run a function, which lies on its stack: each owner on the
    /// way there would cost a part of the unwinding.
    pub(crate) fn fiber<F: FnOnce() + 'static>(&mut self, body: F) -> Fiber {
        assert!(
            size_of::<F>() <= self.size / 2,
            "a model thread captures {} bytes: too many for a stack of {}",
            size_of::<F>(),
            self.size
        );
        let stack = self.free.pop().unwrap_or_else(|| {
            DefaultStack::new(self.size).expect("memory for the stack of a model thread")
        });
        let (base, limit) = (stack.base().get(), stack.limit().get());
        let inner = Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
            YIELDER.set(yielder);
            // A cancelled coroutine is unwound up to here. It may return then: for
            // corosensei's own payload to go on would take a second unwinding.
            catch_unwind(AssertUnwindSafe(body))
        });
        Fiber {
            inner,
            base,
            limit,
            top: base,
        }
    }

    /// As [`StackPool::fiber`], for a program that is there as long as the coroutine: one
    /// that is abandoned keeps what it has captured.
    pub(crate) fn main(&mut self, program: &Program, end: impl FnOnce() + 'static) -> Fiber {
        let program: *const (dyn Fn() + Send + Sync) = &raw const **program;
        self.fiber(move || {
            // SAFETY: `driver::run` borrows the program until it has discarded the run, and
            // nothing resumes a coroutine after that.
            unsafe { (*program)() };
            end();
        })
    }

    /// Keeps the stack of a coroutine that has ended.
    pub(crate) fn recycle(&mut self, fiber: Fiber) {
        self.free.push(fiber.inner.into_stack());
    }

    /// Unwinds what is left of a coroutine, and keeps its stack.
    pub(crate) fn unwind(&mut self, mut fiber: Fiber) {
        fiber.inner.force_unwind();
        self.recycle(fiber);
    }

    /// Keeps the stack of a coroutine whose frames are forgotten: nothing of it runs any
    /// more, and what it owns is leaked.
    pub(crate) fn abandon(&mut self, mut fiber: Fiber) {
        // SAFETY: every thread that could refer to the frames belongs to the same run, and all
        // threads of a run are abandoned together; `thread::spawn` takes nothing that is
        // borrowed. A program answers itself for what it has shown to the outside of a run: a
        // rule of the crate.
        unsafe { fiber.inner.force_reset() };
        self.recycle(fiber);
    }
}

impl Fiber {
    /// Continues until the thread suspends itself, or ends.
    pub(crate) fn resume(&mut self, yielder: &mut YielderSlot) -> Option<Ending> {
        YIELDER.set(yielder.0);
        let result = self.inner.resume(());
        yielder.0 = YIELDER.replace(ptr::null());
        match result {
            CoroutineResult::Yield(()) => {
                self.top = TOP.get();
                None
            }
            CoroutineResult::Return(ending) => Some(ending),
        }
    }
}

/// What a switch of stacks may leave beyond the frame that asks for it: registers, and
/// addresses to return to.
const SWITCH: usize = 256;
/// What corosensei keeps where a stack begins: how the coroutine starts, and where it was resumed
/// from.
const LINK: usize = 16;
/// The page at the end of a stack that no access may touch.
const GUARD: usize = 4096;

impl Fiber {
    /// What is on the stack. Two that are equal go on alike, if nothing else has changed.
    pub(crate) fn frames(&self) -> Frames {
        let from = (self.top - SWITCH).max(self.limit + GUARD);
        let mut bytes = vec![0; self.base - LINK - from];
        // SAFETY: the coroutine is suspended, so that nothing changes its stack, which is
        // mapped from its guard page to its base. The other side is as long.
        unsafe { copy(from as *const u8, bytes.as_mut_ptr(), bytes.len()) };
        Frames {
            top: self.top,
            bytes,
        }
    }
}

/// Copies memory as it is: some of it may never have been written, or be marked by
/// AddressSanitizer.
///
/// # Safety
/// As for [`ptr::copy_nonoverlapping`], but for that.
#[cfg(target_arch = "x86_64")]
unsafe fn copy(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: as the caller promises; the direction flag is clear wherever Rust code runs.
    unsafe {
        std::arch::asm!(
            "rep movsb",
            inout("rcx") count => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags)
        );
    }
}

/// Copies memory as it is.
///
/// # Safety
/// As for [`ptr::copy_nonoverlapping`], but some of it may never have been written.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn copy(from: *const u8, to: *mut u8, count: usize) {
    for at in 0..count {
        // SAFETY: as the caller promises; a volatile read takes what the memory holds.
        unsafe { to.add(at).write(from.add(at).read_volatile()) };
    }
}

/// Clears what calls that are over have left beyond the frame that calls this: as much as
/// there is from it to where [`suspend`] switches stacks.
#[inline(never)]
pub(crate) fn scrub() {
    let mut beyond = [0_u8; 2048];
    std::hint::black_box(&mut beyond);
}

/// The way back out of a coroutine, kept while it is suspended.
pub(crate) struct YielderSlot(*const Yielder<(), ()>);

impl Default for YielderSlot {
    fn default() -> Self {
        YielderSlot(ptr::null())
    }
}

/// Suspends the coroutine that is running.
///
/// # Panics
/// Outside of one.
pub(crate) fn suspend() {
    let yielder = YIELDER.get();
    assert!(
        !yielder.is_null(),
        "only a thread of a running model can wait"
    );
    let mark = 0_u8;
    TOP.set((&raw const mark).addr());
    // SAFETY: `resume` sets the pointer to the yielder of the coroutine that it
    // continues, and to null when that one stops running. The yielder lives on
    // the coroutine's stack, below everything that can call this function.
    unsafe { (*yielder).suspend(()) };
    YIELDER.set(yielder);
}
