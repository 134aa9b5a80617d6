//! What an engine is, and what holds of a run of any of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::{Judge, Part, Progress, Report, Search, Slot};
use crate::litmus::ast::Program;
use crate::platform;
use crate::scenario::Scenario;
use crate::spec::Rules;

/// What runs tests in its own way, and reports what it saw. Its options are its fields.
///
/// An engine returns outcomes and what happened; the verdict judges and tells them.
pub trait Engine: fmt::Debug + Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// How much it visits.
    fn kind(&self) -> Kind;

    /// What it runs tests on.
    fn subject(&self) -> &'static Profile {
        &CORE
    }

    /// Whether it explores weak memory as well as interleavings.
    fn has_weak_memory(&self) -> bool {
        false
    }

    /// Whether it chooses what hardware does by itself.
    fn speculates(&self) -> bool {
        false
    }

    /// How what happened in one of its executions is ordered.
    fn order(&self) -> Order;

    /// What keeps it from running the test; `None` if nothing does.
    fn lacks(&self, scenario: &Scenario) -> Option<String> {
        scenario.lacks.as_ref().map(ToString::to_string)
    }

    /// Why it does not see what breaks the test, if the file says that.
    fn misses(&self, _program: &Program) -> Option<String> {
        None
    }

    /// Whether it draws the execution of a failure.
    fn draws(&self) -> bool {
        false
    }

    /// The same as what keeps its searches, if it does.
    fn keeps(&self) -> Option<&dyn Keeps> {
        None
    }

    /// Runs the test. It is called by [`run`], which has asked what it lacks.
    fn execute(&self, scenario: &Scenario, control: &Control, judge: &Judge) -> Report;
}

/// An engine whose searches are kept in files, go on from there, and are made in parts.
pub trait Keeps {
    /// The same engine, which keeps its search in `slot` and goes on from there.
    fn kept_in(&self, slot: Slot) -> Box<dyn Engine>;

    /// The name of the memory model: one search has one.
    fn memory(&self) -> &'static str;

    /// The part that is searched, if it is not the whole.
    fn part(&self) -> Option<Part>;

    /// The engine's arguments that lead to what it found.
    fn replay(&self) -> String;
}

/// How much an engine visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All: a failure that is there must be found.
    Exhaustive,
    /// All of one part of the search.
    Part,
    /// Some executions.
    Sampling,
}

/// What is to be known of a subject that engines run tests of several CPUs on.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Its name in a word.
    pub name: &'static str,
    /// Its name in a sentence.
    pub described: &'static str,
    /// What the specification allows it.
    pub rules: fn() -> Rules,
    /// Whether it is core: it has choices and quirks, and tells what it does.
    pub is_core: bool,
    /// Whether it is the specification itself.
    pub is_specification: bool,
    /// Whether an execution can be had again, and not only asked for once more.
    pub can_replay: bool,
}

/// The core, on one of the machines in `platform`.
pub static CORE: Profile = Profile {
    name: "core",
    described: "core",
    rules: Rules::default,
    is_core: true,
    is_specification: false,
    can_replay: true,
};

/// The host's kernel.
pub static LINUX: Profile = Profile {
    name: "linux",
    described: "the host's kernel",
    rules: Rules::linux,
    is_core: false,
    is_specification: false,
    can_replay: false,
};

/// The reference specification.
pub static SPEC: Profile = Profile {
    name: "spec",
    described: "the specification",
    rules: Rules::default,
    is_core: false,
    is_specification: true,
    can_replay: true,
};

/// How what happened in an execution is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each read sees the last write before it, unless the entry says otherwise.
    Coherent,
    /// As the checker of this name ran the CPUs: a read may see an older write than the last one.
    AsRunBy(&'static str),
    /// Each CPU by itself.
    ByCpu,
    /// What happened is not seen.
    Unseen,
}

/// What all engines heed while they run.
#[derive(Clone, Debug, Default)]
pub struct Control {
    /// Stops the run once it is set.
    pub interrupt: Option<Arc<AtomicBool>>,
    /// Executions so far, for a reader of the progress.
    pub progress: Progress,
}

impl Control {
    /// Whether an end is wanted.
    pub fn is_interrupted(&self) -> bool {
        let interrupt = self.interrupt.as_ref();
        interrupt.is_some_and(|interrupt| interrupt.load(Ordering::Relaxed))
    }
}

/// Runs `scenario`.
pub fn run(engine: &dyn Engine, scenario: &Scenario, control: &Control, judge: &Judge) -> Report {
    let start = Instant::now();
    if let Some(lacks) = engine.lacks(scenario) {
        return Report::trouble(lacks);
    }
    if engine.subject().is_core {
        if !engine.speculates()
            && let Some(refusal) = speculation(scenario, engine.name())
        {
            return refusal;
        }
        begin();
    }
    let mut report = engine.execute(scenario, control, judge);
    // A part of a small search may be empty, and so may one that goes on.
    let may_be_empty = matches!(report.search, Search::Part(_)) || !report.kept.is_empty();
    if report.executions == 0 && report.failure.is_none() && !may_be_empty {
        let nothing = || "no execution was run".to_owned();
        report.problem.get_or_insert_with(nothing);
    }
    // One that gets ready for long tells itself how long it ran.
    if report.elapsed.is_zero() {
        report.elapsed = start.elapsed();
    }
    report
}

/// A search of core begins on this OS thread.
pub(super) fn begin() {
    platform::begin(platform::nobody);
    // Those of an execution that did not end are not this search's.
    platform::limits();
}

/// What is said for an engine that cannot choose what hardware does by itself, if the test asks for
/// that: without, it would check less than it says.
pub(super) fn speculation(scenario: &Scenario, engine: &str) -> Option<Report> {
    (scenario.config.protocol.speculation > 0).then(|| Report {
        problem: Some(format!(
            "{engine} cannot choose what hardware does: speculation needs the explorer"
        )),
        ..Report::empty(Search::Sampled)
    })
}
