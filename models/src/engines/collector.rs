//! What the executions of one run show, put together.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use seqfault_core::{Invariant, LockClass};

use super::lock_order::LockOrder;
use super::{Failure, Judge, Progress, Report, Search, Violated};
use crate::litmus::ast::Outcome;
use crate::platform::{Entry, Recording, Stopped};
use crate::scenario::Scenario;

/// Collects what the executions of one run show.
pub(super) struct Collector {
    pub scenario: Scenario,
    judge: Judge,
    found: Mutex<Found>,
    executions: AtomicU64,
}

#[derive(Default)]
struct Found {
    outcomes: BTreeMap<Outcome, u64>,
    witnesses: BTreeMap<Outcome, Vec<Entry>>,
    failure: Option<(Violated, String)>,
    lock_order: LockOrder,
}

impl Collector {
    pub fn new(scenario: &Scenario, judge: &Judge) -> Collector {
        Collector {
            scenario: scenario.clone(),
            judge: judge.clone(),
            found: Mutex::default(),
            executions: AtomicU64::new(0),
        }
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// An execution with these entries has ended in `outcome`; false if it
    /// violates something.
    pub fn outcome(&self, outcome: Outcome, entries: &[Entry]) -> bool {
        let mut found = self.found();
        found.lock_order.observe(entries);
        if let Some(count) = found.outcomes.get_mut(&outcome) {
            *count += 1;
            return true;
        }
        if self.judge.keep_witnesses {
            found.witnesses.insert(outcome.clone(), entries.to_vec());
        }
        let violated = self.judge.violated(&self.scenario, &outcome);
        found.outcomes.insert(outcome, 1);
        match violated {
            None => true,
            Some(violated) => {
                found.failure.get_or_insert(violated);
                false
            }
        }
    }

    /// An execution begins.
    pub fn began(&self, progress: &Progress) {
        progress.0.fetch_add(1, Ordering::Relaxed);
        self.executions.fetch_add(1, Ordering::Relaxed);
    }

    /// The search starts again: what was counted so far is void.
    pub fn restart(&self) {
        *self.found() = Found::default();
        self.executions.store(0, Ordering::Relaxed);
    }

    pub fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    /// Everything that was found, after a run that ended by itself or by
    /// `stopped`.
    pub fn report(
        &self,
        search: Search,
        stopped: Option<Stopped>,
        recording: Recording,
        replay: impl FnOnce(u64) -> String,
    ) -> Report {
        let mut found = std::mem::take(&mut *self.found());
        let executions = self.executions();
        let mut problem = None;
        let mut failure = None;
        if let Some((violated, message)) = found.failure.take() {
            failure = Some(Failure {
                violated,
                message,
                cpu: None,
                race: false,
                timeline: recording.entries,
                also: None,
                replay: String::new(),
            });
        } else if let Some(stopped) = stopped {
            match explain(&stopped) {
                Ok((violated, message)) => {
                    failure = Some(Failure {
                        violated,
                        message,
                        cpu: stopped.cpu,
                        race: stopped.race,
                        timeline: recording.entries,
                        also: None,
                        replay: String::new(),
                    });
                }
                Err(message) => problem = Some(message),
            }
        } else {
            failure = inversion(&found.lock_order);
        }
        if let Some(failure) = &mut failure {
            failure.replay = replay(executions);
        }
        Report {
            outcomes: found.outcomes,
            executions,
            search,
            failure,
            problem,
            witnesses: found.witnesses,
            ..Report::empty()
        }
    }
}

/// What a panic that ended an execution says; `Err` is trouble of the
/// checker's own.
fn explain(stopped: &Stopped) -> Result<(Violated, String), String> {
    if let Some(violation) = stopped.violation {
        let text = violation.what.to_owned();
        return Ok((Violated::Invariant(violation.invariant), text));
    }
    let message = &stopped.message;
    if message.contains("deadlock") {
        let text = "every CPU that has not ended waits for another".to_owned();
        return Ok((Violated::Invariant(Invariant::Deadlock), text));
    }
    if message.contains("maximum number of branches") {
        return Err("an execution is longer than the checker's limit on branches".to_owned());
    }
    Err(format!("the checker failed: {message}"))
}

/// The inversion that the executions of a run show together.
fn inversion(order: &LockOrder) -> Option<Failure> {
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
    let (_, timeline) = cycle.first()?;
    // Often one execution shows all of it.
    let also = cycle
        .iter()
        .map(|(_, other)| other)
        .find(|other| *other != timeline);
    let message = match also {
        Some(_) => format!("in one execution {}", steps.join("; in another ")),
        None => steps.join(", and then "),
    };
    Some(Failure {
        violated: Violated::Invariant(Invariant::LockOrder),
        message,
        cpu: None,
        race: false,
        timeline: timeline.clone(),
        also: also.cloned(),
        replay: String::new(),
    })
}

/// What kernel programmers call a lock of this class.
fn name(class: LockClass) -> &'static str {
    match class {
        LockClass::Mmap => "the mmap lock",
        LockClass::Vma => "a VMA's lock",
        LockClass::Pml => "mm->page_table_lock",
        LockClass::Ptl => "a page-table lock",
        LockClass::Rcu => "an RCU read section",
        LockClass::Irq => "interrupts off",
    }
}
