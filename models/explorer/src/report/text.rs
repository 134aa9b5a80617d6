//! An execution as text, thread by thread.

use std::fmt::Write;

use crate::graph::Graph;
use crate::graph::event::{EventId, INIT, Kind, LocId};

/// The name of an event: thread and place in it.
pub(crate) fn name(graph: &Graph, id: EventId) -> String {
    if id == INIT {
        return "init".into();
    }
    let event = graph.event(id);
    format!("T{}.{}", event.thread, event.index)
}

/// The name of a location: the one that it was given, and its number.
pub(crate) fn place(graph: &Graph, place: LocId) -> String {
    match graph.places[place as usize].name {
        Some(name) => format!("{name} (x{place})"),
        None => format!("x{place}"),
    }
}

/// One event, without its name.
pub(crate) fn describe(graph: &Graph, id: EventId) -> String {
    let event = graph.event(id);
    let order = event.order.name();
    match event.kind {
        Kind::Read => {
            let from = name(graph, event.rf);
            format!(
                "read.{order} {} = {} (from {from})",
                self::place(graph, event.loc),
                graph.value(id)
            )
        }
        Kind::Write => {
            let place = &graph.places[event.loc as usize];
            let at = place
                .co
                .iter()
                .position(|&w| w == id)
                .map_or(0, |at| at + 1);
            let to = self::place(graph, event.loc);
            format!("write.{order} {to} := {} (co {at})", event.value)
        }
        Kind::Wait => format!("wait for {}", self::place(graph, event.loc)),
        Kind::Fence => format!("fence.{order}"),
        Kind::Spawn(child) => format!("spawn T{child}"),
        Kind::Join(child) => format!("join T{child}"),
        Kind::End => "end".into(),
        Kind::Choose(n) => format!("choose {} of {n}", event.value),
    }
}

/// The whole execution.
pub fn render(graph: &Graph) -> String {
    let mut out = String::new();
    for (thread, events) in graph.threads.iter().enumerate() {
        if events.is_empty() {
            continue;
        }
        let _ = writeln!(out, "thread {thread}");
        for &id in events {
            let what = describe(graph, id);
            let _ = writeln!(
                out,
                "  {:<7} {what:<44} {}",
                name(graph, id),
                graph.event(id).site
            );
        }
    }
    out
}
