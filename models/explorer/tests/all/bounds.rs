//! Searches within a bound on backward revisits.

use std::collections::BTreeSet;
use std::sync::Arc;

use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::Relaxed;
use seqfault_explorer::{Builder, Limit, Progress, Verdict, thread};
use seqfault_oracle::random::Recipe;

use super::subject::{Layout, explore_with};

/// Threads that increment a number twice each.
fn increments() {
    let x = Arc::new(AtomicU64::new(0));
    for _ in 0..3 {
        let x = x.clone();
        thread::spawn(move || (0..2).for_each(|_| _ = x.fetch_add(1, Relaxed)));
    }
}

fn within(builder: Builder, bound: u32) -> (bool, Progress) {
    let report = builder.max_revisits(bound).check(increments);
    let is_all = match report.verdict {
        Verdict::Pass => true,
        Verdict::Unknown(Limit::Revisits) => false,
        verdict => panic!("{verdict:?}"),
    };
    (is_all, report.progress)
}

#[test]
fn a_bound_is_passed_once_nothing_is_left_out() {
    let whole = Builder::new().check(increments).unwrap().executions;
    assert_eq!(whole, 90);
    let mut before = 0;
    for bound in 0.. {
        let (is_all, progress) = within(Builder::new(), bound);
        assert_eq!(
            is_all,
            progress.executions == whole,
            "{bound}: {progress:?}"
        );
        assert!(progress.executions > before, "{bound}: {progress:?}");
        assert_eq!(progress.share, 1.0);
        // Shared, and with little memory, it is the same.
        let shared = within(Builder::new().workers(3), bound).1;
        let forgetful = within(Builder::new().keep(1), bound).1;
        for other in [shared, forgetful] {
            assert_eq!(other.executions, progress.executions, "{bound}");
        }
        before = progress.executions;
        if is_all {
            assert!(bound > 2, "{bound}");
            return;
        }
    }
}

#[test]
fn the_first_run_has_no_revisit() {
    let (is_all, progress) = within(Builder::new(), 0);
    assert!(!is_all);
    assert_eq!(progress.executions, 1);
}

#[test]
fn a_rest_belongs_to_its_bound() {
    let bounded = || Builder::new().max_revisits(2);
    let whole = bounded().check(increments).progress.executions;
    let mut report = bounded().max_executions(3).check(increments);
    let rest = report.rest.take().expect("it was stopped");
    let error = Builder::new().resume(rest.clone(), increments).unwrap_err();
    assert!(error.to_string().contains("max_revisits"), "{error}");
    // What was left out before it was stopped is not forgotten.
    let report = bounded().resume(rest, increments).unwrap();
    assert!(matches!(report.verdict, Verdict::Unknown(Limit::Revisits)));
    assert_eq!(report.progress.executions, whole);
}

/// What few revisits lead to is a part of what more lead to, and in the end it is all.
#[test]
fn outcomes_grow_with_the_bound() {
    let mut grown = 0;
    for seed in 0..60 {
        let program = Recipe::atomics().program(seed);
        let found = |builder| explore_with(builder, &program, Layout::Plain).outcomes;
        let whole = found(Builder::new());
        let mut before = BTreeSet::new();
        for bound in 0..40 {
            let outcomes = found(Builder::new().max_revisits(bound));
            assert!(outcomes.is_superset(&before), "{bound}\n{program}");
            grown += u64::from(bound > 0 && outcomes.len() > before.len());
            before = outcomes;
        }
        assert_eq!(before, whole, "{program}");
    }
    assert!(grown > 60, "{grown}");
}
