//! Running libFuzzer: a turn, a merge, the canary.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use super::build::Build;
use super::child;
use super::finding;
use super::options::Target;
use super::turn::Turn;

/// Memory that a target may take, in megabytes.
const MEMORY_MB: u32 = 2048;
/// Seconds that one input may take.
const INPUT_SECONDS: u32 = 25;
/// Seconds by the clock, for an input that may wait for a CPU all the time.
const WAITING_SECONDS: u32 = 24 * 3600;

/// How long a merge may take.
const MERGE: Duration = Duration::from_secs(3600);
/// How long one input may take that is run again.
const AGAIN: Duration = Duration::from_secs(120);

/// What runs beside the targets: the proofs under random schedules.
pub const SCHEDULES: &str = "schedules";
/// Executions of each proof for a second of a turn.
const SCHEDULES_A_SECOND: u64 = 100;

/// Runs the targets.
pub struct Fuzzer {
    /// The workspace.
    pub root: PathBuf,
    /// Where everything is kept.
    pub folder: PathBuf,
    /// The programs.
    pub build: Build,
    /// The command `seqfault`, if the proofs have turns.
    pub seqfault: Option<PathBuf>,
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

    /// All artifacts of a target, of earlier nights too.
    pub fn findings(&self, target: &str) -> BTreeSet<String> {
        finding::inputs(&self.crashes(target))
    }

    /// Whether a finding shows when its input is run alone.
    ///
    /// # Errors
    /// If that cannot be run.
    pub fn shows_again(&self, target: &str, input: &str) -> Result<bool, String> {
        let mut command = Command::new(self.build.program(target));
        command.arg(self.crashes(target).join(input));
        if finding::is_timeout(input) {
            return Ok(self.ran_alone(target, input)?.is_none());
        }
        let ran = self.call(command, &format!("{target}-again"), AGAIN)?;
        Ok(ran.end != End::Succeeded)
    }

    /// How long an input is on a CPU that is run alone, if it ends in time.
    fn ran_alone(&self, target: &str, input: &str) -> Result<Option<Duration>, String> {
        let mut command = Command::new(self.build.program(target));
        command.arg(self.crashes(target).join(input));
        let ran = self.call_within(WAITING_SECONDS, command, &format!("{target}-alone"), AGAIN)?;
        let is_fine = ran.end == End::Succeeded && ran.time.as_secs() < u64::from(INPUT_SECONDS);
        Ok(is_fine.then_some(ran.time))
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
        let before = finding::inputs(&crashes);
        let start = Instant::now();
        let mut command = Command::new(self.build.program(name));
        command
            .args(&target.options)
            .arg(format!("-max_total_time={}", time.as_secs().max(1)))
            .arg(format!("-seed={}", seed + 1))
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .arg(&corpus)
            .arg(self.seeds(name));
        let ran = self.call(command, name, patience(time))?;
        let mut turn = Turn::parse(&ran.output);
        turn.target.clone_from(name);
        turn.seconds = start.elapsed().as_secs_f64();
        turn.findings = finding::inputs(&crashes);
        let new = &turn.findings - &before;
        finding::keep(&crashes, &new, &ran.output)?;
        for input in new.iter().filter(|input| finding::is_timeout(input)) {
            if let Some(ran) = self.ran_alone(name, input)? {
                turn.findings.remove(input);
                let name = finding::acquit(&crashes, input)?;
                turn.slow.insert(name, ran.as_secs_f64());
            }
        }
        turn.findings.extend(self.hung(name, seed, &ran)?);
        if turn.executions == 0 && turn.findings.is_empty() {
            let log = self.log(name);
            return Err(format!("{name} ran nothing: {}", log.display()));
        }
        Ok(turn)
    }

