//! An atomic pointer. Its values are addresses, which differ from run to run.

use std::marker::PhantomData;
use std::ptr;

use super::{Ordering, exchange};
use crate::graph::event::Order;
use crate::run::object::Object;
use crate::run::ops;

/// An atomic pointer.
#[derive(Debug)]
pub struct AtomicPtr<T> {
    object: Object,
    init: usize,
    to: PhantomData<fn() -> *mut T>,
}

fn pointer<T>(value: u64) -> *mut T {
    ptr::with_exposed_provenance_mut(value as usize)
}

impl<T> AtomicPtr<T> {
    /// An atomic with this value.
    pub fn new(value: *mut T) -> AtomicPtr<T> {
        let object = Object::new().of_addresses();
        AtomicPtr {
            object,
            init: value.expose_provenance(),
            to: PhantomData,
        }
    }

    /// Reads.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> *mut T {
        pointer(ops::load(&self.object, self.init as u64, Order::of(order)))
    }

    /// Writes.
    #[track_caller]
    pub fn store(&self, value: *mut T, order: Ordering) {
        let value = value.expose_provenance() as u64;
        ops::store(&self.object, self.init as u64, value, Order::of(order));
    }

    /// Writes, and returns the value before.
    #[track_caller]
    pub fn swap(&self, value: *mut T, order: Ordering) -> *mut T {
        let value = value.expose_provenance() as u64;
        let old = ops::rmw(&self.object, self.init as u64, Order::of(order), |_| {
            Some(value)
        });
        pointer(old.unwrap_or_else(|old| old))
    }

    /// Writes `new` if the value is `current`.
    ///
    /// # Errors
    /// The value, if it is another one.
    #[track_caller]
    pub fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.exchange(current, new, (success, failure), false)
    }

    /// As `compare_exchange`, but may fail without a reason.
    ///
    /// # Errors
    /// The value, if nothing was written.
    #[track_caller]
    pub fn compare_exchange_weak(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        self.exchange(current, new, (success, failure), true)
    }

    #[track_caller]
    fn exchange(
        &self,
        current: *mut T,
        new: *mut T,
        orders: (Ordering, Ordering),
        weak: bool,
    ) -> Result<*mut T, *mut T> {
        let (current, new) = (current.expose_provenance(), new.expose_provenance());
        let raw = (&self.object, self.init as u64);
        exchange(raw, current as u64, new as u64, orders, weak)
            .map(pointer)
            .map_err(pointer)
    }
}
