//! The `seqfault` command.
//!
//! | file | has |
//! | --- | --- |
//! | `arguments` | the command line |
//! | `called` | its name, for hints |
//! | `files` | from paths to tests |
//! | `output` | files that are written in the end |
//! | `jobs` | tests on threads, results in order |
//! | `progress` | how far it is, on a terminal |
//! | `check`, `classes`, `compare`, `conform`, `events`, `host`, `knobs`, `matrix`, `new` | the commands |
//! | `programs` | `conform` with several CPUs |
//! | `interrupt` | Ctrl-C |
//! | `lines` | a verdict in one line |
//! | `counterexample` | a failure with its timeline and its replay |
//! | `json` | everything, for programs |
//!
//! Exit status: 0, all is as expected; 1, some verdict is not, or nothing was
//! run; 2, bad usage, a bad file, or output that cannot be written; 130,
//! interrupted by Ctrl-C.

mod arguments;
mod called;
mod check;
mod classes;
mod compare;
mod conform;
mod counterexample;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod events;
mod extent;
mod files;
mod host;
mod interrupt;
mod jobs;
mod json;
mod knobs;
mod lines;
mod matrix;
mod new;
mod output;
mod programs;
mod progress;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Parser;

use arguments::{Arguments, Command};

pub use files::{Test, collect};

/// What went wrong before anything was checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The command line, the environment, or a path is wrong.
    #[error("error: {0}")]
    Usage(String),
    /// Files are wrong; the text says where.
    #[error("{0}")]
    Files(String),
}

/// How a command that ran ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All is as expected.
    Fine,
    /// Something is not.
    Wrong,
    /// Ctrl-C.
    Interrupted,
}

impl Ending {
    /// As shells have it for a process that SIGINT ended.
    pub const INTERRUPTED: u8 = 130;
}

impl From<bool> for Ending {
    fn from(is_fine: bool) -> Ending {
        if is_fine { Ending::Fine } else { Ending::Wrong }
    }
}

/// Whether and how output is for a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    /// Standard output takes colours.
    pub color: bool,
    /// Columns of a table.
    pub width: usize,
}

/// Columns where the width is not known.
const WIDTH: usize = 120;
/// The least columns that tables are made for.
const MIN_WIDTH: usize = 80;

impl Terminal {
    fn of_stdout() -> Terminal {
        let is_terminal = io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
        let size = terminal_size::terminal_size().filter(|_| is_terminal);
        let size = size.map(|(width, _)| usize::from(width.0));
        let width = size.or(columns).unwrap_or(WIDTH);
        Terminal {
            color: is_terminal && !no_color,
            width: width.max(MIN_WIDTH),
        }
    }

    /// `text` in a colour, on a terminal.
    pub fn paint(self, color: Color, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match color {
            Color::Green => 32,
            Color::Red => 31,
            Color::Yellow => 33,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The colours that mean something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Color {
    /// As expected.
    Green,
    /// Not as expected.
    Red,
    /// Not judged.
    Yellow,
}

/// Why standard output could not be written, if it could not.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Prints a line. A closed pipe is no reason to panic.
pub(crate) fn say(line: &str) {
    let mut out = io::stdout();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = UNWRITTEN.set(error);
    }
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    called::begin();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    if let Command::Conform(command) = &arguments.command
        && command.worker
    {
        return conform::work(command).unwrap_or_else(|trouble| {
            eprintln!("{trouble}");
            ExitCode::from(2)
        });
    }
    let terminal = Terminal::of_stdout();
    let result = match arguments.command {
        Command::Check(command) => check::run(&command, terminal),
        Command::Classes(command) => classes::run(&command, terminal),
        Command::Compare(command) => compare::run(&command, terminal),
        Command::Conform(command) if command.cpus > 1 => programs::run(&command, terminal),
        Command::Conform(command) => conform::run(&command, terminal),
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        Command::Events(command) => events::run(&command).map(Ending::from),
        Command::Host => Ok(Ending::from(host::run(terminal))),
        Command::Knobs(command) => knobs::run(&command).map(Ending::from),
        Command::Matrix(command) => matrix::run(&command, terminal),
        Command::New(command) => new::run(&command).map(Ending::from),
    };
    if let Some(error) = UNWRITTEN.get() {
        let _ = writeln!(io::stderr(), "error: standard output: {error}");
        return ExitCode::from(2);
    }
    match result {
        Ok(Ending::Fine) => ExitCode::SUCCESS,
        Ok(Ending::Wrong) => ExitCode::from(1),
        Ok(Ending::Interrupted) => ExitCode::from(Ending::INTERRUPTED),
        Err(trouble) => {
            let _ = writeln!(io::stderr(), "{}", trouble.to_string().trim_end());
            ExitCode::from(2)
        }
    }
}
