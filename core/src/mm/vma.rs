//! Virtual memory areas and their locks.
//!
//! The table in the crate's documentation says which lock makes which field stable. With
//! `rcu_fault` a VMA that can be found does not change, but that a new one allows nothing at first:
//! [`change_vma`](crate::mm::cpu::Cpu::change_vma) puts another one in its place.
//!
//! # States of `refcnt` (`vma_refcnt`)
//!
//! ```text
//!        attach            reader             writer excludes readers
//!   0 ----------> 1 <----------------> 1+n   1+n+EXCLUDE -> waits -> 1+EXCLUDE
//!   ^             |                            (lock_seq = mm.seq)  -> 1
//!   +-------------+
//!        detach (waits for readers that are about to see lock_seq)
//! ```
//!
//! # Invariants
//! - V1: a reader that holds the VMA's lock overlaps no section from
//!   `start_write` to the end of the mmap write lock.
//! - V2: after `detach` no CPU holds the VMA's lock, nor can take it.
//!
//! # Linux
//! mm/mmap_lock.c. Kept: the reference count with the writer's offset, the
//! sequence equality as write lock. Dropped: the racy test of `vm_lock_seq`
//! before the count is raised, which only saves time; the limit on readers; `vm_mm`, as no VMA is
//! reused for another address space.

mod copy;

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ghost::life::Life;
use crate::ghost::lock_events::LockEvents;
use crate::ghost::looked::Active;
pub(crate) use crate::mm::vma::copy::VmaCopy;
use crate::orderings;
use crate::platform::{Cell, Platform, Rcuwait, RwLock, Word};
use crate::types::addr::{PageRange, Vpn};
use crate::types::anon::Anon;
use crate::types::event::LockStep;
use crate::types::protocol::FaultPath;
use crate::types::quirk::Quirk;
use crate::types::violation::{Invariant, Violation};

/// A virtual memory area. Linux: `struct vm_area_struct`.
pub(crate) struct Vma<P: Platform> {
    start: P::Word,
    end: P::Word,
    /// What is allowed, and what backs it. Linux: `vm_flags`, `vm_file`, `vm_pgoff`, of which the last two never
    /// change while a VMA is in use.
    prot: P::Word,
    /// Its anon_vma, where there is a reverse mapping: it is set once (A5). Linux: `anon_vma`.
    anon: Option<P::Word>,
    /// Written with the fields, read by code that relies on them (ghost).
    stable: Option<P::Cell>,
    lock: VmaLock<P>,
    /// Whether it is in use (ghost).
    pub life: Life<P>,
    quirks: Active,
}

/// How faults lock a VMA.
enum VmaLock<P: Platform> {
    /// They do not.
    None,
    /// By a read-write lock, which a writer holds only to set `seq`.
    RwLock {
        lock: P::RwLock<()>,
        seq: P::Cell,
        detached: P::Cell,
    },
    /// By a reference.
    Refcnt { refcnt: P::Word, seq: P::Cell },
}

/// Added to `refcnt` by a writer that excludes readers.
/// Linux: `VMA_LOCK_OFFSET`.
const EXCLUDE_READERS: u64 = 1 << 32;

const TORN: Violation = Violation {
    invariant: Invariant::TornVma,
    what: "a VMA was read while it was being changed",
};

const RACE: Violation = Violation {
    invariant: Invariant::DataRace,
    what: "a VMA's lock state was read while it was being changed",
};

impl<P: Platform> Vma<P> {
    /// One whose faults lock it by `path`. `has_anon`: there is a reverse mapping.
    pub fn new(path: FaultPath, has_anon: bool, quirks: Active) -> Vma<P> {
        let lock = match path {
            FaultPath::MmapLock | FaultPath::Spf | FaultPath::RcuFault => VmaLock::None,
            FaultPath::VmaLock => VmaLock::RwLock {
                lock: P::RwLock::new(()).called("vm_lock"),
                seq: P::Cell::new(u64::MAX),
                detached: P::Cell::new(1),
            },
            FaultPath::VmaRefcnt => VmaLock::Refcnt {
                refcnt: P::Word::new(0).called("vm_refcnt"),
                seq: P::Cell::new(u64::MAX),
            },
        };
        Vma {
            start: P::Word::new(0).called("vm_start"),
            end: P::Word::new(0).called("vm_end"),
            prot: P::Word::new(0).called("vm_page_prot"),
            anon: has_anon.then(|| P::Word::new(0).called("anon_vma")),
            stable: P::CHECKED.then(|| P::Cell::new(0)),
            lock,
            life: Life::of("a VMA was used after it was freed"),
            quirks,
        }
    }

