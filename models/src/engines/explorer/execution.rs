//! One execution of core under the explorer, and how it may fail.

use std::cell::Cell;
use std::sync::Arc;

use seqfault_core::{CpuId, Invariant, Violation};
use seqfault_explorer::{Failure, FailureKind, ops, thread};

use super::alike;
use crate::engines::Progress;
use crate::engines::collector::Collector;
use crate::engines::run::Run;
use crate::platform::{self, Stopped, peers};
use crate::timeline;

/// What ended the search. Core names what its own checks find.
pub(super) fn stopped(failure: &Failure) -> Stopped {
    let mut stopped = platform::failed(failure.message.clone());
    let (invariant, what) = match failure.kind {
        FailureKind::Panic | FailureKind::Nondeterminism | FailureKind::Lost => return stopped,
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

thread_local! {
    /// How many CPUs the execution on this OS thread has.
    static CPUS: Cell<usize> = const { Cell::new(1) };
}

pub(super) fn execution(collector: &Arc<Collector>, progress: &Progress) {
    let cpus = collector.scenario.config.cpus;
    CPUS.set(cpus);
    // Threads come in the order of the CPUs, and then the walkers in the same order.
    let who = || Some(CpuId(thread::current_id() as usize % CPUS.get()));
    platform::begin_counted(who, ops::position);
    // Where the search is to stop, it stops in there.
    let goes_on = || {
        ops::pause();
        false
    };
    let made = platform::with_finale(|| Run::<platform::Explorer>::new(collector, goes_on));
    let (run, mut locals) = made.expect("it goes on");
    let scenario = &collector.scenario;
    let groups = match collector.tells_names {
        true => Vec::new(),
        false => platform::with_finale(|| alike::groups(scenario, &run.system, &locals)),
    };
    peers::begin(groups);
    let spawn = |local| {
        let run = run.clone();
        thread::spawn(move || {
            run.run_cpu(local);
        })
    };
    let mut handles: Vec<_> = locals.drain(1..).map(spawn).collect();
    if collector.scenario.config.protocol.speculation > 0 {
        handles.extend((0..cpus).map(CpuId).map(|id| {
            let run = run.clone();
            thread::spawn(move || run.run_walker(id))
        }));
    }
    if let Some(first) = locals.pop() {
        run.run_cpu(first);
    }
    for handle in handles {
        // A CPU that panics has ended the whole search.
        let _ = handle.join();
    }
    let outcome = platform::with_finale(|| run.finale());
    if let Some(classes) = &collector.classes {
        ops::with_graph(|graph| classes.add(graph, &outcome));
    }
    let names = peers::names(cpus);
    let others = names[1..].iter();
    let others: Vec<_> = others
        .map(|names| alike::renamed(scenario, &outcome, names))
        .collect();
    let is_fine = platform::with_moments(|entries, moments| {
        let told = || {
            ops::with_graph(|graph| {
                timeline::in_coherent_order(entries, moments, graph, None).entries
            })
        };
        collector.outcome_in_order(outcome, entries, &told)
    });
    if !is_fine {
        platform::stop();
    }
    if !others
        .into_iter()
        .all(|outcome| collector.stands_for(outcome))
    {
        // The search comes to that execution itself.
        peers::differ();
    }
    collector.began(progress);
}
