//! What loom and the explorer check of core alike: mutexes, wait queues and cells.
//!
//! Both have loom's types, which are not the same types. Each holds its data outside the checker,
//! so that the data can be looked at when the checker is done.

use std::sync::{PoisonError, TryLockError, TryLockResult};

use seqfault_core::{Invariant, Violation};

use super::recorder;

pub(super) fn unpoisoned<G>(result: Result<G, PoisonError<G>>) -> G {
    result.unwrap_or_else(PoisonError::into_inner)
}

/// The guard of data that the checker's lock beside it keeps others from. In the finale, which does
/// without that lock, the data is held only if a CPU has ended and left its guard behind.
pub(super) fn uncontended<G>(result: TryLockResult<G>) -> G {
    match result {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => recorder::violation(Violation {
            invariant: Invariant::Deadlock,
            what: "a lock is held though all CPUs have stopped",
        }),
    }
}

/// The types over the crate `$checker`, whose objects take names or not; `$count` is called before
/// each access to a cell.
macro_rules! checked {
    (@named $object:expr, $name:ident, named) => {
        $object = $object.named($name)
    };
    (@named $object:expr, $name:ident, unnamed) => {{
        let _ = ($name, &mut $object);
    }};
    ($checker:ident, $naming:ident, $count:expr) => {
        /// A mutex of the checker's.
        #[derive(Debug)]
        pub struct CheckedMutex<T> {
            checked: $checker::sync::Mutex<()>,
            data: std::sync::Mutex<T>,
        }

        impl<T> CheckedMutex<T> {
            fn guard<'a>(
                &'a self,
                checked: Option<$checker::sync::MutexGuard<'a, ()>>,
            ) -> Guard<std::sync::MutexGuard<'a, T>, $checker::sync::MutexGuard<'a, ()>> {
                Guard::new(uncontended(self.data.try_lock()), checked)
            }
        }

        impl<T: Send + 'static> Mutex<T> for CheckedMutex<T> {
            type Guard<'a> =
                Guard<std::sync::MutexGuard<'a, T>, $checker::sync::MutexGuard<'a, ()>>;

            fn new(value: T) -> CheckedMutex<T> {
                CheckedMutex {
                    checked: $checker::sync::Mutex::new(()),
                    data: std::sync::Mutex::new(value),
                }
            }

            fn called(mut self, name: &'static str) -> CheckedMutex<T> {
                checked!(@named self.checked, name, $naming);
                self
            }

            fn lock(&self) -> Self::Guard<'_> {
                if in_finale() {
                    return self.guard(None);
                }
                self.guard(Some(unpoisoned(self.checked.lock())))
            }
        }

        /// A condition variable of the checker's.
        #[derive(Debug)]
        pub struct CheckedWaitQueue {
            lock: $checker::sync::Mutex<()>,
            wakeup: $checker::sync::Condvar,
        }

        impl WaitQueue for CheckedWaitQueue {
            fn new() -> CheckedWaitQueue {
                CheckedWaitQueue {
                    lock: $checker::sync::Mutex::new(()),
                    wakeup: $checker::sync::Condvar::new(),
                }
            }

            fn called(mut self, name: &'static str) -> CheckedWaitQueue {
                checked!(@named self.lock, name, $naming);
                checked!(@named self.wakeup, name, $naming);
                self
            }

            fn wait_until(&self, mut ready: impl FnMut() -> bool) {
                if in_finale() {
                    assert!(ready(), "nobody runs who could make it true");
                    return;
                }
                let mut guard = Guard::new(&(), Some(unpoisoned(self.lock.lock())));
                while !ready() {
                    let held = guard.leave().expect("the lock is held");
                    guard = Guard::new(&(), Some(unpoisoned(self.wakeup.wait(held))));
                }
            }

            fn wake_all(&self) {
                if !in_finale() {
                    let _lock = Guard::new(&(), Some(unpoisoned(self.lock.lock())));
                    self.wakeup.notify_all();
                }
            }
        }

        /// A cell of the checker's: accesses without order end the execution.
        #[derive(Debug)]
        pub struct CheckedCell {
            checked: $checker::cell::UnsafeCell<()>,
            value: AtomicU64,
        }

        // SAFETY: the checker's cell holds no data; it only tracks who came when. The value
        // is an atomic.
        unsafe impl Sync for CheckedCell {}

        impl Cell for CheckedCell {
            fn new(value: u64) -> CheckedCell {
                CheckedCell {
                    checked: $checker::cell::UnsafeCell::new(()),
                    value: AtomicU64::new(value),
                }
            }

            fn get(&self, on_race: Violation) -> u64 {
                if !in_finale() {
                    $count();
                    recorder::racing(on_race, || self.checked.with(|_| ()));
                }
                self.value.load(StdOrdering::Relaxed)
            }

            fn set(&self, value: u64, on_race: Violation) {
                if !in_finale() {
                    $count();
                    recorder::racing(on_race, || self.checked.with_mut(|_| ()));
                }
                self.value.store(value, StdOrdering::Relaxed);
            }
        }
    };
}
pub(super) use checked;
