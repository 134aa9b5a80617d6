//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use seqfault_core::{CHOICES, Protocol};

use super::Trouble;
use crate::engines::{Engine, Memory, Options, Strategy};
use crate::scenario::{self, Deviations};
use crate::verdict::{Environment, Limits, Request, Subject};

/// herd7 for page faults: checks small concurrent programs over mmap, munmap,
/// page faults and TLBs.
#[derive(Debug, Parser)]
#[command(name = "seqfault", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check tests: each condition, every invariant, every `broken by` line.
    Check(Check),
    /// Run all engines, and hold their outcomes against the specification.
    Compare(Compare),
    /// List the choices and quirks, where they come from, and the proofs that use them.
    Knobs(Knobs),
    /// Write a test to start from.
    New(New),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Test files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub deviate: Deviate,
    /// What runs the tests.
    #[arg(long, value_enum, default_value = "explorer")]
    pub engine: EngineName,
    #[command(flatten)]
    pub extent: Extent,
    /// Tests that run at once; as many as the host has CPUs, unless said.
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Write everything to FILE as one JSON document.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Show a timeline of one execution for each outcome.
    #[arg(long)]
    pub trace: bool,
    /// The whole verdict of each test, and allowed outcomes that were never seen.
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// Test files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub deviate: Deviate,
    #[command(flatten)]
    pub extent: Extent,
    /// Tests that run at once; as many as the host has CPUs, unless said.
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Knobs {
    /// Where the proofs are; `proofs`, unless said.
    #[arg(long, value_name = "DIR")]
    pub proofs: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The test's name; NAME.litmus is written.
    pub name: String,
}

/// What is to differ from what the files say.
#[derive(Debug, Args)]
pub(crate) struct Deviate {
    /// Make a choice, over that of the file.
    #[arg(long, value_name = "K=V")]
    pub with: Vec<String>,
    /// Make all the choices of a preset: the same as `--with protocol=P`.
    #[arg(long, value_name = "P")]
    pub preset: Option<String>,
    /// Turn a quirk on: a deviation known to be wrong.
    #[arg(long, value_name = "Q")]
    pub quirk: Vec<String>,
}

/// How much to run.
#[derive(Debug, Args)]
pub(crate) struct Extent {
    /// loom: at most N preemptions in an execution.
    #[arg(long, value_name = "N")]
    pub preemptions: Option<u8>,
    /// explorer, loom: at most N executions; a search that needs more has no verdict.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_executions: Option<u64>,
    /// shuttle, native: N executions.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub iterations: u64,
    /// shuttle, native: where random choices start.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// shuttle: how the next CPU is chosen.
    #[arg(long, value_enum, default_value = "random")]
    pub strategy: StrategyName,
    /// explorer: the memory model.
    #[arg(long, value_enum, default_value = "rc11")]
    pub memory: MemoryName,
    /// explorer: at most so many seconds for each search; one that needs more has no verdict.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_time: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum MemoryName {
    /// Sequential consistency.
    Sc,
    /// x86-TSO.
    Tso,
    /// C11 without load buffering, repaired.
    Rc11,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EngineName {
    /// Every execution of the memory model, each once, by our own model checker.
    Explorer,
    /// Every execution that loom's reduction keeps, and weak memory.
    Loom,
    /// Random executions, one CPU at a time.
    Shuttle,
    /// The host's threads.
    Native,
    /// The host's kernel.
    Linux,
    /// The reference specification.
    Spec,
}

impl EngineName {
    /// What it names, if it is built.
    pub fn subject(self) -> Result<Subject, Trouble> {
        let missing = |name: &str| {
            Err(Trouble::Usage(format!(
                "the engine `{name}` is not built yet; there are explorer, loom, shuttle, native and spec"
            )))
        };
        match self {
            EngineName::Explorer => Ok(Subject::Core(Engine::Explorer)),
            EngineName::Linux => missing("linux"),
            EngineName::Loom => Ok(Subject::Core(Engine::Loom)),
            EngineName::Shuttle => Ok(Subject::Core(Engine::Shuttle)),
            EngineName::Native => Ok(Subject::Core(Engine::Native)),
            EngineName::Spec => Ok(Subject::Spec),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StrategyName {
    /// Uniformly.
    Random,
    /// By random priorities with a few changes.
    Pct,
    /// Uniformly among all interleavings, as far as the CPUs' lengths can be foreseen.
    Urw,
    /// Depth first, every schedule.
    Dfs,
}

impl Deviate {
    /// As a test's deviations.
    pub fn deviations(&self) -> Result<Deviations, Trouble> {
        let mut deviations = Deviations::default();
        let mut protocol = Protocol::default();
        let refused = |refusal: scenario::Refusal| Trouble::Usage(refusal.message);
        let preset = self.preset.iter().map(|preset| ("protocol", &**preset));
        let with = self.with.iter().map(|choice| {
            choice.split_once('=').ok_or_else(|| {
                let names: Vec<&str> = CHOICES.iter().map(|c| c.name).collect();
                let names = names.join(", ");
                let message = format!(
                    "`--with {choice}` has no `=`: it is CHOICE=VALUE, CHOICE one of {names}"
                );
                Trouble::Usage(message)
            })
        });
        for choice in preset.map(Ok).chain(with) {
            let (key, value) = choice?;
            scenario::choose(&mut protocol, key, value, None).map_err(refused)?;
            deviations.choices.push((key.to_owned(), value.to_owned()));
        }
        for name in &self.quirk {
            deviations
                .quirks
                .push(scenario::quirk(name, None).map_err(refused)?);
        }
        Ok(deviations)
    }
}

impl Extent {
    /// As a request that `subject` runs.
    pub fn request(&self, subject: Subject, deviations: Deviations) -> Result<Request, Trouble> {
        Environment::read().map_err(Trouble::Usage)?;
        Ok(Request {
            subject,
            deviations,
            limits: Limits {
                preemptions: self.preemptions,
                max_executions: self.max_executions,
            },
            options: Options {
                iterations: self.iterations,
                seed: self.seed,
                strategy: match self.strategy {
                    StrategyName::Random => Strategy::Random,
                    StrategyName::Pct => Strategy::Pct,
                    StrategyName::Urw => Strategy::Urw,
                    StrategyName::Dfs => Strategy::Dfs,
                },
                memory: match self.memory {
                    MemoryName::Sc => Memory::Sc,
                    MemoryName::Tso => Memory::Tso,
                    MemoryName::Rc11 => Memory::Rc11,
                },
                max_time: self.max_time.map(Duration::from_secs),
                ..Options::default()
            },
            ..Request::default()
        })
    }
}
