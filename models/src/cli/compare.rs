//! `seqfault compare`: outcomes by engine, side by side.
//!
//! An outcome that an engine shows and the specification does not allow is
//! wrong. One that an engine or the host's kernel shows, and the explorer,
//! having visited every execution, does not, is worse: "complete" was not true.
//! It is told again behind all tables. With one CPU there is nothing to choose: what all show must be
//! equal, but for page properties that the specification leaves open.

mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::arguments::Compare;
use super::interrupt::{Interrupt, Then};
use super::lines::seconds;
use super::progress::Watch;
use super::{Color, Ending, Terminal, Test, Trouble, files, jobs, say};
use crate::engines::registry::{ENGINES, ITERATIONS, usual};
use crate::engines::{Engine, Report, Search};
use crate::litmus::ast::{Outcome, PageProperty};
use crate::scenario::{Refusal, Scenario};
use crate::spec::{self, Rules};
use crate::verdict::{self, Request, grouped, plural, without_counts};
use tally::Tally;

/// The width of a column of counts.
const COLUMN: usize = 10;

/// What all engines show of one test.
struct Comparison {
    /// What the specification allows, or why it cannot tell.
    allowed: Result<BTreeSet<Outcome>, String>,
    reports: Vec<(Arc<dyn Engine>, Report)>,
    /// What is not among them, and why.
    without: BTreeMap<&'static str, String>,
}

/// All engines but the specification, with which all are compared.
fn engines(command: &Compare) -> Result<Vec<Arc<dyn Engine>>, Trouble> {
    let mut values = command.extent.values();
    // A time alone does not make a sample longer here.
    values.iterations = values.iterations.or(Some(ITERATIONS));
    let made = ENGINES.iter().map(|row| row.with(&values));
    let made: Result<Vec<_>, String> = made.collect();
    let mut made = made.map_err(Trouble::Usage)?;
    made.retain(|engine| !engine.subject().is_specification);
    Ok(made)
}

/// Compares every test; fine if nothing is wrong.
pub(super) fn run(command: &Compare, terminal: Terminal) -> Result<Ending, Trouble> {
    let deviations = command.deviate.deviations()?;
    let engines = engines(command)?;
    let mut request = Request {
        deviations,
        ..Request::default()
    };
    let tests = files::tests(&command.paths, &request.deviations)?;
    let interrupt = Interrupt::catch(Then::Tell);
    request.control.interrupt = Some(interrupt.flag());
    let started = Instant::now();
    let watch = Watch::new(tests.len(), request.control.progress.clone());
    let mut refused = Vec::new();
    let mut tallies: Vec<Tally> = engines.iter().map(Tally::of).collect();
    let mut without: BTreeMap<&str, u64> = BTreeMap::new();
    let mut is_fine = true;
    let mut beyond = Vec::new();
    let mut skipped = 0;
    let mut not_compared = 0;
    watch.during(|| {
        jobs::each(
            &tests,
            jobs::threads(command.jobs),
            |test| {
                let compared = (!interrupt.is_on()).then(|| compare(test, &engines, &request));
                // What was cut short shows nothing that could be compared.
                compared.filter(|_| !interrupt.is_on())
            },
            || {},
            |test, comparison| match comparison {
                None => not_compared += 1,
                Some(Ok(Err(conflict))) => {
                    let word = terminal.paint(Color::Yellow, "skip");
                    watch.print(&format!("{word}  {}  {conflict}\n", test.label));
                    skipped += 1;
                }
                Some(Ok(Ok(comparison))) => {
                    let more = comparison.beyond_the_explorer();
                    beyond.extend(
                        more.into_iter()
                            .map(|told| format!("{}: {told}", test.label)),
                    );
                    let (text, fine) = comparison.show(test, terminal);
                    watch.print(&text);
                    is_fine &= fine;
                    for (engine, report) in &comparison.reports {
                        let of_engine = |tally: &&mut Tally| tally.engine.name() == engine.name();
                        if let Some(tally) = tallies.iter_mut().find(of_engine) {
                            let condition = &test.program.condition;
                            tally.add(report, &comparison.allowed, condition);
                        }
                    }
                    for name in comparison.without.keys() {
                        *without.entry(name).or_default() += 1;
                    }
                }
                Some(Err(refusal)) => refused.push(test.refused(&refusal)),
            },
        );
    });
    watch.finish();
    if !refused.is_empty() {
        return Err(Trouble::Files(refused.join("\n")));
    }
    for tally in &tallies {
        let without = without.get(tally.engine.subject().name);
        let skipped = without.map(|&tests| format!(", {} skipped", plural(tests, "test")));
        let skipped = skipped.unwrap_or_default();
        say(&format!("{}{skipped}", tally.line(terminal)));
    }
    let compared = tests.len() as u64 - skipped - not_compared;
    let mut line = plural(compared, "test");
    if skipped > 0 {
        line += &format!(", {skipped} skipped");
    }
    say(&format!("{line}, {}", seconds(started.elapsed())));
    if not_compared > 0 {
        let tests = plural(not_compared, "test");
        say(&format!("interrupted: {tests} not compared"));
    } else if compared == 0 {
        say("nothing was run: every test was skipped");
    }
    for told in &beyond {
        say(&terminal.paint(Color::Red, &format!("NOT COMPLETE: {told}")));
    }
    if interrupt.is_on() {
        return Ok(Ending::Interrupted);
    }
    Ok(Ending::from(is_fine && compared > 0))
}

