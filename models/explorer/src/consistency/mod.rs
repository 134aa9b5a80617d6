//! The axioms of the memory models that go beyond one location.
//!
//! | model | one location | all locations |
//! | --- | --- | --- |
//! | `Sc` | floor by porf, atomicity | `po, rf, co, fr` acyclic |
//! | `Tso` | floor by porf, atomicity | `ppo, fences, rfe, co, fr` acyclic |
//! | `Rc11` | floor by hb, atomicity | `psc` acyclic; waits and notifications in one order |
//! | `Cpp20` | floor by hb, atomicity | a total order S; waits and notifications in one order |
//!
//! The checks are asked only about graphs in which the last event, or the read
//! that a revisit changed, is *not* maximal: an event that reads from, or is
//! placed, last in `co` has no outgoing edge but program order, so it closes no
//! cycle.

pub mod order;
pub mod psc;
mod ranks;
pub mod total;
pub mod waits;

use serde::{Deserialize, Serialize};

use crate::graph::Graph;
use crate::graph::clock::Row;
use crate::graph::event::EventId;

/// A memory model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Model {
    /// Sequential consistency. Orderings matter to data races only.
    Sc,
    /// x86-TSO. `SeqCst` stores and fences and every read-modify-write that writes
    /// drain the store buffer; other orderings matter to data races only.
    Tso,
    /// C++20 as repaired by Lahav and others (PLDI 2017): `po | rf` is acyclic.
    #[default]
    Rc11,
    /// [`Model::Rc11`] with the total order of SeqCst operations of the text of ISO C++20
    /// (`[atomics.order]`) in place of `psc`. Where nothing or only fences are SeqCst, the two
    /// are the same; otherwise it forbids more than RC11.
    Cpp20,
}

impl Model {
    /// The order that, with `eco`, must be irreflexive for one location.
    pub(crate) fn coherence(self) -> Row {
        match self {
            Model::Sc | Model::Tso => Row::Porf,
            Model::Rc11 | Model::Cpp20 => Row::Hb,
        }
    }

    /// Do the axioms over several locations hold, given that every cycle would
    /// pass through one of `changed`?
    pub(crate) fn consistent(self, graph: &Graph, changed: &[EventId]) -> bool {
        match self {
            Model::Sc => order::acyclic(graph, changed, false),
            Model::Tso => order::acyclic(graph, changed, true),
            Model::Rc11 => {
                waits::acyclic(graph, changed)
                    && (graph.seq_cst < 2 || psc::acyclic(graph, changed))
            }
            Model::Cpp20 => {
                waits::acyclic(graph, changed)
                    && (graph.seq_cst < 2 || total::exists(graph, changed))
            }
        }
    }
}
