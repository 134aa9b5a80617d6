//! The report of a night.

use std::fmt::Write as _;
use std::path::Path;

use super::plot::svg;
use super::state::{State, write};

/// Writes `report.md` and `coverage.svg`, and returns the report.
///
/// # Errors
/// If a file cannot be written.
pub fn write_report(state: &State, folder: &Path) -> Result<String, String> {
    let text = text(state);
    write(&folder.join("report.md"), &text)?;
    write(&folder.join("coverage.svg"), &svg(state))?;
    Ok(text)
}

fn text(state: &State) -> String {
    let mut out = String::from("# A night of fuzzing\n\n");
    let word = if state.is_green() { "green" } else { "RED" };
    let mut line = |line: &str| writeln!(out, "{line}").expect("a string takes everything");
    line(&format!(
        "{word}, {:.0} of {:.0} s, taken up again {} times. {}",
        state.elapsed_seconds, state.total_seconds, state.interruptions, state.says
    ));
    line(state.canary.as_deref().unwrap_or("The canary did not run."));
    line(
        "\n| target | turns | executions | per second | coverage | features | corpus | findings |",
    );
    line("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (name, target) in &state.targets {
        let rate = target.executions as f64 / target.seconds.max(0.001);
        let grown = |of: fn(&super::state::Sample) -> u64| {
            let first = target.samples.first().map_or(0, of);
            let last = target.samples.last().map_or(0, of);
            format!("{first} to {last}")
        };
        line(&format!(
            "| {name} | {} | {} | {rate:.0} | {} | {} | {} | {} |",
            target.turns,
            target.executions,
            grown(|sample| sample.coverage),
            grown(|sample| sample.features),
            target.corpus,
            target.findings.len()
        ));
    }
    for cost in &state.costs {
        line(&format!("\n{cost}"));
    }
    line("\n![features over time](coverage.svg)");
    for (name, target) in &state.targets {
        for (input, seconds) in &target.slow {
            line(&format!(
                "\nSLOW in {name}: {input} took too long by the clock, and {seconds:.1} s of a CPU when \
                 it was run alone: the host was busy"
            ));
        }
        for finding in &target.findings {
            line(&format!("\nFOUND by {name}: {finding}"));
            if let Some(says) = target.explained.get(finding) {
                line(&format!("\n```text\n{says}\n```"));
            }
        }
    }
    for triage in &state.triage {
        line(&format!("\n```text\n{}\n```", triage.trim_end()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overnight::state::Progress;

    #[test]
    fn a_finding_is_in_the_report() {
        let mut state = State {
            canary: Some("The canary was found.".to_owned()),
            ..State::default()
        };
        let mut target = Progress {
            turns: 2,
            executions: 300,
            seconds: 3.0,
            ..Progress::default()
        };
        state.targets.insert("t".to_owned(), target.clone());
        assert!(
            text(&state).contains("\ngreen, 0 of 0 s"),
            "{}",
            text(&state)
        );
        assert!(text(&state).contains("| t | 2 | 300 | 100 |"));
        target.slow.insert("slow-unit-1".to_owned(), 2.25);
        state.targets.insert("t".to_owned(), target.clone());
        let slow = text(&state);
        assert!(
            slow.contains("\ngreen, ") && slow.contains("slow-unit-1 took"),
            "{slow}"
        );
        target.findings.insert("crash-1".to_owned());
        let says = "crash-1: NOT REPRODUCED".to_owned();
        target.explained.insert("crash-1".to_owned(), says);
        state.costs.push("mm_ops: 75 times".to_owned());
        state.targets.insert("t".to_owned(), target);
        assert!(text(&state).contains("\nRED, "));
        assert!(text(&state).contains("FOUND by t: crash-1"));
        assert!(text(&state).contains("\ncrash-1: NOT REPRODUCED\n"));
        assert!(text(&state).contains("\nmm_ops: 75 times\n"));
    }
}
