//! An order in which an execution can be told: event after event, each read after the write that
//! it saw and, wherever that can be, before the next one.
//!
//! The order keeps program order, `rf`, `co` and `fr` (a read comes before the write that follows,
//! in `co`, the one that it saw). Where these have no cycle, the execution is sequentially
//! consistent, and each read sees the last write before it (L. Lamport, "How to Make a
//! Multiprocessor Computer That Correctly Executes Multiprocess Programs", 1979). Where they have
//! one, some edges of `co` and `fr` are given up, and each access that this puts behind a write that it
//! does not see, or does not follow, is named.
//!
//! Among all such orders this is one that changes threads late.

use crate::graph::Graph;
use crate::graph::event::{Condition, EventId, INIT, Kind, ThreadId};

/// An access that stands behind a write in the order and comes before it in the execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reordered {
    /// A read that sees an older write, or a write that is older in `co`.
    pub access: EventId,
    /// The write that stands before it: the newest in `co` so far.
    pub behind: EventId,
}

/// An order of all events of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The events.
    pub events: Vec<EventId>,
    /// What does not fit, in this order; nothing if the execution is sequentially consistent.
    pub reordered: Vec<Reordered>,
}

/// Events that no other event comes between: the read and the write of a read-modify-write, and
/// the two writes that enter a wait.
type Unit = usize;

struct Units<'a> {
    graph: &'a Graph,
    /// Each unit's events.
    events: Vec<Vec<EventId>>,
    /// Each event's unit.
    of: Vec<Unit>,
    /// Each thread's units, in program order.
    threads: Vec<Vec<Unit>>,
    /// The units that come after each unit.
    after: Vec<Vec<Unit>>,
}

/// An order of the events of `graph`. What `last` does that no other thread comes after goes to
/// the end: it is what an execution that fails there ends with.
pub fn order(graph: &Graph, last: Option<ThreadId>) -> Order {
    let mut units = Units::new(graph);
    let (co, fr) = (units.coherence(), units.reads_before_writes());
    let mut all = units.after.clone();
    for &(before, after) in co.iter().chain(&fr) {
        all[before].push(after);
    }
    if let Some(order) = units.scheduled(&all, last) {
        return units.as_order(&order);
    }
    // The weak edges one by one, as long as they close no cycle. Which are kept depends on which
    // come first: the choice that reorders less is the better story.
    let base = std::mem::take(&mut units.after);
    let choices = [[&co, &fr], [&fr, &co]].map(|weak| {
        units.after.clone_from(&base);
        for &(before, after) in weak.into_iter().flatten() {
            if !units.reaches(after, before) {
                units.after[before].push(after);
            }
        }
        let order = units.scheduled(&units.after, last);
        units.as_order(&order.expect("an edge that closes a cycle is left out"))
    });
    let [first, second] = choices;
    if second.reordered.len() < first.reordered.len() {
        second
    } else {
        first
    }
}

