//! Read-copy-update: readers, grace periods, deferred freeing.
//!
//! A reader holds its CPU's RCU lock; a grace period takes each CPU's lock
//! once. Read sections nest: the outermost one has the lock, and ends last. An object that is to be freed after a grace period waits with the CPU that
//! retired it, until [`Cpu::rcu_barrier`].
//!
//! # Linux
//! `call_rcu()`, `synchronize_rcu()`. Changed: a CPU processes its callbacks
//! when it is told to and when it runs out of work, not at any time.

use core::sync::atomic::AtomicU32;

use crate::ghost::lock_events::LockEvents;
use crate::mm::cpu::{Callback, Cpu};
use crate::mm::system::System;
use crate::orderings;
use crate::platform::{Mutex, Platform, violated};
use crate::types::counters::{Counter, Counters};
use crate::types::event::{LockClass, LockStep, What};
use crate::types::ids::CpuId;
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;

/// An RCU read section.
pub(crate) struct RcuGuard<'s, P: Platform> {
    /// The lock, unless an outer section has it.
    held: Option<<P::Mutex<()> as Mutex<()>>::Guard<'s>>,
    sections: &'s AtomicU32,
}

impl<'s, P: Platform> RcuGuard<'s, P> {
    /// A section of `cpu`.
    pub fn enter(sys: &'s System<P>, cpu: CpuId) -> RcuGuard<'s, P> {
        let own = sys.percpu(cpu);
        let is_outermost = own.rcu_sections.load(orderings::GHOST) == 0;
        let held = is_outermost.then(|| own.rcu.lock());
        own.rcu_sections.fetch_add(1, orderings::GHOST);
        RcuGuard {
            held,
            sections: &own.rcu_sections,
        }
    }
}

impl<P: Platform> Drop for RcuGuard<'_, P> {
    fn drop(&mut self) {
        let sections = self.sections.fetch_sub(1, orderings::GHOST);
        debug_assert!(
            self.held.is_none() || sections == 1,
            "an outer RCU read section ends before an inner one"
        );
    }
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Linux: `rcu_read_lock()`.
    pub(crate) fn rcu_read_lock(&self) -> RcuGuard<'s, P> {
        RcuGuard::enter(self.sys, self.id())
    }

    /// The CPU is about to wait for a lock whose holder may sleep. Linux: `might_sleep()`.
    pub(crate) fn might_sleep(&self) {
        let sections = &self.sys.percpu(self.id()).rcu_sections;
        if P::CHECKED && sections.load(orderings::GHOST) > 0 {
            violated::<P>(
                Invariant::SleepInRcu,
                "a CPU went to wait for a lock that may sleep inside an RCU read section",
            );
        }
    }

    /// Waits for a grace period: every read section that has begun has ended.
    fn synchronize_rcu(&mut self) {
        self.might_sleep();
        // QUIRK(GracePeriodOfOne): proofs/vma_tree/grace-period-waits-for-all
        let all = if self.sys.has(Quirk::GracePeriodOfOne) {
            1
        } else {
            usize::MAX
        };
        for cpu in self.others().take(all) {
            let events = LockEvents::<P>::new(self.id(), LockClass::Rcu, cpu.0 as u64);
            events.tell(LockStep::Waits);
            drop(self.sys.percpu(cpu).rcu.lock());
        }
        self.count(Counter::GracePeriods);
        self.event(What::GracePeriod);
    }

    /// Waits until all that this CPU has retired is free.
    /// Linux: `rcu_barrier()`.
    pub fn rcu_barrier(&mut self) {
        if self.local.callbacks.is_empty() {
            return;
        }
        self.synchronize_rcu();
        for callback in core::mem::take(&mut self.local.callbacks) {
            match callback {
                Callback::Table(table) => self.free_table_now(table),
                Callback::Vma(mm, vma) => self.within(mm, |cpu| cpu.free_vma_now(vma)),
                Callback::Node(node) => self.free_node_now(&node),
            }
        }
    }

    /// Leaves nothing half done and nothing behind: what was retired is free, no kernel thread
    /// runs, the TLB is empty, the counters are at zero.
    pub fn leave_nothing_behind(&mut self) {
        self.rcu_barrier();
        if self.irq_off().tlb.lazy {
            self.switch_to_mm();
        }
        self.irq_off().tlb.flush(None);
        self.local.counters = Counters::default();
    }
}
