//! The page-fault handler.
//!
//! ```text
//!  protocol     finds the VMA by         keeps it by             falls back to the mmap lock if
//!  mmap_lock    mmap read lock           mmap read lock          -
//!  spf          RCU, copies it           sequence count checked  a writer came, no table, ptl taken
//!                                        before and under ptl
//!  vma_lock,    RCU                      the VMA's read lock     no VMA, a writer has it
//!  vma_refcnt
//!  rcu_fault    RCU                      looked up again under   no VMA, no table, not the same
//!                                        ptl
//! ```
//!
//! Whatever the path, [`Cpu::commit`] changes the entry under the page-table
//! lock. Copies of pages are made without it: see `cow`. A fault that needs a page that is still to be read leaves its
//! locks, and starts again under the mmap lock: see `file_io`.
//!
//! # Linux
//! `do_user_addr_fault()`, `handle_pte_fault()`, `do_anonymous_page()`,
//! `wp_page_reuse()`, mm/memory.c. Changed: where nothing was mapped, a page is
//! allocated under the page-table lock, as taking one from the CPU's own pool
//! cannot sleep, and no other CPU sees it before.

use crate::mm::cpu::Cpu;
use crate::mm::file::Backing;
use crate::mm::mmap_lock::MmapRead;
use crate::mm::ptl::PtlGuard;
use crate::mm::vma::VmaCopy;
use crate::platform::{Platform, violated};
use crate::types::addr::Vpn;
use crate::types::counters::Counter;
use crate::types::error::Fault;
use crate::types::event::{FlushReason, What};
use crate::types::ids::{Pfn, SwapSlot};
use crate::types::prot::{Access, Prot};
use crate::types::protocol::{Dirty, FaultPath, Flush};
use crate::types::pte::{Entry, Pte};
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;

/// The outcome of a fault that found a VMA for its access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handled {
    /// The access may go through now.
    Resolved,
    /// All locks are left. The access waits for this, and is tried again.
    Again(Await),
}

/// The event that an access waits for before it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Await {
    /// None: the entry became another one meanwhile.
    Nothing,
    /// The lock of a driver.
    Driver,
    /// The entry allows the access already, and nothing was flushed: if the same translation faults
    /// again, another CPU's flush.
    Flush,
    /// A page of a file, or of swap, is to be read. Only within a fault, which starts again then.
    Page(Wanted),
}

pub(crate) type Outcome = Result<Handled, Fault>;

/// Whether a fault may leave its locks to wait for I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It may. Linux: `fault_flag_allow_retry_first()`.
    First,
    /// It did so before. Linux: `FAULT_FLAG_TRIED`.
    Tried,
}

/// A page that a fault needs, and has left its locks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The VMA by which it was found, which may be gone by now. Its file is there: Linux pins it.
    pub vma: VmaCopy,
    /// The slot of swap that has it, if no file.
    pub slot: Option<SwapSlot>,
    /// The page cache, or the swap cache, did not have the page at all. Linux: `VM_FAULT_MAJOR`.
    pub is_new: bool,
}

/// Whether a fault starts again after I/O.
pub(crate) enum Started {
    /// It does, as this attempt.
    Again(Attempt),
    /// It is over.
    Not(Outcome),
}

/// The reason that a fault can rely on its VMA whenever it holds the page-table lock.
#[derive(Clone, Copy, Debug)]
pub(crate) enum VmaStays {
    /// A lock that it holds throughout, in this attempt.
    Locked(Attempt),
    /// The mm's sequence count, which is this still.
    Seq(u64),
    /// It is looked up again.
    Found,
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Handles the fault of `access` at `vpn`. Linux: `do_user_addr_fault()`.
    pub(crate) fn handle_fault(&mut self, vpn: Vpn, access: Access) -> Outcome {
        self.count(Counter::Faults);
        let without_mmap_lock = match self.sys.protocol().fault() {
            FaultPath::MmapLock => None,
            FaultPath::Spf => self.fault_speculative(vpn, access).map(Ok),
            FaultPath::VmaLock | FaultPath::VmaRefcnt => self.fault_vma_locked(vpn, access),
            FaultPath::RcuFault => self.fault_rcu(vpn, access).map(Ok),
        };
        let mut attempt = Attempt::First;
        match without_mmap_lock {
            Some(Ok(Handled::Again(Await::Page(wanted)))) => {
                match self.after_io(wanted, vpn, access) {
                    // Linux: VMA_LOCK_RETRY, and FAULT_FLAG_TRIED if VM_FAULT_MAJOR.
                    Started::Again(next) if wanted.is_new => attempt = next,
                    Started::Again(_) => {}
                    Started::Not(outcome) => return outcome,
                }
            }
            Some(outcome) => {
                self.count(Counter::Speculative);
                return outcome;
            }
            None if self.sys.protocol().fault() != FaultPath::MmapLock => {
                self.count(Counter::Fallbacks);
            }
            None => {}
        }
        loop {
            let (lock, vma) = self.lock_mm_and_find_vma(vpn);
            let outcome = match vma {
                None => Err(Fault::MapErr),
                Some(vma) => self.fault_stable(vma, vpn, access, attempt),
            };
            lock.unlock();
            let Ok(Handled::Again(Await::Page(wanted))) = outcome else {
                return outcome;
            };
            match self.after_io(wanted, vpn, access) {
                Started::Again(next) => attempt = next,
                Started::Not(outcome) => return outcome,
            }
        }
    }

