//! `cargo ci`: everything that is checked before a change goes in, and what
//! runs at night.
//!
//! ```text
//! pr         every lane that a change must pass, cheapest first
//! full       the same, and longer runs
//! overnight  fuzzing in turns, for some hours
//! triage     regressions of a folder of crash inputs
//! time-to-bug, coverage   what the fuzzing is worth
//! report     the summary of the last run
//! tidy       the rules of the source tree alone
//! ```
//! The lanes are one table, in `lanes.rs`. Exit 0: all green; 1: a lane is
//! red; 2: bad usage.
//!
//! A lane is red if its command fails, and also if it ran nothing.

mod coverage;
mod evidence;
mod lanes;
mod overnight;
mod report;
mod runner;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use lanes::Suite;
use report::Report;
use runner::Runner;

#[derive(Debug, Parser)]
#[command(name = "cargo ci", about = "Runs seqfault's checks, cheapest first")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What a change must pass.
    Pr(Extent),
    /// What a change must pass, and longer runs.
    Full(Extent),
    /// Fuzzing, in turns.
    Overnight(overnight::Arguments),
    /// The fuzz targets' programs, for other runners (.clusterfuzzlite/build.sh).
    FuzzBuild {
        /// Where they go.
        #[arg(long)]
        out: PathBuf,
        /// What they are built with.
        #[arg(long, value_enum, default_value = "address")]
        sanitizer: overnight::build::Sanitizer,
    },
    /// Regressions of a folder of crash inputs. Exit 1: some input shows a finding.
    Triage {
        /// The folder; its name is the target's, unless one is given.
        folder: PathBuf,
        /// The target.
        #[arg(long)]
        target: Option<String>,
    },
    /// How many executions it takes to find each quirk.
    TimeToBug {
        /// At most so many for each.
        #[arg(long, default_value_t = 100_000)]
        cap: u64,
        /// Only what fuzz/TIME_TO_BUG.md lacks, or has other small figures of.
        #[arg(long)]
        new: bool,
        /// Keep the table in fuzz/TIME_TO_BUG.md.
        #[arg(long)]
        bless: bool,
    },
    /// Lines of core that the seeds run. Exit 1: fewer than wanted.
    Coverage(coverage::Arguments),
    /// The summary of the last run.
    Report,
    /// The rules of the source tree.
    Tidy,
}

#[derive(Debug, clap::Args)]
struct Extent {
    /// Run the other lanes too when one is red.
    #[arg(long)]
    keep_going: bool,
    /// Only the lanes with this name.
    #[arg(long, value_name = "LANE")]
    lane: Vec<String>,
}

/// The root of the workspace.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

fn main() -> ExitCode {
    if let Some(code) = overnight::wrap() {
        return code;
    }
    let root = root();
    let runner = Runner::new(&root);
    let report = match Arguments::parse().command {
        Command::Pr(extent) => lanes(&runner, Suite::Pr, &extent),
        Command::Full(extent) => lanes(&runner, Suite::Full, &extent),
        Command::Overnight(arguments) => {
            return match overnight::run(&root, &arguments) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(error) => usage(&error),
            };
        }
        Command::FuzzBuild { out, sanitizer } => {
            return match overnight::fuzz_build(&root, &here(&out), sanitizer) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(error) => usage(&error),
            };
        }
        Command::Triage { folder, target } => {
            let mut command = overnight::triage_command(&root, &here(&folder));
            command.args(target.iter().flat_map(|target| ["--target", target]));
            return pass_on(command);
        }
        Command::TimeToBug { cap, new, bless } => {
            return pass_on(overnight::time_to_bug_command(&root, cap, new, bless));
        }
        Command::Coverage(arguments) => {
            return match coverage::run(&root, &arguments) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(error) => usage(&error),
            };
        }
        Command::Report => Report::load(&root).unwrap_or_else(|error| usage(&error)),
        Command::Tidy => return tidy::print(&root),
    };
    print!("{report}");
    if report.is_green() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn lanes(runner: &Runner, suite: Suite, extent: &Extent) -> Report {
    if let Some(unknown) = extent.lane.iter().find(|name| lanes::find(name).is_none()) {
        let names: Vec<&str> = lanes::LANES.iter().map(|lane| lane.name).collect();
        usage(&format!(
            "no lane is named `{unknown}`; there are {}",
            names.join(", ")
        ));
    }
    let chosen = lanes::chosen(suite, &extent.lane);
    runner.lanes(suite, chosen, extent.keep_going)
}

/// A path from where this program was called.
fn here(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Runs a program whose exit code is this one's.
fn pass_on(mut command: std::process::Command) -> ExitCode {
    match command.status() {
        Ok(status) => ExitCode::from(
            status
                .code()
                .and_then(|c| u8::try_from(c).ok())
                .unwrap_or(2),
        ),
        Err(error) => usage(&error.to_string()),
    }
}

fn usage(message: &str) -> ! {
    eprintln!("error: {message}");
    std::process::exit(2)
}
