//! The explorer: every execution of the memory model, each once.

use std::sync::Arc;

use seqfault_core::{CpuId, Invariant, Violation};
use seqfault_explorer::{Builder, Failure, FailureKind, Model, Verdict, thread};

use super::collector::Collector;
use super::run::Run;
use super::{Judge, Memory, Options, Progress, Report, Search};
use crate::platform::{self, Explorer, Stopped};
use crate::scenario::Scenario;

/// More events than a CPU of any test here has.
const MAX_EVENTS: usize = 20_000;

pub(super) fn run(scenario: &Scenario, options: &Options, judge: &Judge) -> Report {
    let collector = Arc::new(Collector::new(scenario, judge));
    let memory = match options.memory {
        Memory::Sc => Model::Sc,
        Memory::Tso => Model::Tso,
        Memory::Rc11 => Model::Rc11,
    };
    let mut builder = Builder::new().model(memory).max_events(MAX_EVENTS);
    if let Some(max) = options.max_executions {
        builder = builder.max_executions(max);
    }
    if let Some(max) = options.max_time {
        builder = builder.max_time(max);
    }
    let model = {
        let collector = collector.clone();
        let progress = options.progress.clone();
        move || execution(&collector, &progress)
    };
    let builder = {
        let collector = collector.clone();
        builder.on_restart(move || collector.restart())
    };
    platform::set_who(|| Some(CpuId(thread::current_id() as usize)));
    let (search, stopped) = match platform::catch(|| builder.check(model)) {
        Err(stopped) => (Search::Unfinished, Some(stopped)),
        Ok(report) => match report.verdict {
            Verdict::Pass => (Search::Complete, None),
            Verdict::Unknown(_) => (Search::Unfinished, None),
            Verdict::Fail(failure) => (Search::Unfinished, Some(stopped(&failure))),
        },
    };
    if stopped.is_some() {
        // The one that ended the search counts too.
        collector.began(&options.progress);
    }
    let recording = platform::end();
    collector.report(search, stopped, recording, |_| {
        let mut replay = "--engine explorer".to_owned();
        if options.memory != Memory::default() {
            replay += &format!(" --memory {}", options.memory.name());
        }
        replay
    })
}

/// What ended the search. Core names what its own checks find.
fn stopped(failure: &Failure) -> Stopped {
    let mut stopped = platform::failed(failure.message.clone());
    let (invariant, what) = match failure.kind {
        FailureKind::Panic | FailureKind::Nondeterminism => return stopped,
        FailureKind::DataRace => (
            Invariant::DataRace,
            "something was used by a CPU that need not see it made",
        ),
        FailureKind::UseAfterFree | FailureKind::DoubleFree | FailureKind::InvalidFree => (
            Invariant::UseAfterFree,
            "something was used, or freed again, after it was freed",
        ),
        FailureKind::Leak => (Invariant::Leak, "something was never freed"),
        FailureKind::Deadlock => (
            Invariant::Deadlock,
            "every CPU that has not ended waits for another",
        ),
        FailureKind::Livelock => (Invariant::Livelock, "a CPU waits for what nobody will do"),
    };
    stopped
        .violation
        .get_or_insert(Violation { invariant, what });
    stopped
}

fn execution(collector: &Arc<Collector>, progress: &Progress) {
    platform::begin();
    let (run, mut locals) = platform::with_finale(|| Run::<Explorer>::new(collector));
    let spawn = |local| {
        let run = run.clone();
        thread::spawn(move || {
            run.run_cpu(local);
        })
    };
    let handles: Vec<_> = locals.drain(1..).map(spawn).collect();
    if let Some(first) = locals.pop() {
        run.run_cpu(first);
    }
    for handle in handles {
        // A CPU that panics has ended the whole search.
        let _ = handle.join();
    }
    let outcome = run.finale();
    collector.began(progress);
    if !platform::with_timeline(|entries| collector.outcome(outcome, entries)) {
        platform::stop();
    }
}
