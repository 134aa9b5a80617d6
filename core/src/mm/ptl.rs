//! Page-table locks.
//!
//! # Linux
//! `pte_offset_map_lock()`, `pte_unmap_unlock()`. Changed: `set_pte()` is an exchange, so that what
//! hardware set is never lost by accident.

use crate::ghost::grants::Grants;
use crate::ghost::lock_events::LockEvents;
use crate::hw::table::{Slots, Table, Tables};
use crate::mm::cpu::Cpu;
use crate::mm::walk::Walk;
use crate::orderings;
use crate::platform::{Mutex, Platform, TryLock, violated};
use crate::types::addr::{Geometry, LEAF, PageRange, Vpn};
use crate::types::event::{Event, LockClass, LockStep, What};
use crate::types::ids::{CpuId, GrantId};
use crate::types::prot::Prot;
use crate::types::pte::{Entry, Pte, TableAt};
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;

/// So many earlier entries of a table are remembered in any case (ghost).
const PAST_KEPT: usize = 64;

/// A held page-table lock.
///
/// The level of the table tells what an entry is and which pages it translates. Code that changes
/// entries asks the guard for both, and depends on no level itself.
pub(crate) struct PtlGuard<'a, P: Platform> {
    table: &'a Table<P>,
    level: u8,
    geometry: Geometry,
    slots: <P::SpinLock<Slots> as Mutex<Slots>>::Guard<'a>,
    events: LockEvents<P>,
    /// What kept the table while it was walked to, kept until the lock is left.
    walk: Option<Walk<'a, P>>,
}

