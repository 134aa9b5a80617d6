//! Core under the explorer: every execution of the memory model, once.
//!
//! # Gaps
//! - Load buffering is not explored, as RC11 does not have it.
//!
//! What runs before the CPUs start is run directly, on initial values: it is no
//! part of the executions.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering as StdOrdering};

use seqfault_core::platform::{Cell, Mutex, Rcuwait, RwLock, TryLock, WaitQueue, Word};
use seqfault_core::{CpuId, Event, Platform, Violation, WriteSource};
use seqfault_explorer as explorer;
use seqfault_explorer::graph::event::{INIT, Order, Until};
use seqfault_explorer::ops::{self, Object};
use seqfault_explorer::sync::atomic::Ordering;

use super::checked::{checked, uncontended, unpoisoned};
use super::guards::Guard;
use super::peers;
use super::pointer::NumberedPointer;
use super::recorder::{self, Entry, in_finale};
use crate::litmus::names::MAX_CPUS;

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
    type Rcuwait = ExplorerRcuwait;
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
        if !in_finale() {
            peers::told(&event);
        }
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

    /// What it holds in the finale.
    fn last(&self) -> u64 {
        ops::last(&self.object).unwrap_or_else(|| self.initial())
    }

    #[track_caller]
    fn rmw(&self, ordering: Ordering, new: impl Fn(u64) -> u64) -> u64 {
        let initial = self.initial();
        if in_finale() {
            let old = self.last();
            self.initial.store(new(old), StdOrdering::Relaxed);
            return old;
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
            self.last()
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
        let add = || self.rmw(ordering, |old| old.wrapping_add(value));
        if self.object.name() != Some(peers::FLUSH_PENDING) || in_finale() {
            return add();
        }
        peers::at_point(recorder::who(), add)
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
            let old = self.last();
            if old != current {
                return Err(old);
            }
            self.initial.store(new, StdOrdering::Relaxed);
            return Ok(old);
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
            let old = self.last();
            if range.contains(&old) {
                let new = old.wrapping_add(value);
                self.initial.store(new, StdOrdering::Relaxed);
                return Ok(old);
            }
            return Err(old);
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

/// Where a CPU sleeps until a word holds a value: a word for each CPU, which says after how many of its
/// events that CPU has waked others.
///
/// The sleeper reads the value when it is there. It may have looked before that, and then sleeps until
/// the CPU wakes it that has written the value: so it waits for that too, in any case. It learns nothing
/// by being waked, as it need not have slept.
///
/// Core wakes directly after its write. Executions in which the sleeper goes on between the two are
/// missed: they would show something else only if the CPU did something in between.
#[derive(Debug)]
pub struct ExplorerRcuwait {
    waked: Vec<Object>,
}

impl Rcuwait<ExplorerWord> for ExplorerRcuwait {
    fn new() -> ExplorerRcuwait {
        ExplorerRcuwait {
            waked: (0..MAX_CPUS).map(|_| Object::new()).collect(),
        }
    }

    fn called(self, name: &'static str) -> ExplorerRcuwait {
        let waked = self.waked.into_iter().map(|word| word.named(name));
        ExplorerRcuwait {
            waked: waked.collect(),
        }
    }

    fn wait_for(&self, word: &ExplorerWord, value: u64, ordering: Ordering) {
        if in_finale() {
            return;
        }
        let order = Order::of(ordering);
        ops::await_load(&word.object, word.initial(), order, Until::is(value));
        let (sleeper, events) = ops::position();
        let writer = ops::with_graph(|graph| {
            let read = graph.threads[sleeper as usize][events as usize - 1];
            let write = graph.event(read).rf;
            let writer = (write != INIT).then(|| graph.event(write))?;
            (writer.thread != sleeper).then_some((writer.thread, writer.index))
        });
        if let Some((writer, index)) = writer {
            let after = Until::Least(u64::from(index) + 1);
            ops::await_load(&self.waked[writer as usize], 0, Order::RELAXED, after);
        }
    }

    fn wake(&self) {
        if !in_finale() {
            let (cpu, events) = ops::position();
            ops::store(&self.waked[cpu as usize], 0, events.into(), Order::RELAXED);
        }
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
    use std::sync::Arc;

    /// How a search ends in which one CPU waits for 1, and this is what another does; and in which a
    /// third one wakes it.
    fn sleep(
        wakes: impl Fn(&ExplorerWord, &ExplorerRcuwait) + Clone + Send + Sync + 'static,
        third: bool,
    ) -> (u64, u64) {
        let program = move || {
            let shared = Arc::new((ExplorerWord::new(0), ExplorerRcuwait::new()));
            let (other, wakes) = (shared.clone(), wakes.clone());
            explorer::thread::spawn(move || wakes(&other.0, &other.1));
            if third {
                let other = shared.clone();
                explorer::thread::spawn(move || other.1.wake());
            }
            shared.1.wait_for(&shared.0, 1, Ordering::Acquire);
        };
        let builder = explorer::Builder::new().allow_blocked(true);
        let progress = builder.check(program).unwrap();
        (progress.executions, progress.blocked)
    }

    #[test]
    fn a_cpu_sleeps_until_it_is_waked_by_the_one_that_wrote() {
        let writes = |word: &ExplorerWord| word.store(1, Ordering::Release);
        let waked = sleep(move |word, sleeper| (writes(word), sleeper.wake()).1, false);
        assert_eq!(waked, (1, 0));
        let too_early = sleep(move |word, sleeper| (sleeper.wake(), writes(word)).1, false);
        assert_eq!(too_early, (0, 1));
        for third in [false, true] {
            assert_eq!(sleep(move |word, _| writes(word), third), (0, 1), "{third}");
        }
    }

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