/// Runs one test everywhere; or tells why the deviations do not go with it.
fn compare(
    test: &Test,
    engines: &[Arc<dyn Engine>],
    request: &Request,
) -> Result<Result<Comparison, String>, Refusal> {
    if let Some(conflict) = verdict::conflict(&test.program, &request.deviations) {
        return Ok(Err(conflict));
    }
    let mut reports = Vec::new();
    let mut without = BTreeMap::new();
    let scenario = Scenario::new(&test.program, &request.deviations)?;
    for engine in engines {
        let request = Request {
            engine: engine.clone(),
            ..request.clone()
        };
        match verdict::observe(&test.program, &request)? {
            Ok(report) => reports.push((engine.clone(), report)),
            Err(needs) => {
                without.insert(engine.subject().name, needs);
            }
        }
    }
    if reports.is_empty() {
        let all: Vec<String> = without.into_values().collect();
        return Ok(Err(all.join("; ")));
    }
    // With the limits on memory that were asked for.
    let spec = spec::outcomes(&scenario.program, &Rules::default());
    Ok(Ok(Comparison {
        allowed: spec
            .map(|spec| spec.outcomes)
            .map_err(|unsupported| unsupported.to_string()),
        reports,
        without,
    }))
}

/// Outcomes and how often each showed, counters aside.
fn shown(report: &Report) -> BTreeMap<Outcome, u64> {
    let mut shown = BTreeMap::new();
    for (outcome, count) in &report.outcomes {
        *shown.entry(without_counts(outcome)).or_default() += count;
    }
    shown
}

/// The outcome without what the specification leaves open on one CPU.
fn determined(outcome: &Outcome) -> Outcome {
    let mut outcome = without_counts(outcome);
    outcome
        .pages
        .retain(|(property, _), _| *property == PageProperty::Mapped);
    outcome
}

