//! Counts of executions that a formula gives, and textbook litmus tests.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as StdMutex};

use seqfault_explorer::sync::atomic::Ordering::{self, *};
use seqfault_explorer::sync::atomic::{AtomicU64, fence};
use seqfault_explorer::sync::{Condvar, Mutex};
use seqfault_explorer::{Builder, Model, Report, thread};

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];

fn factorial(n: u64) -> u64 {
    (1..=n).product()
}

fn check(model: Model, program: impl Fn() + Send + Sync + 'static) -> Report {
    Builder::new().model(model).check(program)
}

fn executions(model: Model, program: impl Fn() + Send + Sync + 'static) -> u64 {
    let report = check(model, program);
    assert!(report.passed(), "{:?}", report.verdict);
    report.progress.executions
}

#[test]
fn increments() {
    for model in MODELS {
        for n in 1..=5 {
            let count = executions(model, move || {
                let x = Arc::new(AtomicU64::new(0));
                for _ in 0..n {
                    let x = x.clone();
                    thread::spawn(move || x.fetch_add(1, Relaxed));
                }
            });
            assert_eq!(count, factorial(n), "{model:?} {n}");
        }
    }
}

#[test]
fn writers() {
    for model in MODELS {
        for n in 1..=5 {
            let count = executions(model, move || {
                let x = Arc::new(AtomicU64::new(0));
                for i in 0..n {
                    let x = x.clone();
                    thread::spawn(move || x.store(i, Relaxed));
                }
            });
            assert_eq!(count, factorial(n), "{model:?} {n}");
        }
    }
}

#[test]
fn critical_sections() {
    for model in MODELS {
        for n in 1..=5 {
            let report = check(model, move || {
                let x = Arc::new(Mutex::new(0));
                for _ in 0..n {
                    let x = x.clone();
                    thread::spawn(move || *x.lock().unwrap() += 1);
                }
            });
            println!("{n} {:?}", report.progress);
            assert!(report.passed(), "{:?}", report.verdict);
            assert_eq!(report.progress.executions, factorial(n), "{model:?} {n}");
        }
    }
}

type Threads = Vec<fn(&[AtomicU64; 2]) -> Vec<u64>>;

/// The outcomes of threads over two words, and the number of executions.
fn litmus(model: Model, threads: Threads) -> (BTreeSet<Vec<u64>>, u64) {
    let outcomes = Arc::new(StdMutex::new(BTreeSet::new()));
    let sink = outcomes.clone();
    let count = executions(model, move || {
        let words = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let spawn = |f: &fn(&[AtomicU64; 2]) -> Vec<u64>| {
            let (f, words) = (*f, words.clone());
            thread::spawn(move || f(&words))
        };
        let handles: Vec<_> = threads.iter().map(spawn).collect();
        let outcome = handles
            .into_iter()
            .flat_map(|h| h.join().unwrap())
            .collect();
        sink.lock().unwrap().insert(outcome);
    });
    let outcomes = outcomes.lock().unwrap().clone();
    (outcomes, count)
}

#[test]
fn store_buffering() {
    let threads: Threads = vec![
        |w| {
            w[0].store(1, Relaxed);
            vec![w[1].load(Relaxed)]
        },
        |w| {
            w[1].store(1, Relaxed);
            vec![w[0].load(Relaxed)]
        },
    ];
    assert_eq!(litmus(Model::Sc, threads.clone()).1, 3);
    assert_eq!(litmus(Model::Tso, threads.clone()).1, 4);
    assert_eq!(litmus(Model::Rc11, threads).1, 4);
    let fenced: Threads = vec![
        |w| {
            w[0].store(1, Relaxed);
            fence(SeqCst);
            vec![w[1].load(Relaxed)]
        },
        |w| {
            w[1].store(1, Relaxed);
            fence(SeqCst);
            vec![w[0].load(Relaxed)]
        },
    ];
    for model in MODELS {
        assert_eq!(litmus(model, fenced.clone()).1, 3, "{model:?}");
    }
    let accesses: Threads = vec![
        |w| {
            w[0].store(1, SeqCst);
            vec![w[1].load(SeqCst)]
        },
        |w| {
            w[1].store(1, SeqCst);
            vec![w[0].load(SeqCst)]
        },
    ];
    for model in MODELS {
        assert_eq!(litmus(model, accesses.clone()).1, 3, "{model:?}");
    }
}

