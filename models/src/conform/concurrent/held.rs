//! One program, held against everything.

use std::collections::BTreeSet;

use seqfault_core::Quirks;

use super::{Fate, Finding, OnHost, Options, Stopped, What};
use crate::engines::{self, Control, Explorer, Judge, Order, Report, Search};
use crate::litmus::ast::Outcome;
use crate::plan::Plan;
use crate::platform;
use crate::scenario::Scenario;
use crate::spec;
use crate::timeline;

/// Columns of a timeline.
const WIDTH: usize = 120;

/// What a program came to.
#[derive(Clone, Debug)]
pub struct Held {
    /// The program.
    pub plan: Plan,
    /// What it came to on core.
    pub on_core: Fate,
    /// Executions there.
    pub executions: u64,
    /// What it came to on the host's kernel.
    pub on_host: OnHost,
    /// Instances there.
    pub instances: u64,
}

impl Options {
    /// The program of this number, with the choices and quirks that all of them have.
    pub fn plan(&self, number: u64) -> Plan {
        let mut plan = Plan::random(self.seed, number, self.cpus, self.ops.clone());
        let deviate = |plan: &mut Plan| {
            for (choice, value) in &self.deviations.choices {
                let made = plan.protocol.choose(choice, value);
                made.expect("the command line was read");
            }
        };
        deviate(&mut plan);
        if plan.protocol.conflict().is_some() {
            // What was drawn gives way.
            plan.protocol = seqfault_core::Protocol::default();
            deviate(&mut plan);
        }
        let quirks = self.deviations.quirks.iter();
        plan.quirks = quirks.fold(Quirks::NONE, |all, quirk| all.with(*quirk));
        plan
    }

    /// Holds the program of this number against everything; a finding is shrunk.
    pub fn hold(&self, number: u64) -> Held {
        let mut held = self.hold_plan(self.plan(number));
        if let Fate::Wrong(finding) = held.on_core {
            held.on_core = Fate::Wrong(self.shrink(finding));
        }
        if let OnHost::Wrong(finding) = held.on_host {
            held.on_host = OnHost::Wrong(self.shrink(finding));
        }
        held
    }

    /// Holds `plan` against everything.
    pub fn hold_plan(&self, plan: Plan) -> Held {
        let mut held = Held {
            on_core: Fate::Stopped(Stopped::States),
            executions: 0,
            on_host: OnHost::Skipped,
            instances: 0,
            plan,
        };
        let Some(allowed) = self.allowed(&held.plan) else {
            return held;
        };
        (held.on_core, held.executions) = self.on_core(&held.plan, &allowed);
        if self.iterations > 0 {
            (held.on_host, held.instances) = self.on_host(&held.plan, &allowed);
        }
        held
    }

    /// What the specification allows, unless that takes too many states.
    pub(super) fn allowed(&self, plan: &Plan) -> Option<BTreeSet<Outcome>> {
        let program = plan.program();
        let spec = spec::outcomes_within(&program, &self.rules, self.max_states);
        let spec = spec.unwrap_or_else(|unsupported| panic!("{unsupported}\n{program}"));
        Some(spec?.outcomes)
    }

    /// What the program comes to on core, and in how many executions.
    pub(super) fn on_core(&self, plan: &Plan, allowed: &BTreeSet<Outcome>) -> (Fate, u64) {
        let judge = Judge {
            allowed: Some(allowed.clone()),
            ..Judge::default()
        };
        let scenario = plan.scenario();
        let report = self.explore(&scenario, &judge);
        let wrong = |what, message: &str, table| {
            Fate::Wrong(Box::new(Finding {
                plan: plan.clone(),
                what,
                message: message.to_owned(),
                table,
            }))
        };
        let fate = match (&report.failure, &report.problem) {
            (Some(failure), _) => {
                let order = Order::Coherent;
                let table = timeline::counterexample(&scenario, failure, order, WIDTH);
                wrong(What::Core(failure.violated), &failure.message, table)
            }
            // It may not even have begun.
            (None, Some(_)) if self.is_interrupted() => Fate::Stopped(Stopped::Executions),
            (None, Some(problem)) => wrong(What::Trouble, problem, String::new()),
            (None, None) if report.search == Search::Complete => Fate::Passed,
            (None, None) => Fate::Stopped(Stopped::Executions),
        };
        (fate, report.executions)
    }

    /// What stops an engine.
    pub(super) fn control(&self) -> Control {
        Control {
            interrupt: self.interrupt.clone(),
            ..Control::default()
        }
    }

    fn is_interrupted(&self) -> bool {
        self.control().is_interrupted()
    }

    /// Searches.
    pub(super) fn explore(&self, scenario: &Scenario, judge: &Judge) -> Report {
        let explorer = Explorer {
            max_executions: Some(self.max_executions),
            memory: self.memory,
            ..Explorer::default()
        };
        let run = || engines::run(&explorer, scenario, &self.control(), judge);
        platform::catch(run).unwrap_or_else(|stopped| Report {
            problem: Some(format!("internal error: {}", stopped.message)),
            ..Report::empty(Search::Unfinished)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_search_that_is_interrupted_before_it_begins_finds_nothing_wrong() {
        let options = Options {
            interrupt: Some(Arc::new(AtomicBool::new(true))),
            ..Options::default()
        };
        let held = options.hold(0);
        assert!(
            matches!(held.on_core, Fate::Stopped(_)),
            "{:?}",
            held.on_core
        );
        assert_eq!(held.executions, 0);
    }
}
