//! Lock guards: a checker's guard around a guard of the data.
//!
//! Checked locks keep their data in a standard lock, which is never contended,
//! so that the data can be looked at when the checker is done. After a panic
//! the checker's guard is leaked: its execution is gone.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

use super::recorder::is_over;

/// A guard of data, inside a checker's guard `G`.
pub struct Guard<D, G> {
    data: ManuallyDrop<D>,
    checker: ManuallyDrop<Option<G>>,
}

impl<D, G> Guard<D, G> {
    pub(super) fn new(data: D, checker: Option<G>) -> Guard<D, G> {
        Guard {
            data: ManuallyDrop::new(data),
            checker: ManuallyDrop::new(checker),
        }
    }

    /// Both guards made into others, the data's first.
    pub(super) fn map<E, H>(
        self,
        data: impl FnOnce(D) -> E,
        checker: impl FnOnce(G) -> H,
    ) -> Guard<E, H> {
        let mut guard = ManuallyDrop::new(self);
        // SAFETY: `guard` is not dropped, and each is taken once.
        let taken = unsafe {
            (
                ManuallyDrop::take(&mut guard.data),
                ManuallyDrop::take(&mut guard.checker),
            )
        };
        Guard::new(data(taken.0), taken.1.map(checker))
    }

    /// Takes the checker's guard out; the rest is only to be dropped.
    pub(super) fn leave(&mut self) -> Option<G> {
        self.checker.take()
    }
}

impl<D: Deref, G> Deref for Guard<D, G> {
    type Target = D::Target;
    fn deref(&self) -> &D::Target {
        &self.data
    }
}

impl<D: DerefMut, G> DerefMut for Guard<D, G> {
    fn deref_mut(&mut self) -> &mut D::Target {
        &mut self.data
    }
}

impl<D, G> Drop for Guard<D, G> {
    fn drop(&mut self) {
        // SAFETY: dropped once, here, and not used after; the data's guard
        // before the checker's, which lets others in.
        unsafe { ManuallyDrop::drop(&mut self.data) };
        if !is_over() {
            // SAFETY: as above.
            unsafe { ManuallyDrop::drop(&mut self.checker) };
        }
    }
}
