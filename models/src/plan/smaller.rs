//! Plans that are a little smaller: the steps by which a finding is shrunk.

use seqfault_core::Protocol;

use super::Plan;
use crate::differential::{Given, simpler};

impl Plan {
    /// Plans that are one step smaller, the boldest first: fewer CPUs, fewer operations, the usual
    /// choices, simpler operations. Each has bytes that stand for it.
    pub fn smaller(&self) -> Vec<Plan> {
        smaller(self)
    }
}

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
                if op == Given::FORK {
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
fn ops(plan: &Plan, row: usize) -> &Vec<Given> {
    match row.checked_sub(1) {
        None => &plan.setup,
        Some(cpu) => &plan.threads[cpu],
    }
}

fn ops_mut(plan: &mut Plan, row: usize) -> &mut Vec<Given> {
    match row.checked_sub(1) {
        None => &mut plan.setup,
        Some(cpu) => &mut plan.threads[cpu],
    }
}
