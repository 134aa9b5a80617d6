//! Threads that do the same.
//!
//! Where threads differ by their names alone, executions that differ by which of them does what are one
//! up to these names. Each such thread *comes* to a point, and those executions are searched in
//! which the first thread comes first, then the second one, and so on. An execution stands for all those
//! in which threads of other names do the same: [`Alike::names`] tells which. (What it is worth to join
//! this with partial orders: Kokologiannakis, Marmanis, Vafeiadis, *SPORE: Combining Symmetry and Partial
//! Order Reduction*, PLDI 2024, where the threads are sorted by what they read. Here a point of the
//! program's sorts them, so that what is private to a thread need not be compared.)
//!
//! # Why nothing is lost
//! A point is an operation that takes a lock, or any other read-modify-write that writes. All are of one
//! location, which is written by such operations, or by the thread that wrote it last, as when it leaves the
//! lock. So they are in one order in any execution, in which each follows those before it by what it
//! reads. Name the threads in that order. A relaxed word that
//! says that the one before has come, and is read before one comes, adds nothing to that: between a
//! thread's point and its words there is no other event.
//!
//! Threads that have not come at the end are searched in all orders. A run in which one waits for another
//! that does not come is moot; but if it would wait in any case, for a lock that is held for ever, that is a
//! deadlock of the program.
//!
//! # What is taken for granted
//! The threads are alike: the names of any two can be exchanged in what they do, in what they begin with,
//! and in what other threads do with them. A program that finds that they are not says so
//! ([`Alike::differ`]). That their points are of one location, and how it is written, is looked at. In either case the search starts
//! again without.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::graph::Graph;
use crate::graph::event::{EventId, Order, ThreadId};
use crate::mutation::Mutation;
use crate::run::assume::Assumption;
use crate::run::ops::{self, Object};
use crate::run::session;

/// Threads that do the same, numbered from 0. To be made anew in each run.
#[derive(Debug)]
pub struct Alike {
    threads: Box<[Thread]>,
}

#[derive(Debug, Default)]
struct Thread {
    /// Says to the next thread that this one has come.
    word: Object,
    /// One more than the location of its point; 0 until it comes.
    point: AtomicU32,
}

impl Thread {
    fn has_come(&self) -> bool {
        self.point.load(Relaxed) > 0
    }
}

impl Alike {
    /// So many threads.
    pub fn new(threads: usize) -> Alike {
        let word = || Object::new().named("order of threads that are alike");
        let thread = || Thread {
            word: word(),
            point: AtomicU32::new(0),
        };
        Alike {
            threads: (0..threads).map(|_| thread()).collect(),
        }
    }

    /// Thread `nth` is about to come, for the first time or once more. Waits until the one before it has.
    ///
    /// What the thread does next is its point, which succeeds. It may wait, if it takes a lock.
    #[track_caller]
    pub fn wait(&self, nth: usize) {
        let sorts = || Alike::is_searched() && mutation() != Mutation::Turns;
        if nth > 0 && !self.threads[nth].has_come() && sorts() {
            ops::await_peer(&self.threads[nth - 1].word);
        }
    }

    /// Thread `nth` has come, for the first time or once more: its last operation was its point.
    #[track_caller]
    pub fn come(&self, nth: usize) {
        if self.threads[nth].has_come() || !Alike::is_searched() {
            return;
        }
        let before = nth.checked_sub(1).map(|before| &self.threads[before]);
        let before = before.map_or(0, |thread| thread.point.load(Relaxed));
        let (thread, events) = ops::position();
        let point = ops::with_graph(|graph| point(graph, (thread, events)));
        let Some(point) = point.filter(|point| before == 0 || before == *point) else {
            return self.differ();
        };
        self.threads[nth].point.store(point, Relaxed);
        if nth + 1 < self.threads.len() {
            ops::store(&self.threads[nth].word, 0, 1, Order::RELAXED);
        }
    }

    /// The threads are not alike, as the program has found: the search starts again, and searches them
    /// in all orders.
    pub fn differ(&self) {
        ops::assume(Assumption::Differ);
    }

    /// The executions that this one stands for: for each, which of its threads does what is done by the
    /// threads that are called 0, 1, … here. The first one is this one.
    ///
    /// To be asked when the threads have ended.
    pub fn names(&self) -> Vec<Vec<usize>> {
        let came = self.threads.iter().filter(|thread| thread.has_come());
        named(came.count(), self.threads.len())
    }

    /// Are they searched in one order only?
    fn is_searched() -> bool {
        session::whereabouts().is_some()
            && session::with(|s| s.config.reduce.symmetry && !s.seen.contains(&Assumption::Differ))
    }
}

/// One more than the location of the last of a thread's events, if that is a read-modify-write, and
/// each write of the location so far follows the one before it by `porf`.
fn point(graph: &Graph, (thread, events): (ThreadId, u32)) -> Option<u32> {
    let &last = graph.threads[thread as usize].get((events as usize).checked_sub(1)?)?;
    let point = graph.event(last);
    let co = (point.is_write() && point.rmw).then(|| &graph.places[point.loc as usize].co)?;
    let follows = |pair: &[EventId]| {
        let [before, after] = [pair[0], pair[1]].map(|id| graph.event(id));
        after.rmw || before.thread == after.thread
    };
    co.windows(2).all(follows).then_some(point.loc + 1)
}

fn mutation() -> Mutation {
    session::with(|s| s.config.mutation)
}

/// All names of `count` threads, of which the first `came` may have any, and the rest keep their order.
fn named(came: usize, count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::with_capacity(count)];
    for _ in 0..came {
        let more = |names: &Vec<usize>| {
            let free: Vec<_> = (0..count).filter(|name| !names.contains(name)).collect();
            let names = names.clone();
            free.into_iter()
                .map(move |name| [&names[..], &[name]].concat())
        };
        all = all.iter().flat_map(more).collect();
    }
    for names in &mut all {
        let rest: Vec<_> = (0..count).filter(|name| !names.contains(name)).collect();
        names.extend(rest);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_came_have_any_name() {
        assert_eq!(named(0, 2), [[0, 1]]);
        assert_eq!(named(1, 3), [[0, 1, 2], [1, 0, 2], [2, 0, 1]]);
        assert_eq!(named(2, 2), [[0, 1], [1, 0]]);
        assert_eq!(named(4, 4).len(), 24);
    }
}
