//! Verdicts: whether a test does as its file says.
//!
//! ```text
//! Program --Scenario--> sound run -----> condition, invariants, specification
//!    |                                         |
//!    +--- each `broken by` line --> a run that must fail, and with WHAT
//!                                              |
//!                                              v
//!                                          Verdict
//! ```
//!
//! A [`Verdict`] is as expected if the sound run violates nothing, was not cut
//! off, and meets the condition, and if each `broken by` line is confirmed by an
//! engine that would have to find it. Where the user deviates on purpose
//! ([`Request::deviations`]), the `broken by` lines are not run.

mod broken;
mod observe;
mod store;
mod text;
mod unshown;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engines::{Control, Engine, Explorer, Failure, Judge, Report, Search};
use crate::litmus::ast::{Atom, Outcome, Program, Quantifier};
use crate::litmus::names::WEAK_MEMORY;
use crate::platform;
use crate::scenario::{Deviations, Refusal, Scenario};
use crate::spec;

pub use broken::{Broken, Found};
pub use observe::{lacks, observe};
pub use store::{Store, Variant};
pub use text::{grouped, plural};

/// How a test is to be checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// By what.
    pub engine: Arc<dyn Engine>,
    /// Choices and quirks beyond those of the file.
    pub deviations: Deviations,
    /// What stops it, and where progress is told.
    pub control: Control,
    /// Keep a timeline of each outcome.
    pub trace: bool,
    /// Run the `broken by` lines, unless something deviates already.
    pub broken_by: bool,
    /// Where searches are kept, and go on from.
    pub store: Option<Store>,
    /// Run nothing: put so many parts together, from the store.
    pub merge: Option<usize>,
}

impl Default for Request {
    fn default() -> Request {
        Request {
            engine: Arc::new(Explorer::default()),
            deviations: Deviations::default(),
            control: Control::default(),
            trace: false,
            broken_by: true,
            store: None,
            merge: None,
        }
    }
}

impl Request {
    /// Whether the `broken by` lines are run.
    fn runs_broken_by(&self) -> bool {
        self.broken_by && self.deviations.is_empty()
    }
}

/// What a verdict is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Everything is as the file says.
    Ok,
    /// Something is not.
    No,
    /// Nothing is known to be otherwise, but not all that would have to be was seen.
    Unknown,
}

impl Ruling {
    /// As a verdict has it.
    pub const fn name(self) -> &'static str {
        match self {
            Ruling::Ok => "Ok",
            Ruling::No => "No",
            Ruling::Unknown => "Unknown",
        }
    }
}

/// What a check found out.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The test.
    pub program: Program,
    /// What showed the outcomes.
    pub engine: Arc<dyn Engine>,
    /// What was asked for beyond the file.
    pub deviations: Deviations,
    /// The sound run; `None` if the test was skipped.
    pub run: Option<Run>,
    /// Why the test was skipped.
    pub skipped: Option<String>,
    /// The `broken by` lines, if they were to be run.
    pub broken: Vec<Broken>,
    /// Why the verdict is not as expected; empty if it is.
    pub reasons: Vec<String>,
    /// How long it all took.
    pub elapsed: Duration,
}

/// The run that the condition is about.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was run: pages by name, statements as the author wrote them.
    pub scenario: Scenario,
    /// What the engine saw.
    pub report: Report,
    /// What the specification allows, or why it cannot tell.
    pub allowed: Result<BTreeSet<Outcome>, String>,
    /// The test needs weak memory, which the engine does not have.
    pub lacks_weak_memory: bool,
}

impl Verdict {
    /// Whether everything is as the file says.
    pub fn is_ok(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The same in a word: what is not as the file says is told from what is not known.
    pub fn ruling(&self) -> Ruling {
        let run = self.run.as_ref();
        let has_no_witness = run.is_some_and(Run::has_no_witness);
        if self.is_ok() && !has_no_witness && !run.is_some_and(Run::is_undecided) {
            return Ruling::Ok;
        }
        let is_wrong = run.is_some_and(|run| {
            let ended_without = run.search_ended() && !run.condition_holds() && !has_no_witness;
            run.report.failure.is_some() || ended_without
        });
        let is_broken_otherwise =
            |broken: &Broken| broken.reason().is_some() && !broken.is_unknown();
        if is_wrong || self.broken.iter().any(is_broken_otherwise) {
            Ruling::No
        } else {
            Ruling::Unknown
        }
    }

    /// What the sound run violates.
    pub fn failure(&self) -> Option<&Failure> {
        self.run.as_ref()?.report.failure.as_ref()
    }

    /// Whether the program itself violates something or misses its condition,
    /// as a canary must.
    pub fn fails_by_itself(&self) -> bool {
        let Some(run) = &self.run else { return false };
        let ended_without = run.search_ended() && !run.condition_holds();
        run.report.failure.is_some() || (ended_without && !run.has_no_witness())
    }
}

impl Run {
    /// Whether the search came to its end.
    pub fn search_ended(&self) -> bool {
        self.report.search != Search::Unfinished
    }

