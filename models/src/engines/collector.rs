//! What the executions of one run show, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use seqfault_core::{Invariant, LockClass, What};

use super::kept::KeptFailure;
use super::lock_order::{LockOrder, waits};
use super::{Failure, Judge, Kept, Progress, Report, Search, State, Violated};
use crate::classes::Classes;
use crate::litmus::ast::Outcome;
use crate::platform::{self, Entry, Stopped};
use crate::scenario::Scenario;

/// Collects what the executions of one run show, on whatever OS thread each ran.
pub(super) struct Collector {
    pub scenario: Scenario,
    judge: Judge,
    found: Mutex<Found>,
    executions: AtomicU64,
    /// What is shown the graph of every execution that ends by itself.
    pub classes: Option<Arc<Classes>>,
    /// Whether it matters which CPU does what in an execution, beyond its outcome.
    pub tells_names: bool,
}

#[derive(Default)]
struct Found {
    outcomes: BTreeMap<Outcome, u64>,
    witnesses: BTreeMap<Outcome, Vec<Entry>>,
    /// The first execution that violates something, with its own timeline.
    failure: Option<Failure>,
    /// The first that violates something else than what is looked for.
    instead: Option<Failure>,
    problem: Option<String>,
    lock_order: LockOrder,
    /// Names of the choices and quirks that some step has looked at.
    looked: BTreeSet<String>,
    /// The checker's own limits that were reached.
    limits: BTreeSet<&'static str>,
}

impl Collector {
    pub fn new(scenario: &Scenario, judge: &Judge) -> Collector {
        Collector {
            scenario: scenario.clone(),
            judge: judge.clone(),
            found: Mutex::default(),
            executions: AtomicU64::new(0),
            classes: None,
            tells_names: judge.keep_witnesses,
        }
    }

    /// The same, for an engine that has graphs to show.
    pub fn showing(self, classes: &Option<Arc<Classes>>) -> Collector {
        Collector {
            classes: classes.clone(),
            tells_names: self.tells_names || classes.is_some(),
            ..self
        }
    }

    /// A collector of the same test, for executions that do not count.
    pub fn apart(&self) -> Collector {
        Collector {
            tells_names: self.tells_names,
            ..Collector::new(&self.scenario, &self.judge)
        }
    }

