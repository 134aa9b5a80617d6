//! Core on the host's threads.
//!
//! # Gaps
//! - Only what happens is seen.
//! - The pointer to the VMA tree is published with a full ordering, whatever
//!   core asks for.
//! - Plain cells tell races by values only, and are atomics, so that a broken
//!   protocol is a wrong result and not undefined behaviour.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex as StdMutex, PoisonError, RwLock as StdRwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use seqfault_core::platform::{Cell, Mutex, RcuPointer, RwLock, TryLock, WaitQueue, Word};
use seqfault_core::{Event, Invariant, Platform, Violation};

use super::recorder::{self, Entry};

/// The host, with ghost state and checks or without.
#[derive(Debug)]
pub struct Native<const CHECKED: bool = true>;

/// A CPU has found a violation: those who wait for it give up.
static VIOLATED: AtomicBool = AtomicBool::new(false);

/// How many CPUs neither have ended nor wait on a queue.
static RUNNING: AtomicU64 = AtomicU64::new(0);

impl Native {
    /// An execution of so many CPUs begins.
    pub(crate) fn begin(cpus: usize) {
        VIOLATED.store(false, Ordering::Relaxed);
        RUNNING.store(cpus as u64, Ordering::Relaxed);
    }

    /// A CPU has ended.
    pub(crate) fn ended() {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<const CHECKED: bool> Platform for Native<CHECKED> {
    const CHECKED: bool = CHECKED;
    type Word = NativeWord;
    type Mutex<T: Send + 'static> = NativeMutex<T>;
    type SpinLock<T: Send + 'static> = NativeMutex<T>;
    type RwLock<T: Send + Sync + 'static> = NativeRwLock<T>;
    type WaitQueue = NativeWaitQueue;
    type Rcuwait = NativeWaitQueue;
    type Cell = NativeCell;
    type RcuPointer<T: Send + Sync + 'static> = NativeRcuPointer<T>;

    fn fence(ordering: Ordering) {
        std::sync::atomic::fence(ordering);
    }

    fn event(event: Event) {
        if CHECKED {
            recorder::record(Entry::Event(event));
        }
    }

    fn violation(violation: Violation) -> ! {
        VIOLATED.store(true, Ordering::Relaxed);
        recorder::violation(violation)
    }
}

fn unpoisoned<G>(result: Result<G, PoisonError<G>>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// An atomic.
#[derive(Debug)]
pub struct NativeWord(AtomicU64);

impl Word for NativeWord {
    fn new(value: u64) -> NativeWord {
        NativeWord(AtomicU64::new(value))
    }

    fn load(&self, ordering: Ordering) -> u64 {
        self.0.load(ordering)
    }

    fn store(&self, value: u64, ordering: Ordering) {
        self.0.store(value, ordering);
    }

    fn swap(&self, value: u64, ordering: Ordering) -> u64 {
        self.0.swap(value, ordering)
    }

    fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
        self.0.fetch_add(value, ordering)
    }

    fn fetch_sub(&self, value: u64, ordering: Ordering) -> u64 {
        self.0.fetch_sub(value, ordering)
    }

    fn fetch_or(&self, bits: u64, ordering: Ordering) -> u64 {
        self.0.fetch_or(bits, ordering)
    }

    fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0.compare_exchange(current, new, success, failure)
    }
}

/// A mutex.
#[derive(Debug)]
pub struct NativeMutex<T>(StdMutex<T>);

impl<T: Send + 'static> Mutex<T> for NativeMutex<T> {
    type Guard<'a> = std::sync::MutexGuard<'a, T>;

    fn new(value: T) -> NativeMutex<T> {
        NativeMutex(StdMutex::new(value))
    }

    fn lock(&self) -> Self::Guard<'_> {
        unpoisoned(self.0.lock())
    }
}

impl<T: Send + 'static> TryLock<T> for NativeMutex<T> {
    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.0.try_lock().ok()
    }
}

/// A read-write lock.
#[derive(Debug)]
pub struct NativeRwLock<T>(StdRwLock<T>);

impl<T: Send + Sync + 'static> RwLock<T> for NativeRwLock<T> {
    type ReadGuard<'a> = std::sync::RwLockReadGuard<'a, T>;
    type WriteGuard<'a> = std::sync::RwLockWriteGuard<'a, T>;

    fn new(value: T) -> NativeRwLock<T> {
        NativeRwLock(StdRwLock::new(value))
    }

    fn read(&self) -> Self::ReadGuard<'_> {
        unpoisoned(self.0.read())
    }

    fn try_read(&self) -> Option<Self::ReadGuard<'_>> {
        self.0.try_read().ok()
    }

    fn write(&self) -> Self::WriteGuard<'_> {
        unpoisoned(self.0.write())
    }

    fn downgrade<'a>(&'a self, guard: Self::WriteGuard<'a>) -> Self::ReadGuard<'a> {
        std::sync::RwLockWriteGuard::downgrade(guard)
    }
}

/// A condition variable.
#[derive(Debug)]
pub struct NativeWaitQueue {
    lock: StdMutex<()>,
    wakeup: Condvar,
}

/// How often a thread that waits looks whether the execution has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// So often in turn no thread runs: then none will end a wait. One that was woken runs before that.
const LOOKS_AT_NOBODY: u32 = 50;

const NOBODY_RUNS: Violation = Violation {
    invariant: Invariant::Deadlock,
    what: "every CPU that has not ended waits for another",
};

impl WaitQueue for NativeWaitQueue {
    fn new() -> NativeWaitQueue {
        NativeWaitQueue {
            lock: StdMutex::new(()),
            wakeup: Condvar::new(),
        }
    }

    fn wait_until(&self, mut ready: impl FnMut() -> bool) {
        let mut lock = unpoisoned(self.lock.lock());
        let mut alone = 0;
        while !ready() {
            if VIOLATED.load(Ordering::Relaxed) {
                drop(lock);
                std::panic::resume_unwind(Box::new(recorder::Stop));
            }
            if alone == LOOKS_AT_NOBODY {
                drop(lock);
                <Native as Platform>::violation(NOBODY_RUNS);
            }
            let nobody = RUNNING.fetch_sub(1, Ordering::Relaxed) == 1;
            alone = if nobody { alone + 1 } else { 0 };
            lock = unpoisoned(self.wakeup.wait_timeout(lock, LOOK_AGAIN)).0;
            RUNNING.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn wake_all(&self) {
        let _lock = unpoisoned(self.lock.lock());
        self.wakeup.notify_all();
    }
}

/// A plain word.
#[derive(Debug)]
pub struct NativeCell(AtomicU64);

impl Cell for NativeCell {
    fn new(value: u64) -> NativeCell {
        NativeCell(AtomicU64::new(value))
    }

    fn get(&self, _: Violation) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64, _: Violation) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// A pointer.
#[derive(Debug)]
pub struct NativeRcuPointer<T>(ArcSwap<T>);

impl<T: Send + Sync + 'static> RcuPointer<T> for NativeRcuPointer<T> {
    fn new(target: Arc<T>) -> NativeRcuPointer<T> {
        NativeRcuPointer(ArcSwap::new(target))
    }

    fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    fn store(&self, target: Arc<T>, _: Ordering) {
        self.0.store(target);
    }
}
