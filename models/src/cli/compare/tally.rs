//! What an engine showed of all tests, in a line.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::shown;
use crate::cli::{Color, Terminal};
use crate::engines::{Engine, Kind, Report, Search};
use crate::litmus::ast::{Condition, Outcome};
use crate::verdict::{plural, without_counts};

/// What one engine showed of all tests.
pub(super) struct Tally {
    pub engine: Arc<dyn Engine>,
    tests: u64,
    seen: usize,
    /// Allowed outcomes that may have been seen: the engine does not tell all of them.
    open: usize,
    allowed: usize,
    beyond: usize,
    executions: u64,
    complete: usize,
    bounded: usize,
}

impl Tally {
    pub fn of(engine: &Arc<dyn Engine>) -> Tally {
        Tally {
            engine: engine.clone(),
            tests: 0,
            seen: 0,
            open: 0,
            allowed: 0,
            beyond: 0,
            executions: 0,
            complete: 0,
            bounded: 0,
        }
    }

    /// Adds what it showed of a test with this condition.
    pub fn add(
        &mut self,
        report: &Report,
        allowed: &Result<BTreeSet<Outcome>, String>,
        condition: &Condition,
    ) {
        self.tests += 1;
        self.executions += report.executions;
        match report.search {
            Search::Complete if report.limits.is_empty() => self.complete += 1,
            Search::Complete | Search::Bounded(_) => self.bounded += 1,
            Search::Sampled | Search::Part(_) | Search::Unfinished => {}
        }
        let Ok(allowed) = allowed else { return };
        let atoms = condition.atoms();
        let is_told = |outcome: &&Outcome| atoms.iter().all(|atom| atom.is_known(outcome));
        let told = report.outcomes.keys().filter(is_told);
        let told: BTreeSet<Outcome> = told.map(without_counts).collect();
        let shown = shown(report);
        let may_be = |full: &Outcome| shown.keys().any(|outcome| outcome.agrees(full));
        let is_beyond = |outcome: &&Outcome| !allowed.iter().any(|full| outcome.agrees(full));
        self.allowed += allowed.len();
        self.beyond += shown.keys().filter(is_beyond).count();
        for full in allowed {
            match told.contains(full) {
                true => self.seen += 1,
                false => self.open += usize::from(may_be(full)),
            }
        }
    }

    /// All of it in a line.
    pub fn line(&self, terminal: Terminal) -> String {
        let beyond = format!("{} beyond the specification", self.beyond);
        let beyond = if self.beyond > 0 {
            terminal.paint(Color::Red, &beyond)
        } else {
            beyond
        };
        let open = match self.open {
            0 => String::new(),
            open => format!(", {open} left open"),
        };
        let mut line = format!(
            "{:<9} {}, {} of {} allowed outcomes seen{open}, {beyond}, {}",
            format!("{}:", self.engine.name()),
            plural(self.tests, "test"),
            self.seen,
            self.allowed,
            plural(self.executions, "execution")
        );
        if self.engine.kind() == Kind::Exhaustive {
            line += &format!(", {} complete, {} bounded", self.complete, self.bounded);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::Linux;
    use crate::litmus::ast::Value;

    /// What the host's kernel showed of a test with this condition, of which the specification
    /// allows `r0` to be 0 or 1, each with the page property that the condition asks for, or
    /// without it.
    fn line(condition: &str) -> String {
        let text = format!(
            "MM t {{ page A; mmap A rw; }} P0 {{ r0 = read A; }} P1 {{ write A 1; }} {condition}"
        );
        let program = crate::litmus::parse("t.litmus", &text).expect("a test");
        let shown = |value| Outcome {
            regs: [((0, "r0".to_owned()), Value::Word(value))].into(),
            ..Outcome::default()
        };
        let mut allowed = BTreeSet::new();
        for value in [0, 1] {
            let mut outcomes = vec![shown(value)];
            for page in program.condition.pages() {
                let both = [true, false].map(|holds| {
                    let mut outcome = shown(value);
                    outcome.pages.insert(page.clone(), holds);
                    outcome
                });
                outcomes = both.into();
            }
            allowed.extend(outcomes);
        }
        let report = Report {
            outcomes: [(shown(0), 5), (shown(1), 2)].into(),
            executions: 7,
            ..Report::empty(Search::Sampled)
        };
        let engine: Arc<dyn Engine> = Arc::new(Linux::default());
        let mut tally = Tally::of(&engine);
        tally.add(&report, &Ok(allowed), &program.condition);
        let terminal = Terminal {
            color: false,
            width: 80,
        };
        tally.line(terminal)
    }

    #[test]
    fn what_was_not_told_was_not_seen() {
        let seen = |condition| {
            let line = line(condition);
            let (_, seen) = line.split_once("1 test, ").expect("what was seen");
            seen.split_once(", 0 beyond")
                .expect("the rest")
                .0
                .to_owned()
        };
        assert_eq!(seen("exists (0:r0=1)"), "2 of 2 allowed outcomes seen");
        for (condition, allowed) in [
            ("exists (writable(A))", 4),
            ("forall (0:r0=0 \\/ dirty(A))", 4),
            ("~exists (count(faults)>=1)", 2),
        ] {
            let left = format!("0 of {allowed} allowed outcomes seen, {allowed} left open");
            assert_eq!(seen(condition), left, "{condition}");
        }
    }
}
