//! A read-write lock: a word for writers, and a word for each thread that reads.
//!
//! A reader takes its own word; a writer takes the writers' word, then those of
//! all readers. Two readers share no word, so nothing orders them; a reader and
//! a writer are ordered, and so are two writers. The number of executions grows
//! by the order of conflicting critical sections only.
//!
//! Which threads read is not known before they do: when a thread reads under a
//! lock for the first time, the search starts again, and writers take its word
//! from then on.
//!
//! # Gaps
//! - A writer that waits for one reader may already hold off another, as locks
//!   that prefer writers do: a deadlock that is reported may need that.
//! - `try_read` and `try_write` may fail while a writer is about to get the lock,
//!   or while another `try_write` looks at it.
//! - A thread that reads while it reads already is let in at once.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{Arc, LockResult, Mutex, TryLockError, TryLockResult};

use crate::cell::access;
use crate::run::object::Object;
use crate::run::ops;

/// The word of a reader, and how often it is inside.
type Slot = (Arc<Object>, u32);

/// A read-write lock.
#[derive(Debug, Default)]
pub struct RwLock<T: ?Sized> {
    name: (u32, u32),
    writers: Object,
    readers: Mutex<BTreeMap<u32, Slot>>,
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
            writers: Object::new(),
            readers: Mutex::default(),
            content: Object::new(),
            data: std::cell::UnsafeCell::new(data),
        }
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
    fn slot<R>(&self, thread: u32, f: impl FnOnce(&mut Slot) -> R) -> R {
        let mut slots = self.readers.lock().expect("the words of the readers");
        f(slots
            .entry(thread)
            .or_insert_with(|| (Arc::new(Object::eternal()), 0)))
    }

    fn word(&self, thread: u32) -> Arc<Object> {
        self.slot(thread, |slot| slot.0.clone())
    }

    /// Notes one more reader inside; answers how many there were of this thread.
    fn enter(&self, thread: u32) -> u32 {
        self.slot(thread, |slot| {
            slot.1 += 1;
            slot.1 - 1
        })
    }

    fn leave(&self, thread: u32) -> u32 {
        self.slot(thread, |slot| {
            slot.1 -= 1;
            slot.1
        })
    }

    /// Waits until no writer is inside.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        ops::reads_under(self.name);
        let thread = ops::current();
        if self.enter(thread) == 0 {
            ops::lock(&self.word(thread));
        }
        access(&self.content, false, Location::caller());
        Ok(RwLockReadGuard { lock: self, thread })
    }

    /// Enters if no writer is inside.
    ///
    /// # Errors
    /// `WouldBlock` if one is.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        ops::reads_under(self.name);
        let thread = ops::current();
        if self.enter(thread) == 0 && ops::try_lock(&self.word(thread)).is_err() {
            self.leave(thread);
            return Err(TryLockError::WouldBlock);
        }
        access(&self.content, false, Location::caller());
        Ok(RwLockReadGuard { lock: self, thread })
    }

    /// Waits until no one is inside.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        ops::lock(&self.writers);
        let words = ops::readers(self.name)
            .into_iter()
            .map(|thread| self.word(thread));
        let held: Vec<_> = words.collect();
        held.iter().for_each(|word| ops::lock(word));
        access(&self.content, true, Location::caller());
        Ok(RwLockWriteGuard { lock: self, held })
    }

    /// Enters if no one is inside.
    ///
    /// # Errors
    /// `WouldBlock` if someone is.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if ops::try_lock(&self.writers).is_err() {
            return Err(TryLockError::WouldBlock);
        }
        let mut held = Vec::new();
        for thread in ops::readers(self.name) {
            let word = self.word(thread);
            if ops::try_lock(&word).is_err() {
                held.iter().for_each(|word: &Arc<Object>| ops::unlock(word));
                ops::unlock(&self.writers);
                return Err(TryLockError::WouldBlock);
            }
            held.push(word);
        }
        access(&self.content, true, Location::caller());
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

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: while the guard lives its reader's word is held, so that no
        // writer is inside.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        access(&self.lock.content, false, Location::caller());
        if self.lock.leave(self.thread) == 0 {
            ops::unlock(&self.lock.word(self.thread));
        }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: while the guard lives all words are held.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: while the guard lives all words are held, and the guard is
        // borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        access(&self.lock.content, true, Location::caller());
        self.held.iter().rev().for_each(|word| ops::unlock(word));
        ops::unlock(&self.lock.writers);
    }
}
