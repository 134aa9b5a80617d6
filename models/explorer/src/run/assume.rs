//! What the search takes for granted of the program until it is seen otherwise.
//!
//! Some reductions hold only for programs that do not do certain things. When a
//! program does one for the first time, the assumption is noted as false and the
//! search starts again from the beginning. That happens a few times at most, and
//! mostly in the very first run.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::session::Session;
use super::step::Step;

/// Something that a program may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Assumption {
    /// Tries to take a lock.
    TryLocks,
    /// A thread reads under a read-write lock: the lock's name and the thread.
    Reads((u32, u32), u32),
}

/// What programs have been seen to do.
pub(crate) type Seen = BTreeSet<Assumption>;

impl Session {
    /// The program does this. Starts again if that is new.
    pub(crate) fn assume(&mut self, what: Assumption) -> Step<()> {
        if self.probe.is_some() || self.seen.contains(&what) {
            return Step::Done(());
        }
        self.seen.insert(what);
        self.restart = true;
        Step::Wait
    }

    /// The threads that read under a read-write lock.
    pub(crate) fn readers(&self, lock: (u32, u32)) -> Vec<u32> {
        let all = Assumption::Reads(lock, 0)..=Assumption::Reads(lock, u32::MAX);
        self.seen
            .range(all)
            .filter_map(|what| match what {
                Assumption::Reads(_, thread) => Some(*thread),
                Assumption::TryLocks => None,
            })
            .collect()
    }
}
