//! What the checker says about programs that are wrong, and about programs that
//! wait.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64 as StdAtomicU64;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::sync::atomic::Ordering::*;
use seqfault_explorer::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, fence};
use seqfault_explorer::sync::{Condvar, Mutex, RwLock, RwLockWriteGuard};
use seqfault_explorer::{
    Builder, Failure, FailureKind, Limit, Model, Report, Verdict, choose, spin, thread,
};

fn check(program: impl Fn() + Send + Sync + 'static) -> Report {
    Builder::new().check(program)
}

#[track_caller]
fn fails(kind: FailureKind, program: impl Fn() + Send + Sync + 'static) -> Failure {
    let report = check(program);
    let failure = report
        .failure()
        .unwrap_or_else(|| panic!("{:?}", report.verdict))
        .clone();
    assert_eq!(failure.kind, kind, "{failure}");
    failure
}

#[track_caller]
fn count(program: impl Fn() + Send + Sync + 'static) -> u64 {
    check(program).unwrap().executions
}

#[test]
fn races_are_found_and_shown() {
    let publish = |order| {
        move || {
            let flag = Arc::new(AtomicBool::new(false));
            let data = Arc::new(UnsafeCell::new(0));
            let (f, d) = (flag.clone(), data.clone());
            thread::spawn(move || {
                // SAFETY: checked by the model.
                d.with_mut(|p| unsafe { *p = 7 });
                f.store(true, order);
            });
            if flag.load(Acquire) {
                // SAFETY: checked by the model.
                assert_eq!(data.with(|p| unsafe { *p }), 7);
            }
        }
    };
    assert_eq!(count(publish(Release)), 2);
    let failure = fails(FailureKind::DataRace, publish(Relaxed));
    assert!(failure.message.contains("behaviours.rs"), "{failure}");
    assert!(failure.execution.contains("write.rlx") && failure.execution.contains("from T1."));
    assert!(failure.dot.starts_with("digraph") && failure.dot.contains("label=rf"));
}

#[test]
fn a_pointer_published_without_release_is_a_race() {
    let publish = |order| {
        move || {
            let slot = Arc::new(AtomicPtr::new(std::ptr::null_mut::<AtomicU64>()));
            let s = slot.clone();
            thread::spawn(move || {
                s.store(Box::into_raw(Box::new(AtomicU64::new(5))), order);
            });
            let found = slot.load(Acquire);
            if !found.is_null() {
                // SAFETY: never freed.
                assert_eq!(unsafe { &*found }.load(Relaxed), 5);
            }
        }
    };
    assert_eq!(count(publish(Release)), 2);
    fails(FailureKind::DataRace, publish(Relaxed));
}

#[test]
fn panics_carry_their_execution() {
    let failure = fails(FailureKind::Panic, || {
        let x = Arc::new(AtomicU64::new(0));
        let y = x.clone();
        thread::spawn(move || y.store(1, Relaxed));
        assert_eq!(x.load(Relaxed), 0, "it was written");
    });
    assert!(failure.message.contains("it was written"));
    assert!(failure.message.contains("behaviours.rs"));
    assert!(
        failure.execution.contains("read.rlx x0 = 1 (from T1.0)"),
        "{failure}"
    );
}

#[test]
fn crossed_locks_deadlock() {
    fails(FailureKind::Deadlock, || {
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        let other = locks.clone();
        thread::spawn(move || {
            let _b = other.1.lock();
            let _a = other.0.lock();
        });
        let _a = locks.0.lock();
        let _b = locks.1.lock();
    });
}

#[test]
fn ordered_locks_do_not() {
    let n = count(|| {
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        let other = locks.clone();
        thread::spawn(move || {
            let _a = other.0.lock();
            let _b = other.1.lock();
        });
        let _a = locks.0.lock();
        let _b = locks.1.lock();
    });
    assert_eq!(n, 2);
}

#[test]
fn a_loop_that_waits_is_visited_once() {
    let n = count(|| {
        let x = Arc::new((AtomicBool::new(false), AtomicU64::new(0)));
        let y = x.clone();
        thread::spawn(move || {
            y.1.store(1, Relaxed);
            y.0.store(true, Release);
        });
        while !x.0.load(Acquire) {
            spin();
        }
        assert_eq!(x.1.load(Relaxed), 1);
    });
    assert_eq!(n, 1);
}

#[test]
fn a_loop_that_nothing_ends_is_a_livelock() {
    let failure = fails(FailureKind::Livelock, || {
        let x = Arc::new(AtomicU64::new(0));
        let y = x.clone();
        thread::spawn(move || y.store(1, Relaxed));
        while x.load(Relaxed) != 2 {
            spin();
        }
    });
    assert!(failure.message.contains("Spin"), "{failure}");
}

