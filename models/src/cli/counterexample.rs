//! Failures with their timelines and the line that replays each.

use super::{Terminal, Test, called};
use crate::engines::{Engine, Failure};
use crate::scenario::{Deviations, Scenario};
use crate::timeline::{self, Timeline};
use crate::verdict::{Found, Verdict};

/// Every failure of the verdict that is not as expected.
pub(super) fn all(test: &Test, verdict: &Verdict, terminal: Terminal) -> String {
    let mut out = String::new();
    if let (Some(run), Some(failure)) = (&verdict.run, verdict.failure()) {
        out += &one(
            test,
            &*verdict.engine,
            &run.scenario,
            &verdict.deviations,
            failure,
            terminal,
        );
    }
    for broken in &verdict.broken {
        if let (Found::Instead(_), Some(failure)) = (&broken.found, &broken.failure) {
            out += &format!("\nUnder `broken by {} : {}`:\n", broken.by, broken.what);
            let deviations = &broken.deviations;
            out += &one(
                test,
                &*verdict.engine,
                &broken.scenario,
                deviations,
                failure,
                terminal,
            );
        }
    }
    out
}

fn one(
    test: &Test,
    engine: &dyn Engine,
    scenario: &Scenario,
    deviations: &Deviations,
    failure: &Failure,
    terminal: Terminal,
) -> String {
    let table = timeline::counterexample(scenario, failure, engine.order(), terminal.width);
    // The host's timing cannot be replayed, only asked for once more.
    let word = match engine.subject().can_replay {
        true => "Replay",
        false => "Again",
    };
    let line = replay(test, deviations, failure);
    format!("\n{table}\n{word}: {line}\n")
}

/// The line to paste.
pub(super) fn replay(test: &Test, deviations: &Deviations, failure: &Failure) -> String {
    let path = test.path.display().to_string();
    let mut line = format!("{} check {}", called::command(), quoted(&path));
    if !deviations.is_empty() {
        line += &format!(" {deviations}");
    }
    format!("{line} {}", failure.replay)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// One execution of each outcome, if they were kept.
pub(super) fn traces(verdict: &Verdict, terminal: Terminal) -> String {
    let mut out = String::new();
    let Some(run) = &verdict.run else { return out };
    for (outcome, entries) in &run.report.witnesses {
        let timeline = Timeline {
            scenario: &run.scenario,
            entries,
            order: verdict.engine.order(),
        };
        out += &format!(
            "\nAn execution that ends in {outcome}\n{}",
            timeline.table(terminal.width)
        );
    }
    out
}
