//! `seqfault classes`: what tells executions apart that end alike.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::arguments::Classes as Arguments;
use super::interrupt::{Interrupt, Then};
use super::lines::{label_width, line};
use super::progress::Watch;
use super::{Ending, Terminal, Test, Trouble, counterexample, files, output};
use crate::classes::{Classes, Kind, Table};
use crate::engines::{Explorer, Search};
use crate::verdict::{self, Request, Verdict, grouped, plural};

/// Searches every test; fine if each is as expected, or was only stopped.
pub(super) fn run(command: &Arguments, terminal: Terminal) -> Result<Ending, Trouble> {
    let deviations = command.deviate.deviations()?;
    command.json.as_deref().map_or(Ok(()), output::file)?;
    let tests = files::tests(&command.paths, &deviations)?;
    let interrupt = Interrupt::catch(Then::Tell);
    let mut request = Request {
        deviations,
        broken_by: false,
        ..Request::default()
    };
    request.control.interrupt = Some(interrupt.flag());
    let watch = Watch::new(tests.len(), request.control.progress.clone());
    let width = label_width(&tests);
    let mut is_fine = true;
    let mut documents = Vec::new();
    for test in &tests {
        if interrupt.is_on() {
            break;
        }
        let classes = Arc::new(Classes::default());
        request.engine = Arc::new(Explorer {
            classes: Some(classes.clone()),
            ..command.explorer()
        });
        let verdict = watch.during(|| verdict::check(&test.program, &request));
        let verdict = verdict.map_err(|refusal| Trouble::Files(test.refused(&refusal)))?;
        let has_failed = verdict.failure().is_some();
        let is_stopped = is_stopped(&verdict);
        watch.print(&line(test, &verdict, width, terminal));
        if has_failed && !test.is_canary() {
            watch.print(counterexample::all(test, &verdict, terminal).trim_end());
        }
        let is_expected = test.is_as_expected(&verdict) || (is_stopped && !has_failed);
        if !is_expected && !has_failed {
            for reason in &verdict.reasons {
                watch.print(&format!("Because {reason}"));
            }
        }
        is_fine &= is_expected;
        if has_failed || verdict.run.is_none() {
            continue;
        }
        let table = watch.during(|| classes.table());
        watch.print(&text(&table, is_stopped));
        documents.push(document(test, &verdict, table));
    }
    watch.finish();
    if let Some(file) = &command.json {
        write(file, documents)?;
    }
    match interrupt.is_on() {
        true => Ok(Ending::Interrupted),
        false => Ok(is_fine.into()),
    }
}

/// Whether a limit or Ctrl-C ended the search.
fn is_stopped(verdict: &Verdict) -> bool {
    let run = verdict.run.as_ref();
    run.is_some_and(|run| {
        let report = &run.report;
        report.search == Search::Unfinished && report.problem.is_none() && report.executions > 0
    })
}

/// The table as text.
fn text(table: &Table, is_stopped: bool) -> String {
    let mut out = format!(
        "{} {} in {}, at most {} in one",
        plural(table.executions, "execution"),
        if table.executions == 1 { "ends" } else { "end" },
        plural(table.outcomes, "outcome"),
        grouped(table.largest),
    );
    if table.distinct < table.executions {
        out += &format!("; {} look different", grouped(table.distinct));
    }
    if is_stopped {
        out += "; the search was stopped: what follows is of these executions alone";
    }
    out.push('\n');
    let locks = table.locks();
    let named = |name: &str, kind: Kind| match kind {
        Kind::Order if locks.contains(name) => format!("{name} order (lock)"),
        _ => format!("{name} {kind}"),
    };
    if !table.rows.is_empty() {
        out += &format!(
            "\n{:<32} {:>12} {:>12} {:>9}\n",
            "aspect", "ways alone", "left without", "factor"
        );
    }
    for row in &table.rows {
        out += &format!(
            "{:<32} {:>12} {:>12} {:>9.2}\n",
            named(row.name, row.kind),
            grouped(row.alone),
            grouped(row.without),
            table.executions as f64 / row.without.max(1) as f64,
        );
    }
    if table.constant > 0 {
        out += &format!(
            "{} the same in all executions\n",
            match table.constant {
                1 => "1 aspect is".to_owned(),
                more => format!("{} aspects are", grouped(more)),
            }
        );
    }
    for (at, step) in table.steps.iter().enumerate() {
        let with = if at == 0 { "\nwithout" } else { "and without" };
        let named = format!("{with} {}:", named(step.name, step.kind));
        let width = 45 + usize::from(at == 0);
        out += &format!("{named:<width$} {:>12} left\n", grouped(step.left));
    }
    out += &format!(
        "\n{:<45} {:>12} left\n{:<45} {:>12} left\n",
        "with each load by its value:",
        grouped(table.by_value),
        "with each read by its value and no order:",
        grouped(table.by_value_alone),
    );
    out
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    tests: Vec<TestJson>,
}

#[derive(Serialize)]
struct TestJson {
    path: String,
    name: String,
    deviations: String,
    search: &'static str,
    executions: u64,
    distinct: u64,
    outcomes: u64,
    largest: u64,
    aspects: Vec<AspectJson>,
    constant: u64,
    steps: Vec<StepJson>,
    by_value: u64,
    by_value_alone: u64,
}

#[derive(Serialize)]
struct AspectJson {
    name: &'static str,
    kind: &'static str,
    lock: bool,
    alone: u64,
    without: u64,
}

#[derive(Serialize)]
struct StepJson {
    name: &'static str,
    kind: &'static str,
    left: u64,
}

fn document(test: &Test, verdict: &Verdict, table: Table) -> TestJson {
    let aspect = |row: crate::classes::Row| AspectJson {
        name: row.name,
        kind: row.kind.name(),
        lock: row.is_lock,
        alone: row.alone,
        without: row.without,
    };
    let step = |step: crate::classes::Step| StepJson {
        name: step.name,
        kind: step.kind.name(),
        left: step.left,
    };
    TestJson {
        path: test.path.display().to_string(),
        name: verdict.program.name.clone(),
        deviations: verdict.deviations.to_string(),
        search: verdict.run.as_ref().map_or("none", |run| run.search_word()),
        executions: table.executions,
        distinct: table.distinct,
        outcomes: table.outcomes,
        largest: table.largest,
        aspects: table.rows.into_iter().map(aspect).collect(),
        constant: table.constant,
        steps: table.steps.into_iter().map(step).collect(),
        by_value: table.by_value,
        by_value_alone: table.by_value_alone,
    }
}

fn write(file: &Path, tests: Vec<TestJson>) -> Result<(), Trouble> {
    let wrong = |error: String| Trouble::Usage(format!("{}: {error}", file.display()));
    let document = Document { schema: 1, tests };
    let text = serde_json::to_string_pretty(&document).map_err(|error| wrong(error.to_string()))?;
    std::fs::write(file, text + "\n").map_err(|error| wrong(error.to_string()))
}
