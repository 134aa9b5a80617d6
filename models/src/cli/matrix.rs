//! `seqfault matrix`: tests by presets, choices and quirks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::arguments::Matrix;
use super::check::distinct;
use super::interrupt::{Interrupt, Then};
use super::lines::seconds;
use super::{Color, Ending, Terminal, Test, Trouble, called, files, jobs, output, say};
use crate::engines::Explorer;
use crate::matrix::{Cell, Deviation};
use crate::scenario::Deviations;
use crate::verdict::{Request, plural};

/// Fills the matrix; fine if some cell was searched to its end and none is unexplained.
pub(super) fn run(command: &Matrix, terminal: Terminal) -> Result<Ending, Trouble> {
    command.json.as_deref().map_or(Ok(()), output::file)?;
    let tests = files::tests(&command.paths, &Deviations::default())?;
    if command.json.is_some() {
        distinct(&tests, |test| &test.label, "--json")?;
    }
    let started = Instant::now();
    let mut columns = Deviation::sound();
    if !command.sound {
        columns.extend(Deviation::quirks());
    }
    let mut request = Request {
        engine: Arc::new(Explorer {
            max_executions: Some(command.max_executions),
            ..Explorer::default()
        }),
        ..Request::default()
    };
    let places: Vec<(usize, usize)> = (0..tests.len())
        .flat_map(|row| (0..columns.len()).map(move |column| (row, column)))
        .collect();
    let mut filled = Filled {
        tests: &tests,
        cells: columns.iter().map(|_| Vec::new()).collect(),
        columns,
    };
    let columns = filled.columns.clone();
    let interrupt = Interrupt::catch(Then::Tell);
    request.control.interrupt = Some(interrupt.flag());
    jobs::each(
        &places,
        jobs::threads(command.jobs),
        |&(row, column)| Cell::of(&tests[row], columns[column], &request),
        || {},
        // Rows come in their order, and so do the cells of a column.
        |&(_, column), cell| filled.cells[column].push(cell),
    );
    say(filled.text(terminal).trim_end());
    say(&format!(
        "{}, {}",
        filled.summary(terminal),
        seconds(started.elapsed())
    ));
    if let Some(file) = &command.json {
        let text = serde_json::to_string_pretty(&filled.document())
            .map_err(|error| Trouble::Usage(error.to_string()))?;
        std::fs::write(file, text + "\n")
            .map_err(|error| Trouble::Usage(format!("{}: {error}", file.display())))?;
    }
    if interrupt.is_on() {
        return Ok(Ending::Interrupted);
    }
    Ok(Ending::from(
        filled.unexplained().is_empty() && filled.ended() > 0,
    ))
}

/// The matrix.
struct Filled<'a> {
    tests: &'a [Test],
    columns: Vec<Deviation>,
    /// By column and by test.
    cells: Vec<Vec<Cell>>,
}

/// The letter of a cell in the table.
fn letter(cell: &Cell) -> char {
    match cell {
        Cell::Same => '=',
        Cell::Green { looked: true } => '.',
        Cell::Green { looked: false } => ',',
        Cell::Red {
            explained: Some(_), ..
        } => 'x',
        Cell::Red { .. } => 'X',
        Cell::Skipped(_) => '-',
        Cell::Stopped => '?',
        Cell::NotRun => '!',
    }
}

