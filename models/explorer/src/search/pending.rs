//! Alternatives that are left for later, in little memory.
//!
//! An alternative is not a graph but how to make one from the level's: where to
//! cut it (T4), what to add, and, for a backward revisit, which read reads from
//! the write that was added. The alternatives of one step of a thread share what
//! they add, and differ by a [`Way`] of 24 bytes; places that a write may take side by
//! side are one.

use serde::{Deserialize, Serialize};

use crate::graph::Graph;
use crate::graph::event::{Event, EventId, INIT, Kind};

use super::saved::bits;

/// What becomes of the events that an alternative adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum To {
    /// A read that writes nothing, or a choice: they are added.
    Stay,
    /// The write is placed after one of these positions, the first and the last.
    Place(u32, u32),
    /// The write is read by this read, and what the search has since made of the
    /// read is removed; then the write is placed after this position.
    Revisit(EventId, u32),
    /// The write enters a lock before the thread of this read: that and what the search has since
    /// made of it is removed; then the write is placed after this position.
    Overtake(EventId, u32),
}

/// One alternative of a fork, or several that differ by the position of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    /// What a read reads from.
    pub(crate) rf: EventId,
    /// The value that is written, or chosen.
    pub(crate) value: u64,
    pub(crate) to: To,
}

/// A step of a thread at which the search has left alternatives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fork {
    /// How many events of the level's graph come before it.
    pub(crate) at: usize,
    pub(crate) first: Event,
    /// The write of a read-modify-write.
    pub(crate) second: Option<Event>,
    /// The share of the whole tree that each way stands for.
    #[serde(with = "bits")]
    pub(crate) share: f64,
    /// Never empty on the stack.
    pub(crate) ways: Vec<Way>,
    /// The number of the first way that is here; see `search::gather`.
    pub(crate) before: u32,
}

impl Fork {
    pub(crate) fn new(at: usize, first: Event, second: Option<Event>) -> Fork {
        Fork {
            at,
            first,
            second,
            share: 0.0,
            ways: Vec::new(),
            before: 0,
        }
    }

    /// Adds a way. Positions come from the last to the first.
    pub(crate) fn push(&mut self, way: Way) {
        if let To::Place(position, _) = way.to
            && let Some(last) = self.ways.last_mut()
            && let To::Place(first, _) = &mut last.to
            && *first == position + 1
            && (last.rf, last.value) == (way.rf, way.value)
        {
            *first = position;
        } else {
            self.ways.push(way);
        }
    }

    /// How many alternatives there are.
    pub(crate) fn count(&self) -> usize {
        self.ways.iter().map(Way::count).sum()
    }

    /// Forgets the oldest ways.
    pub(crate) fn forget(&mut self, ways: usize) {
        let count: usize = self.ways.drain(..ways).map(|way| way.count()).sum();
        self.before += count as u32;
    }

    /// Takes the alternative that was added last.
    pub(crate) fn pop(&mut self) -> Option<Way> {
        let way = self.ways.last_mut()?;
        if let To::Place(first, last) = &mut way.to
            && *first < *last
        {
            let position = *first;
            *first += 1;
            return Some(way.at(position));
        }
        self.ways.pop()
    }

    /// Takes the alternative that was added first. There is one.
    pub(crate) fn take_oldest(&mut self) -> Way {
        self.before += 1;
        let way = &mut self.ways[0];
        if let To::Place(first, last) = &mut way.to
            && *first < *last
        {
            let position = *last;
            *last -= 1;
            return way.at(position);
        }
        self.ways.remove(0)
    }

    /// One of the alternatives, counted from the first that was added.
    pub(crate) fn nth(&self, mut nth: usize) -> Option<Way> {
        for way in &self.ways {
            if nth < way.count() {
                return Some(match way.to {
                    To::Place(_, last) => way.at(last - nth as u32),
                    _ => *way,
                });
            }
            nth -= way.count();
        }
        None
    }

    /// What it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Fork>() + self.ways.len() * size_of::<Way>()
    }

    /// Adds to the level's graph what a way adds. Answers the graph of a backward
    /// revisit.
    pub(crate) fn enter(&self, way: Way, graph: &mut Graph) -> Option<Graph> {
        graph.truncate(self.at);
        let mut first = self.first.clone();
        if first.kind == Kind::Read {
            first.rf = way.rf;
            if let Some(order) = (first.condition).order(graph.written(first.loc, way.rf)) {
                first.order = order;
            }
        } else {
            first.value = way.value;
        }
        let mut last = graph.push(first);
        if way.to == To::Stay {
            return None;
        }
        if let Some(second) = &self.second {
            last = graph.push(Event {
                value: way.value,
                ..second.clone()
            });
        }
        match way.to {
            To::Stay => None,
            To::Place(position, _) => {
                graph.place(last, position as usize);
                None
            }
            To::Revisit(read, position) => {
                let mut graph = revisited(graph, read, last);
                let write = graph.len() as EventId - 1;
                graph.place(write, position as usize);
                Some(graph)
            }
            To::Overtake(read, position) => {
                let mut graph = overtaking(graph, read, last);
                let write = graph.len() as EventId - 1;
                graph.place(write, position as usize);
                Some(graph)
            }
        }
    }
}

/// The graph in which `read` reads from `write`, the last event, which is not
/// placed: without what was added after `read`, unless `write` depends on it.
pub(crate) fn revisited(graph: &Graph, read: EventId, write: EventId) -> Graph {
    let keep = |e| e <= read || graph.porf_before(e, write);
    let (mut graph, read) = graph.restrict(read, keep);
    let write = graph.len() as EventId - 1;
    graph.reread(read, write);
    graph
}

/// The graph in which the thread of `write`, the last event, which is not placed, enters a lock
/// before the thread of `read`: without `read`, and what was added after it, unless `write`
/// depends on it.
pub(crate) fn overtaking(graph: &Graph, read: EventId, write: EventId) -> Graph {
    let keep = |e| e < read || graph.porf_before(e, write);
    let (mut graph, write) = graph.restrict(write, keep);
    graph.events[write as usize].overtakes = true;
    graph
}

impl Way {
    /// A way that adds a read.
    pub(crate) fn read(rf: EventId) -> Way {
        Way {
            rf,
            value: 0,
            to: To::Stay,
        }
    }

    /// A way that adds a choice.
    pub(crate) fn choice(value: u64) -> Way {
        Way {
            rf: INIT,
            value,
            to: To::Stay,
        }
    }

    /// A way that places a write; `rf` is what its read reads from, if it has one.
    pub(crate) fn place(rf: EventId, value: u64, position: usize) -> Way {
        let to = To::Place(position as u32, position as u32);
        Way { rf, value, to }
    }

    fn at(self, position: u32) -> Way {
        let to = To::Place(position, position);
        Way { to, ..self }
    }

    pub(crate) fn count(&self) -> usize {
        match self.to {
            To::Place(first, last) => (last - first) as usize + 1,
            To::Stay | To::Revisit(..) | To::Overtake(..) => 1,
        }
    }
}
