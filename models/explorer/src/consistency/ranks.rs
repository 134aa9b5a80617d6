//! Coherence-ordered-before as numbers.
//!
//! `eco` of one location is the order of *ranks*: a write at position `p` of `co` has rank
//! `2p`, a read of it `2p + 1`, and `a ; eco ; b` iff the rank of `b` is the greater. (The
//! write of a read-modify-write comes after its own read by `po` anyway.)

use crate::graph::Graph;
use crate::graph::event::INIT;

/// The rank of what is neither a read nor a write; it is behind all others.
pub(super) const NONE: u32 = u32::MAX;

/// Each event's location and rank there.
pub(super) fn ranks(graph: &Graph) -> Vec<(usize, u32)> {
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
