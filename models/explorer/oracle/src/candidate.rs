//! Candidates: the `rf` and `co` of one word that are coherent at that word.
//!
//! Candidates are dropped here that every model would drop later: those with incoherence at one
//! word, a broken read-modify-write, a value that contradicts the guess, a reader section that never
//! ends before a writer's, a thread that waits for a free lock.

use crate::graph::Graph;
use crate::program::Instr;
use crate::shape::{Kind, Place, Shape, Value};

/// A choice of `rf` and `co` for one word.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Pairs of a write and a read of it.
    pub rf: Vec<(usize, usize)>,
    /// The writes, the initial one first.
    pub co: Vec<usize>,
}

impl Candidate {
    /// Adds the choice to a graph.
    pub fn apply(&self, graph: &mut Graph) {
        for &(write, read) in &self.rf {
            graph.rf.insert(write, read);
        }
        graph.set_co(&self.co);
    }
}

/// All candidates of the word `place`.
pub fn candidates(shape: &Shape, place: Place) -> Vec<Candidate> {
    let of_kind = |kind| {
        (0..shape.events.len())
            .filter(|&e| shape.events[e].kind == kind && shape.events[e].place == Some(place))
            .collect::<Vec<_>>()
    };
    let writes = of_kind(Kind::Write);
    let reads = of_kind(Kind::Read);
    let graph = Graph::new(shape);
    let mut found = Vec::new();
    for co in orders(&graph, &writes) {
        let mut graph = graph.clone();
        graph.set_co(&co);
        choose_rf(graph, Candidate { rf: Vec::new(), co }, &reads, &mut found);
    }
    found.retain(|candidate| locks_agree(shape, place, candidate));
    found
}

/// All orders of `writes` that follow program order (any other is incoherent).
fn orders(graph: &Graph, writes: &[usize]) -> Vec<Vec<usize>> {
    if writes.is_empty() {
        return vec![Vec::new()];
    }
    let mut orders_found = Vec::new();
    for &first in writes {
        if writes.iter().any(|&other| graph.po.contains(other, first)) {
            continue;
        }
        let rest: Vec<_> = writes.iter().copied().filter(|&w| w != first).collect();
        for mut order in orders(graph, &rest) {
            order.insert(0, first);
            orders_found.push(order);
        }
    }
    orders_found
}

/// Gives each of `reads` each write, as long as the word stays coherent.
fn choose_rf(graph: Graph, candidate: Candidate, reads: &[usize], found: &mut Vec<Candidate>) {
    if !graph.is_coherent_per_word() || !graph.is_atomic() {
        return;
    }
    let Some((&read, rest)) = reads.split_first() else {
        found.push(candidate);
        return;
    };
    for &write in &candidate.co {
        if let Value::Known(value) = graph.shape.events[write].value
            && !graph.shape.events[read].expect.admits(value)
        {
            continue;
        }
        let mut graph = graph.clone();
        graph.rf.insert(write, read);
        let mut candidate = candidate.clone();
        candidate.rf.push((write, read));
        choose_rf(graph, candidate, rest, found);
    }
}

/// No writer follows a reader that never leaves, and no thread waits for a lock that it could take.
fn locks_agree(shape: &Shape, place: Place, candidate: &Candidate) -> bool {
    let last = *candidate.co.last().expect("the initial write");
    let stuck = shape
        .readers
        .iter()
        .filter(|&&(lock, unlock)| shape.events[lock].place == Some(place) && unlock.is_none());
    let mut read_held = false;
    for &(lock, _) in stuck {
        // The state that it reads is the last one.
        if !candidate.rf.contains(&(last, lock)) {
            return false;
        }
        read_held = true;
    }
    let held = shape.events[last].value == Value::Known(1);
    shape
        .blocked
        .iter()
        .flatten()
        .filter(|&&(_, awaited)| awaited == place)
        .all(|&(instr, _)| held || (read_held && matches!(instr, Instr::WriteLock(_))))
}
