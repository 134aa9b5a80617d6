//! A target's program where libFuzzer is not linked in: it replays inputs, and
//! measures how fast they run.
//!
//! ```text
//! mm_ops FILE…             runs each file; a finding is a panic
//! mm_ops --bench DIR [N]   runs all files of DIR N times over (default: for
//!                          some seconds), and tells executions per second
//! ```

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::folder::files;
use crate::targets::{Target, target};

/// How long a measurement takes if no number of rounds is given.
const BENCH: Duration = Duration::from_secs(5);

/// The program of the target `name`, with the process's arguments.
pub fn main(name: &str) -> ExitCode {
    let Some(target) = target(name) else {
        return usage(&format!("no target is named `{name}`"));
    };
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        None => usage(&format!("{name} FILE… or {name} --bench DIR [ROUNDS]")),
        Some("--bench") => bench(target, &arguments[1..]),
        Some(_) => replay(target, arguments.iter().map(PathBuf::from)),
    }
}

fn usage(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(2)
}

fn replay(target: &Target, paths: impl Iterator<Item = PathBuf>) -> ExitCode {
    for path in paths {
        let data = match fs::read(&path) {
            Ok(data) => data,
            Err(error) => return usage(&format!("{}: {error}", path.display())),
        };
        println!("{}: {} bytes", path.display(), data.len());
        (target.body)(&data);
    }
    ExitCode::SUCCESS
}

fn bench(target: &Target, arguments: &[OsString]) -> ExitCode {
    let (folder, rounds) = match arguments {
        [folder] => (folder, None),
        [folder, rounds] => match rounds.to_str().and_then(|n| n.parse::<u64>().ok()) {
            Some(rounds) => (folder, Some(rounds)),
            None => return usage("ROUNDS is a number"),
        },
        _ => return usage("--bench DIR [ROUNDS]"),
    };
    let inputs = files(Path::new(folder));
    if inputs.is_empty() {
        return usage(&format!("no file in {}", folder.display()));
    }
    let start = Instant::now();
    let mut executions = 0u64;
    for round in 0u64.. {
        if rounds.map_or(start.elapsed() > BENCH, |rounds| round >= rounds) {
            break;
        }
        for (_, data) in &inputs {
            (target.body)(data);
            executions += 1;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = executions as f64 / seconds;
    println!("{executions} executions in {seconds:.2} s: {rate:.0} per second");
    ExitCode::SUCCESS
}