    /// Under the mmap lock, for a system call: nothing grows. Linux: `gup_vma_lookup()`, `faultin_page()`.
    pub(crate) fn fault_mmap_locked(
        &mut self,
        lock: &MmapRead<'s, P>,
        vpn: Vpn,
        access: Access,
        attempt: Attempt,
    ) -> Outcome {
        match lock.find(vpn) {
            None => Err(Fault::MapErr),
            Some(vma) => self.fault_stable(vma, vpn, access, attempt),
        }
    }

    /// The VMA is stable. Linux: `handle_mm_fault()`.
    pub(crate) fn fault_stable(
        &mut self,
        vma: VmaCopy,
        vpn: Vpn,
        access: Access,
        attempt: Attempt,
    ) -> Outcome {
        if P::CHECKED && !vma.range.contains(vpn) {
            violated::<P>(
                Invariant::TornVma,
                "a fault acted on a VMA that does not cover its address",
            );
        }
        let is_allowed = vma.prot.allows(access);
        // Linux, x86: a fetch is taken for a read until the page is there, and only then refused:
        // access_error(), arch/x86/mm/fault.c.
        let is_fetch = access == Access::Exec && vma.prot.allows(Access::Read);
        if !is_allowed && !is_fetch {
            return Err(Fault::AccErr);
        }
        let first = if is_allowed { access } else { Access::Read };
        match vma.backing {
            Backing::Shared(map) | Backing::Private(map)
                if self.sys.files().have_caches() && self.is_unmapped(vpn) =>
            {
                return self.fault_file(map, vma, (vpn, first), attempt);
            }
            Backing::Driver(map) if self.is_unmapped(vpn) => {
                return self.fault_driver(map, vma, vpn, first);
            }
            Backing::Anonymous
            | Backing::Stack
            | Backing::Shared(_)
            | Backing::Private(_)
            | Backing::Driver(_) => {}
        }
        let vma = match is_allowed && self.lacks_anon_vma(vma, access) {
            true => self.prepare_anon_vma(vma, vpn),
            false => vma,
        };
        // QUIRK(PteSetUnlocked): proofs/tlb/bits-set-without-the-lock
        if access == Access::Write && self.sys.has(Quirk::PteSetUnlocked) {
            self.make_writable_unlocked(vpn);
        }
        // QUIRK(NoPteRecheck): proofs/basics/two-faults-one-page
        let seen = self.sys.has(Quirk::NoPteRecheck);
        let seen = seen.then(|| match self.walk_to_end(vpn).1 {
            Entry::Leaf(pte) => Entry::Leaf(pte.software()),
            other => other,
        });
        let Some(ptl) = self.lock_leaf_alloc(vpn) else {
            return Err(Fault::Bus);
        };
        let entry = seen.unwrap_or_else(|| ptl.entry(vpn));
        if !is_allowed && matches!(entry, Entry::Leaf(_)) {
            ptl.unlock();
            return Err(Fault::AccErr);
        }
        let outcome = self.commit(ptl, vma, vpn, first, entry, VmaStays::Locked(attempt));
        // No table: it was reclaimed, and the entry with it.
        outcome.unwrap_or(Ok(Handled::Again(Await::Nothing)))
    }

    /// Whether nothing is there at `vpn` right now. Another CPU may change that: who acts on it looks again.
    fn is_unmapped(&self, vpn: Vpn) -> bool {
        let walk = self.walk_begin(true);
        let (_, entry) = self.walk_to_end(vpn);
        drop(walk);
        !matches!(entry, Entry::Leaf(_) | Entry::Guard)
    }

