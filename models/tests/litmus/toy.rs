//! An engine from outside: what a verdict makes of one that this crate alone knows.

use std::sync::Arc;

use seqfault_models::engines::{
    Control, Engine, Judge, Kind, Order, Profile, Report, Search, driven,
};
use seqfault_models::litmus;
use seqfault_models::scenario::{Deviations, Scenario};
use seqfault_models::spec::{self, Rules};
use seqfault_models::verdict::{self, Found, Request, Ruling, Verdict};

/// Replays the first schedule: one CPU after the other.
#[derive(Debug)]
struct First;

impl Engine for First {
    fn name(&self) -> &'static str {
        "first"
    }

    fn kind(&self) -> Kind {
        Kind::Sampling
    }

    fn order(&self) -> Order {
        Order::Coherent
    }

    fn execute(&self, scenario: &Scenario, control: &Control, judge: &Judge) -> Report {
        let report = driven::run(scenario, &[], judge);
        control.progress.add(report.executions);
        report
    }
}

/// A kernel that does all that the specification allows, once.
static LAX: Profile = Profile {
    name: "lax",
    described: "the lax kernel",
    rules: Rules::linux,
    is_core: false,
    is_specification: false,
    can_replay: false,
};

/// Runs tests on it.
#[derive(Debug)]
struct OnLax;

impl Engine for OnLax {
    fn name(&self) -> &'static str {
        "on-lax"
    }

    fn kind(&self) -> Kind {
        Kind::Sampling
    }

    fn subject(&self) -> &'static Profile {
        &LAX
    }

    fn order(&self) -> Order {
        Order::Unseen
    }

    fn execute(&self, scenario: &Scenario, _: &Control, _: &Judge) -> Report {
        let spec = spec::outcomes(&scenario.program, &(LAX.rules)()).expect("it is specified");
        let outcomes = spec.outcomes.into_iter().map(|outcome| (outcome, 1));
        let mut report = Report::empty(Search::Sampled);
        report.outcomes = outcomes.collect();
        report.executions = report.outcomes.len() as u64;
        report
    }
}

/// Its engine runs tests on a subject that no table has either.
#[test]
fn a_subject_from_outside_is_judged() {
    let text = "MM t\n{ page A; mmap A rw; }\nP0 { write A 1; munmap A; }\nP1 { r0 = read A; }\n\
                exists (1:r0=1)\nbroken by pt-free-immediate : use-after-free";
    let program = litmus::parse("t.litmus", text).expect("a test");
    let mut request = Request {
        engine: Arc::new(OnLax),
        ..Request::default()
    };
    let verdict = verdict::check(&program, &request).expect("it can run");
    assert_eq!(verdict.ruling(), Ruling::Ok, "{:?}", verdict.reasons);
    let Found::NotApplicable(why) = &verdict.broken[0].found else {
        panic!("it has no quirks: {:?}", verdict.broken[0].found);
    };
    assert!(why.contains("the lax kernel takes no choices"), "{why}");
    request.deviations = Deviations {
        choices: vec![("flush".to_owned(), "relaxed".to_owned())],
        ..Deviations::default()
    };
    let verdict = verdict::check(&program, &request).expect("it can be asked for");
    let skipped = verdict.skipped.expect("it has no choices");
    assert!(skipped.contains("needs core: the lax kernel"), "{skipped}");
}

fn checked(text: &str) -> (Verdict, u64) {
    let text = format!(
        "MM t\n{{ page A; mmap A rw; write A 0; }}\n\
         P0 {{ write A 1; munmap A; }}\nP1 {{ r0 = read A; }}\n{text}"
    );
    let program = litmus::parse("t.litmus", &text);
    let program = program.unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    let request = Request {
        engine: Arc::new(First),
        ..Request::default()
    };
    let progress = request.control.progress.clone();
    let verdict = verdict::check(&program, &request).expect("it can run");
    (verdict, progress.executions())
}

#[test]
fn an_engine_that_no_table_has_is_judged() {
    let (verdict, executions) = checked("~exists (1:r0=1)");
    assert!(verdict.is_ok(), "{:?}", verdict.reasons);
    assert_eq!(executions, 1);
    let run = verdict.run.as_ref().expect("it was run");
    assert_eq!((run.report.executions, run.search_word()), (1, "sampled"));
    assert!(
        verdict.herd(false).contains("\nExecutions 1 sampled\n"),
        "{}",
        verdict.herd(false)
    );
    // P0 comes first, and then nothing is there.
    let (verdict, _) = checked("~exists (1:r0=maperr)");
    assert_eq!(verdict.ruling(), Ruling::No);
    let failure = verdict.failure().expect("the condition");
    assert!(!failure.timeline.is_empty(), "{failure:?}");
}

#[test]
fn what_it_does_not_see_is_no_failure() {
    let (verdict, _) = checked("exists (1:r0=0)");
    assert!(verdict.is_ok(), "{:?}", verdict.reasons);
    assert_eq!(verdict.ruling(), Ruling::Unknown);
    let (verdict, _) =
        checked("forall (1:r0=maperr)\nbroken by pt-free-immediate : use-after-free");
    assert!(verdict.is_ok(), "{:?}", verdict.reasons);
    assert!(matches!(verdict.broken[0].found, Found::NotFound(_)));
}

#[test]
fn what_holds_of_every_engine_holds_of_it() {
    let (verdict, executions) = checked("forall (1:r0=maperr)\nneeds weak-memory");
    assert!(verdict.run.expect("it was run").lacks_weak_memory);
    assert_eq!(executions, 1);
    let program = "MM t\nwith speculation=1\n{ page A; mmap A rw; }\nP0 { read A; }\nforall (A=0)";
    let program = litmus::parse("t.litmus", program).expect("a test");
    let request = Request {
        engine: Arc::new(First),
        ..Request::default()
    };
    let verdict = verdict::check(&program, &request).expect("it can be asked for");
    let reason = verdict.reasons.first().expect("it cannot choose");
    assert!(
        reason.contains("first cannot choose what hardware does"),
        "{reason}"
    );
}