impl Filled<'_> {
    /// Each cell of a column with its test.
    fn of(&self, column: usize) -> impl Iterator<Item = (&Test, &Cell)> {
        self.tests.iter().zip(&self.cells[column])
    }

    /// How many cells are so.
    fn count(&self, is_so: impl Fn(&Cell) -> bool) -> u64 {
        let cells = self.cells.iter().flatten();
        cells.filter(|cell| is_so(cell)).count() as u64
    }

    fn unexplained(&self) -> Vec<(&Test, Deviation, &str)> {
        let all = self.columns.iter().enumerate().flat_map(|(at, deviation)| {
            self.of(at).filter_map(|(test, cell)| match cell {
                Cell::Red { what, .. } if cell.is_unexplained(*deviation) => {
                    Some((test, *deviation, what.as_str()))
                }
                _ => None,
            })
        });
        all.collect()
    }

    /// How many cells were searched to their end.
    fn ended(&self) -> u64 {
        self.count(|cell| matches!(cell, Cell::Green { .. } | Cell::Red { .. }))
    }

    /// What all of it comes to.
    fn summary(&self, terminal: Terminal) -> String {
        let unexplained = self.unexplained().len() as u64;
        let not_run = self.count(|cell| *cell == Cell::NotRun);
        let verdict = match (unexplained, self.ended(), not_run) {
            (0, 0, _) => terminal.paint(Color::Yellow, "UNKNOWN: no cell was searched to its end"),
            (0, _, 0) => terminal.paint(Color::Green, "no cell is unexplained"),
            (0, _, _) => terminal.paint(Color::Yellow, "no unexplained cell so far"),
            (some, ..) => {
                let cells = plural(some, "cell");
                terminal.paint(Color::Red, &format!("{cells} unexplained"))
            }
        };
        let mut line = format!(
            "{verdict}: {}, {}",
            plural(self.tests.len() as u64, "test"),
            plural(self.columns.len() as u64, "column")
        );
        let stopped = self.count(|cell| *cell == Cell::Stopped);
        for (count, what) in [(stopped, "stopped"), (not_run, "not run")] {
            if count > 0 {
                line += &format!(", {} {what}", plural(count, "cell"));
            }
        }
        line
    }

    fn text(&self, terminal: Terminal) -> String {
        let mut out = self.table();
        out += &self.notes();
        for (at, deviation) in self.columns.iter().enumerate() {
            if !deviation.is_sound() {
                out += &self.quirk(at, *deviation);
            }
        }
        for (test, deviation, what) in self.unexplained() {
            let line = format!(
                "UNEXPLAINED: {} is red under {deviation}: {what}",
                test.label
            );
            out += &format!(
                "{}\n  Replay: {} check {} {}\n",
                terminal.paint(Color::Red, &line),
                called::command(),
                test.path.display(),
                deviation.deviations()
            );
        }
        out
    }

    /// A row for each test, a letter for each preset and choice.
    fn table(&self) -> String {
        let sound = || (0..self.columns.len()).filter(|&at| self.columns[at].is_sound());
        let width = self.tests.iter().map(|test| test.label.chars().count());
        let width = width.max().unwrap_or(0);
        let mut out = String::new();
        for at in sound() {
            let bars = "| ".repeat(at);
            out += &format!("{:width$}  {bars}{}\n", "", self.columns[at]);
        }
        for (row, test) in self.tests.iter().enumerate() {
            let letters: Vec<String> = sound()
                .map(|at| letter(&self.cells[at][row]).to_string())
                .collect();
            out += &format!("{:width$}  {}\n", test.label, letters.join(" "));
        }
        out + "= the file says so  . fine  , fine, and no step looked at the choice  x red, explained  \
              X red  - conflicts  ? stopped  ! not run\n"
    }

    /// What the letters do not say.
    fn notes(&self) -> String {
        let mut out = String::new();
        let mut explained: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (at, deviation) in self.columns.iter().enumerate() {
            if !deviation.is_sound() {
                continue;
            }
            let mut skipped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            let mut stopped = Vec::new();
            for (test, cell) in self.of(at) {
                let label = test.label.as_str();
                match cell {
                    Cell::Skipped(why) => skipped.entry(why).or_default().push(label),
                    Cell::Stopped => stopped.push(label),
                    Cell::Red {
                        what,
                        explained: Some(why),
                    } => {
                        let red = format!("{label} is red ({what}): {why}");
                        explained
                            .entry(red)
                            .or_default()
                            .push(deviation.to_string());
                    }
                    _ => {}
                }
            }
            for (why, labels) in skipped {
                out += &format!("{deviation}: skipped ({why}): {}\n", labels.join(", "));
            }
            if !stopped.is_empty() {
                out += &format!("{deviation}: stopped: {}\n", stopped.join(", "));
            }
        }
        for (red, columns) in explained {
            out += &format!("{red}: {}\n", columns.join(", "));
        }
        out
    }

    /// Which tests are red for a quirk, or why none is.
    fn quirk(&self, at: usize, deviation: Deviation) -> String {
        let red = self.of(at).filter_map(|(test, cell)| match cell {
            // A canary is red anyway.
            Cell::Red {
                what,
                explained: None,
            } => Some(format!("{} ({what})", test.label)),
            _ => None,
        });
        let red: Vec<String> = red.collect();
        if !red.is_empty() {
            return format!("{deviation}: red: {}\n", red.join(", "));
        }
        let not_run: Vec<&str> = self
            .of(at)
            .filter(|(_, cell)| **cell == Cell::NotRun)
            .map(|(test, _)| test.label.as_str())
            .collect();
        if !not_run.is_empty() {
            return format!("{deviation}: not run: {}\n", not_run.join(", "));
        }
        format!("{deviation}: MASKED: {}\n", self.masked_by(at))
    }

    /// Why no test is red.
    fn masked_by(&self, at: usize) -> String {
        let count = |is: fn(&Cell) -> bool| self.cells[at].iter().filter(|cell| is(cell)).count();
        let looked = count(|cell| matches!(cell, Cell::Green { looked: true }));
        let stopped = count(|cell| matches!(cell, Cell::Stopped));
        let skipped = count(|cell| matches!(cell, Cell::Skipped(_)));
        let mut why = match looked {
            0 => "no test ever looked at it".to_owned(),
            _ => format!(
                "{} looked at it, and none is red",
                plural(looked as u64, "test")
            ),
        };
        if stopped > 0 {
            why += &format!(", {} stopped", plural(stopped as u64, "test"));
        }
        if skipped > 0 {
            why += &format!(", {} skipped", plural(skipped as u64, "test"));
        }
        why
    }

    fn document(&self) -> Document<'_> {
        let columns = self.columns.iter().enumerate().map(|(at, deviation)| {
            let cells = self.of(at).map(|(test, cell)| {
                let (state, what, why) = match cell {
                    Cell::Same => ("same", None, None),
                    Cell::Green { .. } => ("green", None, None),
                    Cell::Red { what, explained } => ("red", Some(what.as_str()), *explained),
                    Cell::Skipped(why) => ("skipped", None, Some(why.as_str())),
                    Cell::Stopped => ("stopped", None, None),
                    Cell::NotRun => ("not run", None, None),
                };
                let looked = match cell {
                    Cell::Green { looked } => Some(*looked),
                    _ => None,
                };
                let cell = Entry {
                    state,
                    what,
                    why,
                    looked,
                    unexplained: cell.is_unexplained(*deviation),
                };
                (test.label.as_str(), cell)
            });
            // A column that is not filled may still show what the quirk does.
            let shows = |cell: &Cell| {
                let is_red = matches!(cell, Cell::Red { explained, .. } if explained.is_none());
                is_red || *cell == Cell::NotRun
            };
            let is_masked = !deviation.is_sound() && !self.cells[at].iter().any(shows);
            Column {
                name: deviation.to_string(),
                kind: deviation.kind(),
                masked_by: is_masked.then(|| self.masked_by(at)),
                tests: cells.collect(),
            }
        });
        Document {
            columns: columns.collect(),
            unexplained: self.unexplained().len(),
        }
    }
}

