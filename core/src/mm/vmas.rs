//! The VMAs of an address space come, change and go.
//!
//! # Linux
//! mm/vma.c: `mmap_region()`, `vma_merge()`, `__split_vma()`. Kept: a new VMA is visible before its
//! last field is written; neighbours that fit are merged; a VMA of a file enters `i_mmap` when it is complete.

use alloc::sync::Arc;

use crate::mm::cpu::{Callback, Cpu};
use crate::mm::file::Backing;
use crate::mm::mmap_lock::MmapWrite;
use crate::mm::vma::{Vma, VmaCopy};
use crate::mm::vma_tree::{Node, Retired};
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::event::What;
use crate::types::protocol::FaultPath;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Adds a VMA where nothing is, or extends its neighbours.
    /// Linux: `mmap_region()`, `vma_merge_new_range()`.
    pub(crate) fn map(&mut self, lock: &mut MmapWrite<'s, P>, new: VmaCopy) {
        if self.enter(lock, new) {
            self.link_rmap(new);
        }
    }

    /// The same of what the caller has linked to the reverse mapping, or will. Whether it is by itself: what was joined is
    /// linked as a part of the whole.
    pub(crate) fn enter(&mut self, lock: &mut MmapWrite<'s, P>, new: VmaCopy) -> bool {
        let (before, after) = self.mergeable(lock, new);
        match (before, after) {
            (None, None) => self.add_vma(lock, new),
            (Some(before), None) => self.grow(lock, before, new),
            (None, Some(after)) => self.grow(lock, after, new),
            (Some(before), Some(after)) => {
                let more = new.over(after);
                self.link_rmap(before.over(more));
                self.unlink(lock, after);
                self.grow(lock, before, more);
            }
        }
        before.is_none() && after.is_none()
    }

    /// The neighbours of `vma` that it could be one with.
    pub(crate) fn mergeable(
        &self,
        lock: &MmapWrite<'s, P>,
        vma: VmaCopy,
    ) -> (Option<VmaCopy>, Option<VmaCopy>) {
        // QUIRK(MergeIgnoresFileOffset): proofs/file/neighbours-of-two-pages
        let is_like = |other: &VmaCopy| {
            other.backing == vma.backing
                || (other.backing.is_file() && self.sys.has(Quirk::MergeIgnoresFileOffset))
        };
        // What its driver opens and closes stays by itself: can_vma_merge_before(), mm/vma.c.
        // QUIRK(DriverVmasMerge): proofs/driver/halves-stay-two
        let stays =
            matches!(vma.backing, Backing::Driver(_)) && !self.sys.has(Quirk::DriverVmasMerge);
        // QUIRK(MergeIgnoresLocked): proofs/basics/locked-beside-its-neighbour
        let is_locked_too =
            |other: &VmaCopy| other.locked == vma.locked || self.sys.has(Quirk::MergeIgnoresLocked);
        let same = |other: &VmaCopy| {
            let agrees = vma.anon.both(other.anon).is_some();
            let has_flags = other.prot == vma.prot && is_locked_too(other);
            !stays && has_flags && is_like(other) && agrees
        };
        let at = |vpn| lock.tree().find(vpn).map(|(_, vma)| vma.copy_stable());
        let before = vma.range.start.0.checked_sub(1);
        let before = before
            .and_then(|vpn| at(crate::types::addr::Vpn(vpn)))
            .filter(same);
        // With both, if they agree, else with what is before: can_vma_merge_right(), mm/vma.c.
        let whole = before.map_or(vma, |before| vma.over(before));
        let agrees = |after: &VmaCopy| whole.anon.both(after.anon).is_some();
        let after = at(vma.range.end).filter(same).filter(agrees);
        (before, after)
    }

    /// Extends the VMA `old` over `more`, which is next to it.
    fn grow(&mut self, lock: &mut MmapWrite<'s, P>, old: VmaCopy, more: VmaCopy) {
        let new = old.over(more);
        if let Some((_, vma)) = lock.tree().find(old.range.start) {
            let vma = vma.clone();
            self.change_vma(lock, &vma, old, new);
            lock.publish();
        }
    }

    /// Takes the VMA `old` out, whose pages another one takes over.
    fn unlink(&mut self, lock: &mut MmapWrite<'s, P>, old: VmaCopy) {
        if let Some((_, vma)) = lock.tree().find(old.range.start) {
            let vma = vma.clone();
            // QUIRK(MergeShowsGap): proofs/monitor/merged-without-a-gap
            if !self.sys.has(Quirk::MergeShowsGap) {
                lock.hold_back();
            }
            self.remove_vma(lock, old.range, &vma);
            lock.let_go();
            self.unlink_rmap(old);
            self.free_vma(vma);
        }
    }

    /// Joins the VMA `vma` with its neighbours of the same protection.
    /// Linux: `vma_merge_existing_range()`.
    pub(crate) fn merge(&mut self, lock: &mut MmapWrite<'s, P>, vma: VmaCopy) {
        let (before, after) = self.mergeable(lock, vma);
        let more = [before, after].into_iter().flatten();
        let whole = more.fold(vma, VmaCopy::over);
        if whole == vma {
            return;
        }
        self.link_rmap(whole);
        let mut more = vma;
        if let Some(after) = after {
            self.unlink(lock, after);
            more = more.over(after);
        }
        match before {
            Some(before) => {
                self.unlink(lock, vma);
                self.grow(lock, before, more);
            }
            None => self.grow(lock, vma, more),
        }
    }

    /// Splits VMAs so that none reaches over an end of `range`.
    /// Linux: `__split_vma()`.
    pub(crate) fn split(&mut self, lock: &mut MmapWrite<'s, P>, range: PageRange) {
        for at in [range.start, range.end] {
            let Some((whole, vma)) = lock.tree().find(at) else {
                continue;
            };
            if whole.start == at {
                continue;
            }
            let vma = vma.clone();
            let old = vma.copy_stable();
            let low = VmaCopy {
                range: PageRange::new(whole.start, at),
                ..old
            };
            let high = VmaCopy {
                range: PageRange::new(at, whole.end),
                ..old
            };
            // QUIRK(SplitUnlinksHalf): proofs/file/truncated-while-split
            let late = self.sys.has(Quirk::SplitUnlinksHalf);
            if !late {
                self.link_rmap(high);
            }
            self.change_vma(lock, &vma, old, low);
            self.add_vma(lock, high);
            if late {
                self.link_rmap(high);
            }
            // QUIRK(SplitOpensNoDriver): proofs/driver/split-opens
            if self.sys.has(Quirk::SplitOpensNoDriver) {
                self.close_driver(high);
            }
        }
    }

    /// Changes `vma`, which is in the tree at `old`.
    ///
    /// Faults by RCU alone read VMAs without any lock, so that a VMA that they can find never
    /// changes: a new one takes its place, together with the tree's new root.
    pub(crate) fn change_vma(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        vma: &Arc<Vma<P>>,
        old: VmaCopy,
        new: VmaCopy,
    ) {
        // QUIRK(ModifyVmaUnlocked): proofs/vma_lock/modified-unlocked
        if !self.sys.has(Quirk::ModifyVmaUnlocked) {
            lock.start_write(vma);
        }
        self.change_locked_vma(lock, vma, old, new);
    }

    /// The same of a VMA that is write-locked.
    pub(crate) fn change_locked_vma(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        vma: &Arc<Vma<P>>,
        old: VmaCopy,
        new: VmaCopy,
    ) {
        let moves = old.range != new.range;
        // QUIRK(VmaChangedInPlace): proofs/vma_tree/changed-in-place
        let replaced = self.sys.protocol().fault() == FaultPath::RcuFault
            && !self.sys.has(Quirk::VmaChangedInPlace);
        let changed = if replaced {
            let changed = self.alloc_vma();
            changed.set(None, new);
            changed
        } else {
            vma.set(Some(old), new);
            vma.clone()
        };
        if replaced || moves {
            let mut retired = Retired::new();
            let without = lock.tree().remove(old.range.start, &mut retired);
            lock.set_tree(without.insert(new.range, changed, &mut retired));
            self.retire_nodes(retired);
        }
        if replaced {
            self.free_vma(vma.clone());
        }
        if moves || old.locked != new.locked {
            self.relink_rmap(old, new);
        }
        self.event(What::VmaSet {
            range: new.range,
            prot: new.prot,
        });
    }

    /// Adds a VMA where nothing is.
    ///
    /// As in `mmap_region()`, the last of its fields is written after it
    /// became visible: it must be write-locked before. The caller links it.
    pub(crate) fn add_vma(&mut self, lock: &mut MmapWrite<'s, P>, new: VmaCopy) {
        self.open_driver(new);
        let vma = self.alloc_vma();
        let incomplete = VmaCopy {
            prot: crate::types::prot::Prot::NONE,
            ..new
        };
        vma.set(None, incomplete);
        // QUIRK(NewVmaUnlocked): proofs/vma_lock/new-vma-unlocked
        let locked_by = (!self.sys.has(Quirk::NewVmaUnlocked)).then_some(lock.seq());
        vma.attach(locked_by);
        let mut retired = Retired::new();
        let tree = lock.tree().insert(new.range, vma.clone(), &mut retired);
        lock.set_tree(tree);
        lock.publish();
        self.retire_nodes(retired);
        vma.set(Some(incomplete), new);
        self.event(What::VmaSet {
            range: new.range,
            prot: new.prot,
        });
    }

    /// Takes a VMA out of the tree. It is to leave `i_mmap` when its pages are gone, and then to be freed with
    /// [`Cpu::free_vma`].
    pub(crate) fn remove_vma(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        range: PageRange,
        vma: &Arc<Vma<P>>,
    ) {
        // QUIRK(RemoveVmaUnlocked): proofs/vma_lock/removed-unlocked
        if !self.sys.has(Quirk::RemoveVmaUnlocked) {
            lock.start_write(vma);
        }
        let mut retired = Retired::new();
        let tree = lock.tree().remove(range.start, &mut retired);
        lock.set_tree(tree);
        // QUIRK(RemovalShownLate): proofs/vma_tree/removal-shown-late
        if !self.sys.has(Quirk::RemovalShownLate) {
            lock.publish();
        }
        vma.detach(&self.mm().writer_wait);
        self.retire_nodes(retired);
        self.event(What::VmaRemoved { range });
    }

    /// A VMA to fill in.
    pub(crate) fn alloc_vma(&mut self) -> Arc<Vma<P>> {
        let (path, quirks) = (self.sys.protocol().fault(), self.sys.quirks());
        let has_anon = self.sys.anon_vmas().is_some();
        self.local.vmas[self.local.mm.0].take(path, has_anon, quirks)
    }

    /// Frees a VMA that was removed and whose pages are gone.
    pub(crate) fn free_vma(&mut self, vma: Arc<Vma<P>>) {
        // QUIRK(VmaFreeImmediate): proofs/spf/vma-freed-under-copy
        let at_once = self.sys.has(Quirk::VmaFreeImmediate)
            || match self.sys.protocol().fault() {
                // Looked at under the mmap lock only.
                FaultPath::MmapLock => true,
                // Type-safe: a reader finds out what it has locked.
                FaultPath::VmaRefcnt => true,
                FaultPath::Spf | FaultPath::VmaLock | FaultPath::RcuFault => false,
            };
        if at_once {
            self.free_vma_now(vma);
        } else {
            self.local.callbacks.push(Callback::Vma(self.local.mm, vma));
        }
    }

    pub(crate) fn free_vma_now(&mut self, vma: Arc<Vma<P>>) {
        vma.life.freed();
        self.event(What::VmaFreed);
        self.local.vmas[self.local.mm.0].put(vma);
    }

    pub(crate) fn free_node_now(&mut self, node: &Node<P>) {
        node.life.freed();
        self.local.nodes_freed += 1;
    }

    /// Frees nodes of the VMA tree that an update has replaced.
    pub(crate) fn retire_nodes(&mut self, nodes: Retired<P>) {
        if !P::CHECKED {
            return;
        }
        self.local.nodes_made += nodes.made;
        for node in nodes.nodes {
            // QUIRK(NodeFreeImmediate): proofs/vma_tree/node-freed-under-walk
            let walked_by_rcu = self.sys.protocol().fault() != FaultPath::MmapLock
                || self.sys.expands_read_locked();
            if !walked_by_rcu || self.sys.has(Quirk::NodeFreeImmediate) {
                self.free_node_now(&node);
            } else {
                self.local.callbacks.push(Callback::Node(node));
            }
        }
    }
}
