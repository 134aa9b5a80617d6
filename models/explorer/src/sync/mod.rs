//! Primitives as in `std::sync`.

pub mod atomic;
mod condvar;
#[allow(unsafe_code, reason = "lends what the mutex guards")]
mod mutex;
#[allow(unsafe_code, reason = "lends what the lock guards")]
mod rwlock;

pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use std::sync::Arc;
