//! Every preset, every single choice and every quirk, over a corpus: which test is red for which.
//!
//! A column is one [`Deviation`], made over what a test's file says, as `check --with` and
//! `check --quirk` do it. Presets and choices are sound, but where a test's file says what one breaks, so that a test that
//! is red under one is *unexplained*: core is wrong there, or the test is. Three things explain it:
//! - the test is a canary, which must fail;
//! - its file has a `broken by` line of that choice alone, which names what is wrong;
//! - its condition fails, and its file makes that choice otherwise: what the condition says is said
//!   of the choice of the file. (An invariant that is violated is not explained by that.)
//!
//! A quirk is wrong, and some test should be red; where none is, it is *masked*: nothing looked at
//! it, or what looked at it shows nothing.

use std::fmt;

use seqfault_core::{CHOICES, Protocol, Quirk};

use crate::cli::Test;
use crate::engines::{Search, Violated};
use crate::scenario::{Deviations, Scenario};
use crate::verdict::{self, Request};

/// What a column changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// All the choices of a preset: its value of `protocol`.
    Preset(&'static str),
    /// One choice: its name and value.
    Choice(&'static str, &'static str),
    /// A quirk.
    Quirk(Quirk),
}

impl Deviation {
    /// Every preset, then every choice that a test does not make by saying nothing.
    pub fn sound() -> Vec<Deviation> {
        let usual = Protocol::default();
        let mut all = Vec::new();
        for (choice, (_, usual)) in CHOICES.iter().zip(usual.choices()) {
            for value in choice.values {
                if choice.name == PRESET {
                    all.push(Deviation::Preset(value.name));
                } else if value != usual {
                    all.push(Deviation::Choice(choice.name, value.name));
                }
            }
        }
        all
    }

    /// Every quirk.
    pub fn quirks() -> Vec<Deviation> {
        Quirk::ALL.iter().map(|q| Deviation::Quirk(*q)).collect()
    }

    /// Whether a sound core stays sound with it.
    pub const fn is_sound(self) -> bool {
        !matches!(self, Deviation::Quirk(_))
    }

    /// As a test is asked to make it.
    pub fn deviations(self) -> Deviations {
        let choice = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        match self {
            Deviation::Preset(value) => Deviations {
                choices: choice(PRESET, value),
                quirks: Vec::new(),
            },
            Deviation::Choice(name, value) => Deviations {
                choices: choice(name, value),
                quirks: Vec::new(),
            },
            Deviation::Quirk(quirk) => Deviations {
                choices: Vec::new(),
                quirks: vec![quirk],
            },
        }
    }

    /// `preset`, `choice` or `quirk`.
    pub const fn kind(self) -> &'static str {
        match self {
            Deviation::Preset(_) => "preset",
            Deviation::Choice(..) => "choice",
            Deviation::Quirk(_) => "quirk",
        }
    }
}

/// The choice whose values are presets.
const PRESET: &str = "protocol";

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Deviation::Preset(value) => write!(f, "{PRESET}={value}"),
            Deviation::Choice(name, value) => write!(f, "{name}={value}"),
            Deviation::Quirk(quirk) => write!(f, "{quirk}"),
        }
    }
}

/// What a test is in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// As it is by itself: its file says the same.
    Same,
    /// All of it was searched, and nothing is wrong.
    Green {
        /// Whether some step looked at what deviates.
        looked: bool,
    },
    /// Something is wrong.
    Red {
        /// An invariant, or `condition`.
        what: String,
        /// Why that says nothing about core; `None` if it does.
        explained: Option<&'static str>,
    },
    /// It conflicts with what the file says, or cannot be run.
    Skipped(String),
    /// The search was given up.
    Stopped,
    /// It was not run, or not to its end: an end was wanted.
    NotRun,
}

impl Cell {
    /// Whether it is red, and nothing explains it.
    pub fn is_unexplained(&self, deviation: Deviation) -> bool {
        deviation.is_sound()
            && matches!(
                self,
                Cell::Red {
                    explained: None,
                    ..
                }
            )
    }

