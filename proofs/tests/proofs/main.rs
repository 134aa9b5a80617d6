//! Each file of the corpus as a test, and the rules that all of them keep.
//!
//! The tests come from the directory at run time. `cargo test -- shelf/` runs
//! one shelf, `-- ::shuttle` one engine. loom's environment variables are
//! honoured, with `--cfg loom` and without.

mod replay;
mod whole;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Arguments, Failed, Trial};
use seqfault_models::cli::Test;
use seqfault_models::engines::loom::Environment;
use seqfault_models::engines::{Engine, Explorer, Linux, Loom, Memory, Native, Shuttle, Spec};
use seqfault_models::matrix::{Cell, Deviation};
use seqfault_models::scenario::Deviations;
use seqfault_models::verdict::{self, Request, Ruling};
use seqfault_proofs::{Corpus, RULES};
use whole::{add_up, count, linux_runs_proofs, specify};

/// Executions of a proof under shuttle, on the host's threads, and on the host's kernel.
const ITERATIONS: u64 = 300;

/// Executions of a proof under loom, and of each variant that its file breaks it by, unless loom's
/// own environment variables say otherwise. `seqfault check --engine loom` goes to the end.
const LOOM_EXECUTIONS: u64 = 10_000;
/// The proofs that need more: nothing is known to be wrong with those.
static CUT_UNDER_LOOM: AtomicUsize = AtomicUsize::new(0);

