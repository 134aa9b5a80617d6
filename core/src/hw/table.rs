//! Page tables and their locks.
//!
//! # Invariants
//! - T1: leaf entries are changed by software only under the table's lock, by
//!   read-modify-write; hardware sets accessed and dirty bits at any time.
//! - T2: what software last wrote to each leaf entry is kept under the lock
//!   too, so that nobody needs to load an entry that it is about to write.
//! - T3: a table is freed empty.
//!
//! # Linux
//! Kept: a lock for each leaf table, in the table (`ptl=embedded`) or in
//! memory of its own that lives as long (`ptl=allocated`). Changed: `set_pte()`
//! is an exchange, so that what hardware set is never lost by accident.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use crate::ghost::life::Life;
use crate::ghost::looked::Active;
use crate::mm::walk::Walk;
use crate::platform::{Mutex, Platform, TryLock, Word, violated};
use crate::types::addr::{Geometry, Vpn};
use crate::types::event::{Event, LockClass, LockStep, What};
use crate::types::ids::{CpuId, GrantId, TableId};
use crate::types::prot::Prot;
use crate::types::pte::Pte;
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;

/// What a table's lock protects.
#[derive(Debug)]
pub(crate) struct Slots {
    /// What software wrote (T2).
    soft: Box<[Pte]>,
    /// Grants of entries that are not there any more, but may be in a TLB still
    /// (ghost): slot, grant, permissions. Each grant is there once.
    past: Vec<(usize, GrantId, Prot)>,
}

/// A page table.
pub(crate) struct Table<P: Platform> {
    entries: Box<[P::Word]>,
    ptl: P::SpinLock<Slots>,
    /// Whether its lock may be used (ghost).
    pub ptl_life: Life<P>,
    /// Whether it may be walked (ghost).
    pub life: Life<P>,
    quirks: Active,
}

impl<P: Platform> Table<P> {
    pub fn new(geometry: Geometry, quirks: Active) -> Table<P> {
        let entries = geometry.entries();
        Table {
            entries: (0..entries)
                .map(|_| P::Word::new(0).called("pte"))
                .collect(),
            ptl: P::SpinLock::new(Slots {
                soft: (0..entries).map(|_| Pte::NONE).collect(),
                past: Vec::new(),
            })
            .called("ptl"),
            ptl_life: Life::of("a page table's lock was used after it was freed"),
            life: Life::of("a page table was walked after it was freed"),
            quirks,
        }
    }

    /// The word at `index`, for walkers, who hold no lock.
    pub fn walk(&self, index: usize) -> u64 {
        self.life.used();
        // ORDERING(acquire): pairs with the releases in install() and
        // PtlGuard::set(): what the entry names was made before.
        // QUIRK(WalkRelaxed): proofs/pt_free/table-published-early
        let ordering = self
            .quirks
            .weaken(Quirk::WalkRelaxed, Ordering::Acquire, Ordering::Relaxed);
        self.entries[index].load(ordering)
    }

    /// Hardware changes the leaf entry at `index` from `old` to `new`, unless
    /// it has changed meanwhile.
    pub fn hw_update(&self, index: usize, old: Pte, new: Pte) -> bool {
        self.life.used();
        // ORDERING(acquire): as for walk(). What the entry's last writer published stays
        // published, as by any read-modify-write.
        let acquire = Ordering::Acquire;
        self.entries[index]
            .compare_exchange(old.word(), new.word(), acquire, acquire)
            .is_ok()
    }

    /// Hooks `word` in at `index` of an upper table, if nothing is there.
    pub fn install(&self, index: usize, word: u64, ordering: Ordering) -> bool {
        self.life.used();
        self.entries[index]
            .compare_exchange(0, word, ordering, Ordering::Relaxed)
            .is_ok()
    }

    /// Hooks `word` in at `index` of an upper table, whatever is there. Only for a quirk.
    pub fn overwrite(&self, index: usize, word: u64) {
        self.entries[index].swap(word, Ordering::AcqRel);
    }

    /// Unhooks what is at `index` of an upper table. Who frees the table below first waits for its
    /// walkers, by IPI or grace period, whatever the ordering.
    pub fn remove(&self, index: usize, ordering: Ordering) -> u64 {
        self.life.used();
        self.entries[index].swap(0, ordering)
    }

    /// Whether nothing is in it. Only for who holds all that can change it.
    pub fn is_empty(&self) -> bool {
        self.entries.iter().all(|e| e.load(Ordering::Relaxed) == 0)
    }

    /// The leaf entry at `index`, when nobody runs any more.
    pub fn peek(&self, index: usize) -> Pte {
        Pte::from_word(self.entries[index].load(Ordering::Relaxed))
    }
}

/// A held page-table lock.
pub(crate) struct PtlGuard<'a, P: Platform> {
    table: &'a Table<P>,
    id: TableId,
    cpu: CpuId,
    geometry: Geometry,
    slots: <P::SpinLock<Slots> as Mutex<Slots>>::Guard<'a>,
    /// What kept the table while it was walked to, kept until the lock is left.
    walk: Option<Walk<'a, P>>,
}

