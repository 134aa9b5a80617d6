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
//!   What enters a lock before another thread that was there is not maximal either: see
//!   `run::gate`.
//! - T4. Alternatives of a level are taken last in, first out, so that cutting
//!   the level's graph to where they were found restores it.
//!
//! - T5. The moves, which are the choices that were not maximal, lead from the graph
//!   that the search started from to the one at hand: see `search::retrace`.
//!
//! # Memory
//! Linear in the length of an execution (an event has clocks, as wide as there are
//! threads):
//! - the graph at hand, and the graph that the search started from;
//! - the moves: no more than events, 16 bytes each;
//! - the levels: no more than writes, and one; without the alternatives pending in them, some
//!   250 bytes each. A level is started by a revisit that is taken up while its own
//!   still has alternatives; the proof of both bounds is in `search::retrace`;
//! - the pending alternatives: some 250 bytes for a step that left alternatives, 24 for an
//!   alternative (places side by side are one), and one graph for each level, cut to
//!   these. A step may leave some for each event of its location, and each
//!   level may have a step for each event. So all of this together may take as much
//!   as 16 graphs of the largest size so far, and what the last step left, which is
//!   32 alternatives for each event at most. Alternatives beyond that are forgotten. When its
//!   turn comes, it is found again, by runs that visit nothing: one for each move
//!   since the nearest older level that is not forgotten. The families of
//!   the test `memory` come to 11 graphs.
//!
//! A search that is to be cut into parts ([`Builder::shard`](crate::Builder::shard))
//! forgets nothing before the cut: it makes a graph of each alternative that the runs
//! up to there have left.
//!
//! [`Progress::memory`](crate::Progress::memory) is what a search did take.

pub mod forward;
mod gather;
mod level;
pub(crate) mod pending;
mod retrace;
pub mod revisit;
pub(crate) mod saved;
mod split;

use serde::{Deserialize, Serialize};

use crate::graph::Graph;
use crate::mutation::Mutation;
use gather::Gather;
use level::{Level, graph_bytes};
pub(crate) use retrace::Departed;
use retrace::{Move, Retrace};
use saved::bits;

/// The stack of the search. The graph of the last level is not in the stack but
/// in `graph`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Search {
    #[serde(with = "saved::graph")]
    pub(crate) graph: Graph,
    pub(crate) levels: Vec<Level>,
    /// What leads from the graph that the search started from to the one at hand.
    path: Vec<Move>,
    /// The share of the run at hand.
    #[serde(with = "bits")]
    pub(crate) share: f64,
    /// How many ways are pending.
    pending: usize,
    /// What the levels take, in bytes.
    held: usize,
    /// What the longest graph took, in bytes, and how much of that the levels may
    /// take; all is kept without a limit.
    #[serde(skip)]
    longest: usize,
    #[serde(skip)]
    pub(crate) keep: Option<usize>,
    /// At most so many backward revisits lead to a graph; all do without a limit.
    #[serde(skip)]
    pub(crate) max_revisits: Option<u32>,
    /// There was one more.
    #[serde(skip)]
    pub(crate) is_cut: bool,
    /// The run at hand leaves no alternatives: see `driver::follow`.
    #[serde(skip)]
    pub(crate) follows: bool,
    /// The graph at hand is not that of the last level.
    #[serde(skip)]
    away: bool,
    #[serde(skip)]
    retrace: Option<Retrace>,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The graph at hand is to be run.
    Run,
    /// It is to be run to find again what was forgotten: see [`Search::follow`].
    Retrace,
    /// The search is over.
    Over,
}

impl Search {
    /// A search that starts from a graph, which is to be run, and to which so many revisits led.
    pub(crate) fn new(graph: Graph, share: f64, revisits: u32) -> Search {
        let level = Level::default();
        let mut search = Search {
            graph,
            held: level.bytes(),
            levels: vec![level],
            share,
            ..Search::default()
        };
        search.start(revisits);
        search
    }

