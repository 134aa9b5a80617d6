//! What a shared object knows of itself: which location it is in this run, and
//! where it was created.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// The identity of a shared object. It moves with the object; its location is
/// bound anew in every run, by the first access.
///
/// Two models that run at the same time must not share an object.
#[derive(Debug, Default)]
pub struct Object {
    /// The run in which it was bound, and the id it got.
    run: AtomicU64,
    id: AtomicU32,
    /// The run, the thread and the number of events of the thread at creation.
    pub(crate) born_run: u64,
    pub(crate) born_thread: u32,
    pub(crate) born_at: u32,
    /// Holds addresses, which differ from run to run.
    pub(crate) address: bool,
    /// What the program calls it, for reports.
    pub(crate) name: Option<&'static str>,
}

impl Object {
    /// An object that is there before the program starts: for statics.
    pub const fn eternal() -> Object {
        Object {
            run: AtomicU64::new(0),
            id: AtomicU32::new(0),
            born_run: 0,
            born_thread: 0,
            born_at: 0,
            address: false,
            name: None,
        }
    }

    /// An object created here. Inside a model, an access that is not ordered
    /// after the creation is a data race.
    pub fn new() -> Object {
        let mut object = Object::eternal();
        if let Some((run, thread, at)) = super::session::whereabouts() {
            (object.born_run, object.born_thread, object.born_at) = (run, thread, at);
        }
        object
    }

    /// An object that holds addresses: a run may write other values than the one
    /// before it.
    pub const fn of_addresses(mut self) -> Object {
        self.address = true;
        self
    }

    /// The same object with a name, by which reports call its location.
    pub const fn named(mut self, name: &'static str) -> Object {
        self.name = Some(name);
        self
    }

    /// What it is called.
    pub const fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// The id in this run.
    pub(crate) fn bound(&self, run: u64) -> Option<u32> {
        (self.run.load(Relaxed) == run).then(|| self.id.load(Relaxed))
    }

    pub(crate) fn bind(&self, run: u64, id: u32) {
        self.run.store(run, Relaxed);
        self.id.store(id, Relaxed);
    }
}