    /// Adds W to the entry of `vpn`, if it is there, under no lock. Only for a quirk.
    fn make_writable_unlocked(&self, vpn: Vpn) {
        let (table, entry) = self.walk_to_end(vpn);
        let Some(old) = entry.leaf() else { return };
        let new = Pte::new(old.pfn(), old.prot() | Prot::W, old.grant()).with_history_of(old);
        let index = self.sys.machine.tables.index(table, vpn);
        if self.sys.table(table.id).hw_update(index, old, new) {
            self.event(What::PteSet { vpn, old, new });
        }
    }

    /// Under the VMA's lock. `None`: under the mmap lock instead.
    fn fault_vma_locked(&mut self, vpn: Vpn, access: Access) -> Option<Outcome> {
        let mut left = None;
        let outcome = self.with_vma_locked(vpn, |cpu, found, vma| {
            if !cpu.may_call_driver(vma) {
                cpu.how("falls back: the driver relies on the mmap lock");
                return None;
            }
            // Linux: __vmf_anon_prepare().
            // QUIRK(AnonVmaUnderVmaLock): proofs/swap/first-page-while-it-is-split
            if cpu.lacks_anon_vma(vma, access) && !cpu.sys.has(Quirk::AnonVmaUnderVmaLock) {
                cpu.how("falls back: the VMA has no anon_vma yet");
                return None;
            }
            // QUIRK(MmapLockUnderVmaLock): proofs/vma_lock/mmap-lock-under-vma-lock
            let quirk = cpu.sys.has(Quirk::MmapLockUnderVmaLock);
            let mmap = quirk.then(|| cpu.mmap_read_lock());
            let outcome = cpu.fault_stable(vma, vpn, access, Attempt::First);
            if let Some(mmap) = mmap {
                mmap.unlock();
            }
            // QUIRK(VmaUsedAfterRetry): proofs/file/unmapped-while-it-is-read
            if matches!(outcome, Ok(Handled::Again(Await::Page(_))))
                && cpu.sys.has(Quirk::VmaUsedAfterRetry)
            {
                left = Some(found.clone());
            }
            Some(outcome)
        });
        if let Some(vma) = left {
            vma.life.used();
        }
        outcome
    }

    /// Changes the entry, which is `entry`, so that `access` may go through. `None`: the page-table
    /// lock was left for a copy, and cannot be taken again as `stays` needs it.
    /// Linux: `handle_pte_fault()`.
    pub(crate) fn commit(
        &mut self,
        mut ptl: PtlGuard<'s, P>,
        vma: VmaCopy,
        vpn: Vpn,
        access: Access,
        entry: Entry,
        stays: VmaStays,
    ) -> Option<Outcome> {
        let outcome = match entry {
            // It went meanwhile, and comes under the lock of a page, or a driver's.
            Entry::None if vma.backing.may_wait(self) => Ok(Handled::Again(Await::Nothing)),
            Entry::None => self.fault_none(&mut ptl, vma, vpn, access),
            // It is waited for, with the VMA as it is.
            Entry::Swapped(seen) => {
                ptl.unlock();
                return match stays {
                    VmaStays::Locked(attempt) => {
                        Some(self.swap_in(vma, (vpn, access), seen, attempt))
                    }
                    VmaStays::Seq(_) | VmaStays::Found => {
                        self.how("falls back: the page is in swap");
                        None
                    }
                };
            }
            // Linux: handle_pte_marker().
            Entry::Guard => Err(Fault::MapErr),
            // Not a leaf table any more.
            Entry::Table(_) => Ok(Handled::Again(Await::Nothing)),
            Entry::Leaf(pte) if pte.allows(access) => Ok(self.spurious(&ptl, vpn, access)),
            Entry::Leaf(pte) if access == Access::Write && vma.backing.must_copy(self, pte) => {
                return self.copy_on_write(ptl, vma, vpn, pte, stays);
            }
            Entry::Leaf(pte) if access == Access::Write && vma.backing.tells_of_stores(self) => {
                ptl.unlock();
                return Some(self.write_shared(vma, vpn, pte));
            }
            Entry::Leaf(pte) => {
                self.add_permission(&mut ptl, vma, vpn, access, pte);
                Ok(Handled::Resolved)
            }
        };
        ptl.unlock();
        Some(outcome)
    }

    pub(crate) fn set_pte(&mut self, ptl: &mut PtlGuard<'s, P>, vpn: Vpn, new: Pte) -> Pte {
        self.count(Counter::PtesTouched);
        ptl.set(vpn, new)
    }

