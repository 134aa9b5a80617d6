//! loom: every execution that its reduction keeps.
//!
//! loom's environment variables are honoured where the options leave room:
//! `LOOM_MAX_PREEMPTIONS`, `LOOM_MAX_PERMUTATIONS`, `LOOM_MAX_DURATION`,
//! `LOOM_MAX_BRANCHES`. What they cut off is never reported as complete.

mod bounds;

use std::sync::Arc;
use std::time::Duration;

use super::collector::Collector;
use super::engine::begin;
use super::registry::Values;
use super::run::Run;
use super::{Bound, Control, Engine, Judge, Kind, Order, Progress, Report, Search};
use crate::litmus::ast::Program;
use crate::platform;
use crate::scenario::Scenario;
use seqfault_core::CpuId;

pub use bounds::Environment;

/// More branches than any test here needs.
const MAX_BRANCHES: usize = 20_000;
/// loom looks at its clock once in so many executions.
const CHECKPOINT: usize = 500;

const NAME: &str = "loom";

/// loom. Unless something is said, it goes as far as it can afford: see `bounds`.
#[derive(Clone, Debug, Default)]
pub struct Loom {
    /// At most so many preemptions in an execution.
    pub preemptions: Option<u8>,
    /// At most so many executions.
    pub max_executions: Option<u64>,
    /// At most so long.
    pub max_time: Option<Duration>,
}

impl Loom {
    pub(super) fn take(values: &mut Values) -> Result<Loom, String> {
        Environment::read()?;
        Ok(Loom {
            preemptions: match values.bound {
                Some(Bound::Preemptions(most)) => {
                    values.bound = None;
                    Some(most)
                }
                _ => values.preemptions.take(),
            },
            max_executions: values.max_executions.take(),
            max_time: values.max_time.take(),
        })
    }
}

impl Engine for Loom {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Exhaustive
    }

    fn has_weak_memory(&self) -> bool {
        true
    }

    fn order(&self) -> Order {
        Order::AsRunBy(NAME)
    }

    fn misses(&self, program: &Program) -> Option<String> {
        program.loom_misses.clone()
    }

    fn execute(&self, scenario: &Scenario, control: &Control, judge: &Judge) -> Report {
        bounds::search(
            scenario.config.cpus,
            self,
            || control.is_interrupted(),
            |preemptions, max_executions| {
                begin();
                let bounds = (preemptions, max_executions);
                within(bounds, self.max_time, scenario, control, judge)
            },
        )
    }
}

/// One search within bounds on preemptions and executions, and on time.
fn within(
    (preemptions, max_executions): (Option<u8>, u64),
    max_time: Option<Duration>,
    scenario: &Scenario,
    control: &Control,
    judge: &Judge,
) -> Report {
    let collector = Arc::new(Collector::new(scenario, judge));
    let mut builder = loom::model::Builder::new();
    if std::env::var_os("LOOM_MAX_BRANCHES").is_none() {
        builder.max_branches = MAX_BRANCHES;
    }
    builder.max_threads = loom::MAX_THREADS;
    builder.log = false;
    builder.location = false;
    builder.checkpoint_file = None;
    if preemptions.is_some() {
        builder.preemption_bound = preemptions.map(usize::from);
    }
    let limit = max_executions as usize;
    let max_duration = builder.max_duration;
    builder.checkpoint_interval = CHECKPOINT;
    // loom compares its limit with the execution that is to come, and only at
    // checkpoints: this makes it exact where no clock has to be looked at.
    builder.max_permutations = Some(limit + 1);
    if max_duration.is_none() {
        builder.checkpoint_interval = limit + 1;
    }
    let bound = builder.preemption_bound;
    let started = std::time::Instant::now();
    let is_over = {
        let control = control.clone();
        move || {
            let is_late = |max| started.elapsed() >= max;
            control.is_interrupted() || max_time.is_some_and(is_late)
        }
    };
    let model = {
        let collector = collector.clone();
        let progress = control.progress.clone();
        let is_over = is_over.clone();
        move || {
            if is_over() {
                // loom looks at its clock too seldom.
                platform::begin(who);
                platform::stop();
            }
            execution(&collector, &progress, &is_over);
        }
    };
    let stopped = platform::catch(|| builder.check(model)).err();
    let recording = platform::end();
    let was_stopped = stopped.is_some();
    let is_told = stopped.filter(|stopped| stopped.violation.is_some() || !is_over());
    if let Some(stopped) = is_told {
        collector.stopped(&stopped, recording.entries);
    }
    let executions = collector.executions() as usize;
    // loom returns in the same way when it is done and when it gives up.
    let slack = builder.checkpoint_interval.min(CHECKPOINT);
    let gave_up = match max_duration {
        None => executions >= limit,
        Some(_) if executions + slack >= limit => true,
        Some(max) => started.elapsed() >= max,
    };
    let search = match bound {
        _ if gave_up || was_stopped => Search::Unfinished,
        None => Search::Complete,
        Some(bound) => Search::Bounded(Bound::Preemptions(bound.try_into().unwrap_or(u8::MAX))),
    };
    collector.report(search, |_| {
        let mut replay = format!("--engine {NAME}");
        if let Some(bound) = bound {
            replay += &format!(" --preemptions {bound}");
        }
        replay
    })
}

/// The CPU that runs: loom numbers its threads in the order of their start.
fn who() -> Option<CpuId> {
    let id = format!("{:?}", loom::thread::current().id());
    let digits = id.trim_matches(|c: char| !c.is_ascii_digit());
    digits.parse().ok().map(CpuId)
}

fn execution(collector: &Arc<Collector>, progress: &Progress, is_over: &impl Fn() -> bool) {
    collector.began(progress);
    platform::begin(who);
    platform::begin_loom_clock();
    let Some((run, mut locals)) = Run::<platform::Loom>::new(collector, is_over) else {
        collector.withdrawn();
        platform::stop();
    };
    for local in locals.drain(1..) {
        let run = run.clone();
        let collector = collector.clone();
        // Joining would multiply the executions: the last CPU to stop looks.
        drop(loom::thread::spawn(move || cpu(&run, local, &collector)));
    }
    if let Some(first) = locals.pop() {
        cpu(&run, first, collector);
    }
}

fn cpu(
    run: &Run<platform::Loom>,
    local: seqfault_core::CpuLocal<platform::Loom>,
    collector: &Collector,
) {
    if !run.run_cpu(local) {
        return;
    }
    let fine = platform::with_finale(|| {
        let outcome = run.finale();
        platform::with_timeline(|entries| collector.outcome(outcome, entries))
    });
    if !fine {
        platform::stop();
    }
}
