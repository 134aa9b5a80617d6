//! Core under shuttle.
//!
//! # Gaps
//! - Sequentially consistent: orderings and fences mean nothing here.
//! - Plain cells tell races by values only.

use std::panic::Location;
use std::sync::PoisonError;
use std::sync::atomic::Ordering as StdOrdering;

use seqfault_core::platform::{Cell, Mutex, RwLock, TryLock, WaitQueue, Word};
use seqfault_core::{CpuId, Event, Platform, Violation, WriteSource};
use shuttle::sync::atomic::{AtomicU64, Ordering};

use super::interleaving;
use super::pointer::NumberedPointer;
use super::recorder::{self, Entry};

/// shuttle's machine.
#[derive(Debug)]
pub struct Shuttle;

impl Platform for Shuttle {
    const CHECKED: bool = true;
    type Word = ShuttleWord;
    type Mutex<T: Send + 'static> = ShuttleMutex<T>;
    type SpinLock<T: Send + 'static> = ShuttleMutex<T>;
    type RwLock<T: Send + Sync + 'static> = ShuttleRwLock<T>;
    type WaitQueue = ShuttleWaitQueue;
    type Cell = ShuttleCell;
    type RcuPointer<T: Send + Sync + 'static> = NumberedPointer<ShuttleWord, T>;

    fn fence(_: Ordering) {}

    fn event(event: Event) {
        interleaving::event(&event);
        recorder::record(Entry::Event(event));
    }

    fn violation(violation: Violation) -> ! {
        recorder::note(violation);
        recorder::over();
        // The scheduler ends the execution here, without a panic.
        loop {
            shuttle::thread::yield_now();
        }
    }

    fn user_word(cpu: CpuId, value: u64) -> u64 {
        recorder::user_word(cpu, value)
    }

    fn user_value(word: u64) -> (u64, Option<WriteSource>) {
        recorder::user_value(word)
    }
}

fn unpoisoned<G>(result: Result<G, PoisonError<G>>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// An atomic of shuttle's.
#[derive(Debug)]
pub struct ShuttleWord(AtomicU64);

/// shuttle warns of weaker orderings, which it cannot explore.
const ALL: Ordering = Ordering::SeqCst;

impl ShuttleWord {
    /// Notes an access that was just made, before another CPU runs.
    #[track_caller]
    fn accessed<R>(&self, is_write: bool, result: R) -> R {
        let object = std::ptr::from_ref(self).cast();
        interleaving::access(object, is_write, Location::caller());
        result
    }
}

impl Word for ShuttleWord {
    fn new(value: u64) -> ShuttleWord {
        ShuttleWord(AtomicU64::new(value))
    }

    fn load(&self, _: Ordering) -> u64 {
        self.accessed(false, self.0.load(ALL))
    }

    fn store(&self, value: u64, _: Ordering) {
        self.0.store(value, ALL);
        self.accessed(true, ());
    }

    fn swap(&self, value: u64, _: Ordering) -> u64 {
        self.accessed(true, self.0.swap(value, ALL))
    }

    fn fetch_add(&self, value: u64, _: Ordering) -> u64 {
        self.accessed(true, self.0.fetch_add(value, ALL))
    }

    fn fetch_sub(&self, value: u64, _: Ordering) -> u64 {
        self.accessed(true, self.0.fetch_sub(value, ALL))
    }

    fn fetch_or(&self, bits: u64, _: Ordering) -> u64 {
        self.accessed(true, self.0.fetch_or(bits, ALL))
    }

    fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        _: Ordering,
        _: Ordering,
    ) -> Result<u64, u64> {
        let result = self.0.compare_exchange(current, new, ALL, ALL);
        self.accessed(result.is_ok(), result)
    }
}

/// A mutex of shuttle's.
#[derive(Debug)]
pub struct ShuttleMutex<T>(shuttle::sync::Mutex<T>);

impl<T: Send + 'static> Mutex<T> for ShuttleMutex<T> {
    type Guard<'a> = shuttle::sync::MutexGuard<'a, T>;

    fn new(value: T) -> ShuttleMutex<T> {
        ShuttleMutex(shuttle::sync::Mutex::new(value))
    }

    fn lock(&self) -> Self::Guard<'_> {
        unpoisoned(self.0.lock())
    }
}

impl<T: Send + 'static> TryLock<T> for ShuttleMutex<T> {
    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.0.try_lock().ok()
    }
}

/// A read-write lock of shuttle's.
#[derive(Debug)]
pub struct ShuttleRwLock<T>(shuttle::sync::RwLock<T>);

impl<T: Send + Sync + 'static> RwLock<T> for ShuttleRwLock<T> {
    type ReadGuard<'a> = shuttle::sync::RwLockReadGuard<'a, T>;
    type WriteGuard<'a> = shuttle::sync::RwLockWriteGuard<'a, T>;

    fn new(value: T) -> ShuttleRwLock<T> {
        ShuttleRwLock(shuttle::sync::RwLock::new(value))
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
}

/// A condition variable of shuttle's.
#[derive(Debug)]
pub struct ShuttleWaitQueue {
    lock: shuttle::sync::Mutex<()>,
    wakeup: shuttle::sync::Condvar,
}

impl WaitQueue for ShuttleWaitQueue {
    fn new() -> ShuttleWaitQueue {
        ShuttleWaitQueue {
            lock: shuttle::sync::Mutex::new(()),
            wakeup: shuttle::sync::Condvar::new(),
        }
    }

    fn wait_until(&self, mut ready: impl FnMut() -> bool) {
        let mut lock = unpoisoned(self.lock.lock());
        while !ready() {
            lock = unpoisoned(self.wakeup.wait(lock));
        }
    }

    fn wake_all(&self) {
        let _lock = unpoisoned(self.lock.lock());
        self.wakeup.notify_all();
    }
}

/// A plain word: all runs on one OS thread, and races show by value only.
#[derive(Debug)]
pub struct ShuttleCell(std::sync::atomic::AtomicU64);

impl Cell for ShuttleCell {
    fn new(value: u64) -> ShuttleCell {
        ShuttleCell(value.into())
    }

    fn get(&self, _: Violation) -> u64 {
        self.0.load(StdOrdering::Relaxed)
    }

    fn set(&self, value: u64, _: Violation) {
        self.0.store(value, StdOrdering::Relaxed);
    }
}
