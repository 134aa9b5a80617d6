//! What is kept of a search, for another process to go on with.
//!
//! # Invariants
//! - K1. The outcomes, the executions and the lock order are those of exactly
//!   the executions that the rest does not visit again: they are taken while
//!   nothing runs.
//! - K2. A search that is over is kept with its result and has no rest.

use std::collections::{BTreeMap, BTreeSet};

use seqfault_core::{CpuId, Invariant};
use seqfault_explorer::Rest;
use serde::{Deserialize, Serialize};

use super::lock_order::Edge;
use super::{Failure, Report, Search, Violated};
use crate::litmus::ast::{Outcome, PageProperty, Place, Value};
use crate::platform::Entry;

/// What a search has seen, and what is left of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Executions so far.
    pub executions: u64,
    outcomes: Vec<Counted>,
    /// The lock order, without the executions that showed it.
    pub(super) edges: Vec<Edge>,
    /// The names of the choices and quirks that some step has looked at.
    pub(super) looked: BTreeSet<String>,
    /// The first execution that violates something else than what is looked for.
    pub(super) instead: Option<KeptFailure>,
    /// Whether it is over.
    pub state: State,
}

/// Whether a search is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It ended by itself, having visited everything.
    Complete {
        /// What all executions together violate.
        failure: Option<KeptFailure>,
    },
    /// It ended with an execution that violates something.
    Failed(KeptFailure),
    /// It goes on from here.
    Unfinished(Box<Rest>),
}

/// A failure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptFailure {
    violated: String,
    message: String,
    cpu: Option<usize>,
    race: bool,
    replay: String,
    timeline: Vec<Entry>,
    also: Option<Vec<Entry>>,
    graph: Option<String>,
}

/// An outcome, and how many executions ended in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Counted {
    count: u64,
    regs: Vec<((usize, String), Value)>,
    words: Vec<((Option<String>, Place), Value)>,
    pages: Vec<((PageProperty, Place), bool)>,
    counts: BTreeMap<String, u64>,
}

impl Counted {
    fn new(outcome: &Outcome, count: u64) -> Counted {
        fn pairs<K: Clone, V: Clone>(map: &BTreeMap<K, V>) -> Vec<(K, V)> {
            map.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
        }
        Counted {
            count,
            regs: pairs(&outcome.regs),
            words: pairs(&outcome.words),
            pages: pairs(&outcome.pages),
            counts: outcome.counts.clone(),
        }
    }

    fn pair(&self) -> (Outcome, u64) {
        let outcome = Outcome {
            regs: self.regs.iter().cloned().collect(),
            words: self.words.iter().cloned().collect(),
            pages: self.pages.iter().cloned().collect(),
            counts: self.counts.clone(),
        };
        (outcome, self.count)
    }
}

impl Kept {
    /// What was seen, and whether that is all.
    pub(super) fn new(
        executions: u64,
        outcomes: &BTreeMap<Outcome, u64>,
        edges: Vec<Edge>,
        looked: BTreeSet<String>,
        state: State,
    ) -> Kept {
        let counted = |(outcome, &count): (&Outcome, &u64)| Counted::new(outcome, count);
        Kept {
            executions,
            outcomes: outcomes.iter().map(counted).collect(),
            edges,
            looked,
            instead: None,
            state,
        }
    }

    /// How many executions ended in each outcome.
    pub fn outcomes(&self) -> BTreeMap<Outcome, u64> {
        self.outcomes.iter().map(Counted::pair).collect()
    }

    /// What keeps this from being what a search left.
    pub fn flaw(&self) -> Option<String> {
        let counted: u64 = self.outcomes.iter().map(|o| o.count).sum();
        match &self.state {
            State::Unfinished(rest) if rest.progress().executions != self.executions => {
                let rest = rest.progress().executions;
                let counted = self.executions;
                Some(format!(
                    "{counted} executions are counted, and the rest goes on from {rest}"
                ))
            }
            State::Complete { .. } | State::Unfinished(_) if counted != self.executions => Some(
                format!("{} executions have {counted} outcomes", self.executions),
            ),
            State::Complete { failure } => failure.as_ref().and_then(KeptFailure::flaw),
            State::Failed(failure) => failure.flaw(),
            State::Unfinished(_) => self.instead.as_ref().and_then(KeptFailure::flaw),
        }
    }

    /// The result, if the search is over. `complete` is what one that visited
    /// everything is called.
    pub fn report(&self, complete: Search) -> Option<Report> {
        let (search, failure) = match &self.state {
            State::Complete { failure } => (complete, failure.as_ref()),
            State::Failed(failure) => (Search::Unfinished, Some(failure)),
            State::Unfinished(_) => return None,
        };
        Some(Report {
            outcomes: self.outcomes(),
            executions: self.executions,
            failure: failure.and_then(KeptFailure::failure),
            looked: Some(self.looked.clone()),
            ..Report::empty(search)
        })
    }
}

impl KeptFailure {
    /// A failure, as it is kept.
    pub fn new(failure: &Failure) -> KeptFailure {
        KeptFailure {
            violated: failure.violated.to_string(),
            message: failure.message.clone(),
            cpu: failure.cpu.map(|cpu| cpu.0),
            race: failure.race,
            replay: failure.replay.clone(),
            timeline: failure.timeline.clone(),
            also: failure.also.clone(),
            graph: failure.graph.clone(),
        }
    }

    fn flaw(&self) -> Option<String> {
        let unknown = || format!("nothing is called {}", self.violated);
        violated(&self.violated).is_none().then(unknown)
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        let violated = violated(&self.violated)?;
        Some(Failure {
            cpu: self.cpu.map(CpuId),
            race: self.race,
            replay: self.replay.clone(),
            also: self.also.clone(),
            graph: self.graph.clone(),
            ..Failure::new(violated, self.message.clone(), self.timeline.clone())
        })
    }
}

fn violated(name: &str) -> Option<Violated> {
    if name == Violated::Condition.to_string() {
        return Some(Violated::Condition);
    }
    let named = |invariant: &&Invariant| invariant.name() == name;
    Invariant::ALL
        .iter()
        .find(named)
        .map(|invariant| Violated::Invariant(*invariant))
}
