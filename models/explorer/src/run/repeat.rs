//! Has an iteration of a loop that waits no effect?
//!
//! A thread that comes to `spin` is cut there: nothing more of it happens in the graph at
//! hand, and other graphs have it read something else. That loses nothing if the iteration
//! leaves everything as it was. The program says so, and is not believed. Whenever a
//! thread is cut, it goes on for some iterations whose every operation is answered as in
//! the last one. They have no effect if
//!
//! - W1. each comes back to the same `spin` by the same operations, at the same places of the
//!   program, and these are the last ones that the thread has done;
//! - W2. they write nothing, except that a read-modify-write may write what it has read, and
//!   that a mutex or a read-write lock that no thread tries to take may be taken and left;
//!   they start no thread, create and free nothing, and write to no cell and no content of a
//!   lock;
//! - W3. the thread's stack is the same, byte by byte, at the end of two of them in a row.
//!
//! Where one of these does not hold, the first `spin` of a thread at that place is a step
//! like any other, and then each one there; the search starts again with it. So a loop
//! that gives up is followed until it does.
//!
//! That says nothing of the iteration that is repeated, the last one that the thread has
//! done: "it has waited" may be what it leaves. So the thread goes on, and is cut only if
//!
//! - W4. the thread came to the last iteration from a `spin` as well, with a stack that is
//!   the same, byte by byte, after as many repetitions; or
//! - W5. the thread's stack is the same, byte by byte, when it comes to the last iteration and
//!   when it comes back there: see `run::heads`. Only [`Reduce::loops`](crate::Reduce::loops)
//!   goes by that.
//!
//! So the first iteration of a loop without W5 is followed, and each one that reads something
//! else than the one before it. An execution with such an iteration is moot where it does not
//! fail: without its iterations, it is another one, which counts. `ops::spin_again` is
//! without W4 and W5, for loops of this crate.
//!
//! Why that is enough: take an execution in which the thread has done two such iterations, and
//! leave the second out. What others read from a write of it they read from the one that
//! it has repeated; so all values are the same, and happens-before has not grown. A failure
//! is still one.
//!
//! # Gaps
//! - What a thread keeps elsewhere than on its stack is not compared. So the first time that
//!   it is cut at a place, it has to come back as often as a thread may have events.
//! - What a later iteration leaves elsewhere than on the stack is not seen, if it shows only
//!   after the loop: that a thread has waited is, how often it has is not.
//! - By W5, neither does one see all of what the first iteration leaves elsewhere: see `run::heads`.

use std::panic::Location;

use super::assume::Assumption;
use super::coroutine::Frames;
use super::object::Object;
use super::session::{Probe, Session};
use super::step::{Role, Site, Step};
use crate::graph::event::{Condition, EventId, Gate, Kind, LocId};
use crate::search::forward::Update;

/// How often a thread comes back at least.
const PASSES: usize = 3;

/// What was asked for.
type Asked = (Kind, LocId, Site);

/// A thread that repeats its last iteration.
#[derive(Debug, Default)]
pub(crate) struct Repeat {
    /// What was asked for in this iteration.
    asked: Vec<Asked>,
    /// How many events an iteration has; not known in the first.
    pub(super) length: Option<usize>,
    /// The locks that it has taken and not left.
    held: Vec<LocId>,
    /// It has done what no graph shows.
    effect: bool,
    /// The iterations so far.
    passes: usize,
    /// The stack at the end of the last one, and whether it was the same before.
    frames: Frames,
    same: bool,
    /// Where the first operation of an iteration is, and the stack when it was asked for
    /// first.
    pub(super) first: Option<Site>,
    pub(super) head: Option<Frames>,
}

/// The waiting that a thread has done, and does.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// Nothing but what is repeated needs a proof: see `ops::spin_again`.
    pub(crate) trusted: bool,
    /// Its events when it was at a head last, and its stack there.
    pub(super) head: Option<(usize, Frames)>,
    /// It was cut because it came back to a head.
    pub(super) early: bool,
    /// Its events at the last `spin` that it went on from, and its stack there.
    last: Option<(usize, Frames)>,
    /// Goes on from a `spin`.
    pub(super) on: bool,
    /// The places where it has done its first `spin`; see `Assumption::SpinsFirst`.
    firsts: Vec<u64>,
    /// How often it has, apart from the iteration before the one that it is cut in.
    pub(super) gone_on: usize,
}

