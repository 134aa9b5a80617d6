//! What a night has shown so far, kept in a file that is written whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::options::Target;
use super::turn::Turn;

/// How far a target had come at some time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the night began.
    pub seconds: f64,
    /// Executions.
    pub executions: u64,
    /// Edges covered.
    pub coverage: u64,
    /// Features.
    pub features: u64,
}

/// One target's night.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Turns.
    pub turns: usize,
    /// Executions.
    pub executions: u64,
    /// Seconds of all turns.
    pub seconds: f64,
    /// Inputs of the corpus.
    pub corpus: u64,
    /// After each turn.
    pub samples: Vec<Sample>,
    /// Artifacts of this night.
    pub findings: BTreeSet<String>,
    /// Inputs that took too long by the clock alone: seconds on a CPU.
    #[serde(default)]
    pub slow: BTreeMap<String, f64>,
    /// Artifacts that were there before it.
    pub old: BTreeSet<String>,
    /// The explanation of each, once the night is over.
    #[serde(default)]
    pub explained: BTreeMap<String, String>,
}

/// A night.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// How long it is to last.
    pub total_seconds: f64,
    /// How long it has lasted, interruptions aside.
    pub elapsed_seconds: f64,
    /// How often it was taken up again.
    pub interruptions: usize,
    /// Nothing is left to do.
    pub is_finished: bool,
    /// How the targets were built.
    pub says: String,
    /// What became of the canary.
    pub canary: Option<String>,
    /// What triage says.
    pub triage: Vec<String>,
    /// What the sanitizer costs, a line for each target.
    #[serde(default)]
    pub costs: Vec<String>,
    /// By target.
    pub targets: BTreeMap<String, Progress>,
    /// By target, when the turn began that is not over: what a night is killed in.
    #[serde(default)]
    pub running: BTreeMap<String, f64>,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("state.json")
}

impl State {
    /// The night that was interrupted, or a new one.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn resume(folder: &Path, fresh: bool, total: Duration) -> Result<State, String> {
        let new = State {
            total_seconds: total.as_secs_f64(),
            ..State::default()
        };
        let file = file(folder);
        if fresh || !file.exists() {
            return Ok(new);
        }
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let state: State = serde_json::from_str(&text).map_err(|error| {
            let file = file.display();
            format!("{file}:{error}: no state of a night; --fresh begins a new one")
        })?;
        if state.is_finished {
            return Ok(new);
        }
        println!(
            "A night goes on after {:.0} of {:.0} s (--fresh begins a new one).",
            state.elapsed_seconds, new.total_seconds
        );
        Ok(State {
            total_seconds: new.total_seconds,
            interruptions: state.interruptions + 1,
            ..state
        })
    }

    /// Keeps it.
    pub fn save(&self, folder: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        write(&file(folder), &(text + "\n"))
    }

    /// Notes the artifacts of a target that this night has nothing to do with,
    /// unless it has begun already: those that a turn left that was killed are its own.
    pub fn note_old(&mut self, target: &str, artifacts: impl FnOnce() -> BTreeSet<String>) {
        let old = || Progress {
            old: artifacts(),
            ..Progress::default()
        };
        self.targets.entry(target.to_owned()).or_insert_with(old);
    }

    /// Adds the turns that were running when the night was killed; those that
    /// `killed` knows nothing of are done again.
    pub fn take_up(&mut self, killed: impl Fn(&str, f64) -> Option<Turn>) {
        let running = std::mem::take(&mut self.running);
        let turns = running.iter().filter_map(|(name, at)| killed(name, *at));
        let turns: Vec<Turn> = turns.collect();
        // They ran side by side.
        let seconds = turns.iter().map(|turn| turn.seconds);
        self.elapsed_seconds += seconds.fold(0.0, f64::max);
        for turn in &turns {
            self.add(turn);
        }
    }

    /// Adds a turn. Returns how many the target has had, and the findings that are new.
    pub fn add(&mut self, turn: &Turn) -> (usize, Vec<String>) {
        let seconds = self.elapsed_seconds;
        self.running.remove(&turn.target);
        let target = self.targets.entry(turn.target.clone()).or_default();
        target.turns += 1;
        target.executions += turn.executions;
        target.seconds += turn.seconds;
        target.corpus = turn.corpus;
        target.slow.extend(turn.slow.clone());
        let new = &(&turn.findings - &target.old) - &target.findings;
        target.findings.extend(new.iter().cloned());
        target.samples.push(Sample {
            seconds,
            executions: target.executions,
            coverage: turn.coverage,
            features: turn.features,
        });
        (target.turns, new.into_iter().collect())
    }

    /// Turns of all targets.
    pub fn turns(&self) -> u64 {
        self.targets.values().map(|t| t.turns as u64).sum()
    }

    /// The target whose turn is next: the first that has had the fewest turns, so that
    /// after an interruption others than the first ones have theirs.
    pub fn next<'t>(&self, targets: &[&'t Target]) -> Option<&'t Target> {
        let turns = |name: &str| self.targets.get(name).map_or(0, |t| t.turns);
        let least = targets.iter().min_by_key(|target| turns(&target.name));
        least.copied()
    }

    /// The targets that found something.
    pub fn targets_with_findings(&self) -> Vec<String> {
        let found = self.targets.iter().filter(|(_, t)| !t.findings.is_empty());
        found.map(|(name, _)| name.clone()).collect()
    }

    /// Whether something ran, and nothing was found.
    pub fn is_green(&self) -> bool {
        let ran = self.targets.values().any(|t| t.executions > 0);
        ran && self.canary.is_some() && self.targets_with_findings().is_empty()
    }
}

