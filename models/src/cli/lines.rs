//! A verdict in one line, and all of them in one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Color, Terminal, Test};
use crate::engines::{Bound, Search};
use crate::verdict::{Broken, Found, Ruling, Run, Verdict, grouped, plural};

/// The longest label that the others are aligned to.
const LABEL: usize = 48;

/// How a test stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As expected.
    Fine,
    /// Not as expected.
    Wrong,
    /// Not known: a search was stopped, or could not begin.
    Unknown,
    /// Not run.
    Skipped,
}

/// How `test` stands with this verdict: a canary must fail by itself.
pub(super) fn standing(test: &Test, verdict: &Verdict) -> Standing {
    if verdict.skipped.is_some() {
        return Standing::Skipped;
    }
    let answer = verdict.ruling();
    if !test.is_canary() {
        return match answer {
            _ if verdict.is_ok() => Standing::Fine,
            Ruling::Unknown => Standing::Unknown,
            Ruling::Ok | Ruling::No => Standing::Wrong,
        };
    }
    let not_all = |run: &Run| matches!(run.report.search, Search::Sampled | Search::Part(_));
    match answer {
        _ if verdict.fails_by_itself() => Standing::Fine,
        // Some of the executions need not find out that it is false.
        _ if verdict.is_ok() && verdict.run.as_ref().is_some_and(not_all) => Standing::Skipped,
        Ruling::Unknown => Standing::Unknown,
        Ruling::Ok | Ruling::No => Standing::Wrong,
    }
}

/// What is said of a canary that stands so.
pub(super) const fn of_canary(standing: Standing) -> &'static str {
    match standing {
        Standing::Fine => "the canary fails, as it must",
        Standing::Wrong => "the canary, which must fail, passes",
        Standing::Unknown => "the canary was not caught before the end of the search",
        Standing::Skipped => "was not caught by these executions, or not run",
    }
}

/// The width of the labels' column.
pub(super) fn label_width(tests: &[Test]) -> usize {
    let longest = tests.iter().map(|test| test.label.chars().count()).max();
    longest.unwrap_or(0).min(LABEL)
}

/// One test's line.
pub(super) fn line(test: &Test, verdict: &Verdict, width: usize, terminal: Terminal) -> String {
    let standing = standing(test, verdict);
    let word = match standing {
        Standing::Fine => terminal.paint(Color::Green, "ok  "),
        Standing::Wrong => terminal.paint(Color::Red, "FAIL"),
        Standing::Unknown => terminal.paint(Color::Yellow, "????"),
        Standing::Skipped => terminal.paint(Color::Yellow, "skip"),
    };
    let label = &test.label;
    if standing == Standing::Skipped && verdict.run.is_some() {
        return format!("{word}  {label:width$}  a canary that these executions did not catch");
    }
    if let Some(why) = &verdict.skipped {
        return format!("{word}  {label:width$}  {why}");
    }
    let mut line = format!("{word}  {label:width$}");
    if let Some(run) = &verdict.run {
        let search = match (run.search_word(), run.report.search) {
            ("bounded", Search::Bounded(Bound::Preemptions(most))) => format!("bounded {most}"),
            ("bounded", Search::Bounded(Bound::Revisits(most))) => format!("revisits={most}"),
            ("part", Search::Part(part)) => format!("shard {part}"),
            (word, _) => word.to_owned(),
        };
        line += &format!(
            "  {search:<9} {:>10} executions  {:>7}",
            grouped(run.report.executions),
            seconds(verdict.elapsed)
        );
    }
    if let Some((seen, allowed)) = verdict.run.as_ref().and_then(coverage) {
        let bits = verdict.run.as_ref().map_or(0.0, |run| run.report.entropy());
        line += &format!("  {seen}/{allowed} outcomes  {bits:.2} bits");
    }
    if !verdict.broken.is_empty() {
        line += &format!("  {}", broken(verdict));
    }
    if verdict.run.as_ref().is_some_and(Run::has_no_witness) {
        line += match run_search(verdict) {
            Some(Search::Part(_)) => "  witness not in this part",
            _ => "  no witness seen",
        };
    }
    if let Some(run) = verdict.run.as_ref().filter(|run| run.is_undecided()) {
        let open: Vec<String> = run.left_open().iter().map(ToString::to_string).collect();
        line += &format!("  not decided: left open are {}", open.join(", "));
    }
    let mut unlooked: BTreeSet<String> = BTreeSet::new();
    unlooked.extend(verdict.run.iter().flat_map(Run::never_looked_at));
    unlooked.extend(
        verdict
            .broken
            .iter()
            .flat_map(|b| b.never_looked_at.clone()),
    );
    if !unlooked.is_empty() {
        let unlooked = Vec::from_iter(unlooked);
        line += &format!("  never looked at: {}", unlooked.join(", "));
    }
    match (test.is_canary(), standing) {
        (true, Standing::Fine) => {
            let why = verdict.reasons.first().map_or("", |reason| reason);
            let what = why.split(':').next().unwrap_or_default();
            line += &format!("  canary fails, as it must: {what}");
        }
        (true, standing) => line += &format!("  {}", of_canary(standing)),
        (false, _) => {
            if let Some(reason) = verdict.reasons.first() {
                let more = verdict.reasons.len() - 1;
                line += &format!("  {}", short(reason));
                if more > 0 {
                    line += &format!(" (and {more} more)");
                }
            }
        }
    }
    line
}

