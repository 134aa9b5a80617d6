//! Backward revisits: a write that is added late is read by a read that was
//! added early.

use super::forward::Rules;
use super::{Choice, Search};
use crate::graph::event::{EventId, Kind};
use crate::mutation::Mutation;

impl Search {
    /// Leaves every backward revisit of the last event, a write that is not
    /// placed yet.
    ///
    /// The events are looked at from the last to the first. All that a revisit
    /// of a read would delete comes after that read, so that the first event
    /// that is not maximal ends the search.
    pub(super) fn revisits(&mut self, write: EventId, rules: Rules) {
        let loc = self.graph.event(write).loc;
        let mut reads = self.graph.places[loc as usize].reads.iter().copied();
        let spared = (rules.mutation == Mutation::Revisit)
            .then(|| reads.find(|&read| !self.graph.porf_before(read, write)))
            .flatten();
        let mut next = write;
        while let Some(event) = self.graph.last_outside(write, next) {
            next = event;
            if rules.mutation != Mutation::Maximality && !self.maximal(event, write) {
                return;
            }
            let e = self.graph.event(event);
            if e.is_read() && e.loc == loc && spared != Some(event) {
                self.revisit(event, write, rules);
            }
        }
    }

    /// `IsMaximallyAdded` of the paper: is `event` as the search itself would
    /// add it, without `write`, to what was there before it and the
    /// porf-prefix of `write`?
    fn maximal(&self, event: EventId, write: EventId) -> bool {
        let e = self.graph.event(event);
        let place = match e.kind {
            Kind::Read | Kind::Write => &self.graph.places[e.loc as usize],
            Kind::Choose(_) => return e.value == 0,
            _ => return true,
        };
        // A read in the porf-prefix of `write` cannot read from an event that is
        // not; so only the reads added before count.
        if e.is_write()
            && place
                .reads
                .iter()
                .any(|&r| r < event && self.graph.event(r).rf == event)
        {
            return false;
        }
        let source = if e.is_read() { e.rf } else { event };
        let later = &place.co[place.position(source)..];
        !later
            .iter()
            .any(|&w| w <= event || self.graph.porf_before(w, write))
    }

    /// Leaves the graphs in which `read` reads from `write`.
    fn revisit(&mut self, read: EventId, write: EventId, rules: Rules) {
        let graph = &self.graph;
        let (mut graph, read) = graph.restrict(read, |e| e <= read || graph.porf_before(e, write));
        let write = graph.len() as EventId - 1;
        graph.reread(read, write);
        let whole = std::mem::replace(&mut self.graph, graph);
        let loc = self.graph.event(write).loc;
        let last = self.graph.places[loc as usize].co.len();
        let (from, to) = self.positions(write, last, rules);
        for position in from..=to {
            if self.occupied(loc, position, rules) {
                continue;
            }
            self.graph.place(write, position);
            let coherent = rules.mutation == Mutation::Coherence
                || self.graph.floor(read, loc, rules.model.coherence()) == position + 1;
            if coherent && self.consistent(&[write, read], rules) {
                let graph = Box::new(self.graph.clone());
                self.leave(Choice::Backward(graph));
            }
            self.graph.unplace(write);
        }
        self.graph = whole;
    }
}
