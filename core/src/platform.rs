//! The machine that core runs on: everything that two CPUs share.
//!
//! Core touches shared state only through [`Platform`], so the same code runs
//! under an exhaustive checker, a randomized one, on threads, or in a kernel.
//! What each implementation guarantees, and in which direction it may err, is
//! said where it is implemented.

use alloc::sync::Arc;
use core::ops::{Deref, DerefMut, RangeInclusive};
use core::sync::atomic::Ordering;

use crate::types::event::{Event, WriteSource};
use crate::types::ids::CpuId;
use crate::types::violation::{Invariant, Violation};

/// A machine.
pub trait Platform: Sized + Send + Sync + 'static {
    /// Whether ghost state is kept and invariants are checked. A constant, so
    /// that checking code vanishes where it is `false`.
    const CHECKED: bool;

    /// An atomic 64-bit word.
    type Word: Word;
    /// A mutual-exclusion lock.
    type Mutex<T: Send + 'static>: Mutex<T>;
    /// A mutual-exclusion lock that can be taken only if it is free.
    type SpinLock<T: Send + 'static>: TryLock<T>;
    /// A sleeping read-write lock.
    type RwLock<T: Send + Sync + 'static>: RwLock<T>;
    /// A queue to sleep on until a condition holds.
    type WaitQueue: WaitQueue;
    /// Where one CPU sleeps until a word holds a value. A wait queue can be one.
    type Rcuwait: Rcuwait<Self::Word>;
    /// A plain word whose accesses must be ordered by happens-before.
    type Cell: Cell;
    /// A pointer to immutable data that readers follow under RCU.
    type RcuPointer<T: Send + Sync + 'static>: RcuPointer<T>;

    /// A memory fence.
    #[track_caller]
    fn fence(ordering: Ordering);

    /// Tells that the machine did something. Adds no interleavings.
    fn event(event: Event);

    /// Ends this execution: an invariant does not hold.
    fn violation(violation: Violation) -> !;

    /// One of so many options, from 0: what hardware does is not software's to say. A machine that
    /// cannot choose takes the first one, which is that it does nothing.
    fn choose(options: usize) -> usize {
        let _ = options;
        0
    }

    /// The word to keep in user memory for a `value` that `cpu` writes. A
    /// checker may keep a tag instead, by which [`Platform::user_value`] tells
    /// which write a read has seen; the tag 0 is the initial zero.
    fn user_word(cpu: CpuId, value: u64) -> u64 {
        let _ = cpu;
        value
    }

    /// The user's value behind a word of user memory, and which write it came
    /// from where the machine keeps track.
    fn user_value(word: u64) -> (u64, Option<WriteSource>) {
        (word, None)
    }
}

