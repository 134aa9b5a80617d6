//! A night of fuzzing: targets in turns, for some hours, over interruptions.
//!
//! ```text
//! build --> canary --> turn of each target --> turn … --> merge corpora --> triage --> report
//!                         |         ^
//!                         v         |   state.json, written whole or not at all:
//!                      state.json --+   a night that was killed goes on from there, and
//!                                       from the logs of the turns that it was killed in
//! ```
//! The proofs under random schedules have turns too. A finding does not end the
//! night; it makes the exit code 1. The canary is a target with a planted bug: if
//! fuzzing misses it for a minute, the night is worth nothing and red.
//!
//! What a target needs (length of inputs, dictionary) is in `fuzz/options`.

pub mod build;
mod child;
mod cost;
mod finding;
mod fuzzer;
pub mod options;
mod plot;
mod state;
mod summary;
mod turn;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use build::{Build, Sanitizer};
use child::Alone;
use fuzzer::{Fuzzer, SCHEDULES};
use state::State;
use turn::Turn;

/// Plays the part that this program is called for, if it is a part: a compiler that
/// instruments, or one that a night runs.
pub fn wrap() -> Option<ExitCode> {
    child::wrap().or_else(build::wrap)
}

/// The longest turn of a target.
const TURN: Duration = Duration::from_secs(900);
/// Turns that each target has at least, so that its growth can be told.
const LEAST_TURNS: u32 = 4;
/// How long the canary may be missed.
const CANARY: Duration = Duration::from_secs(60);
/// Turns of a target after which its corpus is made small.
const MERGE_EVERY: usize = 4;

/// The night that is asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// For how long, building aside.
    #[arg(long, default_value_t = 8.0)]
    hours: f64,
    /// Only these targets.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    targets: Vec<String>,
    /// So many at once; as many as the host has CPUs by default.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Begin anew even if a night was interrupted. Corpora are kept.
    #[arg(long)]
    fresh: bool,
    /// Without AddressSanitizer, though a nightly toolchain is there.
    #[arg(long)]
    no_sanitizer: bool,
}

/// Where a night keeps everything, from the workspace's root.
pub const FOLDER: &str = "target/ci/overnight";

/// Runs a night. `Ok` says whether nothing was found.
///
/// # Errors
/// The reason why it cannot run.
pub fn run(root: &Path, arguments: &Arguments) -> Result<bool, String> {
    let mut targets = options::read(root)?;
    targets.push(options::Target {
        name: SCHEDULES.to_owned(),
        options: Vec::new(),
    });
    let names: Vec<&str> = targets.iter().map(|target| &*target.name).collect();
    for name in &arguments.targets {
        if !names.contains(&&**name) {
            let names = names.join(", ");
            return Err(format!("no target is named `{name}`; there are {names}"));
        }
    }
    if !(arguments.hours > 0.0 && arguments.hours.is_finite()) {
        return Err("--hours is a number above 0".to_owned());
    }
    if arguments.jobs == Some(0) {
        return Err("--jobs is at least 1".to_owned());
    }
    let chosen = targets
        .into_iter()
        .filter(|target| arguments.targets.is_empty() || arguments.targets.contains(&target.name));
    let chosen: Vec<options::Target> = chosen.collect();
    let folder = root.join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let alone = Alone::in_folder(&folder)?;
    let total = Duration::from_secs_f64(arguments.hours * 3600.0);
    let mut state = State::resume(&folder, arguments.fresh, total)?;
    let sanitizer = if arguments.no_sanitizer {
        Sanitizer::None
    } else {
        Sanitizer::Address
    };
    let build = Build::run(root, &folder, sanitizer)?;
    println!("{}", build.says);
    state.says = build.says.clone();
    build::seeds(root, &folder)?;
    let has_schedules = chosen.iter().any(|target| target.name == SCHEDULES);
    let seqfault = has_schedules.then(|| build::seqfault(root, &folder));
    let fuzzer = Fuzzer {
        root: root.to_owned(),
        folder: folder.clone(),
        build,
        seqfault: seqfault.transpose()?,
    };
    match fuzzer.canary(CANARY, state.turns())? {
        Ok(says) => {
            println!("{says}");
            state.canary = Some(says);
        }
        Err(lives) => {
            eprintln!("RED: {lives}");
            return Ok(false);
        }
    }
    state.take_up(|name, began| fuzzer.killed(name, turn::from_epoch(began)));
    for target in &chosen {
        state.note_old(&target.name, || fuzzer.findings(&target.name));
    }
    state.save(&folder)?;
    let jobs = arguments
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let state = turns(&fuzzer, &chosen, state, &folder, jobs.min(chosen.len()))?;
    let is_green = finish(root, &fuzzer, &chosen, state, &folder);
    drop(alone);
    is_green
}

