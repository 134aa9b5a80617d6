//! Core under the explorer: every execution of the memory model, once.
//!
//! # Gaps
//! - Load buffering is not explored, as RC11 does not have it.
//!
//! What runs before the CPUs start is run directly, on initial values: it is no
//! part of the executions.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering as StdOrdering};

use seqfault_core::platform::{Cell, Mutex, RwLock, TryLock, WaitQueue, Word};
use seqfault_core::{CpuId, Event, Platform, Violation, WriteSource};
use seqfault_explorer as explorer;
use seqfault_explorer::graph::event::Order;
use seqfault_explorer::ops::{self, Object};
use seqfault_explorer::sync::atomic::Ordering;

use super::checked::{checked, uncontended, unpoisoned};
use super::guards::Guard;
use super::pointer::NumberedPointer;
use super::recorder::{self, Entry, in_finale};

/// The explorer's machine.
#[derive(Debug)]
pub struct Explorer;

impl Platform for Explorer {
    const CHECKED: bool = true;
    type Word = ExplorerWord;
    type Mutex<T: Send + 'static> = CheckedMutex<T>;
    type SpinLock<T: Send + 'static> = CheckedMutex<T>;
    type RwLock<T: Send + Sync + 'static> = ExplorerRwLock<T>;
    type WaitQueue = CheckedWaitQueue;
    type Cell = CheckedCell;
    type RcuPointer<T: Send + Sync + 'static> = NumberedPointer<ExplorerWord, T>;

    #[track_caller]
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

    fn choose(options: usize) -> usize {
        explorer::choose(options)
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

    fn called(mut self, name: &'static str) -> ExplorerWord {
        self.object = self.object.named(name);
        self
    }

    fn load(&self, ordering: Ordering) -> u64 {
        if in_finale() {
            ops::last(&self.object).unwrap_or_else(|| self.initial())
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

    fn fetch_add_within(
        &self,
        value: u64,
        range: RangeInclusive<u64>,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let initial = self.initial();
        if in_finale() {
            if range.contains(&initial) {
                let new = initial.wrapping_add(value);
                self.initial.store(new, StdOrdering::Relaxed);
                return Ok(initial);
            }
            return Err(initial);
        }
        let orders = (Order::of(success), Order::of(failure));
        let add = |old: u64| old.wrapping_add(value);
        ops::rmw_within(&self.object, initial, range, orders, add)
    }
}

checked!(seqfault_explorer, named, || ());

type StdReadGuard<'a, T> = std::sync::RwLockReadGuard<'a, T>;
type StdWriteGuard<'a, T> = std::sync::RwLockWriteGuard<'a, T>;

/// A read-write lock of the explorer's.
#[derive(Debug)]
pub struct ExplorerRwLock<T> {
    checked: explorer::sync::RwLock<()>,
    data: std::sync::RwLock<T>,
}

impl<T: Send + Sync + 'static> RwLock<T> for ExplorerRwLock<T> {
    type ReadGuard<'a> = Guard<StdReadGuard<'a, T>, explorer::sync::RwLockReadGuard<'a, ()>>;
    type WriteGuard<'a> = Guard<StdWriteGuard<'a, T>, explorer::sync::RwLockWriteGuard<'a, ()>>;

    fn new(value: T) -> ExplorerRwLock<T> {
        ExplorerRwLock {
            checked: explorer::sync::RwLock::new(()),
            data: std::sync::RwLock::new(value),
        }
    }

    fn called(mut self, name: &'static str) -> ExplorerRwLock<T> {
        self.checked = self.checked.named(name);
        self
    }

    fn read(&self) -> Self::ReadGuard<'_> {
        let checked = (!in_finale()).then(|| unpoisoned(self.checked.read()));
        Guard::new(uncontended(self.data.try_read()), checked)
    }

    fn try_read(&self) -> Option<Self::ReadGuard<'_>> {
        let checked = if in_finale() {
            None
        } else {
            Some(self.checked.try_read().ok()?)
        };
        Some(Guard::new(uncontended(self.data.try_read()), checked))
    }

    fn write(&self) -> Self::WriteGuard<'_> {
        let checked = (!in_finale()).then(|| unpoisoned(self.checked.write()));
        Guard::new(uncontended(self.data.try_write()), checked)
    }

    fn downgrade<'a>(&'a self, guard: Self::WriteGuard<'a>) -> Self::ReadGuard<'a> {
        guard.map(
            StdWriteGuard::downgrade,
            explorer::sync::RwLockWriteGuard::downgrade,
        )
    }
}

impl<T: Send + 'static> TryLock<T> for CheckedMutex<T> {
    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        if in_finale() {
            return Some(self.guard(None));
        }
        let checked = self.checked.try_lock().ok()?;
        Some(self.guard(Some(checked)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{catch, with_finale};
    use super::*;
    use seqfault_core::Invariant;

    type SpinLock = CheckedMutex<u64>;
    type ReadWriteLock = ExplorerRwLock<u64>;

    /// What the finale says of a look at a lock.
    fn looked(look: impl FnOnce()) -> Option<Invariant> {
        let ended = catch(|| with_finale(look));
        ended.err()?.violation.map(|violation| violation.invariant)
    }

    #[test]
    fn a_lock_that_is_left_held_is_told_and_not_waited_for() {
        let spin = <SpinLock as Mutex<u64>>::new(7);
        let read_write = <ReadWriteLock as RwLock<u64>>::new(7);
        assert_eq!(looked(|| drop((spin.lock(), read_write.read()))), None);
        with_finale(|| std::mem::forget((spin.lock(), read_write.read())));
        assert_eq!(looked(|| drop(read_write.read())), None);
        for held in [
            looked(|| drop(spin.lock())),
            looked(|| drop(spin.try_lock())),
            looked(|| drop(read_write.write())),
        ] {
            assert_eq!(held, Some(Invariant::Deadlock));
        }
    }
}