#[test]
fn message_passing() {
    let relaxed: Threads = vec![
        |w| {
            w[0].store(1, Relaxed);
            w[1].store(1, Relaxed);
            vec![]
        },
        |w| vec![w[1].load(Relaxed), w[0].load(Relaxed)],
    ];
    assert_eq!(litmus(Model::Sc, relaxed.clone()).1, 3);
    assert_eq!(litmus(Model::Tso, relaxed.clone()).1, 3);
    assert_eq!(litmus(Model::Rc11, relaxed).1, 4);
    let ordered: Threads = vec![
        |w| {
            w[0].store(1, Relaxed);
            w[1].store(1, Release);
            vec![]
        },
        |w| vec![w[1].load(Acquire), w[0].load(Relaxed)],
    ];
    let fences: Threads = vec![
        |w| {
            w[0].store(1, Relaxed);
            fence(Release);
            w[1].store(1, Relaxed);
            vec![]
        },
        |w| {
            let a = w[1].load(Relaxed);
            fence(Acquire);
            vec![a, w[0].load(Relaxed)]
        },
    ];
    for threads in [ordered, fences] {
        let (outcomes, count) = litmus(Model::Rc11, threads);
        assert_eq!(count, 3);
        assert!(!outcomes.contains(&vec![1, 0]));
    }
}

#[test]
fn release_sequence_through_an_increment() {
    let threads: Threads = vec![
        |w| {
            w[0].store(1, Relaxed);
            w[1].store(1, Release);
            vec![]
        },
        |w| {
            w[1].fetch_add(1, Relaxed);
            vec![]
        },
        |w| vec![w[1].load(Acquire), w[0].load(Relaxed)],
    ];
    let (outcomes, _) = litmus(Model::Rc11, threads);
    assert!(!outcomes.contains(&vec![2, 0]));
    assert!(outcomes.contains(&vec![2, 1]) && outcomes.contains(&vec![1, 1]));
}

#[test]
fn load_buffering() {
    let threads: Threads = vec![
        |w| {
            let a = w[0].load(Relaxed);
            w[1].store(1, Relaxed);
            vec![a]
        },
        |w| {
            let a = w[1].load(Relaxed);
            w[0].store(1, Relaxed);
            vec![a]
        },
    ];
    for model in MODELS {
        let (outcomes, count) = litmus(model, threads.clone());
        assert_eq!(count, 3);
        assert!(!outcomes.contains(&vec![1, 1]));
    }
}

fn iriw(order: Ordering, fences: bool) -> usize {
    let outcomes = Arc::new(StdMutex::new(BTreeSet::new()));
    let sink = outcomes.clone();
    executions(Model::Rc11, move || {
        let words = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let mut handles = Vec::new();
        for i in 0..2 {
            let w = words.clone();
            thread::spawn(move || w[i].store(1, order));
        }
        for i in 0..2 {
            let w = words.clone();
            handles.push(thread::spawn(move || {
                let a = w[i].load(order);
                if fences {
                    fence(SeqCst);
                }
                (a, w[1 - i].load(order))
            }));
        }
        let outcome: Vec<_> = handles.into_iter().map(|h| h.join().unwrap()).collect();
        sink.lock().unwrap().insert(outcome);
    });
    let outcomes = outcomes.lock().unwrap();
    outcomes.len()
}

#[test]
fn independent_reads_of_independent_writes() {
    assert_eq!(iriw(Relaxed, false), 16);
    assert_eq!(iriw(SeqCst, false), 15);
    assert_eq!(iriw(Relaxed, true), 15);
}

#[test]
fn two_plus_two_writes() {
    let threads: Threads = vec![
        |w| {
            w[0].store(1, Relaxed);
            w[1].store(2, Relaxed);
            vec![]
        },
        |w| {
            w[1].store(1, Relaxed);
            w[0].store(2, Relaxed);
            vec![]
        },
    ];
    assert_eq!(litmus(Model::Sc, threads.clone()).1, 3);
    assert_eq!(litmus(Model::Tso, threads.clone()).1, 3);
    assert_eq!(litmus(Model::Rc11, threads).1, 4);
}