fn run_search(verdict: &Verdict) -> Option<Search> {
    Some(verdict.run.as_ref()?.report.search)
}

/// How many of the allowed outcomes the host's kernel showed.
fn coverage(run: &Run) -> Option<(usize, usize)> {
    run.report.sample?;
    let allowed = run.allowed.as_ref().ok()?.len();
    Some((allowed - run.unseen().len(), allowed))
}

/// The start of a reason, which is told in full below.
fn short(reason: &str) -> String {
    const LONGEST: usize = 60;
    match reason.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &reason[..end]),
        None => reason.to_owned(),
    }
}

/// "broken: 2/3, 1 n/a"
fn broken(verdict: &Verdict) -> String {
    let all = &verdict.broken;
    let confirmed = all.iter().filter(|b| b.is_confirmed()).count();
    let mut words = format!("broken: {confirmed}/{}", all.len());
    let counts = [
        (
            "missed by loom",
            all.iter()
                .filter(|b| matches!(b.found, Found::NotFound(_)) && b.excused.is_some())
                .count(),
        ),
        ("not found", all.iter().filter(|b| is_missing(b)).count()),
        (
            "not in this part",
            all.iter()
                .filter(|b| matches!(b.found, Found::NotFound(Search::Part(_))))
                .count(),
        ),
        (
            "n/a",
            all.iter()
                .filter(|b| matches!(b.found, Found::NotApplicable(_)))
                .count(),
        ),
    ];
    for (what, count) in counts {
        if count > 0 {
            words += &format!(", {count} {what}");
        }
    }
    words
}

/// Whether a search that would have to find it did not.
fn is_missing(broken: &Broken) -> bool {
    let is_part = matches!(broken.found, Found::NotFound(Search::Part(_)));
    matches!(broken.found, Found::NotFound(_)) && broken.excused.is_none() && !is_part
}

/// A duration in seconds.
pub(super) fn seconds(elapsed: Duration) -> String {
    format!("{:.2} s", elapsed.as_secs_f64())
}

/// What all tests amount to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    tests: usize,
    expected: usize,
    complete: usize,
    bounded: usize,
    sampled: usize,
    parts: usize,
    unknown: usize,
    skipped: usize,
    executions: u64,
    /// Of the host's kernel: outcomes that were seen, of those that are allowed.
    coverage: Option<(usize, usize)>,
}

impl Summary {
    /// Counts one test.
    pub fn add(&mut self, test: &Test, verdict: &Verdict) {
        self.tests += 1;
        match standing(test, verdict) {
            Standing::Fine => self.expected += 1,
            Standing::Skipped => self.skipped += 1,
            Standing::Unknown => self.unknown += 1,
            Standing::Wrong => {}
        }
        if let Some(run) = &verdict.run {
            match run.report.search {
                Search::Complete if run.report.limits.is_empty() => self.complete += 1,
                Search::Complete | Search::Bounded(_) => self.bounded += 1,
                Search::Sampled => self.sampled += 1,
                Search::Part(_) => self.parts += 1,
                Search::Unfinished => {}
            }
            self.executions += run.report.executions;
            if let Some((seen, allowed)) = coverage(run) {
                let sum = self.coverage.get_or_insert((0, 0));
                *sum = (sum.0 + seen, sum.1 + allowed);
            }
        }
        self.executions += verdict.broken.iter().map(|b| b.executions).sum::<u64>();
    }

    /// Whether nothing is wrong or unknown, and something was run.
    pub fn is_fine(&self) -> bool {
        self.expected + self.skipped == self.tests && !self.is_empty()
    }

    /// Whether nothing was run.
    pub fn is_empty(&self) -> bool {
        self.skipped == self.tests
    }

    /// "40 tests, 39 as expected, …"
    pub fn line(&self, elapsed: Duration, terminal: Terminal) -> String {
        let mut parts = vec![
            plural(self.tests as u64, "test"),
            format!("{} as expected", self.expected),
        ];
        let wrong = self.tests - self.expected - self.unknown - self.skipped;
        if wrong > 0 {
            parts.push(terminal.paint(Color::Red, &format!("{wrong} not")));
        }
        if self.unknown > 0 {
            parts.push(terminal.paint(Color::Yellow, &format!("{} unknown", self.unknown)));
        }
        parts.push(format!("{} complete", self.complete));
        parts.push(format!("{} bounded", self.bounded));
        if self.sampled > 0 {
            parts.push(format!("{} sampled", self.sampled));
        }
        if self.parts > 0 {
            parts.push(format!("{} in part", self.parts));
        }
        parts.push(format!("{} skipped", self.skipped));
        parts.push(plural(self.executions, "execution"));
        if let Some((seen, allowed)) = self.coverage {
            parts.push(format!("{seen} of {allowed} allowed outcomes seen"));
        }
        parts.push(seconds(elapsed));
        parts.join(", ")
    }
}
