//! Engines: each runs a [`Scenario`] in its own way, and reports what it saw.

mod collector;
pub mod driven;
mod explorer;
mod kept;
pub mod linux;
mod lock_order;
pub mod loom;
mod merge;
mod native;
mod part;
mod progress;
mod run;
mod shuttle;
mod slot;
mod spare;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seqfault_core::{CpuId, Invariant};

use crate::litmus::ast::{Outcome, Quantifier};
use crate::platform::Entry;
use crate::scenario::Scenario;

pub use kept::{Kept, KeptFailure, State};
pub use merge::merge;
pub use part::Part;
pub use progress::{Ahead, Progress};
pub use slot::{About, Refused, Slot};
pub use spare::Spare;

/// The engines that run core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Every execution of the memory model, once.
    Explorer,
    /// Every execution, up to loom's reduction.
    Loom,
    /// Random executions, one CPU at a time.
    Shuttle,
    /// The host's threads.
    Native,
}

impl Engine {
    /// All of them.
    pub const ALL: [Engine; 4] = [
        Engine::Explorer,
        Engine::Loom,
        Engine::Shuttle,
        Engine::Native,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Explorer => "explorer",
            Engine::Loom => "loom",
            Engine::Shuttle => "shuttle",
            Engine::Native => "native",
        }
    }

    /// Whether it explores C11's weak memory as well as interleavings.
    pub fn has_weak_memory(self, options: &Options) -> bool {
        match self {
            Engine::Explorer => options.memory == Memory::Rc11,
            Engine::Loom => true,
            Engine::Shuttle | Engine::Native => false,
        }
    }

    /// Whether a failure that is there must be found.
    pub const fn is_exhaustive(self) -> bool {
        matches!(self, Engine::Explorer | Engine::Loom)
    }

    /// Runs `scenario`.
    pub fn run(self, scenario: &Scenario, options: &Options, judge: &Judge) -> Report {
        let start = Instant::now();
        if let Some(lacks) = &scenario.lacks {
            return Report::trouble(lacks.to_string());
        }
        if self != Engine::Explorer
            && let Some(refusal) = speculates(scenario, self.name())
        {
            return refusal;
        }
        crate::platform::begin(crate::platform::nobody);
        // Those of an execution that did not end are not this run's.
        crate::platform::limits();
        let mut report = match self {
            Engine::Explorer => explorer::run(scenario, options, judge),
            Engine::Loom => loom::run(scenario, options, judge),
            Engine::Shuttle => shuttle::run(scenario, options, judge),
            Engine::Native => native::run(scenario, options, judge),
        };
        // A part of a small search may be empty, and so may one that goes on.
        let may_be_empty = matches!(report.search, Search::Part(_)) || !report.kept.is_empty();
        if report.executions == 0 && report.failure.is_none() && !may_be_empty {
            let nothing = || "no execution was run".to_owned();
            report.problem.get_or_insert_with(nothing);
        }
        report.elapsed = start.elapsed();
        report
    }
}

/// What an engine says that cannot choose what hardware does by itself, if the test asks for that:
/// without, it would check less than it says.
fn speculates(scenario: &Scenario, engine: &str) -> Option<Report> {
    (scenario.config.protocol.speculation > 0).then(|| Report {
        problem: Some(format!(
            "{engine} cannot choose what hardware does: speculation needs the explorer"
        )),
        ..Report::empty(Search::Sampled)
    })
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The memory model that the explorer explores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// Sequential consistency.
    Sc,
    /// x86-TSO.
    Tso,
    /// C11 without load buffering, repaired.
    #[default]
    Rc11,
}

impl Memory {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Memory::Sc => "sc",
            Memory::Tso => "tso",
            Memory::Rc11 => "rc11",
        }
    }
}

/// How shuttle chooses the next CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Uniformly.
    #[default]
    Random,
    /// By random priorities with a few changes.
    Pct,
    /// Uniformly among all interleavings, as far as the CPUs' lengths can be foreseen.
    Urw,
    /// Depth first, every schedule.
    Dfs,
}