impl<'a, P: Platform> PtlGuard<'a, P> {
    fn new(
        tables: &'a Tables<P>,
        table: TableAt,
        slots: <P::SpinLock<Slots> as Mutex<Slots>>::Guard<'a>,
        events: LockEvents<P>,
    ) -> PtlGuard<'a, P> {
        // The entries of upper tables change under `pml`.
        debug_assert_eq!(table.level, LEAF, "every page is mapped by a leaf table");
        PtlGuard {
            table: tables.get(table.id),
            level: table.level,
            geometry: tables.geometry(),
            slots,
            events,
            walk: None,
        }
    }

    /// CPU `cpu` waits for the lock of the table `at`. Linux: `pte_lockptr()`, `spin_lock()`.
    pub fn lock(tables: &'a Tables<P>, at: TableAt, cpu: CpuId) -> Self {
        let events = LockEvents::new(cpu, LockClass::Ptl, u64::from(at.id.0));
        let table = tables.get(at.id);
        events.tell(LockStep::Waits);
        table.ptl_life.used();
        let slots = table.ptl.lock();
        table.ptl_life.used();
        events.tell(LockStep::Locked);
        Self::new(tables, at, slots, events)
    }

    /// CPU `cpu` takes the lock of the table `at` if it is free. Linux: `spin_trylock()`.
    pub fn try_lock(tables: &'a Tables<P>, at: TableAt, cpu: CpuId) -> Option<Self> {
        let events = LockEvents::new(cpu, LockClass::Ptl, u64::from(at.id.0));
        let table = tables.get(at.id);
        events.tell(LockStep::Tries);
        table.ptl_life.used();
        let Some(slots) = table.ptl.try_lock() else {
            events.tell(LockStep::Busy);
            return None;
        };
        table.ptl_life.used();
        events.tell(LockStep::TryLocked);
        Some(Self::new(tables, at, slots, events))
    }

    /// Keeps what `walk` keeps until the lock is left.
    /// Linux: `pte_offset_map_lock()` to `pte_unmap_unlock()`.
    pub fn keeping(mut self, walk: Walk<'a, P>) -> Self {
        self.walk = Some(walk);
        self
    }

    /// Leaves the lock. Not `Drop`: an execution that ended in a violation
    /// leaves it without another check.
    pub fn unlock(self) {
        self.table.ptl_life.used();
        self.events.tell(LockStep::Unlocked);
        drop(self.slots);
        drop(self.walk);
    }

    fn index(&self, vpn: Vpn) -> usize {
        self.geometry.index(vpn, self.level)
    }

    /// The pages that the entry of `vpn` translates.
    pub fn pages(&self, vpn: Vpn) -> PageRange {
        self.geometry.entry_range(vpn, self.level)
    }

    /// A page of each entry that translates any of `part`, in ascending order.
    pub fn entries(&self, part: PageRange) -> impl Iterator<Item = Vpn> + use<P> {
        let parts = self.geometry.entry_parts(part, self.level);
        parts.map(|pages| pages.start)
    }

    /// The entry of `vpn`, as software last wrote it (T2).
    pub fn entry(&self, vpn: Vpn) -> Entry {
        Entry::of(self.pte(vpn).word(), self.level)
    }

    /// The same, when the caller knows what it is.
    pub fn pte(&self, vpn: Vpn) -> Pte {
        self.slots.soft[self.index(vpn)]
    }

    /// Whether software wrote nothing that is still there.
    pub fn is_empty(&self) -> bool {
        self.slots.soft.iter().all(|pte| pte.is_none())
    }

    /// Sets the entry of `vpn` and returns what it was, with what hardware set.
    pub fn set(&mut self, vpn: Vpn, new: Pte) -> Pte {
        let index = self.index(vpn);
        // QUIRK(PteSetNoRelease): proofs/pt_free/page-published-early
        let quirks = &self.table.quirks;
        let ordering = quirks.weaken(Quirk::PteSetNoRelease, orderings::PTE_SET);
        let old = Pte::from_word(self.table.exchange(index, new.word(), ordering));
        self.wrote(vpn, old, new);
        old
    }

    /// Changes the present entry of `vpn` to `new`, which keeps what hardware set, and returns
    /// what it was. Linux: `ptep_modify_prot_start()`, `ptep_modify_prot_commit()`.
    pub fn modify(&mut self, vpn: Vpn, new: Pte) -> Pte {
        let old = self.set(vpn, Pte::NONE);
        // QUIRK(ModifyDropsHistory): proofs/tlb/dirty-kept-by-mprotect
        let keeps = !self.table.quirks.has(Quirk::ModifyDropsHistory);
        self.set(vpn, if keeps { new.with_history_of(old) } else { new });
        old
    }

    /// The entry of `vpn` with the bits that hardware set, for a caller that does not change it.
    pub fn current(&self, vpn: Vpn) -> Pte {
        Pte::from_word(self.table.walk(self.index(vpn)))
    }

    /// Sets the entry of `vpn` by a load and a store: what hardware sets in
    /// between is lost.
    pub fn set_nonatomic(&mut self, vpn: Vpn, change: impl FnOnce(Pte) -> Pte) -> Pte {
        let index = self.index(vpn);
        let old = Pte::from_word(self.table.read(index, orderings::PTE_READ_NONATOMIC));
        self.event(What::PteRead { vpn, pte: old });
        let new = change(old);
        let ordering = orderings::PTE_SET_NONATOMIC;
        let replaced = self.table.exchange(index, new.word(), ordering);
        self.wrote(vpn, Pte::from_word(replaced), new);
        old
    }

    fn wrote(&mut self, vpn: Vpn, old: Pte, new: Pte) {
        let index = self.index(vpn);
        if P::CHECKED && old.software() != self.slots.soft[index] {
            violated::<P>(
                Invariant::LostWrite,
                "a page-table entry was changed without its lock",
            );
        }
        self.slots.soft[index] = new.software();
        if old.grant() != new.grant() {
            self.note_past(vpn, old);
        }
        self.event(What::PteSet { vpn, old, new });
    }

    fn event(&self, what: What) {
        let cpu = self.events.cpu();
        P::event(Event { cpu, what });
    }

    /// The entry of `vpn` was `old`, which others may have cached (ghost).
    fn note_past(&mut self, vpn: Vpn, old: Pte) {
        if P::CHECKED && old.grant() != GrantId(0) {
            let slot = self.index(vpn);
            let past = &mut self.slots.past;
            let same =
                |known: &&mut (usize, GrantId, Prot)| (known.0, known.1) == (slot, old.grant());
            match past.iter_mut().find(same) {
                Some((.., prot)) => *prot = *prot | old.prot(),
                None => past.push((slot, old.grant(), old.prot())),
            }
        }
    }

    /// Forgets what operations of `cpu` that have completed took away, where there is much of it
    /// (ghost). An access that comes after one of them is found by that one; what comes before it
    /// comes before all operations that take the lock later.
    fn forget_revoked(&mut self, grants: &Grants<P>, cpu: CpuId) {
        let past = &mut self.slots.past;
        if past.len() > PAST_KEPT {
            past.retain(|&(_, grant, prot)| !grants.is_revoked_by(grant, prot, cpu));
        }
    }

    /// What may be cached of earlier entries of `vpn` (ghost): an operation
    /// that takes permission away there takes it from these too.
    pub fn past(&self, vpn: Vpn) -> impl Iterator<Item = (GrantId, Prot)> + '_ {
        let index = self.index(vpn);
        let mine = move |&(slot, grant, prot): &(usize, GrantId, Prot)| {
            (slot == index).then_some((grant, prot))
        };
        self.slots.past.iter().filter_map(mine)
    }
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Waits for the lock of `table`.
    pub(crate) fn ptl_lock(&self, table: TableAt) -> PtlGuard<'s, P> {
        let machine = &self.sys.machine;
        let mut ptl = PtlGuard::lock(&machine.tables, table, self.id());
        ptl.forget_revoked(&machine.grants, self.id());
        ptl
    }

    /// Waits for the lock of the leaf table that translates `vpn`, and makes
    /// sure that it still does. `None` if no table does.
    /// Linux: `pte_offset_map_lock()`.
    pub(crate) fn lock_leaf(&mut self, vpn: Vpn, stable: bool) -> Option<PtlGuard<'s, P>> {
        loop {
            let walk = self.walk_begin(stable);
            let table = self.walk(&walk, vpn)?;
            let ptl = self.ptl_lock(table);
            if self.still_translates(vpn, table, stable) {
                // Kept as in Linux. The lock alone keeps the table: a zap that unhooks it takes
                // that first.
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

    /// The same, with tables made where there are none. `None`: there is no memory for them. The VMA is stable.
    /// Linux: `pte_alloc_map_lock()`.
    pub(crate) fn lock_leaf_alloc(&mut self, vpn: Vpn) -> Option<PtlGuard<'s, P>> {
        loop {
            match self.lock_leaf(vpn, true) {
                Some(ptl) => return Some(ptl),
                None if self.install_tables(vpn) => {}
                None => return None,
            }
        }
    }

    /// Whether the leaf table `table`, whose lock the caller holds, translates `vpn` still. `stable`:
    /// something keeps out all that would unhook it but a zap that reclaims it.
    pub(crate) fn still_translates(&self, vpn: Vpn, table: TableAt, stable: bool) -> bool {
        // QUIRK(NoPmdRecheck): proofs/pt_free/no-pmd-recheck
        let recheck =
            (!stable || self.sys.protocol().pt_reclaim()) && !self.sys.has(Quirk::NoPmdRecheck);
        !recheck || self.leaf_table(vpn) == Some(table)
    }

    /// Waits for the lock of the leaf table that translates `vpn`. The caller holds the mmap lock
    /// for writing, so no table goes: a zap that holds the lock of a VMA alone reclaims none that
    /// another mapping could be in. Linux: `pte_offset_map_rw_nolock()` in `move_ptes()`, without
    /// `pmd_same()`.
    pub(crate) fn lock_alone(&self, vpn: Vpn) -> Option<PtlGuard<'s, P>> {
        let table = self.walk(&Walk::Held, vpn)?;
        Some(self.ptl_lock(table))
    }
}
