//! Runs without a verdict: outcomes alone.

use super::Request;
use crate::engines::{Engine, Judge, Report, Search, linux};
use crate::litmus::ast::{Program, Quantifier};
use crate::platform;
use crate::scenario::{Deviations, Refusal, Scenario};

/// What keeps the test from running on the host's kernel as it is asked to.
pub(super) fn on_linux(scenario: &Scenario, request: &Request) -> Option<String> {
    if !request.deviations.is_empty() {
        return Some("needs core: the host's kernel takes no choices and no quirks".to_owned());
    }
    linux::lacks(scenario)
}

/// Why core cannot run the test; `None` if it can, and of a test that runs nowhere.
pub fn core_lacks(program: &Program) -> Option<String> {
    let scenario = Scenario::new(program, &Deviations::default()).ok()?;
    scenario.lacks.map(|lacks| lacks.to_string())
}

/// Why the host's kernel cannot run the test; `None` if it can, and of a test that runs nowhere.
pub fn linux_lacks(program: &Program) -> Option<String> {
    let scenario = Scenario::new(program, &Deviations::default()).ok()?;
    linux::lacks(&scenario)
}

/// Runs one test on the host's kernel for its outcomes alone, as [`observe`] does on core; or
/// tells what the test needs and the host has not.
///
/// # Errors
/// If the test cannot run as it is asked to.
pub fn observe_linux(
    program: &Program,
    request: &Request,
) -> Result<Result<Report, String>, Refusal> {
    let scenario = open(program, request)?;
    Ok(match on_linux(&scenario, request) {
        Some(needs) => Err(needs),
        None => Ok(linux::run(&scenario, &request.options, &Judge::default())),
    })
}

/// The test with a condition that every outcome meets or misses without being wrong.
fn open(program: &Program, request: &Request) -> Result<Scenario, Refusal> {
    let mut open = program.clone();
    open.condition.quantifier = Quantifier::Exists;
    Scenario::new(&open, &request.deviations)
}

/// Runs one test for its outcomes alone: its condition is not judged, nor is
/// what the specification allows, so that all outcomes show.
///
/// # Errors
/// If the test cannot run as it is asked to.
pub fn observe(
    program: &Program,
    engine: Engine,
    request: &Request,
) -> Result<(Scenario, Report), Refusal> {
    let scenario = open(program, request)?;
    let judge = Judge::default();
    let run = || engine.run(&scenario, &request.options, &judge);
    let report = platform::catch(run).unwrap_or_else(|stopped| Report {
        problem: Some(format!("internal error: {}", stopped.message)),
        ..Report::empty(Search::Unfinished)
    });
    Ok((scenario, report))
}
