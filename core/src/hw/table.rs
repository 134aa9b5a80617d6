//! Page tables: words that hardware walks, and the lock that lives with them.
//!
//! # Invariants
//! - T1: leaf entries are changed by software only under the table's lock, by
//!   read-modify-write; hardware sets accessed and dirty bits at any time.
//! - T2: what software last wrote to each leaf entry is kept under the lock
//!   too, so that software need not load an entry that it is about to write.
//! - T3: a table is freed empty.
//!
//! # Linux
//! Kept: a lock for each leaf table, in the table (`ptl=embedded`) or in
//! memory of its own that lives as long (`ptl=allocated`).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use crate::ghost::life::Life;
use crate::ghost::looked::Active;
use crate::hw::pool::{Arena, Pool};
use crate::orderings;
use crate::platform::{Mutex, Platform, Word};
use crate::types::addr::{Geometry, Vpn};
use crate::types::config::Config;
use crate::types::ids::{CpuId, GrantId, TableId};
use crate::types::prot::Prot;
use crate::types::pte::{Entry, Pte, TableAt};
use crate::types::quirk::Quirk;

/// What a table's lock protects.
#[derive(Debug)]
pub(crate) struct Slots {
    /// What software wrote (T2).
    pub soft: Box<[Pte]>,
    /// Grants of entries that are not there any more, but may be in a TLB still
    /// (ghost): slot, grant, permissions. Each grant is there once.
    pub past: Vec<(usize, GrantId, Prot)>,
}

/// A page table.
pub(crate) struct Table<P: Platform> {
    entries: Box<[P::Word]>,
    /// Its lock. Linux: `ptdesc.ptl`.
    pub ptl: P::SpinLock<Slots>,
    /// Whether its lock may be used (ghost).
    pub ptl_life: Life<P>,
    /// Whether it may be walked (ghost).
    pub life: Life<P>,
    /// The quirks that are on.
    pub quirks: Active,
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

    /// The word at `index`, for walkers, which hold no lock.
    pub fn walk(&self, index: usize) -> u64 {
        self.life.used();
        // QUIRK(WalkRelaxed): proofs/pt_free/table-published-early
        let ordering = self
            .quirks
            .weaken(Quirk::WalkRelaxed, orderings::TABLE_WALK);
        self.entries[index].load(ordering)
    }

    /// Hardware changes the leaf entry at `index` from `old` to `new`, unless
    /// it has changed meanwhile.
    pub fn hw_update(&self, index: usize, old: Pte, new: Pte) -> bool {
        self.life.used();
        let (success, failure) = (orderings::HW_UPDATE, orderings::HW_UPDATE_FAILED);
        self.entries[index]
            .compare_exchange(old.word(), new.word(), success, failure)
            .is_ok()
    }

    /// Hooks `word` in at `index` of an upper table, if nothing is there.
    pub fn install(&self, index: usize, word: u64, ordering: Ordering) -> bool {
        self.life.used();
        self.entries[index]
            .compare_exchange(0, word, ordering, orderings::TABLE_INSTALL_FAILED)
            .is_ok()
    }

    /// Hooks `word` in at `index` of an upper table, whatever is there. Only for a quirk.
    pub fn overwrite(&self, index: usize, word: u64) {
        self.entries[index].swap(word, orderings::TABLE_OVERWRITE);
    }

    /// Unhooks what is at `index` of an upper table. The CPU that frees the table below first
    /// waits for its walkers, by IPI or grace period, whatever the ordering.
    pub fn remove(&self, index: usize, ordering: Ordering) -> u64 {
        self.life.used();
        self.entries[index].swap(0, ordering)
    }

    /// Software writes `word` at `index`, under the table's lock, and gets what was there.
    #[track_caller]
    pub fn exchange(&self, index: usize, word: u64, ordering: Ordering) -> u64 {
        self.entries[index].swap(word, ordering)
    }

    /// Software reads the word at `index` that it is about to write. Only for a quirk.
    #[track_caller]
    pub fn read(&self, index: usize, ordering: Ordering) -> u64 {
        self.entries[index].load(ordering)
    }