    /// The range and protection, for a caller that holds a lock that makes them stable.
    pub fn copy_stable(&self) -> VmaCopy {
        self.life.used();
        if let Some(stable) = &self.stable {
            stable.get(TORN);
        }
        self.copy_racy()
    }

    /// The range and protection as they may be, for a caller that will find out whether they were.
    pub fn copy_racy(&self) -> VmaCopy {
        self.life.used();
        self.fields()
    }

    fn fields(&self) -> VmaCopy {
        let start = Vpn(self.start.load(orderings::VMA_FIELD_READ));
        let end = Vpn(self.end.load(orderings::VMA_FIELD_READ));
        let word = self.prot.load(orderings::VMA_FIELD_READ);
        VmaCopy::from_word(word, PageRange::new(start, end), self.anon())
    }

    /// Its anon_vma.
    pub fn anon(&self) -> Anon {
        let word = self.anon.as_ref();
        word.map_or(Anon::NONE, |word| {
            Anon::from_bits(word.load(orderings::VMA_ANON_READ))
        })
    }

    /// Sets its anon_vma. The caller has the page-table lock of the address space (A5), or none finds the VMA yet.
    pub fn set_anon(&self, anon: Anon) {
        if let Some(word) = &self.anon {
            word.store(anon.bits(), orderings::VMA_ANON_SET);
        }
    }

    /// The same for a reader that holds nothing but an RCU section. Where faults take references, the VMA may
    /// be free or another one by now: its memory is that of a VMA all the same.
    pub fn copy_by_rcu(&self) -> VmaCopy {
        if !matches!(self.lock, VmaLock::Refcnt { .. }) {
            self.life.used();
        }
        self.fields()
    }

    /// Changes range and protection, from `old` where something was there.
    /// The caller has the mmap write lock and the VMA's.
    pub fn set(&self, old: Option<VmaCopy>, new: VmaCopy) {
        if let Some(stable) = &self.stable {
            stable.set(0, TORN);
        }
        if old.is_none_or(|old| old.range.start != new.range.start) {
            self.start
                .store(new.range.start.0, orderings::VMA_FIELD_WRITE);
        }
        if old.is_none_or(|old| old.range.end != new.range.end) {
            self.end.store(new.range.end.0, orderings::VMA_FIELD_WRITE);
        }
        if old.is_none_or(|old| old.word() != new.word()) {
            self.prot.store(new.word(), orderings::VMA_FIELD_WRITE);
        }
        if old.is_none_or(|old| old.anon != new.anon) {
            self.set_anon(new.anon);
        }
    }

    /// Lets it begin at `start`, which is lower. Where VMAs grow under the mmap read lock, others that have that
    /// lock may look meanwhile, and find the old start or the new one (X2).
    pub fn extend(&self, start: Vpn) {
        self.life.used();
        self.start.store(start.0, orderings::VMA_FIELD_WRITE);
    }

    /// Makes it lockable. The caller has the mmap write lock, whose sequence
    /// number `seq` write-locks it until then.
    /// Linux: `vma_mark_attached()`.
    pub fn attach(&self, locked_by: Option<u64>) {
        let unlocked = u64::MAX;
        match &self.lock {
            VmaLock::None => {}
            VmaLock::RwLock {
                lock,
                seq,
                detached,
            } => {
                let guard = lock.write();
                seq.set(locked_by.unwrap_or(unlocked), RACE);
                detached.set(0, RACE);
                drop(guard);
            }
            VmaLock::Refcnt { refcnt, seq } => {
                seq.set(locked_by.unwrap_or(unlocked), RACE);
                // QUIRK(VmaAttachRelaxed): proofs/vma_lock/attached-early
                let quirk = Quirk::VmaAttachRelaxed;
                let ordering = self.quirks.weaken(quirk, orderings::VMA_ATTACH);
                refcnt.fetch_add(1, ordering);
            }
        }
    }

    /// Keeps faults out until the mmap write lock with sequence number
    /// `mm_seq` is left. Linux: `vma_start_write()`.
    pub fn start_write(&self, mm_seq: u64, wait: &P::Rcuwait) {
        match &self.lock {
            VmaLock::None => {}
            VmaLock::RwLock { lock, seq, .. } => {
                if seq.get(RACE) != mm_seq {
                    let guard = lock.write();
                    seq.set(mm_seq, RACE);
                    drop(guard);
                }
            }
            VmaLock::Refcnt { refcnt, seq } => {
                if seq.get(RACE) != mm_seq {
                    self.exclude_readers(refcnt, 1, wait);
                    seq.set(mm_seq, RACE);
                    // QUIRK(VmaExclusionEndsRelaxed): proofs/vma_lock/locked-early
                    let quirk = Quirk::VmaExclusionEndsRelaxed;
                    let ordering = self.quirks.weaken(quirk, orderings::VMA_EXCLUSION_ENDS);
                    refcnt.fetch_sub(EXCLUDE_READERS, ordering);
                }
            }
        }
    }