    /// Runs `test` in the column of `deviation`, as `request` says, unless an end is wanted.
    pub fn of(test: &Test, deviation: Deviation, request: &Request) -> Cell {
        if request.control.is_interrupted() {
            return Cell::NotRun;
        }
        match Cell::searched(test, deviation, request) {
            Cell::Stopped if request.control.is_interrupted() => Cell::NotRun,
            cell => cell,
        }
    }

    fn searched(test: &Test, deviation: Deviation, request: &Request) -> Cell {
        let deviations = deviation.deviations();
        let plain = Scenario::new(&test.program, &Deviations::default());
        let deviant = match Scenario::new(&test.program, &deviations) {
            Ok(scenario) => scenario,
            Err(refusal) => return Cell::Skipped(refusal.message),
        };
        let protocol = deviant.config.protocol;
        let is_same = plain.is_ok_and(|plain| plain.config.protocol == protocol);
        if deviation.is_sound() && is_same {
            return Cell::Same;
        }
        let request = Request {
            deviations,
            broken_by: false,
            ..request.clone()
        };
        let verdict = match verdict::check(&test.program, &request) {
            Ok(verdict) => verdict,
            Err(refusal) => return Cell::Skipped(refusal.message),
        };
        if let Some(skipped) = verdict.skipped {
            return Cell::Skipped(skipped);
        }
        let run = verdict.run.as_ref();
        let failure = verdict.failure().map(|failure| failure.violated);
        let problem = run.and_then(|run| run.report.problem.clone());
        let is_over = run.is_some_and(|run| run.report.search == Search::Complete);
        let what = match (failure, problem) {
            (Some(violated), _) => violated.to_string(),
            (None, Some(problem)) => problem,
            (None, None) if !is_over => return Cell::Stopped,
            (None, None) if !verdict.is_ok() => Violated::Condition.to_string(),
            (None, None) => {
                let unlooked = run.map(|run| run.never_looked_at()).unwrap_or_default();
                let looked = !unlooked.contains(&deviation.to_string());
                return Cell::Green { looked };
            }
        };
        let is_condition = what == Violated::Condition.to_string();
        let explained = if test.is_canary() {
            Some("a canary, which must fail")
        } else if is_recorded(test, deviation, &what) {
            Some("the file says that this choice breaks it so")
        } else if is_condition && makes_otherwise(test, &protocol) {
            Some("the file makes this choice otherwise")
        } else {
            None
        };
        Cell::Red { what, explained }
    }
}

/// Whether a `broken by` line says that `deviation` alone breaks `test` like this.
fn is_recorded(test: &Test, deviation: Deviation, what: &str) -> bool {
    let item = deviation.to_string();
    let mut lines = test.program.broken_by.iter();
    lines.any(|line| {
        line.what == what && matches!(line.items.as_slice(), [only] if only.to_string() == item)
    })
}

/// Whether the file makes a choice that `protocol` makes otherwise.
fn makes_otherwise(test: &Test, protocol: &Protocol) -> bool {
    let mut with = test.program.with.iter();
    with.any(|made| {
        let mut choices = protocol.choices();
        !choices.any(|(name, value)| name == made.key && value.name == made.value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_choice_is_a_column_or_the_usual_one() {
        let columns: Vec<String> = Deviation::sound().iter().map(ToString::to_string).collect();
        for (choice, (_, usual)) in CHOICES.iter().zip(Protocol::default().choices()) {
            for value in choice.values {
                let is_column = columns.contains(&format!("{}={}", choice.name, value.name));
                let is_usual = value == usual && choice.name != PRESET;
                assert!(is_column != is_usual, "{}={}", choice.name, value.name);
            }
        }
        assert_eq!(Deviation::quirks().len(), Quirk::ALL.len());
    }

    #[test]
    fn what_only_a_quirk_does_is_not_unexplained() {
        let red = |explained| Cell::Red {
            what: "stale-tlb".to_owned(),
            explained,
        };
        let choice = Deviation::Choice("flush", "relaxed");
        assert!(red(None).is_unexplained(choice));
        assert!(!red(Some("a canary, which must fail")).is_unexplained(choice));
        assert!(!red(None).is_unexplained(Deviation::Quirk(Quirk::ALL[0])));
        assert!(!Cell::Stopped.is_unexplained(choice));
        assert!(!Cell::NotRun.is_unexplained(choice));
    }
}
