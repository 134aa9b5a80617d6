//! The explorer, loom and shuttle (depth first) on the same models: how many executions
//! each runs, how many of them differ, and how long that takes.
//!
//! A model is written once, over [`Checker`]. A thread of a model returns what it read
//! and which turn it had at each lock; what all threads return is the outcome. Two
//! executions with one outcome are the same to the program: one of them is redundant.
//!
//! # What keeps it fair
//! - Nothing is joined and nothing but primitives belongs to a checker: the last
//!   thread to end records the outcome in std state. Joins and loom's `Arc` would
//!   multiply loom's executions.
//! - Every search has a cap. One that reaches it is marked as stopped.
//! - A search of less than a second is made five times; the fastest counts.
//! - Memory models differ: RC11, nearly RC11 (loom), SC (shuttle). So the explorer
//!   runs under RC11, to compare with loom, and under SC, to compare with shuttle.
//!
//! Without `--bench` (`cargo test --benches`) nothing is measured: the small models are
//! searched once, and the checkers must find the same outcomes.

#[path = "checkers/checker.rs"]
mod checker;
#[path = "checkers/models.rs"]
mod models;
#[path = "checkers/scene.rs"]
mod scene;

use std::time::Duration;

use checker::{Checker, Loom, Rc11, Sc, Shuttle};
use models::tests;
use scene::{Measured, measure};

/// The time that a search of the explorer or loom may take.
const CAP: Duration = Duration::from_secs(60);
/// The same for shuttle, which ends none that takes long.
const SHUTTLE_CAP: Duration = Duration::from_secs(10);
/// Searches below this are made again.
const SHORT: Duration = Duration::from_secs(1);
/// So many models are small enough for all checkers.
const SMALL: usize = 3;

fn fastest<C: Checker>(at: usize, cap: Duration) -> Measured {
    let once = || measure(tests::<C>().swap_remove(at), cap);
    let mut best = once();
    for _ in 0..4 {
        if best.time < SHORT {
            let next = once();
            assert_eq!(best.executions, next.executions, "a search is repeatable");
            best.time = best.time.min(next.time);
        }
    }
    best
}

fn row<C: Checker>(at: usize, measured: &Measured, ours: &Measured) -> String {
    let Measured {
        search,
        executions,
        outcomes,
        time,
    } = measured;
    let end = if search.complete { "" } else { ", **stopped**" };
    let least = if search.complete { "" } else { "over " };
    format!(
        "| {} | {}{end} | {executions} | {outcomes} | {} | {} | {time:.2?} | {:.0} | {least}{:.1} |",
        tests::<C>()[at].name,
        C::NAME,
        executions - outcomes,
        search.moot,
        *executions as f64 / time.as_secs_f64(),
        time.as_secs_f64() / ours.time.as_secs_f64(),
    )
}

fn all<C: Checker>(cap: Duration) -> Vec<Measured> {
    (0..tests::<C>().len())
        .map(|at| fastest::<C>(at, cap))
        .collect()
}

/// Measures everything and prints a table.
fn bench() {
    println!("A search is stopped after {CAP:?}, one of shuttle's after {SHUTTLE_CAP:?}.\n");
    println!(
        "| model | checker | executions | distinct | redundant | moot | time | executions/s | time / explorer's |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    // shuttle is last: its panic hook stays, and slows what others cancel.
    let ours = all::<Rc11>(CAP);
    let (sc, loom) = (all::<Sc>(CAP), all::<Loom>(CAP));
    let shuttle = all::<Shuttle>(SHUTTLE_CAP);
    for (at, first) in ours.iter().enumerate() {
        println!("{}", row::<Rc11>(at, first, first));
        println!("{}", row::<Sc>(at, &sc[at], first));
        println!("{}", row::<Loom>(at, &loom[at], first));
        println!("{}", row::<Shuttle>(at, &shuttle[at], first));
    }
}

/// Searches all models with the explorer and the small ones with the others.
fn test() {
    for (at, test) in tests::<Rc11>().iter().enumerate() {
        let rc11 = fastest::<Rc11>(at, CAP);
        let sc = fastest::<Sc>(at, CAP);
        for ours in [&rc11, &sc] {
            assert!(ours.search.complete, "{}", test.name);
            assert_eq!(ours.executions, ours.outcomes, "{}", test.name);
        }
        if at < SMALL {
            let loom = fastest::<Loom>(at, CAP);
            assert_eq!(loom.outcomes, rc11.outcomes, "{}", test.name);
        }
        println!("{}: {} executions", test.name, rc11.executions);
    }
    // shuttle is last, as above.
    for (at, test) in tests::<Sc>().iter().enumerate().take(SMALL) {
        let (sc, shuttle) = (fastest::<Sc>(at, CAP), fastest::<Shuttle>(at, CAP));
        assert_eq!(shuttle.outcomes, sc.outcomes, "{}", test.name);
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "--bench") {
        bench();
    } else {
        test();
    }
}
