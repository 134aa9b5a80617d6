//! loom: every execution that its reduction keeps.

use std::sync::Arc;

use super::run::Run;
use super::{Collector, Judge, Options, Progress, Report, Search};
use crate::platform::{self, Loom};
use crate::scenario::Scenario;

/// More branches than any test here needs.
const MAX_BRANCHES: usize = 20_000;
/// loom looks at its limits once in so many executions.
const CHECKPOINT: usize = 500;

pub(super) fn run(scenario: &Scenario, options: &Options, judge: &Judge) -> Report {
    let collector = Arc::new(Collector::new(scenario, judge));
    let mut builder = loom::model::Builder::new();
    builder.max_branches = MAX_BRANCHES;
    builder.max_threads = loom::MAX_THREADS;
    builder.checkpoint_interval = CHECKPOINT;
    builder.log = false;
    builder.location = false;
    if options.preemptions.is_some() {
        builder.preemption_bound = options.preemptions.map(usize::from);
    }
    if let Some(max) = options.max_executions {
        builder.max_permutations = Some(max as usize);
    }
    let (max_permutations, max_duration) = (builder.max_permutations, builder.max_duration);
    let bound = builder.preemption_bound;
    let started = std::time::Instant::now();
    let model = {
        let collector = collector.clone();
        let progress = options.progress.clone();
        move || execution(&collector, &progress)
    };
    let stopped = platform::catch(|| builder.check(model)).err();
    let recording = platform::end();
    let executions = collector.executions();
    // loom returns in the same way when it is done and when it gives up.
    let gave_up = max_permutations.is_some_and(|max| executions >= max as u64)
        || max_duration.is_some_and(|max| started.elapsed() >= max);
    let search = match bound {
        _ if gave_up || stopped.is_some() => Search::Unfinished,
        None => Search::Complete,
        Some(bound) => Search::Bounded {
            preemptions: bound as u8,
        },
    };
    collector.report(search, stopped, recording, |_| {
        let mut replay = "--engine loom".to_owned();
        if let Some(bound) = bound {
            replay += &format!(" --preemptions {bound}");
        }
        replay
    })
}

fn execution(collector: &Arc<Collector>, progress: &Progress) {
    collector.began(progress);
    platform::begin();
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
        collector.outcome(outcome, platform::timeline)
    });
    if !fine {
        platform::stop();
    }
}
