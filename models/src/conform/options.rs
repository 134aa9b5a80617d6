//! What is to be run.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::wrong::Wrong;

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Answers, and what can be told of each page.
    #[default]
    Page,
    /// The same, and where VMAs begin and end.
    Vma,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Page => "page",
            Level::Vma => "vma",
        })
    }
}

/// Something that goes wrong in a worker on purpose, to see that the runner survives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// An access to memory that is not there, in the sequence of this number.
    Crash(u64),
    /// A step that does not end, in the sequence of this number.
    Hang(u64),
}

/// How much is run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where random choices start.
    pub seed: u64,
    /// The numbers of the sequences.
    pub numbers: Range<u64>,
    /// Operations of a sequence.
    pub ops: Range<usize>,
    /// What is compared.
    pub level: Level,
    /// Processes that work at once.
    pub jobs: usize,
    /// How long one step may take before it counts as one that never ends.
    pub patience: Duration,
    /// A rule of the specification that is made wrong.
    pub wrong: Option<&'static Wrong>,
    /// What goes wrong on purpose.
    pub plant: Option<Plant>,
    /// Go on behind a difference.
    pub keep_going: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 0,
            numbers: 0..100_000,
            ops: 20..61,
            level: Level::Page,
            jobs: 1,
            patience: Duration::from_secs(10),
            wrong: None,
            plant: None,
            keep_going: false,
        }
    }
}
