//! Part of a graph: what a backward revisit keeps.

use super::event::{EventId, INIT, Kind};
use super::{Few, Graph, Place};

impl Graph {
    /// Makes a read without successors read from another write.
    pub fn reread(&mut self, read: EventId, write: EventId) {
        let value = self.event(write).value;
        let event = &mut self.events[read as usize];
        event.rf = write;
        if let Some(order) = event.condition.order(value) {
            self.seq_cst += usize::from(order.is_seq_cst());
            self.seq_cst -= usize::from(event.order.is_seq_cst());
            event.order = order;
        }
        self.compute_clocks(read);
    }

    /// The graph of the events for which `keep` holds, in the same order, and
    /// the new id of `mark`. The kept events are closed under `porf`, except
    /// that `mark` may read from an event that is left out. It has room to become as long as this one.
    pub fn restrict(&self, mark: EventId, keep: impl Fn(EventId) -> bool) -> (Graph, EventId) {
        let mut renamed = vec![INIT; self.len()];
        let mut kept = Vec::with_capacity(self.len());
        for id in 0..self.len() as EventId {
            if keep(id) {
                renamed[id as usize] = kept.len() as EventId;
                kept.push(id);
            }
        }
        let rename = |id: EventId| {
            if id == INIT {
                INIT
            } else {
                renamed[id as usize]
            }
        };
        let all = |ids: &[EventId]| -> Vec<EventId> {
            let mut renamed = Vec::with_capacity(ids.len() + 4);
            renamed.extend(ids.iter().map(|&id| rename(id)).filter(|&id| id != INIT));
            renamed
        };
        let few = |ids: &[EventId]| -> Few {
            let renamed = ids.iter().map(|&id| rename(id));
            renamed.filter(|&id| id != INIT).collect()
        };
        let mut graph = Graph {
            events: Vec::with_capacity(self.events.capacity().max(kept.len() + 8)),
            threads: self.threads.iter().map(|thread| all(thread)).collect(),
            births: vec![INIT; self.births.len()],
            places: self
                .places
                .iter()
                .map(|place| Place {
                    co: few(&place.co),
                    reads: few(&place.reads),
                    init: place.init,
                    name: place.name,
                })
                .collect(),
            seq_cst: 0,
            clocks: self.clocks.select(&kept),
        };
        for &old in &kept {
            let mut event = self.event(old).clone();
            if event.is_read() {
                event.rf = rename(event.rf);
            }
            if let Kind::Spawn(child) = event.kind {
                graph.births[child as usize] = rename(old);
            }
            graph.seq_cst += usize::from(event.order.is_seq_cst());
            graph.events.push(event);
        }
        (graph, rename(mark))
    }
}
