//! An execution for Graphviz: program order downwards, `rf` green, `co` brown.

use std::fmt::Write;

use super::text::{describe, name};
use crate::graph::Graph;
use crate::graph::event::INIT;

/// The whole execution.
pub fn render(graph: &Graph) -> String {
    let mut out = String::from("digraph execution {\n  node [shape=box, fontname=monospace];\n");
    for (thread, events) in graph.threads.iter().enumerate() {
        let _ = writeln!(
            out,
            "  subgraph cluster_{thread} {{ label=\"thread {thread}\";"
        );
        for &id in events {
            let event = graph.event(id);
            let site = format!("{}:{}", event.site.file(), event.site.line());
            let what = describe(graph, id);
            let _ = writeln!(
                out,
                "    e{id} [label=\"{} {what}\\n{site}\"];",
                name(graph, id)
            );
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
