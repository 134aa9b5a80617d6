//! Threads that wait for a value.
//!
//! The plain algorithm has such a thread read what is there, and wait if that is not the value; each
//! write that comes revisits that read. A thread that waits for the third of three writes is made to
//! read each of them, and all these runs but one are thrown away. Here it waits *outside the graph*, as
//! threads do that wait for locks (`run::gate`; after Kokologiannakis, Marmanis and Vafeiadis,
//! *Unblocking Dynamic Partial Order Reduction*, CAV 2023). Unlike a lock, the value may have been there
//! and gone, so the graph shows when a thread has asked:
//!
//! - A thread that asks while the last write is another value leaves a *wait* in the graph, which reads
//!   nothing, and is ordered in its thread only. The alternatives are to read one of the older writes
//!   that are the value.
//! - It reads when a write is the last one and the value, and has come since ([`has_come`]); the alternatives
//!   are others that have come since. Those that were there when it asked were alternatives then.
//!   Which thread may read follows from the graph (T2). A wait has no alternative that is left for
//!   later: it is maximal (T3).
//! - Where no thread can go on, one that waits may have read a write that has come since and is the last
//!   no longer. It is asked again, and leaves another wait ([`give_up`]). If none goes on then,
//!   they wait for ever: the value may have come and gone unseen.
//! - A write that is another value still revisits a read of the value, as in the plain algorithm: the
//!   thread reads it, and waits in the graph. So runs are moot in which a value goes, and comes again.
//!
//! [`has_come`]: Session::has_come
//! [`give_up`]: Session::give_up

use super::object::Object;
use super::session::{Session, Status};
use super::step::{Site, Step};
use crate::graph::event::{Event, EventId, Kind, LocId, ThreadId, Until};
use crate::mutation::Mutation;

impl Session {
    /// May a thread that waits, or asks for the first time, read the last write of a location?
    pub(super) fn has_come(&self, thread: ThreadId, loc: LocId, until: Until) -> bool {
        let place = &self.graph().places[loc as usize];
        self.ends_wait(thread, place.at(place.co.len()), (loc, until))
    }

    /// Is a write the value, and was it not there yet when the thread asked?
    fn ends_wait(&self, thread: ThreadId, write: EventId, (loc, until): (LocId, Until)) -> bool {
        until.holds(self.graph().written(loc, write)) && self.graph().is_news(thread, write)
    }

    /// The thread has waited here before: it does so again.
    pub(super) fn replay_waits<R>(
        &mut self,
        (object, init): (&Object, u64),
        site: Site,
    ) -> Option<Step<R>> {
        while let Some(id) = self.ahead()
            && self.graph().event(id).kind == Kind::Wait
        {
            let loc = self.graph().event(id).loc;
            if self.locate(object, init, Some(loc)) != loc {
                return Some(self.departed(id, Kind::Wait, site));
            }
            self.replay(id, site);
        }
        None
    }

    /// The thread waits: it has asked for the first time, or in vain, or gives up.
    pub(super) fn wait_outside<R>(&mut self, read: Event, until: Until, site: Site) -> Step<R> {
        let loc = read.loc;
        if self.graph().wait_of(read.thread).is_none() || std::mem::take(&mut self.gives_up) {
            let rules = self.rules;
            self.search.add_wait(read, rules);
            if self.search.arrived() {
                return self.wait(Status::Frontier, site);
            }
            self.passed();
        }
        self.wait(Status::Until(loc, until), site)
    }

    /// No thread can go on. One that waits for a value may have read it before there was another.
    pub(super) fn give_up(&mut self) -> Option<ThreadId> {
        if self.config.mutation == Mutation::GivingUp {
            return None;
        }
        let may = |&thread: &ThreadId| match self.status(thread) {
            Some(Status::Until(loc, until)) => {
                let writes = &self.graph().places[loc as usize].co;
                (writes.iter()).any(|&write| self.ends_wait(thread, write, (loc, until)))
            }
            _ => false,
        };
        let next = self.ranking.iter().map(|&(_, t)| t).find(may);
        self.gives_up = next.is_some();
        next
    }
}
