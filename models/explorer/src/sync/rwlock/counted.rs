//! The second shape: one word.
//!
//! | word | meaning |
//! | --- | --- |
//! | 0 | free |
//! | `WRITER` | a writer is inside |
//! | else | so many readers are |
//!
//! A reader leaves by a read-modify-write, so that what it releases goes on to the
//! writer through those that leave after it. An attempt that fails reads relaxed:
//! it does not synchronise.

use crate::graph::event::{Gate, Order};
use crate::run::object::Object;
use crate::run::ops;

const WRITER: u64 = u64::MAX;

/// The word of a lock.
#[derive(Debug, Default)]
pub(super) struct Count {
    word: Object,
}

impl Count {
    pub(super) fn new() -> Count {
        Count {
            word: Object::new(),
        }
    }

    pub(super) fn named(mut self, name: &'static str) -> Count {
        self.word = self.word.named(name);
        self
    }

    #[track_caller]
    pub(super) fn read(&self) {
        let enter = |count| (count != WRITER).then(|| count + 1);
        ops::enter(&self.word, 0, Order::ACQUIRE, Gate::NoWriter, enter);
    }

    #[track_caller]
    pub(super) fn try_read(&self) -> bool {
        ops::rmw_unless((&self.word, 0), WRITER, Order::ACQUIRE, |count| count + 1).is_ok()
    }

    #[track_caller]
    pub(super) fn stop_reading(&self) {
        // A run that is thrown away reads the initial value.
        let leave = |count: u64| Some(count.wrapping_sub(1));
        let _ = ops::rmw(&self.word, 0, Order::RELEASE, leave);
    }

    #[track_caller]
    pub(super) fn write(&self) {
        let enter = |count| (count == 0).then_some(WRITER);
        ops::enter(&self.word, 0, Order::ACQUIRE, Gate::Free, enter);
    }

    #[track_caller]
    pub(super) fn try_write(&self) -> bool {
        let words = (0, WRITER);
        ops::compare_exchange(&self.word, 0, words, Order::ACQUIRE, Order::RELAXED).is_ok()
    }

    /// The writer is the only reader now.
    #[track_caller]
    pub(super) fn downgrade(&self) {
        ops::store(&self.word, 0, 1, Order::RELEASE);
    }

    #[track_caller]
    pub(super) fn stop_writing(&self) {
        ops::store(&self.word, 0, 0, Order::RELEASE);
    }
}
