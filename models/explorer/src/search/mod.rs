//! The search: TruSt (Kokologiannakis, Marmanis, Gladstein, Vafeiadis, *Truly
//! Stateless, Optimal Dynamic Partial Order Reduction*, POPL 2022).
//!
//! One run of the program extends the graph at hand by one choice at each step,
//! always the maximal one, and leaves the other consistent choices on a stack.
//! When the run is over, the last one left is taken up: the graph is cut, the
//! choice is made, and the program runs again.
//!
//! # Invariants
//! - T1. Every graph on the stack is consistent: an alternative is checked when
//!   it is found, so that no run is wasted on an inconsistent graph.
//! - T2. The next thread is a function of the graph: see `run::schedule`.
//! - T3. A backward revisit is made only if all that it deletes, and the read,
//!   are maximal: exactly one of the graphs that could start it does
//!   (`IsMaximallyAdded` of the paper). So no graph is visited twice, and the
//!   set of visited graphs is not kept.
//! - T4. Alternatives of a level are taken last in, first out, so that cutting
//!   the level's graph to where they were found restores it.

pub mod forward;
pub mod revisit;
mod split;

use crate::graph::Graph;
use crate::graph::event::Event;

/// An event to add, with its position in `co` if it is a placed write.
pub(crate) type Addition = (Event, Option<usize>);

/// What to do when an alternative is taken up.
#[derive(Debug)]
pub(crate) enum Choice {
    /// Cut the level's graph to `at` events and add one or two events.
    Forward {
        at: usize,
        first: Addition,
        second: Option<Addition>,
    },
    /// Go on from this graph: the result of a backward revisit.
    Backward(Box<Graph>),
}

/// A pending alternative, and the share of the whole tree that it stands for.
#[derive(Debug)]
pub(crate) struct Alternative {
    pub(crate) choice: Choice,
    pub(crate) share: f64,
}

/// The pending alternatives that start from prefixes of one graph.
#[derive(Debug, Default)]
pub(crate) struct Level {
    pub(crate) pending: Vec<Alternative>,
    /// The level's graph, while another level is being worked on.
    pub(crate) graph: Graph,
}

/// The stack of the search. The graph of the last level is not in the stack but
/// in `graph`.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) graph: Graph,
    pub(crate) levels: Vec<Level>,
    /// The share of the run at hand.
    pub(crate) share: f64,
    /// The share of the tree that is done.
    pub(crate) done: f64,
    /// How many alternatives the run at hand has left.
    pub(crate) left: usize,
}

impl Search {
    /// A search that starts from a graph.
    pub(crate) fn new(graph: Graph, share: f64) -> Search {
        Search {
            graph,
            levels: vec![Level::default()],
            share,
            done: 0.0,
            left: 0,
        }
    }

    /// Leaves an alternative.
    pub(crate) fn leave(&mut self, choice: Choice) {
        let level = self.levels.last_mut().expect("a level");
        level.pending.push(Alternative { choice, share: 0.0 });
        self.left += 1;
    }

    /// Ends a run: its share is divided among it and what it left.
    pub(crate) fn finish_run(&mut self) {
        self.share_out();
        self.done += self.share;
    }

    /// Goes on at once with the graph of a backward revisit that this run left.
    pub(crate) fn take(&mut self, at: usize) {
        let level = self.levels.last_mut().expect("a level");
        let alternative = level.pending.remove(at);
        let Choice::Backward(graph) = alternative.choice else {
            unreachable!("only backward revisits are taken")
        };
        self.left -= 1;
        let idle = level.pending.is_empty();
        // What was left so far belongs to the graph that it was left by.
        self.share_out();
        let whole = std::mem::replace(&mut self.graph, *graph);
        if !idle {
            self.levels.last_mut().expect("a level").graph = whole;
            self.levels.push(Level::default());
        }
    }

    /// Divides the share of the run among it and what it left.
    fn share_out(&mut self) {
        self.share /= (self.left + 1) as f64;
        let level = self.levels.last_mut().expect("a level");
        let from = level.pending.len() - self.left;
        level.pending[from..]
            .iter_mut()
            .for_each(|left| left.share = self.share);
        self.left = 0;
    }

    /// Takes up the next alternative. False when the search is over.
    pub(crate) fn advance(&mut self) -> bool {
        loop {
            let Some(level) = self.levels.last_mut() else {
                return false;
            };
            let Some(alternative) = level.pending.pop() else {
                self.levels.pop();
                if let Some(level) = self.levels.last_mut() {
                    self.graph = std::mem::take(&mut level.graph);
                }
                continue;
            };
            self.share = alternative.share;
            match alternative.choice {
                Choice::Forward { at, first, second } => {
                    self.graph.truncate(at);
                    self.add(first);
                    if let Some(second) = second {
                        self.add(second);
                    }
                }
                Choice::Backward(graph) => {
                    let graph = std::mem::replace(&mut self.graph, *graph);
                    if level.pending.is_empty() {
                        self.levels.pop();
                    } else {
                        level.graph = graph;
                    }
                    self.levels.push(Level::default());
                }
            }
            return true;
        }
    }

    fn add(&mut self, (event, position): Addition) {
        let id = self.graph.push(event);
        if let Some(position) = position {
            self.graph.place(id, position);
        }
    }
}
