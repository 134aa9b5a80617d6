//! The options by which engines are told how much to run.

use std::time::Duration;

use clap::Args;

use crate::engines::registry::Values;
use crate::engines::{Bound, Memory, Reductions, Strategy};

/// How much to run.
#[derive(Debug, Args)]
pub(crate) struct Extent {
    /// loom: at most N preemptions in an execution.
    #[arg(long, value_name = "N")]
    pub preemptions: Option<u8>,
    /// explorer, loom: at most N executions; a search that needs more has no verdict.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_executions: Option<u64>,
    /// shuttle, native, linux: N executions; 2,000, unless said, or as many as fit into --time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub iterations: Option<u64>,
    /// linux: at most so many seconds for each test.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub time: Option<u64>,
    /// shuttle, native, linux: where random choices start; 0, unless said.
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// shuttle: how the next CPU is chosen; random, unless said.
    #[arg(long, value_enum)]
    pub strategy: Option<Strategy>,
    /// explorer: the memory model; rc11, unless said.
    #[arg(long, value_enum)]
    pub memory: Option<Memory>,
    /// explorer, loom: visit a part of all executions, those near the first one (explorer:
    /// revisits=N), or those of few preemptions (loom: preemptions=N).
    #[arg(long, value_name = "NAME=N", conflicts_with = "preemptions")]
    pub bound: Option<Bound>,
    /// explorer: what is left out of the search, as the rest stands for it; all, unless said.
    #[arg(long, value_enum)]
    pub reduce: Option<Reductions>,
    /// explorer, loom: at most so many seconds for each search; one that needs more has no verdict.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_time: Option<u64>,
}

impl Extent {
    /// As what engines take.
    pub fn values(&self) -> Values {
        Values {
            preemptions: self.preemptions,
            max_executions: self.max_executions,
            iterations: self.iterations,
            time: self.time.map(Duration::from_secs),
            seed: self.seed,
            strategy: self.strategy,
            memory: self.memory,
            bound: self.bound,
            reduce: self.reduce,
            max_time: self.max_time.map(Duration::from_secs),
            ..Values::default()
        }
    }
}
