//! The smallest program that still shows a finding.

use super::{Fate, Finding, OnHost, Options, What};
use crate::plan::Plan;

/// Programs that are tried.
const TRIES: usize = 300;
/// The same where each is run on the host's kernel, which takes longer.
const HOST_TRIES: usize = 80;
/// The host's kernel is given so many times the instances, as what is rare would be lost.
const HOST_TIMES: u64 = 4;

impl Options {
    /// The smallest finding of the same kind that greedy steps come to.
    pub fn shrink(&self, finding: Box<Finding>) -> Box<Finding> {
        let mut smallest = finding;
        let mut tries = match smallest.what {
            What::Core(_) => TRIES,
            What::Beyond(_) | What::Unseen(_) => HOST_TRIES,
            What::Trouble | What::HostTrouble => 0,
        };
        let mut plans = smallest.plan.smaller().into_iter();
        while let Some(plan) = plans.next() {
            if tries == 0 {
                break;
            }
            tries -= 1;
            if let Some(smaller) = self.shows(plan, &smallest.what) {
                smallest = smaller;
                plans = smallest.plan.smaller().into_iter();
            }
        }
        smallest
    }

    /// What this program shows of the same kind.
    fn shows(&self, plan: Plan, what: &What) -> Option<Box<Finding>> {
        let allowed = self.allowed(&plan)?;
        let finding = match what {
            What::Core(_) | What::Trouble => match self.on_core(&plan, &allowed).0 {
                Fate::Wrong(finding) => finding,
                Fate::Passed | Fate::Stopped(_) => return None,
            },
            What::Beyond(_) | What::Unseen(_) | What::HostTrouble => {
                let longer = Options {
                    iterations: self.iterations.saturating_mul(HOST_TIMES),
                    ..self.clone()
                };
                match longer.on_host(&plan, &allowed).0 {
                    OnHost::Wrong(finding) => finding,
                    _ => return None,
                }
            }
        };
        finding.what.is_like(what).then_some(finding)
    }
}