#[test]
fn coherent_reads() {
    let threads: Threads = vec![
        |w| {
            w[0].store(1, Relaxed);
            w[0].store(2, Relaxed);
            vec![]
        },
        |w| vec![w[0].load(Relaxed), w[0].load(Relaxed)],
    ];
    for model in MODELS {
        let (outcomes, count) = litmus(model, threads.clone());
        assert_eq!(count, 6);
        assert!(outcomes.iter().all(|o| o[0] <= o[1]));
    }
}

#[test]
fn write_to_read_causality() {
    let threads: Threads = vec![
        |w| {
            w[0].store(1, Relaxed);
            vec![]
        },
        |w| {
            let a = w[0].load(Acquire);
            w[1].store(a, Release);
            vec![a]
        },
        |w| vec![w[1].load(Acquire), w[0].load(Relaxed)],
    ];
    let (outcomes, _) = litmus(Model::Rc11, threads);
    assert!(!outcomes.contains(&vec![1, 1, 0]));
    assert!(outcomes.contains(&vec![1, 1, 1]) && outcomes.contains(&vec![1, 0, 0]));
}

/// Waiters that look at a flag, and a thread that sets it and notifies all.
fn waiters(n: u64) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        for _ in 0..n {
            let shared = shared.clone();
            thread::spawn(move || {
                let ready = shared.0.lock().unwrap();
                drop(shared.1.wait_while(ready, |ready| !*ready));
            });
        }
        *shared.0.lock().unwrap() = true;
        shared.1.notify_all();
    }
}

/// `k` of `n` waiters come before the flag is set, in any order; then all have a
/// section, in any order: `n! (n! / 0! + n! / 1! + … + n! / n!)`.
#[test]
fn all_are_notified() {
    for model in MODELS {
        for n in 1..=3 {
            let before: u64 = (0..=n).map(|k| factorial(n) / factorial(n - k)).sum();
            assert_eq!(
                executions(model, waiters(n)),
                factorial(n) * before,
                "{model:?} {n}"
            );
        }
    }
}

/// One of those that wait is woken. `k` come before the notification, in any
/// order; one of them goes on, and has its second section after `j` of the `n - k`
/// that come later. Of those `j`, it may see that they wait already, up to any one
/// of them: `n! (1 + Σ k Σ (j + 1)) = n! (1 + C(n + 3, 4))`. All that wait still
/// are stuck.
#[test]
fn one_is_notified() {
    for model in MODELS {
        for n in 1..=3 {
            let report = Builder::new()
                .model(model)
                .allow_blocked(true)
                .check(move || {
                    let shared = Arc::new((Mutex::new(()), Condvar::new()));
                    for _ in 0..n {
                        let shared = shared.clone();
                        thread::spawn(move || {
                            let held = shared.0.lock().unwrap();
                            drop(shared.1.wait(held));
                        });
                    }
                    let _held = shared.0.lock().unwrap();
                    shared.1.notify_one();
                });
            let found = report.unwrap();
            let all = factorial(n) * (1 + (n + 3) * (n + 2) * (n + 1) * n / 24);
            let complete = u64::from(n == 1);
            assert_eq!(
                (found.executions, found.executions + found.blocked),
                (complete, all),
                "{model:?} {n}"
            );
        }
    }
}

/// The consumer comes first and waits, or second.
#[test]
fn a_producer_and_a_consumer() {
    for model in MODELS {
        let count = executions(model, || {
            let shared = Arc::new((Mutex::new(None), Condvar::new()));
            let consumer = shared.clone();
            let handle = thread::spawn(move || {
                let slot = consumer.0.lock().unwrap();
                let mut slot = consumer.1.wait_while(slot, |slot| slot.is_none()).unwrap();
                slot.take()
            });
            *shared.0.lock().unwrap() = Some(5);
            shared.1.notify_one();
            assert_eq!(handle.join().unwrap(), Some(5));
        });
        assert_eq!(count, 2, "{model:?}");
    }
}
