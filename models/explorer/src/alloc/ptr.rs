//! A pointer to an allocation that is freed by hand.

use std::any::TypeId;
use std::fmt;
use std::panic::Location;

use super::heap::Name;
use super::memory::Memory;
use crate::cell::{Act, checked};
use crate::run::session::{self, Phase};

/// A pointer to an allocation that the program frees: what `Box::into_raw` gives,
/// checked.
///
/// It is `Copy` and its uses are safe: each is checked as those of a
/// [`cell::UnsafeCell`](crate::cell::UnsafeCell) are, against the other uses, the
/// creation and the end. To share it between threads as an atomic, use a
/// [`Link`](super::Link).
///
/// # Panics
/// All methods panic in another run than that of [`Ptr::new`].
pub struct Ptr<T> {
    run: u64,
    name: Name,
    data: *mut T,
}

// SAFETY: as for `&T` and `&mut T`, both of which it gives to any thread; the
// threads of a model run on one OS thread anyway.
unsafe impl<T: Send + Sync> Send for Ptr<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Ptr<T> {}

impl<T: 'static> Ptr<T> {
    /// Allocates memory for a value.
    #[track_caller]
    pub fn new(value: T) -> Ptr<T> {
        let site = Location::caller();
        let memory = Memory::of(value);
        let data = memory.data().cast();
        session::with(|s| Ptr {
            run: s.run,
            name: s.make("memory", Some(memory), Some(TypeId::of::<T>()), site),
            data,
        })
    }

    /// Reads: lends the value, whose atomics and cells may be written.
    #[track_caller]
    pub fn with<R>(self, f: impl FnOnce(&T) -> R) -> R {
        let site = Location::caller();
        self.touch(Act::Read, site);
        // SAFETY: the value lives until the run is over, freed or not, and only
        // `with_mut` can change it, whose callers answer for that.
        let result = f(unsafe { &*self.data });
        self.touch(Act::Read, site);
        result
    }

    /// Writes: calls `f` with a pointer that is valid, and in an execution that
    /// goes on not used by any other thread.
    ///
    /// Use it up before `f` does anything that other threads see: a wrong access is
    /// found at the end of `f` at the latest.
    #[track_caller]
    pub fn with_mut<R>(self, f: impl FnOnce(*mut T) -> R) -> R {
        let site = Location::caller();
        self.touch(Act::Write, site);
        let result = f(self.data);
        self.touch(Act::Write, site);
        result
    }

    /// Ends the allocation.
    ///
    /// The value is dropped when the execution is over, as if here: what its
    /// destructor drops and frees is, and it may use what it owns. It cannot use
    /// atomics, locks or threads: that is reported. A race of the destructor with
    /// what a thread did before it did something else to the same cell may be
    /// missed.
    #[track_caller]
    pub fn free(self) {
        self.touch(Act::Free, Location::caller());
    }

    /// Do they point to the same allocation?
    pub fn ptr_eq(self, other: Ptr<T>) -> bool {
        self == other
    }

    fn touch(self, act: Act, site: &'static Location<'static>) {
        let run = session::whereabouts().map(|(run, ..)| run);
        assert!(run == Some(self.run), "a pointer of another run at {site}");
        checked(act != Act::Read, |s| s.touch(self.name, act, site));
        let gone = session::phase() != Phase::Running && session::with(|s| s.heap.gone(self.name));
        assert!(!gone, "a destructor uses at {site} what is dropped already");
    }

    /// A number for it that is not 0, and the same in all runs.
    pub(super) fn to_bits(self) -> u64 {
        let (creator, nth) = self.name;
        u64::from(creator) << 32 | (u64::from(nth) + 1)
    }

    /// The pointer of this run with that number.
    ///
    /// # Panics
    /// If there is none of this type.
    pub(super) fn from_bits(bits: u64) -> Ptr<T> {
        let name = ((bits >> 32) as u32, bits as u32 - 1);
        session::with(|s| {
            let run = s.run;
            let thing = s.heap.thing(name).expect("an allocation of this run");
            assert_eq!(thing.of, Some(TypeId::of::<T>()), "the type of a pointer");
            let memory = thing.memory.as_ref().expect("memory");
            Ptr {
                run,
                name,
                data: memory.data().cast(),
            }
        })
    }
}

impl<T> Clone for Ptr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ptr<T> {}

impl<T> PartialEq for Ptr<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.run, self.name) == (other.run, other.name)
    }
}

impl<T> Eq for Ptr<T> {}

impl<T> fmt::Debug for Ptr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (creator, nth) = self.name;
        write!(f, "Ptr(T{creator}#{nth})")
    }
}
