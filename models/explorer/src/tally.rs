//! What the workers of one search share: what they have counted, and whether to
//! stop.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::report::{Failure, Limit, Progress};
use crate::rest::Gaps;
use crate::run::registry::Registry;

/// Why the workers stop before the search is over.
#[derive(Clone, Debug)]
pub(crate) enum Why {
    Limit(Limit),
    /// The rest is to be shown.
    Checkpoint,
    /// The search is to be cut into parts.
    Cut,
    Failed(Box<Failure>),
    /// The search has to start again.
    Restart,
}

/// Counts of all workers.
pub(crate) struct Tally {
    pub(crate) registry: Arc<Mutex<Registry>>,
    stop: AtomicBool,
    why: Mutex<Option<Why>>,
    executions: AtomicU64,
    blocked: AtomicU64,
    moot: AtomicU64,
    gaps: Mutex<Gaps>,
    cut: Mutex<Option<String>>,
    max_events: AtomicUsize,
    /// The share of the tree that is done, as bits.
    done: AtomicU64,
    /// The share of the tree that this search is to do.
    whole: f64,
    /// What the searches of all workers take, in bytes, and the most so far.
    held: AtomicUsize,
    memory: AtomicUsize,
    started: Instant,
    /// The time before this process took the search up.
    before: Duration,
    /// When to call back next, and to show the rest, in nanoseconds.
    next_report: AtomicU64,
    next_checkpoint: AtomicU64,
    /// How many runs there were when the rest was last shown.
    shown: AtomicU64,
}

