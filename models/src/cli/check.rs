//! `seqfault check`

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::arguments::Check;
use super::interrupt::{Interrupt, Then};
use super::lines::{Standing, Summary, label_width, line, of_canary, standing};
use super::progress::Watch;
use super::{Ending, Terminal, Test, Trouble, counterexample, files, jobs, json, output, say};
use crate::engines::Spare;
use crate::engines::registry::Values;
use crate::scenario::Refusal;
use crate::verdict::{self, Request, Verdict, plural};

/// Checks every test.
pub(super) fn run(command: &Check, terminal: Terminal) -> Result<Ending, Trouble> {
    let mut request = command.request()?;
    command.json.as_deref().map_or(Ok(()), output::file)?;
    command.dot.as_deref().map_or(Ok(()), output::folder)?;
    let tests = files::tests(&command.paths, &request.deviations)?;
    inspect(&tests, &request)?;
    if command.dot.is_some() {
        distinct(&tests, |test| &test.label, "--dot")?;
    }
    let threads = jobs::threads(command.jobs);
    let workers = jobs::workers(threads, tests.len());
    let spare = Spare::default();
    spare.give(threads - workers * tests.len().min(threads));
    let interrupt = Interrupt::catch(match request.store {
        Some(_) => Then::Keep,
        None => Then::Tell,
    });
    request.control.interrupt = Some(interrupt.flag());
    let started = Instant::now();
    let watch = Watch::new(tests.len(), request.control.progress.clone());
    let is_single = tests.len() == 1;
    // A timeline for each outcome is a part of the whole verdict.
    let is_whole = is_single || command.verbose || command.trace;
    let values = Values {
        workers: Some(workers),
        spare: spare.clone(),
        estimate: is_single,
        ..command.values()
    };
    request.engine = command.engine.with(&values).map_err(Trouble::Usage)?;
    let width = label_width(&tests);
    let mut verdicts = Vec::new();
    watch.during(|| {
        jobs::each(
            &tests,
            threads,
            |test| (!interrupt.is_on()).then(|| verdict::check(&test.program, &request)),
            || spare.give(workers),
            |test, verdict| {
                if let Some(Ok(verdict)) = &verdict {
                    if is_whole {
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
    let mut not_begun = 0;
    for (test, verdict) in tests.iter().zip(verdicts) {
        match verdict {
            Some(Ok(verdict)) => checked.push((test, verdict)),
            Some(Err(refusal)) => refused.push((test, refusal)),
            None => not_begun += 1,
        }
    }
    if let Some(trouble) = refusals(&refused) {
        return Err(trouble);
    }
    let mut summary = Summary::default();
    for (test, verdict) in &checked {
        summary.add(test, verdict);
        let is_fine = test.is_as_expected(verdict);
        if !is_whole && !is_fine {
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
    if let Some(folder) = &command.dot {
        draw(folder, &checked)?;
    }
    if summary.is_empty() && not_begun == 0 {
        say("nothing was run: every test was skipped");
    }
    if interrupt.is_on() {
        if not_begun > 0 {
            say(&format!(
                "interrupted: {} not begun",
                plural(not_begun, "test")
            ));
        }
        return Ok(Ending::Interrupted);
    }
    Ok(summary.is_fine().into())
}

/// Draws the execution of each failure.
fn draw(folder: &Path, checked: &[(&Test, Verdict)]) -> Result<(), Trouble> {
    for (test, verdict) in checked {
        let Some(failure) = verdict.failure() else {
            continue;
        };
        let file = folder.join(format!("{}.dot", test.label));
        let Some(graph) = &failure.graph else {
            say(&format!(
                "{} is not drawn: {}",
                file.display(),
                "no single execution of this search shows the failure"
            ));
            continue;
        };
        let trouble = |error| Trouble::Usage(format!("{}: {error}", file.display()));
        std::fs::create_dir_all(file.parent().unwrap_or(folder)).map_err(trouble)?;
        std::fs::write(&file, graph).map_err(trouble)?;
        say(&format!("Graph {}", file.display()));
    }
    Ok(())
}

/// What is kept must be of these tests, and each search in a file of its own.
fn inspect(tests: &[Test], request: &Request) -> Result<(), Trouble> {
    let Some(store) = &request.store else {
        return Ok(());
    };
    distinct(tests, |test| &test.program.name, "--save")?;
    let inspected = tests
        .iter()
        .map(|test| store.inspect(&test.program, request));
    let refused = inspected.filter_map(Result::err).flatten();
    let wrong: Vec<String> = refused.map(|refused| refused.to_string()).collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Trouble::Files(wrong.join("\n")))
    }
}

/// No two tests may have one name, by which `option` keeps them apart.
pub(super) fn distinct(
    tests: &[Test],
    name: fn(&Test) -> &str,
    option: &str,
) -> Result<(), Trouble> {
    let mut named: BTreeMap<&str, &Test> = BTreeMap::new();
    for test in tests {
        if let Some(other) = named.insert(name(test), test) {
            let (one, other, name) = (other.path.display(), test.path.display(), name(test));
            let text =
                format!("{one} and {other} are both named {name}: {option} needs one of them");
            return Err(Trouble::Usage(text));
        }
    }
    Ok(())
}

impl Test {
    /// Whether the verdict is as the file says; of a canary, that it fails.
    pub fn is_as_expected(&self, verdict: &Verdict) -> bool {
        matches!(standing(self, verdict), Standing::Fine | Standing::Skipped)
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
        let words = of_canary(standing(test, verdict));
        out += &format!("Canary {words}\n");
    }
    out += &counterexample::traces(verdict, terminal);
    if !test.is_canary() {
        out += &counterexample::all(test, verdict, terminal);
    }
    out
}
