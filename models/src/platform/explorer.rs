//! Core under the explorer: every execution of the memory model, once.
//!
//! # Gaps
//! - Load buffering is not explored, as RC11 does not have it.
//!
//! What runs before the CPUs start is run directly, on initial values: it is no
//! part of the executions.

use std::sync::atomic::{AtomicU64, Ordering as StdOrdering};
use std::sync::{Mutex as StdMutex, PoisonError, RwLock as StdRwLock};

use seqfault_core::platform::{Cell, Mutex, RwLock, TryLock, WaitQueue, Word};
use seqfault_core::{CpuId, Event, Platform, Violation, WriteSource};
use seqfault_explorer as explorer;
use seqfault_explorer::graph::event::Order;
use seqfault_explorer::ops::{self, Object};
use seqfault_explorer::sync::atomic::Ordering;

use super::guards::Guard;
use super::pointer::NumberedPointer;
use super::recorder::{self, Entry, in_finale};

/// the explorer's machine.
#[derive(Debug)]
pub struct Explorer;

impl Platform for Explorer {
    const CHECKED: bool = true;
    type Word = ExplorerWord;
    type Mutex<T: Send + 'static> = ExplorerMutex<T>;
    type SpinLock<T: Send + 'static> = ExplorerMutex<T>;
    type RwLock<T: Send + Sync + 'static> = ExplorerRwLock<T>;
    type WaitQueue = ExplorerWaitQueue;
    type Cell = ExplorerCell;
    type RcuPointer<T: Send + Sync + 'static> = NumberedPointer<ExplorerWord, T>;

    fn fence(ordering: Ordering) {
        if !in_finale() {
            explorer::sync::atomic::fence(ordering);
        }
    }

    fn event(event: Event) {
        recorder::record(Entry::Event(event));
    }

    fn violation(violation: Violation) -> ! {
        recorder::violation(violation)
    }

    fn user_word(cpu: CpuId, value: u64) -> u64 {
        recorder::user_word(cpu, value)
    }

    fn user_value(word: u64) -> (u64, Option<WriteSource>) {
        recorder::user_value(word)
    }
}

/// A word: its value before the CPUs start, and a location of the explorer's.
#[derive(Debug)]
pub struct ExplorerWord {
    object: Object,
    initial: AtomicU64,
}

impl ExplorerWord {
    fn initial(&self) -> u64 {
        self.initial.load(StdOrdering::Relaxed)
    }

    #[track_caller]
    fn rmw(&self, ordering: Ordering, new: impl Fn(u64) -> u64) -> u64 {
        let initial = self.initial();
        if in_finale() {
            self.initial.store(new(initial), StdOrdering::Relaxed);
            return initial;
        }
        let update = |old| Some(new(old));
        ops::rmw(&self.object, initial, Order::of(ordering), update).unwrap_or_else(|old| old)
    }
}

impl Word for ExplorerWord {
    fn new(value: u64) -> ExplorerWord {
        ExplorerWord {
            object: Object::new(),
            initial: AtomicU64::new(value),
        }
    }

    fn load(&self, ordering: Ordering) -> u64 {
        if in_finale() {
            self.initial()
        } else {
            ops::load(&self.object, self.initial(), Order::of(ordering))
        }
    }

    fn store(&self, value: u64, ordering: Ordering) {
        if in_finale() {
            self.initial.store(value, StdOrdering::Relaxed);
        } else {
            ops::store(&self.object, self.initial(), value, Order::of(ordering));
        }
    }

    fn swap(&self, value: u64, ordering: Ordering) -> u64 {
        self.rmw(ordering, |_| value)
    }

    fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
        self.rmw(ordering, |old| old.wrapping_add(value))
    }

    fn fetch_sub(&self, value: u64, ordering: Ordering) -> u64 {
        self.rmw(ordering, |old| old.wrapping_sub(value))
    }

    fn fetch_or(&self, bits: u64, ordering: Ordering) -> u64 {
        self.rmw(ordering, |old| old | bits)
    }

    fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let initial = self.initial();
        if in_finale() {
            if initial != current {
                return Err(initial);
            }
            self.initial.store(new, StdOrdering::Relaxed);
            return Ok(initial);
        }
        let (success, failure) = (Order::of(success), Order::of(failure));
        ops::compare_exchange(&self.object, initial, (current, new), success, failure)
    }
}

/// A mutex of the explorer's.
#[derive(Debug)]
pub struct ExplorerMutex<T> {
    checked: explorer::sync::Mutex<()>,
    data: StdMutex<T>,
}

type CheckedGuard<'a> = explorer::sync::MutexGuard<'a, ()>;

