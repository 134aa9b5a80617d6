//! Makes regressions of a folder of crash inputs.
//!
//! `triage DIR [--target NAME] [--tests DIR] [--inputs DIR]`: the target is by
//! default the folder's name. Exit 0: no input shows a finding; 1: some do; 2: bad usage.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use seqfault_core::Quirks;
use seqfault_fuzz::triage::{Request, triage};
use seqfault_fuzz::{TARGETS, folder, target};
use seqfault_models::spec::Rules;

const USAGE: &str = "triage DIR [--target NAME] [--tests DIR] [--inputs DIR]";

fn main() -> ExitCode {
    match run() {
        Ok(found) if found => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let mut inputs_of = None;
    let [mut name, mut tests, mut inputs] = [const { None }; 3];
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let slot = match &*argument {
            "--target" => &mut name,
            "--tests" => &mut tests,
            "--inputs" => &mut inputs,
            option if option.starts_with('-') => {
                return Err(format!("no option is named {option}: {USAGE}"));
            }
            _ if inputs_of.is_none() => {
                inputs_of = Some(PathBuf::from(argument));
                continue;
            }
            _ => return Err(format!("one folder at a time: {USAGE}")),
        };
        *slot = Some(
            arguments
                .next()
                .ok_or(format!("{argument} takes a value: {USAGE}"))?,
        );
    }
    let crashes = inputs_of.ok_or(USAGE)?;
    let name = match name {
        Some(name) => name,
        None => {
            let name = crashes.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        }
    };
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let target = target(&name).ok_or(format!(
        "no target is named `{name}`: --target is one of {}",
        names.join(", ")
    ))?;
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proofs/found");
    let request = Request {
        target,
        tests: tests.map_or(found, PathBuf::from),
        inputs: inputs.map_or_else(|| folder("crashes", target.name), PathBuf::from),
        quirks: Quirks::NONE,
        rules: Rules::default(),
        wrong: None,
    };
    // A finding is a panic, which is no news here.
    std::panic::set_hook(Box::new(|_| {}));
    let triage = triage(&crashes, &request)?;
    for path in &triage.fine {
        println!(
            "NOT REPRODUCED {}: it shows nothing here, without a sanitizer",
            path.display()
        );
    }
    for group in &triage.groups {
        let known = if group.is_known { "known" } else { "new" };
        println!("{known:<6} {}: {}", group.file.display(), group.summary);
        for input in &group.inputs {
            println!("       {}", input.display());
        }
    }
    Ok(!triage.groups.is_empty())
}