    /// A search of everything.
    pub(crate) fn root(mutation: Mutation) -> Search {
        let mut search = Search::new(Graph::default(), 1.0, 0);
        search.graph.clocks.mutation = mutation;
        search
    }

    /// How many revisits led to the graph at hand.
    pub(super) fn depth(&self) -> u32 {
        self.levels.last().expect("a level").revisits
    }

    /// How many alternatives are pending.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// What the search takes, in bytes; see [`Progress::memory`](crate::Progress::memory).
    pub(crate) fn bytes(&self) -> usize {
        debug_assert_eq!((self.pending, self.held), self.count());
        graph_bytes(&self.graph) + self.held + self.path.len() * size_of::<Move>()
    }

    /// Counts what `pending` and `held` keep.
    fn count(&self) -> (usize, usize) {
        (
            self.levels.iter().map(Level::pending).sum(),
            self.levels.iter().map(Level::bytes).sum(),
        )
    }

    /// Leaves what a step has gathered. Its ways, and the one that the run goes on
    /// with, divide the share of the run.
    fn leave(&mut self, gather: Gather) {
        if self.follows {
            return;
        }
        self.compare(&gather);
        if gather.found == 0 {
            return;
        }
        self.share /= f64::from(gather.found) + 1.0;
        let (mut fork, pending) = (gather.fork, gather.pending);
        if pending == 0 {
            return;
        }
        fork.share = self.share;
        self.pending += pending;
        self.held += fork.bytes();
        let level = self.levels.last_mut().expect("a level");
        level.lost += pending - fork.count();
        level.forks.push(fork);
        self.forget();
    }

    /// Accounts for a way that was taken from the last fork, which took so many
    /// bytes, and drops the fork if none is left.
    fn account_for_way(&mut self, bytes: usize) {
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

    /// Makes room for a level. The graph at hand stays with the last one, if that still has alternatives.
    fn park(&mut self) {
        let first = self.levels.len() == 1;
        let level = self.levels.last_mut().expect("a level");
        if level.forks.is_empty() && level.lost == 0 {
            if first {
                // The search starts anew from here.
                self.path.clear();
            }
            return;
        }
        level.until = self.path.len();
        let last = level.forks.last().map(|fork| fork.at);
        if let Some(at) = last.or(first.then_some(level.base)) {
            level.graph = std::mem::take(&mut self.graph);
            level.graph.truncate(at);
            self.held += graph_bytes(&level.graph);
        }
        self.levels.push(Level::default());
        self.held += size_of::<Level>();
        self.forget();
    }

    /// Takes up the next alternative.
    pub(crate) fn advance(&mut self) -> Next {
        self.longest = self.longest.max(graph_bytes(&self.graph));
        loop {
            let Some(level) = self.levels.last_mut() else {
                return Next::Over;
            };
            let Some(fork) = level.forks.last_mut() else {
                if level.lost > 0 {
                    self.retrace();
                    return Next::Retrace;
                }
                self.held -= level.bytes();
                self.levels.pop();
                if let Some(level) = self.levels.last_mut() {
                    self.path.truncate(level.until);
                    self.away = level.forks.is_empty();
                    if !self.away {
                        self.graph = std::mem::take(&mut level.graph);
                        self.held -= graph_bytes(&self.graph);
                    }
                }
                continue;
            };
            self.share = fork.share;
            let bytes = fork.bytes();
            let way = fork.pop().expect("a way");
            let made = Move {
                at: fork.at,
                number: fork.before + fork.count() as u32,
            };
            let revisited = fork.enter(way, &mut self.graph);
            self.account_for_way(bytes);
            self.moves(made);
            if let Some(graph) = revisited {
                let revisits = self.depth().saturating_add(1);
                self.park();
                self.graph = graph;
                self.start(revisits);
            }
            return Next::Run;
        }
    }
}
