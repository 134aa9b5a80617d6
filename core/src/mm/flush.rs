//! TLB flushes: generations, shootdowns, lazy CPUs.
//!
//! The mm has a generation, advanced by each flush; a TLB has the generation
//! up to which it was flushed. A flush of one range is enough only for a TLB
//! that has missed no earlier one.
//!
//! # Orderings
//! A flush advances the generation and then looks which CPUs are lazy; a CPU that
//! leaves lazy mode says so and then reads the generation. With a full fence
//! on both sides, at least one sees the other (store buffering).
//!
//! A CPU that goes lazy says so with a release, and a flush that passes it over reads it
//! with an acquire: no IPI waits for the accesses that the CPU made before, so
//! this pair alone puts them before what the flush allows (freeing the page,
//! letting others use a copy).
//!
//! # Linux
//! arch/x86/mm/tlb.c: `flush_tlb_mm_range()`, `flush_tlb_func()`,
//! `switch_mm_irqs_off()`. Dropped: flushing up to the mm's newest generation
//! rather than to that of the request, which only merges flushes.

use crate::hw::interrupt::IrqGuard;
use crate::hw::tlb::Translation;
use crate::mm::cpu::Cpu;
use crate::orderings;
use crate::platform::{Mutex, Platform, WaitQueue, Word};
use crate::types::addr::{PageRange, Vpn};
use crate::types::counters::Counter;
use crate::types::event::{Event, FlushReason, What};
use crate::types::ids::CpuId;
use crate::types::quirk::Quirk;

/// A flush: of which pages, and whether page tables go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlushInfo {
    /// The pages; `None` is everything.
    pub range: Option<PageRange>,
    /// Page tables go too: CPUs that are lazy must know.
    pub freed_tables: bool,
}

impl<P: Platform> IrqGuard<'_, P> {
    /// Flushes this CPU's TLB up to generation `new_gen`; tells whether all of it went.
    /// Linux: `flush_tlb_func()`.
    fn flush(&mut self, cpu: CpuId, info: FlushInfo, new_gen: u64, reason: FlushReason) -> bool {
        if new_gen <= self.tlb.generation {
            return false;
        }
        // QUIRK(RangeFlushOverGap): proofs/tlb/generation-gap
        let next = new_gen == self.tlb.generation + 1 || self.quirks.has(Quirk::RangeFlushOverGap);
        let range = info.range.filter(|_| next);
        self.tlb.flush(range);
        self.tlb.generation = new_gen;
        P::event(Event {
            cpu,
            what: What::TlbFlush {
                range,
                reason,
                generation: new_gen,
            },
        });
        range.is_none()
    }
}

