//! A search in parts finds what the whole finds.

use std::sync::Arc;
use std::time::Duration;

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::*;
use seqfault_explorer::{Builder, Limit, Verdict, thread};

fn increments() {
    let x = Arc::new(AtomicU64::new(0));
    for _ in 0..7 {
        let x = x.clone();
        thread::spawn(move || x.fetch_add(1, Relaxed));
    }
}

fn sections() {
    let x = Arc::new((Mutex::new(0), AtomicU64::new(0)));
    for i in 0..4 {
        let x = x.clone();
        thread::spawn(move || {
            let mut held = x.0.lock().unwrap();
            *held += x.1.load(Relaxed);
            drop(held);
            x.1.store(i, Relaxed);
        });
    }
}

#[test]
fn workers_share_a_search() {
    for program in [increments, sections] {
        let alone = Builder::new().check(program).unwrap();
        for workers in [2, 3] {
            let shared = Builder::new().workers(workers).check(program).unwrap();
            assert_eq!(
                (shared.executions, shared.moot),
                (alone.executions, alone.moot)
            );
        }
    }
}

#[test]
fn shards_add_up() {
    for program in [increments, sections] {
        let whole = Builder::new().check(program).unwrap().executions;
        for n in [1, 2, 5] {
            let part = |k| {
                Builder::new()
                    .shard(k, n)
                    .check(program)
                    .unwrap()
                    .executions
            };
            let parts: Vec<_> = (0..n).map(part).collect();
            assert_eq!(parts.iter().sum::<u64>(), whole, "{parts:?}");
        }
    }
}

#[test]
fn a_worker_that_fails_ends_the_search() {
    let report = Builder::new().workers(2).check(|| {
        let x = Arc::new(AtomicU64::new(0));
        let first = (0..6).map(|i| {
            let x = x.clone();
            thread::spawn(move || (i, x.fetch_add(1, Relaxed)))
        });
        let order: Vec<_> = first
            .collect::<Vec<_>>()
            .into_iter()
            .map(|h| h.join().unwrap())
            .collect();
        assert_ne!(order[5], (5, 0));
    });
    assert!(report.failure().is_some());
    let limited = Builder::new()
        .workers(2)
        .max_time(Duration::from_millis(5))
        .check(|| {
            increments();
            increments();
        });
    assert!(matches!(limited.verdict, Verdict::Unknown(Limit::Time)));
}