/// How much to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// loom: at most so many preemptions; `None` is no bound.
    pub preemptions: Option<u8>,
    /// At most so many executions of an exhaustive engine.
    pub max_executions: Option<u64>,
    /// shuttle, native and linux: so many executions.
    pub iterations: u64,
    /// shuttle, native and linux: where their random choices start.
    pub seed: u64,
    /// shuttle: how it chooses.
    pub strategy: Strategy,
    /// explorer: the memory model.
    pub memory: Memory,
    /// explorer, loom: how long at most.
    pub max_time: Option<Duration>,
    /// explorer: how many OS threads share the search.
    pub workers: usize,
    /// explorer: executions before it is shared; see `explorer`.
    pub alone: u64,
    /// explorer: OS threads that it may take beyond these, while it runs.
    pub spare: Spare,
    /// explorer: one part of the search instead of the whole.
    pub part: Option<Part>,
    /// explorer: where the search is kept.
    pub slot: Option<Slot>,
    /// explorer: how often it is kept before it is over.
    pub keep_every: Duration,
    /// explorer: estimates each search before it is made, for a reader of the progress.
    pub estimate: bool,
    /// Stops the search once it is set.
    pub interrupt: Option<Arc<AtomicBool>>,
    /// linux: how long at most, if that comes before the iterations.
    pub time: Option<Duration>,
    /// Executions so far, for a reader of the progress.
    pub progress: Progress,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            preemptions: None,
            max_executions: None,
            iterations: 2_000,
            seed: 0,
            strategy: Strategy::default(),
            memory: Memory::default(),
            max_time: None,
            workers: 1,
            alone: 5_000,
            spare: Spare::default(),
            part: None,
            slot: None,
            keep_every: Duration::from_secs(60),
            estimate: false,
            interrupt: None,
            time: None,
            progress: Progress::default(),
        }
    }
}

impl Options {
    /// Whether an end is wanted.
    pub(crate) fn is_interrupted(&self) -> bool {
        let interrupt = self.interrupt.as_ref();
        interrupt.is_some_and(|interrupt| interrupt.load(Ordering::Relaxed))
    }
}

/// How far a search went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// It ended by itself, with no bound.
    Complete,
    /// It ended by itself within a bound on preemptions.
    Bounded {
        /// The bound.
        preemptions: u8,
    },
    /// It tried some executions.
    Sampled,
    /// It ended by itself, in one part of the whole.
    Part(Part),
    /// It was stopped before it ended: no verdict but a failure.
    Unfinished,
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Search::Complete => f.write_str("complete"),
            Search::Bounded { preemptions } => write!(f, "bounded preemptions={preemptions}"),
            Search::Sampled => f.write_str("sampled"),
            Search::Part(part) => write!(f, "shard {part}"),
            Search::Unfinished => f.write_str("unknown: stopped before the end"),
        }
    }
}

/// What a test violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violated {
    /// An invariant.
    Invariant(Invariant),
    /// The test's condition.
    Condition,
}

impl fmt::Display for Violated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violated::Invariant(invariant) => f.write_str(invariant.name()),
            Violated::Condition => f.write_str("condition"),
        }
    }
}

/// An execution that violates something.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What it violates.
    pub violated: Violated,
    /// How, in a sentence.
    pub message: String,
    /// The CPU that ran when it was found out, where one is to be named.
    pub cpu: Option<CpuId>,
    /// Two accesses that nothing orders: their order in the timeline means nothing.
    pub race: bool,
    /// What happened, in order; on the host's threads, CPU by CPU. Empty if it
    /// was not kept.
    pub timeline: Vec<Entry>,
    /// A second execution, where only two together violate something.
    pub also: Option<Vec<Entry>>,
    /// How it was shown, where it was kept by another process.
    pub table: Option<String>,
    /// The execution's graph for Graphviz, where the engine has one.
    pub graph: Option<String>,
    /// The engine's arguments that lead to it again.
    pub replay: String,
}

