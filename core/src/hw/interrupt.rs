//! CPUs as other CPUs see them, and how interrupts are turned off.
//!
//! An interrupt is modelled as it is: a CPU holds its own interrupt lock while
//! interrupts are off, for each user access and for each hardware walk; an IPI
//! is another CPU that takes the lock. So "interrupts off hold back page-table
//! freeing" and "a shootdown waits" are no special cases.

use core::sync::atomic::AtomicU32;

use crate::ghost::lock_events::LockEvents;
use crate::ghost::looked::Active;
use crate::hw::tlb::Tlb;
use crate::platform::{Mutex, Platform, WaitQueue, Word};
use crate::types::event::{LockClass, LockStep};
use crate::types::ids::CpuId;

/// What other CPUs may touch of a CPU.
pub(crate) struct PerCpu<P: Platform> {
    /// Held while interrupts are off; the TLB is inside.
    pub irq: P::Mutex<Tlb>,
    /// Held inside an RCU read section.
    pub rcu: P::Mutex<()>,
    /// How many RCU read sections it is in (ghost).
    pub rcu_sections: AtomicU32,
    /// Whether it runs a kernel thread and may be passed over.
    /// Linux: `cpu_tlbstate_shared.is_lazy`.
    pub lazy: P::Word,
    /// Where it waits for a flush of its TLB, if nothing else can help it.
    pub flushed: P::WaitQueue,
}

impl<P: Platform> PerCpu<P> {
    pub fn new(tlb_entries: usize) -> PerCpu<P> {
        PerCpu {
            irq: P::Mutex::new(Tlb::new(tlb_entries)).called("irq"),
            rcu: P::Mutex::new(()).called("rcu"),
            rcu_sections: AtomicU32::new(0),
            lazy: P::Word::new(0).called("lazy"),
            flushed: P::WaitQueue::new().called("flushed"),
        }
    }

    /// The CPU turns its interrupts off. Linux: `local_irq_disable()`.
    pub fn irq_off<'s>(&'s self, quirks: &'s Active) -> IrqGuard<'s, P> {
        IrqGuard {
            tlb: self.irq.lock(),
            quirks,
        }
    }

    /// CPU `by` interrupts this one, which is `target`: waits until its interrupts are on.
    pub fn interrupt<'s>(
        &'s self,
        by: CpuId,
        target: CpuId,
        quirks: &'s Active,
    ) -> Interrupted<'s, P> {
        let events = LockEvents::new(by, LockClass::Irq, target.0 as u64);
        events.tell(LockStep::Waits);
        let tlb = self.irq.lock();
        events.tell(LockStep::Locked);
        Interrupted {
            irq: IrqGuard { tlb, quirks },
            events,
        }
    }
}

/// Interrupts of a CPU that are off, its own or another's.
pub(crate) struct IrqGuard<'s, P: Platform> {
    pub tlb: <P::Mutex<Tlb> as Mutex<Tlb>>::Guard<'s>,
    pub quirks: &'s Active,
}

/// Another CPU that is interrupted.
pub(crate) struct Interrupted<'s, P: Platform> {
    /// Its interrupts, which are off meanwhile.
    pub irq: IrqGuard<'s, P>,
    events: LockEvents<P>,
}

impl<P: Platform> Interrupted<'_, P> {
    /// The interrupt's handler returns.
    pub fn end(self) {
        self.events.tell(LockStep::Unlocked);
        drop(self.irq);
    }
}
