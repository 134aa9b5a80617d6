//! How large a search will be, and how long it takes: surveys of all its strata (Chen 1992;
//! `Builder::survey`) beside it.
//!
//! Random descents (Knuth 1975) come to small parts of the tree mostly, and a few heavy
//! parts carry most of it: the mean of hundreds of descents is several times too small, and
//! claims a small error. A survey has a run of every stratum of every generation, so that
//! the heavy parts are in each one. What the search itself has come to tells less: the
//! share of the tree that is done crawls and jumps.
//!
//! Surveys go on while the search does, on an OS thread of their own, until their mean is
//! good enough. Until then, what is told is a range.
//!
//! Their spread is skewed: a heavy part that few surveys come to is not in the error that the
//! others claim. So what is told may be too small until there are many.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use seqfault_explorer::{Builder, Estimate};

use crate::platform;

/// A search that is over so soon needs no forecast.
const SOON: Duration = Duration::from_millis(100);
/// So few surveys tell nothing of their spread.
const FEWEST: u64 = 4;
/// At least so many are made if the mean is to be good enough.
const ENOUGH: u64 = 8;
/// So many are made without a pause. After them the surveys rest so many times as long as they take,
/// so that a search that is long, and hard to foresee, loses little by them.
const AT_ONCE: u64 = 64;
const REST: u32 = 9;
/// A mean is good enough if its standard error is so small a part of it.
const GOOD: f64 = 0.1;

/// What the surveys say so far: sums of executions, of runs, and of the squares of runs.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    surveys: u64,
    executions: f64,
    runs: f64,
    squares: f64,
}

/// The size of a whole search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engines) struct Size {
    /// Complete, blocked and moot runs.
    pub runs: f64,
    /// How many of the runs are complete executions, of one.
    pub complete: f64,
    /// The truth is between `runs / factor` and `runs * factor` mostly.
    pub factor: f64,
}

impl Size {
    /// Which part of all executions these are, at least and at most.
    pub(super) fn share(&self, executions: u64) -> (f64, f64) {
        let all = self.runs * self.complete;
        let share = |all: f64| (executions as f64 / all).min(1.0);
        (share(all * self.factor), share(all / self.factor))
    }
}

/// How large the whole of a search is of which a part was made, by some surveys.
pub(super) fn whole(
    builder: &Builder,
    seed: u64,
    model: impl Fn() + Clone + Send + Sync + 'static,
) -> Option<Size> {
    let survey = || {
        let mut sums = Sums::default();
        for number in 0..ENOUGH {
            let found = builder.survey(1, seed.wrapping_add(number), model.clone());
            // A failure: the search may have passed it over.
            sums.add(&found.ok()?);
        }
        sums.size()
    };
    platform::catch(survey).ok().flatten()
}

impl Sums {
    fn add(&mut self, found: &Estimate) {
        self.surveys += found.descents;
        self.executions += found.executions;
        self.runs += found.runs;
        self.squares += found.runs * found.runs;
    }

    /// The mean of the runs, and its standard error as a part of it.
    fn mean(&self) -> (f64, f64) {
        let count = self.surveys as f64;
        let mean = self.runs / count;
        let variance = (self.squares / count - mean * mean).max(0.0) / (count - 1.0);
        (mean, variance.sqrt() / mean)
    }

    fn is_good(&self) -> bool {
        self.surveys >= ENOUGH && self.mean().1 <= GOOD
    }

    fn size(&self) -> Option<Size> {
        if self.surveys < FEWEST {
            return None;
        }
        let (runs, error) = self.mean();
        // Two standard errors; more of them where the surveys are few, nearly as Student's
        // distribution has it.
        let errors = 2.0 + 3.6 / (self.surveys - 1) as f64;
        Some(Size {
            runs,
            complete: self.executions / self.runs,
            factor: 1.0 + errors * error,
        })
    }
}

/// What the surveys say by now.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected(Arc<Mutex<Sums>>);

