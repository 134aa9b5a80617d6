//! Walking, growing and shrinking the page tables.
//!
//! # Invariants
//! - W1: a leaf table is hooked in under `pml`, complete and empty, with a
//!   release: a walker that reaches it finds it so.
//! - W2: a table is unhooked by `munmap`, when no VMA is left that could use
//!   it and the mmap lock keeps new ones out (others may hold that lock for reading: they walk
//!   where they have found a VMA, and nowhere else), or by a reclaiming zap under `pml` and its lock, when it is empty.
//!
//! # Linux
//! `__pte_offset_map_lock()`, mm/pgtable-generic.c; `pmd_install()`,
//! `free_pgtables()`, mm/memory.c; `try_to_free_pte()`, mm/pt_reclaim.c.

use core::sync::atomic::Ordering;

use crate::hw::table::PtlGuard;
use crate::mm::cpu::{Cpu, IrqGuard};
use crate::mm::gather::Gather;
use crate::mm::rcu::RcuGuard;
use crate::mm::vma_tree::VmaTree;
use crate::platform::{Mutex, Platform};
use crate::types::addr::{PageRange, Vpn};
use crate::types::event::{LockClass, LockStep, What};
use crate::types::ids::TableId;
use crate::types::protocol::PtFree;
use crate::types::pte::{Pte, table_of, table_word};
use crate::types::quirk::Quirk;

