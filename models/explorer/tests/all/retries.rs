//! A loop that tries an exchange again with what it has found, and the one step that stands for it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as StdMutex};

use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::graph::event::Order;
use seqfault_explorer::mutation::Mutation;
use seqfault_explorer::ops::{self, Object};
use seqfault_explorer::sync::atomic::{AtomicU64, Ordering};
use seqfault_explorer::{Builder, FailureKind, Model, Reduce, thread};

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];
const ORDERS: (Order, Order) = (Order::ACQUIRE, Order::RELAXED);

/// Adds one to what is from 1 to `most`.
fn in_one_step(word: &Object, init: u64, most: u64) -> Result<u64, u64> {
    ops::rmw_within(word, init, 1..=most, ORDERS, |old| old + 1)
}

/// The same by exchanges, from 1 on.
fn in_a_loop(word: &Object, init: u64, most: u64) -> Result<u64, u64> {
    let mut found = 1;
    while (1..=most).contains(&found) {
        let words = (found, found + 1);
        match ops::compare_exchange(word, init, words, ORDERS.0, ORDERS.1) {
            Ok(old) => return Ok(old),
            Err(now) => found = now,
        }
    }
    Err(found)
}

type Add = fn(&Object, u64, u64) -> Result<u64, u64>;

/// What each of `adders` threads is answered, while another one puts 0 there and takes it away
/// again; and in how many executions.
fn answers(builder: Builder, add: Add, adders: usize) -> (BTreeSet<Vec<Result<u64, u64>>>, u64) {
    let found: Arc<StdMutex<BTreeSet<_>>> = Arc::default();
    let sink = found.clone();
    let program = move || {
        let word = Arc::new(Object::new());
        let told = Arc::new(StdMutex::new(vec![Ok(0); adders]));
        let handles: Vec<_> = (0..adders)
            .map(|nth| {
                let (word, told) = (word.clone(), told.clone());
                thread::spawn(move || {
                    let answer = add(&word, 1, 2);
                    told.lock().unwrap()[nth] = answer;
                })
            })
            .collect();
        ops::store(&word, 1, 0, Order::RELEASE);
        ops::store(&word, 1, 1, Order::RELEASE);
        handles.into_iter().for_each(|h| h.join().unwrap());
        sink.lock().unwrap().insert(told.lock().unwrap().clone());
    };
    let progress = builder.check(program).unwrap();
    let answers = found.lock().unwrap().clone();
    (answers, progress.executions)
}

#[test]
fn one_step_is_answered_as_the_loop_is() {
    for model in MODELS {
        for adders in 1..=3 {
            let builder = Builder::new().model(model);
            let (steps, few) = answers(builder.clone(), in_one_step, adders);
            let (loops, many) = answers(builder.clone(), in_a_loop, adders);
            assert_eq!(steps, loops, "{model:?}, {adders}");
            assert!(few < many || adders == 1, "{model:?}: {few} and {many}");
            let waits = Reduce {
                retries: false,
                ..Reduce::ALL
            };
            let written_out = answers(builder.reduce(waits), in_one_step, adders);
            assert_eq!(written_out, (loops, many), "{model:?}, {adders}");
        }
    }
}

#[test]
fn increments_are_ordered_and_nothing_else() {
    let program = || {
        let word = Arc::new(Object::new());
        for _ in 0..3 {
            let word = word.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    in_one_step(&word, 1, 100).unwrap();
                }
            });
        }
    };
    for model in MODELS {
        let progress = Builder::new().model(model).check(program).unwrap();
        // 6! / 2!^3.
        assert_eq!((progress.executions, progress.moot), (90, 0), "{model:?}");
    }
}

/// Threads that count down to zero, two times each, and what each has found.
fn countdown(reduce: Reduce, model: Model, orders: (Ordering, Ordering)) -> (Found, u64, u64) {
    let found: Arc<StdMutex<Found>> = Arc::default();
    let sink = found.clone();
    let program = move || {
        let word = Arc::new(AtomicU64::new(2));
        let start = |_| {
            let word = word.clone();
            let down = move || word.fetch_update(orders.0, orders.1, |now| now.checked_sub(1));
            thread::spawn(move || [down(), down()])
        };
        let handles: Vec<_> = (0..2).map(start).collect();
        word.store(1, Ordering::Release);
        let answers: Vec<_> = handles.into_iter().map(|h| h.join().unwrap()).collect();
        sink.lock().unwrap().insert(answers);
    };
    let builder = Builder::new().model(model).reduce(reduce);
    let progress = builder.check(program).unwrap();
    let answers = found.lock().unwrap().clone();
    (answers, progress.executions, progress.moot)
}

