//! Sequential consistency: one total order explains everything.

use crate::graph::Graph;

/// `po | rf | co | fr | lock order` is acyclic, and read-modify-writes are atomic.
///
/// Lock order adds only that a writer comes after the readers it waited for; the rest of it is in
/// `rf`.
pub fn is_consistent(graph: &Graph) -> bool {
    graph.is_atomic()
        && (graph.po | graph.rf | graph.co | graph.fr() | graph.lock_order()).is_acyclic()
}
