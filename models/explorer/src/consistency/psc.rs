//! The partial order of sequentially consistent events of RC11.
//!
//! With `Esc` the SeqCst accesses and `Fsc` the SeqCst fences,
//!
//! ```text
//! scb      = po | po≠loc ; hb ; po≠loc | hb=loc | co | fr
//! psc_base = ([Esc] | [Fsc] ; hb?) ; scb ; ([Esc] | hb? ; [Fsc])
//! psc_F    = [Fsc] ; (hb | hb ; eco ; hb) ; [Fsc]
//! ```
//!
//! and `psc = psc_base | psc_F` is acyclic (Lahav and others, PLDI 2017).
//! Relations are bit matrices; nothing is kept between checks. Where there are only
//! fences or only accesses there are shorter ways: `psc/fences.rs`, `psc/accesses.rs`.
//!
//! An event that has just been added, and a read that a revisit has just changed, has no
//! hb-successor. So an edge that was not there before it leads to it or from it, or from
//! a fence that happens before it.

mod accesses;
mod fences;

use crate::graph::Graph;
use crate::graph::event::{EventId, INIT, Kind};

/// A relation over the events of a graph.
struct Matrix {
    words: usize,
    bits: Vec<u64>,
}

impl Matrix {
    fn new(n: usize) -> Matrix {
        let words = n.div_ceil(64);
        Matrix {
            words,
            bits: vec![0; n * words],
        }
    }

    #[inline]
    fn set(&mut self, a: usize, b: usize) {
        self.bits[a * self.words + b / 64] |= 1 << (b % 64);
    }

    #[inline]
    fn row(&self, a: usize) -> &[u64] {
        &self.bits[a * self.words..(a + 1) * self.words]
    }

    /// Adds row `a` of `other` to `into`.
    fn add_row(&self, into: &mut [u64], a: usize) {
        for (word, bits) in into.iter_mut().zip(self.row(a)) {
            *word |= bits;
        }
    }

    /// The image of a set.
    fn image(&self, of: &[u64]) -> Vec<u64> {
        let mut result = vec![0; self.words];
        each(of, |a| self.add_row(&mut result, a));
        result
    }
}

fn each(set: &[u64], mut f: impl FnMut(usize)) {
    for (word, &bits) in set.iter().enumerate() {
        let mut bits = bits;
        while bits != 0 {
            f(word * 64 + bits.trailing_zeros() as usize);
            bits &= bits - 1;
        }
    }
}

/// Is `psc` acyclic, if it was without `changed`?
pub fn acyclic(graph: &Graph, changed: &[EventId]) -> bool {
    let n = graph.len();
    let sc: Vec<usize> = (0..n)
        .filter(|&e| graph.events[e].order.is_seq_cst())
        .collect();
    let (fences, accesses): (Vec<usize>, Vec<usize>) = sc
        .iter()
        .partition(|&&e| graph.events[e].kind == Kind::Fence);
    if fences.is_empty() {
        return accesses::acyclic(graph, changed);
    }
    let may_close = |&event: &EventId| {
        let before = |&fence: &usize| graph.hb_before(fence as EventId, event);
        graph.event(event).order.is_seq_cst() || fences.iter().any(before)
    };
    if !changed.iter().any(may_close) {
        return true;
    }
    if accesses.is_empty() {
        return fences::acyclic(graph, changed);
    }
    let hb = happens_before(graph);
    let (com, eco) = communication(graph);
    let scb = base(graph, &hb, &com);
    let mut psc = Matrix::new(n);
    for &a in &sc {
        let is_fence = graph.events[a].kind == Kind::Fence;
        let mut from = vec![0; hb.words];
        from[a / 64] |= 1 << (a % 64);
        if is_fence {
            hb.add_row(&mut from, a);
        }
        let reached = scb.image(&from);
        // By psc_F the hb-successors of a fence count, with or without eco.
        let mut by_fence = vec![0; hb.words];
        if is_fence {
            hb.add_row(&mut by_fence, a);
            let eco_then_hb = hb.image(&eco.image(&by_fence));
            by_fence
                .iter_mut()
                .zip(&eco_then_hb)
                .for_each(|(a, b)| *a |= b);
        }
        let after = hb.image(&reached);
        for &b in &sc {
            let has = |set: &[u64]| set[b / 64] >> (b % 64) & 1 == 1;
            let fence = graph.events[b].kind == Kind::Fence;
            if has(&reached) || fence && (has(&after) || is_fence && has(&by_fence)) {
                psc.set(a, b);
            }
        }
    }
    without_cycle(&psc, &sc)
}

