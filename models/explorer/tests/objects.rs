//! Things with an end: leaks, uses after it, and what orders destructors.

use std::sync::atomic::{AtomicU64 as StdAtomicU64, AtomicUsize};
use std::sync::{Arc as StdArc, Mutex as StdMutex};

use seqfault_explorer::alloc::{Layout, Link, Ptr, Track, alloc, dealloc};
use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::sync::atomic::Ordering::{self, *};
use seqfault_explorer::sync::atomic::{AtomicBool, AtomicU64};
use seqfault_explorer::sync::{Arc, Condvar, Mutex, Weak};
use seqfault_explorer::{Builder, Failure, FailureKind, Model, Verdict, choose, spin, thread};

const MODELS: [Model; 3] = [Model::Sc, Model::Tso, Model::Rc11];

/// The number of executions under each model.
#[track_caller]
fn passes(program: impl Fn() + Send + Sync + Clone + 'static) -> [u64; 3] {
    MODELS.map(|model| {
        let report = Builder::new().model(model).check(program.clone());
        report.unwrap().executions
    })
}

/// The failure under RC11; each model must have one of this kind, with all of
/// these words in its text.
#[track_caller]
fn fails(
    kind: FailureKind,
    words: &[&str],
    program: impl Fn() + Send + Sync + Clone + 'static,
) -> Failure {
    let failures = MODELS.map(|model| {
        let report = Builder::new().model(model).check(program.clone());
        let Some(failure) = report.failure() else {
            panic!("{model:?}: {:?}", report.verdict)
        };
        assert_eq!(failure.kind, kind, "{model:?}: {failure}");
        for word in words {
            assert!(failure.message.contains(word), "{model:?}: {failure}");
        }
        assert!(failure.message.contains("objects.rs:"), "{failure}");
        assert!(failure.dot.starts_with("digraph"), "{failure}");
        failure.clone()
    });
    failures[2].clone()
}

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
    assert_eq!(
        failure.message.matches("objects.rs").count(),
        3,
        "{failure}"
    );
}

#[test]
fn allocations_must_be_freed() {
    fails(FailureKind::Leak, &["memory", "thread 1"], || {
        thread::spawn(|| Ptr::new(AtomicU64::new(0)).with(|x| x.store(1, Relaxed)));
    });
    let counts = passes(|| {
        let ptr = Ptr::new(0);
        let handle = thread::spawn(move || {
            // SAFETY: checked by the model.
            ptr.with_mut(|x| unsafe { *x += 1 });
        });
        handle.join().unwrap();
        ptr.with(|x| assert_eq!(*x, 1));
        ptr.free();
    });
    assert_eq!(counts, [1; 3]);
}

#[test]
fn a_use_after_the_end() {
    fails(FailureKind::UseAfterFree, &["reads", "freed it"], || {
        let ptr = Ptr::new(0);
        let handle = thread::spawn(move || ptr.free());
        handle.join().unwrap();
        ptr.with(|_| ());
    });
    fails(FailureKind::UseAfterFree, &["writes", "freed it"], || {
        let ptr = Ptr::new(0);
        ptr.free();
        ptr.with_mut(|_| ());
    });
    fails(FailureKind::UseAfterFree, &["reads"], || {
        let ptr = Ptr::new(0);
        ptr.with(|_| ptr.free());
    });
}

#[test]
fn a_use_that_nothing_orders_with_the_end() {
    for uses_first in [true, false] {
        fails(FailureKind::DataRace, &["frees", "reads"], move || {
            let ptr = Ptr::new(0);
            if uses_first {
                thread::spawn(move || ptr.with(|_| ()));
                ptr.free();
            } else {
                thread::spawn(move || ptr.free());
                ptr.with(|_| ());
            }
        });
    }
}

#[test]
fn a_second_end() {
    fails(FailureKind::DoubleFree, &["frees", "has freed"], || {
        let ptr = Ptr::new(0);
        thread::spawn(move || ptr.free()).join().unwrap();
        ptr.free();
    });
    fails(FailureKind::DoubleFree, &["frees", "has freed"], || {
        let ptr = Ptr::new(0);
        thread::spawn(move || ptr.free());
        ptr.free();
    });
}

#[test]
fn a_use_before_the_creation_is_seen() {
    let publish = |order| {
        move || {
            let link = StdArc::new(Link::new(None));
            let reader = link.clone();
            let handle = thread::spawn(move || {
                if let Some(ptr) = reader.load(Acquire) {
                    ptr.with(|x: &i32| assert_eq!(*x, 7));
                }
            });
            let ptr = Ptr::new(7);
            link.store(Some(ptr), order);
            handle.join().unwrap();
            ptr.free();
        }
    };
    assert_eq!(passes(publish(Release)), [2; 3]);
    fails(FailureKind::DataRace, &["uses", "makes"], publish(Relaxed));
}

