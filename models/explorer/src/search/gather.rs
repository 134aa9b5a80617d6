//! The alternatives of one step of a thread, as they are found.
//!
//! They are numbered in the order in which they are found, which follows from the
//! graph. So a number is enough to find one again: see `search::retrace`.

use super::Search;
use super::pending::{Fork, Way};
use crate::graph::event::Event;

/// Which of the alternatives of a step are pending, by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Those before this one were given away.
    pub(super) from: u32,
    /// This one and those after it were taken up.
    pub(super) to: u32,
}

impl Wanted {
    /// Those of a step that is made for the first time.
    pub(super) const ALL: Wanted = Wanted {
        from: 0,
        to: u32::MAX,
    };
}

/// A fork to be.
pub(crate) struct Gather {
    pub(super) fork: Fork,
    pub(super) wanted: Wanted,
    /// How many were found, and how many of them are pending.
    pub(super) found: u32,
    pub(super) pending: usize,
    /// The one with the number `wanted.to`.
    pub(super) turn: Option<Way>,
    /// How many ways are remembered at least; twice as many at most.
    most: usize,
}

impl Gather {
    /// Adds an alternative. Positions of a write come from the last to the first.
    pub(super) fn push(&mut self, way: Way) {
        let number = self.found;
        self.found += 1;
        if number == self.wanted.to {
            self.turn = Some(way);
        }
        if (self.wanted.from..self.wanted.to).contains(&number) {
            self.pending += 1;
            self.fork.push(way);
            if self.fork.ways.len() / 2 >= self.most {
                self.fork.forget(self.most);
            }
        }
    }
}

impl Search {
    /// A step that is about to be made.
    pub(super) fn gather(&self, first: Event, second: Option<Event>) -> Gather {
        let at = self.graph.len();
        let wanted = self.wanted(at);
        let most = self.keep.map_or(usize::MAX, |keep| keep * (at + 1));
        let mut fork = Fork::new(at, first, second);
        fork.before = wanted.from;
        Gather {
            fork,
            wanted,
            found: 0,
            pending: 0,
            turn: None,
            most: most.max(1),
        }
    }
}