#[test]
fn a_spinning_lock() {
    let n = count(|| {
        let lock = Arc::new(AtomicBool::new(false));
        let data = Arc::new(UnsafeCell::new(0));
        for _ in 0..3 {
            let (lock, data) = (lock.clone(), data.clone());
            thread::spawn(move || {
                while lock
                    .compare_exchange(false, true, Acquire, Relaxed)
                    .is_err()
                {
                    spin();
                }
                // SAFETY: checked by the model.
                data.with_mut(|p| unsafe { *p += 1 });
                lock.store(false, Release);
            });
        }
    });
    assert_eq!(n, 6);
}

#[test]
fn an_endless_loop_is_a_bound_not_a_pass() {
    let report = Builder::new().max_events(20).check(|| {
        let x = AtomicU64::new(0);
        while x.load(Relaxed) == 0 {}
    });
    assert!(matches!(report.verdict, Verdict::Unknown(Limit::Events)));
}

#[test]
fn limits_are_not_passes() {
    let program = || {
        let x = Arc::new(AtomicU64::new(0));
        for _ in 0..9 {
            let x = x.clone();
            thread::spawn(move || x.fetch_add(1, Relaxed));
        }
    };
    let report = Builder::new().max_executions(10).check(program);
    assert!(matches!(
        report.verdict,
        Verdict::Unknown(Limit::Executions)
    ));
    let report = Builder::new()
        .max_time(Duration::from_millis(20))
        .check(program);
    assert!(matches!(report.verdict, Verdict::Unknown(Limit::Time)));
    assert!(report.progress.estimate > report.progress.executions as f64);
}

#[test]
fn the_estimate_ends_at_the_truth() {
    let progress = check(|| {
        let x = Arc::new(Mutex::new(0));
        for _ in 0..4 {
            let x = x.clone();
            thread::spawn(move || *x.lock().unwrap() += 1);
        }
    })
    .unwrap();
    assert!((progress.estimate - progress.runs() as f64).abs() < 1e-6);
}

#[test]
fn choices_are_all_tried() {
    let seen = Arc::new(StdMutex::new(BTreeSet::new()));
    let sink = seen.clone();
    let n = count(move || {
        let pair = (choose(3), choose(2));
        sink.lock().unwrap().insert(pair);
    });
    assert_eq!((n, seen.lock().unwrap().len()), (6, 6));
}

#[test]
fn choices_and_revisits_mix() {
    // 2 values times 2 reads, of a thread that comes first.
    let n = count(|| {
        let x = Arc::new(AtomicU64::new(0));
        let y = x.clone();
        let z = x.clone();
        thread::spawn(move || (y.load(Relaxed), choose(2)));
        thread::spawn(move || z.store(1 + choose(2) as u64, Relaxed));
    });
    assert_eq!(n, 8);
}

#[test]
fn a_program_that_depends_on_time_is_diagnosed() {
    let runs = Arc::new(StdAtomicU64::new(0));
    let failure = fails(FailureKind::Nondeterminism, move || {
        let run = runs.fetch_add(1, SeqCst);
        let x = Arc::new(AtomicU64::new(0));
        let y = x.clone();
        thread::spawn(move || y.store(1, Relaxed));
        if run == 0 {
            x.load(Relaxed);
            x.load(Relaxed);
        } else {
            x.store(2, Relaxed);
        }
    });
    assert!(
        failure.message.contains("Write") && failure.message.contains("Read"),
        "{failure}"
    );
    let runs = Arc::new(StdAtomicU64::new(0));
    fails(FailureKind::Nondeterminism, move || {
        let x = Arc::new(AtomicU64::new(0));
        let y = x.clone();
        let value = runs.fetch_add(1, SeqCst);
        thread::spawn(move || y.load(Relaxed));
        x.store(value, Relaxed);
        x.store(value, Relaxed);
    });
}

#[test]
fn readers_are_not_ordered() {
    let n = count(|| {
        let lock = Arc::new(RwLock::new(0));
        for _ in 0..4 {
            let lock = lock.clone();
            thread::spawn(move || *lock.read().unwrap());
        }
    });
    assert_eq!(n, 1);
    let n = count(|| {
        let lock = Arc::new(RwLock::new(0));
        for _ in 0..3 {
            let lock = lock.clone();
            thread::spawn(move || *lock.read().unwrap());
        }
        *lock.write().unwrap() += 1;
    });
    assert_eq!(n, 8);
}

