//! What users of other checkers have complained of: each is searched to its end here, or said not
//! to be.

use seqfault_explorer::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use seqfault_explorer::sync::atomic::{AtomicBool, AtomicUsize};
use seqfault_explorer::sync::{Arc, Mutex};
use seqfault_explorer::{Builder, FailureKind, Limit, Report, Verdict, spin, thread};

fn check(program: impl Fn() + Send + Sync + 'static) -> Report {
    Builder::new().check(program)
}

/// The two ways to mark a loop that waits.
const MARKS: [fn(); 2] = [spin, thread::yield_now];

/// loom, issue 376: of two attempts at a mutex one may fail, and nothing hangs.
#[test]
fn attempts_at_one_mutex_end() {
    check(|| {
        let mutex = Arc::new(Mutex::new(0));
        let other = mutex.clone();
        let handle = thread::spawn(move || other.try_lock().is_ok());
        let held = mutex.try_lock();
        let one_of_two = handle.join().unwrap() || held.is_ok();
        assert!(one_of_two);
    })
    .unwrap();
}

/// A lock that is spun on, around a counter that nothing else protects.
fn spinning(wait: impl Fn() + Copy + Send + Sync + 'static) -> Report {
    check(move || {
        let lock = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicUsize::new(0));
        let handles = [(); 2].map(|()| {
            let (lock, count) = (lock.clone(), count.clone());
            thread::spawn(move || {
                while lock
                    .compare_exchange(false, true, Acquire, Relaxed)
                    .is_err()
                {
                    wait();
                }
                count.store(count.load(Relaxed) + 1, Relaxed);
                lock.store(false, Release);
            })
        });
        for handle in handles {
            handle.join().unwrap();
        }
        assert_eq!(count.load(Relaxed), 2);
    })
}

/// loom, issue 162: a thread that spins on a lock may spin for ever, if it does not say that it
/// waits.
#[test]
fn a_lock_that_is_spun_on_is_searched_to_the_end() {
    for wait in MARKS {
        assert_eq!(spinning(wait).unwrap().executions, 2);
    }
    let unmarked = spinning(|| ());
    let Verdict::Unknown(Limit::Events) = unmarked.verdict else {
        panic!("{:?}", unmarked.verdict);
    };
    assert!(
        unmarked
            .cut
            .expect("a place")
            .contains("ends each iteration with `spin()`")
    );
}

/// Three that wait for their turns: an order of the three, and no more.
#[test]
fn turns_have_an_execution_for_each_order() {
    for wait in MARKS {
        let found = check(move || {
            let next = Arc::new(AtomicUsize::new(0));
            let serving = Arc::new(AtomicUsize::new(0));
            let handles = [(); 3].map(|()| {
                let (next, serving) = (next.clone(), serving.clone());
                thread::spawn(move || {
                    let turn = next.fetch_add(1, Relaxed);
                    while serving.load(Acquire) != turn {
                        wait();
                    }
                    serving.store(turn + 1, Release);
                })
            });
            for handle in handles {
                handle.join().unwrap();
            }
        });
        assert_eq!(found.unwrap().executions, 6);
    }
}

/// loom, issue 191: two flags, and two threads that see them set in the same order, if all is SeqCst.
#[test]
fn flags_are_seen_in_one_order() {
    let seen = |order| {
        check(move || {
            let (x, y) = (
                Arc::new(AtomicBool::new(false)),
                Arc::new(AtomicBool::new(false)),
            );
            let seen = Arc::new(AtomicUsize::new(0));
            let store = if order == SeqCst { SeqCst } else { Release };
            for flag in [x.clone(), y.clone()] {
                thread::spawn(move || flag.store(true, store));
            }
            let reader = |first: &Arc<AtomicBool>, second: &Arc<AtomicBool>| {
                let (first, second, seen) = (first.clone(), second.clone(), seen.clone());
                thread::spawn(move || {
                    while !first.load(order) {
                        spin();
                    }
                    if second.load(order) {
                        seen.fetch_add(1, Relaxed);
                    }
                })
            };
            let readers = [reader(&x, &y), reader(&y, &x)];
            for reader in readers {
                reader.join().unwrap();
            }
            assert_ne!(seen.load(Relaxed), 0, "each saw the other flag unset");
        })
    };
    seen(SeqCst).unwrap();
    let weaker = seen(Acquire);
    assert_eq!(
        weaker.failure().expect("it is not enough").kind,
        FailureKind::Panic
    );
}

/// loom, issue 398: a bounded queue of two places, by a sequence number in each, and three
/// threads that put.
#[test]
fn a_bounded_queue_takes_what_it_has_room_for() {
    check(|| {
        let tail = Arc::new(AtomicUsize::new(0));
        let places: Arc<[AtomicUsize; 2]> = Arc::new([0, 1].map(AtomicUsize::new));
        let handles = [(); 3].map(|()| {
            let (tail, places) = (tail.clone(), places.clone());
            thread::spawn(move || {
                let mut at = tail.load(Relaxed);
                loop {
                    let number = places[at % 2].load(Acquire);
                    if number < at {
                        return false;
                    } else if number > at {
                        at = tail.load(Relaxed);
                        continue;
                    }
                    match tail.compare_exchange_weak(at, at + 1, AcqRel, Relaxed) {
                        Ok(_) => {
                            places[at % 2].store(at + 1, Release);
                            return true;
                        }
                        Err(now) => at = now,
                    }
                }
            })
        });
        let put = handles.map(|handle| handle.join().unwrap());
        assert!(put.iter().filter(|put| **put).count() <= 2);
    })
    .unwrap();
}

/// GenMC, issue 43: what comes behind a loop that is cut is not taken for right.
#[test]
fn what_comes_behind_a_cut_is_not_passed() {
    let long = |events| {
        Builder::new().max_events(events).check(|| {
            let count = Arc::new(AtomicUsize::new(0));
            let counts = count.clone();
            let handle = thread::spawn(move || {
                (0..3_000).for_each(|_| {
                    counts.fetch_add(1, Relaxed);
                })
            });
            handle.join().unwrap();
            assert_eq!(count.load(Relaxed), 0, "behind the loop");
        })
    };
    assert!(matches!(
        long(1_000).verdict,
        Verdict::Unknown(Limit::Events)
    ));
    let failure = long(7_000);
    assert!(
        failure
            .failure()
            .expect("it is seen")
            .message
            .contains("behind the loop")
    );
}
