//! Which thread goes on.
//!
//! While the graph is replayed, any thread whose next answer is there. At the
//! frontier the choice must be a function of the graph (T2): first a thread that
//! owes the write of a read-modify-write, or the release of the mutex that it waits
//! with, then the first thread by rank that does not wait. The rank is the way to the thread from the first one (which
//! child of which thread), hence independent of the order of events.

use super::session::{Session, Status, Thread};
use crate::graph::event::{Kind, ThreadId};
use crate::report::Failure;

impl Session {
    /// The thread to continue, if any can.
    pub(crate) fn pick(&mut self) -> Option<ThreadId> {
        (self.chosen, self.gives_up) = (None, false);
        if self.remaining > 0 {
            let next = (0..self.threads.len()).find(|&t| match self.threads[t].status {
                Some(Status::Ready) => true,
                Some(Status::Replay(event)) => self.replayed(event),
                _ => false,
            });
            if next.is_none() {
                self.fail(Failure::departed(
                    "the program ended before the graph did".into(),
                ));
            }
            return next.map(|t| t as ThreadId);
        }
        let dangling = (self.ranking.iter())
            .find(|(_, t)| self.status(*t) == Some(Status::Dangling))
            .map(|&(_, t)| t);
        let next = dangling.or_else(|| {
            (self.ranking.iter())
                .map(|&(_, t)| t)
                .find(|&t| match self.status(t) {
                    Some(Status::Ready | Status::Replay(_) | Status::Frontier) => true,
                    Some(Status::Join(child)) => self.ended(child),
                    Some(Status::Outside(lock, gate)) => self.lets_in(lock, gate),
                    Some(Status::Until(loc, until)) => self.has_come(t, loc, until),
                    _ => false,
                })
        });
        let next = next.or_else(|| self.give_up()).or_else(|| self.close());
        self.chosen = next;
        next
    }

    /// Does another thread owe a write? Nothing else is added before it.
    pub(super) fn others_owe(&self) -> bool {
        let owes = |thread: &Thread| thread.status == Some(Status::Dangling);
        self.threads.iter().any(owes)
    }

    pub(super) fn status(&self, thread: ThreadId) -> Option<Status> {
        self.threads.get(thread as usize)?.status
    }

    /// Is the last event of a thread in the graph?
    pub(crate) fn ended(&self, thread: ThreadId) -> bool {
        let events = self.graph().threads.get(thread as usize);
        let last = events.and_then(|events| events.last());
        last.is_some_and(|&last| self.graph().event(last).kind == Kind::End)
    }
}
