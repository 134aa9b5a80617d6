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
use crate::alloc::heap::Name;
use crate::graph::event::ThreadId;

/// Something that a program may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Assumption {
    /// Tries to take a lock.
    TryLocks,
    /// A thread reads under a read-write lock: the lock's name and the thread.
    Reads((u32, u32), u32),
    /// Tries to enter a read-write lock, or waits for ever for one with a writer
    /// halfway in.
    Tries((u32, u32)),
    /// Asks for the count of an `Arc`, or has events in its destructor.
    Counts(Name),
    /// Asks for the count of the weak handles of an `Arc`.
    CountsWeak(Name),
    /// Does something in the first iteration that ends with the `spin` of this name, and
    /// perhaps not in others.
    SpinsFirst(u64),
    /// Does something in an iteration that ends with the `spin` of this name.
    SpinsWithEffect(u64),
    /// Has threads that are said to be alike, and differ.
    Differ,
    /// Has the head of a loop at the place of this name; see `run::heads`.
    Head(u64),
}

/// What programs have been seen to do.
pub(crate) type Seen = BTreeSet<Assumption>;

impl Session {
    /// The program does this. Starts again if that is new.
    pub(crate) fn assume(&mut self, what: Assumption) -> Step<()> {
        if self.probe.is_some() || self.seen.contains(&what) {
            return Step::Done(());
        }
        self.assume_new(what);
        Step::Wait
    }

    /// Starts again: the program does what it was taken not to do.
    pub(crate) fn assume_new(&mut self, what: Assumption) {
        self.seen.insert(what);
        self.restart = true;
    }

    /// An event is asked for. If that is in the destructor of what an `Arc` holds,
    /// the drops of its handles must be events: which thread has this one depends
    /// on their order.
    #[inline]
    pub(crate) fn acts(&mut self) -> Step<()> {
        match self.heap.late().and_then(|late| late.arc) {
            None => Step::Done(()),
            Some(arc) => self.assume(Assumption::Counts(arc)),
        }
    }

    /// Do threads wait for ever only because of an assumption? Starts again then.
    pub(crate) fn doubt(&mut self, mut waiting: impl Iterator<Item = ThreadId>) -> bool {
        let halfway = waiting.find_map(|thread| self.threads[thread as usize].halfway);
        halfway.is_some_and(|lock| {
            self.seen.insert(Assumption::Tries(lock));
            self.restart = true;
            true
        })
    }

    /// The threads that read under a read-write lock.
    pub(crate) fn readers(&self, lock: (u32, u32)) -> Vec<u32> {
        let all = Assumption::Reads(lock, 0)..=Assumption::Reads(lock, u32::MAX);
        self.seen
            .range(all)
            .filter_map(|what| match what {
                Assumption::Reads(_, thread) => Some(*thread),
                _ => None,
            })
            .collect()
    }
}