    /// Whether nothing is in it. Only for a caller that holds all locks by which it could change.
    pub fn is_empty(&self) -> bool {
        self.entries.iter().all(|e| e.load(orderings::AT_REST) == 0)
    }

    /// The word at `index`, when no CPU runs any more.
    pub fn peek(&self, index: usize) -> u64 {
        self.entries[index].load(orderings::AT_REST)
    }
}

/// All page tables of a machine.
pub(crate) struct Tables<P: Platform> {
    tables: Arena<Table<P>>,
    reserve: P::Mutex<Vec<u32>>,
    geometry: Geometry,
    quirks: Active,
}

impl<P: Platform> Tables<P> {
    /// Those of a machine, all of them free.
    pub fn new(config: &Config, quirks: Active) -> Tables<P> {
        let last = CpuId(config.cpus - 1);
        Tables {
            tables: Arena::new(config.tables_of(last).1 as usize),
            reserve: P::Mutex::new(Vec::new()).called("table_reserve"),
            geometry: config.geometry,
            quirks,
        }
    }

    /// Their shape.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The table `id`.
    pub fn get(&self, id: TableId) -> &Table<P> {
        self.tables.get(id.0)
    }

    /// The top table `root`.
    pub fn top(&self, root: TableId) -> TableAt {
        let level = self.geometry.top();
        TableAt { id: root, level }
    }

    /// The index of the entry for `vpn` in `table`.
    pub fn index(&self, table: TableAt, vpn: Vpn) -> usize {
        self.geometry.index(vpn, table.level)
    }

    /// The entry for `vpn` in `table`, as a walker reads it.
    pub fn entry(&self, table: TableAt, vpn: Vpn) -> Entry {
        let word = self.get(table.id).walk(self.index(table, vpn));
        Entry::of(word, table.level)
    }

    /// The table below `table` that translates `vpn`, if there is one.
    pub fn below(&self, table: TableAt, vpn: Vpn) -> Option<TableAt> {
        self.entry(table, vpn).table()
    }

    /// The table of `level` under the top table `root` that translates `vpn`, if there is one: the walk
    /// does not end above. The entry in that table is not read.
    pub fn at(&self, root: TableId, vpn: Vpn, level: u8) -> Option<TableAt> {
        let mut table = self.top(root);
        while table.level > level {
            table = self.below(table, vpn)?;
        }
        Some(table)
    }

    /// Where a walk from the top table `root` to `vpn` ends, whatever the level: the entry there is
    /// no table, and the table is the one that it is in.
    pub fn walk(&self, root: TableId, vpn: Vpn) -> (TableAt, Entry) {
        let mut table = self.top(root);
        loop {
            let entry = self.entry(table, vpn);
            match entry.table() {
                Some(below) => table = below,
                None => return (table, entry),
            }
        }
    }

    /// The entry for `vpn` in `table`, when no CPU runs any more.
    pub fn peek(&self, table: TableAt, vpn: Vpn) -> Entry {
        let word = self.get(table.id).peek(self.index(table, vpn));
        Entry::of(word, table.level)
    }

    /// Makes sure that the table `id` is there.
    pub fn make(&self, id: TableId) -> &Table<P> {
        let make = || Table::new(self.geometry, self.quirks.clone());
        self.tables.get_or_make(id.0, make)
    }

    /// How many tables are in the reserve that CPUs share.
    pub fn in_reserve(&self) -> usize {
        self.reserve.lock().len()
    }

    /// An empty table, if there is memory for one.
    pub fn alloc(&self, pool: &mut Pool) -> Option<TableId> {
        let id = TableId(pool.take::<P>(&self.reserve)?);
        let table = self.make(id);
        table.life.reused();
        table.ptl_life.reused();
        Some(id)
    }

    /// The table `id` goes back to its pool; its lock went before, or goes with it.
    pub fn free(&self, pool: &mut Pool, id: TableId, lock_is_gone: bool) {
        let table = self.get(id);
        if !lock_is_gone {
            table.ptl_life.freed();
        }
        table.life.freed();
        pool.put::<P>(id.0, &self.reserve);
    }
}
