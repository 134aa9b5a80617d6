//! Counts of handles, for programs that ask for them.

use std::collections::BTreeSet;
use std::sync::{Arc as StdArc, Mutex as StdMutex};

use seqfault_explorer::alloc::Track;
use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::sync::{Arc, Weak};
use seqfault_explorer::thread;

use super::passes;

#[test]
fn counts_are_asked_for() {
    // Two threads try to take the value out: one of them, or none.
    let seen = StdArc::new(StdMutex::new(BTreeSet::new()));
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
    let seen = StdArc::new(StdMutex::new(BTreeSet::new()));
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