impl<'a> Units<'a> {
    fn new(graph: &'a Graph) -> Units<'a> {
        let mut units = Units {
            graph,
            events: Vec::new(),
            of: vec![0; graph.len()],
            threads: Vec::new(),
            after: Vec::new(),
        };
        for events in &graph.threads {
            let mut thread: Vec<Unit> = Vec::new();
            for &id in events {
                let event = graph.event(id);
                // Of a read-modify-write the read comes first.
                let joins = event.ends_step() || (event.is_write() && event.rmw);
                match thread.last() {
                    Some(&unit) if joins => units.events[unit].push(id),
                    _ => {
                        thread.push(units.events.len());
                        units.events.push(vec![id]);
                    }
                }
                units.of[id as usize] = units.events.len() - 1;
            }
            units.threads.push(thread);
        }
        units.after = vec![Vec::new(); units.events.len()];
        units.add_base();
        units
    }

    /// Program order, starts and ends of threads, and `rf`: these have no cycle in any model here.
    fn add_base(&mut self) {
        for thread in &self.threads {
            for pair in thread.windows(2) {
                self.after[pair[0]].push(pair[1]);
            }
        }
        let graph = self.graph;
        for (id, event) in graph.events.iter().enumerate() {
            let unit = self.of[id];
            match event.kind {
                Kind::Spawn(child) => {
                    if let Some(&first) = self.threads.get(child as usize).and_then(|t| t.first()) {
                        self.after[unit].push(first);
                    }
                }
                Kind::Join(child) => {
                    if let Some(&end) = self.threads.get(child as usize).and_then(|t| t.last()) {
                        self.after[end].push(unit);
                    }
                }
                Kind::Read if event.rf != INIT => {
                    let write = self.of[event.rf as usize];
                    if write != unit {
                        self.after[write].push(unit);
                    }
                }
                _ => {}
            }
        }
    }

    /// From each write to the next one of its place.
    fn coherence(&self) -> Vec<(Unit, Unit)> {
        let of = |id: EventId| self.of[id as usize];
        let places = self.graph.places.iter();
        let pairs = places.flat_map(|place| place.co.windows(2));
        pairs
            .map(|pair| (of(pair[0]), of(pair[1])))
            .filter(|(before, after)| before != after)
            .collect()
    }

    /// From each read to the write after the one that it saw.
    fn reads_before_writes(&self) -> Vec<(Unit, Unit)> {
        let mut edges = Vec::new();
        for (id, event) in self.graph.events.iter().enumerate() {
            if !event.is_read() || self.waits(id as EventId) {
                continue;
            }
            let place = &self.graph.places[event.loc as usize];
            if let Some(&next) = place.co.get(place.position(event.rf)) {
                let (read, write) = (self.of[id], self.of[next as usize]);
                if read != write {
                    edges.push((read, write));
                }
            }
        }
        edges
    }

    /// Is it the last event of a thread that waits? Then it read that it must, and reads again when
    /// the thread goes on: nothing need come after it.
    fn waits(&self, id: EventId) -> bool {
        let event = self.graph.event(id);
        let thread = &self.graph.threads[event.thread as usize];
        let awaits = match event.condition {
            Condition::None => event.rmw,
            Condition::Exchange { .. } => false,
            Condition::Gate(_) | Condition::Is(..) | Condition::IsNot(..) | Condition::Least(_) => {
                true
            }
        };
        event.is_read() && awaits && thread.last() == Some(&id)
    }

    fn reaches(&self, from: Unit, to: Unit) -> bool {
        self.reached(&self.after, from)[to]
    }

    /// What comes after a unit, and the unit itself.
    fn reached(&self, after: &[Vec<Unit>], from: Unit) -> Vec<bool> {
        let mut seen = vec![false; self.events.len()];
        let mut open = vec![from];
        while let Some(unit) = open.pop() {
            if !std::mem::replace(&mut seen[unit], true) {
                open.extend(&after[unit]);
            }
        }
        seen
    }

    /// How many units of `last` other threads come after.
    fn needed(&self, after: &[Vec<Unit>], last: Option<ThreadId>) -> usize {
        let Some(thread) = last.and_then(|last| self.threads.get(last as usize)) else {
            return usize::MAX;
        };
        let is_needed = |&unit: &Unit| {
            let seen = self.reached(after, unit);
            let mut others = (0..seen.len()).filter(|&other| seen[other]);
            others.any(|other| !thread.contains(&other))
        };
        thread.iter().rposition(is_needed).map_or(0, |at| at + 1)
    }

    /// The units in an order that keeps `after`; `None` if that has a cycle.
    fn scheduled(&self, after: &[Vec<Unit>], last: Option<ThreadId>) -> Option<Vec<Unit>> {
        let mut missing = vec![0_usize; self.events.len()];
        for &unit in after.iter().flatten() {
            missing[unit] += 1;
        }
        let needed = self.needed(after, last);
        let mut at = vec![0; self.threads.len()];
        let mut order = Vec::with_capacity(self.events.len());
        let mut current = 0;
        while order.len() < self.events.len() {
            let next = |thread: usize| {
                let unit = *self.threads[thread].get(at[thread])?;
                (missing[unit] == 0).then_some(unit)
            };
            let is_held = |thread: usize| last == Some(thread as ThreadId) && at[thread] >= needed;
            let ready = |thread: &usize| next(*thread).is_some();
            let all = || (current..self.threads.len()).chain(0..current);
            let thread = all()
                .filter(|&thread| !is_held(thread))
                .find(ready)
                .or_else(|| all().find(ready))?;
            let unit = next(thread)?;
            current = thread;
            at[thread] += 1;
            order.push(unit);
            for &later in &after[unit] {
                missing[later] -= 1;
            }
        }
        Some(order)
    }

    /// The events of these units, and what does not fit among them.
    fn as_order(&self, units: &[Unit]) -> Order {
        let graph = self.graph;
        let mut order = Order::default();
        // By place, the position of the newest write so far.
        let mut newest = vec![0; graph.places.len()];
        for &unit in units {
            for &id in &self.events[unit] {
                order.events.push(id);
                let event = graph.event(id);
                let write = match event.kind {
                    Kind::Read if graph.updates(id) || self.waits(id) => continue,
                    Kind::Read => event.rf,
                    Kind::Write => id,
                    _ => continue,
                };
                let place = &graph.places[event.loc as usize];
                let position = place.position(write);
                let newest = &mut newest[event.loc as usize];
                if position < *newest {
                    order.reordered.push(Reordered {
                        access: id,
                        behind: place.at(*newest),
                    });
                }
                *newest = position.max(*newest);
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::sync::atomic::{AtomicU64, Ordering};
    use crate::{Builder, Model, ops, thread};

    /// The orders of all executions of `program`, each replayed against its graph.
    fn orders(model: Model, program: impl Fn() + Send + Sync + 'static) -> Vec<Order> {
        let orders = Arc::new(Mutex::new(Vec::new()));
        let all = orders.clone();
        let report = Builder::new().model(model).check(move || {
            program();
            let order = ops::with_graph(|graph| {
                let order = order(graph, None);
                replay(graph, &order);
                order
            });
            all.lock().unwrap().push(order);
        });
        assert!(report.passed(), "{report:?}");
        let orders = orders.lock().unwrap();
        orders.clone()
    }

    /// Goes over the events as one thread would, which remembers the last write to each place.
    fn replay(graph: &Graph, order: &Order) {
        let mut sorted = order.events.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(0..graph.len() as EventId));
        let mut memory: Vec<u64> = graph.places.iter().map(|place| place.init).collect();
        for &id in &order.events {
            let event = graph.event(id);
            if order.reordered.iter().any(|r| r.access == id) {
                continue;
            }
            match event.kind {
                Kind::Read => assert_eq!(memory[event.loc as usize], graph.value(id), "{id}"),
                Kind::Write => memory[event.loc as usize] = event.value,
                _ => {}
            }
        }
    }

    fn store_buffering() {
        let [x, y] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
        let (x2, y2) = (x.clone(), y.clone());
        let other = thread::spawn(move || {
            x2.store(1, Ordering::Release);
            y2.load(Ordering::Acquire);
        });
        y.store(1, Ordering::Release);
        x.load(Ordering::Acquire);
        let _ = other.join();
    }

    #[test]
    fn only_what_no_interleaving_shows_is_reordered() {
        let weak = |orders: &[Order]| {
            let reordered = orders.iter().filter(|order| !order.reordered.is_empty());
            reordered
                .map(|order| order.reordered.len())
                .collect::<Vec<_>>()
        };
        let all = orders(Model::Rc11, store_buffering);
        assert_eq!((all.len(), weak(&all)), (4, vec![1]), "{all:?}");
        let all = orders(Model::Sc, store_buffering);
        assert_eq!((all.len(), weak(&all)), (3, vec![]), "{all:?}");
    }

    #[test]
    fn writes_that_overtake_each_other_are_named() {
        let two_plus_two = || {
            let [x, y] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
            let (x2, y2) = (x.clone(), y.clone());
            let other = thread::spawn(move || {
                x2.store(1, Ordering::Relaxed);
                y2.store(2, Ordering::Relaxed);
            });
            y.store(1, Ordering::Relaxed);
            x.store(2, Ordering::Relaxed);
            let _ = other.join();
        };
        let all = orders(Model::Rc11, two_plus_two);
        let weak: Vec<&Order> = all.iter().filter(|o| !o.reordered.is_empty()).collect();
        assert_eq!((all.len(), weak.len()), (4, 1), "{all:?}");
        assert_eq!(weak[0].reordered.len(), 1, "{all:?}");
    }

    #[test]
    fn exchanges_stay_whole() {
        let all = orders(Model::Rc11, || {
            let x = Arc::new(AtomicU64::new(0));
            let threads = [(); 2].map(|()| {
                let x = x.clone();
                thread::spawn(move || x.fetch_add(1, Ordering::Relaxed))
            });
            x.fetch_add(1, Ordering::Relaxed);
            for thread in threads {
                let _ = thread.join();
            }
        });
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|order| order.reordered.is_empty()));
    }

    #[test]
    fn what_the_last_thread_does_for_itself_comes_last() {
        let report = Builder::new().check(|| {
            let [x, y] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
            let (x2, y2) = (x.clone(), y.clone());
            let other = thread::spawn(move || {
                x2.store(1, Ordering::Release);
                y2.load(Ordering::Acquire);
                y2.load(Ordering::Acquire);
            });
            if x.load(Ordering::Acquire) == 1 {
                y.store(1, Ordering::Release);
            }
            ops::with_graph(|graph| {
                let order = order(graph, Some(1));
                replay(graph, &order);
                let threads: Vec<u32> = order
                    .events
                    .iter()
                    .map(|&id| graph.event(id).thread)
                    .collect();
                let own = threads.iter().rev().take_while(|&&thread| thread == 1);
                let loads = graph.threads[1].len().saturating_sub(1);
                let needed = graph.event(graph.threads[0][1]).rf != INIT;
                if needed
                    && graph.threads[1][1..]
                        .iter()
                        .all(|&id| graph.event(id).rf != INIT)
                {
                    assert_eq!(own.count(), loads, "{threads:?}");
                }
            });
            let _ = other.join();
        });
        assert!(report.passed(), "{report:?}");
    }
}
