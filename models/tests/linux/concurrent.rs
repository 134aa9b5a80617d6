//! Tests of several CPUs on the host: what they show is allowed, and a specification that allows
//! too little is found out.

use seqfault_core::Invariant;
use seqfault_models::engines::{self, Control, Judge, Linux, Report, Violated};
use seqfault_models::litmus::parse;
use seqfault_models::scenario::{Deviations, Scenario};
use seqfault_models::spec::{self, Rules};

use crate::host;

/// Enough to show what is not rare, even while others use the host's CPUs.
const ITERATIONS: u64 = 4_000;

fn scenario(text: &str) -> Scenario {
    let program = parse("test.litmus", text).unwrap_or_else(|e| panic!("{}", e.render(false)));
    Scenario::new(&program, &Deviations::default()).expect("it can run")
}

/// A fault on the page that was never touched finds no VMA any more, while the other page is still
/// in the page table.
const TWO_PAGES: &str = r"MM two-pages
{ pages A[2]; mmap A rw; write A[1] 1; }
P0 { munmap A; }
P1 { r0 = read A[0]; r1 = read A[1]; }
~exists (1:r0=1)";

/// Each CPU's store waits in its store buffer while it reads.
const STORE_BUFFERING: &str = r"MM store-buffering
{ page A; page B; mmap A rw; write A 0; mmap B rw; write B 0; }
P0 { write A 1; r0 = read B; }
P1 { write B 1; r0 = read A; }
~exists (0:r0=accerr)";

fn run(scenario: &Scenario, rules: &Rules, seed: u64) -> Report {
    let spec = spec::outcomes(&scenario.program, rules).expect("the specification covers it");
    let judge = Judge {
        allowed: Some(spec.outcomes),
        ..Judge::default()
    };
    let linux = Linux {
        iterations: ITERATIONS,
        seed,
        ..Linux::default()
    };
    engines::run(&linux, scenario, &Control::default(), &judge)
}

fn is_only_in_linux(report: &Report, seed: u64) -> bool {
    let Some(failure) = &report.failure else {
        return false;
    };
    assert_eq!(
        failure.violated,
        Violated::Invariant(Invariant::NotAtomic),
        "{}",
        failure.message
    );
    let message = &failure.message;
    assert!(message.starts_with("only in linux: "), "{message}");
    assert!(message.contains(&format!("of seed {seed}")), "{message}");
    let replay = format!("--engine linux --seed {seed} --iterations {ITERATIONS}");
    assert_eq!(failure.replay, replay);
    true
}

/// Runs until `found`: a few seeds on an idle host, more where others use its CPUs.
fn within_seeds(mut found: impl FnMut(u64) -> bool) -> bool {
    (0..500).any(&mut found)
}

#[test]
fn what_the_host_shows_is_allowed() {
    if host().is_none() {
        return;
    }
    for text in [TWO_PAGES, STORE_BUFFERING] {
        let scenario = scenario(text);
        let report = run(&scenario, &Rules::linux(), 0);
        assert_eq!(report.problem, None);
        assert!(report.failure.is_none(), "{:?}", report.failure);
        assert_eq!(report.executions, ITERATIONS);
        assert_eq!(report.outcomes.values().sum::<u64>(), ITERATIONS);
        assert!(report.outcomes.len() > 1, "{:?}", report.outcomes);
        assert!(report.entropy() > 0.0);
    }
}

#[test]
fn calls_that_take_effect_at_one_instant_are_found_out() {
    if host().is_none() {
        return;
    }
    let wrong = Rules {
        window: false,
        ..Rules::linux()
    };
    let scenario = scenario(TWO_PAGES);
    let found = within_seeds(|seed| is_only_in_linux(&run(&scenario, &wrong, seed), seed));
    assert!(found, "munmap takes no time on this host");
}

#[test]
fn sequentially_consistent_memory_is_found_out() {
    if host().is_none() {
        return;
    }
    let wrong = Rules {
        stale_reads: false,
        placement: spec::Placement::Last,
        ..Rules::linux()
    };
    let scenario = scenario(STORE_BUFFERING);
    let found = within_seeds(|seed| is_only_in_linux(&run(&scenario, &wrong, seed), seed));
    assert!(found, "nothing waits in a store buffer on this host");
}

#[test]
fn each_outcome_that_is_not_allowed_any_more_is_found_out() {
    if host().is_none() {
        return;
    }
    let scenario = scenario(TWO_PAGES);
    let spec = spec::outcomes(&scenario.program, &Rules::linux()).expect("it is covered");
    let linux = Linux {
        iterations: ITERATIONS,
        ..Linux::default()
    };
    let seen = engines::run(&linux, &scenario, &Control::default(), &Judge::default()).outcomes;
    // What is not rare shows again.
    let often = seen.iter().filter(|(_, count)| **count > ITERATIONS / 20);
    let mut removed = 0;
    for (outcome, _) in often {
        let mut allowed = spec.outcomes.clone();
        assert!(allowed.remove(outcome), "{outcome}");
        let judge = Judge {
            allowed: Some(allowed),
            ..Judge::default()
        };
        let report = engines::run(&linux, &scenario, &Control::default(), &judge);
        assert!(is_only_in_linux(&report, 0), "{outcome}");
        removed += 1;
    }
    assert!(removed > 1, "{seen:?}");
}

#[test]
fn more_threads_than_cpus_still_end() {
    if host().is_none() {
        return;
    }
    let scenario = scenario(
        r"MM four { page A; mmap A rw; } P0 { r0 = xchg A 1; } P1 { r0 = xchg A 2; }
        P2 { r0 = xchg A 3; } P3 { switch lazy; switch main; r0 = xchg A 4; }
        ~exists (0:r0=0 /\ 1:r0=0)",
    );
    let report = run(&scenario, &Rules::linux(), 3);
    assert_eq!(report.problem, None);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert_eq!(report.executions, ITERATIONS);
    let sample = report.sample.expect("it was a sample");
    assert_eq!(sample.threads, 4);
    assert!((1..=4).contains(&sample.cpus));
}

#[test]
fn time_ends_a_run() {
    if host().is_none() {
        return;
    }
    let linux = Linux {
        iterations: u64::MAX,
        time: Some(std::time::Duration::from_millis(300)),
        ..Linux::default()
    };
    let report = engines::run(
        &linux,
        &scenario(TWO_PAGES),
        &Control::default(),
        &Judge::default(),
    );
    assert_eq!(report.problem, None);
    assert!(report.executions > 0);
}