    /// Waits until only `rest` references are left, and lets none be added.
    /// Linux: `__vma_enter_locked()`.
    fn exclude_readers(&self, refcnt: &P::Word, rest: u64, wait: &P::Rcuwait) {
        // QUIRK(VmaExcludeNoAcquire): proofs/vma_lock/reader-left-before
        let quirk = Quirk::VmaExcludeNoAcquire;
        let ordering = self.quirks.weaken(quirk, orderings::VMA_EXCLUDE);
        // QUIRK(VmaWriterDoesNotWait): proofs/vma_lock/writer-waits-for-readers
        let others = refcnt.fetch_add(EXCLUDE_READERS, ordering) != rest;
        if others && !self.quirks.has(Quirk::VmaWriterDoesNotWait) {
            // QUIRK(VmaWaitNoAcquire): proofs/vma_lock/writer-comes-after-readers
            let quirk = Quirk::VmaWaitNoAcquire;
            let ordering = self.quirks.weaken(quirk, orderings::VMA_WAIT);
            wait.wait_for(refcnt, rest + EXCLUDE_READERS, ordering);
        }
    }

    /// Makes it impossible to lock, for good. The caller has write-locked it.
    /// Linux: `vma_mark_detached()`.
    pub fn detach(&self, wait: &P::Rcuwait) {
        match &self.lock {
            VmaLock::None => {}
            VmaLock::RwLock { detached, .. } => detached.set(1, RACE),
            VmaLock::Refcnt { refcnt, .. } => {
                // Readers that are about to see seq may hold it for a moment.
                // QUIRK(VmaDetachNoAcquire): proofs/vma_lock/reader-left-before
                let quirk = Quirk::VmaDetachNoAcquire;
                let ordering = self.quirks.weaken(quirk, orderings::VMA_DETACH);
                let others = refcnt.fetch_sub(1, ordering) != 1;
                // QUIRK(VmaDetachDoesNotWait): proofs/vma_lock/detach-waits-for-readers
                if others && !self.quirks.has(Quirk::VmaDetachDoesNotWait) {
                    self.exclude_readers(refcnt, 0, wait);
                    refcnt.fetch_sub(EXCLUDE_READERS, orderings::VMA_DETACHED);
                }
            }
        }
    }

    /// Takes the VMA's read lock, unless a writer has it or it is gone.
    /// Linux: `vma_start_read()`, mm/mmap_lock.c.
    pub fn start_read<'a>(
        self: &'a Arc<Self>,
        mm_seq: &P::Word,
        wait: &'a P::Rcuwait,
        events: LockEvents<P>,
    ) -> Option<VmaRead<'a, P>> {
        match &self.lock {
            VmaLock::None => None,
            VmaLock::RwLock {
                lock,
                seq,
                detached,
            } => {
                self.life.used();
                let guard = lock.try_read()?;
                // QUIRK(VmaLockSeqReadRelaxed): proofs/vma_lock/mm-lock-seq-relaxed
                let quirk = Quirk::VmaLockSeqReadRelaxed;
                let ordering = self.quirks.weaken(quirk, orderings::VMA_LOCK_SEQ_READ);
                let locked = seq.get(RACE) == mm_seq.load(ordering);
                // QUIRK(VmaLockIgnoresSeq): proofs/vma_lock/number-is-the-lock
                if locked && !self.quirks.has(Quirk::VmaLockIgnoresSeq) {
                    return None;
                }
                // QUIRK(VmaDetachedIgnored): proofs/vma_lock/vma-lock-vs-munmap
                if detached.get(RACE) != 0 && !self.quirks.has(Quirk::VmaDetachedIgnored) {
                    return None;
                }
                let held = Held::RwLock { _guard: guard };
                Some(VmaRead::new(self, held, events))
            }
            VmaLock::Refcnt { refcnt, seq } => {
                self.try_get(refcnt)?;
                let held = Held::Refcnt { refcnt, wait };
                // QUIRK(VmaRefcntSeqReadRelaxed): proofs/vma_lock/mm-lock-seq-relaxed-refcnt
                let quirk = Quirk::VmaRefcntSeqReadRelaxed;
                let ordering = self.quirks.weaken(quirk, orderings::VMA_REFCNT_SEQ_READ);
                let locked = seq.get(RACE) == mm_seq.load(ordering);
                // QUIRK(VmaRefcntIgnoresSeq): proofs/vma_lock/number-is-the-lock-refcnt
                if locked && !self.quirks.has(Quirk::VmaRefcntIgnoresSeq) {
                    held.end(&self.quirks);
                    return None;
                }
                Some(VmaRead::new(self, held, events))
            }
        }
    }

    /// Raises the count, unless the VMA is detached or readers are excluded.
    fn try_get(&self, refcnt: &P::Word) -> Option<()> {
        // QUIRK(VmaGetRelaxed): proofs/vma_lock/locked-early
        let success = self.quirks.weaken(Quirk::VmaGetRelaxed, orderings::VMA_GET);
        let failure = orderings::VMA_GET_FAILED;
        // QUIRK(VmaGetFromZero): proofs/vma_lock/detached-is-not-locked
        let least = u64::from(!self.quirks.has(Quirk::VmaGetFromZero));
        // QUIRK(VmaGetIgnoresWriter): proofs/vma_lock/writer-excludes-readers
        let most = match self.quirks.has(Quirk::VmaGetIgnoresWriter) {
            false => EXCLUDE_READERS - 1,
            true => u64::MAX,
        };
        let got = refcnt.fetch_add_within(1, least..=most, success, failure);
        got.ok().map(|_| ())
    }
}

