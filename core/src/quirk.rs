//! Quirks: deviations that are known to be wrong.
//!
//! Each is one historical bug, or one line of a protocol whose necessity is
//! stated, and is looked at in exactly one place of core, marked `QUIRK`.

use core::fmt;

macro_rules! quirks {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal, $source:literal;)+) => {
        /// A deviation known to be wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Quirk {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Quirk {
            /// Every quirk.
            pub const ALL: &'static [Quirk] = &[$(Quirk::$variant,)+];

            /// Its name in litmus tests and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Quirk::$variant => $name,)+ }
            }

            /// What it does wrong.
            pub fn summary(self) -> &'static str {
                match self { $(Quirk::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// Where the story is told.
            pub const fn source(self) -> &'static str {
                match self { $(Quirk::$variant => $source,)+ }
            }
        }
    };
}

quirks! {
    /// A page table's memory is freed when its last VMA goes, before any CPU is told.
    PtFreeImmediate, "pt-free-immediate", "mm/mmu_gather.c, \"Semi RCU freeing of the page directories\"";
    /// A page table's own lock is freed when the table is unhooked, not with the table.
    PtlFreeImmediate, "ptl-free-immediate", "D. Hildenbrand on speculative page faults, January 2022; syzbot 1c58afed1cfd2f57efee";
    /// Software walks page tables with interrupts on and outside RCU.
    WalkUnprotected, "walk-unprotected", "mm/gup.c, gup_fast(); mm/mmu_gather.c";
    /// A speculative fault spins on the page-table lock with interrupts off.
    SpinWithIrqsOff, "spin-with-irqs-off", "speculative page faults, \"mm: add pte_map_lock()\"";
    /// A speculative fault does not check the sequence count again under the page-table lock.
    NoSeqCheckUnderPtl, "no-seq-check-under-ptl", "speculative page faults, pte_map_lock()";
    /// A VMA's memory is freed when it is removed, without a grace period.
    VmaFreeImmediate, "vma-free-immediate", "speculative page faults, \"mm: rcu safe vma freeing\"";
    /// The VMA tree is walked outside RCU, though its nodes are freed after a grace period.
    TreeWalkWithoutRcu, "tree-walk-without-rcu", "CVE-2023-3269 (StackRot), commit 3dd443254941";
    /// A new root of the VMA tree is published without a release.
    TreePublishRelaxed, "tree-publish-relaxed", "lib/maple_tree.c, commits \"fix write memory barrier of nodes once dead\" and 0a2b18d94883";
    /// The mmap lock's sequence count is advanced without a release.
    MmLockSeqRelaxed, "mm-lock-seq-relaxed", "commit b1f02b95758d, J. Horn";
    /// A VMA that was locked is not checked to be the one that was looked up.
    VmaNoRevalidate, "vma-no-revalidate", "mm/mmap_lock.c, \"Check if the vma we locked is the right one\"";
    /// A new VMA can be locked by faults before it is complete.
    NewVmaUnlocked, "new-vma-unlocked", "commits 33313a747e81, 1c7873e33645";
    /// A VMA is changed without its write lock.
    ModifyVmaUnlocked, "modify-vma-unlocked", "commits c137381f71ae, 49b0638502da";
    /// The mmap read lock is taken while a VMA's read lock is held.
    MmapLockUnderVmaLock, "mmap-lock-under-vma-lock", "Documentation/mm/process_addrs.rst";
    /// A VMA is looked at after its reference was dropped.
    VmaUsedAfterPut, "vma-used-after-put", "CVE-2025-38554, commit 9bbffee67ffd; mm/mmap_lock.c, vma_refcount_put()";
    /// A fault by RCU alone does not look its VMA up again under the page-table lock.
    NoVmaRecheckUnderPtl, "no-vma-recheck-under-ptl", "LWN, \"Improving page-fault scalability\", May 2023";
    /// After the page-table lock was taken, nobody looks whether the table is still hooked in.
    NoPmdRecheck, "no-pmd-recheck", "mm/pgtable-generic.c, __pte_offset_map_lock()";
    /// A page table is hooked in without a release.
    PmdPublishRelaxed, "pmd-publish-relaxed", "commit 362a61ad6119";
    /// A page table is reclaimed without a release: who finds it gone may not see the flush that is pending.
    ReclaimUnhooksRelaxed, "reclaim-unhooks-relaxed", "mm/pt_reclaim.c, try_to_free_pte(), on more than x86 since commit 9c8c02df3f87";
    /// Pages are freed before their translations are flushed.
    PageFreeBeforeFlush, "page-free-before-flush", "mm/mmu_gather.c, tlb_flush_mmu()";
    /// A CPU that comes back from lazy mode reads the generation without a fence.
    SwitchNoFence, "switch-no-fence", "commit 83b0177a6c48; arch/x86/mm/tlb.c, switch_mm_irqs_off()";
    /// A zap that found nothing does not flush, though another's flush is pending.
    GatherIgnoresNested, "gather-ignores-nested", "commit 99baac21e458";
    /// A zap drops the page-table lock before the flush, and tells nobody.
    FlushAfterPtl, "flush-after-ptl", "commit 60bae7370896";
    /// A moved page has its new address, and the page-table locks are left, before its old one is flushed.
    MremapFlushAfterPtl, "mremap-flush-after-ptl", "CVE-2018-18281, commit eb66ae030829";
    /// `fork` copies entries without write-locking the VMAs: faults under a VMA's lock go on.
    ForkVmasUnlocked, "fork-vmas-unlocked", "commit fb49c455323f, Linux 6.4";
    /// `fork` flushes the parent's TLBs after it has let faults in again.
    ForkFlushAfterUnlock, "fork-flush-after-unlock", "kernel/fork.c, dup_mmap(): flush_tlb_mm() before mmap_write_unlock()";
    /// A write fault reuses a page that another process maps too.
    WpReuseShared, "wp-reuse-shared", "mm/memory.c, wp_can_reuse_anon_folio(); CVE-2020-29374";
    /// A copied page is mapped over the old one, and the old one flushed afterwards.
    CowOverwrite, "cow-overwrite", "S. Siddha, \"mm: fix a race condition under SMC + COW\", September 2006";
    /// A relaxed flush does not advance the generation.
    RelaxedNoGen, "relaxed-no-gen", "N. Amit, relaxed TLB flushes, July 2022";
    /// A relaxed flush is used where permission is taken away.
    RelaxedOnRemoval, "relaxed-on-removal", "N. Amit, relaxed TLB flushes, July 2022";
    /// A dirty page loses W without a flush, as if it were clean.
    DirtyNeedsNoFlush, "dirty-needs-no-flush", "N. Amit, \"no flush on PTE change from RW->RO when PTE is clean\"";
    /// A spurious fault of an instruction fetch is not fixed up.
    NoExecFixup, "no-exec-fixup", "N. Amit, \"mm: do fix spurious page-faults for instruction faults\"";
    /// An entry is changed by a load and a store, over what hardware sets meanwhile.
    PteRmwNonatomic, "pte-rmw-nonatomic", "Documentation/mm/process_addrs.rst, ptep_modify_prot_start()";
}

