//! Shared ownership, as `std::sync::Arc`; leaks are found.
//!
//! As long as the program does not ask for the count, clones and drops are no events: which
//! drop is the last changes nothing but where the destructor runs, and that is
//! reckoned with without trying the orders (see `alloc::late`). Such a drop orders
//! nothing but the destructor.
//!
//! When a program asks for the count of an `Arc` for the first time (`get_mut`,
//! `try_unwrap`, `strong_count`, `upgrade` and the like), or what it holds does
//! more in its destructor than to use plain memory, the search starts again, and
//! from then on the count of this `Arc` is an atomic word, used with the orderings
//! of std:
//!
//! | | event |
//! | --- | --- |
//! | `clone` | `fetch_add`, relaxed |
//! | drop | `fetch_sub`, release; the last one has an acquire fence |
//! | `try_unwrap` | `compare_exchange` from 1 to 0, relaxed; an acquire fence |
//! | `upgrade` | acquire, fails on 0 |
//! | `get_mut` | locks the weak count, acquire; loads the count, acquire |
//! | `strong_count`, `weak_count` | relaxed load |
//!
//! # Gaps
//! - `into_raw`, `from_raw`, `new_cyclic`, `make_mut` and coercion to unsized types
//!   ([`Arc::from_std`] instead) are not there.
//! - A handle that is kept beyond the run, in a static of std for instance, has leaked.
//! - An `Arc` that was made outside the run is a plain one.

mod count;
mod weak;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc as StdArc;

use count::{Count, Released};
pub use weak::Weak;

/// A handle to something shared.
pub struct Arc<T: ?Sized> {
    value: ManuallyDrop<StdArc<T>>,
    count: StdArc<Count>,
}

impl<T> Arc<T> {
    /// The first handle to a value.
    #[track_caller]
    pub fn new(value: T) -> Arc<T> {
        Arc::counted(StdArc::new(value), Location::caller())
    }

    /// The value, if this is the only handle.
    ///
    /// # Errors
    /// The handle, if there are others.
    #[track_caller]
    pub fn try_unwrap(this: Arc<T>) -> Result<T, Arc<T>> {
        if this.count.release_the_only(&this.value) {
            let value = this.dismantle();
            Ok(StdArc::into_inner(value).expect("the only handle"))
        } else {
            Err(this)
        }
    }

    /// Drops the handle; the value, if it was the last.
    #[track_caller]
    pub fn into_inner(this: Arc<T>) -> Option<T> {
        this.count.count_from_now();
        let dropped = this.count.release(&this.value);
        let value = this.dismantle();
        match dropped {
            Released::Last(_) => StdArc::into_inner(value),
            Released::One => None,
        }
    }
}

impl<T: ?Sized> Arc<T> {
    /// The first handle to what an `Arc` of std holds; so to unsized values.
    ///
    /// # Panics
    /// If there is another handle.
    #[track_caller]
    pub fn from_std(mut value: StdArc<T>) -> Arc<T> {
        assert!(StdArc::get_mut(&mut value).is_some(), "another handle");
        Arc::counted(value, Location::caller())
    }

    fn counted(value: StdArc<T>, site: &'static Location<'static>) -> Arc<T> {
        Arc {
            value: ManuallyDrop::new(value),
            count: StdArc::new(Count::new(site)),
        }
    }

    /// The parts of a handle that is accounted for.
    fn dismantle(self) -> StdArc<T> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again.
        unsafe {
            std::ptr::drop_in_place(&raw mut this.count);
            ManuallyDrop::take(&mut this.value)
        }
    }

    /// The value, if there is no other handle.
    #[track_caller]
    pub fn get_mut(this: &mut Arc<T>) -> Option<&mut T> {
        if this.count.is_unique(&this.value) {
            StdArc::get_mut(&mut this.value)
        } else {
            None
        }
    }

    /// A weak handle.
    #[track_caller]
    pub fn downgrade(this: &Arc<T>) -> Weak<T> {
        this.count.downgrade();
        Weak::of(StdArc::downgrade(&this.value), this.count.clone())
    }

    /// The number of handles.
    #[track_caller]
    pub fn strong_count(this: &Arc<T>) -> usize {
        this.count.strong(|| StdArc::strong_count(&this.value))
    }

    /// The number of weak handles.
    #[track_caller]
    pub fn weak_count(this: &Arc<T>) -> usize {
        this.count.weak(|| StdArc::weak_count(&this.value))
    }

    /// Are they handles to the same thing?
    pub fn ptr_eq(this: &Arc<T>, other: &Arc<T>) -> bool {
        StdArc::ptr_eq(&this.value, &other.value)
    }

    /// Where the value is.
    pub fn as_ptr(this: &Arc<T>) -> *const T {
        StdArc::as_ptr(&this.value)
    }
}

impl<T: ?Sized> Clone for Arc<T> {
    #[track_caller]
    fn clone(&self) -> Arc<T> {
        self.count.acquire();
        Arc {
            value: self.value.clone(),
            count: self.count.clone(),
        }
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    fn drop(&mut self) {
        let dropped = self.count.release(&self.value);
        // SAFETY: the value is not used again.
        let value = unsafe { ManuallyDrop::take(&mut self.value) };
        match dropped {
            Released::Last(Some(moments)) => self.count.destroy(moments, || drop(value)),
            Released::Last(None) | Released::One => drop(value),
        }
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> AsRef<T> for Arc<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> Borrow<T> for Arc<T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: Default> Default for Arc<T> {
    #[track_caller]
    fn default() -> Arc<T> {
        Arc::new(T::default())
    }
}

impl<T> From<T> for Arc<T> {
    #[track_caller]
    fn from(value: T) -> Arc<T> {
        Arc::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + PartialEq> PartialEq for Arc<T> {
    fn eq(&self, other: &Arc<T>) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for Arc<T> {}

impl<T: ?Sized + PartialOrd> PartialOrd for Arc<T> {
    fn partial_cmp(&self, other: &Arc<T>) -> Option<std::cmp::Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: ?Sized + Ord> Ord for Arc<T> {
    fn cmp(&self, other: &Arc<T>) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: ?Sized + Hash> Hash for Arc<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}
