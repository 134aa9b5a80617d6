//! Threads that wait for an object, or try again, and need not see it made. What such a thread reads in
//! the end may order it after the creation, and is all of it that is left with reductions.

use std::sync::{Arc, OnceLock};

use seqfault_explorer::graph::event::Order;
use seqfault_explorer::ops::{self, Object};
use seqfault_explorer::sync::atomic::Ordering::{self, *};
use seqfault_explorer::sync::atomic::{AtomicBool, AtomicU64, Until};
use seqfault_explorer::sync::{Mutex, RwLock};
use seqfault_explorer::{Builder, FailureKind, Model, Reduce, thread};

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];

/// What one thread does with a thing that it has made, in the course of which it tells another
/// thread of it; and what that one does with it.
#[derive(Clone, Copy)]
struct Program<T> {
    new: fn() -> T,
    tells: fn(&T, &dyn Fn()),
    uses: fn(&T),
}

impl<T: Send + Sync + 'static> Program<T> {
    /// How it fails if the other thread is told with these orderings.
    fn failure(
        &self,
        reduce: Reduce,
        model: Model,
        (store, load): (Ordering, Ordering),
    ) -> Option<FailureKind> {
        let &Program { new, tells, uses } = self;
        let builder = Builder::new().model(model).reduce(reduce);
        let report = builder.allow_blocked(true).check(move || {
            let shared = Arc::new((AtomicBool::new(false), OnceLock::new()));
            let theirs = shared.clone();
            thread::spawn(move || {
                if theirs.0.load(load) {
                    uses(theirs.1.get().expect("it was made before the flag was set"));
                }
            });
            tells(shared.1.get_or_init(new), &|| shared.0.store(true, store));
        });
        report.failure().map(|failure| failure.kind)
    }

    /// Whatever is left out, that nothing orders the use after the creation is a race, and is found.
    #[track_caller]
    fn is_a_race_if_relaxed(&self, models: &[Model]) {
        for reduce in [Reduce::NONE, Reduce::ALL] {
            for &model in models {
                let relaxed = self.failure(reduce, model, (Relaxed, Relaxed));
                assert_eq!(
                    relaxed,
                    Some(FailureKind::DataRace),
                    "{model:?}, {reduce:?}"
                );
                let ordered = self.failure(reduce, model, (Release, Acquire));
                assert_eq!(ordered, None, "{model:?}, {reduce:?}");
            }
        }
    }
}

/// The other thread is let in by the end of the section, in all runs that are left.
#[test]
fn a_lock_that_is_held_while_the_other_thread_is_told() {
    let mutex = Program {
        new: || Mutex::new(()),
        tells: |mutex, tell| {
            let held = mutex.lock().unwrap();
            tell();
            drop(held);
        },
        uses: |mutex| drop(mutex.lock().unwrap()),
    };
    mutex.is_a_race_if_relaxed(&MODELS);
    let rwlock = Program {
        new: || RwLock::new(()),
        tells: |lock, tell| {
            let held = lock.write().unwrap();
            tell();
            drop(held);
        },
        uses: |lock| drop(lock.write().unwrap()),
    };
    rwlock.is_a_race_if_relaxed(&MODELS);
}

/// The same without reductions: the attempt to enter reads the second section's write, which is part of
/// what the end of the first section releases.
#[test]
fn a_lock_that_was_held_twice() {
    let mutex = Program {
        new: || Mutex::new(()),
        tells: |mutex, tell| {
            drop(mutex.lock().unwrap());
            let held = mutex.lock().unwrap();
            tell();
            drop(held);
        },
        uses: |mutex| drop(mutex.lock().unwrap()),
    };
    mutex.is_a_race_if_relaxed(&MODELS);
}

#[test]
fn a_value_that_comes_when_the_other_thread_is_told() {
    let word = Program {
        new: || AtomicU64::new(0),
        tells: |word, tell| {
            tell();
            word.store(1, Release);
        },
        uses: |word| {
            word.load_until(Until::set(1), Acquire);
        },
    };
    word.is_a_race_if_relaxed(&MODELS);
    let forever = Program {
        uses: |word: &AtomicU64| {
            word.load_until(Until::set(2), Acquire);
        },
        ..word
    };
    forever.is_a_race_if_relaxed(&MODELS);
}

/// Before a loop finds what it exchanges, it loads, or has found, something else.
#[test]
fn a_value_that_is_found_in_one_step() {
    let count = Program {
        new: || AtomicU64::new(0),
        tells: |count, tell| {
            count.fetch_add(1, Release);
            tell();
        },
        uses: |count| {
            let _ = count.fetch_update(Acquire, Acquire, |now| now.checked_add(1));
        },
    };
    // Under SC and TSO the load finds what was written, and acquires.
    count.is_a_race_if_relaxed(&[Model::Rc11, Model::Cpp20]);
    let within = Program {
        new: Object::new,
        tells: |word, tell| {
            let _ = ops::rmw(word, 1, Order::RELEASE, |old| Some(old + 1));
            tell();
        },
        uses: |word| {
            let orders = (Order::ACQUIRE, Order::RELAXED);
            let _ = ops::rmw_within(word, 1, 1..=9, orders, |old| old + 1);
        },
    };
    within.is_a_race_if_relaxed(&MODELS);
}

/// The first attempt of the loop finds the value that it begins with, and is the only one.
#[test]
fn a_value_that_is_found_at_once() {
    let within = Program {
        new: Object::new,
        tells: |word, tell| {
            let _ = ops::rmw(word, 2, Order::RELEASE, Some);
            tell();
        },
        uses: |word| {
            let orders = (Order::ACQUIRE, Order::RELAXED);
            let _ = ops::rmw_within(word, 2, 2..=9, orders, |old| old + 1);
        },
    };
    for reduce in [Reduce::NONE, Reduce::ALL] {
        let found = within.failure(reduce, Model::Rc11, (Relaxed, Relaxed));
        assert_eq!(found, None, "{reduce:?}");
    }
}