/// What is counted of a run, apart from failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Complete,
    Blocked,
    Moot,
    Bounded,
    /// A failure was passed over.
    Failed,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Tally {
    /// Counts that go on from earlier ones.
    pub(crate) fn new(
        registry: Registry,
        before: &Progress,
        (done, whole): (f64, f64),
        gaps: Gaps,
        config: &Config,
    ) -> Tally {
        let due = |every: Option<Duration>| {
            AtomicU64::new(every.map_or(u64::MAX, |every| nanos(before.elapsed + every)))
        };
        Tally {
            registry: Arc::new(Mutex::new(registry)),
            stop: AtomicBool::new(false),
            why: Mutex::new(None),
            executions: AtomicU64::new(before.executions),
            blocked: AtomicU64::new(before.blocked),
            moot: AtomicU64::new(before.moot),
            gaps: Mutex::new(gaps),
            cut: Mutex::new(None),
            max_events: AtomicUsize::new(before.max_events),
            done: AtomicU64::new(done.to_bits()),
            whole,
            held: AtomicUsize::new(0),
            memory: AtomicUsize::new(before.memory),
            started: Instant::now(),
            before: before.elapsed,
            next_report: due(config.progress.as_ref().map(|(every, _)| *every)),
            next_checkpoint: due(config.checkpoint.as_ref().map(|(every, _)| *every)),
            shown: AtomicU64::new(before.runs()),
        }
    }

    /// Makes all workers stop after the runs at hand. The first reason counts, but
    /// a failure before all others. Answers whether it counts.
    pub(crate) fn stop(&self, why: Why) -> bool {
        let mut slot = self.why.lock().expect("the reason to stop");
        let counts = match *slot {
            None => true,
            Some(Why::Failed(_)) => false,
            Some(_) => matches!(why, Why::Failed(_)),
        };
        if counts {
            *slot = Some(why);
        }
        self.stop.store(true, Relaxed);
        counts
    }

    /// Why the workers have stopped. They may go on.
    pub(crate) fn stopped(&mut self) -> Option<Why> {
        self.stop = AtomicBool::new(false);
        self.why.get_mut().expect("the reason to stop").take()
    }

    /// Is no further run to be made?
    pub(crate) fn stops(&self, config: &Config) -> bool {
        if self.stop.load(Relaxed) {
            return true;
        }
        let why = if config.interrupt.as_ref().is_some_and(|i| i.load(Relaxed)) {
            Why::Limit(Limit::Interrupt)
        } else if (config.max_executions).is_some_and(|max| self.executions.load(Relaxed) >= max)
            || config.max_runs.is_some_and(|max| self.runs() >= max)
        {
            Why::Limit(Limit::Executions)
        } else if config.max_time.is_none() && config.checkpoint.is_none() {
            return false;
        } else {
            let elapsed = self.elapsed();
            if config.max_time.is_some_and(|max| elapsed >= max) {
                Why::Limit(Limit::Time)
            } else if nanos(elapsed) >= self.next_checkpoint.load(Relaxed)
                // However short the interval, the search goes on in between.
                && self.runs() > self.shown.load(Relaxed)
            {
                Why::Checkpoint
            } else {
                return false;
            }
        };
        self.stop(why);
        true
    }

    /// Counts a run that had this share of the tree.
    pub(crate) fn count(&self, count: Count, share: f64, events: usize) {
        let counter = match count {
            Count::Complete => &self.executions,
            Count::Blocked => &self.blocked,
            Count::Moot | Count::Bounded | Count::Failed => &self.moot,
        };
        counter.fetch_add(1, Relaxed);
        if matches!(count, Count::Bounded | Count::Failed) {
            let mut gaps = self.gaps.lock().expect("what is left out");
            gaps.cut |= count == Count::Bounded;
            gaps.failures |= count == Count::Failed;
        }
        let add = |done: u64| Some((f64::from_bits(done) + share).to_bits());
        let _ = self.done.fetch_update(Relaxed, Relaxed, add);
        self.reached(events);
    }

    /// Revisits were left out.
    pub(crate) fn cut_revisits(&self) {
        self.gaps.lock().expect("what is left out").revisits = true;
    }

    /// A thread was cut. The first that was is told.
    pub(crate) fn cut(&self, text: Option<String>) {
        let mut cut = self.cut.lock().expect("where a thread was cut");
        *cut = cut.take().or(text);
    }

    /// Where a thread was cut.
    pub(crate) fn first_cut(&self) -> Option<String> {
        self.cut.lock().expect("where a thread was cut").clone()
    }

    /// A graph had so many events.
    pub(crate) fn reached(&self, events: usize) {
        if events > self.max_events.load(Relaxed) {
            self.max_events.fetch_max(events, Relaxed);
        }
    }

    /// A search takes so many bytes where it took `before`.
    pub(crate) fn hold(&self, before: usize, now: usize) {
        if before != now {
            let change = now.wrapping_sub(before);
            let held = self.held.fetch_add(change, Relaxed).wrapping_add(change);
            if held > self.memory.load(Relaxed) {
                self.memory.fetch_max(held, Relaxed);
            }
        }
    }

    /// Calls back if it is time to.
    pub(crate) fn report(&self, config: &Config) {
        let Some((every, callback)) = &config.progress else {
            return;
        };
        let now = self.elapsed();
        let due = self.next_report.load(Relaxed);
        let next = nanos(now + *every);
        if nanos(now) >= due
            && (self.next_report)
                .compare_exchange(due, next, Relaxed, Relaxed)
                .is_ok()
        {
            callback(&self.progress());
        }
    }

    /// The next rest is to be shown after the whole interval.
    pub(crate) fn shown(&self, config: &Config) {
        if let Some((every, _)) = &config.checkpoint {
            let next = nanos(self.elapsed() + *every);
            self.next_checkpoint.store(next, Relaxed);
            self.shown.store(self.runs(), Relaxed);
        }
    }

    /// How many runs were made.
    pub(crate) fn runs(&self) -> u64 {
        let counters = [&self.executions, &self.blocked, &self.moot];
        counters.map(|counter| counter.load(Relaxed)).iter().sum()
    }

    /// When the time is used up.
    pub(crate) fn deadline(&self, config: &Config) -> Option<Instant> {
        let left = config.max_time?.saturating_sub(self.before);
        self.started.checked_add(left)
    }

    fn elapsed(&self) -> Duration {
        self.before + self.started.elapsed().max(Duration::from_nanos(1))
    }

    /// What is left out for good.
    pub(crate) fn gaps(&self) -> Gaps {
        *self.gaps.lock().expect("what is left out")
    }

    /// The share of the tree that is done, and that which is to be done.
    pub(crate) fn shares(&self) -> (f64, f64) {
        (f64::from_bits(self.done.load(Relaxed)), self.whole)
    }

    /// The totals of all workers.
    pub(crate) fn progress(&self) -> Progress {
        let (done, whole) = self.shares();
        let mut progress = Progress {
            executions: self.executions.load(Relaxed),
            blocked: self.blocked.load(Relaxed),
            moot: self.moot.load(Relaxed),
            share: (done / whole).clamp(0.0, 1.0),
            estimate: 0.0,
            max_events: self.max_events.load(Relaxed),
            memory: self.memory.load(Relaxed),
            elapsed: self.elapsed(),
        };
        if progress.share > 0.0 {
            progress.estimate = progress.runs() as f64 / progress.share;
        }
        progress
    }
}
