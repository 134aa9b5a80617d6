//! Coherence and atomicity of one location.
//!
//! RC11 asks that `hb ; eco?` be irreflexive. An event that is added has no
//! hb-successor, so a new cycle leaves it by `fr` or `co` and comes back by
//! `hb`. Hence one number per event decides: the *floor*, the latest position
//! that its hb-prefix has written or read. A read may read from no earlier
//! position; a write is placed after the floor.
//!
//! SC and TSO imply the same with `porf` for hb.

use super::clock::Row;
use super::event::{EventId, INIT, LocId};
use super::{Graph, Place};

impl Graph {
    /// The latest position of `loc` in the prefix of `event`.
    pub fn floor(&self, event: EventId, loc: LocId, prefix: Row) -> usize {
        if event == INIT {
            return 0;
        }
        let clock = self.clocks.row(event, prefix);
        let place = &self.places[loc as usize];
        let seen = |id: EventId| {
            let e = self.event(id);
            clock[e.thread as usize] > e.index
        };
        let mut floor = place
            .co
            .iter()
            .rposition(|&w| seen(w))
            .map_or(0, |at| at + 1);
        if floor == place.co.len() {
            return floor;
        }
        for &read in &place.reads {
            let rf = self.event(read).rf;
            // An unplaced write is the one being added; only the read that it
            // revisits reads from it.
            if rf != INIT && seen(read) && self.placed(place, rf) {
                floor = floor.max(place.position(rf));
            }
        }
        floor
    }

    fn placed(&self, place: &Place, write: EventId) -> bool {
        write as usize + 1 < self.len() || place.co.contains(&write)
    }

    /// Does the write after `position` belong to a read-modify-write? Then
    /// nothing can be placed in between (G5).
    pub fn occupied(&self, loc: LocId, position: usize) -> bool {
        self.places[loc as usize]
            .co
            .get(position)
            .is_some_and(|&next| self.event(next).rmw)
    }
}
