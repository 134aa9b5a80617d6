//! Inputs on a core with a quirk turned on: what a finding would look like.
//!
//! A right core never runs the lines that report a violation, nor those of a
//! deviation. This is how the inputs of a corpus reach them.

use seqfault_core::{Quirk, Quirks};
use seqfault_models::engines::{Judge, Order, driven};
use seqfault_models::spec::Rules;
use seqfault_models::timeline::counterexample;

use crate::program_schedule::{self, judge};
use crate::{case, program_search, targets::Target};

/// Columns of a counterexample.
const WIDTH: usize = 120;

/// Runs an input of a target once.
pub type Deviant = fn(&[u8], Quirk) -> Option<String>;

/// How inputs of `target` run on a core that deviates: `None` if no core runs them.
pub fn of(target: &Target) -> Option<Deviant> {
    match target.name {
        "mm_ops" => Some(sequence),
        "program_schedule" => Some(program),
        "program_search" => Some(search),
        _ => None,
    }
}

/// What a sequence of operations shows on a core with `quirk`, if it shows anything.
fn sequence(data: &[u8], quirk: Quirk) -> Option<String> {
    let mut case = case(data);
    case.core.quirks = Quirks::NONE.with(quirk);
    let difference = case.check(&Rules::default()).err()?;
    Some(difference.to_string())
}

/// What a search shows on a core with `quirk`, if it shows anything.
fn search(data: &[u8], quirk: Quirk) -> Option<String> {
    let quirks = Quirks::NONE.with(quirk);
    let finding = program_search::run_input(data, quirks, &Rules::default()).err()?;
    Some(finding.to_string())
}

/// What a program shows under its schedule, with all that led to it.
fn program(data: &[u8], quirk: Quirk) -> Option<String> {
    let plan = program_schedule::plan(data, Quirks::NONE.with(quirk));
    let scenario = plan.scenario();
    let report = driven::run(&scenario, &plan.schedule, &Judge::default());
    let finding = judge(&plan, &Rules::default(), &report).err()?;
    let mut text = finding.to_string();
    if let Some(failure) = &report.failure {
        text += &counterexample(&scenario, failure, Order::Coherent, WIDTH);
    }
    Some(text)
}
