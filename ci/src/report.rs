//! What a run has shown, kept in `target/ci/last.json`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;

/// How a lane ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// As it should.
    Green,
    /// Its command failed, or it ran nothing: why.
    Red(String),
    /// An earlier lane was red.
    NotRun,
}

/// What one lane has shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneReport {
    /// The lane's name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
    /// What it ran, and how much.
    pub evidence: Option<(Evidence, u64)>,
    /// The line to paste that does the same.
    pub reproduce: String,
    /// Where its output is, from the workspace's root.
    pub log: PathBuf,
}

/// What a run has shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The suite's name.
    pub suite: String,
    /// Its lanes, in order.
    pub lanes: Vec<LaneReport>,
}

/// The folder of logs and the report, from the workspace's root.
pub const FOLDER: &str = "target/ci";

fn file(root: &Path) -> PathBuf {
    root.join(FOLDER).join("last.json")
}

impl Report {
    /// Whether every lane that ran is green, and one ran.
    pub fn is_green(&self) -> bool {
        !self.lanes.is_empty() && self.lanes.iter().all(|l| l.outcome == Outcome::Green)
    }

    /// Keeps it for `cargo ci report`.
    pub fn save(&self, root: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        let file = file(root);
        fs::write(&file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))
    }

    /// The last one that was kept.
    pub fn load(root: &Path) -> Result<Report, String> {
        let file = file(root);
        let text = fs::read_to_string(&file)
            .map_err(|error| format!("no run is on record ({}: {error})", file.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
    }
}

impl fmt::Display for LaneReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.outcome {
            Outcome::Green => "ok",
            Outcome::Red(_) => "RED",
            Outcome::NotRun => "-",
        };
        write!(f, "{word:<4} {:<12} {:>8.1} s", self.name, self.seconds)?;
        if let Some((evidence, count)) = self.evidence {
            write!(f, "  {count} {}", evidence.noun())?;
        }
        if let Outcome::Red(why) = &self.outcome {
            write!(f, "  {why}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\ncargo ci {}", self.suite)?;
        for lane in &self.lanes {
            writeln!(f, "{lane}")?;
        }
        let total: f64 = self.lanes.iter().map(|lane| lane.seconds).sum();
        let word = if self.is_green() { "green" } else { "RED" };
        writeln!(f, "{word} in {total:.1} s")?;
        for lane in &self.lanes {
            if let Outcome::Red(_) = lane.outcome {
                writeln!(f, "\n{} again:\n  {}", lane.name, lane.reproduce)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(name: &str, outcome: Outcome) -> LaneReport {
        LaneReport {
            name: name.to_owned(),
            outcome,
            seconds: 1.5,
            evidence: Some((Evidence::Tests, 3)),
            reproduce: format!("cargo {name}"),
            log: PathBuf::from(FOLDER).join(name),
        }
    }

    #[test]
    fn a_red_lane_is_shown_with_a_line_to_paste() {
        let red = Outcome::Red("exit status: 101".to_owned());
        let report = Report {
            suite: "pr".to_owned(),
            lanes: vec![lane("format", Outcome::Green), lane("test", red)],
        };
        assert!(!report.is_green());
        let expected = "\ncargo ci pr\n\
                        ok   format            1.5 s  3 tests\n\
                        RED  test              1.5 s  3 tests  exit status: 101\n\
                        RED in 3.0 s\n\n\
                        test again:\n  cargo test\n";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = Report {
            suite: "pr".to_owned(),
            lanes: vec![
                lane("a", Outcome::Green),
                lane("b", Outcome::Red("no tests".to_owned())),
                lane("c", Outcome::NotRun),
            ],
        };
        let text = serde_json::to_string(&report).expect("it can be written");
        let read: Report = serde_json::from_str(&text).expect("it can be read");
        assert_eq!(read, report);
    }

    #[test]
    fn no_lane_is_not_green() {
        let report = Report {
            suite: "pr".to_owned(),
            lanes: Vec::new(),
        };
        assert!(!report.is_green());
    }
}