/// A writer that goes on as a reader sees what it wrote, another writer's write comes before all of
/// it or after, and a reader may come in between. `tries`: in the lock's second shape.
fn downgrades(tries: bool) -> BTreeSet<(u64, u64)> {
    let seen = Arc::new(StdMutex::new(BTreeSet::new()));
    let sink = seen.clone();
    check(move || {
        let lock = Arc::new(RwLock::new(0));
        let (other, reader) = (lock.clone(), lock.clone());
        thread::spawn(move || *other.write().unwrap() = 2);
        let reader = thread::spawn(move || {
            let guard = if tries {
                reader.try_read().ok()
            } else {
                reader.read().ok()
            };
            guard.map_or(9, |guard| *guard)
        });
        let mut guard = lock.write().unwrap();
        *guard = 1;
        let guard = RwLockWriteGuard::downgrade(guard);
        let kept = *guard;
        // In the end, if no writer could come in, the reader could.
        let read = reader.join().unwrap();
        assert_eq!((*guard, kept), (1, 1));
        sink.lock().unwrap().insert((kept, read));
    })
    .unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[test]
fn a_writer_goes_on_as_a_reader() {
    assert_eq!(downgrades(false), BTreeSet::from([(1, 0), (1, 1), (1, 2)]));
    let tried = BTreeSet::from([(1, 0), (1, 1), (1, 2), (1, 9)]);
    assert_eq!(downgrades(true), tried);
}

#[test]
fn a_lock_is_tried_both_ways() {
    let seen = Arc::new(StdMutex::new(BTreeSet::new()));
    let sink = seen.clone();
    check(move || {
        let lock = Arc::new(Mutex::new(()));
        let other = lock.clone();
        thread::spawn(move || drop(other.lock()));
        let taken = lock.try_lock().is_ok();
        sink.lock().unwrap().insert(taken);
    })
    .unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
}

fn queue(notify_all: bool, waiters: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        for _ in 0..waiters {
            let shared = shared.clone();
            thread::spawn(move || {
                let ready = shared
                    .1
                    .wait_while(shared.0.lock().unwrap(), |ready| *ready == 0);
                drop(ready);
            });
        }
        *shared.0.lock().unwrap() = 1;
        if notify_all {
            shared.1.notify_all();
        } else {
            shared.1.notify_one();
        }
    }
}

#[test]
fn notifications() {
    check(queue(true, 1)).unwrap();
    check(queue(true, 2)).unwrap();
    check(queue(false, 1)).unwrap();
    fails(FailureKind::Deadlock, queue(false, 2));
    Builder::new()
        .spurious_wakeups(true)
        .check(queue(true, 2))
        .unwrap();
}

#[test]
fn a_wait_that_does_not_look_is_lost() {
    fails(FailureKind::Deadlock, || {
        let shared = Arc::new((Mutex::new(()), Condvar::new()));
        let other = shared.clone();
        thread::spawn(move || drop(other.1.wait(other.0.lock().unwrap())));
        shared.1.notify_one();
    });
}

#[test]
fn weak_exchanges_fail_if_asked_to() {
    let program = || {
        let x = AtomicU64::new(0);
        assert!(x.compare_exchange_weak(0, 1, Relaxed, Relaxed).is_ok());
    };
    check(program).unwrap();
    assert!(
        Builder::new()
            .spurious_failures(true)
            .check(program)
            .failure()
            .is_some()
    );
}

#[test]
fn updates_hide_nothing() {
    // A thread's own load must not hide what another thread reads.
    let seen = Arc::new(StdMutex::new(BTreeSet::new()));
    let sink = seen.clone();
    let program = move || {
        let x = Arc::new(AtomicU64::new(0));
        let (y, sink) = (x.clone(), sink.clone());
        thread::spawn(move || {
            let r = y.load(Relaxed);
            y.store(10, Relaxed);
            sink.lock().unwrap().insert((0, r));
        });
        x.store(20, Relaxed);
        x.load(Relaxed);
    };
    assert_eq!(
        Builder::new()
            .model(Model::Sc)
            .check(program)
            .unwrap()
            .executions,
        5
    );
    assert!(seen.lock().unwrap().contains(&(0, 20)));
}

#[test]
fn fences_of_dekker() {
    let dekker = |fenced: bool| {
        move || {
            let w = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
            let cell = Arc::new(UnsafeCell::new(0));
            for me in 0..2 {
                let (w, cell) = (w.clone(), cell.clone());
                thread::spawn(move || {
                    w[me].store(true, Relaxed);
                    if fenced {
                        fence(SeqCst);
                    }
                    if !w[1 - me].load(Relaxed) {
                        // SAFETY: checked by the model.
                        cell.with_mut(|p| unsafe { *p += 1 });
                    }
                });
            }
        }
    };
    check(dekker(true)).unwrap();
    fails(FailureKind::DataRace, dekker(false));
}

#[test]
fn statics_have_their_value_again() {
    static COUNT: AtomicU64 = AtomicU64::eternal(3);
    let n = count(|| {
        thread::spawn(|| COUNT.fetch_add(1, Relaxed));
        let old = COUNT.fetch_add(1, Relaxed);
        assert!(old == 3 || old == 4);
    });
    assert_eq!(n, 2);
}

#[test]
fn threads_spawn_threads() {
    let n = count(|| {
        let x = Arc::new(AtomicU64::new(0));
        for _ in 0..2 {
            let x = x.clone();
            thread::spawn(move || {
                let y = x.clone();
                let inner = thread::spawn(move || y.fetch_add(1, Relaxed));
                x.fetch_add(1, Relaxed);
                inner.join().unwrap();
            });
        }
    });
    assert_eq!(n, 24);
}
