//! Vector clocks of events: happens-before, `porf`, and what a write releases.
//!
//! One table holds three rows for each event. A row counts, per thread, the
//! events of that thread which are in the prefix.
//!
//! - `Hb`: `hb = (po | sw | spawn | join)+`.
//! - `Porf`: `(po | rf | spawn | join)+`; `hb` is a part of it.
//! - `Released`: for a write, what an acquire side that reads it learns: the
//!   hb-prefix of the write itself if it is a release, of the last release
//!   fence before it, and, for a read-modify-write, what the write that it read
//!   from releases (C++20 release sequences). The words of condition variables release
//!   nothing.

use super::Graph;
use super::event::{EventId, INIT, Kind};
use crate::mutation::Mutation;

/// Which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Row {
    /// Happens-before.
    Hb = 0,
    /// Program order and reads-from.
    Porf = 1,
    /// What a write releases.
    Released = 2,
}

const ROWS: usize = 3;

/// The rows of all events of a graph.
#[derive(Clone, Debug, Default)]
pub struct ClockTable {
    cells: Vec<u32>,
    width: usize,
    events: usize,
    pub(crate) mutation: Mutation,
}

impl ClockTable {
    /// One row of one event.
    #[inline]
    pub fn row(&self, event: EventId, row: Row) -> &[u32] {
        let start = (event as usize * ROWS + row as usize) * self.width;
        &self.cells[start..start + self.width]
    }

    #[inline]
    fn start(&self, event: EventId, row: Row) -> usize {
        (event as usize * ROWS + row as usize) * self.width
    }

    /// Makes room for so many threads.
    pub(crate) fn widen(&mut self, threads: usize) {
        if threads <= self.width {
            return;
        }
        let width = threads.next_power_of_two().max(4);
        let mut cells = vec![0; self.events * ROWS * width];
        for row in 0..self.events * ROWS {
            let old = &self.cells[row * self.width..(row + 1) * self.width];
            cells[row * width..row * width + self.width].copy_from_slice(old);
        }
        self.cells = cells;
        self.width = width;
    }

    pub(crate) fn push_row(&mut self) {
        self.events += 1;
        self.cells.resize(self.events * ROWS * self.width, 0);
    }

    pub(crate) fn pop_row(&mut self) {
        self.events -= 1;
        self.cells.truncate(self.events * ROWS * self.width);
    }

    /// What the rows of one event take, in bytes.
    pub(crate) fn row_bytes(&self) -> usize {
        ROWS * self.width * size_of::<u32>()
    }

    fn clear(&mut self, event: EventId) {
        let start = self.start(event, Row::Hb);
        self.cells[start..start + ROWS * self.width].fill(0);
    }

    fn join(&mut self, into: (EventId, Row), from: (EventId, Row)) {
        let (into, from) = (self.start(into.0, into.1), self.start(from.0, from.1));
        for i in 0..self.width {
            self.cells[into + i] = self.cells[into + i].max(self.cells[from + i]);
        }
    }

    fn set(&mut self, event: EventId, row: Row, thread: usize, count: u32) {
        let start = self.start(event, row);
        self.cells[start + thread] = count;
    }

    /// A table with the rows of the kept events only.
    pub(crate) fn select(&self, kept: &[EventId]) -> ClockTable {
        let least = (kept.len() + 8) * ROWS * self.width;
        let mut cells = Vec::with_capacity(self.cells.capacity().max(least));
        for &event in kept {
            let start = self.start(event, Row::Hb);
            cells.extend_from_slice(&self.cells[start..start + ROWS * self.width]);
        }
        ClockTable {
            cells,
            width: self.width,
            events: kept.len(),
            mutation: self.mutation,
        }
    }
}

impl Graph {
    /// Computes the rows of an event from those of its predecessors.
    pub(crate) fn compute_clocks(&mut self, id: EventId) {
        let event = self.event(id).clone();
        let thread = event.thread as usize;
        let before = self.predecessor(event.thread, event.index);
        let clocks = &mut self.clocks;
        clocks.clear(id);
        if before != INIT {
            clocks.join((id, Row::Hb), (before, Row::Hb));
            clocks.join((id, Row::Porf), (before, Row::Porf));
        }
        clocks.set(id, Row::Hb, thread, event.index + 1);
        clocks.set(id, Row::Porf, thread, event.index + 1);
        match event.kind {
            Kind::Read if event.rf != INIT => {
                clocks.join((id, Row::Porf), (event.rf, Row::Porf));
                if event.order.acquires() {
                    clocks.join((id, Row::Hb), (event.rf, Row::Released));
                }
            }
            Kind::Write => {
                if event.order.releases() {
                    clocks.join((id, Row::Released), (id, Row::Hb));
                } else if event.release_fence > 0
                    && !event.order.is_condvar()
                    && clocks.mutation != Mutation::Fences
                {
                    let fence = self.threads[thread][event.release_fence as usize - 1];
                    clocks.join((id, Row::Released), (fence, Row::Hb));
                }
                if event.rmw && clocks.mutation != Mutation::ReleaseSequence {
                    let rf = self.events[before as usize].rf;
                    if rf != INIT {
                        clocks.join((id, Row::Released), (rf, Row::Released));
                    }
                }
            }
            Kind::Fence if event.order.acquires() => {
                for index in 0..event.index {
                    let read = self.threads[thread][index as usize];
                    let read = &self.events[read as usize];
                    if read.is_read() && read.rf != INIT {
                        clocks.join((id, Row::Hb), (read.rf, Row::Released));
                    }
                }
            }
            Kind::Join(child) => {
                if let Some(&end) = self.threads[child as usize].last() {
                    clocks.join((id, Row::Hb), (end, Row::Hb));
                    clocks.join((id, Row::Porf), (end, Row::Porf));
                }
            }
            _ => {}
        }
    }
}
