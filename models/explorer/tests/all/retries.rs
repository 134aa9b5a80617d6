//! A loop that tries an exchange again with what it has found, and the one step that stands for it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as StdMutex};

use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::graph::event::Order;
use seqfault_explorer::ops::{self, Object};
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