impl Waits {
    /// A thread is at a `spin`, after so many events: an iteration that was found to have no
    /// effect when it is repeated. Has the last one had none either, or has it led the thread
    /// back to the head of its loop as it was there? Else the thread goes on.
    pub(crate) fn is_over(&mut self, events: usize, repeat: Repeat, returns: bool) -> bool {
        let length = repeat.length.unwrap_or_default();
        let before = self.last.replace((events, repeat.frames));
        if self.trusted {
            return true;
        }
        let is_over = before.is_some_and(|(at, frames)| {
            at + length == events && Some(&frames) == self.last.as_ref().map(|last| &last.1)
        });
        if is_over {
            self.gone_on -= 1;
        } else if returns {
            return true;
        } else {
            self.gone_on += 1;
            self.on = true;
        }
        is_over
    }

    /// Is this the first `spin` of the thread at a place?
    pub(super) fn is_first(&mut self, name: u64) -> bool {
        let is_first = !self.firsts.contains(&name);
        if is_first {
            self.firsts.push(name);
        }
        is_first
    }

    /// Does the thread go on from the `spin` that it asks for again?
    pub(super) fn goes_on(&mut self) -> bool {
        std::mem::take(&mut self.on)
    }
}

impl Repeat {
    /// Comes back to the head of its loop for the first time.
    pub(super) fn returns(&self) -> bool {
        self.passes == 0 && self.asked.is_empty()
    }
}

/// What is to be done with a thread that repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not known yet.
    Again,
    /// The iteration has no effect.
    Proved,
    /// It may have one.
    Refuted,
}

impl Session {
    /// Begins to repeat.
    pub(crate) fn repeat(&mut self) {
        self.repeat = Some(Repeat::default());
    }

    /// The event by which an operation was answered in the last iteration.
    fn answer(&mut self, kind: Kind, loc: LocId, site: Site) -> Option<EventId> {
        let repeat = self.repeat.as_mut()?;
        repeat.asked.push((kind, loc, site));
        // The thread may have been here before, and gone on.
        let pos = self.threads[self.current as usize].pos;
        let events = &self.search.graph.threads[self.current as usize][..pos];
        let graph = &self.search.graph;
        let is = |at: usize, asked: &Asked| {
            let event = graph.event(events[at]);
            let located = matches!(event.kind, Kind::Read | Kind::Write);
            event.kind == asked.0
                && (!located || event.loc == asked.1)
                && same_place(event.site, asked.2)
        };
        let count = repeat.asked.len();
        let begins = |at: &usize| (repeat.asked.iter().zip(*at..)).all(|(asked, at)| is(at, asked));
        let first = match repeat.length {
            Some(length) if count > length => None,
            Some(length) => events.len().checked_sub(length).filter(begins),
            None => (0..(events.len() + 1).checked_sub(count)?)
                .rev()
                .find(begins),
        };
        Some(events[first? + count - 1])
    }

    /// The operation has an effect, or is another one than before.
    fn refute<R>(&mut self) -> Step<R> {
        self.probe = Some(Probe::Free);
        Step::Wait
    }

    /// Something that no graph shows is done: an effect, if a thread repeats.
    pub(crate) fn has_effect(&mut self) {
        if let Some(repeat) = &mut self.repeat {
            repeat.effect = true;
            self.probe = Some(Probe::Free);
        }
    }

    /// A fence, or a choice.
    pub(super) fn repeat_plain(&mut self, kind: Kind, site: Site) -> Step<u64> {
        match self.answer(kind, 0, site) {
            Some(event) => Step::Done(self.graph().event(event).value),
            None => self.refute(),
        }
    }