/// A reader follows a pointer that a writer replaces and frees. With a grace
/// period, the writer waits until no reader can hold it.
fn rcu(grace: bool, order: Ordering) -> impl Fn() + Send + Sync + Clone + 'static {
    move || {
        let link = StdArc::new((Link::new(Some(Ptr::new(1))), AtomicBool::new(false)));
        let reader = link.clone();
        thread::spawn(move || {
            let ptr = reader.0.load(Acquire).expect("never empty");
            ptr.with(|x| assert!(*x == 1 || *x == 2));
            reader.1.store(true, order);
        });
        let new = Ptr::new(2);
        let old = link.0.swap(Some(new), AcqRel).expect("never empty");
        if grace {
            while !link.1.load(Acquire) {
                spin();
            }
        }
        old.free();
        while !link.1.load(Acquire) {
            spin();
        }
        new.free();
    }
}

#[test]
fn a_grace_period() {
    assert_eq!(passes(rcu(true, Release)), [2; 3]);
    fails(
        FailureKind::DataRace,
        &["frees", "reads"],
        rcu(false, Release),
    );
    fails(
        FailureKind::DataRace,
        &["frees", "reads"],
        rcu(true, Relaxed),
    );
}

#[test]
fn links_compare() {
    passes(|| {
        let (a, b) = (Ptr::new(1), Ptr::new(1));
        assert!(a != b && a.ptr_eq(a));
        let link = Link::new(Some(a));
        assert_eq!(
            link.compare_exchange(None, None, Relaxed, Relaxed),
            Err(Some(a))
        );
        assert_eq!(
            link.compare_exchange(Some(a), Some(b), Relaxed, Relaxed),
            Ok(Some(a))
        );
        assert_eq!(link.load(Relaxed), Some(b));
        a.free();
        b.free();
    });
}

#[test]
fn bytes_must_be_freed() {
    let layout = Layout::new::<u64>();
    // SAFETY: a layout with a size.
    fails(FailureKind::Leak, &["memory"], move || unsafe {
        alloc(layout);
    });
    // SAFETY: a layout with a size; the second end is the point.
    fails(FailureKind::DoubleFree, &["has freed"], move || unsafe {
        let data = alloc(layout);
        dealloc(data, layout);
        dealloc(data, layout);
    });
    // SAFETY: a layout with a size; the wrong one is the point.
    fails(FailureKind::InvalidFree, &["layout"], move || unsafe {
        let data = alloc(layout);
        dealloc(data, Layout::new::<u8>());
    });
    // SAFETY: nothing is done with what is not there.
    fails(
        FailureKind::InvalidFree,
        &["not allocated"],
        move || unsafe {
            dealloc(std::ptr::dangling_mut(), layout);
        },
    );
    // SAFETY: a layout with a size.
    passes(move || unsafe {
        dealloc(alloc(layout), layout);
    });
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

/// Threads that each write a cell of a shared object, whose destructor reads all.
struct Cells([UnsafeCell<u64>; 2]);

impl Drop for Cells {
    fn drop(&mut self) {
        for cell in &self.0 {
            // SAFETY: checked by the model.
            assert_eq!(cell.with(|p| unsafe { *p }), 1);
        }
    }
}

#[test]
fn a_destructor_comes_after_all_drops() {
    let counts = passes(|| {
        let cells = Arc::new(Cells([UnsafeCell::new(0), UnsafeCell::new(0)]));
        for i in 0..2 {
            let cells = cells.clone();
            thread::spawn(move || {
                // SAFETY: checked by the model.
                cells.0[i].with_mut(|p| unsafe { *p = 1 });
            });
        }
    });
    assert_eq!(counts, [1; 3]);
}

#[test]
fn a_destructor_comes_after_what_any_drop_comes_after() {
    let counts = passes(|| {
        let cell = StdArc::new(UnsafeCell::new(0));
        let handle = Arc::new(Reads(cell.clone()));
        let other = handle.clone();
        thread::spawn(move || {
            let writer = thread::spawn(move || cell.with_mut(|_| ()));
            writer.join().unwrap();
            drop(other);
        });
        // Meanwhile that drop comes first.
        thread::spawn(|| ()).join().unwrap();
        drop(handle);
    });
    assert_eq!(counts, [1; 3]);
}

/// Reads a cell that it shares with the rest of the program.
struct Reads(StdArc<UnsafeCell<u64>>);

impl Drop for Reads {
    fn drop(&mut self) {
        self.0.with(|_| ());
    }
}

/// The second thread writes what the destructor reads. Who waits for whom?
fn shared_cell(waits: [bool; 2], late: bool) -> impl Fn() + Send + Sync + Clone + 'static {
    move || {
        let cell = StdArc::new(UnsafeCell::new(0));
        let handle = Arc::new(Reads(cell.clone()));
        let threads = [0, 1].map(|i| {
            let (handle, cell) = (handle.clone(), cell.clone());
            thread::spawn(move || {
                drop(handle);
                if late && i == 1 {
                    cell.with_mut(|_| ());
                }
            })
        });
        drop(handle);
        for (thread, waits) in threads.into_iter().zip(waits) {
            if waits {
                thread.join().unwrap();
            }
        }
        if !late {
            cell.with_mut(|_| ());
        }
    }
}