type Found = BTreeSet<Vec<[Result<u64, u64>; 2]>>;

#[test]
fn an_update_is_one_step_where_all_reads_are_alike() {
    use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
    let loops = Reduce {
        retries: false,
        ..Reduce::ALL
    };
    for model in MODELS {
        for orders in [
            (Relaxed, Relaxed),
            (Release, Relaxed),
            (AcqRel, Acquire),
            (SeqCst, SeqCst),
        ] {
            let (steps, few, none) = countdown(Reduce::ALL, model, orders);
            let (all, many, moot) = countdown(loops, model, orders);
            assert_eq!(steps, all, "{model:?}, {orders:?}");
            assert!(few < many && none == 0, "{few} and {many}, {moot}");
        }
        // Here they are not.
        let orders = (AcqRel, Relaxed);
        let steps = countdown(Reduce::ALL, model, orders);
        assert_eq!(steps, countdown(loops, model, orders), "{model:?}");
    }
}

/// Executions and moot runs in one step for each update, and in loops.
fn in_steps_and_loops(program: impl Fn() + Clone + Send + Sync + 'static) -> [(u64, u64); 2] {
    [true, false].map(|retries| {
        let reduce = Reduce {
            retries,
            ..Reduce::ALL
        };
        let builder = Builder::new().reduce(reduce);
        let progress = builder.check(program.clone()).unwrap();
        (progress.executions, progress.moot)
    })
}

/// Three threads that write 42, one that writes 0, and one that tries to write 0 for 42: the updates come
/// in any order, and the attempt reads any of them or what was there before.
#[test]
fn updates_that_take_no_heed_of_the_value() {
    let program = || {
        let word = Arc::new(AtomicU64::new(0));
        for value in [42, 42, 42, 0] {
            let word = word.clone();
            thread::spawn(move || {
                word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |_| Some(value))
            });
        }
        let last = move || word.compare_exchange(42, 0, Ordering::Relaxed, Ordering::Relaxed);
        thread::spawn(last);
    };
    assert_eq!(in_steps_and_loops(program), [(24 * 5, 0), (37_578, 0)]);
}

#[test]
fn updates_that_count() {
    let program = || {
        let word = Arc::new(AtomicU64::new(0));
        for _ in 0..3 {
            let word = word.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    let add = |old| Some(old + 1);
                    let _ = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
                }
            });
        }
    };
    // 6! / 2!^3.
    assert_eq!(in_steps_and_loops(program), [(90, 0), (76_338, 0)]);
}

/// One that finds nothing to write does not acquire, which a step that stood for it would.
#[test]
fn an_update_whose_reads_differ_is_a_loop() {
    let program = || {
        let shared = Arc::new((AtomicU64::new(0), UnsafeCell::new(0)));
        let other = shared.clone();
        thread::spawn(move || {
            other.1.with_mut(|_| ());
            other.0.store(1, Ordering::Release);
        });
        let (set, fetch) = (Ordering::AcqRel, Ordering::Relaxed);
        let answer = shared
            .0
            .fetch_update(set, fetch, |now| (now == 0).then_some(2));
        if answer == Err(1) {
            shared.1.with(|_| ());
        }
    };
    let report = Builder::new().check(program);
    let failure = report.failure().expect("nothing orders the two");
    assert_eq!(failure.kind, FailureKind::DataRace);
    let mutated = Builder::new().mutate(Mutation::Updates).check(program);
    assert!(mutated.failure().is_none(), "goes unnoticed");
}

/// What succeeds acquires, and what fails does not.
#[test]
fn the_order_goes_by_what_is_read() {
    let program = |most: u64| {
        move || {
            let word = Arc::new(Object::new());
            let cell = Arc::new(UnsafeCell::new(0));
            let (released, written) = (word.clone(), cell.clone());
            thread::spawn(move || {
                written.with_mut(|_| ());
                ops::store(&released, 1, 5, Order::RELEASE);
            });
            let (Ok(found) | Err(found)) = in_one_step(&word, 1, most);
            if found == 5 {
                cell.with(|_| ());
            }
        }
    };
    Builder::new().check(program(5)).unwrap();
    let report = Builder::new().check(program(4));
    let failure = report.failure().expect("nothing orders the two");
    assert_eq!(failure.kind, FailureKind::DataRace);
}
