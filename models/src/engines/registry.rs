//! The engines that there are, a row for each.
//!
//! An engine *takes* what it heeds out of the [`Values`] that a user gave. What it leaves there is
//! refused, with the names of those that would have taken it.

use std::sync::Arc;
use std::time::Duration;

use super::explorer::{Explorer, Memory, Reductions};
use super::linux::Linux;
use super::loom::Loom;
use super::native::Native;
use super::shuttle::{Shuttle, Strategy};
use super::spec::Spec;
use super::{Bound, Engine, Part, Spare};

/// One engine.
#[derive(Debug)]
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Makes it, with what it takes.
    make: fn(&mut Values) -> Made,
}

/// An engine, or why its environment cannot be used.
type Made = Result<Arc<dyn Engine>, String>;

/// All engines. The first is used unless another one is asked for, and what the others show is held
/// against it.
pub static ENGINES: [Row; 6] = [
    Row {
        name: "explorer",
        about: "Every execution of the memory model, each once, by our own model checker",
        make: |values| Ok(Arc::new(Explorer::take(values))),
    },
    Row {
        name: "loom",
        about: "Every execution that loom's reduction keeps, and weak memory",
        make: |values| Ok(Arc::new(Loom::take(values)?)),
    },
    Row {
        name: "shuttle",
        about: "Random executions, one CPU at a time",
        make: |values| Ok(Arc::new(Shuttle::take(values))),
    },
    Row {
        name: "native",
        about: "The host's threads",
        make: |values| Ok(Arc::new(Native::take(values))),
    },
    Row {
        name: "linux",
        about: "The host's kernel",
        make: |values| Ok(Arc::new(Linux::take(values))),
    },
    Row {
        name: "spec",
        about: "The reference specification",
        make: |_| Ok(Arc::new(Spec)),
    },
];

/// The engine that is used unless another one is asked for.
pub fn usual() -> &'static Row {
    &ENGINES[0]
}

/// The engine of this name.
pub fn find(name: &str) -> Option<&'static Row> {
    ENGINES.iter().find(|row| row.name == name)
}

/// The names of all engines of which that holds, to end a sentence.
pub fn those(holds: impl Fn(&dyn Engine) -> bool) -> String {
    let rows = ENGINES.iter().filter(|row| {
        let made = (row.make)(&mut Values::default());
        made.is_ok_and(|engine| holds(&*engine))
    });
    let names: Vec<&str> = rows.map(|row| row.name).collect();
    names.join(" or ")
}

impl Row {
    /// The engine with those of the values that it heeds.
    ///
    /// # Errors
    /// A variable of its environment that makes no sense.
    pub fn with(&self, values: &Values) -> Result<Arc<dyn Engine>, String> {
        (self.make)(&mut values.clone())
    }

    /// The engine with all of the values that the user gave.
    ///
    /// # Errors
    /// A value that it does not heed, or a variable of any engine's environment that makes no sense.
    pub fn with_all(&self, values: &Values) -> Result<Arc<dyn Engine>, String> {
        let left_by = |row: &Row| {
            let mut left = values.clone();
            (row.make)(&mut left).map(|_| left)
        };
        let mut all = Vec::new();
        for row in &ENGINES {
            all.push((row, left_by(row)?.given()));
        }
        let left = left_by(self)?;
        if let Some(option) = left.given().first() {
            if let Some((void, why)) = left.void
                && void == *option
            {
                let name = self.name;
                return Err(format!("--{option} does nothing under {name}: {why}"));
            }
            let heed = all.iter().filter(|(_, ignored)| !ignored.contains(option));
            let heed: Vec<String> = heed
                .map(|(row, _)| format!("--engine {}", row.name))
                .collect();
            let (name, heed) = (self.name, heed.join(" or "));
            return Err(format!(
                "--{option} does nothing under {name}: say {heed} with it"
            ));
        }
        self.with(values)
    }
}

/// How many executions a sample has, unless it is said.
pub const ITERATIONS: u64 = 2_000;

/// What a user, and the command for them, says to engines.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// At most so many preemptions in an execution.
    pub preemptions: Option<u8>,
    /// At most so many executions of a search.
    pub max_executions: Option<u64>,
    /// So many executions of a sample.
    pub iterations: Option<u64>,
    /// At most so long for a sample.
    pub time: Option<Duration>,
    /// Where random choices start.
    pub seed: Option<u64>,
    /// How the next CPU is chosen.
    pub strategy: Option<Strategy>,
    /// The memory model.
    pub memory: Option<Memory>,
    /// A bound on what a search visits.
    pub bound: Option<Bound>,
    /// What is left out of a search.
    pub reduce: Option<Reductions>,
    /// At most so long for a search.
    pub max_time: Option<Duration>,
    /// One part of the search instead of the whole.
    pub part: Option<Part>,
    /// How often a search is kept before it is over.
    pub keep_every: Option<Duration>,
    /// How many OS threads share a search.
    pub workers: Option<usize>,
    /// OS threads that a search may take beyond these, while it runs.
    pub spare: Spare,
    /// Whether each search is estimated before it is made, for a reader of the progress.
    pub estimate: bool,
    /// The option that an engine leaves because of another one, and why.
    pub void: Option<(&'static str, &'static str)>,
}

impl Values {
    /// The options by which an engine is told how much to run, as far as they are given.
    fn given(&self) -> Vec<&'static str> {
        let options = [
            ("preemptions", self.preemptions.is_some()),
            ("max-executions", self.max_executions.is_some()),
            ("iterations", self.iterations.is_some()),
            ("time", self.time.is_some()),
            ("seed", self.seed.is_some()),
            ("strategy", self.strategy.is_some()),
            ("memory", self.memory.is_some()),
            ("bound", self.bound.is_some()),
            ("reduce", self.reduce.is_some()),
            ("max-time", self.max_time.is_some()),
        ];
        let given = options.iter().filter(|(_, is_given)| *is_given);
        given.map(|(option, _)| *option).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_makes_the_engine_of_its_name() {
        for row in &ENGINES {
            let engine = row.with(&Values::default()).expect("nothing is wrong");
            assert_eq!(engine.name(), row.name);
            assert!(std::ptr::eq(find(row.name).expect("a row"), row));
        }
    }

    #[test]
    fn what_an_engine_leaves_is_refused() {
        let seed = Values {
            seed: Some(7),
            ..Values::default()
        };
        let refused = usual().with_all(&seed).expect_err("it takes no seed");
        assert_eq!(
            refused,
            "--seed does nothing under explorer: say --engine shuttle or --engine native or \
             --engine linux with it"
        );
        let depth_first = Values {
            strategy: Some(Strategy::Dfs),
            ..seed.clone()
        };
        let shuttle = find("shuttle").expect("a row");
        let refused = shuttle
            .with_all(&depth_first)
            .expect_err("it draws nothing");
        let why = "--seed does nothing under shuttle: --strategy dfs draws nothing";
        assert_eq!(refused, why);
        let taken = find("native").map(|row| row.with_all(&seed));
        let taken = taken.expect("a row").expect("it takes a seed");
        assert!(format!("{taken:?}").contains("seed: 7"), "{taken:?}");
    }
}
