//! A lock that is released while another thread waits for it.
//!
//! A thread that waits has read a held word `L` by its last event `R`. When the
//! release `U` is added, the plain algorithm goes on in two ways: `U` revisits
//! `R`, or `R` keeps reading `L`. In the second, the thread waits for something
//! that has come; no execution that completes looks like that, unless a later
//! revisit deletes `R` or `U`. If `R` was itself revisited by `L` (`R <G L`), and
//! every read added between `R` and `U` is in the porf-prefix of `L`, none can.
//! To delete `U` alone, it would revisit one of those reads, and so delete `L`.
//! To delete `R`, by a write `a`:
//!
//! - it must keep `L` in the porf-prefix of `a`:
//!   were `L` deleted, it would not be maximal, for `R` was added earlier and
//!   reads from it;
//! - but not `U`: else `R` would not be maximal, nor would it be itself the read
//!   to revisit;
//! - so `porf` must lead from `L` to `a` past `U`. Nothing that waits for the
//!   lock leads on, and no thread tries it (an assumption); so the owner must
//!   write an atomic, or spawn, between `L` and `U`.
//!
//! If the owner does neither, the second way is left out. And if the revisit
//! deletes nothing, the run goes on with it at once. `U` then leaves no other
//! alternative: it can stand nowhere but after `L`, and another read that it could
//! revisit would have been added before `R`, hence before `L`, and so would read
//! from an older write. `L`, which is in the porf-prefix of `U`, then makes it not
//! maximal.

use super::assume::Assumption;
use super::session::{Session, Status};
use crate::graph::event::{EventId, Kind};

impl Session {
    /// Looks at what the write `release`, which was just added, means to threads
    /// that wait.
    pub(super) fn hand_over(&mut self, release: EventId) {
        if self.seen.contains(&Assumption::TryLocks) || !self.leads_nowhere(release) {
            return;
        }
        if let Some(thread) = self.take_over() {
            // The waiting thread asks again, and is answered by the graph.
            let state = &mut self.threads[thread as usize];
            state.pos -= 1;
            state.status = Some(Status::Ready);
            self.remaining += 1;
        } else {
            self.dead = true;
        }
    }

    fn leads_nowhere(&self, release: EventId) -> bool {
        let graph = self.graph();
        let event = graph.event(release);
        let place = &graph.places[event.loc as usize];
        let position = place.position(release);
        if position < 2 || position != place.co.len() {
            return false;
        }
        let held = place.at(position - 1);
        let owner = graph.event(held);
        if owner.thread != event.thread {
            return false;
        }
        // The last thread to wait has the fewest events between it and the release.
        let waits = place.reads.iter().rev().copied().find(|&read| {
            let r = graph.event(read);
            let state = &self.threads[r.thread as usize];
            read < held
                && r.rf == held
                && state.status == Some(Status::Await)
                && state.pos == r.index as usize + 1
        });
        let Some(waits) = waits else { return false };
        let kept = |e: EventId| !graph.event(e).is_read() || graph.porf_before(e, held);
        let section = owner.index as usize + 1..event.index as usize;
        (waits + 1..release).all(kept)
            && graph.threads[event.thread as usize][section]
                .iter()
                .all(|&e| !matches!(graph.event(e).kind, Kind::Write | Kind::Spawn(_)))
    }

    /// Goes on with a backward revisit that was just left, if it deletes nothing
    /// and its thread waits. Answers the thread.
    fn take_over(&mut self) -> Option<u32> {
        let graph = self.graph();
        let last = graph.len() as EventId - 1;
        let read = self.search.only_revisit()?;
        let full = (read + 1..last).all(|e| graph.porf_before(e, last));
        let read = graph.event(read);
        let thread = read.thread;
        let state = &self.threads[thread as usize];
        let waits = state.status == Some(Status::Await) && state.pos == read.index as usize + 1;
        if !full || !waits {
            return None;
        }
        self.search.take();
        Some(thread)
    }
}
