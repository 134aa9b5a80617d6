//! shuttle: random executions, one CPU at a time.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use seqfault_core::CpuId;
use shuttle::scheduler::{
    DfsScheduler, PctScheduler, RandomScheduler, Schedule, Scheduler, Task, TaskId,
    UrwRandomScheduler,
};
use shuttle::{Config, FailurePersistence, Runner};

use super::collector::Collector;
use super::run::Run;
use super::{Judge, Options, Progress, Report, Search, Strategy};
use crate::platform::{self, Shuttle};
use crate::scenario::Scenario;

/// How many priority changes PCT makes in an execution.
const PCT_DEPTH: usize = 3;

pub(super) fn run(scenario: &Scenario, options: &Options, judge: &Judge) -> Report {
    let collector = Arc::new(Collector::new(scenario, judge));
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let iterations = options.iterations as usize;
    let model = {
        let collector = collector.clone();
        let progress = options.progress.clone();
        move || execution(&collector, &progress)
    };
    let seed = options.seed;
    let is_concurrent = scenario.threads.len() > 1;
    let stopped = platform::catch(|| match options.strategy {
        // PCT refuses what has nothing to choose.
        Strategy::Pct if is_concurrent => {
            let scheduler = PctScheduler::new_from_seed(seed, PCT_DEPTH, iterations);
            Runner::new(Quiet::new(scheduler, options), config).run(model)
        }
        Strategy::Random | Strategy::Pct => {
            let scheduler = RandomScheduler::new_from_seed(seed, iterations);
            Runner::new(Quiet::new(scheduler, options), config).run(model)
        }
        Strategy::Urw => {
            let scheduler = UrwRandomScheduler::new_from_seed(seed, iterations);
            Runner::new(Quiet::new(scheduler, options), config).run(model)
        }
        Strategy::Dfs => {
            let scheduler = DfsScheduler::new(Some(iterations), false);
            Runner::new(Quiet::new(scheduler, options), config).run(model)
        }
    })
    .err()
    .or_else(platform::violated);
    let recording = platform::end();
    if let Some(stopped) = stopped {
        collector.stopped(&stopped, recording.entries);
    }
    let strategy = match options.strategy {
        Strategy::Random => "",
        Strategy::Pct => " --strategy pct",
        Strategy::Urw => " --strategy urw",
        Strategy::Dfs => " --strategy dfs",
    };
    collector.report(Search::Sampled, |executions| {
        format!("--engine shuttle{strategy} --seed {seed} --iterations {executions}")
    })
}

/// A scheduler that ends an execution and the run when something is violated,
/// without a panic, and that is never dropped: shuttle prints advice at both on
/// how to replay a failure, which is not this program's way.
struct Quiet<S> {
    scheduler: ManuallyDrop<S>,
    /// What ends the run too.
    options: Options,
}

impl<S> Quiet<S> {
    fn new(scheduler: S, options: &Options) -> Quiet<S> {
        Quiet {
            scheduler: ManuallyDrop::new(scheduler),
            options: options.clone(),
        }
    }
}

impl<S: Scheduler> Scheduler for Quiet<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if platform::is_over() || self.options.is_interrupted() {
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

pub(super) fn execution(collector: &Arc<Collector>, progress: &Progress) {
    collector.began(progress);
    platform::begin(|| Some(CpuId(usize::from(shuttle::thread::current().id()))));
    let (run, mut locals) = Run::<Shuttle>::new(collector);
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
