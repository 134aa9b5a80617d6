//! Heads of loops: an iteration that leads a thread back to where it was is left out.
//!
//! The *head* of a loop is the place of the operation that comes first after its `spin`; loads and
//! read-modify-writes are looked at. A thread that repeats an iteration shows it, and the search
//! starts again with what it has learnt: which threads are cut must be a function of the graph. A thread that
//! comes to a head is suspended there, before its operation, and its stack is looked at: its
//! registers are on it as well. That is done when it comes to the iteration that ends with a
//! `spin`, and when it comes back to the head from there. If both are the same, byte by byte, then
//! the iteration has changed nothing that the thread keeps on its stack (W5), and it is cut at this
//! `spin`.
//!
//! Bytes that do not matter may differ: what the frame of the loop has not written yet when the
//! thread comes to its head. Then the first iteration is followed, as without heads. What calls
//! have left beyond that frame is cleared at a head, and nothing is called from there before the
//! thread is suspended: what the search keeps lies elsewhere each time.
//!
//! A thread that was cut so may go on with the last writes to wait at another place for ever. That
//! is no livelock yet, but one in another graph: only that it comes back to the same place is.
//!
//! Heads are learnt in the first runs of a search (`worker::LEARN`), and before it is cut into
//! parts: a search that starts again late has done its work for nothing.
//!
//! # What is kept elsewhere
//! A flag on the heap may say that the thread has waited. So a moot run with a thread that was
//! cut by W5 is made once more (`driver::follow`): when no other thread goes on, those in loops
//! do, with the last writes, to the end. That is an execution of the program, and fails
//! if the flag is looked at. But it is one of those in which that thread has waited there; so what
//! is missed is a failure for which a thread must keep elsewhere than on its stack that it
//! has waited, and must read something then that is not the last write, or others must read what
//! it writes then. So that is done only where [`Reduce::loops`](crate::Reduce::loops) says so.

use std::collections::{HashMap, HashSet};

use super::assume::{Assumption, Seen};
use super::coroutine::Fiber;
use super::repeat::{self, Repeat};
use super::session::{self, Phase, Session, Status};
use super::step::Site;
use crate::graph::event::ThreadId;
use crate::mutation::Mutation;

/// What is known of the heads of loops.
#[derive(Default)]
pub(crate) struct Heads {
    names: HashSet<u64>,
    /// The same by address: a place may have several.
    places: HashMap<usize, bool>,
}

impl Heads {
    pub(crate) fn new(seen: &Seen) -> Heads {
        let all = Assumption::Head(0)..=Assumption::Head(u64::MAX);
        let names = seen.range(all).filter_map(|what| match what {
            Assumption::Head(name) => Some(*name),
            _ => None,
        });
        Heads {
            names: names.collect(),
            ..Heads::default()
        }
    }
}

/// An operation is about to be asked for. Is that at a head, where the thread is to be suspended?
#[inline(never)]
pub(crate) fn arrives(site: Site) -> bool {
    if std::thread::panicking() || session::phase() != Phase::Running {
        return false;
    }
    session::with(|s| {
        let heads = &mut s.heads;
        let is_head = !heads.names.is_empty()
            && (s.probe.is_none() || s.repeat.is_some())
            && *(heads.places)
                .entry(std::ptr::from_ref(site).addr())
                .or_insert_with(|| heads.names.contains(&repeat::name(site)));
        if is_head {
            s.threads[s.current as usize].status = Some(Status::Head);
        }
        is_head
    })
}

impl Session {
    /// Does a thread go on from the head of a loop? Keeps its stack.
    pub(crate) fn is_at_head(&mut self, thread: ThreadId) -> bool {
        let state = &mut self.threads[thread as usize];
        if state.status != Some(Status::Head) {
            return false;
        }
        let Some(frames) = state.fiber.as_ref().map(Fiber::frames) else {
            return false;
        };
        match &mut self.repeat {
            None => state.waits.head = Some((state.pos, frames)),
            Some(repeat) if repeat.returns() => repeat.head = Some(frames),
            Some(_) => {}
        }
        true
    }

    /// Is the wait of a thread over, whose iteration was proved to have no effect when
    /// repeated?
    pub(crate) fn is_over(&mut self, thread: ThreadId, repeat: Repeat) -> bool {
        let events = self.graph().threads.get(thread as usize);
        let events = events.map_or(0, Vec::len);
        let state = &mut self.threads[thread as usize];
        let began = state.waits.head.take();
        let mut returns = false;
        if self.config.reduce.loops
            && !state.waits.trusted
            && let Some(first) = repeat.first
        {
            let head = Assumption::Head(repeat::name(first));
            if self.learns && !self.seen.contains(&head) {
                self.assume_new(head);
                return true;
            }
            // Where the thread has gone on before it does again.
            returns = state.pos == events
                && began.is_some_and(|(at, frames)| {
                    let is_same =
                        self.config.mutation == Mutation::Heads || Some(frames) == repeat.head;
                    Some(events) == repeat.length.map(|length| at + length) && is_same
                });
        }
        let is_over = state.waits.is_over(state.pos, repeat, returns);
        state.waits.early = is_over && returns;
        self.cut_early |= state.waits.early;
        is_over
    }

    /// Is the run, which is moot, to be made again with its threads following their loops?
    pub(crate) fn is_to_follow(&self) -> bool {
        self.cut_early && !self.dead && !self.search.follows && !self.search.retraces()
    }

    /// The threads that wait in loops go on. Answers whether there are any.
    pub(crate) fn leave_loops(&mut self) -> bool {
        let mut any = false;
        for thread in &mut self.threads {
            if thread.status == Some(Status::Spin) {
                (thread.status, thread.spun) = (Some(Status::Ready), false);
                thread.waits.on = true;
                thread.waits.gone_on += 1;
                any = true;
            }
        }
        any
    }
}
