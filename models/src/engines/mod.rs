//! Engines: each runs a [`Scenario`] in its own way, and reports what it saw.
//!
//! [`Engine`] is what one is, [`run`] what holds of all of them, and the [`registry`] has a row for
//! each by which the command line knows it.

mod bound;
mod chains;
mod collector;
pub mod driven;
mod engine;
mod explorer;
mod kept;
mod linux;
mod lock_order;
pub mod loom;
mod merge;
mod native;
mod part;
mod progress;
pub mod registry;
mod run;
mod shuttle;
mod slot;
mod spare;
mod spec;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use seqfault_core::{CpuId, Invariant};

use crate::litmus::ast::{Outcome, Quantifier};
use crate::platform::Entry;
use crate::scenario::Scenario;

pub use bound::Bound;
pub use engine::{CORE, Control, Engine, Keeps, Kind, LINUX, Order, Profile, SPEC, run};
pub use explorer::{Explorer, Memory, Reductions};
pub use kept::{Kept, KeptFailure, State};
pub use linux::Linux;
pub use loom::Loom;
pub use merge::merge;
pub use native::Native;
pub use part::Part;
pub use progress::{Ahead, Outlook, Progress, Total};
pub use shuttle::{Shuttle, Strategy};
pub use slot::{About, Refused, Slot};
pub use spare::Spare;
pub use spec::Spec;

/// How far a search went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// It ended by itself, with no bound.
    Complete,
    /// It ended by itself within this bound.
    Bounded(Bound),
    /// It tried some executions.
    Sampled,
    /// It ended by itself, in one part of the whole.
    Part(Part),
    /// It was stopped before it ended: no verdict but a failure.
    Unfinished,
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Search::Complete => f.write_str("complete"),
            Search::Bounded(bound) => write!(f, "bounded {bound}"),
            Search::Sampled => f.write_str("sampled"),
            Search::Part(part) => write!(f, "shard {part}"),
            Search::Unfinished => f.write_str("unknown: stopped before the end"),
        }
    }
}

/// What a test violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violated {
    /// An invariant.
    Invariant(Invariant),
    /// The test's condition.
    Condition,
}

impl fmt::Display for Violated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violated::Invariant(invariant) => f.write_str(invariant.name()),
            Violated::Condition => f.write_str("condition"),
        }
    }
}

/// An execution that violates something.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What it violates.
    pub violated: Violated,
    /// How, in a sentence.
    pub message: String,
    /// The CPU that ran when it was found out, where one is to be named.
    pub cpu: Option<CpuId>,
    /// Two accesses that nothing orders: their order in the timeline means nothing.
    pub race: bool,
    /// What happened, in order; on the host's threads, CPU by CPU. Empty if it
    /// was not kept.
    pub timeline: Vec<Entry>,
    /// A second execution, where only two together violate something.
    pub also: Option<Vec<Entry>>,
    /// The execution's graph for Graphviz, where the engine has one.
    pub graph: Option<String>,
    /// The engine's arguments that lead to it again.
    pub replay: String,
}

impl Failure {
    /// A failure that is no CPU's doing, whose timeline this is.
    pub fn new(violated: Violated, message: String, timeline: Vec<Entry>) -> Failure {
        Failure {
            violated,
            message,
            cpu: None,
            race: false,
            timeline,
            also: None,
            graph: None,
            replay: String::new(),
        }
    }
}

/// What an engine saw.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many executions ended in each outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How many executions were run.
    pub executions: u64,
    /// How far the search went.
    pub search: Search,
    /// The first execution that violates something.
    pub failure: Option<Failure>,
    /// What kept the engine from going on, when it is no violation.
    pub problem: Option<String>,
    /// One timeline for each outcome.
    pub witnesses: BTreeMap<Outcome, Vec<Entry>>,
    /// How the host's kernel was asked, if it was.
    pub sample: Option<Sample>,
    /// How long it took.
    pub elapsed: Duration,
    /// The files that it comes from, or that it can go on from.
    pub kept: Vec<PathBuf>,
    /// The names of the choices and quirks that executions that ended by themselves looked at,
    /// of engines that run core.
    pub looked: Option<BTreeSet<String>>,
    /// The checker's own limits that were reached: what lies behind them was not tried.
    pub limits: BTreeSet<String>,
    /// Which part of all executions a bounded search has visited, by an estimate: at least, and at
    /// most.
    pub share: Option<(f64, f64)>,
}

