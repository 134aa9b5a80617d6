//! Execution graphs.
//!
//! A graph holds the events of one execution (or of a part of one, closed
//! under `porf = (po | rf)+`), in the order in which they were added.
//!
//! # Invariants
//! - G1. An event's id is its place in the order of addition, `<G`.
//! - G2. A thread's events are numbered without gaps, in program order, and
//!   that order agrees with `<G`.
//! - G3. The write that a read reads from is in the graph, or is `INIT`. It may
//!   have been added after the read: then the read was revisited.
//! - G4. `co` of a location lists its writes without the initial one. *Position*
//!   `p` of a location is the initial write for `p = 0`, else `co[p - 1]`.
//! - G5. The write of a read-modify-write stands directly after the write that
//!   its read reads from, in `co` (atomicity).
//! - G6. Clock rows count, per thread, the events in the hb- or porf-prefix of
//!   an event, itself included. They never change once the event is added,
//!   except for the read that a revisit changes; it has no successor then.
//! - G7. A wait is entered, and its mutex released, by two writes that are one step:
//!   between them nothing is added but writes that are owed as the second is.

pub mod clock;
pub mod coherence;
pub mod event;
pub mod restrict;

use smallvec::SmallVec;

use clock::{ClockTable, Row};
use event::{Event, EventId, INIT, Kind, LocId, ThreadId};

use crate::mutation::Mutation;

/// Events of one location. Most have few, which take no more room than what tells where more are,
/// and a graph is copied often.
pub type Few = SmallVec<[EventId; 4]>;

/// What is known of one location.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The writes, oldest first, without the initial one.
    pub co: Few,
    /// The reads, in the order of addition.
    pub reads: Few,
    /// The initial value.
    pub init: u64,
    /// What the program calls it.
    pub name: Option<&'static str>,
}

impl Place {
    /// The position of a write (G4).
    #[inline]
    pub fn position(&self, write: EventId) -> usize {
        if write == INIT {
            return 0;
        }
        self.co
            .iter()
            .rposition(|&w| w == write)
            .expect("a placed write")
            + 1
    }

    /// The write at a position.
    #[inline]
    pub fn at(&self, position: usize) -> EventId {
        if position == 0 {
            INIT
        } else {
            self.co[position - 1]
        }
    }
}

/// An execution graph.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The events, in the order of addition.
    pub events: Vec<Event>,
    /// Per thread, its events in program order.
    pub threads: Vec<Vec<EventId>>,
    /// Per thread, the event that spawned it.
    pub births: Vec<EventId>,
    /// Per location, its writes and reads.
    pub places: Vec<Place>,
    /// How many events are sequentially consistent.
    pub seq_cst: usize,
    pub(crate) clocks: ClockTable,
}

impl Graph {
    /// The number of events.
    #[inline]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Has it no event?
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// One event.
    #[inline]
    pub fn event(&self, id: EventId) -> &Event {
        &self.events[id as usize]
    }

    /// The number of events of a thread.
    #[inline]
    pub fn thread_len(&self, thread: ThreadId) -> usize {
        self.threads.get(thread as usize).map_or(0, Vec::len)
    }

    /// The value that a write gave to a location.
    #[inline]
    pub fn written(&self, loc: LocId, write: EventId) -> u64 {
        if write == INIT {
            self.places[loc as usize].init
        } else {
            self.event(write).value
        }
    }

    /// The value that a read returns, or that a write or a choice holds.
    pub fn value(&self, id: EventId) -> u64 {
        let event = self.event(id);
        if event.is_read() {
            self.written(event.loc, event.rf)
        } else {
            event.value
        }
    }

    /// Is it the read of a read-modify-write that has written?
    #[inline]
    pub fn updates(&self, read: EventId) -> bool {
        let event = self.event(read);
        event.rmw
            && self.threads[event.thread as usize]
                .get(event.index as usize + 1)
                .is_some_and(|&next| {
                    let next = self.event(next);
                    next.rmw && next.is_write()
                })
    }

    /// The first event of the step that an event belongs to. A step is one event, but
    /// for that which enters a wait and releases its mutex.
    #[inline]
    pub(crate) fn step(&self, id: EventId) -> EventId {
        let event = self.event(id);
        if event.ends_step() && self.clocks.mutation != Mutation::Step {
            self.predecessor(event.thread, event.index)
        } else {
            id
        }
    }

    /// The second event of a step, by the first.
    #[inline]
    pub(crate) fn second_of_step(&self, first: EventId) -> Option<EventId> {
        let event = self.event(first);
        if !event.order.is_condvar() || !event.is_write() {
            return None;
        }
        let next = self.threads[event.thread as usize].get(event.index as usize + 1);
        next.copied().filter(|&next| self.event(next).ends_step())
    }

