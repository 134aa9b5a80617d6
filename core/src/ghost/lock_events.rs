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

    /// The CPU waits for the lock, which `take` takes.
    pub fn wait<G>(self, take: impl FnOnce() -> G) -> Held<P, G> {
        self.tell(LockStep::Waits);
        let guard = take();
        self.tell(LockStep::Locked);
        Held {
            guard,
            events: self,
        }
    }

    /// The CPU takes the lock if it is free: `take` says whether.
    pub fn attempt<G>(self, take: impl FnOnce() -> Option<G>) -> Option<Held<P, G>> {
        self.tell(LockStep::Tries);
        let Some(guard) = take() else {
            self.tell(LockStep::Busy);
            return None;
        };
        self.tell(LockStep::TryLocked);
        Some(Held {
            guard,
            events: self,
        })
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

/// A lock that is held: its guard, and what is told of it. Not `Drop`: an execution that ended in a violation tells nothing
/// more.
pub(crate) struct Held<P, G> {
    /// The guard.
    pub guard: G,
    events: LockEvents<P>,
}

impl<P: Platform, G> Held<P, G> {
    /// Leaves the lock.
    pub fn unlock(self) {
        self.events.tell(LockStep::Unlocked);
        drop(self.guard);
    }
}
