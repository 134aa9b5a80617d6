//! Running libFuzzer: a turn, a merge, the canary.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::build::Build;
use super::options::Target;
use super::turn::Turn;

/// Memory that a target may take, in megabytes.
const MEMORY_MB: u32 = 2048;
/// Seconds that one input may take.
const INPUT_SECONDS: u32 = 25;

/// What runs beside the targets: the proofs under random schedules.
pub const SCHEDULES: &str = "schedules";
/// Executions of each proof for a second of a turn.
const SCHEDULES_A_SECOND: u64 = 100;

/// Artifacts of libFuzzer that are findings. A `slow-unit` is none.
const FINDINGS: [&str; 4] = ["crash-", "timeout-", "oom-", "leak-"];

/// Runs the targets.
pub struct Fuzzer {
    /// The workspace.
    pub root: PathBuf,
    /// Where everything is kept.
    pub folder: PathBuf,
    /// The programs.
    pub build: Build,
}

impl Fuzzer {
    /// Where a target's artifacts go.
    pub fn crashes(&self, target: &str) -> PathBuf {
        self.folder.join("crashes").join(target)
    }

    fn corpus(&self, target: &str) -> PathBuf {
        self.root.join("fuzz/corpus").join(target)
    }

    fn seeds(&self, target: &str) -> PathBuf {
        self.root.join("fuzz/seeds").join(target)
    }

    /// Fuzzes `target` for `time`.
    pub fn turn(&self, target: &Target, time: Duration, seed: u64) -> Result<Turn, String> {
        let name = &target.name;
        if name == SCHEDULES {
            return self.schedules(time, seed);
        }
        let corpus = self.corpus(name);
        recover(&corpus)?;
        let crashes = self.crashes(name);
        make(&crashes)?;
        let before = artifacts(&crashes);
        let start = Instant::now();
        let mut command = Command::new(self.build.program(name));
        command
            .args(&target.options)
            .arg(format!("-max_total_time={}", time.as_secs().max(1)))
            .arg(format!("-seed={}", seed + 1))
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .arg(&corpus)
            .arg(self.seeds(name));
        let output = self.call(command, name)?;
        let mut turn = Turn::parse(&output);
        turn.target.clone_from(name);
        turn.seconds = start.elapsed().as_secs_f64();
        turn.findings = artifacts(&crashes).difference(&before).cloned().collect();
        if turn.executions == 0 && turn.findings.is_empty() {
            let log = self.log(name);
            return Err(format!("{name} ran nothing: {}", log.display()));
        }
        Ok(turn)
    }

    /// Runs every proof under random schedules, as many as the time allows, about.
    fn schedules(&self, time: Duration, seed: u64) -> Result<Turn, String> {
        let iterations = time.as_secs().saturating_mul(SCHEDULES_A_SECOND).max(200);
        let start = Instant::now();
        let mut command = super::build::cargo(&self.root);
        command
            .args([
                "run",
                "--quiet",
                "--release",
                "-p",
                "seqfault-models",
                "--",
                "check",
            ])
            .args(["proofs", "--engine", "shuttle", "--strategy", "pct"])
            .args(["--seed", &seed.to_string()])
            .args(["--iterations", &iterations.to_string()]);
        let (output, is_fine) = self.log_of(command, SCHEDULES)?;
        let verdicts = output
            .lines()
            .filter(|line| line.starts_with("ok "))
            .count() as u64;
        if is_fine && verdicts == 0 {
            let log = self.log(SCHEDULES);
            return Err(format!("{SCHEDULES} ran nothing: {}", log.display()));
        }
        let mut findings = Vec::new();
        if !is_fine {
            let kept = self.folder.join(format!("{SCHEDULES}-{seed}.log"));
            fs::write(&kept, &output).map_err(|e| format!("{}: {e}", kept.display()))?;
            findings.push(kept.display().to_string());
        }
        Ok(Turn {
            target: SCHEDULES.to_owned(),
            seconds: start.elapsed().as_secs_f64(),
            executions: verdicts * iterations,
            findings,
            ..Turn::default()
        })
    }

    /// Makes a target's corpus as small as covers the same.
    pub fn merge(&self, target: &Target) -> Result<(), String> {
        if target.name == SCHEDULES {
            return Ok(());
        }
        let corpus = self.corpus(&target.name);
        recover(&corpus)?;
        let new = corpus.with_extension("new");
        make(&new)?;
        let mut command = Command::new(self.build.program(&target.name));
        command
            .args(&target.options)
            .arg("-merge=1")
            .arg(&new)
            .arg(self.seeds(&target.name))
            .arg(&corpus);
        self.call(command, &format!("{}-merge", target.name))?;
        let is_empty = fs::read_dir(&new).is_ok_and(|mut files| files.next().is_none());
        let was_empty = fs::read_dir(&corpus).is_ok_and(|mut files| files.next().is_none());
        if is_empty && !was_empty {
            return Err(format!(
                "merging {} left nothing; it is as it was",
                target.name
            ));
        }
        let old = corpus.with_extension("old");
        let swapped = fs::rename(&corpus, &old)
            .and_then(|()| fs::rename(&new, &corpus))
            .and_then(|()| fs::remove_dir_all(&old));
        swapped.map_err(|error| format!("{}: {error}", corpus.display()))
    }

