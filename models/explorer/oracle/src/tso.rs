//! x86-TSO, as herd's `x86tso.cat` states it (after Owens, Sarkar, Sewell: *A Better x86 Memory
//! Model: x86-TSO*, TPHOLs 2009; Alglave, Maranget, Tautschnig: *Herding Cats*, TOPLAS 2014).
//!
//! ```text
//! acyclic po-loc | rf | co | fr | lock order           uniproc
//! empty   rmw & (fr ; co)                              atomicity
//! acyclic mfence | implied | po-ghb | rfe | fr | co    global happens-before
//! ```
//!
//! # Compilation
//!
//! | source | x86 |
//! | --- | --- |
//! | load of any ordering | `mov` |
//! | store, relaxed or release | `mov` |
//! | store, sequentially consistent | `mov; mfence` |
//! | read-modify-write that succeeds | locked instruction |
//! | compare-exchange or try-lock that fails | `mov` (a read and nothing else) |
//! | fence, sequentially consistent | `mfence` |
//! | other fence | nothing |
//! | lock of any kind | locked instruction |
//! | unlock of any kind | `mov` |
//!
//! Real `cmpxchg` is a full fence even when it fails; to take it as a load allows more, never less.

use crate::graph::Graph;
use crate::relation::Relation;
use crate::shape::Kind;

/// The three axioms.
pub fn is_consistent(graph: &Graph) -> bool {
    uniproc(graph).is_acyclic() && graph.is_atomic() && global_happens_before(graph).is_acyclic()
}

/// Lock order is here for the thread that would take a lock for writing while it reads.
fn uniproc(graph: &Graph) -> Relation {
    (graph.po & graph.loc) | graph.rf | graph.co | graph.fr() | graph.lock_order()
}

fn global_happens_before(graph: &Graph) -> Relation {
    let n = graph.n();
    let shared = |kind| graph.set(move |e| e.kind == kind && (e.is_atomic() || e.is_lock()));
    let read = shared(Kind::Read);
    // A reader leaves a read-write lock by a plain store: later reads may overtake it.
    let write = shared(Kind::Write) | shared(Kind::ReadUnlock);
    let locked = graph.set(|e| e.locked);

    let po_ghb =
        graph.po & (Relation::product(n, write, write) | Relation::product(n, read, read | write));
    let po_wr = graph.po & Relation::product(n, write, read);
    let implied =
        po_wr & (Relation::product(n, locked, read) | Relation::product(n, write, locked));

    // An `mfence` stands where the fence is, and right behind each sequentially consistent store.
    let fence = graph.id(|e| e.kind == Kind::Fence && e.is_seq_cst());
    let store = graph.id(|e| e.kind == Kind::Write && e.is_seq_cst());
    let mfence =
        graph.po.then(&fence).then(&graph.po) | graph.po.maybe().then(&store).then(&graph.po);

    let external = Relation::of(n, |a, b| {
        graph.shape.events[a].thread != graph.shape.events[b].thread
    });
    let rfe = graph.rf & external;
    let lock_order = graph.lock_order() & external;
    mfence | implied | po_ghb | rfe | graph.fr() | graph.co | lock_order
}
