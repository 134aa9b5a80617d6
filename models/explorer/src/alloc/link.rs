//! An atomic pointer to an allocation.

use std::fmt;
use std::marker::PhantomData;

use super::Ptr;
use crate::sync::atomic::{AtomicU64, Ordering};

/// An atomic word that holds a [`Ptr`], or nothing: what an `AtomicPtr` is to raw
/// pointers. That an allocation is freed does not take it out.
pub struct Link<T> {
    word: AtomicU64,
    to: PhantomData<Ptr<T>>,
}

impl<T: 'static> Link<T> {
    /// A word with this pointer.
    pub fn new(ptr: Option<Ptr<T>>) -> Link<T> {
        Link {
            word: AtomicU64::new(Self::bits(ptr)),
            to: PhantomData,
        }
    }

    fn bits(ptr: Option<Ptr<T>>) -> u64 {
        ptr.map_or(0, Ptr::to_bits)
    }

    fn ptr(bits: u64) -> Option<Ptr<T>> {
        (bits != 0).then(|| Ptr::from_bits(bits))
    }

    /// Reads.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> Option<Ptr<T>> {
        Self::ptr(self.word.load(order))
    }

    /// Writes.
    #[track_caller]
    pub fn store(&self, ptr: Option<Ptr<T>>, order: Ordering) {
        self.word.store(Self::bits(ptr), order);
    }

    /// Writes, and returns the pointer before.
    #[track_caller]
    pub fn swap(&self, ptr: Option<Ptr<T>>, order: Ordering) -> Option<Ptr<T>> {
        Self::ptr(self.word.swap(Self::bits(ptr), order))
    }

    /// Writes `new` if the pointer is `current`.
    ///
    /// # Errors
    /// The pointer, if it is another one.
    #[track_caller]
    pub fn compare_exchange(
        &self,
        current: Option<Ptr<T>>,
        new: Option<Ptr<T>>,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Option<Ptr<T>>, Option<Ptr<T>>> {
        self.word
            .compare_exchange(Self::bits(current), Self::bits(new), success, failure)
            .map(Self::ptr)
            .map_err(Self::ptr)
    }
}

impl<T> fmt::Debug for Link<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}
