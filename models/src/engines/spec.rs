//! spec: every outcome that the reference specification allows. Nothing is run.

use super::{Control, Engine, Judge, Kind, Order, Profile, Report, SPEC, Search};
use crate::litmus::ast::Atom;
use crate::scenario::Scenario;
use crate::spec::{self, Rules};

/// The reference specification.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spec;

impl Engine for Spec {
    fn name(&self) -> &'static str {
        "spec"
    }

    fn kind(&self) -> Kind {
        Kind::Exhaustive
    }

    fn subject(&self) -> &'static Profile {
        &SPEC
    }

    fn has_weak_memory(&self) -> bool {
        true
    }

    fn order(&self) -> Order {
        Order::Unseen
    }

    fn lacks(&self, scenario: &Scenario) -> Option<String> {
        let atoms = scenario.program.condition.atoms();
        let counts = atoms.iter().any(|atom| matches!(atom, Atom::Count { .. }));
        counts.then(|| "needs core: the specification counts nothing".to_owned())
    }

    fn execute(&self, scenario: &Scenario, _: &Control, judge: &Judge) -> Report {
        let allowed = match &judge.allowed {
            Some(allowed) => Ok(allowed.clone()),
            None => spec::outcomes(&scenario.program, &Rules::default()).map(|spec| spec.outcomes),
        };
        match allowed {
            Ok(allowed) => Report {
                executions: allowed.len() as u64,
                outcomes: allowed.into_iter().map(|outcome| (outcome, 1)).collect(),
                ..Report::empty(Search::Complete)
            },
            Err(unsupported) => Report::trouble(unsupported.to_string()),
        }
    }
}
