//! The total order S of the sequentially consistent operations of C++20.
//!
//! ISO C++20 `[atomics.order]` (P0668R5, after the repairs of Lahav and others, PLDI 2017) asks
//! for one total order S of all SeqCst operations, the accesses `Esc` and the fences `Fsc`. With
//! `cob` for coherence-ordered-before, which is `eco`, S is consistent with
//!
//! ```text
//! strong = (po | [Esc] ; sw ; [Esc] | po ; hb ; po)+        intro.races
//! before = [Esc | Fsc] ; strong ; [Esc | Fsc]
//!        | ([Esc] | [Fsc] ; hb) ; cob ; ([Esc] | hb ; [Fsc])
//! ```
//!
//! There is such an S iff `before` is acyclic. A read-modify-write is one operation: to be
//! its read or its write is the same, and `po` and `cob` do not lead from the one to the other.
//! The parts of `strong` are those of the standard but for consume, which is not there.
//!
//! # What the search leaves out
//! - `[Esc] ; sw ; [Esc]`: the acquire side reads a value of the release sequence, so it is part
//!   of `cob`, or of what `cob` is with fences. What is left of `strong` between two SeqCst
//!   operations is `po | po ; hb ; po`.
//! - The read of a read-modify-write as the first of a pair: what `cob` leads to from there is the
//!   operation's own write, or `cob` leads to it from that write too. What lies before the write,
//!   but not before the read, is another read of the same value. So the [ranks](super::ranks)
//!   of the two halves do for the operation, and the search goes on from the write's.
//!
//! The beginning of a thread is no event here, but in the standard it is before the thread's
//! first event by `po`: so the event that spawns a thread counts as one before its first by `po`.
//! The operations on locks are no SeqCst operations in the standard. Their words are taken for
//! atomics here, with acquire and release: they are part of `hb` and of `cob`.
//!
//! # Why a search by `porf` may use it
//! - *It holds of a graph without its last events.* An edge of `before` has for its witnesses
//!   events in the `hb`-prefixes of its ends, and two accesses that `cob` relates by their
//!   places in `co` alone. So an event that is last in `porf` is needed for its own edges only.
//! - *It can be gone on from.* An event that is added last in `porf`, reading the last write or
//!   written last in `co`, comes before nothing by `hb` or `cob`. No edge leads from it, so it
//!   closes no cycle.
//! - For the same reason all new edges lead to or from an event that has just been added or
//!   changed, or from a fence that happens before it, by way of that event.
//!
//! # How it differs from `psc`
//! Where only fences are SeqCst, the two are the same: `hb` between fences that is not `strong`
//! begins or ends with a synchronisation of a fence, whose accesses `cob` relates. Otherwise S
//! asks for more: `cob` goes on over a read that is not SeqCst, and from a read to another read,
//! where `psc` has single steps of `co` and `fr`.
//!
//! It asks for no less. `psc` has `po ; hb` to a fence that synchronises itself, and `hb ; po` from
//! one, where `strong` wants `po` on both sides. But a cycle has a step of `cob`; the last one
//! before the fence ends at an access that happens before it, so that `before` has an edge from
//! there to the fence itself; and so for the first one behind a fence.

use super::ranks::{NONE, ranks};
use crate::graph::Graph;
use crate::graph::event::{EventId, INIT};
use crate::mutation::Mutation;

/// Is there an order S, if there was without `changed`?
pub fn exists(graph: &Graph, changed: &[EventId]) -> bool {
    let is_fence = |event: &&EventId| graph.event(**event).is_sc_fence();
    let fences: Vec<Vec<EventId>> = (graph.threads.iter())
        .map(|events| events.iter().filter(is_fence).copied().collect())
        .collect();
    let may_close = |&&event: &&EventId| {
        let before = |&fence: &EventId| graph.hb_before(fence, event);
        graph.event(event).order.is_seq_cst() || fences.iter().flatten().any(before)
    };
    let mut ranks_of_all = None;
    changed.iter().filter(may_close).all(|&event| {
        let ranks = ranks_of_all.get_or_insert_with(|| ranks(graph));
        let search = Search {
            graph,
            ranks,
            fences: &fences,
            reached: graph.threads.iter().map(Vec::len).collect(),
            after_fence: graph.threads.iter().map(Vec::len).collect(),
            behind: vec![NONE - 1; graph.places.len()],
            places: Vec::new(),
            operations: Vec::new(),
        };
        !search.comes_back_to(event)
    })
}

/// What a search by `before` has reached. Each event is reached once.
struct Search<'a> {
    graph: &'a Graph,
    ranks: &'a [(usize, u32)],
    /// Per thread, its SeqCst fences.
    fences: &'a [Vec<EventId>],
    /// Per thread, the index from which on all SeqCst operations are reached, since `strong`
    /// contains `po`.
    reached: Vec<usize>,
    /// Per thread, the index from which on a fence that was reached happens before all.
    after_fence: Vec<usize>,
    /// Per location, the rank behind which all is reached by `cob`.
    behind: Vec<u32>,
    /// Ranks that are to be gone on from.
    places: Vec<(usize, u32)>,
    /// SeqCst operations from which the rest is to be reached by `strong`.
    operations: Vec<EventId>,
}

