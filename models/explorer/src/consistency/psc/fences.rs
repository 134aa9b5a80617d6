//! `psc` where fences alone are sequentially consistent.
//!
//! Then all of `scb` but `co | fr` is part of `hb`, and `co | fr` of `eco`, so that
//! `psc = [Fsc] ; (hb | hb ; eco ; hb) ; [Fsc]`.
//!
//! `eco` of one location is the order of *ranks*: a write at place `p` of `co` has
//! rank `2p`, a read of it `2p + 1`, and `a ; eco ; b` iff the rank of `b` is the
//! greater. (The write of a read-modify-write comes after its own read by `po`
//! anyway.) So it is enough to know, for each location, the least rank behind one
//! fence and the greatest before another.

use crate::graph::Graph;
use crate::graph::event::{EventId, INIT};

/// Is `psc` of these fences acyclic?
pub(super) fn acyclic(graph: &Graph, fences: &[usize]) -> bool {
    let ranks = ranks(graph);
    let places = graph.places.len();
    let mut behind = vec![vec![u32::MAX; places]; fences.len()];
    let mut before = vec![vec![0; places]; fences.len()];
    for (event, &(place, rank)) in ranks.iter().enumerate() {
        if rank == NONE {
            continue;
        }
        for (at, &fence) in fences.iter().enumerate() {
            if graph.hb_before(fence as EventId, event as EventId) {
                behind[at][place] = behind[at][place].min(rank);
            }
            if graph.hb_before(event as EventId, fence as EventId) {
                before[at][place] = before[at][place].max(rank);
            }
        }
    }
    // From a fence to itself nothing leads in a coherent graph.
    let leads = |a: usize, b: usize| {
        a != b
            && (graph.hb_before(fences[a] as EventId, fences[b] as EventId)
                || (0..places).any(|place| behind[a][place] < before[b][place]))
    };
    let mut alive: Vec<usize> = (0..fences.len()).collect();
    // Kahn's algorithm: what nothing leads to goes.
    loop {
        let left: Vec<usize> = alive
            .iter()
            .copied()
            .filter(|&b| alive.iter().any(|&a| leads(a, b)))
            .collect();
        if left.is_empty() {
            return true;
        }
        if left.len() == alive.len() {
            return false;
        }
        alive = left;
    }
}

/// Neither a read nor a write.
const NONE: u32 = u32::MAX;

/// Each event's location and rank there.
fn ranks(graph: &Graph) -> Vec<(usize, u32)> {
    let mut ranks = vec![(0, NONE); graph.len()];
    for (place, locus) in graph.places.iter().enumerate() {
        for (at, &write) in locus.co.iter().enumerate() {
            ranks[write as usize] = (place, 2 * (at as u32 + 1));
        }
        for &read in &locus.reads {
            let rank = match graph.event(read).rf {
                INIT => 1,
                // A read whose write is gone reads from nothing yet.
                write => match ranks[write as usize] {
                    (_, NONE) => NONE,
                    (_, rank) => rank + 1,
                },
            };
            ranks[read as usize] = (place, rank);
        }
    }
    ranks
}
