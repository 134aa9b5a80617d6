//! Loops that wait: a thread is cut in one only if that is found to lose nothing.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use seqfault_explorer::alloc::Ptr;
use seqfault_explorer::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use seqfault_explorer::sync::atomic::{AtomicBool, AtomicU64, fence};
use seqfault_explorer::sync::{Mutex, RwLock};
use seqfault_explorer::{Builder, FailureKind, Limit, Report, Verdict, spin, thread};

/// A thread that sets a flag, and one that waits for that somehow.
fn flag(wait: impl Fn(&AtomicU64) + Send + Sync + 'static) -> Report {
    Builder::new().check(move || {
        let flag = Arc::new(AtomicU64::new(0));
        let sets = flag.clone();
        let handle = thread::spawn(move || sets.store(1, Release));
        wait(&flag);
        handle.join().unwrap();
    })
}

#[track_caller]
fn gives_up(report: &Report) {
    let failure = report.failure().expect("a failure");
    assert_eq!(failure.kind, FailureKind::Panic, "{failure}");
    assert!(failure.message.contains("given up"), "{failure}");
}

/// It is no pass, and says where and why.
#[track_caller]
fn is_not_proved(report: &Report) {
    assert!(
        matches!(report.verdict, Verdict::Unknown(Limit::Events)),
        "{:?}",
        report.verdict
    );
    let cut = report.cut.as_deref().unwrap_or_default();
    assert!(
        cut.contains("tests/all/spins.rs") && cut.contains("not proved"),
        "{cut}"
    );
}

#[test]
fn a_wait_is_visited_once() {
    for wait in [spin, thread::yield_now] {
        let found = flag(move |flag| {
            while flag.load(Acquire) == 0 {
                wait();
            }
        });
        assert_eq!(found.unwrap().executions, 1);
    }
}

#[test]
fn a_loop_that_gives_up_is_followed_until_it_does() {
    gives_up(&flag(|flag| {
        let tries = (0..3).any(|_| {
            let set = flag.load(Acquire) == 1;
            if !set {
                spin();
            }
            set
        });
        assert!(tries, "given up");
    }));
    // All ways are visited: to see the flag in the first iteration, and so on, or never.
    let found = flag(|flag| {
        for _ in 0..3 {
            if flag.load(Acquire) == 1 {
                break;
            }
            spin();
        }
    });
    assert_eq!(found.unwrap().executions, 4);
}

/// Wherever the thread counts, and however far it does.
#[test]
fn a_count_is_seen() {
    gives_up(&flag(|flag| {
        let mut left = Box::new(300);
        while flag.load(Acquire) == 0 {
            *left -= 1;
            assert!(*left > 0, "given up");
            spin();
        }
    }));
    is_not_proved(&flag(|flag| {
        let mut iterations = 0_u64;
        while flag.load(Acquire) == 0 {
            iterations += 1;
            spin();
        }
        assert!(std::hint::black_box(iterations) < u64::MAX);
    }));
}

#[test]
fn an_effect_is_seen() {
    is_not_proved(&flag(|flag| {
        let other = AtomicU64::new(0);
        while flag.load(Acquire) == 0 {
            other.store(1, Relaxed);
            spin();
        }
    }));
    is_not_proved(&flag(|flag| {
        while flag.load(Acquire) == 0 {
            let _ = Ptr::new(1);
            spin();
        }
    }));
    // The loop is as long as it is: each iteration has its write.
    let found = flag(|flag| {
        while flag.fetch_add(2, Relaxed) < 4 {
            spin();
        }
    });
    assert_eq!(found.unwrap().executions, 4);
}

#[test]
fn outside_of_loops_it_does_nothing() {
    assert_eq!(flag(|_| spin()).unwrap().executions, 1);
}

/// What an iteration reads may change while it is read.
#[test]
fn a_reader_of_a_sequence_count_waits() {
    let report = Builder::new().check(|| {
        let words = Arc::new([(); 3].map(|()| AtomicU64::new(0)));
        let writes = words.clone();
        thread::spawn(move || {
            writes[0].store(1, Relaxed);
            fence(Release);
            writes[1].store(1, Relaxed);
            writes[2].store(1, Relaxed);
            writes[0].store(2, Release);
        });
        loop {
            let before = words[0].load(Acquire);
            let [x, y] = [1, 2].map(|at: usize| words[at].load(Relaxed));
            fence(Acquire);
            if before.is_multiple_of(2) && words[0].load(Relaxed) == before {
                assert_eq!(x, y);
                break;
            }
            spin();
        }
    });
    assert_eq!(report.unwrap().executions, 2);
}

#[test]
fn a_swap_that_changes_nothing_waits() {
    let report = Builder::new().check(|| {
        let lock = Arc::new(AtomicBool::new(false));
        for _ in 0..2 {
            let lock = lock.clone();
            thread::spawn(move || {
                while lock.swap(true, Acquire) {
                    spin();
                }
                lock.store(false, Release);
            });
        }
    });
    assert_eq!(report.unwrap().executions, 2);
    let report = Builder::new().check(|| {
        let lock = AtomicBool::new(true);
        while lock.swap(true, Acquire) {
            spin();
        }
    });
    let failure = report.failure().expect("no thread leaves it");
    assert_eq!(failure.kind, FailureKind::Livelock, "{failure}");
}

