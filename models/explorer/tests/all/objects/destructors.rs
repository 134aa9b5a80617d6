//! What orders destructors, and what they order.

use std::collections::BTreeSet;
use std::sync::{Arc as StdArc, Mutex as StdMutex};

use seqfault_explorer::alloc::{Ptr, Track};
use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::sync::Arc;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::Relaxed;
use seqfault_explorer::{Builder, FailureKind, spin, thread};

use super::{fails, passes};

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

/// The second thread, if `late`, or else the rest of the program writes the cell that the
/// destructor reads. The rest of the program waits for the threads that `waits` selects.
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

/// The first thread to drop tells the second, which waits for that; `waits` is the thread
/// that the rest of the program waits for.
fn told(waits: usize) -> impl Fn() + Send + Sync + Clone + 'static {
    move || {
        let cell = StdArc::new(UnsafeCell::new(0));
        let word = StdArc::new(AtomicU64::new(0));
        let first = Arc::new(Reads(cell.clone()));
        let (second, told) = (first.clone(), word.clone());
        let threads = [
            thread::spawn(move || {
                drop(first);
                word.store(1, Relaxed);
            }),
            thread::spawn(move || {
                while told.load(Relaxed) == 0 {
                    spin();
                }
                drop(second);
            }),
        ];
        let [first, second] = threads;
        if waits == 0 { first } else { second }.join().unwrap();
        cell.with_mut(|_| ());
    }
}

#[test]
fn only_a_drop_that_may_be_the_last_has_the_destructor() {
    assert_eq!(passes(told(1)), [1; 3]);
    fails(FailureKind::DataRace, &["reads", "writes"], told(0));
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
    let seen = StdArc::new(StdMutex::new(BTreeSet::new()));
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
