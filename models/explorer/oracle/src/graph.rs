//! Execution graphs: a shape with `rf` and `co`, and the relations that all models build on.

use crate::program::Order;
use crate::relation::{Relation, Set};
use crate::shape::{Event, Expect, Kind, Place, Shape, Value};

/// An execution graph, possibly still without the `rf` and `co` of some words.
#[derive(Clone)]
pub struct Graph<'a> {
    /// The events.
    pub shape: &'a Shape,
    /// Program order; initial writes come before everything else.
    pub po: Relation,
    /// Pairs of distinct or equal events that touch the same word or cell.
    pub loc: Relation,
    /// Read and write of each read-modify-write.
    pub rmw: Relation,
    /// From a write to the reads that read it.
    pub rf: Relation,
    /// A strict total order on the writes of each word, the initial one first.
    pub co: Relation,
}

impl<'a> Graph<'a> {
    /// The graph without `rf` and `co`.
    pub fn new(shape: &'a Shape) -> Self {
        let events = &shape.events;
        let n = events.len();
        let mut rmw = Relation::empty(n);
        for &(read, write) in &shape.rmw {
            rmw.insert(read, write);
        }
        Graph {
            shape,
            po: Relation::of(n, |a, b| match (events[a].thread, events[b].thread) {
                (None, Some(_)) => true,
                (first, second) => first.is_some() && first == second && a < b,
            }),
            loc: Relation::of(n, |a, b| {
                events[a].place.is_some() && events[a].place == events[b].place
            }),
            rmw,
            rf: Relation::empty(n),
            co: Relation::empty(n),
        }
    }

    /// Number of events, initial writes included.
    pub fn n(&self) -> usize {
        self.shape.events.len()
    }

    /// The events that satisfy `member`.
    pub fn set(&self, member: impl Fn(&Event) -> bool) -> Set {
        Set::of(self.n(), |e| member(&self.shape.events[e]))
    }

    /// `[members]`: the identity on the events that satisfy `member`.
    pub fn id(&self, member: impl Fn(&Event) -> bool) -> Relation {
        Relation::id(self.n(), self.set(member))
    }

    /// Sets the coherence order of one word, first write first.
    pub fn set_co(&mut self, writes: &[usize]) {
        for (position, &first) in writes.iter().enumerate() {
            for &second in &writes[position + 1..] {
                self.co.insert(first, second);
            }
        }
    }

    /// From-reads: `rf^-1 ; co`.
    pub fn fr(&self) -> Relation {
        self.rf.inverse().then(&self.co)
    }

    /// Extended coherence order: `(rf | co | fr)+`.
    pub fn eco(&self) -> Relation {
        (self.rf | self.co | self.fr()).plus()
    }

    /// Lock order: from the release of a lock to each acquisition that it permits.
    ///
    /// An acquisition comes after the unlock that it reads from. A writer comes after every reader
    /// of a state that it replaces. A try-lock that fails synchronises with nothing.
    pub fn lock_order(&self) -> Relation {
        let acquisition =
            self.id(|e| e.is_lock() && e.kind == Kind::Read && e.expect == Expect::Equal(0));
        let mut order = self.rf.then(&acquisition);
        let replacing = self.fr().then(&self.rmw.inverse());
        for &(lock, unlock) in &self.shape.readers {
            for writer in (0..self.n()).filter(|&writer| replacing.contains(lock, writer)) {
                if let Some(unlock) = unlock {
                    order.insert(unlock, writer);
                }
            }
        }
        order
    }

    /// Coherence at each word: `po & loc | rf | co | fr` is acyclic. Every model demands it.
    pub fn is_coherent_per_word(&self) -> bool {
        ((self.po & self.loc) | self.rf | self.co | self.fr()).is_acyclic()
    }

    /// Atomicity: `rmw & (fr ; co)` is empty. Every model demands it.
    pub fn is_atomic(&self) -> bool {
        (self.rmw & self.fr().then(&self.co)).is_empty()
    }

    /// Happens-before of RC11 with the release sequences of C++20:
    /// `hb = (po | sw | lock order)+`.
    pub fn hb(&self) -> Relation {
        (self.po | self.sw() | self.lock_order()).plus()
    }

    /// Synchronises-with:
    /// `[Erel] ; ([F] ; po)? ; [W] ; (rf ; rmw)* ; rf ; [R] ; (po ; [F])? ; [Eacq]`
    /// over atomic accesses and fences; locks synchronise by [`Graph::lock_order`].
    pub fn sw(&self) -> Relation {
        let fence = self.id(|e| e.kind == Kind::Fence);
        let write = self.id(|e| e.is_atomic() && e.kind == Kind::Write);
        let read = self.id(|e| e.is_atomic() && e.kind == Kind::Read);
        let releases = self.id(|e| e.kind != Kind::Read && e.order.is_some_and(Order::releases));
        let acquires = self.id(|e| e.kind != Kind::Write && e.order.is_some_and(Order::acquires));
        let rs = write.then(&self.rf.then(&self.rmw).star());
        releases
            .then(&fence.then(&self.po).maybe())
            .then(&rs)
            .then(&self.rf)
            .then(&read)
            .then(&self.po.then(&fence).maybe())
            .then(&acquires)
    }

    /// Two accesses to one cell, at least one of them a write, are not ordered by `hb`.
    pub fn has_race(&self) -> bool {
        let write = self.set(|e| e.kind == Kind::CellWrite);
        let cell = write | self.set(|e| e.kind == Kind::CellRead);
        let conflict = self.loc
            & (Relation::product(self.n(), cell, write) | Relation::product(self.n(), write, cell));
        let hb = self.hb();
        !(conflict - (hb | hb.inverse()).maybe()).is_empty()
    }

    /// The value of each event as far as `rf` decides it: that written, or that read.
    pub fn values(&self) -> Vec<Option<u64>> {
        let mut values = vec![None; self.n()];
        // A chain of values is at most as long as the number of events.
        for _ in 0..self.n() {
            for (index, event) in self.shape.events.iter().enumerate() {
                values[index] = match event.kind {
                    Kind::Write => resolve(event.value, &values),
                    Kind::Read => (0..self.n())
                        .find(|&write| self.rf.contains(write, index))
                        .and_then(|write| values[write]),
                    _ => None,
                };
            }
        }
        values
    }
}

/// The value, if the read it depends on has one.
pub fn resolve(value: Value, values: &[Option<u64>]) -> Option<u64> {
    match value {
        Value::Known(value) => Some(value),
        Value::Read(read, add) => Some(values[read]?.wrapping_add(add)),
    }
}

impl Event {
    /// An access to an atomic word.
    pub fn is_atomic(&self) -> bool {
        matches!(self.place, Some(Place::Atomic(_)))
    }

    /// An event of a lock.
    pub fn is_lock(&self) -> bool {
        matches!(self.place, Some(Place::Mutex(_) | Place::RwLock(_)))
    }

    /// An atomic access or fence with ordering `SeqCst`.
    pub fn is_seq_cst(&self) -> bool {
        self.order == Some(Order::SeqCst)
    }
}
