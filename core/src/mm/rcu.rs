//! Read-copy-update: readers, grace periods, deferred freeing.
//!
//! A reader holds its CPU's RCU lock; a grace period takes each CPU's lock
//! once. What is to be freed after a grace period waits with the CPU that
//! retired it, until [`Cpu::rcu_barrier`].
//!
//! # Linux
//! `call_rcu()`, `synchronize_rcu()`. Changed: a CPU processes its callbacks
//! when it is told to and when it runs out of work, not at any time.

use alloc::sync::Arc;

use crate::mm::cpu::Cpu;
use crate::mm::vma::Vma;
use crate::mm::vma_tree::{Node, Retired};
use crate::platform::{Mutex, Platform, violated};
use crate::types::counters::{Counter, Counters};
use crate::types::event::{LockClass, LockStep, What};
use crate::types::ids::{MmId, TableId};
use crate::types::protocol::{FaultPath, Ptl};
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;

/// What is to be freed after a grace period.
pub(crate) enum Callback<P: Platform> {
    /// A page table.
    Table(TableId),
    /// A VMA.
    Vma(MmId, Arc<Vma<P>>),
    /// A node of the VMA tree.
    Node(Arc<Node<P>>),
}

/// An RCU read section.
pub(crate) struct RcuGuard<'s, P: Platform> {
    _held: <P::Mutex<()> as Mutex<()>>::Guard<'s>,
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Linux: `rcu_read_lock()`.
    pub(crate) fn rcu_read_lock(&self) -> RcuGuard<'s, P> {
        RcuGuard {
            _held: self.sys.percpu(self.id()).rcu.lock(),
        }
    }

    /// Waits for a grace period: every read section that has begun has ended.
    fn synchronize_rcu(&mut self) {
        // QUIRK(GracePeriodOfOne): proofs/vma_tree/grace-period-waits-for-all
        let all = if self.sys.has(Quirk::GracePeriodOfOne) {
            1
        } else {
            usize::MAX
        };
        for cpu in self.others().take(all) {
            let instance = cpu.0 as u64;
            self.lock_event(LockClass::Rcu, instance, LockStep::Waits);
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
    pub fn settle(&mut self) {
        self.rcu_barrier();
        if self.irq_off().tlb.lazy {
            self.switch_to_mm();
        }
        self.irq_off().tlb.flush(None);
        self.local.counters = Counters::default();
    }

    /// Frees the memory of a page table that was unhooked.
    /// Linux: `__tlb_remove_table()`, `pagetable_dtor()`.
    pub(crate) fn free_table_now(&mut self, id: TableId) {
        let table = self.sys.table(id);
        if P::CHECKED && !table.is_empty() {
            violated::<P>(
                Invariant::Leak,
                "a page table was freed with a page in it: the page is lost",
            );
        }
        self.event(What::TableFreed { table: id });
        self.count(Counter::PtFrees);
        if !self.frees_ptl_early() {
            table.ptl_life.freed();
        }
        table.life.freed();
        self.local.tables.put::<P>(id.0, &self.sys.table_reserve);
    }

    /// A page table was unhooked: what is freed right then.
    pub(crate) fn table_removed(&mut self, id: TableId) {
        if self.frees_ptl_early() {
            self.event(What::PtlFreed { table: id });
            self.sys.table(id).ptl_life.freed();
        }
    }

    fn frees_ptl_early(&self) -> bool {
        // QUIRK(PtlFreeImmediate): proofs/spf/ptl-freed-before-its-table
        self.sys.protocol().ptl() == Ptl::Allocated && self.sys.has(Quirk::PtlFreeImmediate)
    }

    /// Frees a VMA that was removed and whose pages are gone.
    pub(crate) fn free_vma(&mut self, vma: Arc<Vma<P>>) {
        // QUIRK(VmaFreeImmediate): proofs/spf/vma-freed-under-copy
        let at_once = self.sys.has(Quirk::VmaFreeImmediate)
            || match self.sys.protocol().fault() {
                // Looked at under the mmap lock only.
                FaultPath::MmapLock => true,
                // Type-safe: a reader finds out what it has locked.
                FaultPath::VmaRefcnt => true,
                FaultPath::Spf | FaultPath::VmaLock | FaultPath::RcuFault => false,
            };
        if at_once {
            self.free_vma_now(vma);
        } else {
            self.local.callbacks.push(Callback::Vma(self.local.mm, vma));
        }
    }

    fn free_vma_now(&mut self, vma: Arc<Vma<P>>) {
        vma.life.freed();
        self.event(What::VmaFreed);
        self.local.vmas[self.local.mm.0].push(vma);
    }

    fn free_node_now(&mut self, node: &Node<P>) {
        node.life.freed();
        self.local.nodes_freed += 1;
    }

    /// Frees nodes of the VMA tree that an update has replaced.
    pub(crate) fn retire_nodes(&mut self, nodes: Retired<P>) {
        if !P::CHECKED {
            return;
        }
        self.local.nodes_made += nodes.made;
        for node in nodes.nodes {
            // QUIRK(NodeFreeImmediate): proofs/vma_tree/node-freed-under-walk
            if self.sys.protocol().fault() == FaultPath::MmapLock
                || self.sys.has(Quirk::NodeFreeImmediate)
            {
                self.free_node_now(&node);
            } else {
                self.local.callbacks.push(Callback::Node(node));
            }
        }
    }
}