impl Report {
    /// That nothing was seen.
    pub fn empty(search: Search) -> Report {
        Report {
            outcomes: BTreeMap::new(),
            executions: 0,
            search,
            failure: None,
            problem: None,
            witnesses: BTreeMap::new(),
            sample: None,
            elapsed: Duration::ZERO,
            kept: Vec::new(),
            looked: None,
            limits: BTreeSet::new(),
            share: None,
        }
    }

    /// What bounded a search that ended by itself; empty if nothing did.
    pub fn bounds(&self) -> Vec<String> {
        let bound = match self.search {
            Search::Bounded(bound) => Some(bound.to_string()),
            _ => None,
        };
        let limits = self.limits.iter().cloned();
        bound.into_iter().chain(limits).collect()
    }

    /// That the engine could not begin.
    pub fn trouble(problem: String) -> Report {
        Report {
            problem: Some(problem),
            ..Report::empty(Search::Unfinished)
        }
    }
}

/// How the host's kernel was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where the random choices started.
    pub seed: u64,
    /// How many threads there were.
    pub threads: usize,
    /// How many of the host's CPUs they had.
    pub cpus: usize,
}

impl Report {
    /// How many executions those that were searched stand for, if that is more: CPUs that do the same
    /// were searched in one order.
    pub fn stand_for(&self) -> Option<u64> {
        let all = self.outcomes.values().sum();
        (all > self.executions).then_some(all)
    }

    /// The entropy of the outcomes, in bits: 0 where all executions end alike, so that a sample
    /// may have missed every race.
    pub fn entropy(&self) -> f64 {
        let all: u64 = self.outcomes.values().sum();
        let bits = |count: &u64| {
            let share = *count as f64 / all as f64;
            -share * share.log2()
        };
        // Of one outcome it is -0.
        self.outcomes.values().map(bits).sum::<f64>().max(0.0)
    }
}

/// Judges an outcome as soon as it is seen.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// What the specification allows, if that is to be judged.
    pub allowed: Option<BTreeSet<Outcome>>,
    /// Keep a timeline of each outcome.
    pub keep_witnesses: bool,
    /// The name of what must be violated: an engine that can goes on beyond all else.
    pub wanted: Option<String>,
}

impl Judge {
    /// Whether this is not what is looked for.
    pub(crate) fn passes_over(&self, violated: Violated) -> bool {
        let wanted = self.wanted.as_ref();
        wanted.is_some_and(|wanted| *wanted != violated.to_string())
    }

    /// What `outcome` violates, and how.
    pub fn violated(&self, scenario: &Scenario, outcome: &Outcome) -> Option<(Violated, String)> {
        let condition = &scenario.program.condition;
        let wrong = match condition.quantifier {
            Quantifier::Exists => false,
            Quantifier::NotExists => condition.formula.surely_holds(outcome),
            Quantifier::Forall => !condition.formula.may_hold(outcome),
        };
        if wrong {
            let message = format!("the outcome `{outcome}` is against `{condition}`");
            return Some((Violated::Condition, message));
        }
        let without_counts = Outcome {
            counts: BTreeMap::new(),
            ..outcome.clone()
        };
        if let Some(allowed) = &self.allowed
            && !allowed.iter().any(|full| without_counts.agrees(full))
        {
            let message = format!("the specification does not allow the outcome `{outcome}`");
            return Some((Violated::Invariant(Invariant::NotAtomic), message));
        }
        None
    }
}
