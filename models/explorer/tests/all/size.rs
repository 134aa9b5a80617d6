//! The size of a search, estimated before it is made.

use std::sync::Arc;

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::*;
use seqfault_explorer::{Builder, Estimate, FailureKind, Model, Reduce, choose, thread};

const DESCENTS: u64 = 4_000;

fn estimate(model: Model, program: impl Fn() + Send + Sync + 'static) -> Estimate {
    let builder = Builder::new().model(model).reduce(Reduce::NONE);
    builder.estimate(DESCENTS, 7, program).expect("no failure")
}

fn increments(threads: u64, each: u64) -> impl Fn() + Send + Sync + Copy + 'static {
    move || {
        let x = Arc::new(AtomicU64::new(0));
        for _ in 0..threads {
            let x = x.clone();
            thread::spawn(move || {
                for _ in 0..each {
                    x.fetch_add(1, Relaxed);
                }
            });
        }
    }
}

fn writers(threads: u64) -> impl Fn() + Send + Sync + Copy + 'static {
    move || {
        let x = Arc::new(AtomicU64::new(0));
        for i in 0..threads {
            let x = x.clone();
            thread::spawn(move || x.store(i, Relaxed));
        }
    }
}

fn sections(threads: u64) -> impl Fn() + Send + Sync + Copy + 'static {
    move || {
        let x = Arc::new(Mutex::new(0));
        for _ in 0..threads {
            let x = x.clone();
            thread::spawn(move || *x.lock().unwrap() += 1);
        }
    }
}

/// Within a fifth, and within four times the error that it claims.
fn near(estimate: Estimate, executions: f64) {
    println!("{estimate:?}, in truth {executions}");
    let off = (estimate.executions - executions).abs();
    assert!(off <= executions / 5.0, "{estimate:?}");
    assert!(off <= 4.0 * estimate.error + 1e-6, "{estimate:?}");
    assert!(estimate.error < executions / 5.0, "{estimate:?}");
    assert_eq!(estimate.descents, DESCENTS);
}

#[test]
fn increments_are_factorial() {
    let mut product = 1.0;
    for n in 2..=8 {
        product *= n as f64;
        near(estimate(Model::Rc11, increments(n, 1)), product);
    }
}

#[test]
fn long_increments_are_multinomial() {
    // 9! / (3! 3! 3!)
    near(estimate(Model::Sc, increments(3, 3)), 1_680.0);
}

#[test]
fn writers_are_factorial() {
    let mut product = 1.0;
    for n in 2..=8 {
        product *= n as f64;
        near(estimate(Model::Tso, writers(n)), product);
    }
}

#[test]
fn moot_runs_are_told_from_executions() {
    for n in 2..=5 {
        let builder = Builder::new().reduce(Reduce::NONE);
        let whole = builder.check(sections(n)).unwrap();
        let estimate = estimate(Model::Rc11, sections(n));
        near(estimate, whole.executions as f64);
        let off = (estimate.runs - whole.runs() as f64).abs();
        assert!(off <= 4.0 * estimate.error + 1e-6, "{estimate:?} {whole:?}");
    }
}

/// A large part behind ten choices, of which each but one leads to a single execution.
fn hidden() {
    if (0..10).all(|_| choose(2) == 1) {
        increments(3, 3)();
    }
}

#[test]
fn surveys_are_near_the_truth() {
    let survey = |model, program: fn()| {
        let builder = Builder::new().model(model).reduce(Reduce::NONE);
        builder.survey(40, 7, program).expect("no failure")
    };
    let programs: [(fn(), f64); 4] = [
        (|| increments(7, 1)(), 5_040.0),
        (|| increments(3, 3)(), 1_680.0),
        (|| writers(7)(), 5_040.0),
        (hidden, 1_690.0),
    ];
    for (program, executions) in programs {
        for model in [Model::Sc, Model::Tso, Model::Rc11] {
            let estimate = survey(model, program);
            println!("{estimate:?}, in truth {executions}");
            let off = (estimate.executions - executions).abs();
            assert!(off <= executions / 4.0, "{estimate:?}");
            assert!(off <= 4.0 * estimate.error + 1e-6, "{estimate:?}");
            assert_eq!(estimate.descents, 40);
        }
    }
    let builder = Builder::new().reduce(Reduce::NONE);
    let whole = builder.check(sections(5)).unwrap();
    let estimate = survey(Model::Rc11, || sections(5)());
    let off = (estimate.runs - whole.runs() as f64).abs();
    assert!(off <= whole.runs() as f64 / 4.0, "{estimate:?} {whole:?}");
    let off = (estimate.executions - whole.executions as f64).abs();
    assert!(off <= whole.executions as f64 / 4.0, "{estimate:?}");
}

#[test]
fn one_seed_gives_one_survey() {
    let at = |seed| {
        let builder = Builder::new().reduce(Reduce::NONE);
        let estimate = builder.survey(2, seed, sections(4));
        estimate.expect("no failure")
    };
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
}

#[test]
fn one_seed_gives_one_estimate() {
    let at = |seed| {
        let estimate = Builder::new().estimate(20, seed, increments(6, 1));
        estimate.expect("no failure")
    };
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
}

#[test]
fn a_descent_may_come_upon_a_failure() {
    let failing = || {
        increments(3, 1)();
        assert_eq!(seqfault_explorer::choose(2), 0);
    };
    let failure = Builder::new().estimate(50, 1, failing).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Panic);
    let failure = Builder::new().survey(1, 1, failing).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Panic);
}
