//! native: the host's threads, released together after random delays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use seqfault_core::{CpuLocal, Violation};

use super::run::Run;
use super::{Collector, Judge, Options, Report, Search};
use crate::platform::{self, Entry, Native, Recording};
use crate::scenario::Scenario;

/// The longest delay before a CPU starts, in spins.
const MAX_DELAY: u64 = 2_000;

type Stopped = (Option<Violation>, String);

pub(super) fn run(scenario: &Scenario, options: &Options, judge: &Judge) -> Report {
    let collector = Arc::new(Collector::new(scenario, judge));
    let mut random = Random(options.seed);
    let mut stopped = None;
    let mut recording = Recording::default();
    for _ in 0..options.iterations {
        collector.began(&options.progress);
        let delays: Vec<u64> = (0..scenario.config.cpus)
            .map(|_| random.next() % MAX_DELAY)
            .collect();
        match execution(&collector, &delays) {
            Ok(()) => {}
            Err((entries, stop)) => {
                recording.entries = entries;
                stopped = stop;
                break;
            }
        }
    }
    Native::reset();
    let seed = options.seed;
    collector.report(Search::Sampled, stopped, recording, |executions| {
        format!(
            "--engine native --seed {seed} --iterations {}",
            executions * 10
        )
    })
}

/// Runs all CPUs once. `Err` has the timeline of an execution that violates
/// something, and what ended it if it did not end by itself.
fn execution(
    collector: &Arc<Collector>,
    delays: &[u64],
) -> Result<(), (Vec<Entry>, Option<Stopped>)> {
    let (run, locals) = Run::<Native>::new(collector);
    let waiting = AtomicU64::new(locals.len() as u64);
    let cpu = |local: CpuLocal<Native>| {
        platform::begin();
        let delay = delays[local.id().0];
        waiting.fetch_sub(1, Ordering::AcqRel);
        while waiting.load(Ordering::Acquire) != 0 {
            std::thread::yield_now();
        }
        for _ in 0..delay {
            std::hint::spin_loop();
        }
        let result = platform::catch(|| run.run_cpu(local));
        (result.err(), platform::end())
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
    let stop = stops.max_by_key(|(violation, _)| violation.is_some());
    let stop = stop.or_else(|| {
        platform::catch(|| {
            let outcome = run.finale();
            collector.outcome(outcome, Vec::new)
        })
        .map_or_else(Some, |fine| (!fine).then(|| (None, String::new())))
    });
    let Some(stop) = stop else { return Ok(()) };
    let entries = results.into_iter().flat_map(|(_, r)| r.entries).collect();
    Err((entries, Some(stop)))
}

/// SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}
