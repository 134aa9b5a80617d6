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

pub mod forward;
pub(crate) mod pending;
pub mod revisit;
pub(crate) mod saved;
mod split;

use serde::{Deserialize, Serialize};

use crate::graph::Graph;
use crate::graph::event::EventId;
use crate::mutation::Mutation;
use pending::{Fork, Level, To, Way, graph_bytes};
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

    /// What the search takes, in bytes; see [`Progress::memory`](crate::Progress).
    pub(crate) fn bytes(&self) -> usize {
        debug_assert_eq!(self.held, self.count().1);
        graph_bytes(&self.graph) + self.held
    }

    /// Counts what `pending` and `held` keep.
    fn count(&self) -> (usize, usize) {
        let ways = |level: &Level| {
            level
                .forks
                .iter()
                .map(|fork| fork.ways.len())
                .sum::<usize>()
        };
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
        self.share /= (fork.ways.len() + 1) as f64;
        fork.share = self.share;
        self.pending += fork.ways.len();
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
        let way = fork.ways.remove(at);
        let To::Revisit(read, position) = way.to else {
            unreachable!("only backward revisits are taken")
        };
        // The run as it was is not gone on with.
        self.share *= (fork.ways.len() + 2) as f64 / (fork.ways.len() + 1) as f64;
        fork.share = self.share;
        self.settle();
        self.park(false);
        self.graph.unplace(write);
        self.graph.reread(read, write);
        self.graph.place(write, position as usize);
    }

    /// Accounts for a way that was taken from the last fork, and drops the fork if
    /// none is left.
    fn settle(&mut self) {
        let level = self.levels.last_mut().expect("a level");
        self.pending -= 1;
        self.held -= size_of::<Way>();
        if level.forks.last().is_some_and(|fork| fork.ways.is_empty()) {
            self.held -= size_of::<Fork>();
            level.forks.pop();
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
            let way = fork.ways.pop().expect("a way");
            let revisited = fork.enter(way, &mut self.graph);
            self.settle();
            if let Some(graph) = revisited {
                self.park(true);
                self.graph = graph;
            }
            return true;
        }
    }
}
