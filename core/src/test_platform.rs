//! A machine for unit tests: one CPU, standard locks, no recording.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use std::sync::{
    Mutex as StdMutex, MutexGuard, RwLock as StdRwLock, RwLockReadGuard, RwLockWriteGuard,
};

use crate::platform::{Cell, Mutex, Platform, RcuPointer, RwLock, TryLock, WaitQueue, Word};
use crate::types::event::Event;
use crate::types::violation::Violation;

/// The machine. It checks, and a violation is a panic.
#[derive(Debug)]
pub struct Alone;

impl Platform for Alone {
    const CHECKED: bool = true;
    type Word = AtomicU64;
    type Mutex<T: Send + 'static> = StdMutex<T>;
    type SpinLock<T: Send + 'static> = StdMutex<T>;
    type RwLock<T: Send + Sync + 'static> = StdRwLock<T>;
    type WaitQueue = Nobody;
    type Rcuwait = Nobody;
    type Cell = AtomicU64;
    type RcuPointer<T: Send + Sync + 'static> = StdMutex<Arc<T>>;

    fn fence(ordering: Ordering) {
        core::sync::atomic::fence(ordering);
    }

    fn event(_: Event) {}

    fn violation(violation: Violation) -> ! {
        panic!("{violation}")
    }
}

impl Word for AtomicU64 {
    fn new(value: u64) -> AtomicU64 {
        AtomicU64::new(value)
    }

    fn load(&self, ordering: Ordering) -> u64 {
        self.load(ordering)
    }

    fn store(&self, value: u64, ordering: Ordering) {
        self.store(value, ordering);
    }

    fn swap(&self, value: u64, ordering: Ordering) -> u64 {
        self.swap(value, ordering)
    }

    fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
        self.fetch_add(value, ordering)
    }

    fn fetch_sub(&self, value: u64, ordering: Ordering) -> u64 {
        self.fetch_sub(value, ordering)
    }

    fn fetch_or(&self, bits: u64, ordering: Ordering) -> u64 {
        self.fetch_or(bits, ordering)
    }

    fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.compare_exchange(current, new, success, failure)
    }
}

impl<T: Send + 'static> Mutex<T> for StdMutex<T> {
    type Guard<'a> = MutexGuard<'a, T>;

    fn new(value: T) -> StdMutex<T> {
        StdMutex::new(value)
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.lock().expect("no test goes on after a violation")
    }
}

impl<T: Send + 'static> TryLock<T> for StdMutex<T> {
    fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.try_lock().ok()
    }
}

impl<T: Send + Sync + 'static> RwLock<T> for StdRwLock<T> {
    type ReadGuard<'a> = RwLockReadGuard<'a, T>;
    type WriteGuard<'a> = RwLockWriteGuard<'a, T>;

    fn new(value: T) -> StdRwLock<T> {
        StdRwLock::new(value)
    }

    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.read().expect("no test goes on after a violation")
    }

    fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        self.try_read().ok()
    }

    fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.write().expect("no test goes on after a violation")
    }

    fn downgrade<'a>(&'a self, guard: RwLockWriteGuard<'a, T>) -> RwLockReadGuard<'a, T> {
        RwLockWriteGuard::downgrade(guard)
    }
}

/// One CPU has no other to wait for.
#[derive(Debug)]
pub struct Nobody;

impl WaitQueue for Nobody {
    fn new() -> Nobody {
        Nobody
    }

    fn wait_until(&self, mut ready: impl FnMut() -> bool) {
        assert!(ready(), "one CPU waits for itself");
    }

    fn wake_all(&self) {}
}

impl Cell for AtomicU64 {
    fn new(value: u64) -> AtomicU64 {
        AtomicU64::new(value)
    }

    fn get(&self, _: Violation) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64, _: Violation) {
        self.store(value, Ordering::Relaxed);
    }
}

impl<T: Send + Sync + 'static> RcuPointer<T> for StdMutex<Arc<T>> {
    fn new(target: Arc<T>) -> StdMutex<Arc<T>> {
        StdMutex::new(target)
    }

    fn load(&self) -> Arc<T> {
        let target = self.lock().expect("no test goes on after a violation");
        target.clone()
    }

    fn store(&self, target: Arc<T>, _: Ordering) {
        *self.lock().expect("no test goes on after a violation") = target;
    }
}
