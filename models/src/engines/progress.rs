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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ahead {
    /// Executions so far, those of earlier processes too.
    pub executions: u64,
    /// How many there will be: by random descents before the search, or if the
    /// rest is like what was visited, which it often is not.
    pub total: f64,
    /// How long the rest takes, likewise.
    pub remaining: Option<Duration>,
}

impl Ahead {
    /// After `elapsed`, if there will be `total`; `None` before the first, and if
    /// there are more already.
    pub(super) fn of(executions: u64, total: f64, elapsed: Duration) -> Option<Ahead> {
        let done = executions as f64;
        if executions == 0 || total < done {
            return None;
        }
        let left = elapsed.as_secs_f64() * (total - done) / done;
        Some(Ahead {
            executions,
            total,
            remaining: Duration::try_from_secs_f64(left).ok(),
        })
    }
}

impl Progress {
    /// How many executions began so far.
    pub fn executions(&self) -> u64 {
        self.0.executions.load(Ordering::Relaxed)
    }

    /// One more.
    pub(super) fn began(&self) {
        self.0.executions.fetch_add(1, Ordering::Relaxed);
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
        let ahead = Ahead::of(250, 1_000.0, Duration::from_secs(10)).expect("not done");
        assert_eq!(ahead.remaining, Some(Duration::from_secs(30)));
        assert_eq!(Ahead::of(0, 1_000.0, Duration::from_secs(10)), None);
        assert_eq!(Ahead::of(1_001, 1_000.0, Duration::from_secs(10)), None);
    }
}
