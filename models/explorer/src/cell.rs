//! Plain memory, checked for data races.
//!
//! Accesses to cells are not events. Each cell keeps, for every thread, where
//! its last read and its last write were; an access is checked against those of
//! the other threads by happens-before. Since runs are linearisations of
//! `porf`, which holds hb, an earlier access of the run can only be before.
//!
//! What a destructor does may belong to several threads at once: see
//! [`alloc::late`](crate::alloc).

use std::panic::Location;

use crate::report::{Failure, FailureKind};
use crate::run::coroutine::suspend;
use crate::run::object::Object;
use crate::run::session::{self, Phase, Probe, Session};

type Site = &'static Location<'static>;

/// What is done to plain memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Read,
    Write,
    /// Ends its life; a write, as far as races go.
    Free,
}

impl Act {
    fn verb(self) -> &'static str {
        match self {
            Act::Read => "reads",
            Act::Write => "writes",
            Act::Free => "frees",
        }
    }
}

/// A place in a run: a thread, how many events it had then, and how many such
/// places there were before in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) thread: u32,
    pub(crate) at: u32,
    pub(crate) tick: u64,
}

/// An access: when, and where in the program.
type Access = Option<(Moment, Site)>;

/// The last read and the last write of each thread, and the end.
#[derive(Debug, Default)]
pub(crate) struct CellState {
    last: Vec<[Access; 2]>,
    pub(crate) freed: Option<(u32, Site)>,
    /// An access to it was in a destructor that belongs to several moments.
    late: bool,
}

impl CellState {
    /// An access that nothing orders with one that is made now.
    fn conflict(&self, session: &Session, write: bool) -> Option<(Moment, Act, Site)> {
        let mut race = None;
        for last in &self.last {
            for (kind, access) in last.iter().enumerate() {
                let Some((moment, site)) = *access else {
                    continue;
                };
                if (write || kind == 1) && !session.ordered(moment) {
                    let freed = kind == 1 && self.freed.is_some_and(|(_, freed)| freed == site);
                    let act = [Act::Read, Act::Write][kind];
                    race = Some((moment, if freed { Act::Free } else { act }, site));
                }
            }
        }
        race
    }

    /// Whether the thread has made such an access since its last event, so that a check of another
    /// one would be the same: what others have done meanwhile was checked against that one (the
    /// epochs of FastTrack; Flanagan, Freund, PLDI 2009).
    fn is_noted(&self, (thread, at): (u32, u32), write: bool) -> bool {
        let last = self.last.get(thread as usize);
        let last = last.and_then(|last| last[usize::from(write)]);
        !self.late && self.freed.is_none() && last.is_some_and(|(before, _)| before.at == at)
    }

    fn note(&mut self, moment: Moment, write: bool, site: Site) {
        let thread = moment.thread as usize;
        if self.last.len() <= thread {
            self.last.resize(thread + 1, [None; 2]);
        }
        let last = &mut self.last[thread][usize::from(write)];
        if last.is_none_or(|(before, _)| before.tick <= moment.tick) {
            *last = Some((moment, site));
        }
    }
}

/// The cells of a run. What they have taken of memory is there for those of the next one.
#[derive(Default)]
pub(crate) struct Cells {
    states: Vec<CellState>,
    /// How many there are in this run.
    count: usize,
}

impl Cells {
    /// A run begins.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }

    /// A cell that was not accessed yet; answers its number.
    fn add(&mut self) -> u32 {
        match self.states.get_mut(self.count) {
            Some(state) => {
                state.last.clear();
                (state.freed, state.late) = (None, false);
            }
            None => self.states.push(CellState::default()),
        }
        self.count += 1;
        self.count as u32 - 1
    }
}

/// Plain memory in the manner of `loom::cell::UnsafeCell`.
#[derive(Debug, Default)]
pub struct UnsafeCell<T: ?Sized> {
    object: Object,
    data: std::cell::UnsafeCell<T>,
}

// SAFETY: the threads of a model run on one OS thread, one at a time; a model
// does not share a cell with another one. Accesses of model threads that nothing
// orders are found and end the run before the closure gets the pointer.
unsafe impl<T: ?Sized + Send> Sync for UnsafeCell<T> {}

impl<T> UnsafeCell<T> {
    /// A cell.
    pub fn new(data: T) -> UnsafeCell<T> {
        UnsafeCell {
            object: Object::new(),
            data: std::cell::UnsafeCell::new(data),
        }
    }

    /// The content.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// Reads: calls `f` with a pointer that must only be read through.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        let site = Location::caller();
        access(&self.object, false, site);
        let result = f(self.data.get());
        access(&self.object, false, site);
        result
    }

    /// Writes: calls `f` with a pointer.
    #[track_caller]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        let site = Location::caller();
        access(&self.object, true, site);
        let result = f(self.data.get());
        access(&self.object, true, site);
        result
    }

    /// The content, to its only owner.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

