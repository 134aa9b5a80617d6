//! Runs without a verdict: outcomes alone.

use super::Request;
use crate::engines::{self, Engine, Judge, Profile, Report, Search};
use crate::litmus::ast::{Program, Quantifier};
use crate::platform;
use crate::scenario::{Deviations, Refusal, Scenario};

/// What keeps the test from running as it is asked to.
pub(super) fn lacking(scenario: &Scenario, request: &Request) -> Option<String> {
    let subject = request.engine.subject();
    if !subject.is_core && !request.deviations.is_empty() {
        return Some(format!("needs core: {}", takes_nothing(subject)));
    }
    request.engine.lacks(scenario)
}

/// What is said where there is nothing that could deviate.
pub(super) fn takes_nothing(subject: &Profile) -> String {
    format!("{} takes no choices and no quirks", subject.described)
}

/// Why `engine` cannot run the test; `None` if it can, and of a test that runs nowhere.
pub fn lacks(engine: &dyn Engine, program: &Program) -> Option<String> {
    let scenario = Scenario::new(program, &Deviations::default()).ok()?;
    engine.lacks(&scenario)
}

/// Runs one test for its outcomes alone: its condition is not judged, nor is what the specification
/// allows, so that all outcomes show. Or tells what the test needs and the engine has not.
///
/// # Errors
/// If the test cannot run as it is asked to.
pub fn observe(program: &Program, request: &Request) -> Result<Result<Report, String>, Refusal> {
    let mut open = program.clone();
    // A condition that every outcome meets or misses without being wrong.
    open.condition.quantifier = Quantifier::Exists;
    let scenario = Scenario::new(&open, &request.deviations)?;
    if let Some(lacks) = lacking(&scenario, request) {
        return Ok(Err(lacks));
    }
    let (engine, control) = (&*request.engine, &request.control);
    let run = || engines::run(engine, &scenario, control, &Judge::default());
    let report = platform::catch(run).unwrap_or_else(|stopped| Report {
        problem: Some(format!("internal error: {}", stopped.message)),
        ..Report::empty(Search::Unfinished)
    });
    Ok(Ok(report))
}
