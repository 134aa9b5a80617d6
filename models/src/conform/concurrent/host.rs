//! A program on the host's kernel.

use std::collections::BTreeSet;

use seqfault_core::{Protocol, Quirks};

use super::{Finding, OnHost, Options, What};
use crate::engines::{self, Engine, Judge, Linux, Search};
use crate::litmus::ast::Outcome;
use crate::plan::Plan;

impl Options {
    /// What the program comes to on the host's kernel, and in how many instances.
    pub(super) fn on_host(&self, plan: &Plan, allowed: &BTreeSet<Outcome>) -> (OnHost, u64) {
        let scenario = plan.scenario();
        let linux = Linux {
            iterations: self.iterations,
            seed: self.seed,
            ..Linux::default()
        };
        if let Some(lacks) = linux.lacks(&scenario) {
            return (OnHost::Lacks(lacks), 0);
        }
        let report = engines::run(&linux, &scenario, &self.control(), &Judge::default());
        let wrong = |what, message| {
            let finding = Finding {
                plan: plan.clone(),
                what,
                message,
                table: String::new(),
            };
            OnHost::Wrong(Box::new(finding))
        };
        let often = |outcome: &Outcome| {
            let (count, all) = (report.outcomes[outcome], report.executions);
            format!("`{outcome}`, {count} times in {all} instances")
        };
        let fate = if let Some(problem) = &report.problem {
            wrong(What::HostTrouble, problem.clone())
        } else if let Some(outcome) = first_beyond(report.outcomes.keys(), allowed) {
            let message = format!("linux shows {}: not allowed", often(outcome));
            wrong(What::Beyond(outcome.clone()), message)
        } else {
            match self.first_unseen(plan, report.outcomes.keys()) {
                Ok(None) => OnHost::Passed,
                Ok(Some(outcome)) => {
                    let message = format!(
                        "linux shows {}: allowed, but no execution of core ends so",
                        often(outcome)
                    );
                    wrong(What::Unseen(outcome.clone()), message)
                }
                Err(Unknown) => OnHost::Stopped,
            }
        };
        (fate, report.executions)
    }

    /// The first outcome that the complete search of the core with its default choices does not
    /// show, not even where hardware speculates.
    fn first_unseen<'a>(
        &self,
        plan: &Plan,
        seen: impl Iterator<Item = &'a Outcome>,
    ) -> Result<Option<&'a Outcome>, Unknown> {
        let mut unseen: Vec<&Outcome> = seen.collect();
        for speculation in [0, 1] {
            let usual = Plan {
                protocol: Protocol {
                    speculation,
                    ..Protocol::default()
                },
                quirks: Quirks::NONE,
                ..plan.clone()
            };
            let report = self.explore(&usual.scenario(), &Judge::default());
            let shown: BTreeSet<&Outcome> = report.outcomes.keys().collect();
            unseen.retain(|outcome| !shown.iter().any(|full| outcome.agrees(full)));
            if unseen.is_empty() {
                return Ok(None);
            }
            if report.search != Search::Complete {
                return Err(Unknown);
            }
        }
        Ok(unseen.first().copied())
    }
}

/// The search was given up.
struct Unknown;

fn first_beyond<'a>(
    mut seen: impl Iterator<Item = &'a Outcome>,
    allowed: &BTreeSet<Outcome>,
) -> Option<&'a Outcome> {
    seen.find(|outcome| !allowed.iter().any(|full| outcome.agrees(full)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus;
    use crate::spec::{Rules, outcomes};

    /// A store goes by an entry that mprotect has made writable, after the mapping is out of the
    /// tree and before its entry is cleared: Linux shows it, as it makes such entries writable itself.
    #[test]
    fn core_is_as_linux_where_it_is_compared() {
        let text = "MM t\n{ page A; mmap A rw populate; }\n\
                    P0 { mprotect A rw; madvise A populate_write; write A 1; }\n\
                    P1 { mprotect A none; munmap A; }\nexists (A=0)\n";
        let plan = Plan::of(&litmus::parse("t.litmus", text).expect("a test"));
        let plan = plan.expect("it is as a random program");
        let allowed = outcomes(&plan.program(), &Rules::default()).expect("it is specified");
        let is_shown = |outcome: &&Outcome| {
            let text = outcome.to_string();
            text.starts_with("0:r0=ok; 0:r1=enomem; 0:r2=ok; 1:r0=ok; 1:r1=ok;")
        };
        let shown: Vec<&Outcome> = allowed.outcomes.iter().filter(is_shown).collect();
        assert_eq!(shown.len(), 1, "{:?}", allowed.outcomes);
        let unseen = Options::default().first_unseen(&plan, shown.into_iter());
        assert!(matches!(unseen, Ok(None)));
    }
}
