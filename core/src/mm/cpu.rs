//! A CPU in the kernel: its private part, and the address space that it works on.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ghost::lock_events::LockEvents;
use crate::hw::interrupt::IrqGuard;
use crate::hw::mmu::Mmu;
use crate::hw::pool::Pool;
use crate::mm::space::Mm;
use crate::mm::system::System;
use crate::mm::vma::{Vma, VmaPool};
use crate::mm::vma_tree::Node;
use crate::orderings;
use crate::platform::{Mutex, Platform, Word};
use crate::types::addr::Vpn;
use crate::types::counters::{Counter, Counters};
use crate::types::event::{Event, LockClass, What};
use crate::types::ids::{CpuId, GrantId, MmId, Pfn, TableId};
use crate::types::prot::Prot;

/// An object that is to be freed after a grace period.
pub(crate) enum Callback<P: Platform> {
    /// A page table.
    Table(TableId),
    /// A VMA.
    Vma(MmId, Arc<Vma<P>>),
    /// A node of the VMA tree.
    Node(Arc<Node<P>>),
}

/// The part of a CPU that no other one touches: its share of free memory, the objects that it will
/// free after a grace period, its counters.
pub struct CpuLocal<P: Platform> {
    id: CpuId,
    /// The address space that it runs, or works on.
    pub(crate) mm: MmId,
    pub(crate) frames: Pool,
    pub(crate) tables: Pool,
    /// Free VMAs, for each address space.
    pub(crate) vmas: Vec<VmaPool<P>>,
    /// How many nodes of VMA trees it has made, and has freed (ghost).
    pub(crate) nodes_made: usize,
    pub(crate) nodes_freed: usize,
    pub(crate) callbacks: Vec<Callback<P>>,
    /// How many anon_vmas it has made.
    pub(crate) anon_vmas_made: u32,
    pub(crate) grants_made: usize,
    pub(crate) counters: Counters,
}

impl<P: Platform> CpuLocal<P> {
    /// The private part of CPU `id` of `system`, as it starts: it runs the first address space.
    /// To be made once.
    pub fn new(system: &System<P>, id: CpuId) -> CpuLocal<P> {
        let config = system.config();
        let share = |(start, end)| Pool::new(start, end);
        CpuLocal {
            id,
            mm: MmId::MAIN,
            frames: share(config.frames_of(id)),
            tables: share(config.tables_of(id)),
            vmas: (0..config.mms).map(|_| VmaPool::new()).collect(),
            nodes_made: 0,
            nodes_freed: 0,
            callbacks: Vec::new(),
            anon_vmas_made: 0,
            grants_made: 0,
            counters: Counters::default(),
        }
    }

    /// Which CPU.
    pub fn id(&self) -> CpuId {
        self.id
    }

    /// Its counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl<P: Platform> System<P> {
    /// Whether two CPUs begin alike, so that nothing but their names tells them apart: they run one address
    /// space, their TLBs are empty and were flushed up to the same generation, and they have no object
    /// that was used before, nor one to free. No CPU runs yet.
    pub fn begin_alike(&self, [one, other]: [&CpuLocal<P>; 2]) -> bool {
        let tlb = |local: &CpuLocal<P>| {
            let tlb = self.percpu(local.id()).irq.lock();
            tlb.is_empty().then_some((tlb.generation, tlb.lazy))
        };
        let fresh = |local: &CpuLocal<P>| {
            let pools = [&local.frames, &local.tables];
            pools.into_iter().all(Pool::is_fresh)
                && local.vmas.iter().all(VmaPool::is_fresh)
                && local.callbacks.is_empty()
        };
        let state = tlb(one);
        one.mm == other.mm && state.is_some() && state == tlb(other) && fresh(one) && fresh(other)
    }

    /// Lets a CPU run `mm` from here on, without translations: no CPU runs.
    pub fn run_in(&self, local: &mut CpuLocal<P>, mm: MmId) {
        if local.mm == mm {
            return;
        }
        let cpu = local.id();
        let move_to = |mm: MmId, runs: bool| {
            let mm = self.mm(mm);
            let mask = mm.cpumask.load(orderings::AT_REST) & !(1 << cpu.0);
            let mask = mask | u64::from(runs) << cpu.0;
            mm.cpumask.store(mask, orderings::AT_REST);
        };
        move_to(local.mm, false);
        move_to(mm, true);
        local.mm = mm;
        let mut tlb = self.percpu(cpu).irq.lock();
        tlb.flush(None);
        tlb.generation = self.mm(mm).tlb_gen.load(orderings::AT_REST);
    }
}