fn happens_before(graph: &Graph) -> Matrix {
    let n = graph.len();
    let mut hb = Matrix::new(n);
    for b in 0..n {
        for a in 0..n {
            if a != b && graph.hb_before(a as EventId, b as EventId) {
                hb.set(a, b);
            }
        }
    }
    hb
}

/// `co | fr`, and `eco` (which holds `rf` as well).
fn communication(graph: &Graph) -> (Matrix, Matrix) {
    let n = graph.len();
    let (mut com, mut eco) = (Matrix::new(n), Matrix::new(n));
    for place in &graph.places {
        let position = |write: EventId| {
            if write == INIT {
                return Some(0);
            }
            place.co.iter().position(|&w| w == write).map(|at| at + 1)
        };
        // Writes and reads with the position that they are at; eco relates two
        // if the position grows, and a write to the reads of its position.
        for (at, &w) in place.co.iter().enumerate() {
            for &later in &place.co[at + 1..] {
                com.set(w as usize, later as usize);
                eco.set(w as usize, later as usize);
            }
        }
        for &read in &place.reads {
            let Some(at) = position(graph.event(read).rf) else {
                continue;
            };
            for &later in &place.co[at..] {
                // The write of the read's own read-modify-write is after it by po.
                if !own_write(graph, read, later) {
                    com.set(read as usize, later as usize);
                }
                eco.set(read as usize, later as usize);
            }
            for &earlier in &place.co[..at] {
                eco.set(earlier as usize, read as usize);
            }
            for &other in &place.reads {
                if position(graph.event(other).rf).is_some_and(|other| other > at) {
                    eco.set(read as usize, other as usize);
                }
            }
        }
    }
    (com, eco)
}

fn own_write(graph: &Graph, read: EventId, write: EventId) -> bool {
    let (read, write) = (graph.event(read), graph.event(write));
    write.rmw && write.thread == read.thread && write.index == read.index + 1
}

fn base(graph: &Graph, hb: &Matrix, com: &Matrix) -> Matrix {
    let n = graph.len();
    let mut scb = Matrix::new(n);
    let access = |e: usize| matches!(graph.events[e].kind, Kind::Read | Kind::Write);
    let same =
        |a: usize, b: usize| access(a) && access(b) && graph.events[a].loc == graph.events[b].loc;
    for a in 0..n {
        let event = &graph.events[a];
        let mut row = com.row(a).to_vec();
        let later = &graph.threads[event.thread as usize][event.index as usize + 1..];
        let mut elsewhere = vec![0; hb.words];
        for &b in later {
            let b = b as usize;
            row[b / 64] |= 1 << (b % 64);
            if !same(a, b) {
                elsewhere[b / 64] |= 1 << (b % 64);
            }
        }
        // hb=loc, and po≠loc ; hb ; po≠loc: of what hb reaches from another
        // location, everything later in its thread that is elsewhere again.
        each(hb.row(a), |b| {
            if same(a, b) {
                row[b / 64] |= 1 << (b % 64);
            }
        });
        let middle = hb.image(&elsewhere);
        for (thread, events) in graph.threads.iter().enumerate() {
            let has = |birth: EventId| {
                let (word, bit) = (birth as usize / 64, birth % 64);
                (elsewhere[word] | middle[word]) >> bit & 1 == 1
            };
            if is_behind(graph, thread, has) {
                let all = events.iter().map(|&b| b as usize);
                all.for_each(|b| row[b / 64] |= 1 << (b % 64));
            }
        }
        each(&middle, |m| {
            let event = &graph.events[m];
            for &b in &graph.threads[event.thread as usize][event.index as usize + 1..] {
                let b = b as usize;
                if !same(m, b) {
                    row[b / 64] |= 1 << (b % 64);
                }
            }
        });
        scb.bits[a * scb.words..(a + 1) * scb.words].copy_from_slice(&row);
    }
    scb
}

/// Does what holds of the spawn of a thread hold of its beginning? That is no event of the graph, but
/// before the thread's first one by `po`, and after the spawn by `hb`.
fn is_behind(graph: &Graph, thread: usize, holds: impl Fn(EventId) -> bool) -> bool {
    let birth = graph.births.get(thread).copied();
    birth.is_some_and(|birth| birth != INIT && holds(birth))
}

fn without_cycle(psc: &Matrix, sc: &[usize]) -> bool {
    // Kahn's algorithm on what has no predecessor left.
    let mut alive: Vec<usize> = sc.to_vec();
    loop {
        let mut targets = vec![0; psc.words];
        alive.iter().for_each(|&a| psc.add_row(&mut targets, a));
        let before = alive.len();
        alive.retain(|&e| targets[e / 64] >> (e % 64) & 1 == 1);
        if alive.is_empty() {
            return true;
        }
        if alive.len() == before {
            return false;
        }
    }
}
