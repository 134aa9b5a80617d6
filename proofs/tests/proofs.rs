//! Each file of the corpus as a test, and the rules that all of them keep.
//!
//! The tests come from the directory at run time. `cargo test -- shelf/` runs
//! one shelf, `-- ::shuttle` one engine. loom's environment variables are
//! honoured, with `--cfg loom` and without.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use seqfault_models::cli::Test;
use seqfault_models::engines::{Engine, Options};
use seqfault_models::verdict::{self, Request, Subject};
use seqfault_proofs::{Corpus, RULES};

/// Executions of a proof under shuttle and on the host's threads.
const ITERATIONS: u64 = 300;

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
    libtest_mimic::run(&arguments, trials(&corpus)).exit_code()
}

fn trials(corpus: &Corpus) -> Vec<Trial> {
    let mut trials = Vec::new();
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
            Ok(test) => {
                let proven = test.clone();
                trials.push(Trial::test(name.clone(), move || prove(&proven)));
                if test.is_canary() {
                    continue;
                }
                for engine in [Engine::Shuttle, Engine::Native] {
                    let sampled = test.clone();
                    let name = format!("{name}::{engine}");
                    trials.push(Trial::test(name, move || sample(&sampled, engine)));
                }
            }
        }
    }
    trials
}

/// The verdict under loom is as expected.
fn prove(test: &Test) -> Result<(), Failed> {
    let verdict = verdict::check(&test.program, &Request::default())?;
    if test.is_as_expected(&verdict) {
        Ok(())
    } else {
        Err(Failed::from(test.report(&verdict)))
    }
}

/// A few random executions violate nothing and end as the specification allows.
fn sample(test: &Test, engine: Engine) -> Result<(), Failed> {
    let request = Request {
        subject: Subject::Core(engine),
        options: Options {
            iterations: ITERATIONS,
            ..Options::default()
        },
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