    /// Whether the condition holds of the outcomes that were seen.
    pub fn condition_holds(&self) -> bool {
        let condition = &self.scenario.program.condition;
        condition.holds(self.report.outcomes.keys())
    }

    /// Whether an `exists` was seen: more executions would not change that.
    pub fn has_witness(&self) -> bool {
        let is_exists = self.scenario.program.condition.quantifier == Quantifier::Exists;
        is_exists && self.condition_holds()
    }

    /// The choices that were made, and the quirks, that nothing has looked at: the run would have
    /// been the same without them. A run that ended with a failure does not tell.
    pub fn never_looked_at(&self) -> Vec<String> {
        never_looked_at(&self.scenario, &self.report)
    }

    /// Whether an `exists` was not seen by an engine that need not find it, or within a bound: no
    /// verdict, and no failure.
    pub fn has_no_witness(&self) -> bool {
        let is_exists = self.scenario.program.condition.quantifier == Quantifier::Exists;
        let is_a_part = matches!(self.report.search, Search::Sampled | Search::Part(_));
        let need_not = is_a_part || !self.report.bounds().is_empty() || self.lacks_weak_memory;
        is_exists && need_not && !self.condition_holds()
    }

    /// The allowed outcomes that no execution showed. Counters aside, which the
    /// specification does not know.
    pub fn unseen(&self) -> Vec<&Outcome> {
        let seen: BTreeSet<Outcome> = self.report.outcomes.keys().map(without_counts).collect();
        let is_seen = |full: &Outcome| seen.iter().any(|outcome| outcome.agrees(full));
        let allowed = self.allowed.iter().flatten();
        allowed.filter(|outcome| !is_seen(outcome)).collect()
    }

    /// Whether the specification allows an outcome, as far as the outcome tells; `None` if it
    /// does not judge.
    pub fn allows(&self, outcome: &Outcome) -> Option<bool> {
        let allowed = self.allowed.as_ref().ok()?;
        let outcome = without_counts(outcome);
        Some(allowed.iter().any(|full| outcome.agrees(full)))
    }

    /// Whether the condition would hold or not by what outcomes leave open: no verdict, and no failure.
    pub fn is_undecided(&self) -> bool {
        let condition = &self.scenario.program.condition;
        let formula = &condition.formula;
        let is_open =
            |outcome: &Outcome| formula.may_hold(outcome) != formula.surely_holds(outcome);
        condition.quantifier != Quantifier::Exists && self.report.outcomes.keys().any(is_open)
    }

    /// Whether the condition holds; `None` if what was seen does not tell.
    pub fn holds(&self) -> Option<bool> {
        let is_known = match (self.has_witness(), self.condition_holds()) {
            (true, _) => true,
            (false, true) => self.search_ended() && !self.is_undecided(),
            (false, false) => !self.has_no_witness() && (self.search_ended() || self.is_failing()),
        };
        is_known.then(|| self.condition_holds())
    }

    /// Whether an outcome that was seen is against the condition.
    fn is_failing(&self) -> bool {
        self.scenario.program.condition.quantifier != Quantifier::Exists && !self.condition_holds()
    }

