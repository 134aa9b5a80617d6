//! A concurrent program under a given schedule: core's invariants, and the
//! specification's word on the outcome.

use std::fmt;
use std::sync::atomic::AtomicU8;

use seqfault_core::{Invariant, Quirks};
use seqfault_models::engines::driven;
use seqfault_models::engines::{Judge, Report, Violated};
use seqfault_models::litmus::ast::Outcome;
use seqfault_models::platform::count_in;
use seqfault_models::spec::{self, Rules};

use crate::plan::Plan;

/// Counters of interleavings.
pub const COUNTERS: usize = 1 << 13;

/// States of the specification that are searched for an outcome: a program that
/// needs more is judged by core's invariants alone, so that no input takes long.
const MAX_STATES: usize = 20_000;

/// How often each pair of conflicting accesses was seen in the last execution.
///
/// libFuzzer takes for coverage whatever lies in this section of the program,
/// one byte a counter: its runtime looks between `__start_` and `__stop_` of the
/// section's name, which the linker defines because the name is one of C, and
/// sets all of it to zero before each run. So a static with a section's name
/// is all that is needed, on stable too; without libFuzzer it is a static.
#[cfg_attr(
    target_os = "linux",
    unsafe(link_section = "__libfuzzer_extra_counters")
)]
pub static INTERLEAVINGS: [AtomicU8; COUNTERS] = [const { AtomicU8::new(0) }; COUNTERS];

/// An execution that is wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The program and its schedule.
    pub plan: Plan,
    /// What it violates.
    pub violated: Violated,
    /// How.
    pub message: String,
    /// The outcome that the specification does not allow.
    pub outcome: Option<Outcome>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n", self.violated, self.message)?;
        writeln!(f, "{}", self.plan.program())
    }
}

/// Runs a plan under the rules of the specification, and counts interleavings
/// in `counters`.
///
/// # Errors
/// The finding, if something is wrong.
///
/// # Panics
/// If the checker itself fails.
pub fn run(plan: &Plan, rules: &Rules, counters: &'static [AtomicU8]) -> Result<(), Box<Finding>> {
    count_in(Some(counters));
    let report = driven::run(&plan.scenario(), &plan.schedule, &Judge::default());
    count_in(None);
    judge(plan, rules, &report)
}

/// Whether `report`, of an execution of `plan`, shows something wrong.
///
/// # Errors
/// The finding, if something is wrong.
///
/// # Panics
/// If the checker itself failed.
pub fn judge(plan: &Plan, rules: &Rules, report: &Report) -> Result<(), Box<Finding>> {
    let finding = |violated, message, outcome| {
        Err(Box::new(Finding {
            plan: plan.clone(),
            violated,
            message,
            outcome,
        }))
    };
    if let Some(problem) = &report.problem {
        panic!("{problem}\n{}", plan.program());
    }
    if let Some(failure) = &report.failure {
        return finding(failure.violated, failure.message.clone(), None);
    }
    let Some(outcome) = report.outcomes.keys().next() else {
        return Ok(());
    };
    match spec::admits(&plan.program(), rules, outcome, MAX_STATES) {
        Ok(Some(true) | None) => Ok(()),
        Ok(Some(false)) => {
            let violated = Violated::Invariant(Invariant::NotAtomic);
            let message = format!("the specification does not allow the outcome `{outcome}`");
            finding(violated, message, Some(outcome.clone()))
        }
        Err(unsupported) => panic!("{unsupported:?}\n{}", plan.program()),
    }
}

/// The plan of an input, with `quirks` turned on. A schedule does not choose what hardware does by
/// itself, so that it does nothing.
pub fn plan(data: &[u8], quirks: Quirks) -> Plan {
    let mut plan = Plan {
        quirks,
        ..Plan::decode(data)
    };
    let chosen = plan.protocol.choose("speculation", "none");
    chosen.expect("a choice that there is");
    plan
}

/// Runs an input with `quirks` turned on.
///
/// # Errors
/// The finding, if something is wrong.
pub fn run_input(data: &[u8], quirks: Quirks, rules: &Rules) -> Result<(), Box<Finding>> {
    run(&plan(data, quirks), rules, &INTERLEAVINGS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::rng::Rng;
    use crate::{guided, seeds};

    /// Another schedule of the same program is other coverage.
    #[test]
    fn a_schedule_is_coverage() {
        let proofs = seeds::proofs();
        let (_, program) = proofs
            .iter()
            .find(|(name, _)| name == "tlb-flush-after-ptl")
            .expect("it is a proof");
        let plan = Plan::of(program).expect("it has records");
        let counted = |schedule: &[u8]| -> BTreeSet<usize> {
            let counters = guided::counters();
            let schedule = schedule.to_vec();
            let plan = Plan {
                schedule,
                ..plan.clone()
            };
            run(&plan, &Rules::default(), counters).expect("the proof holds");
            let counters = counters.iter().enumerate();
            let used = counters.filter(|(_, count)| count.load(Ordering::Relaxed) > 0);
            used.map(|(number, _)| number).collect()
        };
        // Memory that is used again may look like one object, and may not.
        let mut straight = counted(&[]);
        assert!(!straight.is_empty());
        for _ in 0..20 {
            straight.extend(counted(&[]));
        }
        let mut rng = Rng::new(2);
        let other = (0..50).find(|_| {
            let schedule: Vec<u8> = (0..8).map(|_| rng.byte()).collect();
            !counted(&schedule).is_subset(&straight)
        });
        assert!(other.is_some());
    }
}
