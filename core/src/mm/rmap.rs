//! Entries of a page come and go: whatever is to know which entries map a page learns it here. So do the anon_vmas of a VMA
//! and of a page ([`anon_vma`](crate::mm::anon_vma)).
//!
//! A page has references, which keep it ([`Frame::get`](crate::hw::frame::Frame::get),
//! [`Frame::put`](crate::hw::frame::Frame::put)), and entries, which map it. Each entry has a
//! reference. A fault that copies the page has one too, and so has an entry that is clear and not
//! flushed yet.
//!
//! # Invariants
//! - M1: an entry has its reference before it is set, and until it is cleared and flushed. So a page
//!   has as many references as entries, or more, and one that is freed has no entry.
//! - M2: an entry comes and goes under the lock of its table. No lock is common to all entries of a
//!   page: the tables of several address spaces have them.
//! - M3: the references decide whether a write may go to a page as it is, not the entries: a page that
//!   is being copied may have one entry, and must not change (C1; proofs/cow/reused-while-copied).
//!
//! # Linux
//! mm/rmap.c. Kept: references are taken before entries are counted, and put after (the comment in
//! mm/memory.c, `__wp_can_reuse_large_anon_folio()`); the zero page has no count (`vm_normal_page()`);
//! `move_ptes()` calls nothing, as the page has as many entries as before. Changed: the count that is checked is ghost
//! state, as no step depends on it; where there is a reverse mapping a word has the same, which reclaim reads, and so has
//! one of a page that is written back ([`writeback`](crate::mm::writeback), D3). It is checked at rest, and where a page is freed: that put comes after
//! all others, and each of them after the end of its entry, so that the count does not depend on the
//! order in which a checker runs what is not ordered. By M2 what a step depends on is an
//! atomic word.

use crate::mm::anon_vma::{AnonVmas, AnonWrite};
use crate::mm::cpu::Cpu;
use crate::mm::system::System;
use crate::mm::vma::VmaCopy;
use crate::platform::{Platform, RcuPointer, RwLock, violated};
use crate::types::addr::Vpn;
use crate::types::anon::{Anon, AnonPage};
use crate::types::ids::{MmId, Pfn};
use crate::types::prot::Access;
use crate::types::pte::Pte;
use crate::types::quirk::Quirk;
use crate::types::violation::Invariant;
use alloc::vec::Vec;

impl<'s, P: Platform> Cpu<'s, P> {
    /// An entry of `pfn` comes: the caller has a reference for it, and sets it under the lock of its
    /// table. Linux: `folio_add_anon_rmap_ptes()`.
    pub(crate) fn entry_comes(&self, pfn: Pfn) {
        if pfn != Pfn::ZERO {
            self.sys.frame(pfn).mapped();
        }
    }

    /// An entry is gone: the caller has cleared it under the lock of its table, it was `old`, and its
    /// reference is still there. Linux: `folio_mark_dirty()`, `folio_remove_rmap_ptes()`.
    pub(crate) fn entry_went(&self, old: Pte) {
        if old.pfn() != Pfn::ZERO {
            self.sys.frame(old.pfn()).unmapped(old.is_dirty());
        }
    }

    /// Whether an `access` in `vma` may make a page that needs an anon_vma, which there is not yet.
    pub(crate) fn lacks_anon_vma(&self, vma: VmaCopy, access: Access) -> bool {
        self.sys.anon_vmas().is_some()
            && access == Access::Write
            && vma.backing.is_anonymous()
            && vma.anon == Anon::NONE
    }

    /// The VMA at `vpn`, which is `vma`, gets an anon_vma, and enters it. The caller has the mmap lock for reading.
    /// Linux: `__anon_vma_prepare()`.
    pub(crate) fn prepare_anon_vma(&mut self, vma: VmaCopy, vpn: Vpn) -> VmaCopy {
        let Some(all) = self.sys.anon_vmas() else {
            return vma;
        };
        // Where VMAs grow under the mmap read lock the tree may change.
        let section = self.sys.expands_read_locked().then(|| self.rcu_read_lock());
        let found = self.mm().tree.load().find(vpn).map(|(_, vma)| vma.clone());
        drop(section);
        let Some(found) = found else {
            return vma;
        };
        let id = all.make(self.id(), self.next_anon_vma(), None);
        let mut lock = all.write(id, self.id());
        let pml = self.pml_lock();
        // Another fault may have been here.
        // QUIRK(AnonVmaSetTwice): proofs/swap/two-first-writes
        let anon = match found.anon() {
            Anon::NONE => None,
            anon => Some(anon).filter(|_| !self.sys.has(Quirk::AnonVmaSetTwice)),
        };
        let anon = anon.unwrap_or_else(|| {
            let anon = Anon::new(id, 0);
            found.set_anon(anon);
            all.enter(&mut lock, self.local.mm, VmaCopy { anon, ..vma }, false);
            anon
        });
        pml.unlock();
        lock.unlock();
        VmaCopy { anon, ..vma }
    }