/// An atomic 64-bit word.
///
/// Core keeps to a discipline that weak checkers need: a word has either one
/// plain writer at a time or read-modify-writes only, and a thread does not
/// load a word that it is about to write, but keeps a private copy under the
/// lock that guards it, or reads with the read-modify-write itself.
pub trait Word: Send + Sync {
    /// A word that holds `value`.
    fn new(value: u64) -> Self;
    /// The same word with a name: what a checker may call it in a report.
    fn called(self, name: &'static str) -> Self
    where
        Self: Sized,
    {
        let _ = name;
        self
    }
    /// Reads it.
    #[track_caller]
    fn load(&self, ordering: Ordering) -> u64;
    /// Writes it.
    #[track_caller]
    fn store(&self, value: u64, ordering: Ordering);
    /// Writes it and returns what it held.
    #[track_caller]
    fn swap(&self, value: u64, ordering: Ordering) -> u64;
    /// Adds to it (wrapping) and returns what it held.
    #[track_caller]
    fn fetch_add(&self, value: u64, ordering: Ordering) -> u64;
    /// Subtracts from it (wrapping) and returns what it held.
    #[track_caller]
    fn fetch_sub(&self, value: u64, ordering: Ordering) -> u64;
    /// Sets bits and returns what it held.
    #[track_caller]
    fn fetch_or(&self, bits: u64, ordering: Ordering) -> u64;
    /// Writes `new` if it holds `current`; `Err` has what it held instead.
    #[track_caller]
    fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64>;
    /// Adds `value` if it holds a value in the range, and returns what it held; `Err` has what it
    /// holds instead. This tries with what it finds, from the start of the range on. A machine that can
    /// do all of it in one step may.
    ///
    /// Linux: `__refcount_add_not_zero_limited_acquire()`, include/linux/refcount.h.
    #[track_caller]
    fn fetch_add_within(
        &self,
        value: u64,
        range: RangeInclusive<u64>,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let mut found = *range.start();
        while range.contains(&found) {
            let new = found.wrapping_add(value);
            match self.compare_exchange(found, new, success, failure) {
                Ok(old) => return Ok(old),
                Err(now) => found = now,
            }
        }
        Err(found)
    }
}

/// A mutual-exclusion lock around a `T`.
pub trait Mutex<T>: Send + Sync {
    /// Access to the value while the lock is held.
    type Guard<'a>: DerefMut<Target = T>
    where
        Self: 'a,
        T: 'a;
    /// An unlocked lock.
    fn new(value: T) -> Self;
    /// The same lock with a name: what a checker may call it in a report.
    fn called(self, name: &'static str) -> Self
    where
        Self: Sized,
    {
        let _ = name;
        self
    }
    /// Waits for the lock.
    #[track_caller]
    fn lock(&self) -> Self::Guard<'_>;
}

/// A mutual-exclusion lock that need not be waited for.
pub trait TryLock<T>: Mutex<T> {
    /// Takes the lock if it is free. Never waits.
    #[track_caller]
    fn try_lock(&self) -> Option<Self::Guard<'_>>;
}

/// A read-write lock around a `T`. Waiters sleep.
pub trait RwLock<T>: Send + Sync {
    /// Shared access while a read lock is held.
    type ReadGuard<'a>: Deref<Target = T>
    where
        Self: 'a,
        T: 'a;
    /// Exclusive access while the write lock is held.
    type WriteGuard<'a>: DerefMut<Target = T>
    where
        Self: 'a,
        T: 'a;
    /// An unlocked lock.
    fn new(value: T) -> Self;
    /// The same lock with a name: what a checker may call it in a report.
    fn called(self, name: &'static str) -> Self
    where
        Self: Sized,
    {
        let _ = name;
        self
    }
    /// Waits for a read lock.
    #[track_caller]
    fn read(&self) -> Self::ReadGuard<'_>;
    /// Takes a read lock if no writer holds the lock.
    #[track_caller]
    fn try_read(&self) -> Option<Self::ReadGuard<'_>>;
    /// Waits for the write lock.
    #[track_caller]
    fn write(&self) -> Self::WriteGuard<'_>;
    /// Makes a write lock a read lock: readers may come in, no writer comes in between.
    #[track_caller]
    fn downgrade<'a>(&'a self, guard: Self::WriteGuard<'a>) -> Self::ReadGuard<'a>;
}

/// Where a CPU sleeps until another one makes a condition true.
///
/// Linux: `wait_queue_head_t`, include/linux/wait.h.
pub trait WaitQueue: Send + Sync {
    /// A queue on which no CPU waits.
    fn new() -> Self;
    /// The same queue with a name: what a checker may call it in a report.
    fn called(self, name: &'static str) -> Self
    where
        Self: Sized,
    {
        let _ = name;
        self
    }
    /// Returns once `ready` has returned true. `ready` is asked again after
    /// each wake-up that follows the last time it returned false.
    fn wait_until(&self, ready: impl FnMut() -> bool);
    /// Lets each CPU that waits ask again.
    fn wake_all(&self);
}

/// Where one CPU sleeps until a word holds a value.
///
/// Linux: `struct rcuwait`, include/linux/rcuwait.h.
pub trait Rcuwait<W: Word>: Send + Sync {
    /// One on which no CPU sleeps.
    fn new() -> Self;
    /// The same with a name: what a checker may call it in a report.
    fn called(self, name: &'static str) -> Self
    where
        Self: Sized;
    /// Returns once `word` holds `value`, which is read with `ordering`. Another CPU writes that value,
    /// and wakes this one directly afterwards.
    fn wait_for(&self, word: &W, value: u64, ordering: Ordering);
    /// Lets the CPU look again, if one sleeps.
    fn wake(&self);
}

impl<Q: WaitQueue, W: Word> Rcuwait<W> for Q {
    fn new() -> Q {
        WaitQueue::new()
    }

    fn called(self, name: &'static str) -> Q {
        WaitQueue::called(self, name)
    }

    fn wait_for(&self, word: &W, value: u64, ordering: Ordering) {
        // A load might see an older value than the one before the wake-up.
        self.wait_until(|| word.fetch_add(0, ordering) == value);
    }

    fn wake(&self) {
        self.wake_all();
    }
}

/// A plain word. Accesses that no happens-before orders, one of them a write,
/// violate the invariant that the access names; a checker that knows
/// happens-before reports them, others cannot see them.
pub trait Cell: Send + Sync {
    /// A cell that holds `value`; making it counts as a write.
    fn new(value: u64) -> Self;
    /// Reads it.
    fn get(&self, on_race: Violation) -> u64;
    /// Writes it.
    fn set(&self, value: u64, on_race: Violation);
}

/// A pointer to immutable data that is replaced as a whole.
pub trait RcuPointer<T>: Send + Sync {
    /// A pointer to `target`.
    fn new(target: Arc<T>) -> Self;
    /// The same pointer with a name: what a checker may call it in a report.
    fn called(self, name: &'static str) -> Self
    where
        Self: Sized,
    {
        let _ = name;
        self
    }
    /// Linux: `rcu_dereference()`.
    #[track_caller]
    fn load(&self) -> Arc<T>;
    /// Linux: `rcu_assign_pointer()`, with the given ordering.
    #[track_caller]
    fn store(&self, target: Arc<T>, ordering: Ordering);
}

/// Ends the execution with a violated `invariant`.
#[cold]
pub(crate) fn violated<P: Platform>(invariant: Invariant, what: &'static str) -> ! {
    P::violation(Violation { invariant, what })
}