    /// A read, or a read-modify-write that writes what it has read.
    pub(super) fn repeat_read(
        &mut self,
        object: &Object,
        update: &mut Update<'_>,
        site: Site,
    ) -> Step<(u64, Option<u64>, bool)> {
        let Some(loc) = object.bound(self.run) else {
            return self.refute();
        };
        let Some(event) = self.answer(Kind::Read, loc, site) else {
            return self.refute();
        };
        let old = self.graph().written(loc, self.graph().event(event).rf);
        if update.waits(old) {
            return self.refute();
        }
        match update.apply(old) {
            None => Step::Done((old, None, false)),
            Some(new) => {
                let takes =
                    update.condition() == Condition::Gate(Gate::Free) && (old, new) == (0, 1);
                if !(new == old || takes && !self.seen.contains(&Assumption::TryLocks))
                    || self.answer(Kind::Write, loc, site).is_none()
                {
                    return self.refute();
                }
                if let Some(repeat) = self.repeat.as_mut().filter(|_| takes) {
                    repeat.held.push(loc);
                }
                Step::Done((old, Some(new), true))
            }
        }
    }

    /// A write: of a lock that is left, or an effect.
    pub(super) fn repeat_write(&mut self, object: &Object, role: Role, site: Site) -> Step<()> {
        let held = self.repeat.as_mut().map(|repeat| &mut repeat.held);
        let taken = object.bound(self.run).zip(held).and_then(|(loc, held)| {
            let at = held.iter().rposition(|&taken| taken == loc)?;
            Some(held.remove(at))
        });
        match taken.filter(|_| role == Role::Unlock) {
            Some(loc) if self.answer(Kind::Write, loc, site).is_some() => Step::Done(()),
            _ => self.refute(),
        }
    }

    /// Has a thread gone on from a `spin` whose iteration may have been left out?
    pub(crate) fn has_waited(&self) -> bool {
        self.threads.iter().any(|thread| thread.waits.gone_on > 0)
    }

    /// The thread is at a `spin` again.
    pub(super) fn repeat_spin(&mut self, site: Site) {
        let waits = self.threads[self.current as usize].site;
        let back = waits.is_some_and(|waits| same_place(waits, site));
        self.probe = Some(if back { Probe::Stuck } else { Probe::Free });
    }

    /// An iteration is over. Is that enough?
    pub(crate) fn judge_repeat(&mut self, thread: u32, frames: Frames) -> Verdict {
        let came_back = self.probe == Some(Probe::Stuck);
        let most = self.config.max_events.max(PASSES);
        let events = self.threads[thread as usize].pos;
        let (Some(repeat), Some(site)) = (&mut self.repeat, self.threads[thread as usize].site)
        else {
            return Verdict::Refuted;
        };
        let length = *repeat.length.get_or_insert(repeat.asked.len());
        let restored = repeat.held.is_empty() && !repeat.effect;
        if !came_back || !restored || length != repeat.asked.len() || length > events {
            return Verdict::Refuted;
        }
        if repeat.passes == 0 {
            repeat.first = repeat.asked.first().map(|asked| asked.2);
        }
        repeat.asked.clear();
        repeat.passes += 1;
        // The first was answered by a guess of its length.
        repeat.same = repeat.passes > 2 && repeat.frames == frames;
        repeat.frames = frames;
        let least = if self.proved.contains(&name(site)) {
            PASSES
        } else {
            most
        };
        if repeat.passes >= least && repeat.same {
            self.proved.insert(name(site));
            Verdict::Proved
        } else if repeat.passes > most {
            Verdict::Refuted
        } else {
            Verdict::Again
        }
    }
}

fn same_place(a: Site, b: Site) -> bool {
    std::ptr::eq(a, b) || (a.line(), a.column(), a.file()) == (b.line(), b.column(), b.file())
}

/// A name for a place of the program, the same in all processes (FNV-1a).
pub(crate) fn name(site: &Location<'_>) -> u64 {
    let numbers = [site.line(), site.column()].map(u32::to_le_bytes);
    let bytes = site.file().bytes().chain(numbers.into_iter().flatten());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
