//! CPUs: what each has for itself, and how interrupts are turned off.
//!
//! An interrupt is modelled as it is: a CPU holds its own interrupt lock while
//! interrupts are off, for each user access and for each hardware walk; an IPI
//! is another CPU that takes the lock. So "interrupts off hold back page-table
//! freeing" and "a shootdown waits" are no special cases.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ghost::looked::Active;
use crate::hw::frame::Frame;
use crate::hw::pool::Pool;
use crate::hw::table::Table;
use crate::hw::tlb::Tlb;
use crate::mm::rcu::Callback;
use crate::mm::system::System;
use crate::mm::vma::Vma;
use crate::platform::{Mutex, Platform, WaitQueue, Word};
use crate::types::addr::Vpn;
use crate::types::counters::{Counter, Counters};
use crate::types::event::{Event, LockClass, LockStep, What};
use crate::types::ids::{CpuId, MmId, Pfn, TableId};
use crate::types::quirk::Quirk;

/// What other CPUs may touch of a CPU.
pub(crate) struct PerCpu<P: Platform> {
    /// Held while interrupts are off; the TLB is inside.
    pub irq: P::Mutex<Tlb>,
    /// Held inside an RCU read section.
    pub rcu: P::Mutex<()>,
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
            lazy: P::Word::new(0).called("lazy"),
            flushed: P::WaitQueue::new().called("flushed"),
        }
    }
}

/// What only the CPU itself touches: its share of free memory, what it will
/// free after a grace period, what it counted.
pub struct CpuLocal<P: Platform> {
    id: CpuId,
    /// The address space that it runs, or works on.
    pub(crate) mm: MmId,
    pub(crate) frames: Pool,
    pub(crate) tables: Pool,
    /// Free VMAs, for each address space: see `vma`.
    pub(crate) vmas: Vec<Vec<Arc<Vma<P>>>>,
    /// How many VMAs it has made.
    pub(crate) vmas_made: usize,
    /// How many nodes of VMA trees it has made, and has freed (ghost).
    pub(crate) nodes_made: usize,
    pub(crate) nodes_freed: usize,
    pub(crate) callbacks: Vec<Callback<P>>,
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
            vmas: (0..config.mms).map(|_| Vec::new()).collect(),
            vmas_made: 0,
            nodes_made: 0,
            nodes_freed: 0,
            callbacks: Vec::new(),
            grants_made: 0,
            counters: Counters::default(),
        }
    }

    /// What a walker of CPU `id` needs: no memory of its own.
    pub(crate) fn of_walker(id: CpuId, mm: MmId) -> CpuLocal<P> {
        CpuLocal {
            id,
            mm,
            frames: Pool::new(0, 0),
            tables: Pool::new(0, 0),
            vmas: Vec::new(),
            callbacks: Vec::new(),
            nodes_freed: 0,
            nodes_made: 0,
            vmas_made: 0,
            grants_made: 0,
            counters: Counters::default(),
        }
    }

    /// Which CPU.
    pub fn id(&self) -> CpuId {
        self.id
    }

    /// What it counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

/// A CPU that runs.
pub struct Cpu<'s, P: Platform> {
    pub(crate) sys: &'s System<P>,
    pub(crate) local: CpuLocal<P>,
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Lets the CPU that `local` belongs to run.
    pub fn new(sys: &'s System<P>, local: CpuLocal<P>) -> Cpu<'s, P> {
        Cpu { sys, local }
    }

    /// Stops it.
    pub fn into_local(self) -> CpuLocal<P> {
        self.local
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

    pub(crate) fn lock_event(&self, class: LockClass, instance: u64, step: LockStep) {
        self.event(What::Lock {
            class,
            instance,
            step,
        });
    }

    pub(crate) fn count(&mut self, counter: Counter) {
        self.local.counters.count(counter);
        self.event(What::Count(counter));
    }

    /// Turns interrupts off. Linux: `local_irq_disable()`.
    pub(crate) fn irq_off(&self) -> IrqGuard<'s, P> {
        IrqGuard {
            tlb: self.sys.percpu(self.id()).irq.lock(),
            quirks: self.sys.quirks(),
        }
    }

    /// Interrupts `target`: waits until its interrupts are on.
    pub(crate) fn interrupt(&self, target: CpuId) -> IrqGuard<'s, P> {
        let instance = target.0 as u64;
        self.lock_event(LockClass::Irq, instance, LockStep::Waits);
        let tlb = self.sys.percpu(target).irq.lock();
        self.lock_event(LockClass::Irq, instance, LockStep::Locked);
        let quirks = self.sys.quirks();
        IrqGuard { tlb, quirks }
    }

    /// The other CPUs.
    pub(crate) fn others(&self) -> impl Iterator<Item = CpuId> + use<P> {
        let me = self.id();
        (0..self.sys.cpus.len())
            .map(CpuId)
            .filter(move |&cpu| cpu != me)
    }

    /// A zeroed frame for the page `vpn`, if one is free.
    pub(crate) fn alloc_frame(&mut self, vpn: Vpn) -> Option<Pfn> {
        let number = self.local.frames.take::<P>(&self.sys.frame_reserve)?;
        let shares = self.sys.shares_frames();
        let frame = self
            .sys
            .frames
            .get_or_make(number, || Frame::new(shares, self.sys.quirks().clone()));
        frame.allocated(vpn);
        // QUIRK(PageNotZeroed): proofs/basics/reused-page-reads-zero
        if !self.sys.has(Quirk::PageNotZeroed) {
            frame.zero();
        }
        Some(Pfn(number))
    }

    /// Frees a frame that nobody can reach any more through one of its entries, if that was the
    /// last one. Linux: `folio_put()`.
    pub(crate) fn free_frame(&mut self, pfn: Pfn) {
        if pfn == Pfn::ZERO || !self.sys.frame(pfn).put() {
            return;
        }
        self.event(What::FrameFreed { pfn });
        self.sys.frame(pfn).freed();
        self.local.frames.put::<P>(pfn.0, &self.sys.frame_reserve);
    }

    /// An empty page table, if there is memory for one.
    pub(crate) fn alloc_table(&mut self) -> Option<TableId> {
        let number = self.local.tables.take::<P>(&self.sys.table_reserve)?;
        let (geometry, quirks) = (self.sys.geometry(), self.sys.quirks());
        let make = || Table::new(geometry, quirks.clone());
        let table = self.sys.tables.get_or_make(number, make);
        table.life.reused();
        table.ptl_life.reused();
        self.count(Counter::PtAllocs);
        Some(TableId(number))
    }

    /// A VMA to fill in.
    pub(crate) fn alloc_vma(&mut self) -> Arc<Vma<P>> {
        let vma = self.local.vmas[self.local.mm.0].pop();
        self.local.vmas_made += usize::from(vma.is_none());
        let (path, quirks) = (self.sys.protocol().fault(), self.sys.quirks());
        let vma = vma.unwrap_or_else(|| Arc::new(Vma::new(path, quirks.clone())));
        vma.life.reused();
        vma
    }
}

/// Interrupts of a CPU that are off, its own or another's.
pub(crate) struct IrqGuard<'s, P: Platform> {
    pub tlb: <P::Mutex<Tlb> as Mutex<Tlb>>::Guard<'s>,
    pub quirks: &'s Active,
}
