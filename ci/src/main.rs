//! `cargo ci`: everything that is checked before a change goes in, and what
//! runs at night.
//!
//! ```text
//! pr         every lane that a change must pass, cheapest first
//! full       the same, and longer runs
//! overnight  fuzzing and random schedules in turns, for some hours
//! report     the summary of the last run
//! tidy       the rules of the source tree alone
//! ```
//! The lanes are one table, in `lanes.rs`. Exit 0: all green; 1: a lane is
//! red; 2: bad usage.
//!
//! A lane is red if its command fails, and also if it ran nothing.

mod evidence;
mod lanes;
mod report;
mod runner;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

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
    /// Fuzzing and random schedules, in turns.
    Overnight {
        /// For how long.
        #[arg(long, default_value_t = 8.0)]
        hours: f64,
    },
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
    let root = root();
    let runner = Runner::new(&root);
    let report = match Arguments::parse().command {
        Command::Pr(extent) => lanes(&runner, Suite::Pr, &extent),
        Command::Full(extent) => lanes(&runner, Suite::Full, &extent),
        Command::Overnight { hours } => runner.overnight(
            lanes::TURNS,
            Duration::from_secs_f64(hours.max(0.0) * 3600.0),
        ),
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
    let chosen = lanes::LANES.iter().filter(|lane| {
        let named = extent.lane.iter().any(|name| name == lane.name);
        named || extent.lane.is_empty() && lane.suite <= suite
    });
    runner.lanes(suite, chosen, extent.keep_going)
}

fn usage(message: &str) -> ! {
    eprintln!("error: {message}");
    std::process::exit(2)
}