impl Search<'_> {
    fn comes_back_to(mut self, event: EventId) -> bool {
        let (thread, index) = (
            self.graph.event(event).thread,
            self.graph.event(event).index,
        );
        let (thread, index) = (thread as usize, index as usize);
        let seq_cst = self.graph.event(event).order.is_seq_cst();
        // Nothing is after the event by `hb`.
        self.places.push(self.rank(event));
        loop {
            if let Some(operation) = self.operations.pop() {
                self.strongly_after(operation);
            } else if let Some((place, rank)) = self.places.pop() {
                self.ordered_after(place, rank);
            } else {
                return false;
            }
            if seq_cst && self.reached[thread] <= index || self.after_fence[thread] <= index {
                return true;
            }
        }
    }

    /// The rank from which `cob` leads on from an access: that of the write of its operation, if
    /// there is one.
    fn rank(&self, event: EventId) -> (usize, u32) {
        let own = self.ranks[event as usize];
        if !self.graph.updates(event) {
            return own;
        }
        match self.ranks[self.next(event, 1).unwrap_or(event) as usize] {
            (_, NONE) => own,
            of_write => of_write,
        }
    }

    /// The event so many places behind another in its thread.
    fn next(&self, event: EventId, places: usize) -> Option<EventId> {
        let event = self.graph.event(event);
        let events = &self.graph.threads[event.thread as usize];
        events.get(event.index as usize + places).copied()
    }

    /// Reaches what follows an operation in the order of its location.
    fn ordered_after(&mut self, place: usize, rank: u32) {
        if rank >= self.behind[place] {
            return;
        }
        let graph = self.graph;
        let done = std::mem::replace(&mut self.behind[place], rank);
        let place = &graph.places[place];
        for &next in place.co.iter().chain(&place.reads) {
            if !(rank + 1..=done).contains(&self.ranks[next as usize].1) {
                continue;
            }
            if graph.event(next).order.is_seq_cst() {
                self.reach(next);
            }
            for fences in self.fences {
                let after = fences.partition_point(|&fence| !graph.hb_before(next, fence));
                if let Some(&fence) = fences.get(after) {
                    self.reach(fence);
                }
            }
        }
    }

    /// Reaches a SeqCst operation, and with it all later ones of its thread.
    fn reach(&mut self, operation: EventId) {
        let graph = self.graph;
        let (thread, index) = (graph.event(operation).thread, graph.event(operation).index);
        let (thread, index) = (thread as usize, index as usize);
        if index >= self.reached[thread] {
            return;
        }
        let end = std::mem::replace(&mut self.reached[thread], index);
        for &event in &graph.threads[thread][index..end] {
            if graph.event(event).is_sc_fence() {
                self.happens_after(event);
            } else if graph.event(event).order.is_seq_cst() {
                self.places.push(self.rank(event));
            }
        }
        self.operations.push(operation);
    }

    /// Goes on from the accesses that a fence happens before.
    fn happens_after(&mut self, fence: EventId) {
        let graph = self.graph;
        for thread in 0..graph.threads.len() {
            let open = &graph.threads[thread][..self.after_fence[thread]];
            let first = open.partition_point(|&event| !graph.hb_before(fence, event));
            for &event in &open[first..] {
                self.places.push(self.rank(event));
            }
            self.after_fence[thread] = first;
        }
    }

    /// Reaches the SeqCst operations of other threads that are after one by `po ; hb ; po`.
    fn strongly_after(&mut self, operation: EventId) {
        let graph = self.graph;
        let happens_before = graph.clocks.mutation == Mutation::Strongly;
        let own = 1 + usize::from(graph.updates(operation));
        let from = match happens_before {
            true => Some(operation),
            false => self.next(operation, own),
        };
        let Some(from) = from else {
            return;
        };
        for thread in 0..graph.threads.len() {
            let open = &graph.threads[thread][..self.reached[thread]];
            let first = open.partition_point(|&event| {
                let before = match happens_before {
                    true => Some(event),
                    false => before(graph, event),
                };
                before.is_none_or(|before| !graph.hb_before(from, before))
            });
            let mut after = open[first..].iter();
            if let Some(&next) = after.find(|&&e| graph.event(e).order.is_seq_cst()) {
                self.reach(next);
            }
        }
    }
}

/// The event before the operation that an event belongs to, in its thread; for the first of a
/// thread that which spawned it.
fn before(graph: &Graph, event: EventId) -> Option<EventId> {
    let event = graph.event(event);
    let own = u32::from(event.rmw && event.is_write());
    let before = graph.predecessor(event.thread, event.index - own);
    (before != INIT).then_some(before)
}
