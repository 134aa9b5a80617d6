//! What one turn has shown, as libFuzzer tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What one turn has shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// The target.
    pub target: String,
    /// How long it took.
    pub seconds: f64,
    /// Executions.
    pub executions: u64,
    /// Edges that the corpus covers.
    pub coverage: u64,
    /// Features: edges and how often, and interleavings.
    pub features: u64,
    /// Inputs of the corpus.
    pub corpus: u64,
    /// Artifacts, of earlier turns too.
    pub findings: BTreeSet<String>,
    /// Inputs that took too long by the clock, and not when they were run alone: seconds on a CPU.
    pub slow: BTreeMap<String, f64>,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<18} {:>6.0} s  {:>9} executions  cov {:>6}  ft {:>6}  {} inputs",
            self.target, self.seconds, self.executions, self.coverage, self.features, self.corpus
        )
    }
}

impl Turn {
    /// What libFuzzer's output tells.
    pub fn parse(output: &str) -> Turn {
        let mut turn = Turn::default();
        for line in output.lines() {
            if let Some(rest) = line.strip_prefix("stat::number_of_executed_units:") {
                turn.executions = rest.trim().parse().unwrap_or(turn.executions);
            }
            // `#123  NEW    cov: 5 ft: 7 corp: 3/20b …`
            let Some(rest) = line.strip_prefix('#') else {
                continue;
            };
            let mut words = rest.split_whitespace();
            let number: Option<u64> = words.next().and_then(|word| word.parse().ok());
            let Some(number) = number else { continue };
            turn.executions = turn.executions.max(number);
            let words: Vec<&str> = words.collect();
            for pair in words.windows(2) {
                let number = |text: &str| text.split('/').next()?.parse().ok();
                match pair {
                    ["cov:", value] => turn.coverage = number(value).unwrap_or(turn.coverage),
                    ["ft:", value] => turn.features = number(value).unwrap_or(turn.features),
                    ["corp:", value] => turn.corpus = number(value).unwrap_or(turn.corpus),
                    _ => {}
                }
            }
        }
        turn
    }

    /// What a turn that was killed with its night had shown: its output was kept
    /// in `log`, from `began` on. `None` if it had run nothing yet.
    pub fn killed(target: &str, log: &Path, began: SystemTime) -> Option<Turn> {
        let output = fs::read(log).ok()?;
        let ended = fs::metadata(log).ok()?.modified().ok()?;
        // The log may be of an earlier turn.
        let seconds = ended.duration_since(began).ok()?;
        let turn = Turn::parse(&String::from_utf8_lossy(&output));
        (turn.executions > 0).then(|| Turn {
            target: target.to_owned(),
            seconds: seconds.as_secs_f64(),
            ..turn
        })
    }
}

/// A time as a state keeps it.
pub fn since_epoch(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// The time that was kept.
pub fn from_epoch(seconds: f64) -> SystemTime {
    let since = Duration::try_from_secs_f64(seconds);
    SystemTime::UNIX_EPOCH + since.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "INFO: Running with entropic power schedule (0xFF, 100).\n\
        #192\tINITED cov: 5708 ft: 15121 corp: 142/3982b exec/s: 0 rss: 33Mb\n\
        #256\tpulse  cov: 5710 ft: 15200 corp: 150/4001b lim: 128 exec/s: 85 rss: 38Mb\n\
        #900\tDONE   cov: 5800 ft: 15300 corp: 160/4100b lim: 128 exec/s: 85 rss: 38Mb\n\
        Done 900 runs in 16 second(s)\n\
        stat::number_of_executed_units: 900\n";

    #[test]
    fn a_turn_is_read_from_the_output() {
        let turn = Turn::parse(OUTPUT);
        assert_eq!((turn.executions, turn.coverage), (900, 5800));
        assert_eq!((turn.features, turn.corpus), (15300, 160));
        assert_eq!(Turn::parse("Segmentation fault\n"), Turn::default());
    }
    #[test]
    fn a_turn_that_was_killed_is_read_from_its_log() {
        let log = std::env::temp_dir().join(format!("seqfault-turn-{}.log", std::process::id()));
        let (began, _) = OUTPUT.split_at(OUTPUT.find("#900").expect("it is there"));
        fs::write(&log, began).expect("a log can be written");
        let metadata = fs::metadata(&log).expect("it is there");
        let ended = metadata.modified().expect("the host keeps times");
        let at = |seconds| from_epoch(since_epoch(ended) - seconds);
        let turn = Turn::killed("t", &log, at(7.0)).expect("it had run something");
        assert_eq!((turn.executions, turn.features), (256, 15200));
        assert_eq!((&*turn.target, turn.seconds.round()), ("t", 7.0));
        assert_eq!(Turn::killed("t", &log, at(-7.0)), None, "an earlier one's");
        fs::write(&log, "INFO: Seed: 1\n").expect("a log can be written");
        assert_eq!(Turn::killed("t", &log, at(7.0)), None, "it had run nothing");
        fs::remove_file(&log).expect("it can be removed");
    }
}