/// The free VMAs of an address space that a CPU has. An address space uses only its own again: a
/// reader that finds a VMA that is reused finds it in the same tree.
pub(crate) struct VmaPool<P: Platform> {
    free: Vec<Arc<Vma<P>>>,
    made: usize,
}

impl<P: Platform> VmaPool<P> {
    /// None yet.
    pub const fn new() -> VmaPool<P> {
        VmaPool {
            free: Vec::new(),
            made: 0,
        }
    }

    /// A VMA to fill in. `path`, `has_anon` and `quirks` are those of the machine.
    pub fn take(&mut self, path: FaultPath, has_anon: bool, quirks: &Active) -> Arc<Vma<P>> {
        let vma = self.free.pop();
        self.made += usize::from(vma.is_none());
        let vma = vma.unwrap_or_else(|| Arc::new(Vma::new(path, has_anon, quirks.clone())));
        vma.life.reused();
        vma
    }

    /// Whether it has none to use again.
    pub fn is_fresh(&self) -> bool {
        self.free.is_empty()
    }

    /// Gives a VMA back.
    pub fn put(&mut self, vma: Arc<Vma<P>>) {
        self.free.push(vma);
    }

    /// How many VMAs were ever made, and how many of these are free.
    pub fn balance(&self) -> (usize, usize) {
        (self.made, self.free.len())
    }
}

/// A VMA's read lock.
pub(crate) struct VmaRead<'a, P: Platform> {
    vma: &'a Arc<Vma<P>>,
    held: Held<'a, P>,
    events: LockEvents<P>,
}

enum Held<'a, P: Platform> {
    RwLock {
        _guard: <P::RwLock<()> as RwLock<()>>::ReadGuard<'a>,
    },
    Refcnt {
        refcnt: &'a P::Word,
        wait: &'a P::Rcuwait,
    },
}

impl<'a, P: Platform> VmaRead<'a, P> {
    fn new(vma: &'a Arc<Vma<P>>, held: Held<'a, P>, events: LockEvents<P>) -> VmaRead<'a, P> {
        events.tell(LockStep::TryLocked);
        VmaRead { vma, held, events }
    }

    /// The VMA that it locks.
    pub fn vma(&self) -> &'a Arc<Vma<P>> {
        self.vma
    }

    /// Leaves it. Linux: `vma_end_read()`.
    pub fn end(self) {
        self.events.tell(LockStep::Unlocked);
        self.held.end(&self.vma.quirks);
    }
}

impl<P: Platform> Held<'_, P> {
    fn end(self, quirks: &Active) {
        match self {
            Held::RwLock { _guard } => drop(_guard),
            Held::Refcnt { refcnt, wait } => {
                // QUIRK(VmaPutRelaxed): proofs/vma_lock/reader-left-before
                let ordering = quirks.weaken(Quirk::VmaPutRelaxed, orderings::VMA_PUT);
                let before = refcnt.fetch_sub(1, ordering);
                // QUIRK(VmaReaderDoesNotWake): proofs/vma_lock/writer-waits-for-readers
                if before > EXCLUDE_READERS && !quirks.has(Quirk::VmaReaderDoesNotWake) {
                    wait.wake();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
