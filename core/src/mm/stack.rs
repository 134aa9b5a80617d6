//! Mappings that grow down: a fault below one extends it.
//!
//! ```text
//!  fault at A[1]    mmap lock, reading    no VMA there; the next one, at A[2], grows down
//!  expand=
//!    mmap_write     left, and taken for writing: what was found may be gone, so it is looked up again
//!                   the VMA's write lock; its start becomes A[1]; the mmap lock is downgraded
//!    mmap_read      kept, and the lock of its anon_vma, and pml: looked up again; the VMA enters its anon_vma as it
//!                   will be; its start becomes A[1], then the tree shows it
//!  then             the fault goes on as any other
//! ```
//! The VMA grows to the page of the fault, if nothing that may be accessed ends less than
//! [`STACK_GUARD_GAP`] pages below that page. What may not be accessed does not count, nor what grows
//! itself. Whether the access is allowed is asked afterwards: a mapping grows for an access that it refuses, too.
//!
//! # Which lock
//! | `expand` | start of a VMA, and the tree | who may look meanwhile | shown by |
//! | --- | --- | --- | --- |
//! | `mmap_write` | mmap write lock, and the VMA's | none but by RCU, and finds out | `proofs/stack/looked-up-again`, `expanded-unlocked` |
//! | `mmap_read` | mmap read lock, and pml | all who have the mmap read lock: they walk the tree under RCU, and its nodes wait for a grace period | `proofs/stack/walked-while-it-grows`, `two-expand-one`, `munmap-beside`; with a reverse mapping `prepared-before-it-grows`, `entered-before-it-is-found` |
//!
//! A VMA that grows under the mmap read lock may change below whatever `munmap` left of that lock when it
//! downgraded it: beside a VMA that grows it does not downgrade
//! ([`may_grow_into`](Cpu::may_grow_into)).
//!
//! # Invariants
//! - X1: a VMA only grows here, and only over pages that no VMA covers.
//! - X2: where VMAs grow under the mmap read lock, the start of a VMA is read under RCU or that lock, and is right whether
//!   old or new; the tree that is published shows no page that the VMA's start does not.
//! - X3: where there is a reverse mapping ([`anon_vma`](crate::mm::anon_vma)), a VMA that grows under the mmap read lock has
//!   an anon_vma before, so that no fault gives it one that has the old range (A5), and is in that with its new range before
//!   another fault finds it (A1): the lock of the anon_vma is held throughout. Where the mmap lock is held for writing, no fault
//!   finds the VMA before it has entered.
//!
//! # Linux
//! mm/mmap_lock.c, `lock_mm_and_find_vma()`; mm/vma.c, `expand_downwards()`. Before 6.5 `find_extend_vma()` expanded under
//! the mmap read lock, with the lock of the anon_vma, and `page_table_lock`, against other expansions. Changed: where the mmap
//! lock is held for writing, a VMA that grows gets no anon_vma. Dropped: accounting, `RLIMIT_STACK`. Speculative faults, those
//! under a VMA's lock and those by RCU find no VMA, and fall back. What populates pages for a system call expands nothing.

use alloc::sync::Arc;

use crate::mm::cpu::Cpu;
use crate::mm::file::Backing;
use crate::mm::mmap_lock::{MmapRead, MmapWrite};
use crate::mm::vma::{Vma, VmaCopy};
use crate::mm::vma_tree::{Retired, VmaTree};
use crate::orderings;
use crate::platform::{Platform, RcuPointer};
use crate::types::addr::{PageRange, Vpn};
use crate::types::event::What;
use crate::types::prot::Access;
use crate::types::protocol::Expand;
use crate::types::quirk::Quirk;

/// So many pages stay free between a VMA that grows and what is mapped below. Linux: `stack_guard_gap`.
pub(crate) const STACK_GUARD_GAP: u64 = 256;

/// A VMA that may grow, and its fields.
type Stack<P> = (VmaCopy, Arc<Vma<P>>);

impl<P: Platform> VmaTree<P> {
    /// The VMA that a fault at `vpn`, which none covers, would extend. Linux: `find_vma()`, `VM_GROWSDOWN`.
    fn stack_above(&self, vpn: Vpn) -> Option<Stack<P>> {
        let above = PageRange::new(vpn, Vpn(u64::MAX));
        let (_, vma) = self.next_in(above)?;
        let copy = vma.copy_stable();
        (copy.backing == Backing::Stack).then(|| (copy, vma.clone()))
    }

    /// Whether what is mapped below `vpn` is too near for a VMA to grow down to there.
    fn is_near_below(&self, vpn: Vpn) -> bool {
        let gap = PageRange::new(Vpn(vpn.0.saturating_sub(STACK_GUARD_GAP)), vpn);
        let below = self
            .overlapping(gap)
            .pop()
            .map(|(_, vma)| vma.copy_stable());
        below.is_some_and(|below| below.backing != Backing::Stack && !below.prot.is_empty())
    }
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// The mmap lock for reading, and the VMA that covers `vpn`, which grows there if it can.
    /// Linux: `lock_mm_and_find_vma()`.
    pub(crate) fn lock_mm_and_find_vma(&mut self, vpn: Vpn) -> (MmapRead<'s, P>, Option<VmaCopy>) {
        let lock = self.mmap_read_lock();
        let found = lock.find(vpn);
        if found.is_some() || !self.sys.config().stacks {
            return (lock, found);
        }
        match self.sys.protocol().expand() {
            Expand::MmapWrite => self.expand_write_locked(lock, vpn),
            Expand::MmapRead => {
                let found = self.expand_read_locked(&lock, vpn);
                (lock, found)
            }
        }
    }

