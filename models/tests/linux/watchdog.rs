//! A run that hangs, crashes or panics is told of, and survived.

use std::time::Duration;

use seqfault_models::linux::concurrent::{Sabotage, Seen, Settings, run};
use seqfault_models::litmus::parse;
use seqfault_models::scenario::{Deviations, Scenario};

use crate::host;

const TEXT: &str = "MM t { page A; mmap A rw; } P0 { munmap A; } P1 { r0 = read A; } exists (A=0)";

fn seen(sabotage: Option<Sabotage>, patience: Duration) -> Seen {
    let program = parse("test.litmus", TEXT).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let scenario = Scenario::new(&program, &Deviations::default()).expect("it can run");
    let settings = Settings {
        iterations: 500,
        seed: 9,
        patience,
        sabotage,
        ..Settings::default()
    };
    run(&scenario.program, &settings, &mut |_| ())
}

fn trouble(sabotage: Sabotage, patience: Duration) -> (String, Seen) {
    let seen = seen(Some(sabotage), patience);
    let trouble = seen.trouble.clone().expect("it is told of");
    assert!(trouble.contains("; seed 9; "), "{trouble}");
    // The next run is none the worse for it.
    let next = self::seen(None, Settings::default().patience);
    assert_eq!((next.trouble, next.instances), (None, 500));
    (trouble, seen)
}

#[test]
fn a_thread_that_never_starts_is_a_hang() {
    if host().is_none() {
        return;
    }
    let (trouble, seen) = trouble(Sabotage::Hang(1), Duration::from_secs(1));
    assert!(trouble.starts_with("the run hangs: "), "{trouble}");
    assert!(
        trouble.contains("P0 waits for the others before instance 0, P1 never began"),
        "{trouble}"
    );
    assert_eq!(seen.instances, 0);
}

#[test]
fn a_crash_says_where() {
    if host().is_none() {
        return;
    }
    let patience = Settings::default().patience;
    let (trouble, seen) = trouble(Sabotage::Crash(1, 300), patience);
    assert!(
        trouble.starts_with("the run crashed: exit status: 134"),
        "{trouble}"
    );
    assert!(trouble.contains("before instance 300"), "{trouble}");
    assert!(trouble.contains("signal 0xb at address 0x8"), "{trouble}");
    // What was seen before is not lost.
    assert!((1..300).contains(&seen.instances), "{}", seen.instances);
    assert!(!seen.outcomes.is_empty());
}

#[test]
fn a_panic_of_the_runner_is_told() {
    if host().is_none() {
        return;
    }
    let patience = Settings::default().patience;
    let (trouble, _) = trouble(Sabotage::Panic(0, 2), patience);
    let start = "the runner panicked: as it was asked to";
    assert!(trouble.starts_with(start), "{trouble}");
}
