//! A search in parts finds what the whole finds.

use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::*;
use seqfault_explorer::sync::{Mutex, RwLock};
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

/// A host may have fewer threads than there are to be workers, or none.
#[test]
fn workers_that_cannot_be_had_are_not_waited_for() {
    for program in [increments, sections] {
        let alone = Builder::new().check(program).unwrap();
        for threads in [0, 1, 2] {
            let shared = Builder::new().workers(3).threads(threads);
            let shared = shared.check(program).unwrap();
            assert_eq!(shared.executions, alone.executions, "{threads} threads");
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

/// Reads under a lock in few executions: those in which the first of `N` threads comes last, and the
/// others in turn.
fn reads_late<const N: u64>() {
    let x = Arc::new((RwLock::new(0), AtomicU64::new(0), AtomicU64::new(0)));
    for i in 0..N {
        let x = x.clone();
        thread::spawn(move || {
            let before = x.1.fetch_add(1, Relaxed);
            if i == before + 1 {
                x.2.fetch_add(1, Relaxed);
            }
            if i == 0 && before == N - 1 && x.2.load(Relaxed) == N - 1 {
                let _held = x.0.read();
            }
            if i == 1 {
                *x.0.write().unwrap() = 1;
            }
        });
    }
}

/// A thread that is seen late to read under a lock makes more executions differ.
#[test]
fn shards_know_what_the_program_does_late() {
    let whole = Builder::new().check(reads_late::<5>).unwrap().executions;
    let parts = (0..3).map(|k| Builder::new().shard(k, 3).check(reads_late::<5>));
    assert_eq!(
        parts.map(|part| part.unwrap().executions).sum::<u64>(),
        whole
    );
}

/// A part that sees it after the rehearsal can't have searched what the others left to it.
#[test]
fn a_shard_says_that_it_was_cut_too_early() {
    let parts = (0..3).map(|k| Builder::new().shard(k, 3).check(reads_late::<8>));
    let verdicts: Vec<_> = parts.map(|part| part.verdict).collect();
    let early = |verdict: &Verdict| matches!(verdict, Verdict::Unknown(Limit::Shard));
    assert!(verdicts.iter().any(early), "{verdicts:?}");
}

#[test]
fn shards_use_workers() {
    let whole = Builder::new().check(increments).unwrap().executions;
    for n in [2, 3] {
        let mut sum = 0;
        for k in 0..n {
            // Up to the cut, it goes on in the thread that asks; then in others.
            let (here, elsewhere) = (std::thread::current().id(), Arc::default());
            let others: Arc<AtomicBool> = Arc::clone(&elsewhere);
            let builder = Builder::new()
                .shard(k, n)
                .workers(2)
                .on_execution(move |_| {
                    others.fetch_or(std::thread::current().id() != here, Relaxed);
                });
            sum += builder.check(increments).unwrap().executions;
            assert!(elsewhere.load(Relaxed));
        }
        assert_eq!(sum, whole);
    }
}

#[test]
fn progress_is_that_of_all_workers() {
    for workers in [1, 2, 3] {
        let shown: Arc<StdMutex<Vec<_>>> = Arc::default();
        let seen = shown.clone();
        let builder = Builder::new().workers(workers);
        let builder = builder.progress(Duration::ZERO, move |progress| {
            seen.lock().unwrap().push(progress.clone());
        });
        let whole = builder.check(increments).unwrap();
        let shown = shown.lock().unwrap();
        let most = shown.iter().map(|p| p.executions).max().unwrap();
        assert!(
            most + 50 > whole.executions,
            "{most} of {}",
            whole.executions
        );
        for progress in &*shown {
            assert!(progress.share > 0.0 && progress.share <= 1.0);
            assert!(progress.remaining().is_some());
            assert!(progress.elapsed <= whole.elapsed);
        }
        assert!((whole.share, whole.estimate) == (1.0, 5040.0));
        assert_eq!(whole.remaining(), Some(Duration::ZERO));
    }
}

thread_local! {
    static BEGUN: Cell<u64> = const { Cell::new(0) };
}

#[test]
fn a_failure_is_shown_where_it_happened() {
    static RUNS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    for workers in [1, 3] {
        let shown: Arc<StdMutex<Vec<_>>> = Arc::default();
        let seen = shown.clone();
        let builder = Builder::new().workers(workers);
        let builder = builder.on_failure(move |failure| {
            seen.lock()
                .unwrap()
                .push((failure.message.clone(), BEGUN.get()));
        });
        let report = builder.check(|| {
            let run = RUNS.fetch_add(1, Relaxed);
            BEGUN.set(run);
            let x = Arc::new(AtomicU64::new(0));
            let y = x.clone();
            let other = thread::spawn(move || y.fetch_add(1, Relaxed));
            let first = x.fetch_add(1, Relaxed);
            other.join().unwrap();
            increments();
            assert_eq!(first, 0, "in run {run}");
        });
        let failure = report.failure().expect("a failure");
        let shown = shown.lock().unwrap();
        let [(message, run)] = &shown[..] else {
            panic!("shown {} times", shown.len());
        };
        assert_eq!(message, &failure.message);
        assert!(
            message.contains(&format!("in run {run}")),
            "{message} {run}"
        );
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
