//! Each known answer as a test, by its name: what the axioms enumerate, and what the abstract
//! machines run, is as the literature has it.

use std::collections::BTreeSet;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use seqfault_oracle::known::{self, Litmus, Verdict};
use seqfault_oracle::machine::{Machine, run};
use seqfault_oracle::{Model, enumerate};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests = match known::all() {
        Ok(tests) => tests,
        Err(mistake) => {
            eprintln!("error: {mistake}");
            return ExitCode::FAILURE;
        }
    };
    let names: BTreeSet<String> = tests.iter().map(|test| test.name.clone()).collect();
    let unique = names.len() == tests.len();
    let mut trials = vec![Trial::test("names are unique", move || {
        unique.then_some(()).ok_or("a name is there twice".into())
    })];
    trials.extend(tests.into_iter().map(|test| {
        let name = test.name.clone();
        Trial::test(name, move || answers_are_as_known(&test))
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn answers_are_as_known(test: &Litmus) -> Result<(), Failed> {
    for (model, known) in test.answers() {
        same(test, model, known, enumerated(test, model))?;
        let machine = match model {
            Model::Sc => Machine::Interleaving,
            Model::Tso => Machine::StoreBuffers,
            Model::Rc11 | Model::Cpp20 => continue,
        };
        // The machines look for no races.
        let racy = known.racy;
        let found = executed(test, machine);
        same(test, model, known, Verdict { racy, ..found })?;
    }
    Ok(())
}

fn same(test: &Litmus, model: Model, known: Verdict, found: Verdict) -> Result<(), Failed> {
    if found == known {
        return Ok(());
    }
    let (program, source) = (&test.program, &test.source);
    Err(format!("{model:?}: known {known:?}, found {found:?}, against {source}\n{program}").into())
}

/// What the axioms find.
fn enumerated(test: &Litmus, model: Model) -> Verdict {
    let found = enumerate(&test.program, model);
    Verdict {
        allowed: found.outcomes.iter().any(|outcome| test.is_met(outcome)),
        executions: found.executions,
        blocked: found.blocked,
        racy: found.racy_executions,
    }
}

/// What an abstract machine does.
fn executed(test: &Litmus, machine: Machine) -> Verdict {
    let runs = run(&test.program, machine);
    Verdict {
        allowed: runs.outcomes.iter().any(|outcome| test.is_met(outcome)),
        executions: runs.executions,
        blocked: runs.blocked,
        racy: 0,
    }
}