    /// Whether fuzzing finds a planted bug in time, from random programs: `Ok` says
    /// how long it took, the inner `Err` that it does not.
    pub fn canary(&self, time: Duration, seed: u64) -> Result<Result<String, String>, String> {
        let crashes = self.folder.join("canary");
        if crashes.exists() {
            fs::remove_dir_all(&crashes).map_err(|e| format!("{}: {e}", crashes.display()))?;
        }
        let corpus = crashes.join("corpus");
        make(&corpus)?;
        // No proof's program: that would be the bug itself.
        for (path, name) in random_seeds(&self.seeds("program_schedule"))? {
            let to = corpus.join(name);
            fs::copy(&path, &to).map_err(|e| format!("{}: {e}", to.display()))?;
        }
        let start = Instant::now();
        let mut command = Command::new(self.build.program("canary"));
        command
            .arg(&corpus)
            .arg(format!("-max_total_time={}", time.as_secs()))
            .arg(format!("-seed={}", seed + 1))
            .arg("-max_len=132")
            .arg(format!("-artifact_prefix={}/", crashes.display()));
        let output = self.call(command, "canary")?;
        if artifacts(&crashes).is_empty() {
            let log = self.log("canary");
            return Ok(Err(format!(
                "The canary lives: fuzzing does not find the planted bug within {} s, so that it \
                 is worth nothing ({}).",
                time.as_secs(),
                log.display()
            )));
        }
        Ok(Ok(format!(
            "The canary's planted bug was found in {:.0} s, by {} executions.",
            start.elapsed().as_secs_f64(),
            Turn::parse(&output).executions
        )))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// Runs a program of libFuzzer; what it says is kept and returned.
    fn call(&self, mut command: Command, name: &str) -> Result<String, String> {
        command
            .arg(format!("-rss_limit_mb={MEMORY_MB}"))
            .arg(format!("-timeout={INPUT_SECONDS}"))
            .arg("-print_final_stats=1")
            .arg("-detect_leaks=0");
        Ok(self.log_of(command, name)?.0)
    }

    /// Runs a command; what it says is kept and returned, and whether it succeeded.
    fn log_of(&self, mut command: Command, name: &str) -> Result<(String, bool), String> {
        let log = self.log(name);
        let file = fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let copy = file.try_clone().map_err(|e| e.to_string())?;
        command.stdin(Stdio::null()).stdout(copy).stderr(file);
        let status = command.status().map_err(|e| format!("{name}: {e}"))?;
        let output = fs::read(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        Ok((
            String::from_utf8_lossy(&output).into_owned(),
            status.success(),
        ))
    }
}

/// The seeds that were not made of proofs, with their names.
fn random_seeds(folder: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let seeds: Vec<(PathBuf, String)> = entries
        .flatten()
        .map(|entry| {
            (
                entry.path(),
                entry.file_name().to_string_lossy().into_owned(),
            )
        })
        .filter(|(_, name)| name.starts_with("random-"))
        .collect();
    if seeds.is_empty() {
        return Err(format!("{}: no random seed", folder.display()));
    }
    Ok(seeds)
}

fn make(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// Makes a corpus whole again after a merge that was cut off.
fn recover(corpus: &Path) -> Result<(), String> {
    let [old, new] = ["old", "new"].map(|end| corpus.with_extension(end));
    let fail = |error: std::io::Error| format!("{}: {error}", corpus.display());
    if !corpus.exists() && old.exists() {
        fs::rename(&old, corpus).map_err(fail)?;
    }
    for left in [old, new] {
        if left.exists() {
            fs::remove_dir_all(left).map_err(fail)?;
        }
    }
    make(corpus)
}

fn artifacts(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| FINDINGS.iter().any(|kind| name.starts_with(kind)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_survives_a_merge_that_was_cut_off() {
        let folder = std::env::temp_dir().join(format!("seqfault-ci-{}", std::process::id()));
        let corpus = folder.join("target");
        let old = folder.join("target.old");
        fs::create_dir_all(&old).expect("a folder can be made");
        fs::create_dir_all(folder.join("target.new")).expect("a folder can be made");
        fs::write(old.join("a"), "a").expect("a file can be written");
        recover(&corpus).expect("it can be recovered");
        assert!(corpus.join("a").exists() && !old.exists());
        assert!(!folder.join("target.new").exists());
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
