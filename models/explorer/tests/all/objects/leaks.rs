//! What must be dropped, and when nothing leaks.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicU64 as StdAtomicU64, AtomicUsize};

use seqfault_explorer::alloc::{Ptr, Track};
use seqfault_explorer::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use seqfault_explorer::sync::atomic::{AtomicBool, AtomicU64};
use seqfault_explorer::sync::{Arc, Condvar, Mutex};
use seqfault_explorer::{Builder, FailureKind, Reduce, Verdict, choose, spin, thread};

use super::{fails, passes};

/// Counts its drops.
struct Counted(StdArc<StdAtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn what_is_tracked_must_be_dropped() {
    fails(FailureKind::Leak, &["a tracked value"], || {
        std::mem::forget(Track::new(5));
    });
    let counts = passes(|| {
        let mut track = Track::new(5);
        *track.get_mut() += 1;
        assert_eq!((*track, *track.get_ref()), (6, 6));
        let other = Track::new(1);
        assert_eq!(other.into_inner(), 1);
        thread::spawn(move || drop(track));
    });
    assert_eq!(counts, [1; 3]);
}

#[test]
fn a_leak_in_one_of_several_executions() {
    let program = |all: bool| {
        move || {
            let x = StdArc::new(AtomicU64::new(0));
            let y = x.clone();
            thread::spawn(move || y.store(1, Relaxed));
            let track = Track::new(());
            if x.load(Relaxed) == 1 && !all {
                std::mem::forget(track);
            }
        }
    };
    let failure = fails(FailureKind::Leak, &["a tracked value"], program(false));
    assert!(failure.execution.contains("= 1 (from T1.0)"), "{failure}");
    assert_eq!(passes(program(true)), [2; 3]);
}

#[test]
fn all_leaks_are_named() {
    let failure = fails(
        FailureKind::Leak,
        &["a tracked value", "an Arc", "memory"],
        || {
            std::mem::forget(Track::new(5));
            std::mem::forget(Arc::new(5));
            Ptr::new(5);
        },
    );
    assert_eq!(failure.message.matches("leaks.rs").count(), 3, "{failure}");
}

#[test]
fn handles_must_be_dropped() {
    struct Node(Mutex<Option<Arc<Node>>>);
    let cycle = |broken: bool| {
        move || {
            let node = Arc::new(Node(Mutex::new(None)));
            *node.0.lock().unwrap() = Some(node.clone());
            if broken {
                node.0.lock().unwrap().take();
            }
        }
    };
    fails(FailureKind::Leak, &["an Arc"], cycle(false));
    passes(cycle(true));
    fails(FailureKind::Leak, &["an Arc", "thread 1"], || {
        thread::spawn(|| std::mem::forget(Arc::new(())));
    });
}

/// Handles shared by `n` threads that increment once each.
fn increments(n: u64, ours: bool) -> impl Fn() + Send + Sync + Clone + 'static {
    fn with<A: Clone + 'static>(n: u64, x: A, word: fn(&A) -> &AtomicU64) {
        for _ in 0..n {
            let x = x.clone();
            thread::spawn(move || word(&x).fetch_add(1, Relaxed));
        }
    }
    move || {
        if ours {
            with(n, Arc::new(Track::new(AtomicU64::new(0))), |x| x.get_ref());
        } else {
            with(n, StdArc::new(AtomicU64::new(0)), |x| x);
        }
    }
}

#[test]
fn ends_multiply_nothing() {
    for n in 1..=4 {
        assert_eq!(passes(increments(n, true)), passes(increments(n, false)));
    }
}

#[test]
fn values_are_dropped_once() {
    let drops = StdArc::new(StdAtomicU64::new(0));
    let made = StdArc::new(AtomicUsize::new(0));
    let (d, m) = (drops.clone(), made.clone());
    let counted = move || {
        m.fetch_add(1, SeqCst);
        Counted(d.clone())
    };
    let program = move || {
        let freed = Ptr::new(counted());
        let left = Ptr::new(counted());
        let held = Ptr::new((counted(), Arc::new(counted()), Track::new(counted())));
        let mutex = StdArc::new(Mutex::new(0));
        for _ in 0..2 {
            let mutex = mutex.clone();
            thread::spawn(move || *mutex.lock().unwrap() += 1);
        }
        freed.free();
        held.free();
        if choose(2) == 1 {
            // Some runs end here.
            Condvar::new().wait(mutex.lock().unwrap()).unwrap();
        }
        left.free();
    };
    for unwind in [false, true] {
        let builder = Builder::new().allow_blocked(true).unwind(unwind);
        let builder = builder.reduce(Reduce::NONE);
        let progress = builder.check(program.clone()).unwrap();
        assert!(progress.executions > 0 && progress.blocked > 0 && progress.moot > 0);
        let made = made.swap(0, SeqCst) as u64;
        assert!(made >= 5 * progress.runs());
        // A run that is thrown away drops nothing, unless it is unwound.
        let dropped = if unwind {
            made
        } else {
            5 * progress.executions
        };
        assert_eq!(drops.swap(0, SeqCst), dropped);
    }
}

#[test]
fn only_complete_executions_leak() {
    let leaky = |end: fn()| {
        move || {
            let ptr = Ptr::new(1);
            let track = Track::new(());
            end();
            drop(track);
            ptr.free();
        }
    };
    // Blocked.
    let report = Builder::new().allow_blocked(true).check(leaky(|| {
        let mutex = Mutex::new(());
        let held = mutex.lock();
        let _ = mutex.lock();
        drop(held);
    }));
    assert_eq!(report.unwrap().blocked, 1);
    let report = Builder::new().check(leaky(|| {
        let mutex = Mutex::new(());
        let _held = mutex.lock();
        let _again = mutex.lock();
    }));
    assert_eq!(report.failure().unwrap().kind, FailureKind::Deadlock);
    // Failed.
    let report = Builder::new().check(leaky(|| panic!("on purpose")));
    assert_eq!(report.failure().unwrap().kind, FailureKind::Panic);
    // Bounded.
    let report = Builder::new().max_events(10).check(leaky(|| {
        let x = AtomicU64::new(0);
        while x.load(Relaxed) == 0 {}
    }));
    assert!(matches!(report.verdict, Verdict::Unknown(_)));
    // Moot.
    passes(|| {
        let x = StdArc::new(AtomicBool::new(false));
        let y = x.clone();
        thread::spawn(move || y.store(true, Release));
        let ptr = Ptr::new(1);
        while !x.load(Acquire) {
            spin();
        }
        ptr.free();
    });
}

#[test]
fn workers_find_leaks() {
    let program = |leak: bool| {
        move || {
            let x = StdArc::new(AtomicU64::new(0));
            let track = Arc::new(Track::new(()));
            for _ in 0..5 {
                let (x, track) = (x.clone(), track.clone());
                thread::spawn(move || {
                    if x.fetch_add(1, Relaxed) == 4 && leak {
                        std::mem::forget(track);
                    }
                });
            }
        }
    };
    let workers = Builder::new().workers(3);
    let failed = workers.check(program(true));
    assert_eq!(failed.failure().unwrap().kind, FailureKind::Leak);
    assert_eq!(workers.check(program(false)).unwrap().executions, 120);
}
