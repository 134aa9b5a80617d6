//! Lock events: which CPU takes which lock, for the check of the lock order.

use core::marker::PhantomData;

use crate::platform::Platform;
use crate::types::event::{Event, LockClass, LockStep, What};
use crate::types::ids::CpuId;

/// Tells what a CPU does with one lock. The lock's guard keeps it, and tells with it that the lock
/// is left.
pub(crate) struct LockEvents<P> {
    cpu: CpuId,
    class: LockClass,
    instance: u64,
    platform: PhantomData<P>,
}

impl<P: Platform> LockEvents<P> {
    /// What `cpu` does with the lock `instance` of `class`.
    pub const fn new(cpu: CpuId, class: LockClass, instance: u64) -> LockEvents<P> {
        LockEvents {
            cpu,
            class,
            instance,
            platform: PhantomData,
        }
    }

    /// The CPU.
    pub const fn cpu(&self) -> CpuId {
        self.cpu
    }

    /// The CPU makes this step.
    pub fn tell(&self, step: LockStep) {
        P::event(Event {
            cpu: self.cpu,
            what: What::Lock {
                class: self.class,
                instance: self.instance,
                step,
            },
        });
    }
}