#[test]
fn a_destructor_may_run_in_any_thread() {
    passes(shared_cell([true, true], false));
    // Whichever drop is the last in the one run that there is.
    for waits in [[true, false], [false, true], [false, false]] {
        fails(
            FailureKind::DataRace,
            &["reads", "writes"],
            shared_cell(waits, false),
        );
    }
    // A thread goes on after its drop.
    fails(
        FailureKind::DataRace,
        &["reads", "writes"],
        shared_cell([true, true], true),
    );
}

#[test]
fn drops_order_nothing_else() {
    fails(FailureKind::DataRace, &["a cell"], || {
        let cell = StdArc::new(UnsafeCell::new(0));
        let handle = Arc::new(());
        let (h, c) = (handle.clone(), cell.clone());
        thread::spawn(move || {
            c.with_mut(|_| ());
            drop(h);
        });
        drop(handle);
        cell.with_mut(|_| ());
    });
}

#[test]
fn a_destructor_with_events_is_in_the_thread_of_each_drop() {
    struct Notes(StdArc<AtomicU64>);
    impl Drop for Notes {
        fn drop(&mut self) {
            self.0.store(u64::from(thread::current_id()) + 1, Relaxed);
        }
    }
    let seen = StdArc::new(StdMutex::new(std::collections::BTreeSet::new()));
    let sink = seen.clone();
    let counts = passes(move || {
        let word = StdArc::new(AtomicU64::new(0));
        let handle = Arc::new(Notes(word.clone()));
        let threads = [(); 2].map(|()| {
            let handle = handle.clone();
            thread::spawn(move || drop(handle))
        });
        drop(handle);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let last = word.load(Relaxed);
        sink.lock().unwrap().insert(last);
    });
    // Two orders of the last two drops after the second clone; the first thread's
    // drop anywhere among these three.
    assert_eq!(counts, [2 * 4; 3]);
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3].into());
}

#[test]
fn counts_are_asked_for() {
    // Two threads try to take the value out: one of them, or none.
    let seen = StdArc::new(StdMutex::new(std::collections::BTreeSet::new()));
    let sink = seen.clone();
    passes(move || {
        let one = Arc::new(UnsafeCell::new(0));
        let other = one.clone();
        let take = |arc: Arc<UnsafeCell<i32>>| {
            arc.with(|_| ());
            match Arc::try_unwrap(arc) {
                Ok(cell) => {
                    cell.with_mut(|_| ());
                    true
                }
                Err(_) => false,
            }
        };
        let thread = thread::spawn(move || take(other));
        let mine = take(one);
        let outcome = (mine, thread.join().unwrap());
        sink.lock().unwrap().insert(outcome);
    });
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, [(false, false), (false, true), (true, false)].into());
}

#[test]
fn into_inner_gives_the_value_to_one() {
    let counts = passes(|| {
        let one = Arc::new(Track::new(()));
        let other = one.clone();
        let thread = thread::spawn(move || Arc::into_inner(other).is_some());
        let mine = Arc::into_inner(one).is_some();
        assert!(mine != thread.join().unwrap());
    });
    assert_eq!(counts, [2; 3]);
}

