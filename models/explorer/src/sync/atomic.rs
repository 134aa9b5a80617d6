//! Atomics as in `std::sync::atomic`.
//!
//! `new` notes which thread made an atomic, and when: an access that is not ordered
//! after that is a data race. `eternal` makes one for a static; it has its value again
//! in every run.

mod flag;
mod pointer;

pub use flag::AtomicBool;
pub use pointer::AtomicPtr;

pub use std::sync::atomic::Ordering;

pub use crate::graph::event::Until;

use crate::graph::event::Order;
use crate::mutation::Mutation;
use crate::run::object::Object;
use crate::run::ops;
use crate::run::session;

/// A fence.
#[track_caller]
pub fn fence(ordering: Ordering) {
    ops::fence(Order::of(ordering));
}

/// Compare-exchange by raw values. A weak one may fail without a reason if the
/// options say so.
#[track_caller]
fn exchange(
    object: (&Object, u64),
    current: u64,
    new: u64,
    orders: (Ordering, Ordering),
    weak: bool,
) -> Result<u64, u64> {
    let (success, failure) = (Order::of(orders.0), Order::of(orders.1));
    if weak && session::with(|s| s.config.spurious_failures) && ops::choose(2) == 1 {
        return Err(ops::load(object.0, object.1, failure));
    }
    ops::compare_exchange(object.0, object.1, (current, new), success, failure)
}

/// Does one read-modify-write stand for a `fetch_update` with these orderings? Where the load reads with the
/// ordering of the exchange, it may as well read the write that the exchange reads: an execution in
/// which it has read another one of the same value has more order, and no outcome of its own.
fn is_one_step(set: Ordering, fetch: Ordering) -> bool {
    let same = Order::of(set).for_read() == Order::of(fetch).for_read();
    session::with(|s| {
        let steps = s.config.reduce.retries && !s.config.spurious_failures;
        steps && (same || s.config.mutation == Mutation::Updates)
    })
}

macro_rules! integer {
    ($($(#[$doc:meta])* $name:ident($value:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name {
            object: Object,
            init: $value,
        }

        impl $name {
            /// An atomic with this value.
            pub fn new(value: $value) -> Self {
                Self { object: Object::new(), init: value }
            }

            /// An atomic that exists before the program starts, and has this
            /// value again in every run: for statics.
            pub const fn eternal(value: $value) -> Self {
                Self { object: Object::eternal(), init: value }
            }

            #[inline]
            fn raw(&self) -> (&Object, u64) {
                (&self.object, self.init as u64)
            }

            /// Reads.
            #[track_caller]
            #[inline]
            pub fn load(&self, order: Ordering) -> $value {
                ops::load(&self.object, self.init as u64, Order::of(order)) as $value
            }

            /// Reads; the thread waits until the value, as a `u64`, is this one. What it reads meanwhile is
            /// no part of the execution: a loop of loads, each of which has no effect but the last.
            #[track_caller]
            pub fn load_until(&self, until: Until, order: Ordering) -> $value {
                ops::await_load(&self.object, self.init as u64, Order::of(order), until) as $value
            }

            /// Writes.
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                ops::store(&self.object, self.init as u64, value as u64, Order::of(order));
            }

            #[track_caller]
            #[inline]
            fn update(&self, order: Ordering, f: impl Fn($value) -> $value) -> $value {
                let (object, init) = self.raw();
                let f = |old| Some(f(old as $value) as u64);
                ops::rmw(object, init, Order::of(order), f).unwrap_or_else(|old| old) as $value
            }

            /// Writes, and returns the value before.
            #[track_caller]
            #[inline]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.update(order, |_| value)
            }

            /// Adds, and returns the value before.
            #[track_caller]
            pub fn fetch_add(&self, by: $value, order: Ordering) -> $value {
                self.update(order, |old| old.wrapping_add(by))
            }

            /// Subtracts, and returns the value before.
            #[track_caller]
            pub fn fetch_sub(&self, by: $value, order: Ordering) -> $value {
                self.update(order, |old| old.wrapping_sub(by))
            }

            /// Sets bits, and returns the value before.
            #[track_caller]
            pub fn fetch_or(&self, bits: $value, order: Ordering) -> $value {
                self.update(order, |old| old | bits)
            }

            /// Keeps bits, and returns the value before.
            #[track_caller]
            pub fn fetch_and(&self, bits: $value, order: Ordering) -> $value {
                self.update(order, |old| old & bits)
            }

            /// Flips bits, and returns the value before.
            #[track_caller]
            pub fn fetch_xor(&self, bits: $value, order: Ordering) -> $value {
                self.update(order, |old| old ^ bits)
            }

            /// The greater of two, and returns the value before.
            #[track_caller]
            pub fn fetch_max(&self, other: $value, order: Ordering) -> $value {
                self.update(order, |old| old.max(other))
            }

            /// The lesser of two, and returns the value before.
            #[track_caller]
            pub fn fetch_min(&self, other: $value, order: Ordering) -> $value {
                self.update(order, |old| old.min(other))
            }

            /// Writes `new` if the value is `current`.
            ///
            /// # Errors
            /// The value, if it is another one.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let orders = (success, failure);
                exchange(self.raw(), current as u64, new as u64, orders, false)
                    .map(|old| old as $value)
                    .map_err(|old| old as $value)
            }

            /// As `compare_exchange`, but may fail without a reason.
            ///
            /// # Errors
            /// The value, if nothing was written.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let orders = (success, failure);
                exchange(self.raw(), current as u64, new as u64, orders, true)
                    .map(|old| old as $value)
                    .map_err(|old| old as $value)
            }

            /// Reads, then tries to write what `f` makes of it until that succeeds. `f` is a function of
            /// the value alone: if all reads have the same ordering, this may be one step
            /// ([`Reduce::retries`](crate::Reduce::retries)), for which `f` is asked of each value.
            ///
            /// # Errors
            /// The value for which `f` gave nothing.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut f: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                if is_one_step(set, fetch) {
                    let (object, init) = self.raw();
                    let f = |old| f(old as $value).map(|new| new as u64);
                    return ops::rmw_loaded(object, init, Order::of(set), f)
                        .map(|old| old as $value)
                        .map_err(|old| old as $value);
                }
                loop {
                    let old = self.load(fetch);
                    let Some(new) = f(old) else { return Err(old) };
                    if self.compare_exchange_weak(old, new, set, fetch).is_ok() {
                        return Ok(old);
                    }
                    ops::spin_again();
                }
            }
        }
    )*};
}

integer! {
    /// An atomic `u64`.
    AtomicU64(u64);
    /// An atomic `u32`.
    AtomicU32(u32);
    /// An atomic `u16`.
    AtomicU16(u16);
    /// An atomic `u8`.
    AtomicU8(u8);
    /// An atomic `usize`.
    AtomicUsize(usize);
    /// An atomic `i64`.
    AtomicI64(i64);
    /// An atomic `i32`.
    AtomicI32(i32);
    /// An atomic `isize`.
    AtomicIsize(isize);
}