impl Comparison {
    /// The table of one test, and whether nothing in it is wrong.
    fn show(&self, test: &Test, terminal: Terminal) -> (String, bool) {
        let mut fine = true;
        let reports = self.reports.iter();
        let shown: Vec<(&dyn Engine, BTreeMap<Outcome, u64>)> = reports
            .map(|(engine, report)| (&**engine, shown(report)))
            .collect();
        let allowed = self.allowed.iter().flatten();
        let all: BTreeSet<&Outcome> = shown
            .iter()
            .flat_map(|(_, outcomes)| outcomes.keys())
            .chain(allowed)
            .collect();
        let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
        let label = test.label.chars().count();
        let widest = texts.iter().map(|text| text.chars().count() + 2).max();
        let width = widest.unwrap_or(0).max(label).max("  executions".len());
        let mut out = format!("{:width$}  {:>7}", test.label, "spec");
        for (engine, _) in &self.reports {
            out += &format!("  {:>COLUMN$}", engine.name());
        }
        out.push('\n');
        for (outcome, text) in all.iter().zip(&texts) {
            // What the host does not tell of an outcome may be either.
            let may_be = |all: &BTreeSet<Outcome>| all.iter().any(|full| outcome.agrees(full));
            let allowed = self.allowed.as_ref().ok().map(may_be);
            let spec = match allowed {
                Some(true) => "allowed",
                Some(false) => "-",
                None => "?",
            };
            let mut line = format!("  {text:0$}  {spec:>7}", width - 2);
            let mut who = Vec::new();
            for (engine, outcomes) in &shown {
                match outcomes.get(*outcome) {
                    Some(&count) => {
                        who.push(engine.name());
                        line += &format!("  {:>COLUMN$}", grouped(count));
                    }
                    None => line += &format!("  {:>COLUMN$}", "-"),
                }
            }
            if allowed == Some(false) {
                fine = false;
                line += &format!("  only in {}", who.join(", "));
                line = terminal.paint(Color::Red, &line);
            }
            out += line.trim_end();
            out.push('\n');
        }
        out += &format!("  {:1$}  {2:>7}", "executions", width - 2, "");
        for (_, report) in &self.reports {
            out += &format!("  {:>COLUMN$}", grouped(report.executions));
        }
        out.push('\n');
        for told in self.beyond_the_explorer() {
            fine = false;
            let line = format!("  NOT COMPLETE: {told}");
            out += &terminal.paint(Color::Red, &line);
            out.push('\n');
        }
        for wrong in self.wrongs(test) {
            fine = false;
            out += &terminal.paint(Color::Red, &format!("  {wrong}"));
            out.push('\n');
        }
        if let Err(reason) = &self.allowed {
            out += &format!("  {reason}\n");
        }
        for (subject, why) in &self.without {
            out += &format!("  {} skipped: {why}\n", subject);
        }
        (out, fine)
    }

    /// What is wrong beyond single outcomes.
    fn wrongs(&self, test: &Test) -> Vec<String> {
        let mut wrongs = Vec::new();
        for (engine, report) in &self.reports {
            let engine = engine.name();
            if let Some(failure) = &report.failure {
                let (what, message) = (failure.violated, &failure.message);
                wrongs.push(format!("{engine} fails: {what}: {message}"));
            } else if let Some(problem) = &report.problem {
                wrongs.push(format!("{engine} gave up: {problem}"));
            } else if report.search == Search::Unfinished {
                wrongs.push(format!("{engine} was stopped before its end"));
            }
        }
        if test.program.cpus() == 1 && wrongs.is_empty() {
            let sets = self.reports.iter().map(|(engine, report)| {
                let outcomes: BTreeSet<_> = report.outcomes.keys().map(determined).collect();
                (engine.name(), outcomes)
            });
            let allowed = self.allowed.iter();
            let spec = allowed.map(|set| ("spec", set.iter().map(determined).collect()));
            let sets: Vec<(&str, BTreeSet<Outcome>)> = spec.chain(sets).collect();
            for pair in sets.windows(2) {
                if pair[0].1 != pair[1].1 {
                    let (one, other) = (pair[0].0, pair[1].0);
                    wrongs.push(format!("one CPU, and {one} and {other} differ"));
                }
            }
        }
        wrongs
    }
}