/// Turn after turn, until the time is used up.
fn turns(
    fuzzer: &Fuzzer,
    targets: &[options::Target],
    state: State,
    folder: &Path,
    jobs: usize,
) -> Result<State, String> {
    let share = Duration::from_secs_f64(state.total_seconds) * jobs as u32;
    let share = share / targets.len().max(1) as u32 / LEAST_TURNS;
    let length = share.clamp(Duration::from_secs(5), TURN);
    let began = Instant::now();
    let before = state.elapsed_seconds;
    let state = Mutex::new(state);
    let fail = Mutex::new(None);
    let lock = || {
        state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    };
    let work = |job: usize| {
        // Each worker has its own targets, so that no corpus has two at once.
        let mine: Vec<&options::Target> = targets.iter().skip(job).step_by(jobs).collect();
        loop {
            let left = {
                let state = lock();
                let elapsed = before + began.elapsed().as_secs_f64();
                Duration::from_secs_f64((state.total_seconds - elapsed).max(0.0))
            };
            let failed = fail.lock().is_ok_and(|fail| fail.is_some());
            if left < Duration::from_secs(1) || failed {
                return;
            }
            let (target, number) = {
                let mut state = lock();
                let Some(target) = state.next(&mine) else {
                    return;
                };
                let now = turn::since_epoch(SystemTime::now());
                state.running.insert(target.name.clone(), now);
                if let Err(error) = state.save(folder) {
                    eprintln!("warning: {error}");
                }
                (target, state.turns())
            };
            let turn = fuzzer.turn(target, length.min(left), number);
            let turn: Turn = match turn {
                Ok(turn) => turn,
                Err(error) => {
                    *fail
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                    return;
                }
            };
            let mut state = lock();
            state.elapsed_seconds = before + began.elapsed().as_secs_f64();
            let (turns, new) = state.add(&turn);
            let merge = turns % MERGE_EVERY == 0;
            println!("{turn}");
            for finding in new {
                println!("  FOUND {finding}");
            }
            if let Err(error) = state.save(folder) {
                eprintln!("warning: {error}");
            }
            drop(state);
            if merge && let Err(error) = fuzzer.merge(target) {
                eprintln!("warning: {error}");
            }
        }
    };
    std::thread::scope(|scope| {
        for job in 0..jobs {
            let work = &work;
            scope.spawn(move || work(job));
        }
    });
    let failed = fail
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match failed {
        Some(error) => Err(error),
        None => Ok(state
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)),
    }
}

/// Merges, triages and reports.
fn finish(
    root: &Path,
    fuzzer: &Fuzzer,
    targets: &[options::Target],
    mut state: State,
    folder: &Path,
) -> Result<bool, String> {
    for target in targets {
        if let Err(error) = fuzzer.merge(target) {
            eprintln!("warning: {error}");
        }
    }
    let found = state.targets_with_findings();
    for name in found.into_iter().filter(|name| name != SCHEDULES) {
        let crashes = fuzzer.crashes(&name);
        let inputs = fuzzer.findings(&name);
        let target = state.targets.entry(name.clone()).or_default();
        for input in &target.findings & &inputs {
            let again = fuzzer.shows_again(&name, &input);
            let says = finding::explain(&crashes, &input, again);
            target.explained.insert(input, says);
        }
        let text = triage(root, &crashes, Some(&name), folder)?;
        state.triage.push(text);
    }
    if fuzzer.build.is_sanitized {
        let names = targets.iter().map(|target| &*target.name);
        let names: Vec<&str> = names.filter(|name| *name != SCHEDULES).collect();
        state.costs = cost::measure(root, &fuzzer.build, &names);
    }
    state.is_finished = true;
    state.save(folder)?;
    let report = summary::write_report(&state, folder)?;
    print!("{report}");
    Ok(state.is_green())
}

/// Runs the triage of a folder and returns what it says.
fn triage(
    root: &Path,
    crashes: &Path,
    target: Option<&str>,
    folder: &Path,
) -> Result<String, String> {
    let mut command = triage_command(root, crashes);
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    command.arg("--inputs").arg(folder.join("inputs"));
    let output = command
        .output()
        .map_err(|error| format!("triage: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    Ok(text + &errors)
}

/// `cargo ci fuzz-build`: the targets' programs, for other runners.
///
/// # Errors
/// If they do not build, or the folder cannot be written to.
pub fn fuzz_build(root: &Path, out: &Path, sanitizer: Sanitizer) -> Result<bool, String> {
    let folder = root.join(FOLDER);
    for folder in [&*folder, out] {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let build = Build::run(root, &folder, sanitizer)?;
    build::seeds(root, &folder)?;
    println!("{}", build.says);
    let count = build.copy(root, out)?;
    println!("{count} targets in {}", out.display());
    Ok(count > 0)
}

/// A program of the fuzz package.
fn fuzz_command(root: &Path, bin: &str) -> Command {
    let mut command = build::cargo(root);
    let run = ["run", "--quiet", "--release", "-p", "seqfault-fuzz"];
    command.args(run).args(["--bin", bin, "--"]);
    command
}

/// `cargo ci triage`: the fuzz package's own program.
pub fn triage_command(root: &Path, crashes: &Path) -> Command {
    let mut command = fuzz_command(root, "triage");
    command.arg(crashes);
    command
}

/// `cargo ci time-to-bug`: the fuzz package's own program.
pub fn time_to_bug_command(root: &Path, cap: u64, new: bool, bless: bool) -> Command {
    let file = root.join("fuzz/TIME_TO_BUG.md");
    let mut command = fuzz_command(root, "time_to_bug");
    command.args(["--cap", &cap.to_string()]);
    for (option, _) in [("--keep", new), ("--out", bless)]
        .iter()
        .filter(|(_, is)| *is)
    {
        command.arg(option).arg(&file);
    }
    command
}
