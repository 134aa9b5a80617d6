//! A driver whose device is mapped: who may call it under which lock, and what guards its state.
//!
//! ```text
//! mmap, fork, a split, mremap   open: one mapping more; with the first one the device's table is set up
//! munmap, exit, mremap          pages --> close: one mapping less; with the last one the table is torn down
//! a fault                       the table is there, and tells which page it is --> ptl: entry set
//! ```
//! The device's pages are its own memory, which is there for good: what is mapped shows it like a shared mapping of a
//! file without a page cache. What comes and goes is the driver's state, which is plain memory.
//!
//! # Invariants
//! - R1: what is open is counted: there are as many mappings as VMAs of the device in all address spaces, but for those
//!   that are being opened or closed.
//! - R2: a VMA that a fault can find is open; it is closed when it is out of the tree, and no fault is in it any more. So a
//!   fault finds the table.
//! - R3: the state has a lock of its own (`driver_state=own_lock`). The mmap lock will not do for it: faults under a VMA's
//!   lock do not take it, `munmap` closes when it has only read-locked it, and after a `fork` there are two.
//! - R4: `map_pages` is called under RCU, and does not sleep: it tries the driver's lock.
//!
//! | what | which proof shows it |
//! | --- | --- |
//! | R1 | `driver/fork-opens`, `driver/split-opens`, `driver/halves-stay-two` |
//! | R2 | `driver/closed-when-it-is-gone` |
//! | R3 | `driver/state-of-one-process`, `driver/closed-after-downgrade`, `driver/state-shared-over-fork`, `driver/fault-takes-the-drivers-lock` |
//! | R4 | `driver/maps-ahead-without-sleep` |
//!
//! # Linux
//! `struct vm_operations_struct`: `open`, `close`, `fault`, `map_pages`; mm/memory.c: `vmf_can_call_fault()`,
//! `do_fault_around()`; mm/vma.c: `__split_vma()`, `remove_vma()`, `can_vma_merge_before()` (what has `close` is not merged);
//! kernel/fork.c, `dup_mmap()`; drivers/gpu/drm/ttm/ttm_bo_vm.c, `ttm_bo_vm_reserve()`, which starts a fault again when its
//! lock is taken. Changed: a VMA is opened before it is in the tree, in `fork` too.

use crate::ghost::lock_events::{Held, LockEvents};
use crate::platform::{Cell, Mutex, Platform, TryLock, violated};
use crate::types::event::LockClass;
use crate::types::ids::CpuId;
use crate::types::violation::{Invariant, Violation};

const STATE_RACE: Violation = Violation {
    invariant: Invariant::DataRace,
    what: "a driver's state was changed while another CPU was at it",
};

/// A driver, and its device.
pub(crate) struct Driver<P: Platform> {
    lock: P::SpinLock<()>,
    /// How many VMAs show the device.
    mappings: P::Cell,
}

/// The driver's lock, held.
pub(crate) type DriverGuard<'s, P> =
    Held<P, <<P as Platform>::SpinLock<()> as Mutex<()>>::Guard<'s>>;

impl<P: Platform> Driver<P> {
    /// One whose device is not mapped.
    pub fn new() -> Driver<P> {
        Driver {
            lock: P::SpinLock::new(()).called("driver_lock"),
            mappings: P::Cell::new(0),
        }
    }

    /// How many VMAs it was told of.
    pub fn mappings(&self) -> u64 {
        self.mappings.get(STATE_RACE)
    }

    /// Waits for the lock, for `cpu`.
    pub fn lock(&self, cpu: CpuId) -> DriverGuard<'_, P> {
        LockEvents::new(cpu, LockClass::Driver, 0).wait(|| self.lock.lock())
    }

    /// Takes the lock for `cpu`, unless it is taken.
    pub fn try_lock(&self, cpu: CpuId) -> Option<DriverGuard<'_, P>> {
        LockEvents::new(cpu, LockClass::Driver, 0).attempt(|| self.lock.try_lock())
    }

    /// It is told of one mapping more, or less.
    pub fn change_mappings(&self, change: impl FnOnce(u64) -> u64) {
        self.mappings.set(change(self.mappings()), STATE_RACE);
    }

    /// A fault looks which page the device has: by the table, which is there while something is mapped.
    pub fn look_up(&self) {
        if self.mappings.get(STATE_RACE) == 0 {
            violated::<P>(
                Invariant::UseAfterFree,
                "a driver's fault handler used a table that was torn down with the last mapping",
            );
        }
    }
}