impl Expected {
    /// Makes surveys until their mean is good enough, or `over` is set, or one fails.
    fn survey(
        &self,
        builder: &Builder,
        seed: u64,
        over: &Arc<AtomicBool>,
        model: impl Fn() + Clone + Send + Sync + 'static,
    ) {
        let builder = builder.clone().interrupt(over.clone());
        for number in 0.. {
            let began = Instant::now();
            // What fails is found by the search too.
            let Ok(found) = builder.survey(1, seed.wrapping_add(number), model.clone()) else {
                return;
            };
            let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if found.descents > 0 {
                sums.add(&found);
            }
            if over.load(Relaxed) || sums.is_good() {
                return;
            }
            drop(sums);
            if number >= AT_ONCE {
                std::thread::park_timeout(began.elapsed() * REST);
            }
        }
    }

    /// How large the whole search is.
    pub(super) fn size(&self) -> Option<Size> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size()
    }
}

/// The surveys beside a search. They end with it.
#[derive(Debug)]
pub(super) struct Forecast {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forecast {
    /// Begins with them, a little later.
    pub(super) fn begin(
        builder: Builder,
        seed: u64,
        expected: Expected,
        model: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Forecast {
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let surveys = move || {
            std::thread::park_timeout(SOON);
            if !ends.load(Relaxed) {
                let _ = platform::catch(|| expected.survey(&builder, seed, &ends, model));
            }
        };
        // Without a thread for them there are none.
        let thread = std::thread::Builder::new().spawn(surveys).ok();
        Forecast { over, thread }
    }
}

impl Drop for Forecast {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64 as StdAtomicU64;

    use seqfault_explorer::sync::Mutex as CheckedMutex;
    use seqfault_explorer::thread;

    use super::*;

    /// Threads with so many sections each: the orders of all of them.
    fn sections(threads: usize, each: usize) -> impl Fn() + Clone + Send + Sync + 'static {
        move || {
            let mutex = Arc::new(CheckedMutex::new(0));
            for _ in 0..threads {
                let mutex = mutex.clone();
                thread::spawn(move || (0..each).for_each(|_| *mutex.lock().expect("a lock") += 1));
            }
        }
    }

    #[test]
    fn it_is_within_a_factor_of_two() {
        let models = [
            (sections(3, 3), 1_680.0),
            (sections(4, 2), 2_520.0),
            (sections(3, 5), 756_756.0),
        ];
        for (model, executions) in models {
            for seed in [0, 1_000, 2_000] {
                let expected = Expected::default();
                let builder = Builder::new().unwind(true);
                let over = Arc::new(AtomicBool::new(false));
                expected.survey(&builder, seed, &over, model.clone());
                let size = expected.size().expect("surveys");
                let total = size.runs * size.complete;
                let is_near = total > executions / 2.0 && total < executions * 2.0;
                assert!(is_near, "{total} instead of {executions}");
            }
        }
    }

    #[test]
    fn the_range_is_as_wide_as_the_surveys_are_apart() {
        let after = |all: &[f64]| {
            let mut sums = Sums::default();
            for &runs in all {
                sums.add(&Estimate {
                    executions: runs / 2.0,
                    runs,
                    error: 0.0,
                    descents: 1,
                    ran: 1,
                });
            }
            sums.size()
        };
        assert_eq!(after(&[100.0; 3]), None);
        let same = after(&[100.0; 4]).expect("enough of them");
        assert_eq!((same.runs, same.complete, same.factor), (100.0, 0.5, 1.0));
        let apart = after(&[50.0, 150.0, 50.0, 150.0]).expect("enough of them");
        assert!(apart.factor > 1.9 && apart.factor < 2.0, "{apart:?}");
        let more = after(&[50.0, 150.0].repeat(8)).expect("enough of them");
        assert!(more.factor > 1.2 && more.factor < apart.factor, "{more:?}");
    }

    #[test]
    fn it_ends_with_the_search() {
        let runs = Arc::new(StdAtomicU64::new(0));
        let counted = runs.clone();
        let program = sections(3, 30);
        let model = move || {
            counted.fetch_add(1, Relaxed);
            program();
        };
        let builder = Builder::new().unwind(true);
        let forecast = Forecast::begin(builder, 0, Expected::default(), model);
        while runs.load(Relaxed) == 0 {
            std::thread::yield_now();
        }
        drop(forecast);
        assert_eq!(Arc::strong_count(&runs), 1, "nothing of it runs any more");
    }
}
