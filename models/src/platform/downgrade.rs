//! A read-write lock whose write lock can become a read lock, of two that cannot.
//!
//! A writer holds a mutex beside the lock. To go on as a reader it leaves the lock, takes it again
//! for reading, and keeps the mutex meanwhile: readers may come in between, writers may not.

use std::ops::{Deref, DerefMut};

/// A lock and the mutex of its writers.
#[derive(Debug)]
pub struct Downgradable<L, M> {
    pub(super) lock: L,
    pub(super) writers: M,
}

/// A guard of the lock. Of a writer, or of a former one, it keeps other writers out.
pub struct Held<G, M> {
    guard: G,
    writers: Option<M>,
}

impl<G, M> Held<G, M> {
    pub(super) fn reader(guard: G) -> Held<G, M> {
        Held {
            guard,
            writers: None,
        }
    }

    /// Of a thread that has taken the mutex, and then the lock.
    pub(super) fn writer(guard: G, writers: M) -> Held<G, M> {
        Held {
            guard,
            writers: Some(writers),
        }
    }

    /// Leaves the lock, and goes on with what `again` takes of it.
    pub(super) fn downgrade<H>(self, again: impl FnOnce() -> H) -> Held<H, M> {
        drop(self.guard);
        Held {
            guard: again(),
            writers: self.writers,
        }
    }
}

impl<G: Deref, M> Deref for Held<G, M> {
    type Target = G::Target;
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut, M> DerefMut for Held<G, M> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}
