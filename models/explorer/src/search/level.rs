//! Levels: the alternatives that are pending from one graph on, and how they are forgotten.

use serde::{Deserialize, Serialize};

use super::Search;
use super::pending::Fork;
use super::saved::bits;
use crate::graph::Graph;
use crate::graph::event::{Event, EventId};

/// The pending alternatives that start from prefixes of one graph.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Level {
    pub(crate) forks: Vec<Fork>,
    /// How many more alternatives there are, forgotten, all of them older.
    pub(crate) lost: usize,
    /// While another level is being worked on, the level's graph as far as its last
    /// fork needs it. Without forks, that of the first level is the one that the
    /// search started from, and those of others are empty.
    #[serde(with = "super::saved::graph")]
    pub(crate) graph: Graph,
    /// How many events the graph had when the level started.
    pub(crate) base: usize,
    /// How many backward revisits led to that graph.
    pub(crate) revisits: u32,
    /// The share of the whole tree that the level stood for then.
    #[serde(with = "bits")]
    pub(crate) share: f64,
    /// How many moves led to the level, and to the one that was started from it.
    pub(crate) since: usize,
    pub(crate) until: usize,
    /// The step from which an alternative was last given away, and the number of the
    /// first that was not. Nothing older is pending.
    pub(crate) given: Option<(usize, u32)>,
}

impl Level {
    /// What it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let forks: usize = self.forks.iter().map(Fork::bytes).sum();
        size_of::<Level>() + graph_bytes(&self.graph) + forks
    }

    /// How many alternatives there are.
    pub(crate) fn pending(&self) -> usize {
        self.lost + self.forks.iter().map(Fork::count).sum::<usize>()
    }

    /// Forgets the oldest forks. Answers how many bytes that saves.
    fn forget(&mut self, forks: usize) -> usize {
        let mut bytes = 0;
        for fork in self.forks.drain(..forks) {
            self.lost += fork.count();
            bytes += fork.bytes();
        }
        bytes
    }
}

/// What a graph contains, in bytes: each event is in the list of its thread, in
/// one of its location at most, and has its clocks.
pub(crate) fn graph_bytes(graph: &Graph) -> usize {
    let event = size_of::<Event>() + 2 * size_of::<EventId>() + graph.clocks.row_bytes();
    graph.len() * event
        + graph.threads.len() * size_of::<Vec<EventId>>()
        + graph.births.len() * size_of::<EventId>()
        + std::mem::size_of_val(graph.places.as_slice())
}

impl Search {
    /// Forgets alternatives if they take more than they may: see the search's
    /// documentation.
    pub(super) fn forget(&mut self) {
        let Some(keep) = self.keep else { return };
        self.longest = self.longest.max(graph_bytes(&self.graph));
        let most = keep * self.longest;
        if self.held <= most {
            return;
        }
        let last = self.levels.len() - 1;
        let waiting = (0..last).filter(|&level| !self.levels[level].forks.is_empty());
        let mut waiting: Vec<usize> = waiting.collect();
        // Every second one stays: the way back to a level starts at an older one.
        while self.held > most / 2 && !waiting.is_empty() {
            for &level in waiting.iter().step_by(2) {
                self.forget_level(level);
            }
            waiting = waiting.into_iter().skip(1).step_by(2).collect();
        }
        // What the last step has left is being worked on.
        while self.held > most / 2 && self.levels[last].forks.len() > 1 {
            self.held -= self.levels[last].forget(1);
        }
    }

    fn forget_level(&mut self, number: usize) {
        let level = &mut self.levels[number];
        let before = level.bytes();
        level.forget(level.forks.len());
        level.forks = Vec::new();
        if number == 0 {
            level.graph.truncate(level.base);
        } else {
            level.graph = Graph::default();
        }
        self.held = self.held - before + level.bytes();
    }
}
