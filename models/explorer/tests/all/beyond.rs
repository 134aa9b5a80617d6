//! Searches that pass over failures, and go on to others.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as StdMutex};

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::Relaxed;
use seqfault_explorer::{Builder, Failure, FailureKind, Limit, Rest, Verdict, thread};

/// Two threads that increment: what `check` makes of their first numbers may fail.
fn increments(check: impl Fn(u64, u64)) {
    let x = Arc::new(AtomicU64::new(0));
    let other = x.clone();
    let other = thread::spawn(move || (0..2).map(|_| other.fetch_add(1, Relaxed)).sum());
    let own = (0..2).map(|_| x.fetch_add(1, Relaxed)).sum();
    check(own, other.join().unwrap());
}

/// The verdict of a search for this kind, and all kinds that it came to.
fn search(model: fn(), wanted: FailureKind) -> (Verdict, BTreeSet<String>) {
    let seen: Arc<StdMutex<BTreeSet<String>>> = Arc::default();
    let kinds = seen.clone();
    let builder = Builder::new().pass_over(move |failure: &Failure| {
        assert!(!failure.graph.events.is_empty(), "{failure}");
        kinds.lock().unwrap().insert(format!("{:?}", failure.kind));
        failure.kind != wanted
    });
    let report = builder.check(model);
    let kinds = seen.lock().unwrap().clone();
    (report.verdict, kinds)
}

#[test]
fn all_ends_that_fail_are_passed_over() {
    let executions = Builder::new().check(|| increments(|_, _| ())).unwrap();
    assert_eq!(executions.executions, 6);
    let fails = |own, other| assert!(own > other, "{own} {other}");
    let report = Builder::new().check(move || increments(fails));
    assert!(report.failure().is_some(), "{report:?}");
    for workers in [1, 3] {
        let builder = Builder::new().workers(workers).pass_over(|_| true);
        let report = builder.check(move || increments(fails));
        // Never a pass, though all ends are visited.
        assert!(!report.passed() && report.rest.is_none(), "{report:?}");
        assert!(matches!(report.verdict, Verdict::Unknown(Limit::Failures)));
        assert_eq!(report.progress.runs(), 6, "{report:?}");
        assert!((1..6).contains(&report.progress.executions), "{report:?}");
    }
}

/// Panics in the middle, or comes to a deadlock.
fn many_ways() {
    let (a, b) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let (first, second) = (a.clone(), b.clone());
    thread::spawn(move || {
        let mut held = first.lock().unwrap();
        assert!(*held == 0, "the other came first");
        *held += 1;
        *second.lock().unwrap() += 1;
    });
    let mut held = b.lock().unwrap();
    let mut last = a.lock().unwrap();
    *held += 1;
    *last += 1;
}

#[test]
fn another_kind_is_found_behind() {
    for wanted in [FailureKind::Deadlock, FailureKind::Panic] {
        let (verdict, _) = search(many_ways, wanted);
        let Verdict::Fail(failure) = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(failure.kind, wanted, "{failure}");
    }
    let (verdict, kinds) = search(many_ways, FailureKind::DataRace);
    assert!(matches!(verdict, Verdict::Unknown(Limit::Failures)));
    assert!(kinds.iter().eq(["Deadlock", "Panic"]), "{kinds:?}");
}

#[test]
fn a_rest_knows_that_failures_were_passed_over() {
    let program = || increments(|own, other| assert!(own >= other));
    let builder = || Builder::new().pass_over(|_| true);
    let mut report = builder().max_executions(1).check(program);
    let mut parts = 1;
    while let Some(rest) = report.rest.take() {
        let text = serde_json::to_string(&rest).unwrap();
        let rest: Rest = serde_json::from_str(&text).unwrap();
        let more = report.progress.executions + 1;
        report = builder()
            .max_executions(more)
            .resume(rest, program)
            .unwrap();
        parts += 1;
    }
    assert!(parts > 2, "{parts}");
    assert!(matches!(report.verdict, Verdict::Unknown(Limit::Failures)));
    assert_eq!(report.progress.runs(), 6, "{report:?}");
}

#[test]
fn a_program_that_changes_is_not_passed_over() {
    static RUNS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let report = Builder::new().pass_over(|_| true).check(|| {
        let x = AtomicU64::new(0);
        match RUNS.fetch_add(1, Relaxed) {
            0 => x.store(1, Relaxed),
            _ => drop(x.load(Relaxed)),
        }
        increments(|_, _| ());
    });
    let failure = report.failure().expect("it is no program");
    assert_eq!(failure.kind, FailureKind::Nondeterminism, "{failure}");
}
