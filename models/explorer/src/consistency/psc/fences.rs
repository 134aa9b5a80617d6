//! `psc` where fences alone are sequentially consistent.
//!
//! Then all of `scb` but `co | fr` is part of `hb`, and `co | fr` of `eco`, so that
//! `psc = [Fsc] ; (hb | hb ; eco ; hb) ; [Fsc]`.
//!
//! A new cycle leads from a changed access by `eco ; hb` to a fence, on by `psc`, and
//! from a fence by `hb` to the access. The search keeps what it has reached as one number
//! for each thread, since `hb` contains `po`, and one for each location, since `eco` is
//! the order of [ranks](crate::consistency::ranks). So each event is reached once.

use crate::consistency::ranks::{NONE, ranks};
use crate::graph::Graph;
use crate::graph::event::EventId;

/// Is there no cycle of `psc` through one of `changed`?
pub(super) fn acyclic(graph: &Graph, changed: &[EventId]) -> bool {
    let ranks = ranks(graph);
    changed.iter().all(|&event| {
        let search = Reached {
            graph,
            ranks: &ranks,
            from: graph.threads.iter().map(Vec::len).collect(),
            behind: vec![NONE - 1; graph.places.len()],
            work: vec![ranks[event as usize]],
        };
        !search.comes_back_to(event)
    })
}

/// What a search from an access has reached.
struct Reached<'a> {
    graph: &'a Graph,
    ranks: &'a [(usize, u32)],
    /// Per thread, the index from which on a fence that was reached happens before all.
    from: Vec<usize>,
    /// Per location, the rank behind which all is reached by `eco`.
    behind: Vec<u32>,
    /// Ranks that are to be gone on from.
    work: Vec<(usize, u32)>,
}

impl Reached<'_> {
    fn comes_back_to(mut self, event: EventId) -> bool {
        let graph = self.graph;
        let (thread, index) = (graph.event(event).thread, graph.event(event).index);
        while let Some((place, rank)) = self.work.pop() {
            if rank >= self.behind[place] {
                continue;
            }
            let done = std::mem::replace(&mut self.behind[place], rank);
            let place = &graph.places[place];
            for &next in place.co.iter().chain(&place.reads) {
                if (rank + 1..=done).contains(&self.ranks[next as usize].1) {
                    self.fences_after(next);
                }
            }
            if self.from[thread as usize] <= index as usize {
                return true;
            }
        }
        false
    }

    /// Reaches the fences that an event happens before, and what they happen before.
    fn fences_after(&mut self, event: EventId) {
        let graph = self.graph;
        for thread in 0..graph.threads.len() {
            let open = &graph.threads[thread][..self.from[thread]];
            let after = open.partition_point(|&e| !graph.hb_before(event, e));
            let mut after = open[after..].iter().copied();
            let Some(fence) = after.find(|&e| graph.event(e).is_sc_fence()) else {
                continue;
            };
            for (events, from) in graph.threads.iter().zip(&mut self.from) {
                let first = events[..*from].partition_point(|&e| !graph.hb_before(fence, e));
                for &reached in &events[first..*from] {
                    self.work.push(self.ranks[reached as usize]);
                }
                *from = first;
            }
        }
    }
}
