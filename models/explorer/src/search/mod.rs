//! The search: TruSt (Kokologiannakis, Marmanis, Gladstein, Vafeiadis, *Truly
//! Stateless, Optimal Dynamic Partial Order Reduction*, POPL 2022).
//!
//! One run of the program extends the graph at hand by one choice at each step,
//! always the maximal one, and leaves the other consistent choices on a stack.
//! When the run is over, the last one left is taken up: the graph is cut, the
//! choice is made, and the program runs again.
//!
//! # Invariants
//! - T1. Every alternative on the stack leads to a consistent graph: it is checked
//!   when it is found, so that no run is wasted on an inconsistent graph.
//! - T2. The next thread is a function of the graph: see `run::schedule`.
//! - T3. A backward revisit is made only if all that it deletes, and the read,
//!   are maximal: exactly one of the graphs that could start it does
//!   (`IsMaximallyAdded` of the paper). So no graph is visited twice, and the
//!   set of visited graphs is not kept.
//! - T4. Alternatives of a level are taken last in, first out, so that cutting
//!   the level's graph to where they were found restores it.
//!
//! # Memory
//! The paper's algorithm takes memory that is linear in the length of an execution.
//! This implementation takes more, and stays polynomial:
//! - a pending alternative is 24 bytes (see `search::pending`), a step that left some 250
//!   more. A step may leave as many as there are reads and writes of its location,
//!   but for places side by side, which are one. So they may grow by the square of
//!   the events, 24 bytes each; two threads that only write stay linear;
//! - a graph has clocks for each event, as wide as there are threads;
//! - a revisit that is taken up while its level has other alternatives starts a new
//!   level, and the graph of the old one waits, cut to what is pending. It could be
//!   found again from the revisited graph, since all that was deleted is maximal
//!   (T3), but only by running the program once more for each. On the random programs
//!   and the closed forms of the tests there were never more levels than events in
//!   the graph at hand: so memory is by the square of the events. That is no proof.
//!
//! [`Progress::memory`](crate::Progress::memory) is what a search did take.

pub mod forward;
pub(crate) mod pending;
pub mod revisit;
pub(crate) mod saved;
mod split;

use serde::{Deserialize, Serialize};

use crate::graph::Graph;
use crate::graph::event::EventId;
use crate::mutation::Mutation;
use pending::{Fork, Level, To, graph_bytes};
use saved::bits;

/// The stack of the search. The graph of the last level is not in the stack but
/// in `graph`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Search {
    #[serde(with = "saved::graph")]
    pub(crate) graph: Graph,
    pub(crate) levels: Vec<Level>,
    /// The share of the run at hand.
    #[serde(with = "bits")]
    pub(crate) share: f64,
    /// How many ways are pending.
    pending: usize,
    /// What the levels take, in bytes.
    held: usize,
}

impl Search {
    /// A search that starts from a graph, which is to be run.
    pub(crate) fn new(graph: Graph, share: f64) -> Search {
        let level = Level::default();
        Search {
            graph,
            held: level.bytes(),
            levels: vec![level],
            share,
            ..Search::default()
        }
    }

    /// A search of everything.
    pub(crate) fn root(mutation: Mutation) -> Search {
        let mut search = Search::new(Graph::default(), 1.0);
        search.graph.clocks.mutation = mutation;
        search
    }

    /// How many alternatives are pending.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// What the search takes, in bytes; see [`Progress::memory`](crate::Progress::memory).
    pub(crate) fn bytes(&self) -> usize {
        debug_assert_eq!((self.pending, self.held), self.count());
        graph_bytes(&self.graph) + self.held
    }

    /// Counts what `pending` and `held` keep.
    fn count(&self) -> (usize, usize) {
        let ways = |level: &Level| level.forks.iter().map(Fork::count).sum::<usize>();
        (
            self.levels.iter().map(ways).sum(),
            self.levels.iter().map(Level::bytes).sum(),
        )
    }

    /// Leaves what a step has gathered. Its ways, and the one that the run goes on
    /// with, divide the share of the run.
    fn leave(&mut self, mut fork: Fork) {
        if fork.ways.is_empty() {
            return;
        }
        let count = fork.count();
        self.share /= (count + 1) as f64;
        fork.share = self.share;
        self.pending += count;
        self.held += fork.bytes();
        self.levels.last_mut().expect("a level").forks.push(fork);
    }

    /// The backward revisits by the last event, if this run has left some.
    pub(crate) fn revisits_left(&self) -> impl Iterator<Item = (usize, EventId)> {
        let last = self.graph.len() - 1;
        let forks = self.levels.last().map_or(&[][..], |level| &level.forks);
        let fork = forks.last().filter(|fork| fork.at == last);
        let ways = fork.map_or(&[][..], |fork| &fork.ways);
        ways.iter()
            .enumerate()
            .rev()
            .filter_map(|(at, way)| match way.to {
                To::Revisit(read, _) => Some((at, read)),
                _ => None,
            })
    }

    /// Goes on at once with a backward revisit by the last event that this run
    /// left, and that deletes nothing.
    pub(crate) fn take(&mut self, at: usize) {
        let write = self.graph.len() as EventId - 1;
        let level = self.levels.last_mut().expect("a level");
        let fork = level.forks.last_mut().expect("a fork");
        let bytes = fork.bytes();
        let way = fork.ways.remove(at);
        let To::Revisit(read, position) = way.to else {
            unreachable!("only backward revisits are taken")
        };
        // The run as it was is not gone on with.
        let count = fork.count();
        self.share *= (count + 2) as f64 / (count + 1) as f64;
        fork.share = self.share;
        self.settle(bytes);
        self.park(false);
        self.graph.unplace(write);
        self.graph.reread(read, write);
        self.graph.place(write, position as usize);
    }

    /// Accounts for a way that was taken from the last fork, which took so many
    /// bytes, and drops the fork if none is left.
    fn settle(&mut self, bytes: usize) {
        let level = self.levels.last_mut().expect("a level");
        let fork = level.forks.last().expect("a fork");
        self.pending -= 1;
        self.held -= bytes;
        if fork.ways.is_empty() {
            level.forks.pop();
        } else {
            self.held += fork.bytes();
        }
    }

    /// Starts a level. The graph at hand, or a copy of it, stays with the last one,
    /// if that still has alternatives.
    fn park(&mut self, whole: bool) {
        let level = self.levels.last_mut().expect("a level");
        if let Some(fork) = level.forks.last() {
            level.graph = if whole {
                std::mem::take(&mut self.graph)
            } else {
                self.graph.clone()
            };
            level.graph.truncate(fork.at);
            self.held += graph_bytes(&level.graph) + size_of::<Level>();
            self.levels.push(Level::default());
        }
    }

    /// Takes up the next alternative. False when the search is over.
    pub(crate) fn advance(&mut self) -> bool {
        loop {
            let Some(level) = self.levels.last_mut() else {
                return false;
            };
            let Some(fork) = level.forks.last_mut() else {
                self.held -= size_of::<Level>();
                self.levels.pop();
                if let Some(level) = self.levels.last_mut() {
                    self.graph = std::mem::take(&mut level.graph);
                    self.held -= graph_bytes(&self.graph);
                }
                continue;
            };
            self.share = fork.share;
            let bytes = fork.bytes();
            let way = fork.pop().expect("a way");
            let revisited = fork.enter(way, &mut self.graph);
            self.settle(bytes);
            if let Some(graph) = revisited {
                self.park(true);
                self.graph = graph;
            }
            return true;
        }
    }
}
