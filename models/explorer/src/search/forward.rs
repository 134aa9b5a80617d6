//! Forward choices: which write a read reads from, and where in `co` a write
//! stands.
//!
//! A read-modify-write is two events, but one step: its value is computed for
//! each write that it may read from, its own write is placed, and both are
//! checked together. Where another read-modify-write has read the same write
//! already, no placement is consistent; the write is then only used to revisit.

use super::Search;
use super::pending::Way;
use crate::consistency::Model;
use crate::graph::Graph;
use crate::graph::event::{Condition, Event, EventId, Gate, INIT, Kind, Order, Until};
use crate::mutation::Mutation;

/// How the search judges graphs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) model: Model,
    pub(crate) mutation: Mutation,
    /// Does a thread that waits for a lock wait outside the graph? See [`run::gate`](crate::run::gate).
    pub(crate) waits_outside: bool,
}

impl Rules {
    /// Do the axioms over several locations hold, given that every cycle would
    /// pass through one of `changed`?
    pub(super) fn consistent(self, graph: &Graph, changed: &[EventId]) -> bool {
        self.mutation == Mutation::Global || self.model.consistent(graph, changed)
    }
}

/// What an operation does with the value that it reads.
pub(crate) enum Update<'a> {
    /// Only returns it.
    Load,
    /// May write: `None` means that it does not (a failed compare-exchange, whose ordering then goes by the
    /// condition).
    Modify(Condition, &'a mut dyn FnMut(u64) -> Option<u64>),
    /// Waits until the function gives a value to write.
    Await(&'a mut dyn FnMut(u64) -> Option<u64>),
    /// The same, where the function gives one as the gate of a lock says.
    Enter(Gate, &'a mut dyn FnMut(u64) -> Option<u64>),
    /// Waits for a value; writes nothing.
    Until(Until),
}

impl Update<'_> {
    /// The value to write after reading `old`.
    pub(crate) fn apply(&mut self, old: u64) -> Option<u64> {
        match self {
            Update::Load | Update::Until(_) => None,
            Update::Modify(_, f) | Update::Await(f) | Update::Enter(_, f) => f(old),
        }
    }

    /// Does the thread wait after reading `old`?
    pub(crate) fn waits(&mut self, old: u64) -> bool {
        match self {
            Update::Load | Update::Modify(..) => false,
            Update::Await(f) => f(old).is_none(),
            Update::Enter(gate, _) => gate.waits(old),
            Update::Until(until) => !until.holds(old),
        }
    }

    /// What the search knows of it.
    pub(crate) fn condition(&self) -> Condition {
        match self {
            Update::Enter(gate, _) => Condition::Gate(*gate),
            Update::Until(until) => Condition::from(*until),
            Update::Modify(condition, _) => *condition,
            Update::Load | Update::Await(_) => Condition::None,
        }
    }

    /// May it write?
    pub(crate) fn writes(&self) -> bool {
        matches!(
            self,
            Update::Modify(..) | Update::Await(_) | Update::Enter(..)
        )
    }
}

impl Search {
    fn floor(&self, event: EventId, loc: u32, rules: Rules) -> usize {
        if rules.mutation == Mutation::Coherence {
            0
        } else {
            self.graph.floor(event, loc, rules.model.coherence())
        }
    }

    fn occupied(&self, loc: u32, position: usize, rules: Rules) -> bool {
        rules.mutation != Mutation::Atomicity && self.graph.occupied(loc, position)
    }

    fn consistent(&self, changed: &[EventId], rules: Rules) -> bool {
        rules.consistent(&self.graph, changed)
    }

    /// Adds an event that has no alternative.
    pub(crate) fn add_plain(&mut self, event: Event) {
        self.graph.push(event);
    }

    /// Adds a choice among `n` values; goes on with 0.
    pub(crate) fn add_choice(&mut self, event: Event, n: u32) {
        let mut fork = self.gather(event.clone(), None);
        (1..u64::from(n)).for_each(|value| fork.push(Way::choice(value)));
        self.leave(fork);
        self.graph.push(Event { value: 0, ..event });
    }

    /// Adds a read, and the write of a read-modify-write that succeeds. Goes on
    /// with the last write of the location. Returns the value read, and whether
    /// a write was added.
    pub(crate) fn add_read(
        &mut self,
        read: Event,
        write: Option<Event>,
        update: &mut Update<'_>,
        rules: Rules,
    ) -> (u64, bool) {
        let at = self.graph.len();
        let loc = read.loc;
        self.graph.ensure_thread(read.thread);
        let before = self.graph.predecessor(read.thread, read.index);
        let floor = self.floor(before, loc, rules);
        let last = self.graph.places[loc as usize].co.len();
        let mut fork = self.gather(read.clone(), write.clone());
        for position in floor..=last {
            let rf = self.graph.places[loc as usize].at(position);
            let old = self.graph.written(loc, rf);
            let new = update.apply(old);
            if position != last && (update.waits(old) || self.is_known(rf, &read, rules)) {
                // The thread would wait for a change that has already come:
                // no execution that completes looks like this.
                continue;
            }
            let order = read.condition.order(old).unwrap_or(read.order);
            let id = self.graph.push(Event {
                rf,
                order,
                ..read.clone()
            });
            if position != last && !self.consistent(&[id], rules) {
                self.graph.pop();
                continue;
            }
            let Some(new) = new else {
                if position == last {
                    self.leave(fork);
                    return (old, false);
                }
                fork.push(Way::read(rf));
                self.graph.truncate(at);
                continue;
            };
            let write = write.clone().expect("a write for the update");
            let id = self.graph.push(Event {
                value: new,
                ..write
            });
            self.revisits(id, rf, rules, &mut fork);
            if self.occupied(loc, position, rules) {
                self.graph.truncate(at);
                continue;
            }
            self.graph.place(id, position);
            if position == last {
                self.leave(fork);
                return (old, true);
            }
            if self.consistent(&[id - 1, id], rules) {
                fork.push(Way::place(rf, new, position));
            }
            self.graph.truncate(at);
        }
        unreachable!("the last write can always be read")
    }

    /// Is this write no alternative for the read of a thread that has waited?
    fn is_known(&self, write: EventId, read: &Event, rules: Rules) -> bool {
        read.condition.until().is_some()
            && rules.mutation != Mutation::Known
            && !self.graph.is_news(read.thread, write)
    }

    /// Adds a wait for a value that the last write of the location is not; the alternatives
    /// are reads of older writes that are.
    pub(crate) fn add_wait(&mut self, read: Event, rules: Rules) {
        let (at, loc) = (self.graph.len(), read.loc);
        self.graph.ensure_thread(read.thread);
        let before = self.graph.predecessor(read.thread, read.index);
        let floor = self.floor(before, loc, rules);
        let mut fork = self.gather(read.clone(), None);
        for position in floor..self.graph.places[loc as usize].co.len() {
            let rf = self.graph.places[loc as usize].at(position);
            let waits = read.condition.waits(self.graph.written(loc, rf));
            if waits || self.is_known(rf, &read, rules) {
                continue;
            }
            let id = self.graph.push(Event { rf, ..read.clone() });
            if self.consistent(&[id], rules) {
                fork.push(Way::read(rf));
            }
            self.graph.truncate(at);
        }
        self.leave(fork);
        self.graph.push(Event {
            kind: Kind::Wait,
            order: Order::RELAXED,
            ..read
        });
    }

    /// Adds a write; goes on with the last place in `co`. Answers false if no
    /// place is consistent: a read-modify-write whose read was revisited may
    /// find none.
    pub(crate) fn add_write(&mut self, write: Event, rules: Rules) -> bool {
        let loc = write.loc;
        let read = write
            .rmw
            .then(|| self.graph.predecessor(write.thread, write.index));
        let mut fork = self.gather(write.clone(), None);
        let value = write.value;
        let id = self.graph.push(write);
        self.revisits(id, INIT, rules, &mut fork);
        let last = self.graph.places[loc as usize].co.len();
        let (from, to) = self.positions(id, last, rules);
        let mut chosen = None;
        for position in (from..=to).rev() {
            if self.occupied(loc, position, rules) {
                continue;
            }
            self.graph.place(id, position);
            // The read of a read-modify-write may order more now that it writes.
            let fine = match read {
                Some(read) => self.consistent(&[read, id], rules),
                None => position == last || self.consistent(&[id], rules),
            };
            self.graph.unplace(id);
            if !fine {
                continue;
            }
            if chosen.is_none() {
                chosen = Some(position);
            } else {
                fork.push(Way::place(INIT, value, position));
            }
        }
        self.leave(fork);
        if let Some(position) = chosen {
            self.graph.place(id, position);
        }
        chosen.is_some()
    }

    /// The positions after which an unplaced write may stand, atomicity aside.
    pub(super) fn positions(&self, id: EventId, last: usize, rules: Rules) -> (usize, usize) {
        let event = self.graph.event(id);
        let loc = event.loc;
        if event.rmw && rules.mutation != Mutation::Atomicity {
            let read = self.graph.predecessor(event.thread, event.index);
            let rf = self.graph.event(read).rf;
            let at = self.graph.places[loc as usize].position(rf);
            return (at, at);
        }
        debug_assert!(id != INIT && event.kind == Kind::Write);
        (self.floor(id, loc, rules), last)
    }
}
