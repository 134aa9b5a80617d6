//! shuttle: random executions, one CPU at a time.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use clap::ValueEnum;
use seqfault_core::CpuId;
use shuttle::scheduler::{
    DfsScheduler, PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId,
    UrwRandomScheduler,
};
use shuttle::{Config, FailurePersistence, Runner};

use super::collector::Collector;
use super::registry::{ITERATIONS, Values};
use super::run::Run;
use super::{Control, Engine, Judge, Kind, Order, Report, Search};
use crate::platform;
use crate::scenario::Scenario;

/// How many priority changes PCT makes in an execution.
const PCT_DEPTH: usize = 3;

/// shuttle.
#[derive(Clone, Debug)]
pub struct Shuttle {
    /// So many executions.
    pub iterations: u64,
    /// Where random choices start.
    pub seed: u64,
    /// How the next CPU is chosen.
    pub strategy: Strategy,
}

/// How shuttle chooses the next CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
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

impl Default for Shuttle {
    fn default() -> Shuttle {
        Shuttle {
            iterations: ITERATIONS,
            seed: 0,
            strategy: Strategy::default(),
        }
    }
}

impl Shuttle {
    pub(super) fn take(values: &mut Values) -> Shuttle {
        let strategy = values.strategy.take().unwrap_or_default();
        let seed = if strategy == Strategy::Dfs {
            values.void = Some(("seed", "--strategy dfs draws nothing"));
            None
        } else {
            values.seed.take()
        };
        Shuttle {
            iterations: values.iterations.take().unwrap_or(ITERATIONS),
            seed: seed.unwrap_or_default(),
            strategy,
        }
    }
}

impl Engine for Shuttle {
    fn name(&self) -> &'static str {
        "shuttle"
    }

    fn kind(&self) -> Kind {
        Kind::Sampling
    }

    fn order(&self) -> Order {
        Order::Coherent
    }

    fn execute(&self, scenario: &Scenario, control: &Control, judge: &Judge) -> Report {
        let collector = Arc::new(Collector::new(scenario, judge));
        let mut config = Config::new();
        config.failure_persistence = FailurePersistence::None;
        config.silence_warnings = true;
        let iterations = self.iterations as usize;
        let model = {
            let collector = collector.clone();
            let control = control.clone();
            move || execution(&collector, &control)
        };
        let seed = self.seed;
        let is_concurrent = scenario.threads.len() > 1;
        let stopped = platform::catch(|| match self.strategy {
            // PCT refuses what has nothing to choose.
            Strategy::Pct if is_concurrent => {
                let scheduler = PctScheduler::new_from_seed(seed, PCT_DEPTH, iterations);
                Runner::new(Quiet::new(scheduler, control), config).run(model)
            }
            Strategy::Random | Strategy::Pct => {
                let scheduler = RandomScheduler::new_from_seed(seed, iterations);
                Runner::new(Quiet::new(scheduler, control), config).run(model)
            }
            Strategy::Urw => {
                let scheduler = UrwRandomScheduler::new_from_seed(seed, iterations);
                Runner::new(Quiet::new(scheduler, control), config).run(model)
            }
            Strategy::Dfs => {
                let scheduler = DfsScheduler::new(Some(iterations), false);
                Runner::new(Quiet::new(scheduler, control), config).run(model)
            }
        })
        .err()
        .or_else(platform::violated);
        let recording = platform::end();
        if let Some(stopped) = stopped {
            collector.stopped(&stopped, recording.entries);
        }
        let choices = match self.strategy {
            Strategy::Random => format!("--seed {seed}"),
            Strategy::Pct => format!("--strategy pct --seed {seed}"),
            Strategy::Urw => format!("--strategy urw --seed {seed}"),
            Strategy::Dfs => "--strategy dfs".to_owned(),
        };
        collector.report(Search::Sampled, |executions| {
            format!(
                "--engine {} {choices} --iterations {executions}",
                self.name()
            )
        })
    }
}

/// A scheduler that ends an execution and the run when something is violated,
/// without a panic, and that is never dropped: shuttle prints advice at both on
/// how to replay a failure, which is not this program's way.
struct Quiet<S> {
    scheduler: ManuallyDrop<S>,
    /// What ends the run too.
    control: Control,
}

impl<S> Quiet<S> {
    fn new(scheduler: S, control: &Control) -> Quiet<S> {
        Quiet {
            scheduler: ManuallyDrop::new(scheduler),
            control: control.clone(),
        }
    }
}

impl<S: Scheduler> Scheduler for Quiet<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if platform::is_over() || self.control.is_interrupted() {
            return None;
        }
        self.scheduler.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        if platform::is_over() {
            return None;
        }
        self.scheduler.next_task(runnable, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.scheduler.next_u64()
    }
}

pub(super) fn execution(collector: &Arc<Collector>, control: &Control) {
    collector.began(&control.progress);
    platform::begin(|| Some(CpuId(usize::from(shuttle::thread::current().id()))));
    let is_over = || control.is_interrupted();
    let Some((run, mut locals)) = Run::<platform::Shuttle>::new(collector, is_over) else {
        collector.withdrawn();
        return platform::over();
    };
    let spawn = |local| {
        let run = run.clone();
        shuttle::thread::spawn(move || {
            run.run_cpu(local);
        })
    };
    let handles: Vec<_> = locals.drain(1..).map(spawn).collect();
    if let Some(first) = locals.pop() {
        run.run_cpu(first);
    }
    for handle in handles {
        // A CPU that panics has ended the whole execution.
        let _ = handle.join();
    }
    let outcome = platform::with_finale(|| run.finale());
    if !platform::with_timeline(|entries| collector.outcome(outcome, entries)) {
        platform::over();
    }
}