impl Failure {
    /// A failure that is no CPU's doing, whose timeline this is.
    fn new(violated: Violated, message: String, timeline: Vec<Entry>) -> Failure {
        Failure {
            violated,
            message,
            cpu: None,
            race: false,
            timeline,
            also: None,
            table: None,
            graph: None,
            replay: String::new(),
        }
    }
}

/// What an engine saw.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many executions ended in each outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How many executions were run.
    pub executions: u64,
    /// How far the search went.
    pub search: Search,
    /// The first execution that violates something.
    pub failure: Option<Failure>,
    /// What kept the engine from going on, when it is no violation.
    pub problem: Option<String>,
    /// One timeline for each outcome.
    pub witnesses: BTreeMap<Outcome, Vec<Entry>>,
    /// How the host's kernel was asked, if it was.
    pub sample: Option<Sample>,
    /// How long it took.
    pub elapsed: Duration,
    /// The files that it comes from, or that it can go on from.
    pub kept: Vec<PathBuf>,
    /// The names of the choices and quirks that executions that ended by themselves looked at,
    /// of engines that run core.
    pub looked: Option<BTreeSet<String>>,
    /// The checker's own limits that were reached: what lies behind them was not tried.
    pub limits: BTreeSet<String>,
}

impl Report {
    /// That nothing was seen.
    pub fn empty(search: Search) -> Report {
        Report {
            outcomes: BTreeMap::new(),
            executions: 0,
            search,
            failure: None,
            problem: None,
            witnesses: BTreeMap::new(),
            sample: None,
            elapsed: Duration::ZERO,
            kept: Vec::new(),
            looked: None,
            limits: BTreeSet::new(),
        }
    }

    /// What bounded a search that ended by itself; empty if nothing did.
    pub fn bounds(&self) -> Vec<String> {
        let preemptions = match self.search {
            Search::Bounded { preemptions } => Some(format!("preemptions={preemptions}")),
            _ => None,
        };
        let limits = self.limits.iter().cloned();
        preemptions.into_iter().chain(limits).collect()
    }

    /// That the engine could not begin.
    fn trouble(problem: String) -> Report {
        Report {
            problem: Some(problem),
            ..Report::empty(Search::Unfinished)
        }
    }
}

/// How the host's kernel was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where the random choices started.
    pub seed: u64,
    /// How many threads there were.
    pub threads: usize,
    /// How many of the host's CPUs they had.
    pub cpus: usize,
}

impl Report {
    /// The entropy of the outcomes, in bits: 0 where all executions end alike, so that a sample
    /// may have missed every race.
    pub fn entropy(&self) -> f64 {
        let all: u64 = self.outcomes.values().sum();
        let bits = |count: &u64| {
            let share = *count as f64 / all as f64;
            -share * share.log2()
        };
        // Of one outcome it is -0.
        self.outcomes.values().map(bits).sum::<f64>().max(0.0)
    }
}

/// Judges an outcome as soon as it is seen.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// What the specification allows, if that is to be judged.
    pub allowed: Option<BTreeSet<Outcome>>,
    /// Keep a timeline of each outcome.
    pub keep_witnesses: bool,
}

impl Judge {
    /// What `outcome` violates, and how.
    fn violated(&self, scenario: &Scenario, outcome: &Outcome) -> Option<(Violated, String)> {
        let condition = &scenario.program.condition;
        let wrong = match condition.quantifier {
            Quantifier::Exists => false,
            Quantifier::NotExists => condition.formula.surely_holds(outcome),
            Quantifier::Forall => !condition.formula.may_hold(outcome),
        };
        if wrong {
            let message = format!("the outcome `{outcome}` is against `{condition}`");
            return Some((Violated::Condition, message));
        }
        let without_counts = Outcome {
            counts: BTreeMap::new(),
            ..outcome.clone()
        };
        if let Some(allowed) = &self.allowed
            && !allowed.iter().any(|full| without_counts.agrees(full))
        {
            let message = format!("the specification does not allow the outcome `{outcome}`");
            return Some((Violated::Invariant(Invariant::NotAtomic), message));
        }
        None
    }
}
