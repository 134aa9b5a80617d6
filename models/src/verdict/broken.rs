//! The `broken by` lines: deviations under which the test must fail.

use std::time::Duration;

use super::text::{self, plural};
use super::{Request, Variant, observe, store};
use crate::engines::{Failure, Judge, Kind, Search};
use crate::litmus::ast::{BrokenBy, Item, Program};
use crate::litmus::names::WEAK_MEMORY;
use crate::scenario::{Deviations, Refusal, Scenario};

/// One `broken by` line and what came of it.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The items as the file has them.
    pub by: String,
    /// The same as choices and quirks.
    pub deviations: Deviations,
    /// The test under them.
    pub scenario: Scenario,
    /// What must fail.
    pub what: String,
    /// What came of it.
    pub found: Found,
    /// Executions until then.
    pub executions: u64,
    /// The execution that fails.
    pub failure: Option<Failure>,
    /// The file says that the engine does not see it, and why.
    pub excused: Option<String>,
    /// The engine's name.
    engine: &'static str,
    /// Whether the engine would have to find it.
    pub must_be_found: bool,
    /// Which of its items nothing has looked at.
    pub never_looked_at: Vec<String>,
    /// What bounded the search.
    bounds: Vec<String>,
    /// Where a search that was stopped goes on, in words.
    goes_on: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came of a `broken by` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It fails as the file says.
    Confirmed,
    /// It fails with something else.
    Instead(String),
    /// No execution fails, as far as the search went.
    NotFound(Search),
    /// The engine has not what the line needs.
    NotApplicable(String),
    /// The engine had trouble of its own.
    Problem(String),
}

impl Broken {
    /// Whether it is as the file says.
    pub fn is_confirmed(&self) -> bool {
        self.found == Found::Confirmed
    }

    /// Why the verdict is not as expected, if it is this line's fault.
    pub fn reason(&self) -> Option<String> {
        let is_fine = match &self.found {
            Found::Confirmed | Found::NotApplicable(_) => true,
            Found::NotFound(_) => self.excused.is_some() || !self.must_be_found,
            // A part of a search need not come to what the file says first.
            Found::Instead(_) => !self.must_be_found,
            Found::Problem(_) => false,
        };
        (!is_fine).then(|| format!("broken by {} : {} {}", self.by, self.what, self.result()))
    }

    /// Whether it is not known what comes of it.
    pub fn is_unknown(&self) -> bool {
        matches!(
            self.found,
            Found::NotFound(Search::Unfinished) | Found::Problem(_)
        )
    }

    /// What came of it, in words that follow WHAT.
    pub fn result(&self) -> String {
        let mut result = self.result_alone();
        if !self.never_looked_at.is_empty() {
            let protocol = self.scenario.preset();
            let items = self.never_looked_at.join(", ");
            result += &format!("; never looked at under protocol={protocol}: {items}");
        }
        result
    }

    fn result_alone(&self) -> String {
        let after = plural(self.executions, "execution");
        match &self.found {
            Found::Confirmed => format!("confirmed after {after}"),
            Found::Instead(other) => format!("not confirmed: {other} instead, after {after}"),
            Found::NotFound(search) => match (&self.excused, search) {
                (Some(reason), _) => format!("missed by {}: {reason}", self.engine),
                (None, Search::Complete | Search::Bounded(_)) => match &*self.bounds {
                    [] => format!("not found: all {after} are fine"),
                    bounds => {
                        let bounds = bounds.join(", ");
                        format!("not found in {after}, bounded {bounds}")
                    }
                },
                (None, Search::Sampled) => format!("not found in {after}"),
                (None, Search::Part(part)) => {
                    format!("not in this part, shard {part}: all {after} are fine")
                }
                (None, Search::Unfinished) => format!(
                    "unknown: not found in {after}, before the end of the search{}",
                    self.goes_on
                ),
            },
            Found::NotApplicable(why) => format!("n/a: {why}"),
            Found::Problem(problem) => format!("unknown: {problem}"),
        }
    }
}

/// A line's items as written, as deviations, and the test under them.
pub(super) type Line = (String, Deviations, Scenario);

/// Each line of a test.
pub(super) fn lines(program: &Program) -> Result<Vec<Line>, Refusal> {
    let line = |line: &BrokenBy| {
        let deviations = Deviations::from_items(&line.items)?;
        let scenario = Scenario::new(program, &deviations).map_err(|refusal| Refusal {
            span: refusal.span.or(Some(line.span.clone())),
            ..refusal
        })?;
        let items: Vec<String> = line.items.iter().map(written).collect();
        Ok((items.join(" "), deviations, scenario))
    };
    program.broken_by.iter().map(line).collect()
}

fn written(item: &Item) -> String {
    match item {
        Item::Quirk(name, _) => name.clone(),
        Item::Choice(choice) => format!("{}={}", choice.key, choice.value),
    }
}

/// What comes of a line on the host's kernel: that has a protocol of its own, and no quirks.
pub(super) fn not_applicable(line: &BrokenBy, under: &Line, request: &Request) -> Broken {
    let why = observe::takes_nothing(request.engine.subject());
    not_run(line, under, request, Found::NotApplicable(why))
}

fn not_run(
    line: &BrokenBy,
    (by, deviations, scenario): &Line,
    request: &Request,
    found: Found,
) -> Broken {
    Broken {
        by: by.clone(),
        deviations: deviations.clone(),
        scenario: scenario.clone(),
        what: line.what.clone(),
        found,
        executions: 0,
        failure: None,
        excused: None,
        engine: request.engine.name(),
        must_be_found: false,
        never_looked_at: Vec::new(),
        bounds: Vec::new(),
        goes_on: String::new(),
        elapsed: Duration::ZERO,
    }
}

/// Runs the test under one line's deviations.
pub(super) fn check(
    line: &BrokenBy,
    variant: &Variant,
    under: &Line,
    request: &Request,
    judge: &Judge,
) -> Broken {
    let scenario = &under.2;
    let program = &scenario.program;
    let engine = &request.engine;
    let mut broken = Broken {
        excused: engine.misses(program),
        must_be_found: engine.kind() == Kind::Exhaustive,
        ..not_run(line, under, request, Found::Confirmed)
    };
    if super::lacks_weak_memory(program, request) {
        let why = format!("needs {WEAK_MEMORY}, which {} does not have", engine.name());
        broken.found = Found::NotApplicable(why);
        return broken;
    }
    let judge = Judge {
        keep_witnesses: false,
        wanted: Some(line.what.clone()),
        ..judge.clone()
    };
    let report = store::run(scenario, variant, request, &judge);
    broken.never_looked_at = super::never_looked_at(scenario, &report);
    broken.bounds = report.bounds();
    broken.goes_on = text::goes_on(&report);
    broken.executions = report.executions;
    broken.elapsed = report.elapsed;
    // An `exists` that no outcome meets is a failure that only the end shows.
    let is_whole = !matches!(report.search, Search::Unfinished | Search::Part(_));
    let condition_fails = is_whole && !program.condition.holds(report.outcomes.keys());
    let failed = report.failure.as_ref().map(|f| f.violated.to_string());
    let failed = failed.or_else(|| condition_fails.then(|| "condition".to_owned()));
    broken.found = match (failed, report.problem) {
        (Some(what), _) if what == line.what => Found::Confirmed,
        (Some(what), _) => Found::Instead(what),
        (None, Some(problem)) => Found::Problem(problem),
        (None, None) => Found::NotFound(report.search),
    };
    broken.failure = report.failure;
    broken
}
