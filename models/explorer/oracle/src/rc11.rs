//! RC11 (Lahav, Vafeiadis, Kang, Hur, Dreyer: *Repairing Sequential Consistency in C/C++11*, PLDI
//! 2017), with the release sequences of C++20.
//!
//! ```text
//! irreflexive hb ; eco?            coherence
//! empty       rmw & (fr ; co)      atomicity
//! acyclic     psc                  SC
//! acyclic     po | rf              no thin air
//! ```
//!
//! Locks are words of the graph: their `rf`, `co` and `fr` are part of `eco` and of `psc`, and
//! their synchronisation is the lock order in `hb`.

use crate::graph::Graph;
use crate::relation::Relation;
use crate::shape::Kind;

/// The four axioms.
pub fn is_consistent(graph: &Graph) -> bool {
    (graph.po | graph.rf).is_acyclic()
        && graph.is_atomic()
        && graph.hb().then(&graph.eco().maybe()).is_irreflexive()
        && psc(graph).is_acyclic()
}

/// `psc = psc_base | psc_F`, where
///
/// ```text
/// scb      = po | po\loc ; hb ; po\loc | hb & loc | co | fr
/// psc_base = ([Esc] | [Fsc] ; hb?) ; scb ; ([Esc] | hb? ; [Fsc])
/// psc_F    = [Fsc] ; (hb | hb ; eco ; hb) ; [Fsc]
/// ```
///
/// `Esc` are all sequentially consistent events, fences included.
pub fn psc(graph: &Graph) -> Relation {
    let hb = graph.hb();
    let esc = graph.id(|e| e.is_seq_cst());
    let fsc = graph.id(|e| e.kind == Kind::Fence && e.is_seq_cst());
    let po_other = graph.po - graph.loc;
    let scb =
        graph.po | po_other.then(&hb).then(&po_other) | (hb & graph.loc) | graph.co | graph.fr();
    let base = (esc | fsc.then(&hb.maybe()))
        .then(&scb)
        .then(&(esc | hb.maybe().then(&fsc)));
    let fences = fsc.then(&(hb | hb.then(&graph.eco()).then(&hb))).then(&fsc);
    base | fences
}
