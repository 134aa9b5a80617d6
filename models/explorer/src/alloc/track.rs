//! A value that must be dropped.

use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::heap::Name;
use crate::run::session;

/// A value that must be dropped before the execution is over.
///
/// Dropping the `Track` ends it, and so does [`Track::into_inner`]. Uses of the
/// value are not checked. Outside a model nothing is tracked.
#[derive(Debug)]
pub struct Track<T> {
    value: T,
    tracked: Tracked,
}

/// The run and the name of a tracked value. Its drop reports the value's.
#[derive(Debug)]
struct Tracked(Option<(u64, Name)>);

impl<T> Track<T> {
    /// Tracks a value.
    #[track_caller]
    pub fn new(value: T) -> Track<T> {
        let site = Location::caller();
        let name = session::whereabouts().map(|(run, ..)| {
            let name = session::with(|s| s.make("a tracked value", None, None, site));
            (run, name)
        });
        Track {
            value,
            tracked: Tracked(name),
        }
    }

    /// The value.
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// The value, to its only owner.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The value, no longer tracked.
    pub fn into_inner(self) -> T {
        let Track { value, tracked } = self;
        drop(tracked);
        value
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let Some((run, name)) = self.0 else { return };
        if !session::unwinding() && session::whereabouts().is_some_and(|(now, ..)| now == run) {
            session::with(|s| s.end(name, &[]));
        }
    }
}

impl<T> Deref for Track<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Track<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