/// A CPU that runs.
pub struct Cpu<'s, P: Platform> {
    pub(crate) sys: &'s System<P>,
    pub(crate) local: &'s mut CpuLocal<P>,
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Lets the CPU that `local` belongs to run.
    pub fn new(sys: &'s System<P>, local: &'s mut CpuLocal<P>) -> Cpu<'s, P> {
        Cpu { sys, local }
    }

    /// Which CPU.
    pub fn id(&self) -> CpuId {
        self.local.id
    }

    pub(crate) fn event(&self, what: What) {
        P::event(Event {
            cpu: self.id(),
            what,
        });
    }

    /// Tells how a fault finds its VMA.
    pub(crate) fn how(&self, how: &'static str) {
        self.event(What::FaultPath { how });
    }

    pub(crate) fn count(&mut self, counter: Counter) {
        self.local.counters.count(counter);
        self.event(What::Count(counter));
    }

    /// The address space that the CPU runs, or works on. Linux: `current->mm`.
    pub(crate) fn mm(&self) -> &'s Mm<P> {
        self.sys.mm(self.local.mm)
    }

    /// Lets the CPU work on another address space meanwhile.
    pub(crate) fn within<R>(&mut self, mm: MmId, work: impl FnOnce(&mut Self) -> R) -> R {
        let own = core::mem::replace(&mut self.local.mm, mm);
        let result = work(self);
        self.local.mm = own;
        result
    }

    /// The same, and tells so, if it is not the CPU's own.
    pub(crate) fn visiting<R>(&mut self, mm: MmId, work: impl FnOnce(&mut Self) -> R) -> R {
        let own = self.local.mm;
        if mm != own {
            self.event(What::Visits { mm });
        }
        let result = self.within(mm, work);
        if mm != own {
            self.event(What::Visits { mm: own });
        }
        result
    }

    /// The events of the lock `number` of the address space that the CPU works on.
    pub(crate) fn mm_lock_events(&self, class: LockClass, number: u64) -> LockEvents<P> {
        let instance = LockClass::in_mm(self.local.mm, number);
        LockEvents::new(self.id(), class, instance)
    }

    /// The part of the CPU that translates its accesses.
    pub(crate) fn mmu(&self) -> Mmu<'s, P> {
        Mmu {
            machine: &self.sys.machine,
            cpu: self.id(),
            root: self.mm().root,
        }
    }

    /// Turns interrupts off.
    pub(crate) fn irq_off(&self) -> IrqGuard<'s, P> {
        self.sys.machine.irq_off(self.id())
    }

    /// The other CPUs.
    pub(crate) fn others(&self) -> impl Iterator<Item = CpuId> + use<P> {
        let me = self.id();
        (0..self.sys.machine.cpus.len())
            .map(CpuId)
            .filter(move |&cpu| cpu != me)
    }

    /// A zeroed frame for the page `vpn`, if one is free.
    pub(crate) fn alloc_frame(&mut self, vpn: Vpn) -> Option<Pfn> {
        let frames = &self.sys.machine.frames;
        frames.alloc(&mut self.local.frames, vpn)
    }

    /// Puts a reference of a frame: that of an entry through which the frame cannot be reached any
    /// more, or of a copy that is made. The last one frees it.
    pub(crate) fn free_frame(&mut self, pfn: Pfn) {
        let id = self.id();
        let frames = &self.sys.machine.frames;
        frames.put(&mut self.local.frames, id, pfn);
    }

    /// A new grant of `prot` (ghost).
    pub(crate) fn grant(&mut self, prot: Prot) -> GrantId {
        let id = self.id();
        let grants = &self.sys.machine.grants;
        grants.make(id, &mut self.local.grants_made, prot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_platform::Alone;
    use crate::types::config::Config;
    use crate::{MmapFlags, PageRange};

    /// Whether CPU 1 begins as CPU 0 does, that has done this.
    fn alike(does: impl FnOnce(&mut Cpu<'_, Alone>)) -> bool {
        let system = System::<Alone>::new(Config::small(2));
        let mut locals = [0, 1].map(|cpu| CpuLocal::new(&system, CpuId(cpu)));
        let mut boot = Cpu::new(&system, &mut locals[0]);
        let page = PageRange::page(Vpn(1));
        boot.mmap(page, Prot::RW, MmapFlags::default())
            .expect("there is room");
        boot.write(Vpn(1), 7).expect("it is mapped");
        does(&mut boot);
        boot.leave_nothing_behind();
        system.begin_alike(locals.each_ref())
    }

    #[test]
    fn cpus_begin_alike_if_none_has_what_was_used() {
        assert!(alike(|_| ()));
        let page = PageRange::page(Vpn(1));
        assert!(!alike(|cpu| cpu.munmap(page).expect("it is mapped")));
        assert!(!alike(|cpu| cpu.relaxed_flush(page)));
    }
}