    /// The last event of a thread, if it waits for a value.
    pub(crate) fn wait_of(&self, thread: ThreadId) -> Option<EventId> {
        let &last = self.threads.get(thread as usize)?.last()?;
        (self.event(last).kind == Kind::Wait).then_some(last)
    }

    /// Was a write not there when the thread began to wait, if it does?
    #[inline]
    pub(crate) fn is_news(&self, thread: ThreadId, write: EventId) -> bool {
        (self.wait_of(thread)).is_none_or(|wait| write != INIT && write > wait)
    }

    /// Is `a` in the hb-prefix of `b`, or `b` itself?
    #[inline]
    pub fn hb_before(&self, a: EventId, b: EventId) -> bool {
        let a = self.event(a);
        self.clocks.row(b, Row::Hb)[a.thread as usize] > a.index
    }

    /// Is `a` in the porf-prefix of `b`, or `b` itself?
    #[inline]
    pub fn porf_before(&self, a: EventId, b: EventId) -> bool {
        let a = self.event(a);
        self.clocks.row(b, Row::Porf)[a.thread as usize] > a.index
    }

    /// The last of the first `len` events that is not in the porf-prefix of `event`.
    pub(crate) fn last_outside(&self, event: EventId, len: EventId) -> Option<EventId> {
        let known = self.clocks.row(event, Row::Porf);
        let outside = |e: &Event| known[e.thread as usize] <= e.index;
        let last = self.events[..len as usize].iter().rposition(outside);
        last.map(|at| at as EventId)
    }

    /// The event before this one in its thread, or the one that spawned it.
    #[inline]
    pub(crate) fn predecessor(&self, thread: ThreadId, index: u32) -> EventId {
        if index > 0 {
            self.threads[thread as usize][index as usize - 1]
        } else {
            self.births.get(thread as usize).copied().unwrap_or(INIT)
        }
    }

    /// Makes room for a thread.
    pub fn ensure_thread(&mut self, thread: ThreadId) {
        let count = thread as usize + 1;
        if self.threads.len() < count {
            self.threads.resize_with(count, Vec::new);
            self.births.resize(count, INIT);
        }
        self.clocks.widen(count);
    }

    /// Adds an event at the end of its thread. Writes are not placed in `co`
    /// yet: see [`Graph::place`].
    pub fn push(&mut self, mut event: Event) -> EventId {
        self.ensure_thread(event.thread);
        if let Kind::Spawn(child) = event.kind {
            self.ensure_thread(child);
        }
        let id = self.len() as EventId;
        let thread = event.thread as usize;
        debug_assert_eq!(event.index as usize, self.threads[thread].len());
        let before = self.predecessor(event.thread, event.index);
        event.release_fence = if event.index > 0 {
            self.event(before).release_fence
        } else {
            0
        };
        if event.kind == Kind::Fence && event.order.releases() {
            event.release_fence = event.index + 1;
        }
        match event.kind {
            Kind::Read => self.places[event.loc as usize].reads.push(id),
            Kind::Spawn(child) => self.births[child as usize] = id,
            _ => {}
        }
        self.seq_cst += usize::from(event.order.is_seq_cst());
        self.threads[thread].push(id);
        self.events.push(event);
        self.clocks.push_row();
        self.compute_clocks(id);
        id
    }

    /// Places a write in `co`, directly after `position`.
    pub fn place(&mut self, write: EventId, position: usize) {
        let loc = self.event(write).loc as usize;
        self.places[loc].co.insert(position, write);
    }

    /// Takes a write out of `co` again.
    pub fn unplace(&mut self, write: EventId) {
        let loc = self.event(write).loc as usize;
        if let Some(at) = self.places[loc].co.iter().rposition(|&w| w == write) {
            self.places[loc].co.remove(at);
        }
    }

    /// Removes the last event.
    pub fn pop(&mut self) {
        let id = self.len() as EventId - 1;
        if self.event(id).is_write() {
            self.unplace(id);
        }
        let event = self.events.pop().expect("an event to remove");
        self.seq_cst -= usize::from(event.order.is_seq_cst());
        self.threads[event.thread as usize].pop();
        match event.kind {
            Kind::Read => {
                self.places[event.loc as usize].reads.pop();
            }
            Kind::Spawn(child) => self.births[child as usize] = INIT,
            _ => {}
        }
        self.clocks.pop_row();
    }

    /// Keeps the first `len` events.
    pub fn truncate(&mut self, len: usize) {
        while self.len() > len {
            self.pop();
        }
    }
}