#[test]
fn a_look_under_a_lock_waits() {
    let report = Builder::new().check(|| {
        let done = Arc::new(Mutex::new(false));
        let sets = done.clone();
        thread::spawn(move || *sets.lock().unwrap() = true);
        while !*done.lock().unwrap() {
            thread::yield_now();
        }
    });
    assert_eq!(report.unwrap().executions, 1);
    let report = Builder::new().check(|| {
        let done = Arc::new(RwLock::new(false));
        let sets = done.clone();
        thread::spawn(move || *sets.write().unwrap() = true);
        while !*done.read().unwrap() {
            thread::yield_now();
        }
    });
    assert_eq!(report.unwrap().executions, 1);
    is_not_proved(&Builder::new().check(|| {
        let done = Arc::new(Mutex::new((false, 0)));
        let sets = done.clone();
        thread::spawn(move || sets.lock().unwrap().0 = true);
        loop {
            let mut held = done.lock().unwrap();
            if held.0 {
                break;
            }
            held.1 += 1;
            drop(held);
            spin();
        }
    }));
}

/// A thread that tries to take the mutex meanwhile is kept out by such a look.
#[test]
fn a_look_under_a_lock_that_is_tried_is_a_step() {
    let report = Builder::new().check(|| {
        let done = Arc::new(Mutex::new(()));
        let tries = done.clone();
        let handle = thread::spawn(move || tries.try_lock().is_err());
        for _ in 0..2 {
            drop(done.lock().unwrap());
            spin();
        }
        assert!(!handle.join().unwrap(), "given up");
    });
    gives_up(&report);
}

#[test]
fn a_loop_without_a_mark_is_told_what_to_use() {
    let report = flag(|flag| while flag.load(Acquire) == 0 {});
    assert!(matches!(report.verdict, Verdict::Unknown(Limit::Events)));
    let cut = report.cut.as_deref().unwrap_or_default();
    assert!(
        cut.contains("tests/all/spins.rs") && cut.contains("`spin()`"),
        "{cut}"
    );
}

/// That a thread has waited is seen, wherever it keeps that.
#[test]
fn the_first_iteration_counts() {
    gives_up(&flag(|flag| {
        let mut waited = false;
        while flag.load(Relaxed) == 0 {
            waited = true;
            spin();
        }
        assert!(!waited, "given up");
    }));
    gives_up(&flag(|flag| {
        let mut iterations = 0;
        while flag.load(Relaxed) == 0 {
            iterations = 1_u64.min(iterations + 1);
            spin();
        }
        assert_eq!(iterations, 0, "given up");
    }));
    gives_up(&flag(|flag| {
        #[inline(never)]
        fn wait(flag: &AtomicU64, waited: &mut bool) {
            while flag.load(Relaxed) == 0 {
                *waited = true;
                spin();
            }
        }
        let mut waited = false;
        wait(flag, std::hint::black_box(&mut waited));
        assert!(!waited, "given up");
    }));
    gives_up(&flag(|flag| {
        let waited = Box::new(Cell::new(false));
        while flag.load(Relaxed) == 0 {
            waited.set(true);
            spin();
        }
        assert!(!waited.get(), "given up");
    }));
    gives_up(&flag(|flag| {
        let iterations = Rc::new(Cell::new(0_u64));
        while flag.load(Relaxed) == 0 {
            iterations.set(iterations.get() + 1);
            spin();
        }
        assert_eq!(iterations.get(), 0, "given up");
    }));
}

/// It is seen later too, and of one of several loops.
#[test]
fn that_a_thread_has_waited_is_seen_later() {
    let report = Builder::new().check(|| {
        let flags = Arc::new([(); 2].map(|()| AtomicU64::new(0)));
        let sets = flags.clone();
        thread::spawn(move || sets.iter().for_each(|flag| flag.store(1, Release)));
        let waited: Vec<bool> = (flags.iter())
            .map(|flag| {
                let mut waited = false;
                while flag.load(Acquire) == 0 {
                    waited = true;
                    spin();
                }
                waited
            })
            .collect();
        assert!(!waited[0] || !waited[1], "given up");
    });
    gives_up(&report);
}

/// What is read in the first iteration only is seen to be.
#[test]
fn a_second_load_in_the_first_iteration_is_followed() {
    let other = |wanted: u64| {
        Builder::new().check(move || {
            let words = Arc::new([(); 2].map(|()| AtomicU64::new(0)));
            let sets = words.clone();
            thread::spawn(move || {
                sets[1].store(1, Relaxed);
                sets[0].store(1, Release);
            });
            let mut first = None;
            while words[0].load(Acquire) == 0 {
                first.get_or_insert_with(|| words[1].load(Relaxed));
                spin();
            }
            assert_ne!(first, Some(wanted), "given up");
        })
    };
    gives_up(&other(0));
    gives_up(&other(1));
    other(2).unwrap();
}

/// Loops without an effect cost no executions, nor does the iteration that is followed.
#[test]
fn an_iteration_that_leaves_nothing_is_moot() {
    for loops in 1..=3 {
        let report = Builder::new().check(move || {
            let flags = Arc::new([(); 3].map(|()| AtomicU64::new(0)));
            let sets = flags.clone();
            thread::spawn(move || sets.iter().for_each(|flag| flag.store(1, Release)));
            for flag in &flags[..loops] {
                while flag.load(Acquire) == 0 {
                    spin();
                }
            }
        });
        assert_eq!(report.unwrap().executions, 1);
    }
}