/// What keeps the tables under a software walker.
pub(crate) enum Walk<'s, P: Platform> {
    /// A lock that the caller holds, or nothing (a quirk).
    Held,
    /// An RCU read section.
    Rcu {
        /// Ends with the walk.
        _section: RcuGuard<'s, P>,
    },
    /// Interrupts that are off.
    IrqOff {
        /// Ends with the walk.
        _irq: IrqGuard<'s, P>,
    },
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Begins a walk. `stable`: the caller's locks keep `munmap` out, so only
    /// a reclaiming zap can free a table.
    pub(crate) fn walk_begin(&self, stable: bool) -> Walk<'s, P> {
        let protocol = self.sys.protocol();
        // QUIRK(WalkUnprotected): proofs/pt_free/freed-before-walkers-left
        if self.sys.has(Quirk::WalkUnprotected) || (stable && !protocol.pt_reclaim()) {
            return Walk::Held;
        }
        match protocol.pt_free() {
            PtFree::Rcu => Walk::Rcu {
                _section: self.rcu_read_lock(),
            },
            PtFree::Ipi => Walk::IrqOff {
                _irq: self.irq_off(),
            },
        }
    }

    /// Finds the leaf table that translates `vpn`, if there is one.
    pub(crate) fn walk(&self, walk: &Walk<'s, P>, vpn: Vpn) -> Option<TableId> {
        let table = self.leaf_table(vpn);
        self.event(What::Walk {
            vpn,
            table,
            kept_by: match walk {
                Walk::Held => "",
                Walk::Rcu { .. } => "under RCU",
                Walk::IrqOff { .. } => "with interrupts off",
            },
        });
        table
    }

    /// The leaf table that translates `vpn`, if there is one.
    pub(crate) fn leaf_table(&self, vpn: Vpn) -> Option<TableId> {
        self.table_at(vpn, 0)
    }

    /// The leaf entry of `vpn` as a software walker reads it.
    pub(crate) fn leaf_entry(&self, vpn: Vpn) -> Pte {
        self.leaf_table(vpn).map_or(Pte::NONE, |table| {
            let index = self.sys.geometry().index(vpn, 0);
            Pte::from_word(self.sys.table(table).walk(index))
        })
    }

    /// The table of `level` that translates `vpn`, if there is one.
    fn table_at(&self, vpn: Vpn, level: u8) -> Option<TableId> {
        let geometry = self.sys.geometry();
        let mut table = self.mm().root;
        for above in (level + 1..geometry.levels).rev() {
            let word = self.sys.table(table).walk(geometry.index(vpn, above));
            table = table_of(word)?;
        }
        Some(table)
    }

    /// Makes sure that a leaf table translates `vpn`; false if there is no
    /// memory. Linux: `pte_alloc()`, `pmd_install()`.
    pub(crate) fn install_tables(&mut self, vpn: Vpn) -> bool {
        let geometry = self.sys.geometry();
        let mut above = self.mm().root;
        for level in (0..geometry.levels - 1).rev() {
            let index = geometry.index(vpn, level + 1);
            if let Some(table) = table_of(self.sys.table(above).walk(index)) {
                above = table;
                continue;
            }
            let Some(new) = self.alloc_table() else {
                return false;
            };
            // QUIRK(PmdPublishRelaxed): proofs/pt_free/table-published-early
            let ordering = if self.sys.has(Quirk::PmdPublishRelaxed) {
                Ordering::Relaxed
            } else {
                // ORDERING(release): pairs with the acquire in Table::walk() (W1).
                Ordering::Release
            };
            self.lock_event(LockClass::Pml, self.mm_instance(0), LockStep::Waits);
            // A compare-exchange needs no lock: no proof does. Linux sets the entry by a store.
            let pml = self.mm().pml.lock();
            self.lock_event(LockClass::Pml, self.mm_instance(0), LockStep::Locked);
            // QUIRK(InstallOverwrites): proofs/pt_free/two-faults-one-table
            let installed = if self.sys.has(Quirk::InstallOverwrites) {
                self.sys.table(above).overwrite(index, table_word(new));
                true
            } else {
                let above = self.sys.table(above);
                above.install(index, table_word(new), ordering)
            };
            self.lock_event(LockClass::Pml, self.mm_instance(0), LockStep::Unlocked);
            drop(pml);
            if installed {
                self.event(What::TableInstalled { table: new, vpn });
                above = new;
            } else {
                // Another CPU was faster; nobody has seen ours.
                self.free_table_now(new);
                match self.table_at(vpn, level) {
                    Some(table) => above = table,
                    None => return self.install_tables(vpn),
                }
            }
        }
        true
    }

    /// Waits for the lock of the leaf table that translates `vpn`, and makes
    /// sure that it still does. `None` if no table does.
    /// Linux: `pte_offset_map_lock()`.
    pub(crate) fn lock_leaf(&mut self, vpn: Vpn, stable: bool) -> Option<PtlGuard<'s, P>> {
        loop {
            let walk = self.walk_begin(stable);
            let id = self.walk(&walk, vpn)?;
            let ptl = PtlGuard::lock(self.sys.table(id), id, self.id(), self.sys.geometry());
            if self.still_translates(vpn, id, stable) {
                // Kept as in Linux. The lock alone keeps the table: who unhooks it takes that first.
                return Some(ptl.keeping(walk));
            }
            // The lock may go with the table as soon as the walk ends.
            // QUIRK(WalkEndsUnderPtl): proofs/pt_free/walk-ends-before-unlock
            if self.sys.has(Quirk::WalkEndsUnderPtl) {
                drop(walk);
                ptl.unlock();
            } else {
                ptl.keeping(walk).unlock();
            }
        }
    }

    /// Whether the leaf table `id`, whose lock the caller holds, translates `vpn` still. `stable`:
    /// something keeps everybody from unhooking it who does not reclaim it.
    pub(crate) fn still_translates(&self, vpn: Vpn, id: TableId, stable: bool) -> bool {
        // QUIRK(NoPmdRecheck): proofs/pt_free/no-pmd-recheck
        let recheck =
            (!stable || self.sys.protocol().pt_reclaim()) && !self.sys.has(Quirk::NoPmdRecheck);
        !recheck || self.leaf_table(vpn) == Some(id)
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
        for level in 0..geometry.levels - 1 {
            let mut vpn = range.start;
            while vpn < range.end {
                let covered = geometry.table_range(vpn, level);
                // QUIRK(TableFreedUnderNeighbour): proofs/pt_free/neighbour-keeps-table
                let unused =
                    !tree.overlaps(covered) || self.sys.has(Quirk::TableFreedUnderNeighbour);
                if unused && let Some(above) = self.table_at(vpn, level + 1) {
                    let index = geometry.index(vpn, level + 1);
                    if let Some(table) = table_of(self.sys.table(above).walk(index)) {
                        // ORDERING(relaxed): nobody finds a VMA here, to ask what is pending.
                        self.sys.table(above).remove(index, Ordering::Relaxed);
                        self.removed(vpn, table, gather);
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
        let geometry = self.sys.geometry();
        // QUIRK(ReclaimWalksUnprotected): proofs/pt_free/two-reclaim-one-table
        let walk = (!self.sys.has(Quirk::ReclaimWalksUnprotected)).then(|| self.walk_begin(true));
        let (Some(above), Some(id)) = (self.table_at(vpn, 1), self.table_at(vpn, 0)) else {
            return;
        };
        self.lock_event(LockClass::Pml, self.mm_instance(0), LockStep::Waits);
        // As in install_tables(); two that reclaim one table meet in its lock.
        let pml = self.mm().pml.lock();
        self.lock_event(LockClass::Pml, self.mm_instance(0), LockStep::Locked);
        let ptl = PtlGuard::lock(self.sys.table(id), id, self.id(), geometry);
        // QUIRK(ReclaimNoRecheck): proofs/pt_free/two-reclaim-one-table
        let hooked = self.sys.has(Quirk::ReclaimNoRecheck) || self.leaf_table(vpn) == Some(id);
        // QUIRK(ReclaimNotEmpty): proofs/pt_free/reclaimed-when-empty
        let empty = hooked && (self.sys.has(Quirk::ReclaimNotEmpty) || ptl.is_empty());
        if empty {
            // QUIRK(ReclaimUnhooksRelaxed): proofs/tlb/reclaim-not-flushed
            let ordering = if self.sys.has(Quirk::ReclaimUnhooksRelaxed) {
                Ordering::Relaxed
            } else {
                // ORDERING(release): pairs with the acquire in Table::walk(): a zap that finds no
                // table takes no lock by which it would see that a flush is pending (F2).
                Ordering::Release
            };
            self.sys
                .table(above)
                .remove(geometry.index(vpn, 1), ordering);
        }
        ptl.unlock();
        self.lock_event(LockClass::Pml, self.mm_instance(0), LockStep::Unlocked);
        drop(pml);
        drop(walk);
        if empty {
            self.removed(vpn, id, gather);
        }
    }
}