    /// The atoms of the condition that the outcomes leave open.
    pub fn left_open(&self) -> BTreeSet<&Atom> {
        let atoms = self.scenario.program.condition.atoms().into_iter();
        let outcomes = &self.report.outcomes;
        atoms
            .filter(|atom| outcomes.keys().any(|outcome| !atom.is_known(outcome)))
            .collect()
    }
}

fn never_looked_at(scenario: &Scenario, report: &Report) -> Vec<String> {
    match &report.looked {
        Some(looked) if report.failure.is_none() && report.executions > 0 => {
            scenario.never_looked_at(looked)
        }
        _ => Vec::new(),
    }
}

/// The outcome as far as the specification knows it.
pub fn without_counts(outcome: &Outcome) -> Outcome {
    Outcome {
        counts: std::collections::BTreeMap::new(),
        ..outcome.clone()
    }
}

/// Whether the test needs weak memory, and what runs it does not have it.
fn lacks_weak_memory(program: &Program, request: &Request) -> bool {
    let needs = program.needs.iter().any(|need| need == WEAK_MEMORY);
    needs && !request.engine.has_weak_memory()
}

/// Whether the test can run as it is asked to.
///
/// # Errors
/// Why it cannot, and where the file says so.
pub fn validate(program: &Program, deviations: &Deviations) -> Result<(), Refusal> {
    Scenario::new(program, deviations)?;
    broken::lines(program)?;
    Ok(())
}

/// Why the test, which can run as its file says, cannot run with `deviations` on top.
pub fn conflict(program: &Program, deviations: &Deviations) -> Option<String> {
    if deviations.is_empty() || Scenario::new(program, &Deviations::default()).is_err() {
        return None;
    }
    let refusal = Scenario::new(program, deviations).err()?;
    Some(format!("conflicts with {deviations}: {refusal}"))
}

/// Checks one test. One that `deviations` do not go with is skipped.
///
/// # Errors
/// If the test cannot run as it is asked to. Trouble of an engine's own is a
/// reason in the verdict.
pub fn check(program: &Program, request: &Request) -> Result<Verdict, Refusal> {
    let started = Instant::now();
    let mut verdict = Verdict {
        program: program.clone(),
        engine: request.engine.clone(),
        deviations: request.deviations.clone(),
        run: None,
        skipped: None,
        broken: Vec::new(),
        reasons: Vec::new(),
        elapsed: Duration::ZERO,
    };
    if let Some(conflict) = conflict(program, &request.deviations) {
        verdict.skipped = Some(conflict);
        return Ok(verdict);
    }
    let scenario = Scenario::new(program, &request.deviations)?;
    let lines = broken::lines(program)?;
    if let Some(lacks) = observe::lacking(&scenario, request) {
        verdict.skipped = Some(lacks);
        return Ok(verdict);
    }
    // A panic that is nobody's verdict must not end the other tests.
    let checked = platform::catch(|| run_all(&mut verdict, &scenario, &lines, request));
    if let Err(stopped) = checked {
        verdict
            .reasons
            .push(format!("internal error: {}", stopped.message));
    }
    verdict.elapsed = started.elapsed();
    Ok(verdict)
}

fn run_all(
    verdict: &mut Verdict,
    scenario: &Scenario,
    lines: &[(String, Deviations, Scenario)],
    request: &Request,
) {
    let program = &scenario.program;
    let subject = request.engine.subject();
    let spec = spec::outcomes(program, &(subject.rules)());
    let allowed = spec
        .map(|spec| spec.outcomes)
        .map_err(|unsupported| unsupported.to_string());
    let judge = Judge {
        allowed: allowed.as_ref().ok().cloned(),
        keep_witnesses: request.trace,
        wanted: None,
    };
    if let (true, Err(reason)) = (subject.is_specification, &allowed) {
        verdict.skipped = Some(reason.clone());
        return;
    }
    let report = store::run(scenario, &Variant::sound(), request, &judge);
    let run = Run {
        scenario: scenario.clone(),
        report,
        allowed,
        lacks_weak_memory: lacks_weak_memory(program, request),
    };
    verdict.reasons = reasons(&run, program, request);
    verdict.run = Some(run);
    if !request.runs_broken_by() || subject.is_specification {
        return;
    }
    for (number, (line, under)) in (1..).zip(program.broken_by.iter().zip(lines)) {
        let broken = if subject.is_core {
            let variant = Variant::broken(number, &under.0, &line.what);
            broken::check(line, &variant, under, request, &judge)
        } else {
            broken::not_applicable(line, under, request)
        };
        verdict.reasons.extend(broken.reason());
        verdict.broken.push(broken);
    }
}

/// Why the run is not as expected.
fn reasons(run: &Run, program: &Program, request: &Request) -> Vec<String> {
    let report = &run.report;
    let mut reasons = Vec::new();
    if let Some(failure) = &report.failure {
        reasons.push(format!("{}: {}", failure.violated, failure.message));
    }
    if let Some(problem) = &report.problem {
        reasons.push(format!("unknown: {problem}"));
    }
    if !reasons.is_empty() {
        return reasons;
    }
    if !run.search_ended() && !run.has_witness() {
        reasons.push(format!(
            "unknown: stopped after {}, before the end of the search{}",
            plural(report.executions, "execution"),
            text::goes_on(report)
        ));
    } else if run.search_ended() && !run.condition_holds() && !run.has_no_witness() {
        let condition = &program.condition;
        let why = match (
            condition.quantifier,
            request.engine.subject().is_specification,
        ) {
            (Quantifier::Exists, true) => "the specification allows no such outcome",
            (Quantifier::Exists, _) => "no execution ended so",
            (Quantifier::NotExists | Quantifier::Forall, _) => "the specification allows others",
        };
        reasons.push(format!("condition: {why}: `{condition}`"));
    }
    reasons
}
