//! Another thread of the same address space, which changes mappings that no test looks at.
//!
//! It takes `mmap_lock`, and interrupts the other CPUs for TLB flushes.

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::arena::PAGE;
use seqfault_lang::random::Random;

/// How many pages.
const PAGES: usize = 16;
/// The longest pause between two calls.
const LONGEST_PAUSE_NS: u64 = 100_000;
/// How often it looks whether it is time.
const GLANCE: Duration = Duration::from_millis(1);

/// When there is to be noise.
#[derive(Debug, Default)]
pub(super) struct Noise {
    on: AtomicBool,
    over: AtomicBool,
}

impl Noise {
    /// From now on.
    pub fn begin(&self) {
        self.on.store(true, Ordering::Relaxed);
    }

    /// No more.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Makes it, until its end.
    pub fn make(&self, seed: u64) {
        let mut random = Random::new(seed);
        let len = PAGES * PAGE;
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: new memory, which only the calls below know of.
        let memory = unsafe { libc::mmap(ptr::null_mut(), len, prot, flags, -1, 0) };
        if memory == libc::MAP_FAILED {
            return;
        }
        while !self.over.load(Ordering::Relaxed) {
            if !self.on.load(Ordering::Relaxed) {
                std::thread::sleep(GLANCE);
                continue;
            }
            let page = memory.wrapping_byte_add(random.within(0..PAGES) * PAGE);
            // SAFETY: the page is in `memory`; it is written to only while it is writable.
            unsafe {
                match random.number() % 3 {
                    0 => {
                        libc::mprotect(page, PAGE, libc::PROT_READ);
                        libc::mprotect(page, PAGE, prot);
                    }
                    1 => {
                        libc::madvise(page, PAGE, libc::MADV_DONTNEED);
                    }
                    _ => page.cast::<u64>().write_volatile(1),
                }
            }
            let pause = random.number() % LONGEST_PAUSE_NS;
            std::thread::sleep(Duration::from_nanos(pause));
        }
        // SAFETY: nobody has it any more.
        unsafe { libc::munmap(memory, len) };
    }
}
