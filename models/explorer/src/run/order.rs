//! The order of events in the run at hand: which one is before which.

use std::panic::Location;

use super::object::Object;
use super::session::Session;
use crate::graph::clock::Row;
use crate::graph::event::{EventId, INIT, ThreadId};
use crate::report::{Failure, FailureKind};

impl Session {
    /// Has an event of the graph been asked for in this run?
    pub(crate) fn replayed(&self, id: EventId) -> bool {
        id == INIT || {
            let event = self.graph().event(id);
            self.threads
                .get(event.thread as usize)
                .is_some_and(|thread| thread.pos > event.index as usize)
        }
    }

    /// How many events of `other` happen before what `thread` does now.
    pub(crate) fn knows(&self, thread: ThreadId, other: ThreadId) -> u32 {
        if let Some(late) = self.heap.late() {
            return late.knows(other);
        }
        self.knew(thread, self.threads[thread as usize].pos as u32, other)
    }

    /// How many events of `other` happen before what `thread` did after `pos` events.
    pub(crate) fn knew(&self, thread: ThreadId, pos: u32, other: ThreadId) -> u32 {
        let last = self.graph().predecessor(thread, pos);
        if last == INIT {
            return 0;
        }
        self.graph()
            .clocks
            .row(last, Row::Hb)
            .get(other as usize)
            .copied()
            .unwrap_or(0)
    }

    /// The last write of an object, if there is one. Reports a thread that may yet write.
    pub(super) fn left(
        &mut self,
        object: &Object,
        site: &'static Location<'static>,
    ) -> Option<u64> {
        let here = (self.current, self.threads[self.current as usize].pos);
        if self.alone != Some(here) {
            let others = (0..self.threads.len() as ThreadId).filter(|&other| other != here.0);
            let is_joined = |other: &ThreadId| {
                let events = self
                    .graph()
                    .threads
                    .get(*other as usize)
                    .map_or(0, Vec::len);
                self.ended(*other) && self.knows(here.0, *other) as usize >= events
            };
            if let Some(other) = others.into_iter().find(|other| !is_joined(other)) {
                let text = format!(
                    "thread {} looks at {site} at what is left, and thread {other} is not joined: \
                     nothing orders what it may write",
                    here.0
                );
                self.fail(Failure::new(FailureKind::DataRace, text));
            }
            self.alone = Some(here);
        }
        let loc = object.bound(self.run)?;
        let &write = self.graph().places[loc as usize].co.last()?;
        Some(self.graph().event(write).value)
    }

    /// Is what the thread does now ordered after the creation of the object?
    pub(crate) fn sees_made(&self, object: &Object) -> bool {
        object.born_run != self.run
            || object.born_thread == self.current
            || self.knows(self.current, object.born_thread) > object.born_at
    }

    /// Reports an access that is not ordered after the creation of the object.
    pub(crate) fn check_birth(&mut self, object: &Object, site: &'static Location<'static>) {
        if !self.sees_made(object) {
            self.fail_unmade(object, site);
        }
    }

    /// Reports an access that nothing orders after the creation of the object.
    pub(crate) fn fail_unmade(&mut self, object: &Object, site: &'static Location<'static>) {
        let creator = object.born_thread;
        self.fail(Failure::race_with_creation(self.current, site, creator));
    }
}
