//! native: the host's threads, released together after random delays.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use seqfault_core::CpuLocal;

use super::collector::Collector;
use super::registry::{ITERATIONS, Values};
use super::run::Run;
use super::{Control, Engine, Judge, Kind, Order, Report, Search};
use crate::platform::{self, Entry, Recording, Stopped};
use crate::random::Random;
use crate::scenario::Scenario;

/// The longest delay before a CPU starts, in spins.
const MAX_DELAY: u64 = 2_000;

/// Machines that run at once share the host's CPUs and a flag: one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The host's threads.
#[derive(Clone, Debug)]
pub struct Native {
    /// So many executions.
    pub iterations: u64,
    /// Where random choices start.
    pub seed: u64,
}

impl Default for Native {
    fn default() -> Native {
        Native {
            iterations: ITERATIONS,
            seed: 0,
        }
    }
}

impl Native {
    pub(super) fn take(values: &mut Values) -> Native {
        Native {
            iterations: values.iterations.take().unwrap_or(ITERATIONS),
            seed: values.seed.take().unwrap_or_default(),
        }
    }
}

impl Engine for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn kind(&self) -> Kind {
        Kind::Sampling
    }

    fn order(&self) -> Order {
        Order::ByCpu
    }

    fn execute(&self, scenario: &Scenario, control: &Control, judge: &Judge) -> Report {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let collector = Arc::new(Collector::new(scenario, judge));
        let mut random = Random::new(self.seed);
        let mut search = Search::Sampled;
        for _ in 0..self.iterations {
            if control.is_interrupted() {
                break;
            }
            let delays: Vec<u64> = (0..scenario.config.cpus)
                .map(|_| random.number() % MAX_DELAY)
                .collect();
            match execution(&collector, control, &delays) {
                Ended::ByItself(true) => {}
                Ended::ByItself(false) => break,
                Ended::Stopped(entries, stopped) => {
                    collector.stopped(&stopped, entries);
                    break;
                }
                Ended::WithoutThreads(error) => {
                    collector.give_up(format!("needs a thread for each CPU ({error})"));
                    search = Search::Unfinished;
                    break;
                }
            }
        }
        let seed = self.seed;
        collector.report(search, |executions| {
            format!(
                "--engine {} --seed {seed} --iterations {}",
                self.name(),
                executions * 10
            )
        })
    }
}

/// How an execution ended.
enum Ended {
    /// By itself; false if none is to follow: the outcome violates something, or an end is wanted.
    ByItself(bool),
    /// By a violation or by trouble of the checker, after this timeline.
    Stopped(Vec<Entry>, Stopped),
    /// Before it began: the host gives no thread to some CPU.
    WithoutThreads(io::Error),
}

/// Runs all CPUs once.
fn execution(collector: &Arc<Collector>, control: &Control, delays: &[u64]) -> Ended {
    platform::begin(platform::nobody);
    let is_over = || control.is_interrupted();
    let made = platform::catch(|| Run::<platform::Native>::new(collector, is_over));
    let setup = platform::end().entries;
    let (run, locals) = match made {
        Ok(Some(made)) => made,
        Ok(None) => return Ended::ByItself(false),
        Err(stopped) => {
            collector.began(&control.progress);
            return Ended::Stopped(setup, stopped);
        }
    };
    platform::Native::begin(locals.len());
    let cpu = |local: CpuLocal<platform::Native>| {
        let id = local.id();
        for _ in 0..delays[id.0] {
            std::hint::spin_loop();
        }
        let result = platform::catch(|| run.run_cpu(local));
        platform::Native::ended();
        result.err().map(|stopped| Stopped {
            cpu: Some(id),
            ..stopped
        })
    };
    let mut results = match together(locals, cpu) {
        Ok(results) => results,
        Err(error) => return Ended::WithoutThreads(error),
    };
    collector.began(&control.progress);
    let stops = results.iter_mut().filter_map(|(stop, _)| stop.take());
    // One that gave up because another found something says nothing.
    let stop = stops.max_by_key(|stop| stop.violation.is_some());
    let entries: Vec<Entry> = setup
        .into_iter()
        .chain(results.into_iter().flat_map(|(_, r)| r.entries))
        .collect();
    if let Some(stop) = stop {
        return Ended::Stopped(entries, stop);
    }
    let finale = platform::catch(|| {
        let outcome = run.finale_of_parts();
        collector.outcome(outcome, &entries)
    });
    platform::end();
    match finale {
        Ok(fine) => Ended::ByItself(fine),
        Err(stopped) => Ended::Stopped(entries, stopped),
    }
}

/// Calls `cpu` for each of `locals` in a thread of its own, once all threads are there. If the
/// host refuses one of them, it is called for none.
fn together(
    locals: Vec<CpuLocal<platform::Native>>,
    cpu: impl Fn(CpuLocal<platform::Native>) -> Option<Stopped> + Sync,
) -> io::Result<Vec<(Option<Stopped>, Recording)>> {
    let waiting = AtomicU64::new(locals.len() as u64);
    let refused = AtomicBool::new(false);
    let start = |local| {
        platform::begin(platform::nobody);
        waiting.fetch_sub(1, Ordering::AcqRel);
        while waiting.load(Ordering::Acquire) != 0 {
            if refused.load(Ordering::Relaxed) {
                return None;
            }
            thread::yield_now();
        }
        let stopped = cpu(local);
        Some((stopped, platform::end()))
    };
    thread::scope(|scope| {
        let start = &start;
        let spawn = |local| thread::Builder::new().spawn_scoped(scope, move || start(local));
        let handles: Vec<_> = locals.into_iter().map(spawn).collect();
        refused.store(handles.iter().any(Result::is_err), Ordering::Relaxed);
        let mut results = Vec::new();
        for handle in handles {
            let result = handle?.join().expect("a CPU's panics are caught");
            results.extend(result);
        }
        Ok(results)
    })
}
