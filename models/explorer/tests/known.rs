//! Each classical litmus test whose answer the literature decides, as a test by its name: allowed
//! or forbidden under each model, and how many executions there are.

mod subject;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use seqfault_explorer::Model;
use seqfault_explorer::mutation::Mutation;
use seqfault_oracle::known::{self, Litmus, Verdict};
use subject::{Layout, explore};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests = match known::all() {
        Ok(tests) => tests,
        Err(mistake) => {
            eprintln!("error: {mistake}");
            return ExitCode::FAILURE;
        }
    };
    let answers = tests.iter().flat_map(Litmus::answers);
    let asked = answers.filter(|(_, verdict)| verdict.racy == 0).count();
    let mut trials = vec![Trial::test("enough is asked", move || {
        let few = || format!("only {asked} answers without a race").into();
        (asked > 400).then_some(()).ok_or_else(few)
    })];
    trials.extend(tests.into_iter().map(|test| {
        let name = test.name.clone();
        Trial::test(name, move || answers_are_given(&test))
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn answers_are_given(test: &Litmus) -> Result<(), Failed> {
    for (model, known) in test.answers() {
        let model = match model {
            seqfault_oracle::Model::Sc => Model::Sc,
            seqfault_oracle::Model::Tso => Model::Tso,
            seqfault_oracle::Model::Rc11 => Model::Rc11,
            seqfault_oracle::Model::Cpp20 => Model::Cpp20,
        };
        is_given(test, model, known).map_err(|why| format!("{model:?}: {why}"))?;
    }
    Ok(())
}

fn is_given(test: &Litmus, model: Model, known: Verdict) -> Result<(), String> {
    let found = explore(&test.program, model, Mutation::None, Layout::Plain);
    if known.racy > 0 {
        // The search ends at a race.
        return found.races.then_some(()).ok_or("no race".to_owned());
    }
    let shown = found.outcomes.iter().any(|(reads, finals)| {
        test.is_met(&seqfault_oracle::Outcome {
            reads: reads.clone(),
            finals: finals.clone(),
        })
    });
    if shown != known.allowed {
        return Err(format!("shown {shown}, against {}", test.source));
    }
    let counts = (found.executions, found.blocked);
    let expected = (known.executions, known.blocked);
    if counts != expected || found.twice > 0 {
        return Err(format!(
            "{counts:?} executions and blocked, {} twice; known {expected:?}",
            found.twice
        ));
    }
    Ok(())
}
