//! loom: every execution that its reduction keeps.
//!
//! loom's environment variables are honoured where the options leave room:
//! `LOOM_MAX_PREEMPTIONS`, `LOOM_MAX_PERMUTATIONS`, `LOOM_MAX_DURATION`,
//! `LOOM_MAX_BRANCHES`. What they cut off is never reported as complete.

mod bounds;

use std::sync::Arc;

use super::collector::Collector;
use super::run::Run;
use super::{Judge, Options, Progress, Report, Search};
use crate::platform::{self, Loom};
use crate::scenario::Scenario;
use seqfault_core::CpuId;

pub use bounds::Environment;

/// More branches than any test here needs.
const MAX_BRANCHES: usize = 20_000;
/// loom looks at its clock once in so many executions.
const CHECKPOINT: usize = 500;

pub(super) fn run(scenario: &Scenario, options: &Options, judge: &Judge) -> Report {
    bounds::search(
        scenario.config.cpus,
        options,
        |preemptions, max_executions| {
            platform::begin(platform::nobody);
            // Those of an execution that did not end are not this search's.
            platform::limits();
            let options = Options {
                preemptions,
                max_executions: Some(max_executions),
                ..options.clone()
            };
            within(scenario, &options, judge)
        },
    )
}

/// One search within the bounds of `options`.
fn within(scenario: &Scenario, options: &Options, judge: &Judge) -> Report {
    let collector = Arc::new(Collector::new(scenario, judge));
    let mut builder = loom::model::Builder::new();
    if std::env::var_os("LOOM_MAX_BRANCHES").is_none() {
        builder.max_branches = MAX_BRANCHES;
    }
    builder.max_threads = loom::MAX_THREADS;
    builder.log = false;
    builder.location = false;
    builder.checkpoint_file = None;
    if options.preemptions.is_some() {
        builder.preemption_bound = options.preemptions.map(usize::from);
    }
    if let Some(max) = options.max_executions {
        builder.max_permutations = Some(max as usize);
    }
    let limit = builder.max_permutations;
    let max_duration = builder.max_duration;
    builder.checkpoint_interval = CHECKPOINT;
    // loom compares its limit with the execution that is to come, and only at
    // checkpoints: this makes it exact where no clock has to be looked at.
    if let Some(limit) = limit {
        builder.max_permutations = Some(limit + 1);
        if max_duration.is_none() {
            builder.checkpoint_interval = limit + 1;
        }
    }
    let bound = builder.preemption_bound;
    let started = std::time::Instant::now();
    let is_over = {
        let options = options.clone();
        move || {
            let is_late = |max| started.elapsed() >= max;
            options.is_interrupted() || options.max_time.is_some_and(is_late)
        }
    };
    let model = {
        let collector = collector.clone();
        let progress = options.progress.clone();
        let is_over = is_over.clone();
        move || {
            if is_over() {
                // loom looks at its clock too seldom.
                platform::begin(who);
                platform::stop();
            }
            execution(&collector, &progress);
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
    let gave_up = match (limit, max_duration) {
        (Some(limit), None) => executions >= limit,
        (Some(limit), Some(_)) if executions + slack >= limit => true,
        (_, Some(max)) => started.elapsed() >= max,
        (None, None) => false,
    };
    let search = match bound {
        _ if gave_up || was_stopped => Search::Unfinished,
        None => Search::Complete,
        Some(bound) => Search::Bounded {
            preemptions: bound.try_into().unwrap_or(u8::MAX),
        },
    };
    collector.report(search, |_| {
        let mut replay = "--engine loom".to_owned();
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

fn execution(collector: &Arc<Collector>, progress: &Progress) {
    collector.began(progress);
    platform::begin(who);
    let (run, mut locals) = Run::<Loom>::new(collector);
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

fn cpu(run: &Run<Loom>, local: seqfault_core::CpuLocal<Loom>, collector: &Collector) {
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
