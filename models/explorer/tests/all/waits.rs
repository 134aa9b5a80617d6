//! Waits and notifications: what C++20 [thread.condition] says of them, and no more.

use std::sync::Arc;

use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::mutation::Mutation;
use seqfault_explorer::sync::atomic::Ordering::{Acquire, Release};
use seqfault_explorer::sync::atomic::fence;
use seqfault_explorer::sync::{Condvar, Mutex};
use seqfault_explorer::{Builder, FailureKind, Model, thread};

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];

/// A thread that is seen to wait has released its mutex. The attempt comes before the woken
/// thread has the mutex again, while it has it, or after: not while it enters the wait.
/// Under RC11 and C++20 an attempt may fail without a reason.
#[test]
fn an_attempt_after_a_notification() {
    for (model, executions) in MODELS.into_iter().zip([3, 3, 4, 4]) {
        let builder = Builder::new().model(model).allow_blocked(true);
        let found = builder.check(attempt).unwrap();
        assert_eq!(found.executions, executions, "{model:?}");
    }
}

/// One thread waits, the other notifies it and tries to take its mutex.
fn attempt() {
    let shared = Arc::new((Mutex::new(()), Condvar::new()));
    let other = shared.clone();
    thread::spawn(move || drop(other.1.wait(other.0.lock().unwrap())));
    shared.1.notify_all();
    drop(shared.0.try_lock());
}

/// Without the order of all waits a thread that waits is passed by; without the step, an
/// attempt fails while a wait is entered.
#[test]
fn a_defect_is_noticed() {
    let late = Builder::new().mutate(Mutation::Waits).check(|| relay(true));
    let failure = late.failure().expect("a failure");
    assert_eq!(failure.kind, FailureKind::Deadlock, "{failure}");
    let builder = Builder::new().model(Model::Sc).allow_blocked(true);
    let found = builder.mutate(Mutation::Step).check(attempt).unwrap();
    assert_eq!(found.executions, 4);
}

/// Two waits at a time, with attempts at either mutex: a wait may be entered while
/// another is.
#[test]
fn attempts_at_two_mutexes() {
    let program = || {
        let shared = Arc::new(([Mutex::new(()), Mutex::new(())], Condvar::new()));
        for at in 0..2 {
            let other = shared.clone();
            thread::spawn(move || drop(other.1.wait(other.0[at].lock().unwrap())));
        }
        shared.1.notify_all();
        for mutex in &shared.0 {
            drop(mutex.try_lock());
        }
    };
    for model in [Model::Sc, Model::Tso] {
        let builder = Builder::new().model(model).allow_blocked(true);
        let found = builder.check(program).unwrap();
        // The waits in any order, and three places of each attempt.
        assert_eq!(found.executions, 2 * 3 * 3, "{model:?}");
    }
}

/// A thread that is woken, and then notifies another condition variable, passes by no
/// thread that waited there before the notification that woke it.
#[test]
fn one_order_of_all_condition_variables() {
    for model in MODELS {
        let builder = Builder::new().model(model);
        builder.check(|| relay(true)).unwrap();
        let broken = builder.check(|| relay(false));
        let failure = broken.failure().expect("a failure");
        assert_eq!(failure.kind, FailureKind::Deadlock, "{model:?}");
    }
}

/// One thread is woken by the first one, and wakes another; both wait unless they were
/// told not to. Is the last told in time?
fn relay(in_time: bool) {
    type Place = (Mutex<[bool; 2]>, Condvar);
    let places = Arc::new([Place::default(), Place::default()]);
    for at in 0..2 {
        let places = places.clone();
        thread::spawn(move || {
            let mut held = places[at].0.lock().unwrap();
            if !held[1] {
                held[0] = true;
                held = places[at].1.wait(held).unwrap();
            }
            drop(held);
            if at == 0 {
                places[1].1.notify_all();
            }
        });
    }
    let tell = |at: usize| {
        let mut held = places[at].0.lock().unwrap();
        held[1] = true;
        held[0]
    };
    let waits = tell(0);
    if in_time {
        tell(1);
    }
    places[usize::from(!waits)].1.notify_all();
    if !in_time {
        tell(1);
    }
}

/// A notification is no release, and to be woken no acquire: not with fences either.
#[test]
fn a_notification_does_not_synchronise() {
    let report = Builder::new().allow_blocked(true).check(|| {
        let shared = Arc::new((Mutex::new(()), Condvar::new(), UnsafeCell::new(0)));
        let other = shared.clone();
        thread::spawn(move || {
            drop(other.1.wait(other.0.lock().unwrap()));
            fence(Acquire);
            // SAFETY: checked by the model.
            other.2.with(|p| unsafe { *p });
        });
        // SAFETY: checked by the model.
        shared.2.with_mut(|p| unsafe { *p = 1 });
        fence(Release);
        shared.1.notify_all();
    });
    let failure = report.failure().expect("a failure");
    assert_eq!(failure.kind, FailureKind::DataRace, "{failure}");
}
