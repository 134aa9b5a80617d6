//! A lock under loom that can be tried.
//!
//! loom's own `try_lock` waits if another thread takes the lock while it is
//! about to try (all threads whose next step is at the lock are blocked), and
//! so reports deadlocks that do not exist. Here a word says whether a thread has the lock;
//! loom's mutex is only for those who go to sleep, and for those who wake them. A thread that has the lock never
//! keeps the mutex: another one that has just left the lock would wait for it, with the other locks that it has.

use std::sync::atomic::{AtomicUsize, Ordering as StdOrdering};
use std::sync::{Mutex as StdMutex, MutexGuard as StdGuard};

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Condvar, Mutex as LoomMutex};
use seqfault_core::platform::{Mutex, TryLock};

use super::checked::{uncontended, unpoisoned};
use super::guards::Guard;
use super::loom_clock::tick;
use super::recorder::{in_finale, is_over};

/// A lock that can be tried.
#[derive(Debug)]
pub struct LoomSpinLock<T> {
    word: AtomicU64,
    waiters: LoomMutex<()>,
    freed: Condvar,
    /// How many wait (ghost).
    waiting: AtomicUsize,
    data: StdMutex<T>,
}

/// A held [`LoomSpinLock`].
pub struct SpinGuard<'a, T> {
    held: Guard<StdGuard<'a, T>, Held<'a, T>>,
}

/// Leaves the lock when it is dropped.
struct Held<'a, T> {
    lock: &'a LoomSpinLock<T>,
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        if is_over() {
            return;
        }
        self.lock.word.swap(0, Ordering::Release);
        if self.lock.waiting.load(StdOrdering::Relaxed) > 0 {
            let _waiters = Guard::new(&(), Some(unpoisoned(self.lock.waiters.lock())));
            self.lock.freed.notify_all();
        }
    }
}

impl<T> LoomSpinLock<T> {
    /// Has loom's clock count what takes the lock or tries to, and what leaves it: no execution ends
    /// while a guard is dropped.
    fn tick() {
        tick();
        tick();
    }

    fn guard<'a>(&'a self, held: Option<Held<'a, T>>) -> SpinGuard<'a, T> {
        let data = uncontended(self.data.try_lock());
        SpinGuard {
            held: Guard::new(data, held),
        }
    }
}

impl<T> std::ops::Deref for SpinGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T> std::ops::DerefMut for SpinGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.held
    }
}

impl<T: Send + 'static> Mutex<T> for LoomSpinLock<T> {
    type Guard<'a> = SpinGuard<'a, T>;

    fn new(value: T) -> LoomSpinLock<T> {
        LoomSpinLock {
            word: AtomicU64::new(0),
            waiters: LoomMutex::new(()),
            freed: Condvar::new(),
            waiting: AtomicUsize::new(0),
            data: StdMutex::new(value),
        }
    }

    fn lock(&self) -> SpinGuard<'_, T> {
        if in_finale() {
            return self.guard(None);
        }
        let mut waiter = Guard::new(&(), Some(unpoisoned(self.waiters.lock())));
        self.waiting.fetch_add(1, StdOrdering::Relaxed);
        Self::tick();
        while self.word.swap(1, Ordering::Acquire) != 0 {
            let held = waiter.leave().expect("it holds the mutex");
            waiter = Guard::new(&(), Some(unpoisoned(self.freed.wait(held))));
            tick();
        }
        self.waiting.fetch_sub(1, StdOrdering::Relaxed);
        drop(waiter);
        self.guard(Some(Held { lock: self }))
    }
}

impl<T: Send + 'static> TryLock<T> for LoomSpinLock<T> {
    fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        if in_finale() {
            return Some(self.guard(None));
        }
        Self::tick();
        self.word
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        Some(self.guard(Some(Held { lock: self })))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_leaves_a_tried_lock_waits_for_none_that_took_it() {
        loom::model(|| {
            let (outer, tried) = (LoomMutex::new(()), LoomSpinLock::new(()));
            let locks = Arc::new((outer, tried));
            let other = Arc::clone(&locks);
            let thread = loom::thread::spawn(move || {
                let (outer, tried) = &*other;
                let _tried = tried.lock();
                drop(outer.lock());
            });
            let (outer, tried) = &*locks;
            let held = outer.lock();
            drop(tried.try_lock());
            drop(held);
            thread.join().expect("it does not panic");
        });
    }
}
