//! C++20 without `po | rf` cycles: the axioms of [`rc11`](crate::rc11) with the total order S of
//! ISO C++20, `[atomics.order]` (P0668R5), in place of `psc`.
//!
//! `[atomics.order]` and `[intro.races]` speak of operations, of which a read-modify-write is one. So
//! the relations here are those of whole operations: a pair of events stands for all pairs of the
//! events of their operations.
//!
//! Locks are words of the graph, as in RC11: their operations are not sequentially consistent, but
//! synchronise (the lock order), and have a place in coherence-ordered-before.

use crate::graph::Graph;
use crate::relation::Relation;
use crate::shape::Kind;

/// The four axioms.
pub fn is_consistent(graph: &Graph) -> bool {
    (graph.po | graph.rf).is_acyclic()
        && graph.is_atomic()
        && graph.hb().then(&graph.eco().maybe()).is_irreflexive()
        && precedes(graph).is_acyclic()
}

/// What S must contain. There is such a total order iff this has no cycle.
///
/// `[atomics.order]`, paragraph 4: with `A` and `B` sequentially consistent operations, `X` and `Y`
/// sequentially consistent fences, `A` (or `X`) precedes `B` (or `Y`) in S, if
///
/// ```text
/// A strongly happens before B
/// A       coherence-ordered before      B
/// A       coherence-ordered before ; hb Y
/// X ; hb  coherence-ordered before      B
/// X ; hb  coherence-ordered before ; hb Y
/// ```
pub fn precedes(graph: &Graph) -> Relation {
    let hb = of_operations(graph, &graph.hb());
    let cob = coherence_ordered_before(graph);
    let sc = seq_cst(graph);
    let fence = graph.id(|e| e.kind == Kind::Fence && e.is_seq_cst());
    let from_fence = fence.then(&hb);
    let to_fence = hb.then(&fence);
    sc.then(&strongly_happens_before(graph)).then(&sc)
        | sc.then(&cob).then(&sc)
        | sc.then(&cob).then(&to_fence)
        | from_fence.then(&cob).then(&sc)
        | from_fence.then(&cob).then(&to_fence)
}

/// Strongly-happens-before, `[intro.races]`, paragraph 12. `A` strongly happens before `D` if
///
/// - `A` is sequenced before `D`, or
/// - `A` synchronises with `D`, and both are sequentially consistent atomic operations, or
/// - `A` is sequenced before `B`, `B` simply happens before `C`, and `C` is sequenced before `D`, or
/// - `A` strongly happens before some `B` that strongly happens before `D`.
///
/// Nothing is consumed here, so simply-happens-before is happens-before.
pub fn strongly_happens_before(graph: &Graph) -> Relation {
    let sc = seq_cst(graph);
    let sequenced = of_operations(graph, &graph.po);
    let synchronizes = of_operations(graph, &graph.sw());
    let happens = of_operations(graph, &graph.hb());
    let between_sc = sc.then(&synchronizes).then(&sc);
    let around = sequenced.then(&happens).then(&sequenced);
    (sequenced | between_sc | around).plus()
}

/// Coherence-ordered-before, `[atomics.order]`, paragraph 3: `rf`, `co`, `fr`, and what goes on from
/// a modification.
pub fn coherence_ordered_before(graph: &Graph) -> Relation {
    let step = of_operations(graph, &(graph.rf | graph.co | graph.fr()));
    let writes = graph.id(|e| e.kind == Kind::Write);
    let modification = operations(graph).then(&writes).then(&operations(graph));
    step.then(&modification).star().then(&step)
}

/// The identity on operations that are sequentially consistent.
fn seq_cst(graph: &Graph) -> Relation {
    graph.id(|e| e.is_seq_cst())
}

/// Pairs of events of one operation.
fn operations(graph: &Graph) -> Relation {
    (graph.rmw | graph.rmw.inverse()).maybe()
}

/// A relation of events as one of distinct operations.
fn of_operations(graph: &Graph, relation: &Relation) -> Relation {
    let operations = operations(graph);
    operations.then(relation).then(&operations) - operations
}
