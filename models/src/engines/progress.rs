//! What runs tell those who watch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Counts executions, and holds what is known of the search at hand.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    executions: AtomicU64,
    ahead: Mutex<Option<Ahead>>,
}

/// How far one search is, and how far it has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Executions so far, those of earlier processes too.
    pub executions: u64,
    /// How many there will be, and how long the rest takes: by random descents
    /// beside the search, and if an execution of the rest takes as long as those so
    /// far. `None` if there are as many already.
    pub expected: Option<(u64, Duration)>,
}

impl Ahead {
    /// After `elapsed`, if there will be `total`.
    pub(super) fn of(executions: u64, total: u64, elapsed: Duration) -> Ahead {
        let left = total.saturating_sub(executions);
        // What is nearly reached will be passed.
        let is_passed = executions == 0 || left < total / 20;
        let seconds = elapsed.as_secs_f64() * left as f64 / executions.max(1) as f64;
        let remaining = Duration::try_from_secs_f64(seconds).ok();
        Ahead {
            executions,
            expected: remaining.filter(|_| !is_passed).map(|left| (total, left)),
        }
    }
}

impl Progress {
    /// How many executions began so far.
    pub fn executions(&self) -> u64 {
        self.0.executions.load(Ordering::Relaxed)
    }

    /// One more.
    pub fn began(&self) {
        self.0.executions.fetch_add(1, Ordering::Relaxed);
    }

    /// So many more, which no collector counts.
    pub fn add(&self, executions: u64) {
        self.0.executions.fetch_add(executions, Ordering::Relaxed);
    }

    /// What is known of the search at hand, if it is one that can tell.
    pub fn ahead(&self) -> Option<Ahead> {
        *self.lock()
    }

    pub(super) fn set_ahead(&self, ahead: Option<Ahead>) {
        *self.lock() = ahead;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Ahead>> {
        self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_in_proportion() {
        let after = |executions| Ahead::of(executions, 1_000, Duration::from_secs(10)).expected;
        assert_eq!(after(250), Some((1_000, Duration::from_secs(30))));
        for none in [0, 990, 1_000, 2_000] {
            assert_eq!(after(none), None);
        }
    }
}
