//! Loops that try again, each iteration of which ends with `spin`: how many executions they have, which
//! closed forms tell, and how many runs are thrown away. A search that makes more of these shows here.

use std::sync::Arc;

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use seqfault_explorer::sync::atomic::fence;
use seqfault_explorer::sync::atomic::{AtomicU64, Until};
use seqfault_explorer::{Builder, Reduce, spin, thread};

/// First iterations that leave nothing are not followed.
const CUT: Reduce = Reduce {
    loops: true,
    ..Reduce::ALL
};

/// Runs the same function in so many threads.
fn threads<T: Send + Sync + 'static>(shared: &Arc<T>, count: usize, body: fn(&T)) {
    for _ in 0..count {
        let shared = shared.clone();
        thread::spawn(move || body(&shared));
    }
}

/// Executions, and moot runs.
fn runs(reduce: Reduce, program: impl Fn() + Send + Sync + 'static) -> (u64, u64) {
    let builder = Builder::new().unwind(true).reduce(reduce);
    let progress = builder.check(program).unwrap();
    (progress.executions, progress.moot)
}

/// Takes a number and waits until it is served.
fn turn([next, served, inside]: &[AtomicU64; 3], wait: impl Fn(&AtomicU64, u64)) {
    let ticket = next.fetch_add(1, Relaxed);
    wait(served, ticket);
    let before = inside.load(Relaxed);
    inside.store(before + 1, Relaxed);
    assert_eq!(before, ticket);
    served.store(ticket + 1, Release);
}

fn turn_by_loop(lock: &[AtomicU64; 3]) {
    turn(lock, |served, ticket| {
        while served.load(Acquire) != ticket {
            spin();
        }
    });
}

fn turn_by_value(lock: &[AtomicU64; 3]) {
    turn(lock, |served, ticket| {
        served.load_until(Until::is(ticket), Acquire);
    });
}

fn ticket_lock(reduce: Reduce, count: usize, turn: fn(&[AtomicU64; 3])) -> (u64, u64) {
    runs(reduce, move || threads(&Arc::default(), count, turn))
}

/// A lock, a sequence count and the words under it.
type Pair = (Mutex<()>, [AtomicU64; 3]);

fn write_pair((lock, [count, one, two]): &Pair) {
    let _held = lock.lock().unwrap();
    let before = count.load(Relaxed);
    count.store(before + 1, Relaxed);
    fence(Release);
    one.store(before + 2, Relaxed);
    two.store(before + 2, Relaxed);
    count.store(before + 2, Release);
}

/// Writers under a lock and a sequence count, and readers that try again.
fn sequence_count(reduce: Reduce, (writers, readers): (usize, usize)) -> (u64, u64) {
    runs(reduce, move || {
        let shared = Arc::<Pair>::default();
        threads(&shared, writers, write_pair);
        threads(&shared, readers, |(_, [count, one, two])| {
            loop {
                let before = count.load(Acquire);
                if before.is_multiple_of(2) {
                    let pair = (one.load(Relaxed), two.load(Relaxed));
                    fence(Acquire);
                    if count.load(Relaxed) == before {
                        assert_eq!(pair, (before, before));
                        break;
                    }
                }
                spin();
            }
        });
    })
}

/// The same writers; readers load the count, a word and the count again, and give up if it has changed.
fn readers_that_give_up(reduce: Reduce, (writers, readers): (usize, usize)) -> (u64, u64) {
    runs(reduce, move || {
        let shared = Arc::<Pair>::default();
        threads(&shared, writers, write_pair);
        threads(&shared, readers, |(_, [count, one, two])| {
            let before = count.load(Acquire);
            if before.is_multiple_of(2) {
                let pair = (one.load(Relaxed), two.load(Relaxed));
                fence(Acquire);
                let after = count.load(Relaxed);
                assert!(before != after || pair == (before, before));
            }
        });
    })
}

/// Increments by exchanges of what was loaded.
fn increments(reduce: Reduce, count: usize) -> (u64, u64) {
    runs(reduce, move || {
        let word = Arc::<AtomicU64>::default();
        threads(&word, count, |word| {
            for _ in 0..2 {
                loop {
                    let old = word.load(Relaxed);
                    if word.compare_exchange(old, old + 1, AcqRel, Relaxed).is_ok() {
                        break;
                    }
                    spin();
                }
            }
        });
    })
}

/// So many executions, and not more moot runs.
#[track_caller]
fn within((executions, moot): (u64, u64), (wanted, most): (u64, u64)) {
    assert_eq!(executions, wanted);
    assert!(moot <= most, "{moot} moot runs");
}

/// In every execution each thread has another turn: `n!`.
#[test]
fn a_ticket_lock() {
    for (count, executions, few, many) in [(2, 2, 2, 4), (3, 6, 24, 84), (4, 24, 312, 2_496)] {
        within(ticket_lock(CUT, count, turn_by_loop), (executions, few));
        within(
            ticket_lock(Reduce::ALL, count, turn_by_loop),
            (executions, many),
        );
    }
    for (count, executions) in [(2, 2), (3, 6), (4, 24), (5, 120), (6, 720)] {
        let found = ticket_lock(Reduce::ALL, count, turn_by_value);
        assert_eq!(found, (executions, 0));
    }
    let (executions, moot) = ticket_lock(Reduce::NONE, 4, turn_by_value);
    assert!(executions == 24 && moot > 0, "{moot} moot runs");
}

/// A reader sees one of the pairs; the writers come in any order. How many runs are moot depends on
/// the build: on what of a frame is not written yet at the head of its loop.
#[test]
fn readers_under_a_sequence_count() {
    let all = [
        ((1, 1), 2, 13, 18),
        ((1, 2), 4, 221, 396),
        ((2, 1), 6, 326, 638),
    ];
    for (threads, executions, few, many) in all {
        within(sequence_count(CUT, threads), (executions, few));
        within(sequence_count(Reduce::ALL, threads), (executions, many));
    }
}

/// Each reader sees one of 39 (`outcomes.rs` says which), and the writers come in two orders.
#[test]
fn readers_that_give_up_under_a_sequence_count() {
    for readers in 1..=3 {
        let executions = 2 * 39_u64.pow(readers as u32);
        within(
            readers_that_give_up(Reduce::ALL, (2, readers)),
            (executions, 0),
        );
    }
}

/// In every execution the increments come in another order: `(2n)! / 2^n`.
#[test]
fn increments_that_try_again() {
    for (count, executions, few, many) in [(2, 6, 14, 40), (3, 90, 873, 37_389)] {
        within(increments(CUT, count), (executions, few));
        within(increments(Reduce::ALL, count), (executions, many));
    }
}
