//! The JSON document of `check --json`.
//!
//! ```text
//! {
//!   "schema": 3,
//!   "tests": [{
//!     "path", "name", "label", "description", "sources": [text], "canary": bool,
//!     "engine",                          explorer, loom, shuttle, native, linux or spec
//!     "deviations": text,                as arguments of the command line
//!     "ok": bool,                        as expected; a canary must fail
//!     "verdict": Ok | No | Unknown | Skipped,   as the text has it; of a canary No is ok
//!     "skipped": text or null,
//!     "reasons": [text],                 why it is not as its file says
//!     "seconds": number,
//!     "run": null or {
//!       "kind", "condition", "holds": bool or null,
//!       "protocol",                      every choice
//!       "executions": number,
//!       "stand_for": number or null,     executions of which each stands for some, as CPUs do the same
//!       "search": complete | bounded | sampled | part | unknown | stopped, at the failure
//!       "never_looked_at": [item],       choices and quirks that no step looked at
//!       "preemptions": number or null,   the bound
//!       "bounds": [text],                all that bounded the search
//!       "share": null or [number, number],   of all executions, at least and at most, by an estimate
//!       "part": null or "K/N",           the part that was searched
//!       "kept": [path],                  files that it comes from or goes on from
//!       "positive": number, "negative": number,   executions by the condition: `~exists` negates
//!       "observed": Never | Sometimes | Always | Unknown, "met": number, "unmet": number,   by the formula
//!       "outcomes": [{"outcome", "count", "holds": bool, "allowed": bool or null}],
//!       "unseen": [outcome],             allowed, and never shown
//!       "specification": null or why it does not judge,
//!       "problem": text or null,
//!       "sample": null, or of linux {"seed", "threads", "cpus", "entropy", "left_open": [atom]},
//!       "failure": null or FAILURE
//!     },
//!     "broken_by": [{
//!       "by", "what", "result": confirmed | instead | not-found | missed | n/a | unknown,
//!       "found": text or null,           what failed instead, or why n/a or unknown
//!       "executions": number, "seconds": number, "failure": null or FAILURE,
//!       "never_looked_at": [item]
//!     }]
//!   }]
//! }
//! FAILURE = {"violated", "message", "timeline": text, "replay": command line}
//! ```
//!
//! Fields are added without a new schema number; none is removed or changes
//! its meaning without one.

use std::path::Path;

use serde::Serialize;

use super::counterexample::replay;
use super::lines::{Standing, standing};
use super::{Test, Trouble};
use crate::engines::{Bound, Failure, Search};
use crate::scenario::{Deviations, Scenario};
use crate::timeline;
use crate::verdict::{Broken, Found, Run, Verdict};

const SCHEMA: u32 = 3;
/// Columns of a timeline.
const WIDTH: usize = 120;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    tests: Vec<TestJson<'a>>,
}

#[derive(Serialize)]
struct TestJson<'a> {
    path: String,
    name: &'a str,
    label: &'a str,
    description: Option<&'a str>,
    sources: Vec<&'a str>,
    canary: bool,
    engine: &'static str,
    deviations: String,
    ok: bool,
    verdict: &'static str,
    skipped: Option<&'a str>,
    reasons: &'a [String],
    seconds: f64,
    run: Option<RunJson>,
    broken_by: Vec<BrokenJson<'a>>,
}

#[derive(Serialize)]
struct RunJson {
    kind: &'static str,
    condition: String,
    holds: Option<bool>,
    protocol: String,
    executions: u64,
    stand_for: Option<u64>,
    search: &'static str,
    preemptions: Option<u8>,
    bounds: Vec<String>,
    share: Option<(f64, f64)>,
    part: Option<String>,
    kept: Vec<String>,
    never_looked_at: Vec<String>,
    positive: u64,
    negative: u64,
    observed: &'static str,
    met: u64,
    unmet: u64,
    outcomes: Vec<OutcomeJson>,
    unseen: Vec<String>,
    specification: Option<String>,
    problem: Option<String>,
    sample: Option<SampleJson>,
    failure: Option<FailureJson>,
}

#[derive(Serialize)]
struct SampleJson {
    seed: u64,
    threads: usize,
    cpus: usize,
    entropy: f64,
    left_open: Vec<String>,
}

#[derive(Serialize)]
struct OutcomeJson {
    outcome: String,
    count: u64,
    holds: bool,
    allowed: Option<bool>,
}

#[derive(Serialize)]
struct BrokenJson<'a> {
    by: &'a str,
    what: &'a str,
    result: &'static str,
    found: Option<String>,
    executions: u64,
    seconds: f64,
    failure: Option<FailureJson>,
    never_looked_at: &'a [String],
}

#[derive(Serialize)]
struct FailureJson {
    violated: String,
    message: String,
    timeline: String,
    replay: String,
}

