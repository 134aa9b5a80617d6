//! `seqfault knobs`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seqfault_core::{CHOICES, Protocol, Quirk};

use super::arguments::Knobs;
use super::{Test, Trouble, collect, say};
use crate::litmus::ast::{Choice, Item};
use crate::scenario::Deviations;

/// Where proofs are, unless the user says so.
const PROOFS: &str = "proofs";
/// Columns of the text.
const WIDTH: usize = 100;

/// Lists choices and quirks.
pub(super) fn run(command: &Knobs) -> Result<bool, Trouble> {
    let tests = match &command.proofs {
        Some(folder) => {
            collect(std::slice::from_ref(folder), &Deviations::default()).map_err(Trouble::Files)?
        }
        None if Path::new(PROOFS).is_dir() => {
            collect(&[PathBuf::from(PROOFS)], &Deviations::default()).unwrap_or_default()
        }
        None => Vec::new(),
    };
    say(list(&tests).trim_end());
    Ok(true)
}

/// The names of the proofs that use each choice's value and each quirk.
#[derive(Default)]
struct Uses(BTreeMap<String, Vec<String>>);

impl Uses {
    fn of(tests: &[Test]) -> Uses {
        let mut uses = Uses::default();
        for test in tests {
            for choice in &test.program.with {
                uses.add(&written(choice), test);
            }
            for item in test.program.broken_by.iter().flat_map(|line| &line.items) {
                match item {
                    Item::Quirk(name, _) => uses.add(name, test),
                    Item::Choice(choice) => uses.add(&written(choice), test),
                }
            }
        }
        uses
    }

    fn add(&mut self, knob: &str, test: &Test) {
        let tests = self.0.entry(knob.to_owned()).or_default();
        if !tests.contains(&test.label) {
            tests.push(test.label.clone());
        }
    }

    fn line(&self, knob: &str, indent: &str) -> String {
        match self.0.get(knob) {
            Some(tests) => wrapped(&format!("proofs: {}", tests.join(", ")), indent),
            None => String::new(),
        }
    }
}

fn written(choice: &Choice) -> String {
    format!("{}={}", choice.key, choice.value)
}

fn list(tests: &[Test]) -> String {
    let uses = Uses::of(tests);
    let mut out = String::new();
    out += "Choices: each is sound. A test makes one with `with CHOICE=VALUE`, the command line\n";
    out += "with `--with CHOICE=VALUE`. A test that makes none has those with a *.\n";
    let default = Protocol::default();
    for choice in CHOICES {
        out += &format!("\n{}: {}\n", choice.name, choice.summary);
        for value in choice.values {
            let is_default = default
                .choices()
                .any(|(name, v)| name == choice.name && v.name == value.name);
            let star = if is_default { "*" } else { " " };
            out += &format!("{star} {}={}\n", choice.name, value.name);
            out += &wrapped(value.summary, "      ");
            out += &wrapped(&format!("source: {}", value.source), "      ");
            out += &uses.line(&format!("{}={}", choice.name, value.name), "      ");
        }
    }
    out +=
        "\nQuirks: each is a deviation known to be wrong. A test names them in `broken by`, the\n";
    out += "command line in `--quirk`.\n\n";
    for quirk in Quirk::ALL {
        out += &format!("  {quirk}\n");
        out += &wrapped(quirk.summary(), "      ");
        out += &wrapped(&format!("source: {}", quirk.source()), "      ");
        out += &uses.line(quirk.name(), "      ");
    }
    out
}

/// `text` in lines of limited width, each indented.
fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut line = indent.to_owned();
    for word in text.split_whitespace() {
        let begun = line.len() > indent.len();
        if begun && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out += &line;
            out.push('\n');
            line = indent.to_owned();
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line += word;
    }
    out + &line + "\n"
}
