//! `seqfault check`

use std::time::Instant;

use super::arguments::Check;
use super::lines::{Standing, Summary, label_width, line, standing};
use super::progress::Watch;
use super::{Terminal, Test, Trouble, counterexample, files, jobs, json, say};
use crate::engines::Engine;
use crate::scenario::Refusal;
use crate::verdict::{self, Subject, Verdict};

/// Checks every test; true if all is as expected.
pub(super) fn run(command: &Check, terminal: Terminal) -> Result<bool, Trouble> {
    let subject = command.engine.subject();
    let deviations = command.deviate.deviations()?;
    if command.extent.preemptions.is_some() && subject != Subject::Core(Engine::Loom) {
        let hint = "--preemptions bounds loom: say --engine loom with it";
        return Err(Trouble::Usage(hint.to_owned()));
    }
    if command.extent.time.is_some() && subject != Subject::Linux {
        let hint = "--time bounds linux: say --engine linux with it";
        return Err(Trouble::Usage(hint.to_owned()));
    }
    let mut request = command.extent.request(subject, deviations)?;
    request.trace = command.trace;
    let tests = files::tests(&command.paths, &request.deviations)?;
    let started = Instant::now();
    let watch = Watch::new(tests.len(), request.options.progress.clone());
    let is_single = tests.len() == 1;
    let width = label_width(&tests);
    let mut verdicts = Vec::new();
    watch.during(|| {
        jobs::each(
            &tests,
            command.jobs,
            |test| verdict::check(&test.program, &request),
            |test, verdict| {
                if let Ok(verdict) = &verdict {
                    if is_single || command.verbose {
                        watch.print(&full(test, verdict, command.verbose, terminal));
                    } else {
                        watch.print(&line(test, verdict, width, terminal));
                    }
                }
                verdicts.push(verdict);
            },
        );
    });
    watch.finish();
    let mut checked = Vec::new();
    let mut refused = Vec::new();
    for (test, verdict) in tests.iter().zip(verdicts) {
        match verdict {
            Ok(verdict) => checked.push((test, verdict)),
            Err(refusal) => refused.push((test, refusal)),
        }
    }
    if let Some(trouble) = refusals(&refused) {
        return Err(trouble);
    }
    let mut summary = Summary::default();
    for (test, verdict) in &checked {
        summary.add(test, verdict);
        let told = is_single || command.verbose;
        if !told && standing(test, verdict) == Standing::Wrong {
            say(&format!(
                "\n{}",
                full(test, verdict, false, terminal).trim_end()
            ));
        }
    }
    if !is_single {
        say(&format!("\n{}", summary.line(started.elapsed(), terminal)));
    }
    if let Some(file) = &command.json {
        json::write(file, &checked)?;
    }
    Ok(summary.is_fine())
}

impl Test {
    /// Whether the verdict is as the file says; of a canary, that it fails.
    pub fn is_as_expected(&self, verdict: &Verdict) -> bool {
        standing(self, verdict) != Standing::Wrong
    }

    /// The whole verdict and every counterexample, as a pipe shows them.
    pub fn report(&self, verdict: &Verdict) -> String {
        let terminal = Terminal {
            color: false,
            width: super::WIDTH,
        };
        full(self, verdict, false, terminal)
    }
}

/// Refusals that only a run could show.
fn refusals(refused: &[(&Test, Refusal)]) -> Option<Trouble> {
    let texts: Vec<String> = refused.iter().map(|(test, r)| test.refused(r)).collect();
    (!texts.is_empty()).then(|| Trouble::Files(texts.join("\n")))
}

/// The whole verdict, and what goes with it.
fn full(test: &Test, verdict: &Verdict, verbose: bool, terminal: Terminal) -> String {
    let mut out = verdict.herd(verbose);
    if test.is_canary() {
        let words = match standing(test, verdict) {
            Standing::Fine => "the canary fails, as it must",
            Standing::Wrong => "the canary, which must fail, passes",
            Standing::Skipped => "was not caught by these executions, or not run",
        };
        out += &format!("Canary {words}\n");
    }
    out += &counterexample::traces(verdict, terminal);
    if !test.is_canary() {
        out += &counterexample::all(test, verdict, terminal);
    }
    out
}
