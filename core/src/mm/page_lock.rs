//! The lock of a page of a file.
//!
//! Only faults that map around their page try it. It is one that can be tried only where there are such faults: a checker
//! may have a dearer model of that (loom's search of a proof grows by a factor of thirty).

use crate::platform::{Mutex, Platform, TryLock};

/// The lock.
pub(crate) enum PageLock<P: Platform> {
    /// One that is waited for.
    Waited(P::Mutex<()>),
    /// One that may be tried, too.
    Tried(P::SpinLock<()>),
}

/// The lock, held.
pub(crate) enum PageLocked<'a, P: Platform> {
    /// It can only be waited for.
    Waited(<P::Mutex<()> as Mutex<()>>::Guard<'a>),
    /// It may be tried.
    Tried(<P::SpinLock<()> as Mutex<()>>::Guard<'a>),
}

impl<P: Platform> PageLock<P> {
    /// A lock; `tried`: one that can be tried.
    pub fn new(tried: bool) -> PageLock<P> {
        const NAME: &str = "page_lock";
        match tried {
            true => PageLock::Tried(P::SpinLock::new(()).called(NAME)),
            false => PageLock::Waited(P::Mutex::new(()).called(NAME)),
        }
    }

    /// Waits for it.
    pub fn lock(&self) -> PageLocked<'_, P> {
        match self {
            PageLock::Waited(lock) => PageLocked::Waited(lock.lock()),
            PageLock::Tried(lock) => PageLocked::Tried(lock.lock()),
        }
    }

    /// Takes it if it is free. One that cannot be tried is never taken.
    pub fn try_lock(&self) -> Option<PageLocked<'_, P>> {
        match self {
            PageLock::Waited(_) => None,
            PageLock::Tried(lock) => lock.try_lock().map(PageLocked::Tried),
        }
    }
}
