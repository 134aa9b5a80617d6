//! The order of waits and notifications of RC11.
//!
//! C++20 [thread.condition.general]: all notifications and all parts of waits, of all
//! condition variables, stand in one total order that is consistent with happens-before.
//! It orders nothing else: a notification synchronises with no other event.
//!
//! With `Ecv` the accesses to the words of condition variables, there is such an order
//! iff
//!
//! ```text
//! [Ecv] ; (hb | rf | co | fr) ; [Ecv]
//! ```
//!
//! is acyclic. Under SC and TSO the order of all events has that for a part.

use crate::graph::Graph;
use crate::graph::event::EventId;
use crate::mutation::Mutation;

/// Is there no cycle through one of `changed`?
pub fn acyclic(graph: &Graph, changed: &[EventId]) -> bool {
    let mut changed = changed.iter().copied();
    let mutated = graph.clocks.mutation == Mutation::Waits;
    changed.all(|event| mutated || !takes_part(graph, event) || !reaches_itself(graph, event))
}

fn takes_part(graph: &Graph, event: EventId) -> bool {
    graph.event(event).order.is_condvar()
}

fn reaches_itself(graph: &Graph, start: EventId) -> bool {
    let mut seen = vec![false; graph.len()];
    let mut work = vec![start];
    while let Some(event) = work.pop() {
        successors(graph, event, |next| {
            if takes_part(graph, next) && !std::mem::replace(&mut seen[next as usize], true) {
                work.push(next);
            }
        });
        if seen[start as usize] {
            return true;
        }
    }
    false
}

/// Calls `visit` with the successors of an access; of those in `co` and in a thread, with
/// the first, which leads on to the rest.
fn successors(graph: &Graph, id: EventId, mut visit: impl FnMut(EventId)) {
    let event = graph.event(id);
    let place = &graph.places[event.loc as usize];
    let source = if event.is_read() { event.rf } else { id };
    if let Some(&next) = place.co.get(place.position(source)) {
        visit(next);
    }
    if event.is_write() {
        let of_it = |&&read: &&EventId| graph.event(read).rf == id;
        place
            .reads
            .iter()
            .filter(of_it)
            .for_each(|&read| visit(read));
    }
    for events in &graph.threads {
        let later = events.partition_point(|&e| e == id || !graph.hb_before(id, e));
        let mut later = events[later..].iter().copied();
        if let Some(next) = later.find(|&e| takes_part(graph, e)) {
            visit(next);
        }
    }
}
