//! A concurrent program, searched by the explorer: every execution up to a number of them.
//!
//! What [`program_schedule`](crate::program_schedule) tries by one schedule, under sequential
//! consistency, is tried here in all executions of the memory model.

use seqfault_core::Quirks;
use seqfault_models::conform::concurrent::{Fate, Finding, Options};
use seqfault_models::spec::Rules;

use crate::plan::Plan;

/// Most CPUs: with more, hardly a program can be searched.
pub const MAX_CPUS: usize = 3;
/// Executions of a program; one that needs more is given up.
const EXECUTIONS: u64 = 1_000;
/// States of the specification; a program that needs more is given up.
const STATES: usize = 20_000;

/// The program that `data` stands for: that of `program_schedule`, without the CPUs that are too
/// many and without a schedule.
pub fn plan(data: &[u8]) -> Plan {
    let mut plan = Plan::decode(data);
    plan.threads.truncate(MAX_CPUS);
    plan.in_child.truncate(MAX_CPUS);
    plan.schedule.clear();
    plan
}

/// How programs are searched under these rules of the specification.
pub fn options(rules: &Rules) -> Options {
    Options {
        max_executions: EXECUTIONS,
        max_states: STATES,
        rules: rules.clone(),
        ..Options::default()
    }
}

/// Searches an input with `quirks` turned on.
///
/// # Errors
/// The finding, if something is wrong.
pub fn run_input(data: &[u8], quirks: Quirks, rules: &Rules) -> Result<(), Box<Finding>> {
    let plan = Plan {
        quirks,
        ..plan(data)
    };
    match options(rules).hold_plan(plan).on_core {
        Fate::Passed | Fate::Stopped(_) => Ok(()),
        Fate::Wrong(finding) => Err(finding),
    }
}
