//! Holds what the explorer finds against what the enumerator finds.

#![allow(dead_code, reason = "not every test binary judges")]

use std::collections::BTreeSet;

use seqfault_explorer::Model;
use seqfault_explorer::mutation::Mutation;
use seqfault_oracle::{Program, enumerate};

use super::{Findings, Layout, explore};

const MODELS: [(Model, seqfault_oracle::Model); 4] = [
    (Model::Sc, seqfault_oracle::Model::Sc),
    (Model::Tso, seqfault_oracle::Model::Tso),
    (Model::Rc11, seqfault_oracle::Model::Rc11),
    (Model::Cpp20, seqfault_oracle::Model::Cpp20),
];

fn expected(program: &Program, model: seqfault_oracle::Model) -> Findings {
    let all = enumerate(program, model);
    let outcomes = all
        .outcomes
        .into_iter()
        .map(|o| (o.reads, o.finals))
        .collect();
    Findings {
        outcomes,
        executions: all.executions,
        blocked: all.blocked,
        stuck: BTreeSet::new(),
        races: all.races,
        twice: 0,
        counted: false,
    }
}

/// Why the two disagree, if they do.
pub fn difference(program: &Program, mutation: Mutation, layout: Layout) -> Option<String> {
    for (model, judge) in MODELS {
        let wanted = expected(program, judge);
        let mut found = explore(program, model, mutation, layout);
        if wanted.races && found.races {
            // The explorer stops at a race.
            continue;
        }
        found.twice = found.twice.min(1);
        // Graphs do not say where their threads are.
        found.stuck.clear();
        if std::mem::take(&mut found.counted) && found.executions > wanted.executions {
            // Orders of readers, which the enumerator does not tell apart.
            found.executions = wanted.executions;
        }
        if program.rwlocks > 0 {
            // A writer takes a read-write lock step by step, and may wait in between.
            found.blocked = wanted.blocked;
        }
        if wanted != found {
            return Some(format!("{model:?}\nwanted {wanted:?}\nfound {found:?}"));
        }
    }
    None
}
