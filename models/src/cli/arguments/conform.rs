//! `conform`: from its arguments to what its runners take.

use std::ops::Range;
use std::time::Duration;

use super::{Conform, LevelName};
use crate::cli::Trouble;
use crate::conform::{self, Level, Plant, WRONG, Wrong, concurrent};
use crate::engines::Linux;
use crate::plan;
use crate::spec::Rules;

/// The most operations of a sequence.
const MAX_OPS: usize = 299;
/// How long one operation of a sequence may take, unless said.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most programs: their numbers are kept.
const MOST_PROGRAMS: u64 = 100_000_000;

impl Conform {
    /// As what the runner takes.
    pub fn options(&self) -> Result<conform::Options, Trouble> {
        self.refuse(
            "--cpus 2 or 3",
            &[
                ("--max-executions", self.max_executions.is_some()),
                ("--iterations", self.iterations.is_some()),
                ("--memory", self.memory.is_some()),
                ("--with", !self.deviate.with.is_empty()),
                ("--preset", self.deviate.preset.is_some()),
                ("--quirk", !self.deviate.quirk.is_empty()),
            ],
        )?;
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let crash = self.plant_crash.map(Plant::Crash);
        Ok(conform::Options {
            seed: self.seed,
            numbers: self.numbers(100_000),
            ops: self.ops("20..60", MAX_OPS)?,
            level: match self.level {
                None | Some(LevelName::Page) => Level::Page,
                Some(LevelName::Vma) => Level::Vma,
            },
            jobs: self.jobs.unwrap_or(cpus).max(1),
            patience: self.patience.unwrap_or(PATIENCE),
            wrong: self.wrong()?,
            plant: crash.or(self.plant_hang.map(Plant::Hang)),
            keep_going: self.keep_going,
        })
    }

    /// The same for programs of several CPUs.
    pub fn programs(&self) -> Result<concurrent::Options, Trouble> {
        self.refuse(
            "--cpus 1",
            &[
                ("--level", self.level.is_some()),
                ("--patience", self.patience.is_some()),
                ("--plant-crash", self.plant_crash.is_some()),
                ("--plant-hang", self.plant_hang.is_some()),
            ],
        )?;
        if self.sequences.is_some_and(|count| count > MOST_PROGRAMS) {
            return Err(Trouble::Usage(format!(
                "--sequences: at most {MOST_PROGRAMS} programs at once; --from goes on behind them"
            )));
        }
        let on_host = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        let usual = concurrent::Options::default();
        let mut rules = Rules::default();
        if let Some(wrong) = self.wrong()? {
            (wrong.change)(&mut rules);
        }
        Ok(concurrent::Options {
            seed: self.seed,
            cpus: usize::from(self.cpus),
            ops: self.ops("1..3", plan::MAX_OPS)?,
            max_executions: self.max_executions.unwrap_or(usual.max_executions),
            memory: self.memory.unwrap_or(usual.memory),
            iterations: match self.iterations {
                Some(iterations) => iterations,
                None if on_host => Linux::default().iterations,
                None => 0,
            },
            deviations: self.deviate.choices_alone("conform")?,
            rules,
            ..usual
        })
    }

    /// The numbers of the sequences or programs, of which there are `usual`, unless said.
    pub fn numbers(&self, usual: u64) -> Range<u64> {
        let count = self.sequences.unwrap_or(usual);
        self.from..self.from.saturating_add(count)
    }

    /// `--ops`, which is below `most`.
    fn ops(&self, usual: &str, most: usize) -> Result<Range<usize>, Trouble> {
        let ops = self.ops.as_deref().unwrap_or(usual);
        let range = || {
            let (from, to) = ops.split_once("..")?;
            let (from, to) = (from.parse().ok()?, to.parse::<usize>().ok()?);
            (1 <= from && from <= to && to <= most).then_some(from..to + 1)
        };
        range().ok_or_else(|| {
            let text = format!("`--ops {ops}`: N..M with 1 <= N <= M <= {most} was expected");
            Trouble::Usage(text)
        })
    }

    /// The rule that is to be wrong.
    fn wrong(&self) -> Result<Option<&'static Wrong>, Trouble> {
        let wrong = |name: &String| {
            Wrong::find(name).ok_or_else(|| {
                let names: Vec<&str> = WRONG.iter().map(|wrong| wrong.name).collect();
                let names = names.join(", ");
                Trouble::Usage(format!(
                    "no rule is called `{name}` where it is wrong; there are {names}"
                ))
            })
        };
        self.wrong.as_ref().map(wrong).transpose()
    }

    /// Refuses what is given and would be ignored.
    fn refuse(&self, wants: &str, options: &[(&str, bool)]) -> Result<(), Trouble> {
        match options.iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((option, _)) => Err(Trouble::Usage(format!(
                "{option} is for {wants}, and there are {} CPUs",
                self.cpus
            ))),
        }
    }
}