/// Executions of a proof under one preset or choice.
const MATRIX_EXECUTIONS: u64 = 5_000;
/// The proofs that need more under some: those are not searched to the end here.
const LONG: &[&str] = &[
    "another-page-of-the-slot",
    "brought-in-by-the-child",
    "cow-over-old-page",
    "faulted-in-its-own-truncate",
    "flush-is-over",
    "in-two-processes",
    "mapped-before-it-is-read",
    "moved-shows-the-same",
    "nested-zap-third-cpu",
    "read-past-the-cache",
    "read-where-a-fault-maps-around",
    "reclaimed-before-the-flush",
    "reused-while-copied",
    "store-lost-in-fork",
    "stored-while-unmapped",
    "switched-off-under-a-fault",
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let corpus = match Corpus::read() {
        Ok(corpus) => corpus,
        Err(error) => {
            eprintln!("error: the corpus cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    if corpus.proofs.is_empty() {
        eprintln!("error: the corpus is empty");
        return ExitCode::FAILURE;
    }
    let conclusion = libtest_mimic::run(&arguments, trials(&corpus));
    match CUT_UNDER_LOOM.load(Ordering::Relaxed) {
        0 => {}
        cut => {
            println!("inconclusive: {cut} proofs under loom, cut at {LOOM_EXECUTIONS} executions")
        }
    }
    conclusion.exit_code()
}

fn trials(corpus: &Corpus) -> Vec<Trial> {
    let mut trials = Vec::new();
    let counted: Vec<(String, Test)> = corpus
        .tests()
        .filter(|(_, test)| {
            !test.is_canary() && verdict::lacks(&Explorer::default(), &test.program).is_none()
        })
        .map(|(proof, test)| (proof.name(), test.clone()))
        .collect();
    let counted = Arc::new(counted);
    for workers in [1, 3] {
        let name = match workers {
            1 => "rules/executions-are-as-kept".to_owned(),
            _ => format!("rules/executions-are-as-kept::{workers}-workers"),
        };
        let counted = counted.clone();
        trials.push(Trial::test(name, move || count(&counted, workers)));
    }
    trials.push(Trial::test("rules/parts-are-the-whole", move || {
        add_up(&counted)
    }));
    let specified: Vec<Test> = corpus.tests().map(|(_, test)| test.clone()).collect();
    trials.push(Trial::test(
        "rules/specification-is-as-expected",
        move || specify(&specified),
    ));
    trials.push(linux_runs_proofs(corpus));
    for rule in RULES {
        let violations = (rule.violations)(corpus);
        let test = move || match violations.as_slice() {
            [] => Ok(()),
            some => Err(Failed::from(some.join("\n"))),
        };
        trials.push(Trial::test(rule.name, test));
    }
    for proof in &corpus.proofs {
        let name = proof.name();
        match &proof.test {
            Err(errors) => {
                let errors = errors.clone();
                trials.push(Trial::test(name, move || Err(Failed::from(errors))));
            }
            Ok(test) => match verdict::lacks(&Explorer::default(), &test.program) {
                None => {
                    trials.extend(of_core(&name, test));
                    if !test.is_canary() {
                        trials.push(on_linux(&name, test));
                    }
                }
                Some(lacks) => {
                    let skipped = |trial: Trial| trial.with_kind(&lacks).with_ignored_flag(true);
                    trials.extend(of_core(&name, test).into_iter().map(skipped));
                    trials.push(on_linux(&name, test));
                    let judged = test.clone();
                    let name = format!("{name}::spec");
                    trials.push(Trial::test(name, move || be_judged(&judged)));
                }
            },
        }
    }
    trials
}

/// The proof under the engines that run core.
fn of_core(name: &str, test: &Test) -> Vec<Trial> {
    let trial = |name: String, run: fn(&Test) -> Result<(), Failed>| {
        let test = test.clone();
        Trial::test(name, move || run(&test))
    };
    let mut trials = vec![
        trial(format!("{name}::told::sc"), |test| tell(test, Memory::Sc)),
        trial(format!("{name}::told::rc11"), |test| {
            tell(test, Memory::Rc11)
        }),
        trial(name.to_owned(), prove),
        trial(format!("{name}::matrix"), fill),
        trial(format!("{name}::loom"), agree),
    ];
    if !test.is_canary() {
        trials.push(trial(format!("{name}::speculation"), speculate));
        trials.push(trial(format!("{name}::shuttle"), |test| {
            let shuttle = Shuttle {
                iterations: ITERATIONS,
                ..Shuttle::default()
            };
            sample(test, shuttle)
        }));
        trials.push(trial(format!("{name}::native"), |test| {
            let native = Native {
                iterations: ITERATIONS,
                ..Native::default()
            };
            sample(test, native)
        }));
    }
    trials
}

/// The proof on the host's kernel; ignored, with what it needs as its kind, where it cannot run.
fn on_linux(name: &str, test: &Test) -> Trial {
    let sampled = test.clone();
    let trial = Trial::test(format!("{name}::linux"), move || ask_linux(&sampled));
    match verdict::lacks(&Linux::default(), &test.program) {
        Some(needs) => trial.with_kind(needs).with_ignored_flag(true),
        None => trial,
    }
}

/// The verdict under the explorer is as expected.
fn prove(test: &Test) -> Result<(), Failed> {
    let verdict = verdict::check(&test.program, &Request::default())?;
    if !test.is_as_expected(&verdict) {
        return Err(Failed::from(test.report(&verdict)));
    }
    // What is allowed and never shown is a finding, unless the file says why.
    let findings = verdict.run.map(|run| run.unshown_findings());
    match findings.unwrap_or_default().join("\n") {
        none if none.is_empty() => Ok(()),
        findings => Err(Failed::from(findings)),
    }
}

/// The specification judges the proof, as core cannot.
fn be_judged(test: &Test) -> Result<(), Failed> {
    let request = Request {
        engine: Arc::new(Spec),
        ..Request::default()
    };
    let verdict = verdict::check(&test.program, &request)?;
    match verdict.skipped.is_none() && test.is_as_expected(&verdict) {
        true => Ok(()),
        false => Err(Failed::from(test.report(&verdict))),
    }
}

/// Under every preset and every single choice the proof is green, or what makes it red is explained.
/// `seqfault matrix` shows all of it at once, and quirks.
fn fill(test: &Test) -> Result<(), Failed> {
    let request = Request {
        engine: Arc::new(Explorer {
            max_executions: Some(MATRIX_EXECUTIONS),
            ..Explorer::default()
        }),
        ..Request::default()
    };
    let mut wrong = Vec::new();
    let mut is_stopped = false;
    // What hardware guesses makes searches long; where there is that choice, it has a test of its own.
    let columns = Deviation::sound().into_iter();
    for deviation in columns.filter(|d| !matches!(d, Deviation::Choice("speculation", _))) {
        let cell = Cell::of(test, deviation, &request);
        is_stopped |= cell == Cell::Stopped;
        if cell.is_unexplained(deviation) {
            wrong.push(format!("under {deviation}: {cell:?}"));
        }
    }
    match (is_stopped, LONG.contains(&test.program.name.as_str())) {
        (true, false) => wrong.push(format!(
            "it has cells of more than {MATRIX_EXECUTIONS} executions, and is not in LONG"
        )),
        (false, true) => wrong.push("it is in LONG, and all of it is searched".to_owned()),
        _ => {}
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failed::from(wrong.join("\n"))),
    }
}

/// Every timeline of the proof, of each outcome and of each failure, tells of an execution in which
/// each read sees what came before it, unless weak memory is asked for and the row says so.
fn tell(test: &Test, memory: Memory) -> Result<(), Failed> {
    let request = Request {
        engine: Arc::new(Explorer {
            memory,
            ..Explorer::default()
        }),
        trace: true,
        ..Request::default()
    };
    let verdict = verdict::check(&test.program, &request)?;
    let run = verdict.run.as_ref().ok_or("it was not run")?;
    let witnesses = run.report.witnesses.iter();
    let mut told: Vec<_> = witnesses
        .map(|(outcome, entries)| (outcome.to_string(), &run.scenario, entries))
        .collect();
    for (what, scenario, failure) in verdict
        .broken
        .iter()
        .map(|broken| (&broken.by, &broken.scenario, &broken.failure))
        .chain([(&verdict.program.name, &run.scenario, &run.report.failure)])
    {
        if let Some(failure) = failure {
            let executions = [Some(&failure.timeline), failure.also.as_ref()];
            let executions = executions.into_iter().flatten();
            told.extend(executions.map(|entries| (what.clone(), scenario, entries)));
        }
    }
    if told.is_empty() {
        return Err("no timeline was kept".into());
    }
    for (what, scenario, entries) in told {
        let weak = replay::replay(scenario, entries).map_err(|wrong| format!("{what}: {wrong}"))?;
        if weak > 0 && memory == Memory::Sc {
            return Err(format!("{what}: {weak} rows tell of weak memory under sc").into());
        }
    }
    Ok(())
}

/// The verdict under loom is as expected too, as far as loom comes, and loom shows no outcome that
/// the explorer does not.
fn agree(test: &Test) -> Result<(), Failed> {
    let is_budgeted = Environment::read()? == Environment::default();
    let request = Request {
        engine: Arc::new(Loom {
            max_executions: is_budgeted.then_some(LOOM_EXECUTIONS),
            ..Loom::default()
        }),
        ..Request::default()
    };
    let verdict = verdict::check(&test.program, &request)?;
    if !test.is_as_expected(&verdict) {
        let run = verdict.run.as_ref();
        let has_problem = run.is_none_or(|run| run.report.problem.is_some());
        if !is_budgeted || has_problem || verdict.ruling() != Ruling::Unknown {
            return Err(Failed::from(test.report(&verdict)));
        }
        CUT_UNDER_LOOM.fetch_add(1, Ordering::Relaxed);
    }
    if test.is_canary() {
        return Ok(());
    }
    let proof = verdict::check(&test.program, &Request::default())?;
    let (Some(loom), Some(explorer)) = (&verdict.run, &proof.run) else {
        return Ok(());
    };
    let known = &explorer.report.outcomes;
    let mut beyond = loom.report.outcomes.keys();
    match beyond.find(|outcome| !known.contains_key(outcome)) {
        None => Ok(()),
        Some(outcome) => Err(Failed::from(format!(
            "loom shows `{outcome}`, and the explorer does not"
        ))),
    }
}

/// Nothing is violated either where the hardware of each CPU fills or evicts once by itself, in so
/// many executions or all of them.
fn speculate(test: &Test) -> Result<(), Failed> {
    const EXECUTIONS: u64 = 3_000;
    let request = Request {
        deviations: Deviations {
            choices: vec![("speculation".into(), "1".into())],
            ..Deviations::default()
        },
        engine: Arc::new(Explorer {
            max_executions: Some(EXECUTIONS),
            ..Explorer::default()
        }),
        broken_by: false,
        ..Request::default()
    };
    let verdict = verdict::check(&test.program, &request)?;
    let run = verdict.run.as_ref();
    let is_fine = run.is_some_and(|run| {
        let ended = run.search_ended() && test.is_as_expected(&verdict);
        let cut = run.report.executions == EXECUTIONS;
        run.report.failure.is_none() && run.report.problem.is_none() && (ended || cut)
    });
    if is_fine {
        Ok(())
    } else {
        Err(Failed::from(test.report(&verdict)))
    }
}

/// What the host's kernel shows in a few instances is what the specification allows.
fn ask_linux(test: &Test) -> Result<(), Failed> {
    let request = Request {
        engine: Arc::new(Linux {
            iterations: ITERATIONS,
            ..Linux::default()
        }),
        ..Request::default()
    };
    let verdict = verdict::check(&test.program, &request)?;
    let run = verdict.run.as_ref();
    match run.map(|run| run.report.executions) {
        Some(ITERATIONS) if test.is_as_expected(&verdict) => Ok(()),
        _ => Err(Failed::from(test.report(&verdict))),
    }
}

/// A few random executions violate nothing and end as the specification allows.
fn sample(test: &Test, engine: impl Engine + 'static) -> Result<(), Failed> {
    let request = Request {
        engine: Arc::new(engine),
        broken_by: false,
        ..Request::default()
    };
    let verdict = verdict::check(&test.program, &request)?;
    let run = verdict.run.as_ref();
    let is_fine =
        run.is_none_or(|run| run.report.failure.is_none() && run.report.problem.is_none());
    if is_fine {
        Ok(())
    } else {
        Err(Failed::from(test.report(&verdict)))
    }
}