impl Comparison {
    /// What the usual engine, the explorer, having ended by itself, should have shown too.
    fn beyond_the_explorer(&self) -> Vec<String> {
        let explorer = usual().name;
        let mut reports = self.reports.iter();
        let Some((_, all)) = reports.find(|(engine, _)| engine.name() == explorer) else {
            return Vec::new();
        };
        if all.search != Search::Complete {
            return Vec::new();
        }
        // What the host does not tell of an outcome may be as the explorer has it.
        let is_known = |outcome: &Outcome| all.outcomes.keys().any(|full| outcome.agrees(full));
        let beyond = |(engine, report): &(Arc<dyn Engine>, Report)| {
            let (engine, executions) = (engine.name(), report.executions);
            let missed = report.outcomes.iter();
            let missed = missed.filter(|(outcome, _)| !is_known(outcome));
            let told = |(outcome, count): (&Outcome, &u64)| {
                let times = plural(*count, "time");
                format!(
                    "{engine} shows `{outcome}` ({times} in {}), and the {explorer}, which was \
                     complete, does not",
                    grouped(executions)
                )
            };
            missed.map(told).collect::<Vec<_>>()
        };
        self.reports.iter().flat_map(beyond).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::{Explorer, Kind, Linux, Native};
    use crate::litmus::ast::Value;

    fn engines() -> [Arc<dyn Engine>; 3] {
        [
            Arc::new(Explorer::default()),
            Arc::new(Native::default()),
            Arc::new(Linux::default()),
        ]
    }

    fn outcome(value: u64) -> Outcome {
        Outcome {
            regs: BTreeMap::from([((0, "r0".to_owned()), Value::Word(value))]),
            ..Outcome::default()
        }
    }

    /// What each of the subjects shows of a test whose specification allows all of it.
    fn comparison(search: Search, shows: [&[u64]; 3]) -> Comparison {
        let report = |(engine, values): (Arc<dyn Engine>, &[u64])| {
            let search = match engine.kind() {
                Kind::Exhaustive => search,
                _ => Search::Sampled,
            };
            let report = Report {
                outcomes: values.iter().map(|value| (outcome(*value), 1)).collect(),
                executions: 7,
                ..Report::empty(search)
            };
            (engine, report)
        };
        Comparison {
            allowed: Ok((0..5).map(outcome).collect()),
            reports: engines().into_iter().zip(shows).map(report).collect(),
            without: BTreeMap::new(),
        }
    }

    fn shown(comparison: &Comparison) -> (String, bool) {
        let text = "MM t { page A; mmap A rw; } P0 { r0 = read A; } P1 { write A 1; } exists (A=1)";
        let test = Test {
            path: "t.litmus".into(),
            label: "t".to_owned(),
            text: text.to_owned(),
            program: crate::litmus::parse("t.litmus", text).expect("a test"),
        };
        let terminal = Terminal {
            color: false,
            width: 80,
        };
        comparison.show(&test, terminal)
    }

    #[test]
    fn what_a_complete_search_has_not_shown_is_wrong() {
        let (text, fine) = shown(&comparison(Search::Complete, [&[0, 1], &[0], &[1]]));
        assert!(fine, "{text}");
        for (who, shows) in [
            ("linux", [&[0, 1][..], &[0], &[1, 3]]),
            ("native", [&[0, 1], &[3, 0], &[1]]),
        ] {
            let (text, fine) = shown(&comparison(Search::Complete, shows));
            assert!(!fine, "{text}");
            let line = format!("  NOT COMPLETE: {who} shows `0:r0=3;` (1 time in 7)");
            assert!(text.contains(&line), "{text}");
        }
    }

    #[test]
    fn what_is_left_open_may_be_as_the_explorer_has_it() {
        let mut of_two = comparison(Search::Complete, [&[0], &[0], &[0]]);
        let page = (
            PageProperty::Dirty,
            crate::litmus::ast::Place {
                name: "A".to_owned(),
                index: None,
            },
        );
        let explorer = &mut of_two.reports[0].1.outcomes;
        let mut full = outcome(0);
        full.pages.insert(page, true);
        *explorer = BTreeMap::from([(full, 1)]);
        of_two.reports.remove(1);
        assert_eq!(of_two.beyond_the_explorer(), Vec::<String>::new());
    }

    #[test]
    fn a_search_that_was_stopped_has_promised_nothing() {
        let stopped = comparison(Search::Unfinished, [&[0], &[0], &[1]]);
        assert_eq!(stopped.beyond_the_explorer(), Vec::<String>::new());
    }
}
