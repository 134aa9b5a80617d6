//! Destructors: their operations come after several others, whichever thread runs them.
//!
//! The destructor of what an `Arc` holds runs after all drops of its handles, in
//! the thread of the last one. Which one that is depends on the order of drops,
//! which is no part of an execution graph: it need not be, for a thread does the
//! same whether its drop was the last or not, and only the destructor tells.
//! Hence, in the one run that stands for all orders:
//!
//! - L1. What the destructor does is ordered after all that any drop is ordered
//!   after.
//! - L2. A drop may be the last unless `porf` leads from it to another one. What
//!   comes later is ordered after the destructor only if it is ordered after *every*
//!   drop that may be the last: each is, in some order, and then the destructor is
//!   in its thread.
//! - L3. What a thread does after its drop is not ordered after the other drops,
//!   though it would be, were its drop the last: where it is not the last, it does
//!   the same without that order.
//!
//! So no race is missed, and under RC11 none is invented. (SC and TSO order some drops
//! by `fr` alone, of which both are taken for the last.) Destructors with events need a
//! thread to have them in; then drops become events: see `sync::arc`.
//!
//! The destructor of what was freed runs when the execution is over, and counts
//! as a part of the `free`.

use crate::cell::Moment;
use crate::graph::clock::Row;
use crate::graph::event::{INIT, ThreadId};
use crate::run::session::{self, Session};

use super::heap::Name;

/// A destructor that runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Late {
    /// The moments that it comes after; one for each thread.
    pub(crate) at: Vec<Moment>,
    /// Those of them that may be the last: where it may run.
    pub(crate) last: Vec<Moment>,
    /// How many events of each thread happen before it.
    clock: Vec<u32>,
    /// The `Arc` that it belongs to.
    pub(crate) arc: Option<Name>,
    /// Is the execution over?
    settling: bool,
}

/// Adds a moment: of each thread, only the last counts.
pub(crate) fn add(moments: &mut Vec<Moment>, moment: Moment) {
    match moments.iter_mut().find(|m| m.thread == moment.thread) {
        Some(before) if before.tick < moment.tick => *before = moment,
        Some(_) => {}
        None => moments.push(moment),
    }
}

impl Session {
    /// The moments of the operation that runs now.
    pub(crate) fn moments(&mut self) -> Vec<Moment> {
        match self.heap.late() {
            Some(late) => late.at.clone(),
            None => vec![self.now()],
        }
    }

    /// This moment of this thread.
    pub(crate) fn now(&mut self) -> Moment {
        Moment {
            thread: self.current,
            at: self.threads[self.current as usize].pos as u32,
            tick: self.heap.tick(),
        }
    }

    /// The last moment so far of a thread.
    pub(crate) fn last_moment(&mut self, thread: ThreadId) -> Moment {
        let at = self.threads[thread as usize].pos as u32;
        Moment {
            thread,
            at,
            ..self.now()
        }
    }

    /// Whether an access that has been made is ordered with the operation that runs now.
    pub(crate) fn ordered(&self, access: Moment) -> bool {
        let Some(late) = self.heap.late() else {
            return access.thread == self.current
                || self.knows(self.current, access.thread) > access.at;
        };
        let before = match late.at.iter().find(|m| m.thread == access.thread) {
            Some(own) => access.tick <= own.tick || late.clock(access.thread) > access.at,
            None => late.clock(access.thread) > access.at,
        };
        before || late.settling && late.last.iter().all(|m| self.follows(access, *m))
    }

    /// Is an access ordered after a moment?
    fn follows(&self, access: Moment, moment: Moment) -> bool {
        if access.thread == moment.thread {
            return access.tick > moment.tick;
        }
        self.knew(access.thread, access.at, moment.thread) > moment.at
    }

    fn enter(&mut self, at: Vec<Moment>, arc: Option<Name>, settling: bool) {
        let mut clock = vec![0; self.threads.len()];
        for moment in &at {
            let before = self.graph().predecessor(moment.thread, moment.at);
            if before != INIT {
                let row = self.graph().clocks.row(before, Row::Hb);
                for (known, &count) in clock.iter_mut().zip(row) {
                    *known = count.max(*known);
                }
            }
        }
        let leads = |from: &Moment, to: &Moment| {
            let before = self.graph().predecessor(to.thread, to.at);
            before != INIT && from.thread != to.thread && {
                let row = self.graph().clocks.row(before, Row::Porf);
                row.get(from.thread as usize)
                    .is_some_and(|&count| count > from.at)
            }
        };
        let may_be_last = |m: &&Moment| !at.iter().any(|other| leads(m, other));
        let last = at.iter().filter(may_be_last).copied().collect();
        let settling = settling || self.heap.late().is_some_and(|late| late.settling);
        self.heap.enter(Late {
            at,
            last,
            clock,
            arc,
            settling,
        });
    }
}

impl Late {
    fn clock(&self, thread: ThreadId) -> u32 {
        self.clock.get(thread as usize).copied().unwrap_or(0)
    }

    /// How many events of a thread happen before the destructor; one more for a
    /// thread that it belongs to, as what that did since its last event is before
    /// the destructor, too.
    pub(crate) fn knows(&self, thread: ThreadId) -> u32 {
        let clock = self.clock(thread);
        let own = self.at.iter().find(|m| m.thread == thread);
        own.map_or(clock, |m| clock.max(m.at + 1))
    }
}

/// Runs a destructor that belongs to these moments.
pub(crate) fn run<R>(
    at: Vec<Moment>,
    arc: Option<Name>,
    settling: bool,
    destructor: impl FnOnce() -> R,
) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            session::with(|s| s.heap.leave());
        }
    }
    session::with(|s| s.enter(at, arc, settling));
    let _leave = Leave;
    destructor()
}
