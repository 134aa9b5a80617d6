//! Running lanes: their output goes to a file each, its end is shown when they are red.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

use crate::lanes::{Lane, Suite};
use crate::report::{FOLDER, LaneReport, Outcome, Report};

/// Lines of output that are shown of a red lane.
const LINES: usize = 40;

/// Runs lanes in the workspace.
pub struct Runner {
    root: PathBuf,
    host: String,
    /// Where this run's random choices start.
    seed: String,
}

impl Runner {
    /// For the workspace at `root`.
    pub fn new(root: &Path) -> Runner {
        Runner {
            root: root.to_owned(),
            host: host(),
            seed: seed(),
        }
    }

    /// `text` of a lane with what this run puts in it.
    fn filled(&self, text: &str) -> String {
        text.replace("{host}", &self.host)
            .replace("{seed}", &self.seed)
    }

    /// The environment variables of `lane`.
    fn env(&self, lane: &Lane) -> Vec<(&'static str, String)> {
        let env = lane.env.iter();
        env.map(|(name, value)| (*name, self.filled(value)))
            .collect()
    }

    /// Runs `lanes` in order, up to the first red one unless told to go on.
    pub fn lanes<'a>(
        &self,
        suite: Suite,
        lanes: impl Iterator<Item = &'a Lane>,
        keep_going: bool,
    ) -> Report {
        let mut report = self.report(suite);
        let mut is_red = false;
        for lane in lanes {
            let command = self.filled(lane.command);
            let result = if is_red && !keep_going {
                self.not_run(lane, &command)
            } else {
                self.run(lane, &command)
            };
            is_red |= result.outcome != Outcome::Green;
            report.lanes.push(result);
            self.save(&report);
        }
        report
    }

    fn report(&self, suite: Suite) -> Report {
        Report {
            suite: suite.to_string(),
            lanes: Vec::new(),
        }
    }

    fn save(&self, report: &Report) {
        if let Err(error) = report.save(&self.root) {
            eprintln!("warning: the report is not kept: {error}");
        }
    }

    fn log(&self, lane: &Lane) -> PathBuf {
        Path::new(FOLDER).join(format!("{}.log", lane.name))
    }

    fn not_run(&self, lane: &Lane, command: &str) -> LaneReport {
        LaneReport {
            name: lane.name.to_owned(),
            outcome: Outcome::NotRun,
            seconds: 0.0,
            evidence: None,
            reproduce: reproduce(&self.env(lane), command),
            log: self.log(lane),
        }
    }

    fn run(&self, lane: &Lane, command: &str) -> LaneReport {
        eprintln!("{}: {}", lane.name, reproduce(&self.env(lane), command));
        let start = Instant::now();
        let (result, output) = self.execute(lane, command);
        let count = lane.evidence.count(&output);
        let outcome = match (result, count) {
            (Err(why), _) => Outcome::Red(why),
            (Ok(()), Some(0)) => Outcome::Red(format!("no {}", lane.evidence.noun())),
            (Ok(()), _) => Outcome::Green,
        };
        let report = LaneReport {
            outcome,
            seconds: start.elapsed().as_secs_f64(),
            evidence: count.map(|count| (lane.evidence, count)),
            ..self.not_run(lane, command)
        };
        if report.outcome != Outcome::Green {
            let lines: Vec<&str> = output.lines().collect();
            for line in &lines[lines.len().saturating_sub(LINES)..] {
                eprintln!("| {line}");
            }
            eprintln!("all of it: {}", report.log.display());
        }
        eprintln!("{report}");
        report
    }

    /// Runs the lane's command. `Err` says why it failed. Its output is
    /// returned, and kept in its log.
    fn execute(&self, lane: &Lane, command: &str) -> (Result<(), String>, String) {
        let log = self.root.join(self.log(lane));
        let result = fs::create_dir_all(self.root.join(FOLDER))
            .and_then(|()| folders(&self.root, command))
            .and_then(|()| File::create(&log))
            .and_then(|file| {
                let mut words = command.split_whitespace();
                let program = words.next().unwrap_or_default();
                let program = match program {
                    "cargo" => env::var_os("CARGO").unwrap_or_else(|| program.into()),
                    _ => program.into(),
                };
                let mut child = Command::new(program);
                for (name, _) in env::vars_os().filter(|(name, _)| is_of_this_run(name)) {
                    child.env_remove(name);
                }
                child
                    .args(words)
                    .envs(self.env(lane))
                    .current_dir(&self.root)
                    .stdin(Stdio::null())
                    .stdout(file.try_clone()?)
                    .stderr(file)
                    .status()
            });
        let output = fs::read(&log).unwrap_or_default();
        let result = match result {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(status.to_string()),
            Err(error) => Err(error.to_string()),
        };
        (result, String::from_utf8_lossy(&output).into_owned())
    }
}

/// Makes the folders that libFuzzer writes to, empty: with a seed it does the same each time.
fn folders(root: &Path, command: &str) -> std::io::Result<()> {
    let of_fuzzer = command
        .split_whitespace()
        .filter(|word| word.starts_with("target/ci/new/"));
    for folder in of_fuzzer.map(|folder| root.join(folder)) {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
    }
    Ok(())
}

/// Whether cargo set this variable for this program, which is not another's business.
pub fn is_of_this_run(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    let prefixes = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// The line to paste that runs the same command.
fn reproduce(env: &[(&str, String)], command: &str) -> String {
    let env = env.iter().map(|(name, value)| {
        if value.contains(' ') {
            format!("{name}=\"{value}\" ")
        } else {
            format!("{name}={value} ")
        }
    });
    let command: Vec<&str> = command.split_whitespace().collect();
    env.collect::<String>() + &command.join(" ")
}

/// A seed of random tests that differs from run to run.
fn seed() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().as_secs().to_string()
}

/// The host's target triple, as rustc names it.
pub fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap_or("x86_64-unknown-linux-gnu").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Evidence;

    fn lane(command: &'static str, evidence: Evidence) -> Lane {
        Lane {
            name: "self-test",
            suite: Suite::Pr,
            env: &[("A", "b c"), ("SEED", "{seed}")],
            command,
            evidence,
        }
    }

    fn outcome(command: &'static str, evidence: Evidence) -> Outcome {
        let runner = Runner::new(&crate::root());
        runner.run(&lane(command, evidence), command).outcome
    }

    /// One test, as they share a log.
    #[test]
    fn a_lane_that_does_nothing_is_red() {
        assert_eq!(outcome("true", Evidence::None), Outcome::Green);
        let none = Outcome::Red("no tests".to_owned());
        assert_eq!(outcome("true", Evidence::Tests), none);
        let failed = Outcome::Red("exit status: 1".to_owned());
        assert_eq!(outcome("false", Evidence::None), failed);
        let missing = outcome("no-such-program-anywhere", Evidence::None);
        assert!(matches!(missing, Outcome::Red(_)));
        let said = "echo test result: ok. 1 passed;";
        assert_eq!(outcome(said, Evidence::Tests), Outcome::Green);
    }

    #[test]
    fn the_line_to_paste_has_the_environment() {
        let mut runner = Runner::new(&crate::root());
        runner.seed = "7".to_owned();
        let lane = lane("cargo  test", Evidence::None);
        let line = reproduce(&runner.env(&lane), lane.command);
        assert_eq!(line, "A=\"b c\" SEED=7 cargo test");
    }
}