/// The matrix for programs.
#[derive(Serialize)]
struct Document<'a> {
    columns: Vec<Column<'a>>,
    unexplained: usize,
}

#[derive(Serialize)]
struct Column<'a> {
    name: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    masked_by: Option<String>,
    tests: BTreeMap<&'a str, Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    looked: Option<bool>,
    unexplained: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(label: &str) -> Test {
        let text = "MM t { page A; mmap A rw; } P0 { r0 = read A; } forall (0:r0=0)";
        Test {
            path: format!("{label}.litmus").into(),
            label: label.to_owned(),
            text: text.to_owned(),
            program: crate::litmus::parse("t.litmus", text).expect("a test"),
        }
    }

    /// An interrupt leaves what was found as it is, and makes no pass of what was not run.
    #[test]
    fn a_matrix_that_is_not_filled_says_so() {
        let terminal = Terminal {
            color: false,
            width: 80,
        };
        let tests = [test("one"), test("two")];
        let green = Cell::Green { looked: true };
        let red = Cell::Red {
            what: "stale-tlb".to_owned(),
            explained: None,
        };
        let mut columns = Deviation::sound();
        columns.truncate(1);
        columns.extend(Deviation::quirks().into_iter().take(3));
        let quirks: Vec<String> = columns.iter().skip(1).map(ToString::to_string).collect();
        let mut filled = Filled {
            tests: &tests,
            columns,
            cells: vec![
                vec![green.clone(), Cell::NotRun],
                vec![green.clone(), Cell::NotRun],
                vec![red.clone(), Cell::NotRun],
                vec![green.clone(), green],
            ],
        };
        let line = "no unexplained cell so far: 2 tests, 4 columns, 3 cells not run";
        assert_eq!(filled.summary(terminal), line);
        let text = filled.text(terminal);
        assert!(text.contains("\none  .\ntwo  !\n"), "{text}");
        for (quirk, says) in quirks.iter().zip([
            "not run: two",
            "red: one (stale-tlb)",
            "MASKED: 2 tests looked at it, and none is red",
        ]) {
            assert!(text.contains(&format!("\n{quirk}: {says}\n")), "{text}");
        }
        let document = serde_json::to_value(filled.document()).expect("it is JSON");
        let column = |at: usize| &document["columns"][at];
        assert_eq!(column(1)["tests"]["two"]["state"], "not run");
        let masked: Vec<bool> = (0..4)
            .map(|at| !column(at)["masked_by"].is_null())
            .collect();
        assert_eq!(masked, [false, false, false, true]);

        filled.cells[0][0] = red;
        let line = "1 cell unexplained: 2 tests, 4 columns, 3 cells not run";
        assert_eq!(filled.summary(terminal), line);
        let text = filled.text(terminal);
        assert!(text.contains("UNEXPLAINED: one is red under "), "{text}");
    }
}
