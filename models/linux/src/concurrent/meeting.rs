//! Threads, of one process or of several, that wait for each other, and start together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Turns of a waiting loop before it gives its CPU away.
const PATIENT_SPINS: u32 = 20_000;
/// The same where threads have to share CPUs.
const CROWDED_SPINS: u32 = 50;
/// How often a process looks that waits for a meeting without being there.
const GLANCE: Duration = Duration::from_micros(50);
/// From the last arrival to the start, in cycles: longer than it takes to tell everybody.
const LEAD: u64 = 1_500;

/// The time-stamp counter, which all CPUs share.
pub(super) fn now() -> u64 {
    // SAFETY: every x86-64 CPU has it; where the kernel forbids it to processes the
    // child is killed, and its parent says so.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Waits until `time`, which is a millisecond away at most.
pub(super) fn wait_until(time: u64) {
    while now() < time {
        std::hint::spin_loop();
    }
}

/// A meeting of all threads, again and again. It has no pointers: processes have it in common.
#[derive(Debug)]
pub(super) struct Meeting {
    threads: u64,
    spins: u32,
    /// Arrivals since the beginning.
    arrived: AtomicU64,
    /// When everybody starts after the last meeting.
    start: AtomicU64,
    /// How many meetings are over.
    over: AtomicU64,
}

impl Meeting {
    /// Of so many threads, on so many CPUs.
    pub fn new(threads: usize, cpus: usize) -> Meeting {
        Meeting {
            threads: threads as u64,
            spins: if threads > cpus {
                CROWDED_SPINS
            } else {
                PATIENT_SPINS
            },
            arrived: AtomicU64::new(0),
            start: AtomicU64::new(0),
            over: AtomicU64::new(0),
        }
    }

    /// Waits for the others in the meeting with this number; returns the time of the common start.
    pub fn wait(&self, number: u64) -> u64 {
        self.wait_with(number, 0)
    }

    /// The same, also in the place of so many others, which do not come.
    pub fn wait_with(&self, number: u64, others: u64) -> u64 {
        // What each did before is seen by all behind it: `arrived` takes it to
        // the last one, `over` to the others.
        let before = self.arrived.fetch_add(1 + others, Ordering::AcqRel);
        if before + 1 + others == self.threads * (number + 1) {
            let start = now() + LEAD;
            self.start.store(start, Ordering::Relaxed);
            self.over.store(number + 1, Ordering::Release);
            return start;
        }
        let mut spins = 0;
        while self.over.load(Ordering::Acquire) <= number {
            if spins < self.spins {
                spins += 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        // The next meeting is over only when this thread was there.
        self.start.load(Ordering::Relaxed)
    }

    /// Waits until the meeting with this number is over, without being there.
    pub fn miss(&self, number: u64) {
        while self.over.load(Ordering::Acquire) <= number {
            std::thread::sleep(GLANCE);
        }
    }
}
