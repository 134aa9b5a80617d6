//! What the sanitizer costs: the seeds of each target, run with it and without.
//!
//! Both programs run the same inputs, and nothing is fuzzed. The one without has no counters
//! of coverage either; it is what `cargo run -p seqfault-fuzz` runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::build::{self, Build};
use super::child;

/// How long a measurement is to take.
const SECONDS: f64 = 3.0;
/// How long one may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A line for each target: executions per second with and without.
pub fn measure(root: &Path, build: &Build, targets: &[&str]) -> Vec<String> {
    let rates = targets.iter().map(|name| {
        let seeds = root.join("fuzz/seeds").join(name);
        let rates = with(&build.program(name), &seeds)
            .and_then(|with| Ok((with, without(root, name, &seeds)?)));
        match rates {
            Ok((with, without)) => line(name, with, without),
            Err(error) => format!("{name}: not measured: {error}"),
        }
    });
    rates.collect()
}

fn line(name: &str, with: f64, without: f64) -> String {
    format!(
        "{name}: its seeds at {with:.0} executions per second with AddressSanitizer and coverage, \
         at {without:.0} without ({:.0} times).",
        without / with.max(0.001)
    )
}

/// The rate of a program of libFuzzer that runs each file of a folder some times.
fn with(program: &Path, seeds: &Path) -> Result<f64, String> {
    let entries = std::fs::read_dir(seeds).map_err(|e| format!("{}: {e}", seeds.display()))?;
    let files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let run = |rounds: u64| -> Result<f64, String> {
        let mut command = Command::new(program);
        command.args(&files).arg(format!("-runs={rounds}"));
        let start = Instant::now();
        call(&command)?;
        Ok(start.elapsed().as_secs_f64().max(0.001))
    };
    let rounds = (SECONDS / run(1)?).ceil().max(1.0) as u64;
    Ok((files.len() as u64 * rounds) as f64 / run(rounds)?)
}

/// The rate of the program that is no fuzzer.
fn without(root: &Path, name: &str, seeds: &Path) -> Result<f64, String> {
    let mut command = build::cargo(root);
    let run = ["run", "--quiet", "--release", "-p", "seqfault-fuzz"];
    command.args(run).args(["--bin", name, "--", "--bench"]);
    let output = command.arg(seeds).stderr(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    rate(&text).ok_or_else(|| format!("`--bench` said {text:?}"))
}

/// `… executions in 5.00 s: 1234 per second`
fn rate(text: &str) -> Option<f64> {
    let (_, rest) = text.lines().next()?.rsplit_once(": ")?;
    rest.strip_suffix(" per second")?.parse().ok()
}

fn call(command: &Command) -> Result<(), String> {
    let mut bound = child::bound(command);
    bound.stdin(Stdio::null()).stdout(Stdio::null());
    let child = bound.stderr(Stdio::null()).spawn();
    let ended = child.and_then(|child| child::wait(child, PATIENCE));
    match ended.map_err(|error| error.to_string())?.status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("a seed ends with {status}")),
        None => Err(format!("the seeds take more than {} s", PATIENCE.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_and_compared() {
        let text = "5000 executions in 5.00 s: 1000 per second\n4.90 s of them on a CPU: 1020 per \
                    second\n";
        assert_eq!(rate(text), Some(1000.0));
        assert_eq!(rate("error: no file\n"), None);
        let line = line("mm_ops", 680.0, 51_000.0);
        assert!(line.contains("at 680 executions per second"), "{line}");
        assert!(line.ends_with("at 51000 without (75 times)."), "{line}");
    }
}
