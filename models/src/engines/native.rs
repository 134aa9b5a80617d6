//! native: the host's threads, released together after random delays.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use seqfault_core::CpuLocal;

use super::collector::Collector;
use super::run::Run;
use super::{Judge, Options, Report, Search};
use crate::platform::{self, Entry, Native, Recording, Stopped};
use crate::random::Random;
use crate::scenario::Scenario;

/// The longest delay before a CPU starts, in spins.
const MAX_DELAY: u64 = 2_000;

/// Machines that run at once share the host's CPUs and a flag: one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(super) fn run(scenario: &Scenario, options: &Options, judge: &Judge) -> Report {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let collector = Arc::new(Collector::new(scenario, judge));
    let mut random = Random::new(options.seed);
    for _ in 0..options.iterations {
        if options.is_interrupted() {
            break;
        }
        collector.began(&options.progress);
        let delays: Vec<u64> = (0..scenario.config.cpus)
            .map(|_| random.next() % MAX_DELAY)
            .collect();
        match execution(&collector, &delays) {
            Ok(true) => {}
            Ok(false) => break,
            Err((entries, stopped)) => {
                collector.stopped(&stopped, entries);
                break;
            }
        }
    }
    let seed = options.seed;
    collector.report(Search::Sampled, |executions| {
        format!(
            "--engine native --seed {seed} --iterations {}",
            executions * 10
        )
    })
}

/// Runs all CPUs once; false if the outcome violates something. `Err` has the
/// timeline of an execution that did not end by itself, and what ended it.
fn execution(collector: &Arc<Collector>, delays: &[u64]) -> Result<bool, (Vec<Entry>, Stopped)> {
    platform::begin(platform::nobody);
    let made = platform::catch(|| Run::<Native>::new(collector));
    let setup = platform::end().entries;
    let (run, locals) = match made {
        Ok(made) => made,
        Err(stopped) => return Err((setup, stopped)),
    };
    let waiting = AtomicU64::new(locals.len() as u64);
    Native::begin(locals.len());
    let cpu = |local: CpuLocal<Native>| {
        platform::begin(platform::nobody);
        let id = local.id();
        waiting.fetch_sub(1, Ordering::AcqRel);
        while waiting.load(Ordering::Acquire) != 0 {
            std::thread::yield_now();
        }
        for _ in 0..delays[id.0] {
            std::hint::spin_loop();
        }
        let result = platform::catch(|| run.run_cpu(local));
        Native::ended();
        let stopped = result.err().map(|stopped| Stopped {
            cpu: Some(id),
            ..stopped
        });
        (stopped, platform::end())
    };
    let mut results: Vec<(Option<Stopped>, Recording)> = std::thread::scope(|scope| {
        let handles: Vec<_> = locals
            .into_iter()
            .map(|local| scope.spawn(|| cpu(local)))
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("a CPU's panics are caught"))
            .collect()
    });
    let stops = results.iter_mut().filter_map(|(stop, _)| stop.take());
    // One that gave up because another found something says nothing.
    let stop = stops.max_by_key(|stop| stop.violation.is_some());
    let entries: Vec<Entry> = setup
        .into_iter()
        .chain(results.into_iter().flat_map(|(_, r)| r.entries))
        .collect();
    if let Some(stop) = stop {
        return Err((entries, stop));
    }
    let finale = platform::catch(|| {
        let outcome = run.finale();
        collector.outcome(outcome, &entries)
    });
    platform::end();
    finale.map_err(|stopped| (entries, stopped))
}
