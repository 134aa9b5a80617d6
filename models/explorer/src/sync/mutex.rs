//! A mutex: one word, taken by a waiting read-modify-write.
//!
//! | word | meaning |
//! | --- | --- |
//! | 0 | free |
//! | 1 | held |
//!
//! A thread that finds a held word waits, and has no event until the word is free: see
//! `run::gate`. So the number of executions grows by the order of critical sections, no more.

use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{LockResult, TryLockError, TryLockResult};

use crate::cell::{changes, enter};
use crate::run::object::Object;
use crate::run::ops;

/// A mutex.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized> {
    word: Object,
    content: Object,
    data: std::cell::UnsafeCell<T>,
}

// SAFETY: as for `std::sync::Mutex`; the threads of a model run on one OS thread,
// and the word lets only one of them in at a time.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

/// The right to use the content of a mutex.
#[derive(Debug)]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    /// A free mutex.
    pub fn new(data: T) -> Mutex<T> {
        Mutex {
            word: Object::new(),
            content: Object::new(),
            data: std::cell::UnsafeCell::new(data),
        }
    }

    /// The same mutex with a name, by which reports call its word.
    pub fn named(mut self, name: &'static str) -> Mutex<T> {
        self.word = self.word.named(name);
        self
    }

    /// The content.
    ///
    /// # Errors
    /// Never: mutexes of a model are not poisoned.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.data.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the mutex.
    ///
    /// # Errors
    /// Never: a panic ends the model.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        ops::lock(&self.word);
        enter(&self.content, true, Location::caller());
        Ok(MutexGuard { mutex: self })
    }

    /// Takes the mutex if it is free.
    ///
    /// # Errors
    /// `WouldBlock` if the word that was read says that it is held. Such a read
    /// does not synchronise.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        match ops::try_lock(&self.word) {
            Ok(_) => {
                enter(&self.content, true, Location::caller());
                Ok(MutexGuard { mutex: self })
            }
            Err(_) => Err(TryLockError::WouldBlock),
        }
    }

    /// The content, to its only owner.
    ///
    /// # Errors
    /// Never.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.data.get_mut())
    }

    #[track_caller]
    fn unlock(&self) {
        enter(&self.content, true, Location::caller());
        ops::unlock(&self.word);
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Releases the mutex, in one step with the write that has just entered a wait.
    #[track_caller]
    pub(super) fn unlock_to_wait(self) -> &'a Mutex<T> {
        let mutex = self.mutex;
        std::mem::forget(self);
        enter(&mutex.content, true, Location::caller());
        ops::unlock_to_wait(&mutex.word);
        mutex
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard's thread holds the mutex.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        changes();
        // SAFETY: the guard's thread holds the mutex, and the guard is borrowed
        // mutably.
        unsafe { &mut *self.mutex.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.mutex.unlock();
    }
}
