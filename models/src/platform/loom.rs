//! Core under loom.
//!
//! # Gaps
//! - Locks are sequentially consistent among each other: races may be missed.
//! - loads and read-modify-writes of one thread hide interleavings from loom's
//!   reduction (tokio-rs/loom #166): outcomes may be missed.
//! - A read-modify-write that races a plain store is not atomic (#254), and
//!   plain stores have no order that could be told in the end: every store is an
//!   exchange here. It continues a release sequence, and stores of two CPUs are
//!   ordered as they were run: outcomes may be missed.
//! - A thread that is about to try a read-write lock waits if another takes it
//!   right then, and so never fails there.
//! - A load sees one of the last seven stores, and a run in which there were more says so; load
//!   buffering is not explored.

use std::sync::atomic::{AtomicU64, Ordering as StdOrdering};

use loom::sync::atomic::{AtomicU64 as LoomAtomic, Ordering};
use seqfault_core::platform::{Cell, Mutex, RwLock, WaitQueue, Word};
use seqfault_core::{CpuId, Event, Platform, Violation, WriteSource};

use super::checked::{checked, uncontended, unpoisoned};
use super::downgrade::{Downgradable, Held};
use super::guards::Guard;
use super::loom_clock::tick;
use super::loom_spinlock::LoomSpinLock;
use super::pointer::NumberedPointer;
use super::recorder::{self, Entry, in_finale};
use crate::litmus::names::MAX_CPUS;

/// loom's machine.
#[derive(Debug)]
pub struct Loom;

impl Platform for Loom {
    const CHECKED: bool = true;
    type Word = LoomWord;
    type Mutex<T: Send + 'static> = CheckedMutex<T>;
    type SpinLock<T: Send + 'static> = LoomSpinLock<T>;
    type RwLock<T: Send + Sync + 'static> = LoomRwLock<T>;
    type WaitQueue = CheckedWaitQueue;
    type Rcuwait = CheckedWaitQueue;
    type Cell = CheckedCell;
    type RcuPointer<T: Send + Sync + 'static> = NumberedPointer<LoomWord, T>;