impl<'a, P: Platform> PtlGuard<'a, P> {
    fn lock_event(cpu: CpuId, id: TableId, step: LockStep) {
        P::event(Event {
            cpu,
            what: What::Lock {
                class: LockClass::Ptl,
                instance: u64::from(id.0),
                step,
            },
        });
    }

    fn new(
        table: &'a Table<P>,
        id: TableId,
        cpu: CpuId,
        geometry: Geometry,
        slots: <P::SpinLock<Slots> as Mutex<Slots>>::Guard<'a>,
        step: LockStep,
    ) -> PtlGuard<'a, P> {
        table.ptl_life.used();
        Self::lock_event(cpu, id, step);
        PtlGuard {
            table,
            id,
            cpu,
            geometry,
            slots,
            walk: None,
        }
    }

    /// Waits for the lock. Linux: `pte_lockptr()`, `spin_lock()`.
    pub fn lock(table: &'a Table<P>, id: TableId, cpu: CpuId, geometry: Geometry) -> Self {
        Self::lock_event(cpu, id, LockStep::Waits);
        table.ptl_life.used();
        let slots = table.ptl.lock();
        Self::new(table, id, cpu, geometry, slots, LockStep::Locked)
    }

    /// Takes the lock if it is free. Linux: `spin_trylock()`.
    pub fn try_lock(
        table: &'a Table<P>,
        id: TableId,
        cpu: CpuId,
        geometry: Geometry,
    ) -> Option<Self> {
        Self::lock_event(cpu, id, LockStep::Tries);
        table.ptl_life.used();
        let Some(slots) = table.ptl.try_lock() else {
            Self::lock_event(cpu, id, LockStep::Busy);
            return None;
        };
        Some(Self::new(
            table,
            id,
            cpu,
            geometry,
            slots,
            LockStep::TryLocked,
        ))
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
        Self::lock_event(self.cpu, self.id, LockStep::Unlocked);
        drop(self.slots);
        drop(self.walk);
    }

    /// What software last wrote for `vpn` (T2).
    pub fn pte(&self, vpn: Vpn) -> Pte {
        self.slots.soft[self.geometry.index(vpn, 0)]
    }

    /// Whether software wrote nothing that is still there.
    pub fn is_empty(&self) -> bool {
        self.slots.soft.iter().all(|pte| pte.is_none())
    }

    /// Sets the entry of `vpn` and returns what it was, with what hardware set.
    pub fn set(&mut self, vpn: Vpn, new: Pte) -> Pte {
        let index = self.geometry.index(vpn, 0);
        // ORDERING(release): pairs with the acquire in walk(): the frame's content is there before
        // the entry is. Accesses through the old entry are ordered by its flush, not here:
        // hardware sets their bits before they go through.
        // QUIRK(PteSetNoRelease): proofs/pt_free/page-published-early
        let (sound, weak) = (Ordering::Release, Ordering::Relaxed);
        let quirks = &self.table.quirks;
        let ordering = quirks.weaken(Quirk::PteSetNoRelease, sound, weak);
        let old = Pte::from_word(self.table.entries[index].swap(new.word(), ordering));
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

    /// The entry of `vpn` with what hardware set, for who does not change it.
    pub fn current(&self, vpn: Vpn) -> Pte {
        Pte::from_word(self.table.walk(self.geometry.index(vpn, 0)))
    }

    /// Sets the entry of `vpn` by a load and a store: what hardware sets in
    /// between is lost.
    pub fn set_nonatomic(&mut self, vpn: Vpn, change: impl FnOnce(Pte) -> Pte) -> Pte {
        let index = self.geometry.index(vpn, 0);
        let old = Pte::from_word(self.table.entries[index].load(Ordering::Acquire));
        self.event(What::PteRead { vpn, pte: old });
        let new = change(old);
        let replaced = self.table.entries[index].swap(new.word(), Ordering::AcqRel);
        self.wrote(vpn, Pte::from_word(replaced), new);
        old
    }

    fn wrote(&mut self, vpn: Vpn, old: Pte, new: Pte) {
        let index = self.geometry.index(vpn, 0);
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
        P::event(Event {
            cpu: self.cpu,
            what,
        });
    }

    /// The entry of `vpn` was `old`, which others may have cached (ghost).
    fn note_past(&mut self, vpn: Vpn, old: Pte) {
        if P::CHECKED && old.grant() != GrantId(0) {
            let past = &mut self.slots.past;
            let slot = self.geometry.index(vpn, 0);
            let same =
                |known: &&mut (usize, GrantId, Prot)| (known.0, known.1) == (slot, old.grant());
            match past.iter_mut().find(same) {
                Some((.., prot)) => *prot = *prot | old.prot(),
                None => past.push((slot, old.grant(), old.prot())),
            }
        }
    }

    /// What may be cached of earlier entries of `vpn` (ghost): an operation
    /// that takes permission away there takes it from these too.
    pub fn past(&self, vpn: Vpn) -> impl Iterator<Item = (GrantId, Prot)> + '_ {
        let index = self.geometry.index(vpn, 0);
        let mine = move |&(slot, grant, prot): &(usize, GrantId, Prot)| {
            (slot == index).then_some((grant, prot))
        };
        self.slots.past.iter().filter_map(mine)
    }
}
