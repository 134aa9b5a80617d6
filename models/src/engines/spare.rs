//! OS threads that have nothing to do, for searches that can use them, and how
//! a search is stopped to take them.
//!
//! Who starts with a number of threads gives those away that it does not need
//! any more; a search takes all that are there. So no more are ever busy than
//! there were in the beginning.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::Control;

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

/// Stops a search from outside: for good, or to go on with more workers.
#[derive(Clone)]
pub(super) struct Steer {
    stop: Arc<AtomicBool>,
    interrupt: Option<Arc<AtomicBool>>,
    spare: Spare,
}

impl Steer {
    /// Of a search that may take what is spare.
    pub fn new(control: &Control, spare: &Spare) -> Steer {
        let steer = Steer {
            stop: Arc::default(),
            interrupt: control.interrupt.clone(),
            spare: spare.clone(),
        };
        steer.look();
        steer
    }

    /// Whether it is stopped for good.
    pub fn is_interrupted(&self) -> bool {
        let flag = self.interrupt.as_ref();
        flag.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// The flag that stops the search.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Looks whether the search is to be stopped.
    pub fn look(&self) {
        if self.is_interrupted() || self.spare.is_some() {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Takes what is spare. The search may go on, unless it was stopped for good.
    pub fn take(&self) -> usize {
        self.stop.store(self.is_interrupted(), Ordering::Relaxed);
        self.spare.take()
    }
}