    fn next_anon_vma(&mut self) -> u32 {
        self.local.anon_vmas_made += 1;
        self.local.anon_vmas_made - 1
    }

    /// The VMA of a child that is a copy of `vma`: its pages are in an anon_vma of its own. Linux: `anon_vma_fork()`.
    pub(crate) fn fork_anon_vma(&mut self, vma: VmaCopy) -> VmaCopy {
        let (Some(all), Some(parent)) = (self.sys.anon_vmas(), vma.anon.id()) else {
            return vma;
        };
        let id = all.make(self.id(), self.next_anon_vma(), Some(parent));
        let anon = Anon::new(id, vma.anon.base());
        VmaCopy { anon, ..vma }
    }

    /// The VMA `vma` enters its anon_vmas, or will in a moment. Linux: `anon_vma_clone()`.
    pub(crate) fn link_anon(&mut self, vma: VmaCopy, first: bool) {
        self.with_anon_vma(vma, |all, lock, mm| all.enter(lock, mm, vma, first));
    }

    /// The VMA `vma` leaves its anon_vmas. Linux: `unlink_anon_vmas()`.
    pub(crate) fn unlink_anon(&mut self, vma: VmaCopy) {
        self.with_anon_vma(vma, |all, lock, mm| all.leave(lock, mm, vma));
    }

    /// The VMA `old` is `new` from now on.
    pub(crate) fn relink_anon(&mut self, old: VmaCopy, new: VmaCopy) {
        if let Some(mut lock) = self.anon_write(new) {
            self.relink_anon_locked(&mut lock, old, new);
            lock.unlock();
        }
    }

    /// The lock of the anon_vmas of `vma`, if it has any. Linux: `anon_vma_lock_write()`.
    pub(crate) fn anon_write(&self, vma: VmaCopy) -> Option<AnonWrite<'s, P>> {
        let (all, id) = (self.sys.anon_vmas()?, vma.anon.id()?);
        Some(all.write(id, self.id()))
    }

    /// The VMA `old` is `new`, under the lock of their anon_vmas.
    pub(crate) fn relink_anon_locked(
        &mut self,
        lock: &mut AnonWrite<'s, P>,
        old: VmaCopy,
        new: VmaCopy,
    ) {
        if let Some(all) = self.sys.anon_vmas() {
            all.enter(lock, self.local.mm, new, false);
            all.leave(lock, self.local.mm, old);
        }
    }

    fn with_anon_vma(
        &mut self,
        vma: VmaCopy,
        change: impl FnOnce(&AnonVmas<P>, &mut AnonWrite<'s, P>, MmId),
    ) {
        if let (Some(all), Some(mut lock)) = (self.sys.anon_vmas(), self.anon_write(vma)) {
            change(all, &mut lock, self.local.mm);
            lock.unlock();
        }
    }

    /// The page of `vma` at `vpn` is to have an entry, and was not mapped before. `is_alone`: no other VMA may have it.
    /// Linux: `__folio_set_anon()`.
    pub(crate) fn anon_page(&self, vma: VmaCopy, vpn: Vpn, is_alone: bool) -> Option<AnonPage> {
        let (all, id) = (self.sys.anon_vmas()?, vma.anon.id()?);
        // The oldest one, which each VMA is in that may have it.
        // QUIRK(SwapinOwnAnonVma): proofs/swap/brought-in-by-the-child
        let is_own = is_alone || self.sys.has(Quirk::SwapinOwnAnonVma);
        let id = if is_own { id } else { all.root(id) };
        Some(vma.anon.page(id, vpn))
    }
}

impl<P: Platform> System<P> {
    /// Checks that each VMA is in the anon_vmas of its chain, and nothing else is.
    pub(crate) fn check_anon_vmas(&self) {
        let Some(all) = self.anon_vmas() else { return };
        let mut vmas = Vec::new();
        for mm in self.mms() {
            let lock = self.mm(mm).mmap_lock.read();
            lock.tree
                .visit(&mut |_, vma| vmas.push((mm, vma.copy_stable())));
        }
        let (should, are) = all.at_rest(&vmas);
        if should.len() != are.len() || !are.iter().all(|link| should.contains(link)) {
            violated::<P>(
                Invariant::Leak,
                "the VMAs that are in an anon_vma are not those that may have its pages",
            );
        }
    }
}
