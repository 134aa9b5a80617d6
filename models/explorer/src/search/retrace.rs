//! How alternatives that were forgotten are found again.
//!
//! A run goes on with the maximal choice at each step. So the graph at hand follows
//! from the one that the search started from and the steps at which another choice
//! was made, the *moves*. They are made once more, from the nearest graph that is
//! known, with one run of the program for each. At the level in question,
//! the steps leave what they left the first time, without what was visited
//! since: that has a higher number, as alternatives are taken up last in, first
//! out (T4). It also is without what was given away, which has a lower one.
//!
//! # How many moves there are
//! No more than events in the graph at hand. Each has added an event, and that is
//! still there:
//! - A choice that is not maximal stays so while the write is there which makes it
//!   so, and is not deleted (T3). If a revisit deletes that write, which is older,
//!   but not the event, then the event is in the `porf`-prefix of the write that
//!   revisits, and stays if that does.
//! - The write of a revisit stays as long as its read, added before it, reads from
//!   it: it is not maximal then. If the read is deleted, or made to read from
//!   another write, then the first write is in the `porf`-prefix of the write that
//!   does so, or else it would be deleted too; and stays if that does.
//!
//! - A write that enters a lock before another thread is never maximal, and so never deleted.
//!
//! For the same reason there are no more levels than writes, and one.

use serde::{Deserialize, Serialize};

use super::Search;
use super::gather::{Gather, Wanted};
use super::level::graph_bytes;
use super::pending::{Fork, Way};

/// A choice that was not maximal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    /// How many events were in the graph.
    pub(crate) at: usize,
    /// The number of the alternative.
    pub(crate) number: u32,
}

/// The moves are being made once more.
#[derive(Clone, Debug)]
pub(crate) struct Retrace {
    /// The number of the next move.
    next: usize,
    /// How many alternatives the level has.
    wanted: usize,
    /// The run has come to the next move, and is over.
    arrived: bool,
    /// What the move is.
    turn: Option<(Fork, Way)>,
    /// The program does not do what it did.
    departed: bool,
}

impl Retrace {
    fn departed(&mut self) {
        (self.arrived, self.departed) = (true, true);
    }
}

/// The program does not do what it did.
#[derive(Debug)]
pub(crate) struct Departed;

impl Search {
    /// Notes a move of the level at hand. Later ones are void.
    pub(super) fn moves(&mut self, made: Move) {
        let since = self.levels.last().expect("a level").since;
        while self.path.len() > since && self.path.last().is_some_and(|last| last.at >= made.at) {
            self.path.pop();
        }
        self.path.push(made);
    }

    /// Starts a level with the graph at hand.
    pub(super) fn start(&mut self, revisits: u32) {
        let level = self.levels.last_mut().expect("a level");
        level.revisits = revisits;
        level.since = self.path.len();
        level.base = self.graph.len();
        level.share = self.share;
        level.given = None;
    }

    /// Goes back to a graph from which what the last level has forgotten is found.
    pub(super) fn retrace(&mut self) {
        let last = self.levels.len() - 1;
        let mut from = last;
        if self.away {
            let known = |&level: &usize| !self.levels[level].forks.is_empty();
            from = (0..last).rev().find(known).unwrap_or(0);
            self.graph = if from < last {
                self.levels[from].graph.clone()
            } else {
                let graph = std::mem::take(&mut self.levels[from].graph);
                self.held -= graph_bytes(&graph);
                graph
            };
            self.away = false;
        }
        let (base, next) = (self.levels[from].base, self.levels[from].since);
        // A level starts where a run did; what comes next need not follow from another
        // part of its graph.
        self.graph.truncate(base);
        let wanted = self.levels[last].pending();
        self.retrace = Some(Retrace {
            next,
            wanted,
            arrived: false,
            turn: None,
            departed: false,
        });
        self.proceed();
    }

    /// Which alternatives of a step are pending.
    pub(super) fn wanted(&self, at: usize) -> Wanted {
        let mut wanted = Wanted::ALL;
        let Some(retrace) = &self.retrace else {
            return wanted;
        };
        if let Some(made) = self.path.get(retrace.next)
            && made.at == at
        {
            wanted.to = made.number;
        }
        let level = self.levels.last().expect("a level");
        if let Some((given, from)) = level.given.filter(|_| retrace.next >= level.since) {
            wanted.from = match at.cmp(&given) {
                std::cmp::Ordering::Less => u32::MAX,
                std::cmp::Ordering::Equal => from,
                std::cmp::Ordering::Greater => 0,
            };
        }
        wanted
    }

    /// Before a step leaves what it has gathered: is it the one of the next move?
    pub(super) fn compare(&mut self, gather: &Gather) {
        let Some(retrace) = &mut self.retrace else {
            return;
        };
        let next = self.path.get(retrace.next);
        let at = gather.fork.at;
        match next {
            Some(made) if made.at > at => {}
            Some(made) if made.at == at && made.number < gather.found => {
                retrace.arrived = true;
                let fork = Fork::new(at, gather.fork.first.clone(), gather.fork.second.clone());
                retrace.turn = gather.turn.map(|way| (fork, way));
            }
            _ => retrace.departed(),
        }
        let level = self.levels.last().expect("a level");
        if retrace.next < level.since {
            self.clear();
        }
    }

    /// Is what was forgotten being found again?
    #[inline]
    pub(crate) fn retraces(&self) -> bool {
        self.retrace.is_some()
    }

    /// Has a run come to the next move?
    #[inline]
    pub(crate) fn arrived(&self) -> bool {
        self.retrace.as_ref().is_some_and(|retrace| retrace.arrived)
    }

    /// After a run of a retrace: makes the move. Answers whether a run is to follow.
    ///
    /// # Errors
    /// If the run has not come to it.
    pub(crate) fn follow(&mut self) -> Result<bool, Departed> {
        let retrace = self.retrace.as_mut().ok_or(Departed)?;
        let arrived = std::mem::take(&mut retrace.arrived);
        let turn = retrace.turn.take();
        if !arrived || retrace.departed {
            return Err(Departed);
        }
        if retrace.next + 1 == self.path.len() {
            let level = self.levels.last().expect("a level");
            if level.pending() != retrace.wanted || level.forks.is_empty() {
                return Err(Departed);
            }
            self.retrace = None;
            return Ok(false);
        }
        retrace.next += 1;
        let (fork, way) = turn.ok_or(Departed)?;
        if let Some(graph) = fork.enter(way, &mut self.graph) {
            self.graph = graph;
        }
        self.proceed();
        Ok(true)
    }

    /// A level comes next: if it is the one that is wanted, it gathers what is left.
    fn proceed(&mut self) {
        let level = self.levels.last().expect("a level");
        if let Some(retrace) = &self.retrace
            && retrace.next <= level.since
        {
            self.share = level.share;
            self.clear();
        }
    }

    /// Drops what the last level holds.
    fn clear(&mut self) {
        let level = self.levels.last_mut().expect("a level");
        self.pending -= level.pending();
        self.held -= level.forks.iter().map(Fork::bytes).sum::<usize>();
        level.forks.clear();
        level.lost = 0;
    }
}