impl Quirk {
    /// The quirk of this name.
    pub fn from_name(name: &str) -> Option<Quirk> {
        Quirk::ALL.iter().copied().find(|q| q.name() == name)
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of quirks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quirks(u64);

impl Quirks {
    /// No quirk: as it should be.
    pub const NONE: Quirks = Quirks(0);

    /// With `quirk`.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Quirks {
        Quirks(self.0 | 1 << quirk as u8)
    }

    /// Whether `quirk` is in it.
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & 1 << quirk as u8 != 0
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its quirks.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.iter().copied().filter(move |q| self.has(*q))
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Quirks {
        quirks.into_iter().fold(Quirks::NONE, Quirks::with)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_lead_back() {
        for &quirk in Quirk::ALL {
            assert_eq!(Quirk::from_name(quirk.name()), Some(quirk));
            assert!(!quirk.summary().is_empty() && !quirk.source().is_empty());
        }
        assert_eq!(Quirk::from_name("no-such-quirk"), None);
        let names: BTreeSet<_> = Quirk::ALL.iter().map(|quirk| quirk.name()).collect();
        assert_eq!(names.len(), Quirk::ALL.len());
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        let mut all = Quirks::NONE;
        assert!(all.is_empty());
        for &quirk in Quirk::ALL {
            assert!(!all.has(quirk));
            all = all.with(quirk);
            assert!(all.has(quirk));
        }
        assert!(all.iter().eq(Quirk::ALL.iter().copied()));
        assert_eq!(all.iter().collect::<Quirks>(), all);
    }
}
