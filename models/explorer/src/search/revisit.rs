//! Backward revisits: a write that is added late is read by a read that was
//! added early.

use super::Search;
use super::forward::Rules;
use super::gather::Gather;
use super::pending::{To, Way, overtaking, revisited};
use crate::graph::clock::Row;
use crate::graph::event::{Condition, Event, EventId, Kind};
use crate::mutation::Mutation;

impl Search {
    /// Gathers every backward revisit of the last event, a write that is not
    /// placed yet. `rf` is what its read reads from, if it has one.
    ///
    /// The events are looked at from the last to the first. All that a revisit
    /// of a read would delete comes after that read, so that the first event
    /// that is not maximal ends the search; so does the first read that may be revisited.
    pub(super) fn revisits(
        &mut self,
        write: EventId,
        rf: EventId,
        rules: Rules,
        fork: &mut Gather,
    ) {
        if self.follows {
            return;
        }
        let loc = self.graph.event(write).loc;
        let mut reads = self.graph.places[loc as usize].reads.iter().copied();
        let Some(first) = reads.find(|&read| !self.graph.porf_before(read, write)) else {
            return;
        };
        let spared = (rules.mutation == Mutation::Revisit).then_some(first);
        let mut next = write;
        while let Some(event) = self.graph.last_outside(write, next) {
            if event < first {
                return;
            }
            next = event;
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
        if e.overtakes && self.graph.clocks.mutation != Mutation::Overtaken {
            return false;
        }
        let source = if e.is_read() { e.rf } else { event };
        let later = &place.co[place.position(source)..];
        !later
            .iter()
            .any(|&w| w <= event || self.graph.porf_before(w, write))
    }

    /// Gathers the graphs in which `read` reads from `write`; or those without it, if its thread
    /// would wait then.
    ///
    /// Where the write may stand is seen in the graph at hand: what the revisit
    /// keeps is closed under `porf`, so that its positions only have to be counted
    /// anew. And a write that stands last closes no cycle, for then neither it nor
    /// its read has an outgoing edge; only for the other places the revisited graph
    /// has to be made.
    fn revisit(
        &mut self,
        read: EventId,
        (write, rf): (EventId, EventId),
        rules: Rules,
        fork: &mut Gather,
    ) {
        let is_last = (self.max_revisits).is_some_and(|most| self.depth() >= most);
        let graph = &self.graph;
        let Event { loc, value, .. } = *graph.event(write);
        let co = &graph.places[loc as usize].co;
        let kept = |&w: &EventId| w <= read || graph.porf_before(w, write);
        let count = |position: usize| co[..position].iter().filter(|w| kept(w)).count();
        let last = count(co.len());
        let (from, to) = self.positions(write, co.len(), rules);
        let overtaken = match graph.event(read).condition {
            Condition::Gate(gate) if rules.waits_outside => {
                if gate.waits(graph.value(read)) {
                    return;
                }
                gate.waits(value)
            }
            _ => false,
        };
        let floor = match overtaken {
            true => 0,
            false => self.floor_of_revisited(read, write, rules),
        };
        let from = from.max(floor);
        let to_place = |position| match overtaken {
            true => To::Overtake(read, position),
            false => To::Revisit(read, position),
        };
        let (from, to) = (count(from), count(to));
        let updates: Vec<bool> = (co.iter().filter(|w| kept(w)))
            .map(|&w| graph.event(w).rmw && rules.mutation != Mutation::Atomicity)
            .collect();
        let mut made = None;
        for position in from..=to {
            if updates.get(position) == Some(&true) {
                continue;
            }
            if position < last && rules.mutation != Mutation::Places {
                let graph = made.get_or_insert_with(|| match overtaken {
                    true => overtaking(&self.graph, read, write),
                    false => revisited(&self.graph, read, write),
                });
                let write = graph.len() as EventId - 1;
                graph.place(write, position);
                let changed = if overtaken { [write; 2] } else { [write, read] };
                let fine = rules.consistent(graph, &changed);
                graph.unplace(write);
                if !fine {
                    continue;
                }
            }
            if is_last {
                self.is_cut = true;
                return;
            }
            let to = to_place(position as u32);
            fork.push(Way { rf, value, to });
        }
    }

    /// The latest position, in the graph at hand, that is in the prefix of `read`
    /// once it reads from `write`, the write apart.
    fn floor_of_revisited(&self, read: EventId, write: EventId, rules: Rules) -> usize {
        if rules.mutation == Mutation::Coherence {
            return 0;
        }
        let graph = &self.graph;
        let event = graph.event(read);
        let before = graph.predecessor(event.thread, event.index);
        let prefix = rules.model.coherence();
        let floor = graph.floor(before, event.loc, prefix);
        let value = graph.event(write).value;
        let order = event.condition.order(value).unwrap_or(event.order);
        let learns = match prefix {
            Row::Hb if !order.acquires() => return floor,
            Row::Hb => Row::Released,
            row => row,
        };
        floor.max(graph.floor(write, event.loc, learns))
    }
}
