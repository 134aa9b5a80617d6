//! OS threads that have nothing to do, for searches that can use them.
//!
//! Who starts with a number of threads gives those away that it does not need
//! any more; a search takes all that are there. So no more are ever busy than
//! there were in the beginning.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of OS threads.
#[derive(Clone, Debug, Default)]
pub struct Spare(Arc<AtomicUsize>);

impl Spare {
    /// So many more have nothing to do.
    pub fn give(&self, threads: usize) {
        self.0.fetch_add(threads, Ordering::Relaxed);
    }

    /// Takes all that are there.
    pub(super) fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }

    /// Whether there are any.
    pub(super) fn is_some(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}
