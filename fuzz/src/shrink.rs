//! The smallest program that still shows a finding.
//!
//! Greedy: CPUs and operations are dropped, operations made simpler, choices
//! made the usual ones. A smaller program need not show it under the same
//! schedule, so that others are tried, always the same.

use std::sync::atomic::AtomicU8;

use seqfault_models::engines::{self, Control, Explorer, Judge, Search, Violated};
use seqfault_models::spec::{self, Rules};

use crate::plan::Plan;
use crate::program_schedule::{Finding, run};
use crate::rng::Rng;

/// Schedules that are tried with a smaller program.
const SCHEDULES: u64 = 120;
/// Executions that the explorer may take to confirm a finding.
const CONFIRMING: u64 = 50_000;

/// The smallest finding of the same kind.
pub fn shrink(finding: Finding, rules: &Rules, counters: &'static [AtomicU8]) -> Finding {
    let mut smallest = finding;
    while let Some(smaller) = smallest
        .plan
        .smaller()
        .into_iter()
        .find_map(|plan| shows(plan, smallest.violated, rules, counters))
    {
        smallest = smaller;
    }
    shorten(smallest, rules, counters)
}

/// A finding of this kind with this program, under its schedule or another.
fn shows(
    plan: Plan,
    violated: Violated,
    rules: &Rules,
    counters: &'static [AtomicU8],
) -> Option<Finding> {
    let mut rng = Rng::new(0);
    let mut plan = plan;
    for _ in 0..=SCHEDULES {
        match run(&plan, rules, counters) {
            Err(finding) if finding.violated == violated => return Some(*finding),
            _ => {}
        }
        let len = 1 + rng.below(12);
        plan.schedule = (0..len).map(|_| rng.byte()).collect();
    }
    None
}

/// The finding with a schedule as short as can be.
fn shorten(finding: Finding, rules: &Rules, counters: &'static [AtomicU8]) -> Finding {
    let mut shortest = finding;
    let mut at = shortest.plan.schedule.len();
    while at > 0 {
        at -= 1;
        let mut plan = shortest.plan.clone();
        plan.schedule.remove(at);
        match run(&plan, rules, counters) {
            Err(finding) if finding.violated == shortest.violated => shortest = *finding,
            _ => {}
        }
    }
    shortest
}

/// What the explorer says of a finding, in words.
pub fn confirm(finding: &Finding) -> String {
    let program = finding.plan.program();
    let judge = Judge {
        allowed: spec::outcomes(&program, &Rules::default())
            .ok()
            .map(|spec| spec.outcomes),
        ..Judge::default()
    };
    let explorer = Explorer {
        max_executions: Some(CONFIRMING),
        ..Explorer::default()
    };
    let scenario = finding.plan.scenario();
    let report = engines::run(&explorer, &scenario, &Control::default(), &judge);
    match (&report.failure, report.search) {
        (Some(failure), _) => format!(
            "confirmed by the explorer: {} in execution {}",
            failure.violated, report.executions
        ),
        (None, Search::Complete) => format!(
            "NOT confirmed: the explorer finds nothing wrong in all {} executions",
            report.executions
        ),
        (None, _) => format!(
            "not confirmed: too large for the explorer's {} executions",
            report.executions
        ),
    }
}