    fn fence(ordering: Ordering) {
        if !in_finale() {
            tick();
            loom::sync::atomic::fence(ordering);
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

/// An atomic of loom's, and what was stored last, to look at in the end.
#[derive(Debug)]
pub struct LoomWord {
    checked: LoomAtomic,
    last: AtomicU64,
    /// Stores since the CPUs run.
    stores: AtomicU64,
    /// How many of them each CPU certainly knows: it reads none that is older.
    known: [AtomicU64; MAX_CPUS],
}

/// So many stores behind what a CPU knows, and that one itself, are all there for it to read.
///
/// loom: `MAX_ATOMIC_HISTORY`, src/rt/atomic.rs
const STORES: u64 = 6;

impl LoomWord {
    fn last(&self) -> u64 {
        self.last.load(StdOrdering::Relaxed)
    }

    fn set_last(&self, value: u64) {
        self.last.store(value, StdOrdering::Relaxed);
        if recorder::has_started() {
            let stores = self.stores.fetch_add(1, StdOrdering::Relaxed) + 1;
            self.knows(stores);
        }
    }

    /// The CPU that runs knows so many stores.
    fn knows(&self, stores: u64) {
        if let Some(known) = recorder::who().and_then(|cpu| self.known.get(cpu.0)) {
            known.store(stores, StdOrdering::Relaxed);
        }
    }

    /// The CPU that runs has read `value`. Was there a store that it might have read, but that
    /// loom has forgotten?
    fn was_read(&self, value: u64) {
        let stores = self.stores.load(StdOrdering::Relaxed);
        if stores <= STORES {
            return;
        }
        let known = recorder::who().and_then(|cpu| self.known.get(cpu.0));
        let known = known.map_or(0, |known| known.load(StdOrdering::Relaxed));
        if stores - known > STORES {
            recorder::reached("loads see the last 7 stores");
        }
        if value == self.last() {
            self.knows(stores);
        }
    }

    fn rmw(&self, checked: impl FnOnce(&LoomAtomic) -> u64, new: impl FnOnce(u64) -> u64) -> u64 {
        let old = if in_finale() {
            self.last()
        } else {
            tick();
            checked(&self.checked)
        };
        self.set_last(new(old));
        old
    }
}

impl Word for LoomWord {
    fn new(value: u64) -> LoomWord {
        LoomWord {
            checked: LoomAtomic::new(value),
            last: AtomicU64::new(value),
            stores: AtomicU64::new(0),
            known: [const { AtomicU64::new(0) }; MAX_CPUS],
        }
    }

    fn load(&self, ordering: Ordering) -> u64 {
        if in_finale() {
            return self.last();
        }
        tick();
        let value = self.checked.load(ordering);
        self.was_read(value);
        value
    }

    fn store(&self, value: u64, ordering: Ordering) {
        self.swap(value, ordering);
    }

    fn swap(&self, value: u64, ordering: Ordering) -> u64 {
        self.rmw(|w| w.swap(value, ordering), |_| value)
    }

    fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
        self.rmw(
            |w| w.fetch_add(value, ordering),
            |old| old.wrapping_add(value),
        )
    }

    fn fetch_sub(&self, value: u64, ordering: Ordering) -> u64 {
        self.rmw(
            |w| w.fetch_sub(value, ordering),
            |old| old.wrapping_sub(value),
        )
    }

    fn fetch_or(&self, bits: u64, ordering: Ordering) -> u64 {
        self.rmw(|w| w.fetch_or(bits, ordering), |old| old | bits)
    }

    fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let result = if in_finale() {
            let last = self.last();
            if last == current { Ok(last) } else { Err(last) }
        } else {
            tick();
            self.checked
                .compare_exchange(current, new, success, failure)
        };
        match result {
            Ok(_) => self.set_last(new),
            Err(value) if !in_finale() => self.was_read(value),
            Err(_) => {}
        }
        result
    }
}

checked!(loom, unnamed, tick);

type ReadGuard<'a, T> =
    Guard<std::sync::RwLockReadGuard<'a, T>, loom::sync::RwLockReadGuard<'a, ()>>;
type WriteGuard<'a, T> =
    Guard<std::sync::RwLockWriteGuard<'a, T>, loom::sync::RwLockWriteGuard<'a, ()>>;
type Writers<'a> = <CheckedMutex<()> as Mutex<()>>::Guard<'a>;

/// A read-write lock of loom's; its data.
#[derive(Debug)]
pub struct Locked<T> {
    checked: loom::sync::RwLock<()>,
    data: std::sync::RwLock<T>,
}

/// A read-write lock of loom's, with a mutex for its writers.
pub type LoomRwLock<T> = Downgradable<Locked<T>, CheckedMutex<()>>;

impl<T> Locked<T> {
    fn read(&self) -> ReadGuard<'_, T> {
        let checked = (!in_finale()).then(|| unpoisoned(self.checked.read()));
        Guard::new(uncontended(self.data.try_read()), checked)
    }
}

impl<T: Send + Sync + 'static> RwLock<T> for LoomRwLock<T> {
    type ReadGuard<'a> = Held<ReadGuard<'a, T>, Writers<'a>>;
    type WriteGuard<'a> = Held<WriteGuard<'a, T>, Writers<'a>>;

    fn new(value: T) -> LoomRwLock<T> {
        Downgradable {
            lock: Locked {
                checked: loom::sync::RwLock::new(()),
                data: std::sync::RwLock::new(value),
            },
            writers: CheckedMutex::new(()),
        }
    }

    fn read(&self) -> Self::ReadGuard<'_> {
        Held::reader(self.lock.read())
    }

    fn try_read(&self) -> Option<Self::ReadGuard<'_>> {
        let checked = if in_finale() {
            None
        } else {
            Some(self.lock.checked.try_read().ok()?)
        };
        let guard = Guard::new(uncontended(self.lock.data.try_read()), checked);
        Some(Held::reader(guard))
    }

    fn write(&self) -> Self::WriteGuard<'_> {
        let writers = self.writers.lock();
        let checked = (!in_finale()).then(|| unpoisoned(self.lock.checked.write()));
        let guard = Guard::new(uncontended(self.lock.data.try_write()), checked);
        Held::writer(guard, writers)
    }

    fn downgrade<'a>(&'a self, guard: Self::WriteGuard<'a>) -> Self::ReadGuard<'a> {
        guard.downgrade(|| self.lock.read())
    }
}
