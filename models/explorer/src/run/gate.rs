//! Threads that wait for a lock.
//!
//! The plain algorithm has a thread that asks for a lock which is held read its word, and wait; the
//! release revisits that read. Where several wait, or the release comes late, runs are made in
//! which a thread waits for something that has come, and are thrown away. Here such a thread is
//! *outside the graph* (after Kokologiannakis, Marmanis and Vafeiadis, *Unblocking Dynamic Partial
//! Order Reduction*, CAV 2023):
//!
//! - A thread asks for a lock (by [`ops::enter`](super::ops::enter)) when the last write of its word
//!   lets it in. Until then it is not scheduled, and has no event. Whether it is let in follows from
//!   the graph (T2).
//! - The order of two threads is turned when the second one enters. Its write would be read by the
//!   first one's read, which then would wait: so that read leaves the graph, with all that follows
//!   from it, and the first thread asks again (`To::Overtake`). The plain algorithm keeps the read,
//!   with which nothing can be done but to revisit it.
//! - In the plain algorithm, the write that was read by an older read, and all that its thread did
//!   until the read was revisited, are not maximal (T3): a graph from which they were deleted is also
//!   reached without them. The read is not there, so the write itself says so
//!   (`Event::overtakes`).
//! - Where no thread can go on and some wait outside, they enter the graph as in the plain algorithm,
//!   and wait: a thread that is kept out for ever might have entered first.
//!
//! What it takes for granted: a thread is let in by the last write of the word, or by one that
//! another thread's entering follows at once. So a thread that asks late has the same writes
//! to read as one that asks early. The words of this crate's locks are like that: who is let in, is so
//! by a read-modify-write; and what else writes them, does not come after a write that lets a
//! thread in.

use super::session::{Session, Status};
use crate::graph::event::{Gate, LocId, ThreadId};
use crate::mutation::Mutation;

impl Session {
    /// Does the last write of a lock's word let a thread in?
    pub(super) fn lets_in(&self, lock: LocId, gate: Gate) -> bool {
        let graph = self.graph();
        let place = &graph.places[lock as usize];
        !gate.waits(graph.written(lock, place.at(place.co.len())))
    }

    /// Does a thread that asks for a lock wait outside the graph?
    pub(super) fn keeps_out(&self, lock: LocId, gate: Gate) -> bool {
        self.rules.waits_outside && !self.closing && !self.lets_in(lock, gate)
    }

    /// No thread can go on. Threads that wait outside the graph enter it, one after the other.
    pub(super) fn close(&mut self) -> Option<ThreadId> {
        if self.config.mutation == Mutation::Closing {
            return None;
        }
        let outside = |&t: &ThreadId| {
            let status = self
                .threads
                .get(t as usize)
                .and_then(|thread| thread.status);
            matches!(status, Some(Status::Outside(..)))
        };
        let next = self.ranking.iter().map(|&(_, t)| t).find(outside);
        self.closing |= next.is_some();
        next
    }
}
