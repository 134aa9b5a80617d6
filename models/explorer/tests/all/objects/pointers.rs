//! Uses of allocations, and their ends.

use std::sync::Arc as StdArc;

use seqfault_explorer::alloc::{Layout, Link, Ptr, alloc, dealloc};
use seqfault_explorer::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};
use seqfault_explorer::sync::atomic::{AtomicBool, AtomicU64};
use seqfault_explorer::{FailureKind, spin, thread};

use super::{fails, passes};

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
    // SAFETY: nothing is done with memory that is not there.
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