impl<T> ExplorerMutex<T> {
    fn guard<'a>(
        &'a self,
        checked: Option<CheckedGuard<'a>>,
    ) -> Guard<std::sync::MutexGuard<'a, T>, CheckedGuard<'a>> {
        let data = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        Guard::new(data, checked)
    }
}

impl<T: Send + 'static> Mutex<T> for ExplorerMutex<T> {
    type Guard<'a> = Guard<std::sync::MutexGuard<'a, T>, CheckedGuard<'a>>;

    fn new(value: T) -> ExplorerMutex<T> {
        ExplorerMutex {
            checked: explorer::sync::Mutex::new(()),
            data: StdMutex::new(value),
        }
    }

    fn lock(&self) -> Self::Guard<'_> {
        let checked = (!in_finale()).then(|| unpoisoned(self.checked.lock()));
        self.guard(checked)
    }
}

impl<T: Send + 'static> TryLock<T> for ExplorerMutex<T> {
    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        if in_finale() {
            return Some(self.guard(None));
        }
        let checked = self.checked.try_lock().ok()?;
        Some(self.guard(Some(checked)))
    }
}

fn unpoisoned<G>(result: Result<G, PoisonError<G>>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// A read-write lock of the explorer's.
#[derive(Debug)]
pub struct ExplorerRwLock<T> {
    checked: explorer::sync::RwLock<()>,
    data: StdRwLock<T>,
}

impl<T: Send + Sync + 'static> RwLock<T> for ExplorerRwLock<T> {
    type ReadGuard<'a> =
        Guard<std::sync::RwLockReadGuard<'a, T>, explorer::sync::RwLockReadGuard<'a, ()>>;
    type WriteGuard<'a> =
        Guard<std::sync::RwLockWriteGuard<'a, T>, explorer::sync::RwLockWriteGuard<'a, ()>>;

    fn new(value: T) -> ExplorerRwLock<T> {
        ExplorerRwLock {
            checked: explorer::sync::RwLock::new(()),
            data: StdRwLock::new(value),
        }
    }

    fn read(&self) -> Self::ReadGuard<'_> {
        let checked = (!in_finale()).then(|| unpoisoned(self.checked.read()));
        Guard::new(unpoisoned(self.data.read()), checked)
    }

    fn try_read(&self) -> Option<Self::ReadGuard<'_>> {
        let checked = if in_finale() {
            None
        } else {
            Some(self.checked.try_read().ok()?)
        };
        Some(Guard::new(unpoisoned(self.data.read()), checked))
    }

    fn write(&self) -> Self::WriteGuard<'_> {
        let checked = (!in_finale()).then(|| unpoisoned(self.checked.write()));
        Guard::new(unpoisoned(self.data.write()), checked)
    }
}

/// A condition variable of the explorer's.
#[derive(Debug)]
pub struct ExplorerWaitQueue {
    lock: explorer::sync::Mutex<()>,
    wakeup: explorer::sync::Condvar,
}

impl WaitQueue for ExplorerWaitQueue {
    fn new() -> ExplorerWaitQueue {
        ExplorerWaitQueue {
            lock: explorer::sync::Mutex::new(()),
            wakeup: explorer::sync::Condvar::new(),
        }
    }

    fn wait_until(&self, mut ready: impl FnMut() -> bool) {
        if in_finale() {
            assert!(ready(), "nobody runs who could make it true");
            return;
        }
        let mut held = unpoisoned(self.lock.lock());
        while !ready() {
            held = unpoisoned(self.wakeup.wait(held));
        }
    }

    fn wake_all(&self) {
        if !in_finale() {
            let _lock = Guard::new(&(), Some(unpoisoned(self.lock.lock())));
            self.wakeup.notify_all();
        }
    }
}

/// A cell of the explorer's: accesses without order end the execution.
#[derive(Debug)]
pub struct ExplorerCell {
    checked: explorer::cell::UnsafeCell<()>,
    value: AtomicU64,
}

// SAFETY: the explorer's cell holds no data; it only tracks who came when. The value
// is an atomic.
unsafe impl Sync for ExplorerCell {}

impl Cell for ExplorerCell {
    fn new(value: u64) -> ExplorerCell {
        ExplorerCell {
            checked: explorer::cell::UnsafeCell::new(()),
            value: AtomicU64::new(value),
        }
    }

    fn get(&self, on_race: Violation) -> u64 {
        if !in_finale() {
            recorder::racing(on_race, || self.checked.with(|_| ()));
        }
        self.value.load(StdOrdering::Relaxed)
    }

    fn set(&self, value: u64, on_race: Violation) {
        if !in_finale() {
            recorder::racing(on_race, || self.checked.with_mut(|_| ()));
        }
        self.value.store(value, StdOrdering::Relaxed);
    }
}
