//! Acyclicity of the global order of SC and of x86-TSO.
//!
//! A depth-first search from the changed events over
//! - SC: `po | rf | co | fr`,
//! - TSO: `ppo | rfe | co | fr`, where `ppo` leaves out a write followed by a
//!   read, unless a fence lies between them or one of the two belongs to a
//!   read-modify-write (or the write is `SeqCst`).
//!
//! `co` and `fr` are followed by their first step only; the rest is `co` again.
//!
//! The two writes by which a wait for a condition variable is entered and its mutex
//! released are one node. So a thread that sees the wait never finds the mutex held by it.

use crate::graph::Graph;
use crate::graph::event::{Event, EventId, INIT, Kind};

/// Is there no cycle through one of `changed`?
pub fn acyclic(graph: &Graph, changed: &[EventId], tso: bool) -> bool {
    changed
        .iter()
        .all(|&event| !reaches_itself(graph, event, tso))
}

fn reaches_itself(graph: &Graph, start: EventId, tso: bool) -> bool {
    let start = graph.step(start);
    let mut seen = vec![false; graph.len()];
    let mut work = vec![start];
    while let Some(id) = work.pop() {
        let mut reach = |next| {
            let next = graph.step(next);
            if next == start {
                return next != id;
            }
            if !std::mem::replace(&mut seen[next as usize], true) {
                work.push(next);
            }
            false
        };
        let second = graph.second_of_step(id);
        if successors(graph, id, tso, &mut reach)
            || second.is_some_and(|second| successors(graph, second, tso, &mut reach))
        {
            return true;
        }
    }
    false
}

/// Calls `visit` with every successor until it answers true.
fn successors(
    graph: &Graph,
    id: EventId,
    tso: bool,
    visit: &mut impl FnMut(EventId) -> bool,
) -> bool {
    let event = graph.event(id);
    if program_order(graph, event, tso, visit) {
        return true;
    }
    match event.kind {
        Kind::Read | Kind::Write => {
            let place = &graph.places[event.loc as usize];
            let write = if event.is_read() { event.rf } else { id };
            let unplaced = write != INIT && !place.co.contains(&write);
            if !unplaced && let Some(&next) = place.co.get(place.position(write)) {
                // A read-modify-write's read is not before its own write by fr,
                // but it is by po.
                if visit(next) {
                    return true;
                }
            }
            event.is_write()
                && place.reads.iter().any(|&read| {
                    let read_event = graph.event(read);
                    read_event.rf == id
                        && !(tso && read_event.thread == event.thread)
                        && visit(read)
                })
        }
        Kind::Spawn(child) => graph
            .threads
            .get(child as usize)
            .and_then(|t| t.first())
            .is_some_and(|&e| visit(e)),
        Kind::End => (0..graph.len() as EventId)
            .any(|e| graph.event(e).kind == Kind::Join(event.thread) && visit(e)),
        _ => false,
    }
}

fn program_order(
    graph: &Graph,
    event: &Event,
    tso: bool,
    visit: &mut impl FnMut(EventId) -> bool,
) -> bool {
    let later = &graph.threads[event.thread as usize][event.index as usize + 1..];
    if !tso || !buffered(event) {
        // Everything later: by the next event, and, because that one may be a
        // write that is still buffered, by the next that is not.
        for &next in later {
            if visit(next) {
                return true;
            }
            if !tso || !buffered(graph.event(next)) {
                return false;
            }
        }
        return false;
    }
    for &next in later {
        let e = graph.event(next);
        let drains = match e.kind {
            Kind::Read => graph.updates(next),
            Kind::Fence => e.order.is_seq_cst(),
            Kind::Choose(_) | Kind::Wait => false,
            // The start and the end of threads are system calls. A compare-exchange
            // that fails counts as a load, which allows more than the hardware.
            _ => true,
        };
        if drains {
            // A write passes the order on; whatever it lets overtake, this one
            // lets overtake too.
            return visit(next);
        }
    }
    false
}

/// May later reads of its thread overtake it?
fn buffered(event: &Event) -> bool {
    event.is_write() && !event.rmw && !event.order.is_seq_cst() && !event.ends_step()
}
