//! Handles that keep nothing alive.

use std::fmt;
use std::sync::{Arc as StdArc, Weak as StdWeak};

use super::Arc;
use super::count::Count;

/// A weak handle: [`Weak::upgrade`] gives a handle as long as there is one.
pub struct Weak<T: ?Sized> {
    value: StdWeak<T>,
    count: Option<StdArc<Count>>,
}

impl<T> Weak<T> {
    /// A weak handle to nothing.
    pub const fn new() -> Weak<T> {
        Weak {
            value: StdWeak::new(),
            count: None,
        }
    }
}

impl<T: ?Sized> Weak<T> {
    pub(super) fn of(value: StdWeak<T>, count: StdArc<Count>) -> Weak<T> {
        Weak {
            value,
            count: Some(count),
        }
    }

    /// A handle, unless the last was dropped.
    #[track_caller]
    pub fn upgrade(&self) -> Option<Arc<T>> {
        let count = self.count.as_ref()?;
        if !count.upgrade(|| self.value.strong_count() > 0) {
            return None;
        }
        let value = self.value.upgrade()?;
        Some(Arc {
            value: std::mem::ManuallyDrop::new(value),
            count: count.clone(),
        })
    }

    /// The number of handles.
    #[track_caller]
    pub fn strong_count(&self) -> usize {
        let real = || self.value.strong_count();
        self.count.as_ref().map_or(0, |count| count.strong(real))
    }

    /// Are they weak handles to the same thing, or both to nothing?
    pub fn ptr_eq(&self, other: &Weak<T>) -> bool {
        self.value.ptr_eq(&other.value)
    }
}

impl<T: ?Sized> Clone for Weak<T> {
    #[track_caller]
    fn clone(&self) -> Weak<T> {
        if let Some(count) = &self.count {
            count.acquire_weak();
        }
        Weak {
            value: self.value.clone(),
            count: self.count.clone(),
        }
    }
}

impl<T: ?Sized> Drop for Weak<T> {
    fn drop(&mut self) {
        if let Some(count) = &self.count {
            count.release_weak();
        }
    }
}

impl<T> Default for Weak<T> {
    fn default() -> Weak<T> {
        Weak::new()
    }
}

impl<T: ?Sized> fmt::Debug for Weak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}
