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

/// What CPUs may do of which two or three do the same, and what another one does beside them.
const DO: [&str; 9] = [
    "r0 = read A;",
    "r0 = write A 1;",
    "r0 = xchg A 1;",
    "madvise A dontneed;",
    "madvise A dontneed; r0 = read A;",
    "r0 = read A; r1 = write B 2;",
    "r0 = mprotect A r; r1 = write A 1;",
    "munmap A; r0 = read B;",
    "prefetch A; r0 = read A;",
];

/// Tests in which the first CPUs do the same; the registers have other names.
fn alike() -> Vec<String> {
    let mut all = Vec::new();
    for (number, does) in DO.iter().enumerate() {
        let renamed = does.replace("r0", "x").replace("r1", "y");
        for setup in ["", "write A 1;"] {
            let two = format!("P0 {{ {does} }}\nP1 {{ {renamed} }}\n");
            let third = format!("P2 {{ {} }}\n", DO[(number + 3) % DO.len()]);
            let more = [String::new(), third, format!("P2 {{ {does} }}\n")];
            all.extend(more.map(|more| {
                format!(
                    "MM alike\n{{ page A; page B; mmap A rw; mmap B rw; {setup} }}\n{two}{more}\
                     exists (A=0)\n"
                )
            }));
        }
    }
    all
}

/// The tests have the same outcomes as often, whether CPUs that do the same are searched in one order or in all.
#[test]
fn cpus_that_do_the_same_are_searched_in_one_order() {
    const MOST: u64 = 600;
    let (mut compared, mut fewer) = (0, 0);
    for text in alike() {
        let program = litmus::parse("test", &text).expect("a test");
        for preset in ["mmap_lock", "rcu_fault", "vma_lock", "vma_refcnt"] {
            let mut deviations = Deviations::default();
            let choice = ("protocol".to_owned(), preset.to_owned());
            deviations.choices.push(choice);
            let scenario = Scenario::new(&program, &deviations).expect("a scenario");
            let by = |reduce| {
                let options = Explorer {
                    reduce,
                    max_executions: Some(MOST),
                    ..Explorer::default()
                };
                run(&options, &scenario)
            };
            let all = by(Reductions::None);
            if all.search != Search::Complete {
                continue;
            }
            let sorted = by(Reductions::Symmetry);
            assert_eq!(sorted.search, Search::Complete, "{text}");
            assert_eq!(sorted.outcomes, all.outcomes, "{preset}: {text}");
            compared += 1;
            fewer += usize::from(sorted.executions < all.executions);
        }
    }
    println!("{compared} tests, {fewer} with fewer executions");
    assert!(compared > 60 && fewer > 30, "{fewer} of {compared}");
}

/// A condition that holds by the names that are searched, and not by others, is found not to hold.
#[test]
fn an_outcome_by_other_names_is_judged() {
    let text = |condition: &str| {
        format!(
            "MM names\n{{ page A; mmap A rw; }}\nP0 {{ madvise A dontneed; r0 = xchg A 1; }}\n\
             P1 {{ madvise A dontneed; r0 = xchg A 1; }}\n{condition}\n"
        )
    };
    let judged = |condition: &str| {
        let program = litmus::parse("test", &text(condition)).expect("a test");
        let scenario = Scenario::new(&program, &Deviations::default()).expect("a scenario");
        let report = run(&Explorer::default(), &scenario);
        let failed = report.failure.map(|failure| failure.violated);
        (failed, report.outcomes.len())
    };
    let (failed, outcomes) = judged("forall (0:r0=0 \\/ 1:r0=0)");
    assert_eq!(failed, None);
    assert!(outcomes > 1);
    for condition in [
        "forall (0:r0=0)",
        "forall (1:r0=0)",
        "~exists (0:r0=1)",
        "~exists (1:r0=1)",
    ] {
        let (failed, _) = judged(condition);
        assert_eq!(failed, Some(Violated::Condition), "{condition}");
    }
}