#[test]
fn weak_handles() {
    let seen = StdArc::new(StdMutex::new(std::collections::BTreeSet::new()));
    let sink = seen.clone();
    passes(move || {
        let arc = Arc::new(Track::new(7));
        let weak = Arc::downgrade(&arc);
        assert!(Weak::<()>::new().upgrade().is_none());
        let thread = thread::spawn(move || weak.upgrade().map(|arc| **arc));
        drop(arc);
        let value = thread.join().unwrap();
        sink.lock().unwrap().insert(value);
    });
    assert_eq!(*seen.lock().unwrap(), [None, Some(7)].into());
    passes(|| {
        let mut arc = Arc::new(1);
        assert_eq!((Arc::strong_count(&arc), Arc::weak_count(&arc)), (1, 0));
        let weak = Arc::downgrade(&arc);
        let other = arc.clone();
        assert!(Arc::ptr_eq(&arc, &other) && arc == other);
        assert_eq!((Arc::strong_count(&arc), Arc::weak_count(&arc)), (2, 1));
        assert!(Arc::get_mut(&mut arc).is_none());
        drop(other);
        assert!(Arc::get_mut(&mut arc).is_none());
        drop(weak);
        *Arc::get_mut(&mut arc).unwrap() += 1;
        assert_eq!(*arc, 2);
        let unsized_: Arc<[i32]> = Arc::from_std(vec![1, 2].into());
        assert_eq!(unsized_.len(), 2);
    });
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
    let report = Builder::new().allow_blocked(true).check(program.clone());
    let progress = report.unwrap();
    assert!(progress.executions > 0 && progress.blocked > 0 && progress.moot > 0);
    let made = made.load(SeqCst) as u64;
    assert!(made >= 5 * progress.runs());
    assert_eq!(drops.load(SeqCst), made);
}

#[test]
fn what_is_freed_frees_what_it_owns() {
    struct Owner(Ptr<i32>);
    impl Drop for Owner {
        fn drop(&mut self) {
            self.0.free();
        }
    }
    passes(|| {
        let inner = Ptr::new(1);
        let outer = Ptr::new((Owner(inner), Arc::new(Track::new(()))));
        thread::spawn(move || inner.with(|_| ())).join().unwrap();
        outer.free();
    });
    fails(FailureKind::DoubleFree, &["has freed"], || {
        let inner = Ptr::new(1);
        Ptr::new(Owner(inner)).free();
        inner.free();
    });
    fails(FailureKind::DataRace, &["frees", "reads"], || {
        let inner = Ptr::new(1);
        thread::spawn(move || inner.with(|_| ()));
        Ptr::new(Owner(inner)).free();
    });
    // What comes later is ordered after the end, and what the end does.
    passes(|| {
        let cell = StdArc::new(UnsafeCell::new(0));
        let other = cell.clone();
        let ptr = Ptr::new(Reads(cell.clone()));
        thread::spawn(move || {
            ptr.free();
            other.with_mut(|_| ());
        })
        .join()
        .unwrap();
        cell.with_mut(|_| ());
    });
    // Through an `Arc`, whose destructor is not a part of one thread.
    let arc = |joined: bool| {
        move || {
            let inner = Ptr::new(1);
            let one = Arc::new(Owner(inner));
            let other = one.clone();
            let thread = thread::spawn(move || {
                inner.with(|_| ());
                drop(other);
            });
            drop(one);
            if joined {
                thread.join().unwrap();
                inner.with(|_| ());
            }
        }
    };
    assert_eq!(passes(arc(false)), [1; 3]);
    fails(FailureKind::UseAfterFree, &["reads", "freed"], arc(true));
}

#[test]
fn a_destructor_after_the_end_has_no_events() {
    struct Stores(StdArc<AtomicU64>);
    impl Drop for Stores {
        fn drop(&mut self) {
            self.0.store(1, Relaxed);
        }
    }
    let report = Builder::new().check(|| Ptr::new(Stores(StdArc::new(AtomicU64::new(0)))).free());
    let failure = report.failure().expect("a failure");
    assert_eq!(failure.kind, FailureKind::Panic, "{failure}");
    assert!(failure.message.contains("destructor"), "{failure}");
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
fn a_result_that_nobody_takes() {
    let left = || {
        let cell = Arc::new(Cells([UnsafeCell::new(1), UnsafeCell::new(0)]));
        thread::spawn(move || {
            // SAFETY: checked by the model.
            cell.0[1].with_mut(|p| unsafe { *p = 1 });
            cell
        })
    };
    assert_eq!(passes(move || drop(left())), [1; 3]);
    // While the first thread waits for another one, that with the result ends.
    let counts = passes(move || {
        let left = left();
        thread::spawn(|| ()).join().unwrap();
        drop(left);
    });
    assert_eq!(counts, [1; 3]);
}
