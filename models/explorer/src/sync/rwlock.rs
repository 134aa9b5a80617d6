//! A read-write lock, in one of two shapes.
//!
//! | | words | readers are |
//! | --- | --- | --- |
//! | at first | one for writers, one for each thread that reads | not ordered |
//! | else | one that counts the readers, or says that a writer is inside | ordered |
//!
//! In the first shape a reader takes its own word; a writer takes the writers'
//! word, then those of all readers. Two readers share no word, so nothing orders
//! them; a reader and a writer are ordered, and so are two writers. The number of
//! executions grows by the order of conflicting critical sections only.
//!
//! Which threads read is not known before they do: when a thread reads under a
//! lock for the first time, the search starts again, and writers take its word
//! from then on.
//!
//! A writer that waits for one reader may already hold off another: an attempt
//! would fail, or a deadlock be reported, where no thread is inside. So when a thread
//! tries to enter a lock for the first time, or threads wait for ever for a writer
//! that is halfway through the words, the search starts again with the second shape,
//! in which only threads that are inside keep others out.
//!
//! # Gaps
//! - No writer that waits keeps a reader out. So a deadlock that comes from that (a
//!   thread reads while it reads already, and a writer waits in between) is missed.
//! - Second shape: a reader is ordered after those that left before it entered, as
//!   with the lock of std on Linux, but not by its documentation: a race between
//!   two readers may be missed.

mod counted;
mod words;

use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{Arc, LockResult, TryLockError, TryLockResult};

use crate::cell::{changes, enter};
use crate::run::assume::Assumption;
use crate::run::object::Object;
use crate::run::ops;

/// A read-write lock.
#[derive(Debug, Default)]
pub struct RwLock<T: ?Sized> {
    name: (u32, u32),
    words: words::Words,
    count: counted::Count,
    content: Object,
    data: std::cell::UnsafeCell<T>,
}

// SAFETY: as for `std::sync::RwLock`; the threads of a model run on one OS thread,
// and the words let in one writer or any number of readers.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

/// The right to read.
#[derive(Debug)]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    thread: u32,
}

/// The right to write.
#[derive(Debug)]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    held: Vec<Arc<Object>>,
}

impl<T> RwLock<T> {
    /// A free lock.
    pub fn new(data: T) -> RwLock<T> {
        RwLock {
            name: ops::name_lock(),
            words: words::Words::new(),
            count: counted::Count::new(),
            content: Object::new(),
            data: std::cell::UnsafeCell::new(data),
        }
    }

    /// The same lock with a name, by which reports call its words.
    pub fn named(mut self, name: &'static str) -> RwLock<T> {
        self.words = self.words.named(name);
        self.count = self.count.named(name);
        self
    }

    /// The content.
    ///
    /// # Errors
    /// Never: locks of a model are not poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.data.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Does any thread try to enter this lock? Then it has its second shape.
    fn tried(&self) -> bool {
        ops::assumed(&Assumption::Tries(self.name))
    }

    /// Waits until no writer is inside.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let thread = ops::current();
        if self.tried() {
            self.count.read();
        } else {
            ops::reads_under(self.name);
            self.words.read(thread);
        }
        enter(&self.content, false, Location::caller());
        Ok(RwLockReadGuard { lock: self, thread })
    }

    /// Enters if no writer is inside.
    ///
    /// # Errors
    /// `WouldBlock` if one is.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        ops::assume(Assumption::Tries(self.name));
        if !self.count.try_read() {
            return Err(TryLockError::WouldBlock);
        }
        let thread = ops::current();
        enter(&self.content, false, Location::caller());
        Ok(RwLockReadGuard { lock: self, thread })
    }

    /// Waits until no thread is inside.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let held = if self.tried() {
            self.count.write();
            Vec::new()
        } else {
            self.words.write(self.name)
        };
        enter(&self.content, true, Location::caller());
        Ok(RwLockWriteGuard { lock: self, held })
    }

    /// Enters if no thread is inside.
    ///
    /// # Errors
    /// `WouldBlock` if some thread is.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        ops::assume(Assumption::Tries(self.name));
        if !self.count.try_write() {
            return Err(TryLockError::WouldBlock);
        }
        let held = Vec::new();
        enter(&self.content, true, Location::caller());
        Ok(RwLockWriteGuard { lock: self, held })
    }

    /// The content, to its only owner.
    ///
    /// # Errors
    /// Never.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.data.get_mut())
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Lets readers in and goes on as one of them; no writer comes in between.
    #[track_caller]
    pub fn downgrade(mut guard: Self) -> RwLockReadGuard<'a, T> {
        let lock = guard.lock;
        let held = std::mem::take(&mut guard.held);
        std::mem::forget(guard);
        enter(&lock.content, true, Location::caller());
        let thread = ops::current();
        if lock.tried() {
            lock.count.downgrade();
        } else {
            // From the first such run on, writers take this thread's word too.
            ops::reads_under(lock.name);
            lock.words.downgrade(thread, &held);
        }
        enter(&lock.content, false, Location::caller());
        RwLockReadGuard { lock, thread }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: while the guard lives its reader's word is held, or it is counted,
        // so that no writer is inside.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        enter(&self.lock.content, false, Location::caller());
        if self.lock.tried() {
            self.lock.count.stop_reading();
        } else {
            self.lock.words.stop_reading(self.thread);
        }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: while the guard lives no other thread is inside.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        changes();
        // SAFETY: while the guard lives no other thread is inside, and the guard is
        // borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        enter(&self.lock.content, true, Location::caller());
        if self.lock.tried() {
            self.lock.count.stop_writing();
        } else {
            self.lock.words.stop_writing(&self.held);
        }
    }
}
