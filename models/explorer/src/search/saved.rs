//! How searches are written down and read again.
//!
//! Of a graph, its events and `co` are saved; the rest follows from them. Where
//! the program did what the events say cannot be saved: each event learns it anew
//! when it is replayed.

use std::panic::Location;

use serde::{Deserialize, Serialize};

use super::Search;
use super::pending::{Fork, To, Way};
use crate::graph::Graph;
use crate::graph::event::{Event, EventId, INIT, Kind};
use crate::mutation::Mutation;

/// Stands for the place of an event in a saved graph.
pub(crate) fn unknown_site() -> &'static Location<'static> {
    Location::caller()
}

/// Floating-point numbers, bit by bit: text would round them.
pub(crate) mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.to_bits())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

/// Graphs.
pub(crate) mod graph {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::Saved;
    use crate::graph::Graph;

    pub(crate) fn serialize<S: Serializer>(graph: &Graph, to: S) -> Result<S::Ok, S::Error> {
        Saved::of(graph).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Graph, D::Error> {
        let saved = Saved::deserialize(from)?;
        saved.graph().map_err(de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    threads: usize,
    events: Vec<Event>,
    /// Per location, its initial value and its writes in `co`.
    places: Vec<(u64, Vec<EventId>)>,
}

/// More alternatives than any level has.
const MANY: usize = 1 << 40;

/// More threads or locations than any graph has: a file may have any number in it.
const MOST: usize = 1 << 20;

fn require(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}

impl Saved {
    fn of(graph: &Graph) -> Saved {
        let places = graph.places.iter();
        Saved {
            threads: graph.threads.len(),
            events: graph.events.clone(),
            places: places.map(|p| (p.init, p.co.to_vec())).collect(),
        }
    }

    fn graph(self) -> Result<Graph, String> {
        require(
            self.threads.max(self.places.len()) <= MOST,
            "too many threads",
        )?;
        let mut graph = Graph::default();
        if self.threads > 0 {
            graph.ensure_thread(self.threads as u32 - 1);
        }
        graph
            .places
            .resize_with(self.places.len(), Default::default);
        for event in self.events {
            add(&mut graph, event)?;
        }
        for (place, (init, co)) in graph.places.iter_mut().zip(self.places) {
            (place.init, place.co) = (init, co.into());
        }
        self::check(&graph)?;
        clocks(&mut graph)?;
        Ok(graph)
    }
}

/// Adds an event without its clocks (G1, G2).
fn add(graph: &mut Graph, event: Event) -> Result<(), String> {
    let id = graph.len() as EventId;
    let thread = graph.threads.get_mut(event.thread as usize);
    let thread = thread.ok_or("an event of no thread")?;
    require(event.index as usize == thread.len(), "a gap in a thread")?;
    require(
        event.release_fence <= event.index + 1,
        "a release fence to come",
    )?;
    thread.push(id);
    let place = graph.places.get_mut(event.loc as usize);
    match event.kind {
        Kind::Read => place.ok_or("a read of no location")?.reads.push(id),
        Kind::Write => require(place.is_some(), "a write of no location")?,
        Kind::Wait => require(place.is_some(), "a wait for no location")?,
        Kind::Spawn(child) | Kind::Join(child) => {
            let birth = graph.births.get_mut(child as usize);
            let birth = birth.ok_or("a child that is no thread")?;
            if matches!(event.kind, Kind::Spawn(_)) {
                *birth = id;
            }
        }
        Kind::Fence | Kind::End | Kind::Choose(_) => {}
    }
    graph.seq_cst += usize::from(event.order.is_seq_cst());
    graph.events.push(event);
    graph.clocks.push_row();
    Ok(())
}

/// Do the parts of the graph fit (G3, G4)?
fn check(graph: &Graph) -> Result<(), String> {
    let write = |id: EventId, loc: u32| {
        let event = graph.events.get(id as usize);
        event.is_some_and(|e| e.is_write() && e.loc == loc)
    };
    let mut placed = vec![false; graph.len()];
    for (loc, place) in graph.places.iter().enumerate() {
        for &id in &place.co {
            require(write(id, loc as u32), "co of what is no write of it")?;
            let twice = std::mem::replace(&mut placed[id as usize], true);
            require(!twice, "a write twice in co")?;
        }
    }
    for (id, event) in graph.events.iter().enumerate() {
        if event.is_read() {
            let read = event.rf == INIT || write(event.rf, event.loc);
            require(read, "a read from what is no write")?;
        }
        if event.is_write() {
            require(placed[id], "a write that is not placed")?;
            let before = graph.predecessor(event.thread, event.index);
            let read = before != INIT && graph.event(before).is_read();
            require(!event.rmw || read, "an update without its read")?;
            let wait = before != INIT && graph.second_of_step(before) == Some(id as EventId);
            require(!event.ends_step() || wait, "a release by no wait")?;
        }
    }
    Ok(())
}

/// Computes the clocks, each after those that it is made of.
fn clocks(graph: &mut Graph) -> Result<(), String> {
    let mut known = vec![false; graph.len()];
    let mut missing = graph.len();
    while missing > 0 {
        let before = missing;
        for id in 0..graph.len() as EventId {
            let event = graph.event(id);
            let needs = [
                graph.predecessor(event.thread, event.index),
                if event.is_read() { event.rf } else { INIT },
                match event.kind {
                    Kind::Join(child) => graph.threads[child as usize].last().copied(),
                    _ => None,
                }
                .unwrap_or(INIT),
            ];
            let ready = |&need: &EventId| need == INIT || known[need as usize];
            if !known[id as usize] && needs.iter().all(ready) {
                graph.compute_clocks(id);
                known[id as usize] = true;
                missing -= 1;
            }
        }
        require(missing < before, "a cycle of program order and reads")?;
    }
    Ok(())
}

impl Search {
    /// Does what was read lead to graphs at all?
    pub(crate) fn check(&self) -> Result<(), String> {
        require(!self.levels.is_empty(), "a search without a level")?;
        let mut moves = 0;
        for (at, level) in self.levels.iter().enumerate() {
            let last = at + 1 == self.levels.len();
            let graph = if last { &self.graph } else { &level.graph };
            let until = if last { self.path.len() } else { level.until };
            require(
                (moves..=until).contains(&level.since) && until <= self.path.len(),
                "a level out of order",
            )?;
            moves = until;
            require(level.lost <= MANY, "too many alternatives")?;
            if at == 0 || last || !level.forks.is_empty() {
                require(level.base <= graph.len(), "a level after its graph")?;
                require(closed(graph, level.base), "a level before what is read")?;
            }
            for fork in &level.forks {
                require(!fork.ways.is_empty(), "a fork without a way")?;
                for &way in &fork.ways {
                    fits(graph, fork, way)?;
                }
            }
        }
        require(
            (self.pending, self.held) == self.count(),
            "a wrong number of alternatives",
        )
    }

    /// Sets the deliberate defect of all graphs.
    pub(crate) fn mutate(&mut self, mutation: Mutation) {
        self.graph.clocks.mutation = mutation;
        for level in &mut self.levels {
            level.graph.clocks.mutation = mutation;
        }
    }
}

/// Do the first events read only from each other?
fn closed(graph: &Graph, len: usize) -> bool {
    let there = |id: EventId| id == INIT || (id as usize) < len;
    let mut reads = graph.events[..len].iter().filter(|e| e.is_read());
    reads.all(|e| there(e.rf))
}

/// Can a way be added to a graph that is cut to where its fork is?
fn fits(graph: &Graph, fork: &Fork, way: Way) -> Result<(), String> {
    require(fork.at <= graph.len(), "a fork after its graph")?;
    require(closed(graph, fork.at), "a fork before what is read")?;
    require(fork.before <= u32::MAX / 2, "too many alternatives")?;
    let (first, thread) = (&fork.first, fork.first.thread);
    let before = graph.threads.get(thread as usize);
    let before = before.map_or(0, |ids| ids.partition_point(|&id| (id as usize) < fork.at));
    require(
        (thread as usize) < MOST && first.index as usize == before,
        "a fork out of order",
    )?;
    let place = graph.places.get(first.loc as usize);
    let place = place.filter(|_| first.is_read() || first.is_write());
    if first.is_read() {
        let source = graph.events.get(way.rf as usize);
        let source = source.is_some_and(|e| e.is_write() && e.loc == first.loc);
        let there = place.is_some() && (way.rf as usize) < fork.at && source;
        require(way.rf == INIT || there, "a way from what is no write")?;
    }
    let write = fork.second.as_ref().unwrap_or(first);
    let paired = fork.second.as_ref().is_none_or(|w| {
        (w.thread, w.index, w.loc, w.rmw) == (thread, first.index + 1, first.loc, true)
    });
    let writes = write.is_write() && paired && place.is_some();
    let most = |kept: &dyn Fn(EventId) -> bool| {
        let co = place.map_or(&[][..], |place| &place.co);
        let kept = |&w: &EventId| (w as usize) < fork.at && kept(w);
        co.iter().copied().filter(kept).count()
    };
    match way.to {
        To::Stay => require(
            matches!(first.kind, Kind::Read | Kind::Choose(_))
                && (!first.is_read() || place.is_some()),
            "a way that adds what has no alternative",
        ),
        To::Place(from, to) => require(
            writes && from <= to && to as usize <= most(&|_| true),
            "a write out of place",
        ),
        To::Revisit(read, position) | To::Overtake(read, position) => {
            let revisited = graph.events.get(read as usize);
            let revisited = revisited.is_some_and(|e| e.is_read() && e.loc == first.loc);
            require(
                writes && revisited && (read as usize) < fork.at,
                "a revisit of what is no read",
            )?;
            // What the revisit keeps: see `pending::revisited`.
            let before = graph.predecessor(thread, first.index);
            let source = if first.is_read() { way.rf } else { INIT };
            let kept = |w: EventId| {
                let depends = |on: EventId| on != INIT && graph.porf_before(w, on);
                w < read || depends(before) || depends(source)
            };
            require(position as usize <= most(&kept), "a revisit out of place")
        }
    }
}
