//! A condition variable: one word with a bit for each thread that waits.
//!
//! A wait sets the thread's bit and releases the mutex, which is one step; waits until the
//! bit is clear; and takes the mutex again. `notify_all` clears all bits, `notify_one`
//! any one of them: each is tried. The word synchronises nothing; the mutex does.
//!
//! All waits and notifications, of all condition variables, stand in one order that agrees
//! with happens-before (C++20 [thread.condition]): see `consistency::waits`.
//!
//! A thread that is woken may see in the word which other threads wait by then. So
//! there are executions that differ in nothing else.
//!
//! Threads with ids above 63 cannot wait.

use std::sync::LockResult;

use super::MutexGuard;
use crate::graph::event::{Order, Until};
use crate::run::object::Object;
use crate::run::ops;

/// A condition variable.
#[derive(Debug, Default)]
pub struct Condvar {
    word: Object,
}

impl Condvar {
    /// A condition variable that no thread waits for.
    pub fn new() -> Condvar {
        Condvar {
            word: Object::new(),
        }
    }

    /// The same condition variable with a name, by which reports call its word.
    pub fn named(mut self, name: &'static str) -> Condvar {
        self.word = self.word.named(name);
        self
    }

    /// Releases the mutex, waits for a notification, and takes the mutex again.
    ///
    /// # Errors
    /// Never.
    ///
    /// # Panics
    /// In a thread with an id above 63.
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let bit = 1_u64
            .checked_shl(ops::current())
            .expect("a thread with an id below 64");
        let set = |word| Some(word | bit);
        let _ = ops::rmw(&self.word, 0, Order::CONDVAR, set);
        let mutex = guard.unlock_to_wait();
        if ops::wakes_spuriously() {
            let _ = ops::rmw(&self.word, 0, Order::CONDVAR, |word| Some(word & !bit));
        } else {
            ops::await_load(&self.word, 0, Order::CONDVAR, Until::clear(bit));
        }
        mutex.lock()
    }

    /// Waits as long as the condition holds.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Wakes one of the threads that wait, if any does.
    #[track_caller]
    pub fn notify_one(&self) {
        loop {
            let word = ops::load(&self.word, 0, Order::CONDVAR);
            let waiting = word.count_ones();
            if waiting == 0 {
                return;
            }
            let which = if waiting == 1 {
                0
            } else {
                ops::choose(waiting)
            };
            let mut rest = word;
            (0..which).for_each(|_| rest &= rest - 1);
            let bit = rest & rest.wrapping_neg();
            let words = (word, word & !bit);
            if ops::compare_exchange(&self.word, 0, words, Order::CONDVAR, Order::CONDVAR).is_ok() {
                return;
            }
            ops::spin_again();
        }
    }

    /// Wakes all threads that wait.
    #[track_caller]
    pub fn notify_all(&self) {
        let clear = |word| (word != 0).then_some(0);
        let _ = ops::rmw(&self.word, 0, Order::CONDVAR, clear);
    }
}