/// Checks an access to plain memory, and notes it.
pub fn access(object: &Object, write: bool, site: Site) {
    checked(write, |s| s.cell_access(object, write, site));
}

/// As [`access`], to the content of a lock: whether that is changed, its guard tells.
pub(crate) fn enter(object: &Object, write: bool, site: Site) {
    checked(false, |s| s.cell_access(object, write, site));
}

/// The content of a lock may be changed.
pub(crate) fn changes() {
    if session::whereabouts().is_some() {
        session::with(Session::has_effect);
    }
}

/// Does something in a run that goes on, which may be an effect; a failure ends the run.
pub(crate) fn checked(effect: bool, f: impl FnOnce(&mut Session)) {
    if session::unwinding() {
        return;
    }
    let failed = session::with(|s| {
        if s.probe.is_none() {
            f(s);
        } else if effect {
            s.has_effect();
        }
        s.failure.is_some() || s.repeat.is_some() && s.probe == Some(Probe::Free)
    });
    if failed && session::phase() == Phase::Running {
        suspend();
    }
}

impl Session {
    fn cell_access(&mut self, object: &Object, write: bool, site: Site) {
        let bound = object.bound(self.run);
        if let Some(id) = bound
            && self.heap.late().is_none()
        {
            let at = self.threads[self.current as usize].pos as u32;
            if self.cells.states[id as usize].is_noted((self.current, at), write) {
                return;
            }
        }
        self.check_birth(object, site);
        let id = bound.unwrap_or_else(|| {
            let id = self.cells.add();
            object.bind(self.run, id);
            id
        });
        let mut state = std::mem::take(&mut self.cells.states[id as usize]);
        let act = if write { Act::Write } else { Act::Read };
        self.access(&mut state, None, act, site);
        self.cells.states[id as usize] = state;
    }

    /// Checks an access, and notes it. `made` is where the memory was allocated.
    pub(crate) fn access(
        &mut self,
        state: &mut CellState,
        made: Option<Site>,
        act: Act,
        site: Site,
    ) {
        let what = || made.map_or("a cell".into(), |made| format!("what was made at {made}"));
        let (thread, verb) = (self.current, act.verb());
        let failure = if let (Act::Free, Some((other, freed))) = (act, state.freed) {
            let text = format!(
                "thread {thread} frees {} at {site}, and thread {other} has freed it at {freed}",
                what()
            );
            Some((FailureKind::DoubleFree, text))
        } else if let Some((other, theirs, there)) = state.conflict(self, act != Act::Read) {
            let text = format!(
                "thread {thread} {verb} {} at {site}, and thread {} {} it at {there}; nothing \
                 orders the two",
                what(),
                other.thread,
                theirs.verb()
            );
            Some((FailureKind::DataRace, text))
        } else if let Some((other, freed)) = state.freed {
            let text = format!(
                "thread {thread} {verb} {} at {site}, after thread {other} has freed it at {freed}",
                what()
            );
            Some((FailureKind::UseAfterFree, text))
        } else {
            None
        };
        if let Some((kind, text)) = failure {
            self.fail(Failure::new(kind, text));
            return;
        }
        let now = self.now();
        match self.heap.late() {
            None => state.note(now, act != Act::Read, site),
            Some(late) => {
                state.late = true;
                for &moment in &late.last {
                    state.note(moment, act != Act::Read, site);
                }
            }
        }
        if act == Act::Free {
            state.freed = Some((thread, site));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::UnsafeCell;
    use crate::sync::atomic::AtomicBool;
    use crate::sync::atomic::Ordering::{Acquire, Release};
    use crate::{Builder, FailureKind, thread};

    /// Reads twice, with a store between, after which another thread writes.
    fn reads_twice(again: bool) -> Option<FailureKind> {
        let report = Builder::new().check(move || {
            let shared = Arc::new((UnsafeCell::new(0), AtomicBool::new(false)));
            let theirs = shared.clone();
            thread::spawn(move || {
                let (cell, flag) = &*theirs;
                for _ in 0..2 {
                    // SAFETY: checked by the model.
                    assert_eq!(cell.with(|word| unsafe { *word }), 0);
                }
                flag.store(true, Release);
                if again {
                    cell.with(|_| ());
                }
            });
            let (cell, flag) = &*shared;
            if flag.load(Acquire) {
                // SAFETY: checked by the model.
                cell.with_mut(|word| unsafe { *word = 1 });
            }
        });
        report.failure().map(|failure| failure.kind)
    }

    #[test]
    fn an_access_after_an_event_is_checked_anew() {
        assert_eq!(reads_twice(false), None);
        assert_eq!(reads_twice(true), Some(FailureKind::DataRace));
    }
}
