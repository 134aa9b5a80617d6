//! Plain memory, checked for data races.
//!
//! Accesses to cells are not events. Each cell keeps, for every thread, where
//! its last read and its last write were; an access is checked against those of
//! the other threads by happens-before. Since runs are linearisations of
//! `porf`, which holds hb, an earlier access of the run can only be before.

use std::panic::Location;

use crate::report::{Failure, FailureKind};
use crate::run::coroutine::suspend;
use crate::run::object::Object;
use crate::run::session::{self, Session};

type Site = &'static Location<'static>;

/// The last read and the last write of each thread: how many events the thread
/// had then, and where.
#[derive(Debug, Default)]
pub(crate) struct CellState {
    last: Vec<[Option<(u32, Site)>; 2]>,
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
    if std::thread::panicking() {
        return;
    }
    let failed = session::with(|s| {
        if s.probe.is_none() {
            s.cell_access(object, write, site);
        }
        s.failure.is_some()
    });
    if failed {
        suspend();
    }
}

impl Session {
    fn cell_access(&mut self, object: &Object, write: bool, site: Site) {
        let thread = self.current;
        self.check_birth(object, site);
        let id = object.bound(self.run).unwrap_or_else(|| {
            let id = self.cells.len() as u32;
            self.cells.push(CellState::default());
            object.bind(self.run, id);
            id
        });
        let mut race = None;
        for (other, last) in self.cells[id as usize].last.iter().enumerate() {
            let other = other as u32;
            if other == thread || *last == [None; 2] {
                continue;
            }
            let known = self.knows(thread, other);
            let before = |access: &Option<(u32, Site)>| access.is_none_or(|(at, _)| known > at);
            for (theirs, access) in last.iter().enumerate() {
                if (write || theirs == 1) && !before(access) {
                    race = Some((other, theirs == 1, access.expect("an access").1));
                }
            }
        }
        if let Some((other, theirs, where_)) = race {
            let name = |write| if write { "writes" } else { "reads" };
            let text = format!(
                "thread {thread} {} a cell at {site}, and thread {other} {} it at {where_}; \
                 nothing orders the two",
                name(write),
                name(theirs)
            );
            self.fail(Failure::new(FailureKind::DataRace, text));
            return;
        }
        let at = self.threads[thread as usize].pos as u32;
        let last = &mut self.cells[id as usize].last;
        if last.len() <= thread as usize {
            last.resize(thread as usize + 1, [None; 2]);
        }
        last[thread as usize][usize::from(write)] = Some((at, site));
    }
}
