//! Backward revisits: a write that is added late is read by a read that was
//! added early.

use super::Search;
use super::forward::Rules;
use super::pending::{Fork, To, Way, revisited};
use crate::graph::event::{EventId, Kind};
use crate::mutation::Mutation;

impl Search {
    /// Gathers every backward revisit of the last event, a write that is not
    /// placed yet. `rf` is what its read reads from, if it has one.
    ///
    /// The events are looked at from the last to the first. All that a revisit
    /// of a read would delete comes after that read, so that the first event
    /// that is not maximal ends the search.
    pub(super) fn revisits(&mut self, write: EventId, rf: EventId, rules: Rules, fork: &mut Fork) {
        let loc = self.graph.event(write).loc;
        let mut reads = self.graph.places[loc as usize].reads.iter().copied();
        let spared = (rules.mutation == Mutation::Revisit)
            .then(|| reads.find(|&read| !self.graph.porf_before(read, write)))
            .flatten();
        for event in (0..write).rev() {
            if self.graph.porf_before(event, write) {
                continue;
            }
            if rules.mutation != Mutation::Maximality && !self.maximal(event, write) {
                return;
            }
            let e = self.graph.event(event);
            if e.is_read() && e.loc == loc && spared != Some(event) {
                self.revisit(event, (write, rf), rules, fork);
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

    /// Gathers the graphs in which `read` reads from `write`.
    fn revisit(
        &mut self,
        read: EventId,
        (write, rf): (EventId, EventId),
        rules: Rules,
        fork: &mut Fork,
    ) {
        let value = self.graph.event(write).value;
        let graph = revisited(&self.graph, read, write);
        let whole = std::mem::replace(&mut self.graph, graph);
        // Nothing before the read is removed, so that its id stays.
        let write = self.graph.len() as EventId - 1;
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
                let to = To::Revisit(read, position as u32);
                fork.ways.push(Way { rf, value, to });
            }
            self.graph.unplace(write);
        }
        self.graph = whole;
    }
}