    /// Whether one violation is looked for, and not just any.
    pub fn wants(&self) -> bool {
        self.judge.wanted.is_some()
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// An execution with these entries has ended in `outcome`; false if it
    /// violates something.
    pub fn outcome(&self, outcome: Outcome, entries: &[Entry]) -> bool {
        self.outcome_in_order(outcome, entries, &|| entries.to_vec())
    }

    /// As [`Collector::outcome`], for entries that are `told` in another order.
    pub fn outcome_in_order(
        &self,
        outcome: Outcome,
        entries: &[Entry],
        told: &dyn Fn() -> Vec<Entry>,
    ) -> bool {
        let waits = waits(entries);
        let mut found = self.found();
        found.lock_order.learn(&waits, told);
        if let Some(count) = found.outcomes.get_mut(&outcome) {
            *count += 1;
            return true;
        }
        if self.judge.keep_witnesses {
            found.witnesses.insert(outcome.clone(), told());
        }
        let violated = self.judge.violated(&self.scenario, &outcome);
        found.outcomes.insert(outcome, 1);
        match violated {
            None => true,
            Some((violated, message)) => {
                let is_passed = self.judge.passes_over(violated);
                let failure = || Failure::new(violated, message, told());
                let found = &mut *found;
                let place = match is_passed {
                    true => &mut found.instead,
                    false => &mut found.failure,
                };
                place.get_or_insert_with(failure);
                is_passed
            }
        }
    }

    /// An execution that has ended stands for one that ends in `outcome`; false if that violates something,
    /// which is then not counted.
    pub fn stands_for(&self, outcome: Outcome) -> bool {
        let mut found = self.found();
        if let Some(count) = found.outcomes.get_mut(&outcome) {
            *count += 1;
            return true;
        }
        let is_fine = self.judge.violated(&self.scenario, &outcome).is_none();
        if is_fine {
            found.outcomes.insert(outcome, 1);
        }
        is_fine
    }

    /// An execution with these entries did not end by itself. What was found
    /// before it stands: by it a violating outcome ends the search, too.
    pub fn stopped(&self, stopped: &Stopped, entries: Vec<Entry>) {
        let mut found = self.found();
        if found.failure.is_some() || found.problem.is_some() {
            return;
        }
        match explain(stopped, &entries) {
            Ok((violated, message)) => {
                found.failure = Some(Failure {
                    cpu: stopped.cpu,
                    race: stopped.race,
                    ..Failure::new(violated, message, entries)
                });
            }
            Err(message) => found.problem = Some(message),
        }
    }

    /// Whether the search goes on beyond an execution with these entries that did not end by
    /// itself, because it violates something else than what is looked for.
    pub fn passes_over(
        &self,
        stopped: &Stopped,
        entries: &[Entry],
        told: impl FnOnce() -> Vec<Entry>,
    ) -> bool {
        let mut found = self.found();
        let Ok((violated, message)) = explain(stopped, entries) else {
            return false;
        };
        let is_passed = found.failure.is_none() && self.judge.passes_over(violated);
        if is_passed {
            found.instead.get_or_insert_with(|| Failure {
                cpu: stopped.cpu,
                race: stopped.race,
                ..Failure::new(violated, message, told())
            });
        }
        is_passed
    }

    /// The graph of the execution with these entries: kept if that is the failure's.
    pub fn graph(&self, entries: &[Entry], graph: impl FnOnce() -> String) {
        if let Some(failure) = &mut self.found().failure
            && failure.timeline == entries
        {
            failure.graph.get_or_insert_with(graph);
        }
    }

    /// An execution that has ended looked at the choices and quirks of these names.
    pub fn looked(&self, names: impl Iterator<Item = &'static str>) {
        let looked = &mut self.found().looked;
        for name in names {
            if !looked.contains(name) {
                looked.insert(name.to_owned());
            }
        }
    }

    /// An execution that has ended reached these limits of the checker's.
    pub fn reached(&self, limits: BTreeSet<&'static str>) {
        if !limits.is_empty() {
            self.found().limits.extend(limits);
        }
    }

    /// The engine cannot go on, which is no violation.
    pub fn give_up(&self, problem: String) {
        self.found().problem.get_or_insert(problem);
    }

    /// An execution begins.
    pub fn began(&self, progress: &Progress) {
        progress.began();
        self.executions.fetch_add(1, Ordering::Relaxed);
    }

    /// The execution that began last was stopped before any CPU ran: it is none.
    pub fn withdrawn(&self) {
        self.executions.fetch_sub(1, Ordering::Relaxed);
    }

    /// What was seen so far, for another process to go on with. Nothing may run.
    pub fn keep(&self, state: State) -> Kept {
        let found = self.found();
        let edges = found.lock_order.edges();
        let looked = found.looked.clone();
        let mut kept = Kept::new(self.executions(), &found.outcomes, edges, looked, state);
        kept.instead = found.instead.as_ref().map(KeptFailure::new);
        kept
    }

    /// Goes on from what another process has seen.
    pub fn recall(&self, kept: &Kept) {
        let mut found = self.found();
        found.outcomes = kept.outcomes();
        found.looked.clone_from(&kept.looked);
        found.lock_order.recall(&kept.edges);
        found.instead = kept.instead.as_ref().and_then(KeptFailure::failure);
        self.executions.store(kept.executions, Ordering::Relaxed);
    }

    /// The search starts again: what was counted so far is void.
    pub fn restart(&self) {
        *self.found() = Found::default();
        self.executions.store(0, Ordering::Relaxed);
        if let Some(classes) = &self.classes {
            classes.restart();
        }
    }

    pub fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    /// Everything that was found, after the last execution.
    pub fn report(&self, search: Search, replay: impl FnOnce(u64) -> String) -> Report {
        let found = &mut *self.found();
        let executions = self.executions();
        let mut failure = found.failure.clone();
        if failure.is_none() && found.problem.is_none() {
            let is_wanted = |failure: &Failure| !self.judge.passes_over(failure.violated);
            let instead = found.instead.clone();
            failure = inversion(&found.lock_order)
                .filter(|failure| instead.is_none() || is_wanted(failure))
                .or(instead);
        }
        if let Some(failure) = &mut failure {
            failure.replay = replay(executions);
        }
        Report {
            outcomes: found.outcomes.clone(),
            executions,
            failure,
            problem: found.problem.clone(),
            witnesses: std::mem::take(&mut found.witnesses),
            looked: Some(found.looked.clone()),
            limits: found
                .limits
                .iter()
                .map(|limit| (*limit).to_owned())
                .collect(),
            ..Report::empty(search)
        }
    }
}

/// What a panic that ended an execution says; `Err` is trouble of the
/// checker's own.
fn explain(stopped: &Stopped, entries: &[Entry]) -> Result<(Violated, String), String> {
    let deadlock = match stopped.violation {
        Some(violation) => violation.invariant == Invariant::Deadlock,
        None => stopped.message.contains("deadlock"),
    };
    if deadlock && someone_is_stuck(entries) {
        let text = "an access faults again and again, and no other CPU will flush the translation";
        return Ok((Violated::Invariant(Invariant::Livelock), text.to_owned()));
    }
    if let Some(violation) = stopped.violation {
        let text = violation.what.to_owned();
        return Ok((Violated::Invariant(violation.invariant), text));
    }
    let message = &stopped.message;
    if deadlock {
        let text = "every CPU that has not ended waits for another".to_owned();
        return Ok((Violated::Invariant(Invariant::Deadlock), text));
    }
    if message.contains("maximum number of branches") {
        return Err("an execution is longer than the checker's limit on branches".to_owned());
    }
    if message.contains(platform::TOO_LONG) {
        return Err(platform::TOO_LONG.to_owned());
    }
    Err(format!("the checker failed: {message}"))
}

/// Whether the last thing that some CPU did was to fault in vain: to the checker it waits.
fn someone_is_stuck(entries: &[Entry]) -> bool {
    let mut last = BTreeMap::new();
    for entry in entries {
        if let Entry::Event(event) = entry {
            last.insert(event.cpu, event.what);
        }
    }
    last.values().any(|what| matches!(what, What::Stuck { .. }))
}

/// The inversion that the executions of a run show together.
pub(super) fn inversion(order: &LockOrder) -> Option<Failure> {
    let cycle = order.cycle()?;
    let steps: Vec<String> = cycle
        .iter()
        .map(|(edge, _)| {
            format!(
                "{} waits for {} while it holds {}",
                edge.cpu,
                name(edge.wanted),
                name(edge.held)
            )
        })
        .collect();
    let shown = cycle.iter().map(|(_, timeline)| timeline.as_ref());
    let shown: Option<Vec<&Vec<Entry>>> = shown.collect();
    // Often one execution shows all of it.
    let timeline = shown.as_ref().and_then(|shown| shown.first().copied());
    let mut others = shown.iter().flatten().copied();
    let also = others.find(|other| Some(*other) != timeline);
    let message = match (timeline, also) {
        (Some(_), Some(_)) => format!("in one execution {}", steps.join("; in another ")),
        (Some(_), None) => steps.join(", and then "),
        // Whether it was one execution is not known any more.
        (None, _) => steps.join("; and "),
    };
    let timeline = timeline.cloned().unwrap_or_default();
    let violated = Violated::Invariant(Invariant::LockOrder);
    Some(Failure {
        also: also.cloned(),
        ..Failure::new(violated, message, timeline)
    })
}

/// What kernel programmers call a lock of this class.
fn name(class: LockClass) -> &'static str {
    match class {
        LockClass::Inode => "a file's i_rwsem",
        LockClass::Mmap => "the mmap lock",
        LockClass::Vma => "a VMA's lock",
        LockClass::Driver => "a driver's lock",
        LockClass::Page => "a page's lock",
        LockClass::Writeback => "the writeback of a page",
        LockClass::IMmap => "a file's i_mmap_rwsem",
        LockClass::AnonVma => "an anon_vma's lock",
        LockClass::Pml => "mm->page_table_lock",
        LockClass::Ptl => "a page-table lock",
        LockClass::Swap => "the swap lock",
        LockClass::Rcu => "an RCU read section",
        LockClass::Irq => "interrupts off",
    }
}
