//! How many executions a search will have: random descents (Knuth 1975) beside it.
//!
//! A few descents say little: most come to small parts of the tree, a few to large ones. So
//! they go on while the search does, on an OS thread of their own, each batch as large as all
//! before it. What the search itself has come to tells less: the share of the tree that is
//! done crawls and jumps. It counts where there are few descents, and where there are more
//! executions than they say.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use seqfault_explorer::{Builder, Progress};

use crate::platform;

/// The first batch.
const FIRST: u64 = 100;
/// Batches, each as large as all before it: 6,400 descents.
const BATCHES: u32 = 7;
/// So many descents tell more than the search does.
const ENOUGH: u64 = 800;

/// The mean of the descents so far.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    executions: f64,
    descents: u64,
}

/// What the descents say by now.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected(Arc<Mutex<Mean>>);

impl Expected {
    fn get(&self) -> Mean {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes descents until there are enough, or `over` is set, or one fails.
    fn descend(
        &self,
        builder: &Builder,
        seed: u64,
        over: &Arc<AtomicBool>,
        model: impl Fn() + Clone + Send + Sync + 'static,
    ) {
        let builder = builder.clone().interrupt(over.clone());
        for batch in 0..BATCHES {
            let count = FIRST << batch.saturating_sub(1);
            let seed = seed.wrapping_add(u64::from(batch));
            // What fails is found by the search too.
            let Ok(found) = builder.estimate(count, seed, model.clone()) else {
                return;
            };
            let mut mean = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let all = mean.descents + found.descents;
            if found.descents > 0 {
                let sum = mean.executions * mean.descents as f64
                    + found.executions * found.descents as f64;
                mean.executions = sum / all as f64;
                mean.descents = all;
            }
            if over.load(Relaxed) {
                return;
            }
        }
    }

    /// How many executions there will be in one of so many parts.
    pub(super) fn total(&self, now: &Progress, parts: f64) -> u64 {
        let by_share = now.executions as f64 / now.share.max(f64::MIN_POSITIVE);
        let mean = self.get();
        let expected = mean.executions / parts;
        if mean.descents >= ENOUGH && now.executions as f64 <= 0.9 * expected {
            expected as u64
        } else {
            expected.max(by_share) as u64
        }
    }
}

/// The descents beside a search. They end with it.
#[derive(Debug)]
pub(super) struct Forecast {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forecast {
    /// Begins with them.
    pub(super) fn begin(
        builder: Builder,
        seed: u64,
        expected: Expected,
        model: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Forecast {
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let descends = move || {
            let _ = platform::catch(|| expected.descend(&builder, seed, &ends, model));
        };
        // Without a thread for them there are none.
        let thread = std::thread::Builder::new().spawn(descends).ok();
        Forecast { over, thread }
    }
}

impl Drop for Forecast {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
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
        for (model, executions) in [(sections(3, 3), 1_680.0), (sections(4, 2), 2_520.0)] {
            let expected = Expected::default();
            let builder = Builder::new().unwind(true);
            let over = Arc::new(AtomicBool::new(false));
            expected.descend(&builder, 0, &over, model);
            assert_eq!(expected.get().descents, FIRST << (BATCHES - 1));
            let now = Progress {
                executions: executions as u64 / 10,
                // As it may be then.
                share: 0.5,
                ..Progress::default()
            };
            let total = expected.total(&now, 1.0) as f64;
            let is_near = total > executions / 2.0 && total < executions * 2.0;
            assert!(is_near, "{total} instead of {executions}");
        }
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