    /// What a turn had shown when it was killed with its night. The proofs' turn is
    /// none: it is done again, by the same seed.
    pub fn killed(&self, name: &str, began: SystemTime) -> Option<Turn> {
        if name == SCHEDULES {
            return None;
        }
        let log = self.log(name);
        let turn = Turn::killed(name, &log, began)?;
        let crashes = self.crashes(name);
        let findings = finding::inputs(&crashes);
        let is_its = |input: &&String| {
            let left = fs::metadata(crashes.join(input)).and_then(|file| file.modified());
            left.is_ok_and(|left| left >= began)
        };
        let said = fs::read(&log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let its: BTreeSet<String> = findings.iter().filter(is_its).cloned().collect();
        if let Err(error) = finding::keep(&crashes, &its, &said) {
            eprintln!("warning: {error}");
        }
        Some(Turn { findings, ..turn })
    }

    /// Runs every proof under random schedules, as many as the time allows, about.
    fn schedules(&self, time: Duration, seed: u64) -> Result<Turn, String> {
        let iterations = time.as_secs().saturating_mul(SCHEDULES_A_SECOND).max(200);
        let start = Instant::now();
        let seqfault = self.seqfault.as_ref().ok_or("`seqfault` was not built")?;
        let mut command = Command::new(seqfault);
        command
            .current_dir(&self.root)
            .args([
                "check",
                "proofs",
                "--engine",
                "shuttle",
                "--strategy",
                "pct",
            ])
            .args(["--jobs", "1", "--seed", &seed.to_string()])
            .args(["--iterations", &iterations.to_string()]);
        let ran = self.run(command, SCHEDULES, patience(time))?;
        let lines = ran.output.lines();
        let verdicts = lines.filter(|line| line.starts_with("ok ")).count() as u64;
        if ran.end == End::Succeeded && verdicts == 0 {
            let log = self.log(SCHEDULES);
            return Err(format!("{SCHEDULES} ran nothing: {}", log.display()));
        }
        let mut findings = BTreeSet::new();
        if ran.end == End::Failed {
            findings.insert(self.keep(SCHEDULES, seed, &ran)?);
        }
        findings.extend(self.hung(SCHEDULES, seed, &ran)?);
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
        let ran = self.call(command, &format!("{}-merge", target.name), MERGE)?;
        if ran.end != End::Succeeded {
            let name = &target.name;
            return Err(format!("merging {name} failed; its corpus is as it was"));
        }
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
            .arg("-max_len=152")
            .arg(format!("-artifact_prefix={}/", crashes.display()));
        let output = self.call(command, "canary", patience(time))?.output;
        if finding::inputs(&crashes).is_empty() {
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

    /// Runs a program of libFuzzer.
    fn call(&self, command: Command, name: &str, limit: Duration) -> Result<Ran, String> {
        self.call_within(INPUT_SECONDS, command, name, limit)
    }

    /// The same with so many seconds by the clock for one input.
    fn call_within(
        &self,
        seconds: u32,
        mut command: Command,
        name: &str,
        limit: Duration,
    ) -> Result<Ran, String> {
        command
            .arg(format!("-timeout={seconds}"))
            .arg(format!("-rss_limit_mb={MEMORY_MB}"))
            .arg("-print_final_stats=1")
            .arg("-detect_leaks=0");
        self.run(command, name, limit)
    }

    /// Runs a command, for so long at most. What it says is kept in its log.
    fn run(&self, command: Command, name: &str, limit: Duration) -> Result<Ran, String> {
        let log = self.log(name);
        let file = fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let copy = file.try_clone().map_err(|e| e.to_string())?;
        let mut command = child::bound(&command);
        command.stdin(Stdio::null()).stdout(copy).stderr(file);
        let ended = command.spawn().and_then(|child| child::wait(child, limit));
        let ended = ended.map_err(|e| format!("{name}: {e}"))?;
        let end = match ended.status {
            Some(status) if status.success() => End::Succeeded,
            Some(_) => End::Failed,
            None => End::Killed,
        };
        let output = fs::read(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        Ok(Ran {
            output: String::from_utf8_lossy(&output).into_owned(),
            end,
            time: ended.ran,
        })
    }

    /// The finding that a program did not end by itself.
    fn hung(&self, name: &str, seed: u64, ran: &Ran) -> Result<Option<String>, String> {
        if ran.end != End::Killed {
            return Ok(None);
        }
        let kept = self.keep(name, seed, ran)?;
        Ok(Some(format!("did not end, and was killed: {kept}")))
    }

    /// Keeps what a turn said beyond the next one; where.
    fn keep(&self, name: &str, seed: u64, ran: &Ran) -> Result<String, String> {
        let kept = self.folder.join(format!("{name}-{seed}.log"));
        fs::write(&kept, &ran.output).map_err(|e| format!("{}: {e}", kept.display()))?;
        Ok(kept.display().to_string())
    }
}

/// What became of a program.
struct Ran {
    output: String,
    end: End,
    /// How long it ran.
    time: Duration,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
    Killed,
}

/// How long a program that was told to run for `time` is waited for: the corpus
/// is read before, and an input may be slow.
fn patience(time: Duration) -> Duration {
    2 * time + Duration::from_secs(600)
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
