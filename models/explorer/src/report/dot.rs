//! An execution for Graphviz: program order downwards, `rf` green, `co` brown.

use std::fmt::Write;

use super::text::{self, name};
use crate::graph::Graph;
use crate::graph::event::{EventId, INIT, Kind, LocId, ThreadId};

/// What a reader calls the parts of an execution.
pub trait Names {
    /// A thread.
    fn thread(&self, thread: ThreadId) -> String {
        format!("thread {thread}")
    }

    /// A location.
    fn place(&self, graph: &Graph, place: LocId) -> String {
        text::place(graph, place)
    }

    /// A value that a location holds.
    fn value(&self, place: LocId, value: u64) -> String {
        let _ = place;
        value.to_string()
    }

    /// What an event did, in the program's own words: lines for below its own.
    fn lines_below(&self, event: EventId) -> Vec<String> {
        let _ = event;
        Vec::new()
    }
}

/// Numbers, and the names that objects were given.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Names for Plain {}

/// The whole execution.
pub fn render(graph: &Graph, names: &dyn Names) -> String {
    let mut out = String::from("digraph execution {\n  node [shape=box, fontname=monospace];\n");
    for (thread, events) in graph.threads.iter().enumerate() {
        let title = escaped(&names.thread(thread as ThreadId));
        let _ = writeln!(out, "  subgraph cluster_{thread} {{ label=\"{title}\";");
        for &id in events {
            let event = graph.event(id);
            let mut lines = vec![format!("{} {}", name(graph, id), what(graph, names, id))];
            lines.extend(names.lines_below(id));
            lines.push(format!("{}:{}", event.site.file(), event.site.line()));
            let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
            let _ = writeln!(out, "    e{id} [label=\"{}\"];", lines.join("\\n"));
        }
        for pair in events.windows(2) {
            let _ = writeln!(out, "    e{} -> e{};", pair[0], pair[1]);
        }
        out.push_str("  }\n");
    }
    for (id, event) in graph.events.iter().enumerate() {
        if event.is_read() && event.rf != INIT {
            let _ = writeln!(out, "  e{} -> e{id} [color=green, label=rf];", event.rf);
        }
    }
    for place in &graph.places {
        for pair in place.co.windows(2) {
            let _ = writeln!(
                out,
                "  e{} -> e{} [color=brown, label=co];",
                pair[0], pair[1]
            );
        }
    }
    out.push_str("}\n");
    out
}

/// One event in the reader's names.
fn what(graph: &Graph, names: &dyn Names, id: EventId) -> String {
    let event = graph.event(id);
    let order = event.order.name();
    let place = || names.place(graph, event.loc);
    let value = || names.value(event.loc, graph.value(id));
    match event.kind {
        Kind::Read => format!("read.{order} {} = {}", place(), value()),
        Kind::Write => format!("write.{order} {} := {}", place(), value()),
        Kind::Wait => format!("waits for {}", place()),
        Kind::Spawn(child) => format!("starts {}", names.thread(child)),
        Kind::Join(child) => format!("waits for the end of {}", names.thread(child)),
        Kind::Fence | Kind::End | Kind::Choose(_) => text::describe(graph, id),
    }
}

/// As a string of Graphviz takes it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
