//! Operations of destructors that run while their thread is unwound.
//!
//! The thread has panicked, or its run is thrown away by a program that allows it to be
//! unwound ([`Builder::unwind`](crate::Builder::unwind)). The operations of such a
//! destructor are no events, and no thread waits for them. They read the values that the run
//! wrote last, or that destructors have written since. So a destructor that finds by a count
//! that it owns something does own it.
//!
//! A destructor that would have to wait cannot be given a lock that another thread holds: that
//! ends the process.

use super::object::Object;
use super::session::{self, Session};
use crate::search::forward::Update;

/// What a location is known by: its name in the graph, or its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Bound(u32),
    At(usize),
}

impl Session {
    fn key(&self, object: &Object) -> Key {
        match object.bound(self.run) {
            Some(loc) => Key::Bound(loc),
            None => Key::At(std::ptr::from_ref(object).addr()),
        }
    }

    fn last(&self, key: Key, init: u64) -> u64 {
        if let Some(&value) = self.afterwards.get(&key) {
            return value;
        }
        let Key::Bound(loc) = key else { return init };
        let place = self.graph().places.get(loc as usize);
        place.map_or(init, |place| {
            self.graph().written(loc, place.at(place.co.len()))
        })
    }
}

/// Reads, and writes what `update` makes of the value. Answers both.
pub(super) fn modify(object: (&Object, u64), update: &mut Update<'_>) -> (u64, Option<u64>) {
    let (key, old) = session::with(|s| {
        let key = s.key(object.0);
        (key, s.last(key, object.1))
    });
    if update.waits(old) {
        stuck();
    }
    let new = update.apply(old);
    if let Some(new) = new {
        session::with(|s| s.afterwards.insert(key, new));
    }
    (old, new)
}

/// Writes.
pub(super) fn write(object: &Object, value: u64) {
    session::with(|s| {
        let key = s.key(object);
        s.afterwards.insert(key, value);
    });
}

/// Ends the process: a destructor waits for a step that no thread will make any more.
///
/// # Panics
/// In one that runs when the execution is over, which is reported.
pub(super) fn stuck() -> ! {
    assert!(
        session::unwinding(),
        "a destructor waits when the execution is over"
    );
    eprintln!(
        "error: a destructor waits while its thread is unwound, after a panic or because \
         `Builder::unwind` allows it; no other thread goes on"
    );
    std::process::abort();
}
