//! The smallest program that still shows a finding.
//!
//! Greedy: CPUs and operations are dropped, operations made simpler, choices
//! made the usual ones. A smaller program need not show it under the same
//! schedule, so that others are tried, always the same.

use std::sync::atomic::AtomicU8;

use seqfault_core::Protocol;
use seqfault_models::differential::{Op, simpler};
use seqfault_models::engines::{Engine, Judge, Options, Search, Violated};
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
    while let Some(smaller) = smaller(&smallest.plan)
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

/// Plans that are one step smaller, the boldest first.
fn smaller(plan: &Plan) -> Vec<Plan> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut Plan)| {
        let mut smaller = plan.clone();
        change(&mut smaller);
        if smaller != *plan && smaller.protocol.conflict().is_none() {
            all.push(smaller);
        }
    };
    if plan.threads.len() > 2 {
        for cpu in 0..plan.threads.len() {
            add(&|plan| {
                plan.threads.remove(cpu);
                plan.in_child.remove(cpu);
            });
        }
    }
    for cpu in 0..plan.threads.len() {
        add(&|plan| plan.in_child[cpu] = false);
    }
    for row in 0..=plan.threads.len() {
        for at in 0..ops(plan, row).len() {
            add(&|plan| {
                let op = ops_mut(plan, row).remove(at);
                if op == Op::Fork {
                    plan.in_child.fill(false);
                }
            });
        }
    }
    let usual = Protocol::default();
    add(&|plan| plan.protocol = usual);
    for (name, value) in usual.choices().skip(1) {
        add(&|plan| {
            let made = plan.protocol.choose(name, value.name);
            made.expect("a protocol names its own choices");
        });
    }
    for row in 0..=plan.threads.len() {
        for (at, op) in ops(plan, row).iter().enumerate() {
            for op in simpler(op) {
                add(&|plan| ops_mut(plan, row)[at] = op.clone());
            }
        }
    }
    // What was dropped must not leave what cannot be without it.
    all.retain(|plan| {
        plan.encode()
            .is_some_and(|data| same_ops(&Plan::decode(&data), plan))
    });
    all
}

fn same_ops(a: &Plan, b: &Plan) -> bool {
    a.setup == b.setup && a.threads == b.threads && a.in_child == b.in_child
}

/// The setup (row 0) or what a CPU does.
fn ops(plan: &Plan, row: usize) -> &Vec<Op> {
    match row.checked_sub(1) {
        None => &plan.setup,
        Some(cpu) => &plan.threads[cpu],
    }
}

fn ops_mut(plan: &mut Plan, row: usize) -> &mut Vec<Op> {
    match row.checked_sub(1) {
        None => &mut plan.setup,
        Some(cpu) => &mut plan.threads[cpu],
    }
}

/// What the explorer says of a finding, in words.
pub fn confirm(finding: &Finding) -> String {
    let program = finding.plan.program();
    let judge = Judge {
        allowed: spec::outcomes(&program, &Rules::default())
            .ok()
            .map(|spec| spec.outcomes),
        keep_witnesses: false,
    };
    let options = Options {
        max_executions: Some(CONFIRMING),
        ..Options::default()
    };
    let report = Engine::Explorer.run(&finding.plan.scenario(), &options, &judge);
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
