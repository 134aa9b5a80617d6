//! The classical litmus tests, whose answers the literature decides: allowed or
//! forbidden under each model, and how many executions there are.

mod subject;

use seqfault_explorer::Model;
use seqfault_explorer::mutation::Mutation;
use seqfault_oracle::known;
use subject::{Layout, explore};

#[test]
fn every_known_answer_is_given() {
    let mut wrong = Vec::new();
    let mut asked = 0;
    for known in known::ALL.iter() {
        let model = match known.model {
            seqfault_oracle::Model::Sc => Model::Sc,
            seqfault_oracle::Model::Tso => Model::Tso,
            seqfault_oracle::Model::Rc11 => Model::Rc11,
        };
        let program = (known.program)();
        let found = explore(&program, model, Mutation::None, Layout::Plain);
        if known.racy > 0 {
            // The search ends at a race.
            if !found.races {
                wrong.push(format!("{} {model:?}: no race", known.name));
            }
            continue;
        }
        asked += 1;
        let shows = found.outcomes.iter().any(|(reads, finals)| {
            (known.outcome)(&seqfault_oracle::Outcome {
                reads: reads.clone(),
                finals: finals.clone(),
            })
        });
        if shows != known.allowed {
            let source = known.source;
            wrong.push(format!(
                "{} {model:?}: shown {shows}, against {source}",
                known.name
            ));
        }
        let counts = (found.executions, found.blocked);
        if counts != (known.executions, known.blocked) || found.twice > 0 {
            wrong.push(format!(
                "{} {model:?}: {counts:?} executions and blocked, {} twice; known {:?}",
                known.name,
                found.twice,
                (known.executions, known.blocked)
            ));
        }
    }
    assert!(asked > 400, "only {asked} were asked");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
