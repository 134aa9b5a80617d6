//! Searches by one worker and by several.

use std::sync::atomic::AtomicBool;

use seqfault_core::Invariant;

use super::*;
use crate::engines::Violated;
use crate::litmus;
use crate::scenario::Deviations;

const TEST: &str = "MM freed\n{ page A; mmap A rw; write A 1; }\n\
                    P0 { munmap A; }\nP1 { r0 = read A; r1 = read A; }\n\
                    ~exists (1:r0=accerr)\nbroken by pt-free-immediate : use-after-free\n";

fn scenario(is_broken: bool) -> Scenario {
    let program = litmus::parse("test", TEST).expect("a test");
    let items = program.broken_by.first().map(|line| &*line.items);
    let items = items.filter(|_| is_broken).unwrap_or_default();
    let deviations = Deviations::from_items(items).expect("a quirk");
    Scenario::new(&program, &deviations).expect("a scenario")
}

fn run(explorer: &Explorer, scenario: &Scenario) -> Report {
    explorer.execute(scenario, &Control::default(), &Judge::default())
}

fn shared() -> Explorer {
    Explorer {
        workers: 3,
        alone: 0,
        ..Explorer::default()
    }
}

#[test]
fn a_failure_comes_with_its_own_execution_from_whatever_worker() {
    for _ in 0..50 {
        let report = run(&shared(), &scenario(true));
        let failure = report.failure.expect("the quirk is found");
        let what = Violated::Invariant(Invariant::UseAfterFree);
        assert_eq!(failure.violated, what, "{failure:?}");
        assert!(failure.cpu.is_some(), "{failure:?}");
        assert!(failure.timeline.len() > 10, "{failure:?}");
        let graph = failure.graph.expect("the explorer draws it");
        assert!(
            graph.starts_with("digraph") && graph.contains("core/src"),
            "{graph}"
        );
    }
}

#[test]
fn all_workers_see_what_one_sees() {
    let run = |options: &Explorer| run(options, &scenario(false));
    let alone = run(&Explorer::default());
    assert_eq!(alone.search, Search::Complete);
    for _ in 0..20 {
        let together = run(&shared());
        assert_eq!(together.executions, alone.executions);
        assert_eq!(together.outcomes, alone.outcomes);
    }
}

#[test]
fn threads_that_are_taken_are_given_back() {
    let options = Explorer {
        alone: 0,
        ..Explorer::default()
    };
    options.spare.give(2);
    let alone = run(&Explorer::default(), &scenario(false));
    let helped = run(&options, &scenario(false));
    assert_eq!(helped.outcomes, alone.outcomes);
    assert_eq!(options.spare.take(), 2);
}

#[test]
fn an_interrupt_stops_it_and_what_it_saw_stands() {
    let control = Control {
        interrupt: Some(Arc::new(AtomicBool::new(true))),
        ..Control::default()
    };
    let report = Explorer::default().execute(&scenario(false), &control, &Judge::default());
    assert_eq!(report.search, Search::Unfinished);
    assert!(report.executions <= 1, "{report:?}");
}