/// Writes a file whole or not at all.
pub fn write(file: &Path, text: &str) -> Result<(), String> {
    let new = file.with_extension("part");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, file))
        .map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(findings: &[&str]) -> Turn {
        Turn {
            target: "t".to_owned(),
            seconds: 2.0,
            executions: 100,
            coverage: 7,
            features: 9,
            corpus: 3,
            findings: findings.iter().map(|s| (*s).to_owned()).collect(),
            slow: BTreeMap::new(),
        }
    }

    #[test]
    fn an_interrupted_night_goes_on_and_a_finished_one_does_not() {
        let folder = std::env::temp_dir().join(format!("seqfault-night-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let hour = Duration::from_secs(3600);
        let mut state = State::resume(&folder, false, hour).expect("there is none yet");
        state.elapsed_seconds = 20.0;
        state.add(&turn(&[]));
        state.save(&folder).expect("it can be written");
        // A part of a later one: the host went down while it was written.
        fs::write(folder.join("state.part"), "{").expect("it can be written");
        let again = State::resume(&folder, false, hour).expect("it can be read");
        assert_eq!((again.interruptions, again.elapsed_seconds), (1, 20.0));
        assert_eq!(again.targets, state.targets);
        let fresh = State::resume(&folder, true, hour).expect("it is not read");
        assert_eq!(fresh.targets.len(), 0);
        state.is_finished = true;
        state.save(&folder).expect("it can be written");
        let next = State::resume(&folder, false, hour).expect("it can be read");
        assert_eq!(next.elapsed_seconds, 0.0);
        fs::write(file(&folder), "{").expect("it can be written");
        let error = State::resume(&folder, false, hour).expect_err("it is cut off");
        assert!(error.contains("--fresh"), "{error}");
        fs::remove_dir_all(&folder).expect("it can be removed");
    }

    #[test]
    fn targets_have_turns_alike() {
        let [t, u] = ["t", "u"].map(|name| Target {
            name: name.to_owned(),
            options: Vec::new(),
        });
        let mut state = State::default();
        assert_eq!(state.next(&[&t, &u]), Some(&t));
        state.add(&turn(&[]));
        assert_eq!(state.next(&[&t, &u]), Some(&u), "t has had one");
        assert_eq!(state.next(&[]), None);
    }

    #[test]
    fn turns_that_a_night_was_killed_in_count() {
        let mut state = State::default();
        state.add(&turn(&[]));
        state.elapsed_seconds = 2.0;
        for name in ["t", "u", "none"] {
            state.running.insert(name.to_owned(), 5.0);
        }
        let killed = |name: &str, began: f64| {
            assert_eq!(began, 5.0);
            (name != "none").then(|| Turn {
                target: name.to_owned(),
                ..turn(&["crash-1"])
            })
        };
        state.take_up(killed);
        assert_eq!(state.elapsed_seconds, 4.0, "side by side");
        assert_eq!((state.turns(), state.targets["t"].executions), (3, 200));
        assert_eq!(state.targets_with_findings(), ["t", "u"]);
        state.take_up(|name, _| panic!("{name} is over"));
    }

    #[test]
    fn what_a_killed_turn_found_is_told_and_what_an_earlier_night_did_is_not() {
        let mut state = State::default();
        let there = |names: &[&str]| names.iter().map(|s| (*s).to_owned()).collect();
        state.note_old("t", || there(&["crash-old"]));
        assert_eq!(state.add(&turn(&["crash-old"])), (1, vec![]));
        // A turn finds crash-1 and is killed with the night, which goes on.
        state.note_old("t", || there(&["crash-old", "crash-1"]));
        let (turns, new) = state.add(&turn(&["crash-1", "crash-old"]));
        assert_eq!((turns, new), (2, vec!["crash-1".to_owned()]));
        let (_, new) = state.add(&turn(&["crash-1", "crash-2", "crash-old"]));
        assert_eq!(new, ["crash-2"]);
        assert!(!state.is_green());
    }

    #[test]
    fn a_finding_or_nothing_at_all_is_red() {
        let mut state = State::default();
        assert!(!state.is_green());
        state.add(&turn(&[]));
        assert!(!state.is_green(), "without a canary");
        state.canary = Some("found".to_owned());
        assert!(state.is_green());
        state.add(&turn(&["crash-1"]));
        assert!(!state.is_green());
        assert_eq!(state.targets_with_findings(), ["t"]);
    }
}
