//! Page tables come and go.
//!
//! # Invariants
//! - W1: a leaf table is hooked in under `pml`, complete and empty, with a
//!   release: a walker that reaches it finds it so.
//! - W2: a table is unhooked by `munmap`, when no VMA is left that could use it and the mmap lock
//!   keeps new ones out (others may hold that lock for reading: they walk where they have found a
//!   VMA, and nowhere else), or by a reclaiming zap under `pml` and its lock, when it is empty.
//!
//! # Linux
//! `pmd_install()`, `free_pgtables()`, mm/memory.c; `try_to_free_pte()`, mm/pt_reclaim.c;
//! `__tlb_remove_table()`, mm/mmu_gather.c.

use crate::ghost::lock_events::Held;
use crate::mm::cpu::Cpu;
use crate::mm::gather::Gather;
use crate::mm::vma_tree::VmaTree;
use crate::orderings;
use crate::platform::{Mutex, Platform, violated};
use crate::types::addr::{LEAF, PageRange, Vpn};
use crate::types::counters::Counter;
use crate::types::event::{LockClass, What};
use crate::types::ids::TableId;
use crate::types::protocol::Ptl;
use crate::types::pte::{TableAt, table_word};
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;

/// The held lock of the upper page tables.
pub(crate) type PmlGuard<'s, P> = Held<P, <<P as Platform>::Mutex<()> as Mutex<()>>::Guard<'s>>;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Waits for the lock of the upper page tables. Linux: `pmd_lock()`.
    pub(crate) fn pml_lock(&self) -> PmlGuard<'s, P> {
        self.mm_lock_events(LockClass::Pml, 0)
            .wait(|| self.mm().pml.lock())
    }

    /// An empty page table, if there is memory for one.
    pub(crate) fn alloc_table(&mut self) -> Option<TableId> {
        let table = self.sys.machine.tables.alloc(&mut self.local.tables)?;
        self.count(Counter::PtAllocs);
        Some(table)
    }

    /// Makes sure that a leaf table translates `vpn`; false if there is no
    /// memory. Linux: `pte_alloc()`, `pmd_install()`.
    pub(crate) fn install_tables(&mut self, vpn: Vpn) -> bool {
        let tables = &self.sys.machine.tables;
        let mut above = tables.top(self.mm().root);
        while above.level > LEAF {
            if let Some(table) = tables.below(above, vpn) {
                above = table;
                continue;
            }
            let Some(new) = self.alloc_table() else {
                return false;
            };
            let (level, index) = (above.level - 1, tables.index(above, vpn));
            // QUIRK(PmdPublishRelaxed): proofs/pt_free/table-published-early
            let quirks = self.sys.quirks();
            let ordering = quirks.weaken(Quirk::PmdPublishRelaxed, orderings::TABLE_INSTALL);
            // A compare-exchange needs no lock: no proof does. Linux sets the entry by a store.
            let pml = self.pml_lock();
            // QUIRK(InstallOverwrites): proofs/pt_free/two-faults-one-table
            let installed = if self.sys.has(Quirk::InstallOverwrites) {
                self.sys.table(above.id).overwrite(index, table_word(new));
                true
            } else {
                let above = self.sys.table(above.id);
                above.install(index, table_word(new), ordering)
            };
            pml.unlock();
            if installed {
                self.event(What::TableInstalled { table: new, vpn });
                above = TableAt { id: new, level };
            } else {
                // Another CPU was faster; no CPU has seen ours.
                self.free_table_now(new);
                match self.table_at(vpn, level) {
                    Some(table) => above = table,
                    None => return self.install_tables(vpn),
                }
            }
        }
        true
    }

    /// Unhooks the tables that translated `range` and that no VMA needs any
    /// more. The VMAs are out of `tree`, and the mmap lock keeps others from coming in.
    /// Linux: `free_pgtables()`.
    pub(crate) fn free_pgtables(
        &mut self,
        tree: &VmaTree<P>,
        range: PageRange,
        gather: &mut Gather,
    ) {
        let geometry = self.sys.geometry();
        for above in LEAF + 1..=geometry.top() {
            let mut vpn = range.start;
            while vpn < range.end {
                let covered = geometry.entry_range(vpn, above);
                // QUIRK(TableFreedUnderNeighbour): proofs/pt_free/neighbour-keeps-table
                let unused =
                    !tree.overlaps(covered) || self.sys.has(Quirk::TableFreedUnderNeighbour);
                if unused && let Some(above) = self.table_at(vpn, above) {
                    let tables = &self.sys.machine.tables;
                    if let Some(table) = tables.below(above, vpn) {
                        let index = tables.index(above, vpn);
                        let above = self.sys.table(above.id);
                        above.remove(index, orderings::TABLE_REMOVE);
                        self.removed(vpn, table.id, gather);
                    }
                }
                vpn = covered.end;
            }
        }
    }

    fn removed(&mut self, vpn: Vpn, table: TableId, gather: &mut Gather) {
        self.event(What::TableRemoved { table, vpn });
        self.table_removed(table);
        // QUIRK(PtFreeImmediate): proofs/pt_free/freed-before-walkers-left
        if self.sys.has(Quirk::PtFreeImmediate) {
            self.free_table_now(table);
        } else {
            gather.table(vpn, table);
        }
    }

    /// Unhooks the leaf table that translates `vpn` if it is empty, whatever
    /// VMAs there are. Linux: `try_to_free_pte()`, mm/pt_reclaim.c.
    pub(crate) fn reclaim_table(&mut self, vpn: Vpn, gather: &mut Gather) {
        // QUIRK(ReclaimWalksUnprotected): proofs/pt_free/two-reclaim-one-table
        let walk = (!self.sys.has(Quirk::ReclaimWalksUnprotected)).then(|| self.walk_begin(true));
        let (above, table) = (self.table_at(vpn, LEAF + 1), self.leaf_table(vpn));
        let (Some(above), Some(table)) = (above, table) else {
            return;
        };
        // As in install_tables(); two that reclaim one table meet in its lock.
        let pml = self.pml_lock();
        let ptl = self.ptl_lock(table);
        // QUIRK(ReclaimNoRecheck): proofs/pt_free/two-reclaim-one-table
        let hooked = self.sys.has(Quirk::ReclaimNoRecheck) || self.leaf_table(vpn) == Some(table);
        // QUIRK(ReclaimNotEmpty): proofs/pt_free/reclaimed-when-empty
        let empty = hooked && (self.sys.has(Quirk::ReclaimNotEmpty) || ptl.is_empty());
        if empty {
            // QUIRK(ReclaimUnhooksRelaxed): proofs/tlb/reclaim-not-flushed
            let (quirks, quirk) = (self.sys.quirks(), Quirk::ReclaimUnhooksRelaxed);
            let ordering = quirks.weaken(quirk, orderings::TABLE_RECLAIM);
            let index = self.sys.machine.tables.index(above, vpn);
            self.sys.table(above.id).remove(index, ordering);
        }
        ptl.unlock();
        pml.unlock();
        drop(walk);
        if empty {
            self.removed(vpn, table.id, gather);
        }
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
        let lock_is_gone = self.frees_ptl_early();
        let tables = &self.sys.machine.tables;
        tables.free(&mut self.local.tables, id, lock_is_gone);
    }

    /// A page table was unhooked: frees the part of it that goes right then.
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
}
