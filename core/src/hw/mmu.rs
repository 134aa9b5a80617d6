//! Translation: how hardware walks the page tables, sets bits, and fills the TLB.
//!
//! Hardware fills the TLB from the page tables without any lock, sets the accessed and dirty bits
//! by an atomic compare-exchange of the entry that it has read again, and keeps a translation until
//! it is flushed or evicted. A walk holds its CPU's interrupt lock: no IPI comes in between.
//!
//! This file is all that says how a user's access is translated: a machine whose translations
//! differ from x86's differs here, and in what [`Pte`] means.

use crate::hw::interrupt::IrqGuard;
use crate::hw::machine::Machine;
use crate::hw::tlb::Translation;
use crate::platform::Platform;
use crate::types::addr::Vpn;
use crate::types::event::{Event, What};
use crate::types::ids::{CpuId, TableId};
use crate::types::prot::{Access, Prot};
use crate::types::pte::Pte;

/// The part of a CPU that translates.
pub(crate) struct Mmu<'s, P: Platform> {
    /// The machine that the CPU is a part of.
    pub machine: &'s Machine<P>,
    /// The CPU.
    pub cpu: CpuId,
    /// The top page table of the address space that it runs. x86: CR3.
    pub root: TableId,
}

impl<P: Platform> Mmu<'_, P> {
    fn event(&self, what: What) {
        let cpu = self.cpu;
        P::event(Event { cpu, what });
    }

    /// The entry through which `access` goes, or `None` for a fault.
    pub fn translate(&self, irq: &mut IrqGuard<'_, P>, vpn: Vpn, access: Access) -> Option<Pte> {
        let Some(cached) = irq.tlb.lookup(vpn) else {
            return self.walk(irq, vpn, access, false);
        };
        if !cached.pte.allows(access) {
            return None;
        }
        if access == Access::Write && !cached.pte.is_dirty() {
            // To set the dirty bit, hardware reads the entry again.
            return self.walk(irq, vpn, access, false);
        }
        Some(cached.pte)
    }

    /// Fills the TLB with the translation of `vpn`, if there is one: speculation, which hardware
    /// may do at any time.
    pub fn prefetch(&self, vpn: Vpn) {
        let mut irq = self.machine.irq_off(self.cpu);
        if irq.tlb.lookup(vpn).is_none() {
            self.walk(&mut irq, vpn, Access::Read, true);
        }
    }

    /// Drops the translation of `vpn` from the TLB, as hardware may at any time.
    pub fn evict(&self, vpn: Vpn) {
        let mut irq = self.machine.irq_off(self.cpu);
        if irq.tlb.evict(vpn) {
            self.event(What::TlbEvict { vpn });
        }
    }

    /// Walks the page tables, sets the bits that `access` sets, and fills the TLB. `None` if the
    /// entry does not allow `access`.
    fn walk(
        &self,
        irq: &mut IrqGuard<'_, P>,
        vpn: Vpn,
        access: Access,
        prefetch: bool,
    ) -> Option<Pte> {
        let tables = &self.machine.tables;
        let (table, mut entry) = tables.walk(self.root, vpn);
        loop {
            let pte = entry.leaf()?;
            if !pte.prot().contains(access.needs() | Prot::R) {
                return None;
            }
            let mut set = pte.young();
            if access == Access::Write {
                set = set.dirty();
            }
            if set != pte {
                let index = tables.index(table, vpn);
                if !tables.get(table.id).hw_update(index, pte, set) {
                    entry = tables.entry(table, vpn);
                    continue;
                }
                self.event(What::HwSet { vpn, pte: set });
            }
            let pages = tables.geometry().entry_range(vpn, table.level);
            irq.tlb.fill(Translation { pages, pte: set });
            self.event(What::TlbFill {
                vpn,
                pte: set,
                prefetch,
            });
            return Some(set);
        }
    }
}
