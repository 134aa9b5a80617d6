//! An atomic `bool`: a byte that is 0 or 1.

use super::{AtomicU8, Ordering};

/// An atomic `bool`.
#[derive(Debug, Default)]
pub struct AtomicBool {
    byte: AtomicU8,
}

impl AtomicBool {
    /// An atomic with this value.
    pub fn new(value: bool) -> AtomicBool {
        AtomicBool {
            byte: AtomicU8::new(u8::from(value)),
        }
    }

    /// For statics: see [`AtomicU8::eternal`].
    pub const fn eternal(value: bool) -> AtomicBool {
        AtomicBool {
            byte: AtomicU8::eternal(value as u8),
        }
    }

    /// Reads.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> bool {
        self.byte.load(order) != 0
    }

    /// Writes.
    #[track_caller]
    pub fn store(&self, value: bool, order: Ordering) {
        self.byte.store(u8::from(value), order);
    }

    /// Writes, and returns the value before.
    #[track_caller]
    pub fn swap(&self, value: bool, order: Ordering) -> bool {
        self.byte.swap(u8::from(value), order) != 0
    }

    /// `or`, and returns the value before.
    #[track_caller]
    pub fn fetch_or(&self, value: bool, order: Ordering) -> bool {
        self.byte.fetch_or(u8::from(value), order) != 0
    }

    /// `and`, and returns the value before.
    #[track_caller]
    pub fn fetch_and(&self, value: bool, order: Ordering) -> bool {
        self.byte.fetch_and(u8::from(value), order) != 0
    }

    /// Writes `new` if the value is `current`.
    ///
    /// # Errors
    /// The value, if it is the other one.
    #[track_caller]
    pub fn compare_exchange(
        &self,
        current: bool,
        new: bool,
        success: Ordering,
        failure: Ordering,
    ) -> Result<bool, bool> {
        let result = self
            .byte
            .compare_exchange(current.into(), new.into(), success, failure);
        result.map(|old| old != 0).map_err(|old| old != 0)
    }

    /// As `compare_exchange`, but may fail without a reason.
    ///
    /// # Errors
    /// The value, if nothing was written.
    #[track_caller]
    pub fn compare_exchange_weak(
        &self,
        current: bool,
        new: bool,
        success: Ordering,
        failure: Ordering,
    ) -> Result<bool, bool> {
        let result = self
            .byte
            .compare_exchange_weak(current.into(), new.into(), success, failure);
        result.map(|old| old != 0).map_err(|old| old != 0)
    }
}