impl<P: Platform> Cpu<'_, P> {
    /// Flushes the TLB of `cpu`, whose interrupts are off, up to generation `new_gen`.
    fn flush_up_to(
        &mut self,
        irq: &mut IrqGuard<'_, P>,
        cpu: CpuId,
        info: FlushInfo,
        new_gen: u64,
        reason: FlushReason,
    ) {
        if irq.flush(cpu, info, new_gen, reason) {
            self.count(Counter::FullFlushes);
        }
    }

    /// Advances the mm's generation. Linux: `inc_mm_tlb_gen()`.
    fn inc_tlb_gen(&mut self) -> u64 {
        // QUIRK(TlbGenNoAcquire): proofs/tlb/later-flush-stands-for-earlier
        // QUIRK(TlbGenNoRelease): proofs/tlb/generation-shows-all-entries
        let quirks = self.sys.quirks();
        let (no_acquire, no_release) = (Quirk::TlbGenNoAcquire, Quirk::TlbGenNoRelease);
        let ordering = quirks.halves(no_acquire, no_release, orderings::TLB_GEN_INC);
        let generation = self.mm().tlb_gen.fetch_add(1, ordering) + 1;
        self.event(What::TlbGen { generation });
        generation
    }

    /// Flushes every CPU that may have translations of `info`'s pages, and
    /// waits for them. Linux: `flush_tlb_mm_range()`.
    pub(crate) fn shootdown(&mut self, info: FlushInfo) {
        let new_gen = self.inc_tlb_gen();
        // QUIRK(ShootdownNoFence): proofs/tlb/back-from-lazy
        if !self.sys.has(Quirk::ShootdownNoFence) {
            P::fence(orderings::SHOOTDOWN_FENCE);
        }
        let mask = self.mm().cpumask.load(orderings::CPUMASK_READ);
        for cpu in self.others() {
            // QUIRK(FlushOwnCpuOnly): proofs/tlb/flush-of-the-own-cpu
            if mask >> cpu.0 & 1 == 0 || self.sys.has(Quirk::FlushOwnCpuOnly) {
                continue;
            }
            // QUIRK(LazyReadRelaxed): proofs/tlb/access-before-lazy
            let quirks = self.sys.quirks();
            let ordering = quirks.weaken(Quirk::LazyReadRelaxed, orderings::LAZY_READ);
            let lazy = self.sys.percpu(cpu).lazy.load(ordering);
            // QUIRK(LazySkipsFreedTables): proofs/pt_free/lazy-cpu-walks
            let freed_tables = info.freed_tables && !self.sys.has(Quirk::LazySkipsFreedTables);
            if !freed_tables && lazy != 0 {
                continue;
            }
            self.count(Counter::Shootdowns);
            let percpu = self.sys.percpu(cpu);
            let mut remote = percpu.interrupt(self.id(), cpu, self.sys.quirks());
            let stuck = core::mem::take(&mut remote.irq.tlb.stuck);
            let reason = FlushReason::Ipi(self.id());
            self.flush_up_to(&mut remote.irq, cpu, info, new_gen, reason);
            remote.end();
            if stuck {
                percpu.flushed.wake_all();
            }
        }
        // A CPU that frees an address space which no CPU runs has no translations of it.
        // QUIRK(FlushOthersOnly): proofs/tlb/flush-of-the-others
        if mask >> self.id().0 & 1 == 1 && !self.sys.has(Quirk::FlushOthersOnly) {
            let mut own = self.irq_off();
            self.flush_up_to(&mut own, self.id(), info, new_gen, FlushReason::Local);
        }
    }

    /// Tells that permission was added for `range`: others will fault and see
    /// the generation. The caller holds the lock under which the entries were
    /// changed, so that a CPU that sees them sees the generation.
    pub(crate) fn relaxed_flush(&mut self, range: PageRange) {
        // QUIRK(RelaxedNoGen): proofs/tlb/relaxed-needs-generation
        if self.sys.has(Quirk::RelaxedNoGen) {
            self.flush_local(range, FlushReason::Local);
            return;
        }
        let new_gen = self.inc_tlb_gen();
        self.count(Counter::LocalFlushes);
        let info = FlushInfo {
            range: Some(range),
            freed_tables: false,
        };
        let mut own = self.irq_off();
        self.flush_up_to(&mut own, self.id(), info, new_gen, FlushReason::Local);
    }

    /// Drops this CPU's own translations of `range`.
    /// Linux: `local_flush_tlb_page()`.
    pub(crate) fn flush_local(&mut self, range: PageRange, reason: FlushReason) {
        self.count(Counter::LocalFlushes);
        let mut irq = self.irq_off();
        irq.tlb.flush(Some(range));
        let generation = irq.tlb.generation;
        self.event(What::TlbFlush {
            range: Some(range),
            reason,
            generation,
        });
        drop(irq);
    }

    /// Drops all of this CPU's own translations if it has missed a flush;
    /// tells whether it had.
    pub(crate) fn catch_up(&mut self, reason: FlushReason) -> bool {
        // QUIRK(TlbGenReadRelaxed): proofs/tlb/generation-shows-all-entries
        let quirks = self.sys.quirks();
        let ordering = quirks.weaken(Quirk::TlbGenReadRelaxed, orderings::TLB_GEN_READ);
        let generation = self.mm().tlb_gen.load(ordering);
        let mut irq = self.irq_off();
        let behind = irq.tlb.generation < generation;
        if behind {
            let info = FlushInfo {
                range: None,
                freed_tables: false,
            };
            // QUIRK(CatchUpFlushesNothing): proofs/tlb/catches-up-with-all
            if self.sys.has(Quirk::CatchUpFlushesNothing) {
                irq.tlb.generation = generation;
            } else {
                self.flush_up_to(&mut irq, self.id(), info, generation, reason);
            }
            self.count(Counter::LocalFlushes);
        }
        behind
    }

    /// Waits until another CPU flushes this one's TLB, in which the access to `vpn` faults on `stale`
    /// for as long. Hardware would fault again and again meanwhile, to no effect: an IPI comes in
    /// between, and is all that can end it. If none comes, that is a livelock.
    pub(crate) fn await_flush(&mut self, vpn: Vpn, stale: Translation) {
        let mut irq = self.irq_off();
        if irq.tlb.lookup(vpn) != Some(stale) {
            return;
        }
        irq.tlb.stuck = true;
        drop(irq);
        self.event(What::Stuck { vpn });
        let cpu = self.sys.percpu(self.id());
        cpu.flushed.wait_until(|| !cpu.irq.lock().stuck);
        self.event(What::Unstuck { vpn });
    }

    /// Lets the CPU run a kernel thread: it keeps its translations, and need
    /// not be told of flushes. Linux: `enter_lazy_tlb()`.
    pub fn switch_lazy(&mut self) {
        let cpu = self.sys.percpu(self.id());
        self.irq_off().tlb.lazy = true;
        // QUIRK(LazyRelaxed): proofs/tlb/access-before-lazy
        let quirks = self.sys.quirks();
        let ordering = quirks.weaken(Quirk::LazyRelaxed, orderings::LAZY_SET);
        cpu.lazy.store(1, ordering);
        self.event(What::Lazy { lazy: true });
    }

    /// Comes back from the kernel thread.
    /// Linux: `switch_mm_irqs_off()` where `prev == next`.
    pub fn switch_to_mm(&mut self) {
        let cpu = self.sys.percpu(self.id());
        // QUIRK(LazyClearedLate): proofs/tlb/lazy-cleared-before
        let late = self.sys.has(Quirk::LazyClearedLate);
        if !late {
            cpu.lazy.store(0, orderings::LAZY_CLEAR);
        }
        // QUIRK(SwitchNoFence): proofs/tlb/back-from-lazy
        if !self.sys.has(Quirk::SwitchNoFence) {
            P::fence(orderings::SWITCH_FENCE);
        }
        // QUIRK(SwitchNoCatchUp): proofs/tlb/back-to-old-translations
        if !self.sys.has(Quirk::SwitchNoCatchUp) {
            self.catch_up(FlushReason::Switch);
        }
        if late {
            cpu.lazy.store(0, orderings::LAZY_CLEAR);
        }
        self.irq_off().tlb.lazy = false;
        self.event(What::Lazy { lazy: false });
    }
}
