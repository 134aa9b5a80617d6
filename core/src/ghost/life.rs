//! Whether an object is in use or free.

use crate::platform::{Cell, Platform, violated};
use crate::types::violation::{Invariant, Violation};

/// Whether an object is in use or free (G1).
pub(crate) struct Life<P: Platform> {
    cell: Option<P::Cell>,
    late: Violation,
}

const FREED: u64 = 0;
const ALIVE: u64 = 1;

impl<P: Platform> Life<P> {
    /// The life of a new object. Using it late is what `late` says.
    pub fn new(late: Violation) -> Life<P> {
        let cell = P::CHECKED.then(|| P::Cell::new(ALIVE));
        Life { cell, late }
    }

    /// The life of a new object; `what` completes "use after free: …".
    pub fn of(what: &'static str) -> Life<P> {
        Life::new(Violation {
            invariant: Invariant::UseAfterFree,
            what,
        })
    }

    /// The object is used.
    pub fn used(&self) {
        if let Some(cell) = &self.cell
            && cell.get(self.late) == FREED
        {
            P::violation(self.late);
        }
    }

    /// The object is freed.
    pub fn freed(&self) {
        if let Some(cell) = &self.cell {
            if cell.get(self.late) == FREED {
                violated::<P>(Invariant::UseAfterFree, "something was freed twice");
            }
            cell.set(FREED, self.late);
        }
    }

    /// The object is taken from its pool again.
    pub fn reused(&self) {
        if let Some(cell) = &self.cell {
            cell.set(ALIVE, self.late);
        }
    }
}
