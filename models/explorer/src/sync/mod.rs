//! Primitives as in `std::sync`.

#[allow(unsafe_code, reason = "ends a handle before its place does")]
mod arc;
pub mod atomic;
mod condvar;
#[allow(unsafe_code, reason = "lends what the mutex guards")]
mod mutex;
#[allow(unsafe_code, reason = "lends what the lock guards")]
mod rwlock;

pub use arc::{Arc, Weak};
pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
