//! What runs tell those who watch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use seqfault_explorer::Progress as Counts;

use super::explorer::Size;

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
    /// How far it has to go.
    pub outlook: Outlook,
}

/// How far a search has to go, by surveys beside it, and if a run of the rest takes as long
/// as those so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Not known yet.
    Open,
    /// There have been more executions than were expected.
    Passed,
    /// Between the first and the last, and most likely the one in the middle.
    Between([Total; 3]),
}

/// How many executions a search may have in all, and how long the rest takes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The executions.
    pub executions: u64,
    /// The time that is left.
    pub left: Duration,
}

impl Ahead {
    /// Of a search that is so far, and has so many parts, of which it is one.
    pub(super) fn of(now: &Counts, size: Option<Size>, parts: f64) -> Ahead {
        let outlook = size.map_or(Outlook::Open, |size| outlook(now, size, parts));
        Ahead {
            executions: now.executions,
            outlook,
        }
    }
}

fn outlook(now: &Counts, size: Size, parts: f64) -> Outlook {
    let runs = now.runs().max(1) as f64;
    let each = now.elapsed.as_secs_f64() / runs;
    let total = |factor: f64| {
        let whole = size.runs * factor / parts;
        let left = (whole - runs).max(0.0);
        Total {
            executions: now.executions + (left * size.complete) as u64,
            left: Duration::try_from_secs_f64(left * each).unwrap_or(Duration::MAX),
        }
    };
    let totals = [1.0 / size.factor, 1.0, size.factor].map(total);
    match totals[2].left.is_zero() {
        true => Outlook::Passed,
        false => Outlook::Between(totals),
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

    fn after(runs: u64, factor: f64) -> Outlook {
        let now = Counts {
            executions: runs / 2,
            moot: runs - runs / 2,
            elapsed: Duration::from_secs(10),
            ..Counts::default()
        };
        let size = Size {
            runs: 1_000.0,
            complete: 0.5,
            factor,
        };
        let ahead = Ahead::of(&now, Some(size), 1.0);
        assert_eq!(ahead.executions, now.executions);
        ahead.outlook
    }

    #[test]
    fn what_is_left_is_in_proportion_to_all_runs() {
        let total = |executions, seconds| Total {
            executions,
            left: Duration::from_secs(seconds),
        };
        assert_eq!(after(250, 1.0), Outlook::Between([total(500, 30); 3]));
        let range = [total(250, 10), total(500, 30), total(1_000, 70)];
        assert_eq!(after(250, 2.0), Outlook::Between(range));
    }

    #[test]
    fn what_is_passed_is_not_promised() {
        let Outlook::Between([least, likely, most]) = after(1_600, 2.0) else {
            panic!("it is in the range");
        };
        assert_eq!((least.left, likely.left), (Duration::ZERO, Duration::ZERO));
        assert_eq!(
            (most.executions, most.left),
            (1_000, Duration::from_millis(2_500))
        );
        assert_eq!(after(2_000, 2.0), Outlook::Passed);
        assert_eq!(after(1_000, 1.0), Outlook::Passed);
        assert_eq!(
            Ahead::of(&Counts::default(), None, 1.0).outlook,
            Outlook::Open
        );
    }
}