    /// Linux: `upgrade_mmap_lock_carefully()`, `expand_stack_locked()`, `mmap_write_downgrade()`.
    fn expand_write_locked(
        &mut self,
        lock: MmapRead<'s, P>,
        vpn: Vpn,
    ) -> (MmapRead<'s, P>, Option<VmaCopy>) {
        let Some(seen) = lock.look(|tree| tree.stack_above(vpn)) else {
            return (lock, None);
        };
        lock.unlock();
        let mut lock = self.mmap_write_lock();
        let found = lock.tree().find(vpn).map(|(_, vma)| vma.copy_stable());
        // QUIRK(ExpandNotLookedUpAgain): proofs/stack/looked-up-again
        let stack = match self.sys.has(Quirk::ExpandNotLookedUpAgain) {
            true => Some(seen),
            false => lock.tree().stack_above(vpn),
        };
        let found = match (found, stack) {
            (None, Some(stack)) => self.expand_downwards(&mut lock, stack, vpn),
            (found, _) => found,
        };
        (lock.downgrade(), found)
    }

    /// Linux: `expand_downwards()`.
    fn expand_downwards(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        (old, vma): Stack<P>,
        vpn: Vpn,
    ) -> Option<VmaCopy> {
        if self.is_stopped(lock.tree(), vpn) {
            return None;
        }
        let new = old.over(old.with_page(vpn));
        // QUIRK(ExpandVmaUnlocked): proofs/stack/expanded-unlocked
        if !self.sys.has(Quirk::ExpandVmaUnlocked) {
            lock.start_write(&vma);
        }
        self.change_locked_vma(lock, &vma, old, new);
        lock.publish();
        Some(new)
    }

    /// Whether a VMA may not grow down to `vpn`.
    fn is_stopped(&self, tree: &VmaTree<P>, vpn: Vpn) -> bool {
        // QUIRK(ExpandIgnoresGap): proofs/stack/stopped-by-a-mapping
        tree.is_near_below(vpn) && !self.sys.has(Quirk::ExpandIgnoresGap)
    }

    /// While others may hold the mmap lock for reading as well. Linux before 6.5: `expand_downwards()`.
    fn expand_read_locked(&mut self, lock: &MmapRead<'s, P>, vpn: Vpn) -> Option<VmaCopy> {
        let (mut seen, _) = lock.look(|tree| tree.stack_above(vpn))?;
        // QUIRK(ExpandWithoutAnonVma): proofs/stack/prepared-before-it-grows
        if self.lacks_anon_vma(seen, Access::Write) && !self.sys.has(Quirk::ExpandWithoutAnonVma) {
            seen = self.prepare_anon_vma(seen, seen.range.start);
        }
        // QUIRK(ExpandLinksLate): proofs/stack/entered-before-it-is-found
        let mut anon = match self.sys.has(Quirk::ExpandLinksLate) {
            true => None,
            false => self.anon_write(seen),
        };
        // QUIRK(ExpandWithoutPml): proofs/stack/two-expand-one
        let pml = (!self.sys.has(Quirk::ExpandWithoutPml)).then(|| self.pml_lock());
        // The tree changes under this lock, so that none of its nodes goes.
        let tree = self.mm().tree.load();
        let found = tree.find(vpn).map(|(_, vma)| vma.copy_stable());
        let stack = match found {
            Some(_) => None,
            None => tree.stack_above(vpn),
        };
        let grown = stack
            .filter(|_| !self.is_stopped(&tree, vpn))
            .map(|(old, vma)| {
                let new = old.over(old.with_page(vpn));
                if let Some(anon) = &mut anon {
                    self.relink_anon_locked(anon, old, new);
                }
                vma.extend(new.range.start);
                let mut retired = Retired::new();
                let without = tree.remove(old.range.start, &mut retired);
                let with = without.insert(new.range, vma, &mut retired);
                self.mm()
                    .tree
                    .store(Arc::new(with), orderings::TREE_PUBLISH);
                self.retire_nodes(retired);
                self.event(What::VmaSet {
                    range: new.range,
                    prot: new.prot,
                });
                (old, new)
            });
        if let Some(pml) = pml {
            pml.unlock();
        }
        if let Some(anon) = anon {
            anon.unlock();
        } else if let Some((old, new)) = grown {
            self.relink_anon(old, new);
        }
        found.or(grown.map(|(_, new)| new))
    }

    /// Whether a VMA may grow into `range`, out of which the VMAs are, while the mmap lock is held for reading
    /// alone. Linux before 6.5: "Avoid downgrade if the VMA below or above may change size",
    /// `do_vmi_align_munmap()`.
    pub(crate) fn may_grow_into(&self, lock: &MmapWrite<'s, P>, range: PageRange) -> bool {
        // QUIRK(DowngradeBesideStack): proofs/stack/munmap-beside
        self.sys.expands_read_locked()
            && lock.tree().stack_above(range.start).is_some()
            && !self.sys.has(Quirk::DowngradeBesideStack)
    }
}