    /// `pte` for a page that is about to be written.
    pub(crate) fn written(&self, pte: Pte) -> Pte {
        match self.sys.protocol().dirty() {
            Dirty::Fault => pte.young().dirty(),
            Dirty::Hardware => pte.young(),
        }
    }

    /// Nothing was there. Linux: `do_pte_missing()`.
    fn fault_none(
        &mut self,
        ptl: &mut PtlGuard<'s, P>,
        vma: VmaCopy,
        vpn: Vpn,
        access: Access,
    ) -> Outcome {
        let (pfn, prot) = vma.backing.first_page(self, vma, vpn, access)?;
        if pfn != Pfn::ZERO && vma.backing.is_anonymous() {
            let page = self.anon_page(vma, vpn, true);
            self.sys.frame(pfn).set_anon(page);
        }
        self.map_first(ptl, vpn, access, pfn, prot);
        // QUIRK(MapBeforeZero): proofs/basics/mapped-before-it-is-zeroed
        if self.sys.has(Quirk::MapBeforeZero) && pfn != Pfn::ZERO {
            let (from, to) = (Pfn::ZERO, pfn);
            self.sys.frame(to).zero();
            self.event(What::FrameCopied { vpn, from, to });
        }
        Ok(Handled::Resolved)
    }

    /// Sets the entry of `vpn`, where nothing is, to `pfn`. Linux: `set_pte_range()`.
    pub(crate) fn map_first(
        &mut self,
        ptl: &mut PtlGuard<'s, P>,
        vpn: Vpn,
        access: Access,
        pfn: Pfn,
        prot: Prot,
    ) {
        let new = Pte::new(pfn, prot, self.grant(prot));
        let new = if access == Access::Write {
            self.written(new)
        } else {
            new.young()
        };
        self.entry_comes(pfn);
        self.set_pte(ptl, vpn, new);
    }

    /// The page is there, and the VMA allows more than its entry does.
    /// Linux: `wp_page_reuse()`, `ptep_set_access_flags()`.
    pub(crate) fn add_permission(
        &mut self,
        ptl: &mut PtlGuard<'s, P>,
        vma: VmaCopy,
        vpn: Vpn,
        access: Access,
        old: Pte,
    ) {
        let keep_ro = !(access == Access::Write || old.prot().contains(Prot::W));
        let prot = if keep_ro {
            vma.prot & !Prot::W
        } else {
            vma.prot
        };
        let grant = self.grant(prot);
        let mut new = Pte::new(old.pfn(), prot, grant).young();
        if access == Access::Write {
            new = self.written(new);
        }
        let before = self.set_pte(ptl, vpn, Pte::NONE);
        // QUIRK(FaultDropsHistory): proofs/tlb/dirty-kept-by-write-fault
        if !self.sys.has(Quirk::FaultDropsHistory) {
            new = new.with_history_of(before);
        }
        self.set_pte(ptl, vpn, new);
        // Cached translations allow less: others find out when they fault.
        match self.sys.protocol().flush() {
            // QUIRK(WriteFaultNoGen): proofs/tlb/relaxed-write-fault
            Flush::Relaxed if !self.sys.has(Quirk::WriteFaultNoGen) => {
                self.relaxed_flush(ptl.pages(vpn));
            }
            Flush::Strict | Flush::Relaxed => {
                self.flush_local(ptl.pages(vpn), FlushReason::Local);
            }
        }
    }

    /// The entry allows the access: the TLB did not know.
    /// Linux: `flush_tlb_fix_spurious_fault()`.
    fn spurious(&mut self, ptl: &PtlGuard<'s, P>, vpn: Vpn, access: Access) -> Handled {
        self.count(Counter::Spurious);
        self.event(What::Spurious { vpn });
        // QUIRK(NoExecFixup): proofs/tlb/relaxed-exec
        if access == Access::Exec && self.sys.has(Quirk::NoExecFixup) {
            return Handled::Again(Await::Flush);
        }
        match self.sys.protocol().flush() {
            // QUIRK(SpuriousNotFlushed): proofs/tlb/spurious-write
            Flush::Strict if self.sys.has(Quirk::SpuriousNotFlushed) => {
                Handled::Again(Await::Flush)
            }
            Flush::Strict => {
                self.flush_local(ptl.pages(vpn), FlushReason::Spurious);
                Handled::Resolved
            }
            Flush::Relaxed if self.catch_up(FlushReason::Spurious) => Handled::Resolved,
            Flush::Relaxed => Handled::Again(Await::Flush),
        }
    }
}
