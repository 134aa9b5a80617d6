//! The table of known answers.

use std::collections::BTreeSet;

use seqfault_oracle::known::ALL;
use seqfault_oracle::machine::{Machine, run};
use seqfault_oracle::{Model, enumerate};

#[test]
fn answers_are_as_known() {
    let mut wrong = String::new();
    for known in ALL {
        let program = (known.program)();
        let found = enumerate(&program, known.model);
        let allowed = found.outcomes.iter().any(known.outcome);
        let expected = (known.allowed, known.executions, known.blocked, known.racy);
        let got = (
            allowed,
            found.executions,
            found.blocked,
            found.racy_executions,
        );
        if got != expected {
            wrong += &format!(
                "{} {:?}: known {expected:?}, found {got:?}\n{program}",
                known.name, known.model
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "(allowed, executions, blocked, racy)\n{wrong}"
    );
}

#[test]
fn names_are_unique() {
    let rows: BTreeSet<(&str, Model)> = ALL.iter().map(|known| (known.name, known.model)).collect();
    assert_eq!(rows.len(), ALL.len());
}

/// The executions of the table are also those of the abstract machines, where there is one.
#[test]
fn answers_are_as_run() {
    for known in ALL {
        let machine = match known.model {
            Model::Sc => Machine::Interleaving,
            Model::Tso => Machine::StoreBuffers,
            Model::Rc11 => continue,
        };
        let runs = run(&(known.program)(), machine);
        let got = (
            runs.outcomes.iter().any(known.outcome),
            runs.executions,
            runs.blocked,
        );
        let expected = (known.allowed, known.executions, known.blocked);
        assert_eq!(got, expected, "{} {:?}", known.name, known.model);
    }
}
