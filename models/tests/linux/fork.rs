//! Tests that fork, on the host: children have what the specification says.

use seqfault_core::Invariant;
use seqfault_models::engines::{self, Control, Engine, Judge, Linux, Report, Violated};
use seqfault_models::litmus::ast::Quantifier;
use seqfault_models::litmus::parse;
use seqfault_models::scenario::{Deviations, Scenario};
use seqfault_models::spec::{self, Rules};

use crate::host;

/// A process takes as long as some hundred accesses.
const ITERATIONS: u64 = 400;

/// As `proofs/cow/fork-vs-two-writes` has it.
const TWO_WRITES: &str = r"MM two-writes
{ page A; page B; mmap A rw; mmap B rw; write A 0; write B 0; }
P0 { r0 = fork c; }
P1 { write A 1; write B 1; }
~exists (c:A=0 /\ c:B=1 \/ A=0 \/ B=0)";

/// Each child has what there was at its fork, whatever its parent does behind it.
const BEHIND: &str = r"MM behind
{ page A; page B; pages C[2]; mmap A rw; mmap B rw; mmap C[0] none; write A 1; write B 1; fork early; }
P0 { write A 2; r0 = fork late; write A 3; munmap B; r1 = read A; }
P1 { r0 = read B; r1 = read A; r2 = write C[1] 1; }
forall (early:A=1 /\ early:B=1 /\ late:A=2 /\ late:B=1 /\ A=3 /\ B=maperr /\ 0:r0=ok /\ 0:r1=3
        /\ late:C[0]=accerr /\ early:C[1]=maperr)";

fn scenario(text: &str) -> Scenario {
    let program = parse("test.litmus", text).unwrap_or_else(|e| panic!("{}", e.render(false)));
    Scenario::new(&program, &Deviations::default()).expect("it can run")
}

/// Runs a test whose condition the specification meets.
fn run(scenario: &Scenario, seed: u64) -> Report {
    let spec = spec::outcomes(&scenario.program, &Rules::linux());
    let spec = spec.expect("the specification covers it");
    let condition = &scenario.program.condition;
    assert!(condition.holds(&spec.outcomes), "{:#?}", spec.outcomes);
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

#[track_caller]
fn agrees(report: &Report) {
    assert_eq!(report.problem, None);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert_eq!(report.executions, ITERATIONS);
    assert_eq!(report.outcomes.values().sum::<u64>(), ITERATIONS);
}

#[test]
fn a_child_has_no_later_store_without_the_earlier_one() {
    if host().is_none() {
        return;
    }
    let scenario = scenario(TWO_WRITES);
    // Whether the stores come before the fork or behind it is seen with any seed, but for a host
    // that is very busy.
    let both = (0..100).any(|seed| {
        let report = run(&scenario, seed);
        agrees(&report);
        for (outcome, count) in &report.outcomes {
            println!("seed {seed}: {count:4} {outcome}");
        }
        report.outcomes.len() > 1
    });
    assert!(both, "fork and the stores always come in one order");
}

#[test]
fn parents_store_while_children_live() {
    if host().is_none() {
        return;
    }
    let scenario = scenario(BEHIND);
    agrees(&run(&scenario, 0));
}

#[test]
fn a_specification_that_copies_nothing_is_found_out() {
    if host().is_none() {
        return;
    }
    let scenario = scenario(
        "MM copies { page A; mmap A rw; write A 7; } P0 { fork c; } P1 { r0 = read A; }
        forall (c:A=7)",
    );
    let wrong = Rules {
        fork_copies: false,
        ..Rules::linux()
    };
    // The condition is the specification's business here.
    let mut open = scenario.clone();
    open.program.condition.quantifier = Quantifier::Exists;
    let spec = spec::outcomes(&open.program, &wrong).expect("the specification covers it");
    let judge = Judge {
        allowed: Some(spec.outcomes),
        ..Judge::default()
    };
    let linux = Linux {
        iterations: 8,
        ..Linux::default()
    };
    let report = engines::run(&linux, &open, &Control::default(), &judge);
    let violated = report.failure.map(|failure| failure.violated);
    assert_eq!(violated, Some(Violated::Invariant(Invariant::NotAtomic)));
    agrees(&run(&scenario, 1));
}

/// What each process does with its own copy is not seen in the other. The names of the CPUs do not matter.
#[test]
fn cpus_run_in_processes_that_were_forked() {
    if host().is_none() {
        return;
    }
    let programs = [
        "write A 3; r0 = read B;",
        "r0 = read A; write A 4; munmap B; r1 = read B; switch lazy; switch c; r2 = read A;",
    ];
    let setup = "page A; page B; mmap A rw; mmap B rw; write A 1; fork c; write B 2;";
    let [main, child] = programs;
    for (programs, (in_main, in_child)) in [
        (format!("P0 {{ {main} }} P1 in c {{ {child} }}"), (0, 1)),
        (format!("P0 in c {{ {child} }} P1 {{ {main} }}"), (1, 0)),
    ] {
        let condition = format!(
            r"{in_main}:r0=2 /\ {in_child}:r0=1 /\ {in_child}:r1=maperr /\ {in_child}:r2=4
            /\ A=3 /\ B=2 /\ c:A=4 /\ c:B=maperr"
        );
        let text = format!("MM elsewhere {{ {setup} }} {programs} forall ({condition})");
        agrees(&run(&scenario(&text), 0));
    }
}

/// The processes of `MM needs`, and what the host does not do with them.
#[test]
fn what_processes_lack_is_named() {
    if host().is_none() {
        return;
    }
    for (programs, why) in [
        (
            "P0 { read A; } P1 in c { read A; } P2 in c { read A; }",
            "two CPUs in process `c`",
        ),
        (
            "P0 in c { read A; }",
            "a test without a CPU in process `main`",
        ),
    ] {
        let text = format!("MM needs {{ page A; mmap A rw; fork c; }} {programs} forall (c:A=0)");
        let lacks = Linux::default().lacks(&scenario(&text));
        assert_eq!(lacks, Some(format!("linux does not support {why}")));
    }
}