/// Writes everything that was found out to `file`.
pub(super) fn write(file: &Path, checked: &[(&Test, Verdict)]) -> Result<(), Trouble> {
    let document = Document {
        schema: SCHEMA,
        tests: checked.iter().map(|(t, v)| test_json(t, v)).collect(),
    };
    let wrong = |error: String| Trouble::Usage(format!("{}: {error}", file.display()));
    let mut text =
        serde_json::to_string_pretty(&document).map_err(|error| wrong(error.to_string()))?;
    text.push('\n');
    std::fs::write(file, text).map_err(|error| wrong(error.to_string()))
}

fn test_json<'a>(test: &'a Test, verdict: &'a Verdict) -> TestJson<'a> {
    let program = &verdict.program;
    let broken = verdict.broken.iter().map(|b| broken_json(test, verdict, b));
    TestJson {
        path: test.path.display().to_string(),
        name: &program.name,
        label: &test.label,
        description: program.description.as_deref(),
        sources: program.sources().collect(),
        canary: test.is_canary(),
        engine: verdict.engine.name(),
        deviations: verdict.deviations.to_string(),
        ok: standing(test, verdict) == Standing::Fine,
        verdict: match verdict.skipped {
            Some(_) => "Skipped",
            None => verdict.ruling().name(),
        },
        skipped: verdict.skipped.as_deref(),
        reasons: &verdict.reasons,
        seconds: verdict.elapsed.as_secs_f64(),
        run: verdict.run.as_ref().map(|run| run_json(test, verdict, run)),
        broken_by: broken.collect(),
    }
}

fn run_json(test: &Test, verdict: &Verdict, run: &Run) -> RunJson {
    let report = &run.report;
    let condition = &verdict.program.condition;
    let (met, unmet) = run.counts();
    let (positive, negative) = run.positive_and_negative();
    let outcome = |(outcome, &count): (&_, &u64)| OutcomeJson {
        outcome: format!("{outcome}"),
        count,
        holds: condition.is_met_by(outcome),
        allowed: run.allows(outcome),
    };
    RunJson {
        kind: verdict.kind(),
        condition: verdict.program.condition.to_string(),
        holds: run.holds(),
        protocol: run.scenario.config.protocol.to_string(),
        executions: report.executions,
        stand_for: report.stand_for(),
        search: run.search_word(),
        preemptions: match report.search {
            Search::Bounded(Bound::Preemptions(most)) => Some(most),
            _ => None,
        },
        bounds: report.bounds(),
        share: report.share,
        part: match report.search {
            Search::Part(part) => Some(part.to_string()),
            _ => None,
        },
        kept: report
            .kept
            .iter()
            .map(|f| f.display().to_string())
            .collect(),
        never_looked_at: run.never_looked_at(),
        positive,
        negative,
        observed: run.observed(),
        met,
        unmet,
        outcomes: report.outcomes.iter().map(outcome).collect(),
        unseen: run.unseen().iter().map(|o| o.to_string()).collect(),
        specification: run.allowed.as_ref().err().cloned(),
        problem: report.problem.clone(),
        sample: report.sample.map(|sample| SampleJson {
            seed: sample.seed,
            threads: sample.threads,
            cpus: sample.cpus,
            entropy: report.entropy(),
            left_open: run.left_open().iter().map(ToString::to_string).collect(),
        }),
        failure: report.failure.as_ref().map(|failure| {
            failure_json(test, verdict, &run.scenario, &verdict.deviations, failure)
        }),
    }
}

fn broken_json<'a>(test: &Test, verdict: &Verdict, broken: &'a Broken) -> BrokenJson<'a> {
    let (result, found) = match &broken.found {
        Found::Confirmed => ("confirmed", None),
        Found::Instead(other) => ("instead", Some(other.clone())),
        Found::NotFound(_) => match &broken.excused {
            Some(reason) => ("missed", Some(reason.clone())),
            None => ("not-found", None),
        },
        Found::NotApplicable(why) => ("n/a", Some(why.clone())),
        Found::Problem(problem) => ("unknown", Some(problem.clone())),
    };
    BrokenJson {
        by: &broken.by,
        what: &broken.what,
        result,
        found,
        executions: broken.executions,
        seconds: broken.elapsed.as_secs_f64(),
        never_looked_at: &broken.never_looked_at,
        failure: broken.failure.as_ref().map(|failure| {
            failure_json(test, verdict, &broken.scenario, &broken.deviations, failure)
        }),
    }
}

fn failure_json(
    test: &Test,
    verdict: &Verdict,
    scenario: &Scenario,
    deviations: &Deviations,
    failure: &Failure,
) -> FailureJson {
    let timeline = timeline::counterexample(scenario, failure, verdict.engine.order(), WIDTH);
    FailureJson {
        violated: failure.violated.to_string(),
        message: failure.message.clone(),
        timeline,
        replay: replay(test, deviations, failure),
    }
}
