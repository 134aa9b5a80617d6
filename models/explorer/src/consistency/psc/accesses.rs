//! `psc` where no fence is sequentially consistent.
//!
//! Then `psc = [Esc] ; scb ; [Esc]`: a search from the changed accesses, which needs of
//! each kind of edge the first in every thread only, since `po` is part of `scb` and
//! leads on to the rest.
//!
//! `po≠loc ; hb ; po≠loc` from `a`: let `f` be the first event after `a` in its thread
//! that is elsewhere. What the other such events happen before, `f` does too. In another
//! thread let `m` be the first event that `f` happens before: all that comes after `m` is
//! reached, but for the accesses directly after it that are to its own location. The beginning of a
//! thread is such an `m` as well, and at no location.

use super::{is_behind, own_write};
use crate::graph::Graph;
use crate::graph::event::{Event, EventId};

/// Is there no cycle of `psc` through one of `changed`?
pub(super) fn acyclic(graph: &Graph, changed: &[EventId]) -> bool {
    let mut changed = changed.iter();
    changed.all(|&event| !graph.event(event).order.is_seq_cst() || !reaches_itself(graph, event))
}

fn reaches_itself(graph: &Graph, start: EventId) -> bool {
    let mut seen = vec![false; graph.len()];
    let mut work = vec![start];
    while let Some(event) = work.pop() {
        successors(graph, event, |next| {
            if !std::mem::replace(&mut seen[next as usize], true) {
                work.push(next);
            }
        });
        if seen[start as usize] {
            return true;
        }
    }
    false
}

/// Calls `visit` with the first successors of an access.
fn successors(graph: &Graph, id: EventId, mut visit: impl FnMut(EventId)) {
    let mut first = |events: &mut dyn Iterator<Item = &EventId>| {
        let mut seq_cst = events.filter(|&&e| graph.event(e).order.is_seq_cst());
        if let Some(&next) = seq_cst.next() {
            visit(next);
        }
    };
    let event = graph.event(id);
    let place = &graph.places[event.loc as usize];
    let source = if event.is_read() { event.rf } else { id };
    let later = &place.co[place.position(source)..];
    first(&mut later.iter().filter(|&&w| !own_write(graph, id, w)));
    let own = &graph.threads[event.thread as usize][event.index as usize + 1..];
    first(&mut own.iter());
    let elsewhere = own.iter().find(|&&e| !same(event, graph.event(e)));
    for (thread, events) in graph.threads.iter().enumerate() {
        if thread == event.thread as usize {
            continue;
        }
        let after = |a: EventId| {
            let at = events.partition_point(|&e| !graph.hb_before(a, e));
            &events[at..]
        };
        let here = |e: &&EventId| same(event, graph.event(**e));
        first(&mut after(id).iter().filter(here));
        let Some(&elsewhere) = elsewhere else {
            continue;
        };
        if is_behind(graph, thread, |birth| {
            birth == elsewhere || graph.hb_before(elsewhere, birth)
        }) {
            first(&mut events.iter());
        } else if let Some((&middle, rest)) = after(elsewhere).split_first() {
            let middle = graph.event(middle);
            let directly = |e: &&EventId| same(middle, graph.event(**e));
            first(&mut rest.iter().skip_while(directly));
        }
    }
}

/// Are both accesses, of one location?
fn same(a: &Event, b: &Event) -> bool {
    let access = |e: &Event| e.is_read() || e.is_write();
    access(a) && access(b) && a.loc == b.loc
}
