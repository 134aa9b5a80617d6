//! Quirks: deviations that are known to be wrong.
//!
//! Each is one historical bug, or one line of a protocol whose necessity is
//! stated, and is looked at in exactly one place of core, marked `QUIRK`.

use core::fmt;

#[macro_use]
mod backing;
#[macro_use]
mod table;

with_quirks_of_backings! { quirks!
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
    /// A fault ends its read lock of the VMA when it has copied what the VMA says.
    VmaLockEndsEarly, "vma-lock-ends-early", "mm/memory.c, arch/x86/mm/fault.c: vma_end_read() after handle_mm_fault()";
    /// A VMA is looked at after its reference was dropped.
    VmaUsedAfterPut, "vma-used-after-put", "CVE-2025-38554, commit 9bbffee67ffd; mm/mmap_lock.c, vma_refcount_put()";
    /// A fault by RCU alone does not look its VMA up again under the page-table lock.
    NoVmaRecheckUnderPtl, "no-vma-recheck-under-ptl", "LWN, \"Improving page-fault scalability\", May 2023";
    /// A fault under RCU takes from an entry what its VMA does not allow any more.
    RcuFaultNarrows, "rcu-fault-narrows", "mm/mprotect.c, change_pte_range() and its caller, which flush what they take: a fault flushes its own CPU alone";
    /// After the page-table lock was taken, it is not checked that the table is still hooked in.
    NoPmdRecheck, "no-pmd-recheck", "mm/pgtable-generic.c, __pte_offset_map_lock()";
    /// A page table is hooked in without a release.
    PmdPublishRelaxed, "pmd-publish-relaxed", "commit 362a61ad6119";
    /// A page table is reclaimed without a release: a zap that finds it gone may not see the flush that is pending.
    ReclaimUnhooksRelaxed, "reclaim-unhooks-relaxed", "mm/pt_reclaim.c, try_to_free_pte(), on more than x86 since commit 9c8c02df3f87";
    /// `munmap` leaves the mmap lock before it removes the pages, rather than downgrade it.
    MunmapZapsUnlocked, "munmap-zaps-unlocked", "mm/vma.c, vms_complete_munmap_vmas(): mmap_write_downgrade(); commit dd2283f2605e";
    /// Page tables are walked under the mmap read lock where no VMA is: `munmap` frees them there.
    PopulateWalksFirst, "populate-walks-first", "mm/pagewalk.c, walk_page_range_novma(): why it needs the mmap write lock";
    /// Pages are freed before their translations are flushed.
    PageFreeBeforeFlush, "page-free-before-flush", "mm/mmu_gather.c, tlb_flush_mmu()";
    /// A flush that frees page tables passes lazy CPUs over, too.
    LazySkipsFreedTables, "lazy-skips-freed-tables", "arch/x86/mm/tlb.c, native_flush_tlb_multi(); include/asm-generic/tlb.h, tlb->freed_tables";
    /// A CPU that comes back from lazy mode reads the generation without a fence.
    SwitchNoFence, "switch-no-fence", "commit 83b0177a6c48; arch/x86/mm/tlb.c, switch_mm_irqs_off()";
    /// A CPU goes lazy without a release: a flush that passes it over does not come after its accesses.
    LazyRelaxed, "lazy-relaxed", "arch/x86/mm/tlb.c, enter_lazy_tlb() and should_flush_tlb(): the order that x86 gives for nothing";
    /// A zap that found nothing does not flush, though another's flush is pending.
    GatherIgnoresNested, "gather-ignores-nested", "commit 99baac21e458";
    /// A zap drops the page-table lock before the flush, and tells no other CPU.
    FlushAfterPtl, "flush-after-ptl", "commit 60bae7370896";
    /// A moved page has its new address, and the page-table locks are left, before its old one is flushed.
    MremapFlushAfterPtl, "mremap-flush-after-ptl", "CVE-2018-18281, commit eb66ae030829";
    /// A page moves, and its VMA goes from its old place afterwards.
    MremapVmaGoesLate, "mremap-vma-goes-late", "mm/mremap.c, move_vma(): faults are kept out of the old VMA by its write lock while move_page_tables() runs";
    /// The VMA comes to a page's new place before the page does.
    MremapVmaComesEarly, "mremap-vma-comes-early", "mm/mremap.c, copy_vma_and_data(): the new VMA is write-locked until move_page_tables() is done";
    /// `mremap` that leaves its source mapped does not write-lock it: what goes by that lock alone goes on there.
    DontunmapUnlocked, "dontunmap-unlocked", "mm/mremap.c, move_vma(): vma_start_write()";
    /// `munmap` removes pages before it takes their VMAs out of the tree.
    MunmapPagesFirst, "munmap-pages-first", "mm/vma.c, do_vmi_align_munmap(): vms_gather_munmap_vmas() before vms_complete_munmap_vmas()";
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
    /// A page that comes from its pool is mapped with what it held before.
    PageNotZeroed, "page-not-zeroed", "mm/memory.c, do_anonymous_page(), alloc_anon_folio(): a zeroed folio";
    /// A page is zeroed after it was mapped.
    MapBeforeZero, "map-before-zero", "mm/memory.c, do_anonymous_page(): the folio is zeroed before set_ptes()";
    /// A page is copied after the copy was mapped.
    MapBeforeCopy, "map-before-copy", "mm/memory.c, wp_page_copy(): __wp_page_copy_user() before the entry is set";
    /// A page-table entry is set without a release: a CPU that finds it may not find the content of its page.
    PteSetNoRelease, "pte-set-no-release", "mm/memory.c, __folio_mark_uptodate(): its smp_wmb() before set_pte_at()";
    /// A walker reads entries without an acquire: it may not find what is behind them.
    WalkRelaxed, "walk-relaxed", "mm/pgtable-generic.c, pmdp_get_lockless(); mm/memory.c, pmd_install(), on data-dependent loads";
    /// A fault acts on the entry as it was before the page-table lock was taken.
    NoPteRecheck, "no-pte-recheck", "mm/memory.c, pte_same(), vmf_pte_changed()";
    /// A write fault sets W in an entry that is there, without the page-table lock.
    PteSetUnlocked, "pte-set-unlocked", "mm/memory.c, wp_page_reuse(), ptep_set_access_flags() under vmf->ptl";
    /// A write fault sets the new entry without what hardware had set in the old one.
    FaultDropsHistory, "fault-drops-history", "arch/x86/mm/pgtable.c, ptep_set_access_flags(): entries only gain bits";
    /// A changed entry is set without what hardware had set in it.
    ModifyDropsHistory, "modify-drops-history", "include/linux/pgtable.h, ptep_modify_prot_start(), ptep_modify_prot_commit()";
    /// A moved entry is set without what hardware had set in it.
    MremapDropsHistory, "mremap-drops-history", "mm/mremap.c, move_ptes(): the entry that ptep_get_and_clear() returned";
    /// A child's entry is clean where the parent's is dirty.
    ForkChildClean, "fork-child-clean", "mm/memory.c, __copy_present_ptes(): pte_mkclean() for shared mappings alone";
    /// A speculative fault begins though a writer is inside.
    SpfIgnoresWriter, "spf-ignores-writer", "speculative page faults v2, do_user_addr_fault(): the count must be even";
    /// A speculative fault reads the sequence count first without an acquire.
    SpfSeqReadRelaxed, "spf-seq-read-relaxed", "speculative page faults v2, mmap_seq_read_start()";
    /// The sequence count is checked without a fence before.
    SeqCheckNoFence, "seq-check-no-fence", "speculative page faults v2, mmap_seq_read_check(): smp_rmb()";
    /// A writer does not advance the sequence count at its begin.
    SeqBeginMissing, "seq-begin-missing", "speculative page faults v2, mmap_write_lock(); mm_lock_seqcount_begin()";
    /// A writer advances the sequence count at its begin without a fence after it.
    SeqBeginNoFence, "seq-begin-no-fence", "include/linux/seqlock.h, do_raw_write_seqcount_begin(): smp_wmb()";
    /// A VMA's reader that holds its rwsem does not look whether a writer has locked it by number.
    VmaLockIgnoresSeq, "vma-lock-ignores-seq", "Linux 6.4, vma_start_read(), vm_lock_seq under the rwsem";
    /// A VMA's reader that holds its rwsem does not look whether the VMA is detached.
    VmaDetachedIgnored, "vma-detached-ignored", "Linux 6.4, lock_vma_under_rcu(), vma->detached";
    /// A VMA's reader that holds its rwsem reads the mm's number without an acquire.
    VmaLockSeqReadRelaxed, "vma-lock-seq-read-relaxed", "commit b1f02b95758d, J. Horn, the reader's half";
    /// A VMA is removed without its write lock.
    RemoveVmaUnlocked, "remove-vma-unlocked", "mm/vma.c, vma_start_write() before vma_mark_detached()";
    /// A VMA's reader that has a reference does not look whether a writer has locked it by number.
    VmaRefcntIgnoresSeq, "vma-refcnt-ignores-seq", "mm/mmap_lock.c, vma_start_read(), vm_lock_seq under the reference";
    /// A VMA's reader that has a reference reads the mm's number without an acquire.
    VmaRefcntSeqReadRelaxed, "vma-refcnt-seq-read-relaxed", "commit b1f02b95758d, J. Horn, the reader's half";
    /// A reference of a VMA is taken from a count of zero.
    VmaGetFromZero, "vma-get-from-zero", "mm/mmap_lock.c, vma_start_read(), __refcount_inc_not_zero_limited_acquire()";
    /// A reference of a VMA is taken while a writer excludes readers.
    VmaGetIgnoresWriter, "vma-get-ignores-writer", "mm/mmap_lock.c, VMA_REF_LIMIT below VMA_LOCK_OFFSET";
    /// A reference of a VMA is taken without an acquire.
    VmaGetRelaxed, "vma-get-relaxed", "mm/mmap_lock.c, __refcount_inc_not_zero_limited_acquire()";
    /// A reference of a VMA is put without a release.
    VmaPutRelaxed, "vma-put-relaxed", "mm/mmap_lock.c, vma_refcount_put(), __refcount_dec_and_test()";
    /// A VMA is attached without a release.
    VmaAttachRelaxed, "vma-attach-relaxed", "include/linux/mmap_lock.h, vma_mark_attached(), refcount_set_release()";
    /// A writer lets readers in again without a release.
    VmaExclusionEndsRelaxed, "vma-exclusion-ends-relaxed", "mm/mmap_lock.c, __vma_exit_locked()";
    /// A writer that finds no reader comes after none that has left.
    VmaExcludeNoAcquire, "vma-exclude-no-acquire", "mm/mmap_lock.c, __vma_enter_locked()";
    /// A writer that has waited for a reader does not come after it.
    VmaWaitNoAcquire, "vma-wait-no-acquire", "mm/mmap_lock.c, __vma_enter_locked(), rcuwait_wait_event()";
    /// A writer does not wait for a VMA's readers.
    VmaWriterDoesNotWait, "vma-writer-does-not-wait", "mm/mmap_lock.c, __vma_enter_locked(), rcuwait_wait_event()";
    /// A VMA's last reader does not wake the writer that waits.
    VmaReaderDoesNotWake, "vma-reader-does-not-wake", "mm/mmap_lock.c, vma_refcount_put(), rcuwait_wake_up()";
    /// A VMA is detached, and freed, without waiting for readers that are about to leave.
    VmaDetachDoesNotWait, "vma-detach-does-not-wait", "mm/mmap_lock.c, vma_mark_detached(): readers that temporarily raised the count";
    /// A VMA is detached without an acquire: readers that have left may not be over.
    VmaDetachNoAcquire, "vma-detach-no-acquire", "mm/mmap_lock.c, vma_mark_detached()";
    /// Readers find a removed VMA until the mmap lock is left.
    RemovalShownLate, "removal-shown-late", "mm/vma.c, do_vmi_align_munmap(): vma_iter_clear_gfp() before vms_complete_munmap_vmas()";
    /// A VMA that faults by RCU alone can find is changed, rather than replaced.
    VmaChangedInPlace, "vma-changed-in-place", "M. Wilcox, linux-mm, 2021, VMAs freed by RCU: \"vm_start and vm_end might get modified\" under a walk";
    /// A node of the VMA tree is freed at once when an update replaces it.
    NodeFreeImmediate, "node-free-immediate", "CVE-2023-3269 (StackRot); lib/maple_tree.c, ma_free_rcu()";
    /// A grace period waits for the readers of one CPU alone.
    GracePeriodOfOne, "grace-period-of-one", "kernel/rcu/tree.c, synchronize_rcu(): all pre-existing readers";
    /// A fault by RCU alone does not look whether the page table that it has locked is still hooked in.
    NoTableRecheckUnderRcu, "no-table-recheck-under-rcu", "mm/pgtable-generic.c, __pte_offset_map_lock(), pmd_same()";
    /// A page table is hooked in over one that another CPU has hooked in meanwhile.
    InstallOverwrites, "install-overwrites", "mm/memory.c, pmd_install(): \"Has another populated it ?\"";
    /// A page table goes with a VMA, though another VMA has pages in it.
    TableFreedUnderNeighbour, "table-freed-under-neighbour", "mm/memory.c, free_pgtables(), floor and ceiling";
    /// A page table that had no page in it is freed without a flush: CPUs that walk it are not waited for.
    TableNeedsNoFlush, "table-needs-no-flush", "mm/mmu_gather.c, tlb_remove_table(); tlb->freed_tables";
    /// A walk ends while the lock of a page table that may be gone is still held.
    WalkEndsUnderPtl, "walk-ends-under-ptl", "include/linux/mm.h, pte_unmap_unlock(): the lock goes first, then the RCU section";
    /// A page table is reclaimed though it is not empty.
    ReclaimNotEmpty, "reclaim-not-empty", "mm/pt_reclaim.c, try_to_free_pte(): the scan for pte_none()";
    /// A page table is reclaimed though another CPU has unhooked it meanwhile.
    ReclaimNoRecheck, "reclaim-no-recheck", "mm/pt_reclaim.c, try_to_free_pte(): pmd and ptl, then the entry again";
    /// A reclaiming zap looks for the page table outside RCU.
    ReclaimWalksUnprotected, "reclaim-walks-unprotected", "mm/pt_reclaim.c, try_to_free_pte(), pte_offset_map_rw_nolock()";
    /// `populate` looks at an entry outside RCU.
    PopulateWalksUnprotected, "populate-walks-unprotected", "mm/gup.c, follow_page_pte(), pte_offset_map_lock()";
    /// `populate` drops the mmap lock between two pages.
    PopulateDropsMmapLock, "populate-drops-mmap-lock", "mm/gup.c, faultin_page_range()";
    /// `dontneed` drops the mmap lock between its look at the VMAs and the zap.
    DontneedDropsMmapLock, "dontneed-drops-mmap-lock", "mm/madvise.c, madvise_walk_vmas() under mmap_read_lock()";
    /// `dontneed` leaves the lock of its VMA before it clears the entries.
    DontneedDropsVmaLock, "dontneed-drops-vma-lock", "mm/madvise.c, madvise_walk_vmas(): vma_end_read() after madvise_vma_behavior()";
    /// `dontneed` goes past the end of the VMA whose lock it holds.
    DontneedPastVma, "dontneed-past-vma", "mm/madvise.c, is_vma_lock_sufficient(): \"Must span only a single VMA\"";
    /// `dontneed` under a VMA's lock reclaims a page table that others have a part of.
    ReclaimPartOfTable, "reclaim-part-of-table", "mm/memory.c, reclaim_pt_is_enabled(): PMD_SIZE; mm/mremap.c, move_ptes()";
    /// `mincore` drops the mmap lock between its look at a VMA and its look at the entries.
    MincoreDropsMmapLock, "mincore-drops-mmap-lock", "mm/mincore.c, do_mincore(): vma_lookup() and walk_page_range() under mmap_read_lock()";
    /// `smaps` leaves the lock of the VMA, or the mmap lock, before it looks at the entries.
    SmapsDropsLock, "smaps-drops-lock", "fs/proc/task_mmu.c, lock_vma_range(): \"smaps and numa_maps perform page table walk, therefore require mmap_lock\"";
    /// `smaps` by RCU alone walks page tables outside RCU.
    SmapsWalksUnprotected, "smaps-walks-unprotected", "mm/pgtable-generic.c, __pte_offset_map_lock(): rcu_read_lock()";
    /// A monitor that has locked a VMA does not look whether that lies behind where it has come to.
    MapsVmaNotRechecked, "maps-vma-not-rechecked", "mm/mmap_lock.c, lock_next_vma(): \"Verify the vma is not behind the last search position\"";
    /// A monitor that finds a gap before the VMA that it has locked does not look again for what is there.
    MapsGapNotRechecked, "maps-gap-not-rechecked", "mm/mmap_lock.c, lock_next_vma(): \"Otherwise we might observe a gap that should not be there\"";
    /// A monitor by RCU alone does not compare what it has read of a VMA with the tree.
    MapsCopyNotRechecked, "maps-copy-not-rechecked", "S. Baghdasaryan, \"mm/maps: read proc/pid/maps under RCU\", get_vma_snapshot()";
    /// `mmap` shows readers of the tree a gap where it replaces what is mapped.
    MmapShowsGap, "mmap-shows-gap", "commit f8d112a4e657, \"mm/mmap: avoid zeroing vma tree in mmap_region()\"";
    /// Where VMAs become one, readers of the tree are shown a gap in the place of those that go.
    MergeShowsGap, "merge-shows-gap", "mm/vma.c, commit_merge(): vma_iter_store_overwrite()";
    /// `smaps` counts the zero page.
    SmapsCountsZeroPage, "smaps-counts-zero-page", "mm/memory.c, vm_normal_page(); fs/proc/task_mmu.c, smaps_pte_entry()";
    /// `madvise cold` or `free` clears bits of an entry by a store over what it has read.
    AdviceOverOldEntry, "advice-over-old-entry", "mm/madvise.c, madvise_cold_or_pageout_pte_range(): ptep_get_and_clear_full()";
    /// `madvise cold` or `free` leaves translations that have the bits that it cleared.
    AdviceNotFlushed, "advice-not-flushed", "mm/madvise.c, madvise_cold_or_pageout_pte_range(): tlb_remove_tlb_entry()";
    /// `mprotect` leaves the mmap lock before it flushes.
    MprotectFlushAfterUnlock, "mprotect-flush-after-unlock", "mm/mprotect.c, do_mprotect_pkey(): tlb_finish_mmu() before mmap_write_unlock(); commit 6dbf79e7164e, KVM";
    /// `mprotect` changes the VMAs after their entries.
    MprotectVmaLate, "mprotect-vma-late", "mm/mprotect.c, mprotect_fixup(): vm_flags_reset() before change_protection()";
    /// `mmap` drops the mmap lock between the removal of what was there and the new VMA.
    MmapDropsMmapLock, "mmap-drops-mmap-lock", "mm/vma.c, mmap_region(): one mmap_write_lock()";
    /// `mprotect` makes a page writable that another process maps too.
    MprotectWritableShared, "mprotect-writable-shared", "mm/mprotect.c, can_change_private_pte_writable(), PageAnonExclusive()";
    /// Where faults go by RCU alone, `fork` leaves them the VMA tree.
    ForkTreeVisible, "fork-tree-visible", "commit fb49c455323f: faults are kept out while entries are copied";
    /// `fork` leaves the parent's entries writable.
    ForkParentWritable, "fork-parent-writable", "mm/memory.c, __copy_present_ptes(), wrprotect_ptes()";
    /// `fork` makes the child's entries writable.
    ForkChildWritable, "fork-child-writable", "mm/memory.c, __copy_present_ptes(), pte_wrprotect()";
    /// `fork` does not flush the entries that it has write-protected.
    ForkNoFlush, "fork-no-flush", "kernel/fork.c, dup_mmap(), flush_tlb_mm()";
    /// `fork` shares a page and does not count the child's entry.
    ShareNotCounted, "share-not-counted", "mm/memory.c, copy_present_ptes(), folio_ref_add()";
    /// A reference of a page is put without a release.
    PutNoRelease, "put-no-release", "include/linux/mm.h, folio_put_testzero(); Documentation/core-api/refcount-vs-atomic.rst";
    /// The last reference of a page is put without an acquire.
    PutNoAcquire, "put-no-acquire", "include/linux/mm.h, folio_put_testzero(); Documentation/core-api/refcount-vs-atomic.rst";
    /// A fault that copies a page keeps the old page's reference.
    CowKeepsReference, "cow-keeps-reference", "mm/memory.c, wp_page_copy(): folio_put(old_folio)";
    /// A page is copied without a reference of it.
    CowNoReference, "cow-no-reference", "mm/memory.c, do_wp_page(): folio_get() before the page-table lock is left";
    /// The reference of a page that is to be copied is taken when the page-table lock has been left.
    CowReferenceAfterPtl, "cow-reference-after-ptl", "mm/memory.c, do_wp_page(): folio_get() before pte_unmap_unlock()";
    /// A fault keeps the reference of a page that it has copied.
    CowReferenceNotPut, "cow-reference-not-put", "mm/memory.c, wp_page_copy(): folio_put(old_folio), whether it was replaced or not";
    /// A fault that has copied a page does not look whether the entry is the same still.
    CowNoPteSame, "cow-no-pte-same", "mm/memory.c, wp_page_copy(), pte_same(): \"Re-check the pte - we dropped the lock\"";
    /// A copy that came too late is kept.
    CowKeepsCopy, "cow-keeps-copy", "mm/memory.c, wp_page_copy(): folio_put(new_folio)";
    /// A fault that holds no lock of its VMA does not look at it again after it has copied a page.
    NoVmaRecheckAfterCopy, "no-vma-recheck-after-copy", "speculative page faults, \"mm: prepare for FAULT_FLAG_SPECULATIVE\": pte_map_lock() in wp_page_copy()";
    /// A page is copied, and no other CPU is told.
    CowNoFlush, "cow-no-flush", "mm/memory.c, wp_page_copy(), ptep_clear_flush()";
    /// A page is copied, and the old entry flushed before it is cleared.
    CowFlushBeforeClear, "cow-flush-before-clear", "mm/pgtable-generic.c, ptep_clear_flush(): the flush comes after";
    /// A zap flushes its entries before it clears them.
    ZapFlushBeforeClear, "zap-flush-before-clear", "Documentation/core-api/cachetlb.rst: the page tables are changed, then the TLB is flushed";
    /// A flush reaches the CPU's own TLB alone.
    FlushOwnCpuOnly, "flush-own-cpu-only", "arch/x86/mm/tlb.c, flush_tlb_mm_range(), on_each_cpu_cond_mask()";
    /// A flush reaches every TLB but the CPU's own.
    FlushOthersOnly, "flush-others-only", "arch/x86/mm/tlb.c, flush_tlb_mm_range(), flush_tlb_func() on this CPU";
    /// A flush does not order the generation before its look at which CPUs are lazy.
    ShootdownNoFence, "shootdown-no-fence", "arch/x86/include/asm/tlbflush.h, inc_mm_tlb_gen(): a full barrier";
    /// Whether a CPU is lazy is read without an acquire: a flush that passes it over does not come after its accesses.
    LazyReadRelaxed, "lazy-read-relaxed", "arch/x86/mm/tlb.c, should_flush_tlb(), is_lazy: the order that x86 gives for nothing";
    /// A CPU that has missed flushes takes over the mm's generation, and flushes nothing.
    CatchUpFlushesNothing, "catch-up-flushes-nothing", "arch/x86/mm/tlb.c, flush_tlb_func(): a full flush brings local_tlb_gen up to mm_tlb_gen";
    /// A CPU that comes back from lazy mode reads the generation, and then says that it is back.
    LazyClearedLate, "lazy-cleared-late", "arch/x86/mm/tlb.c, switch_mm_irqs_off(): is_lazy or the cpumask before tlb_gen; OpenBSD, commit 9f1181d59de3";
    /// A CPU that comes back from lazy mode keeps what it had, whatever was flushed.
    SwitchNoCatchUp, "switch-no-catch-up", "arch/x86/mm/tlb.c, switch_mm_irqs_off(), where prev == next";
    /// A flush of one range stands for an earlier one that the CPU has missed.
    RangeFlushOverGap, "range-flush-over-gap", "arch/x86/mm/tlb.c, flush_tlb_func(): new_tlb_gen == local_tlb_gen + 1";
    /// The mm's generation is advanced without a release.
    TlbGenNoRelease, "tlb-gen-no-release", "arch/x86/include/asm/tlbflush.h, inc_mm_tlb_gen()";
    /// The mm's generation is advanced without an acquire.
    TlbGenNoAcquire, "tlb-gen-no-acquire", "arch/x86/include/asm/tlbflush.h, inc_mm_tlb_gen()";
    /// The mm's generation is read without an acquire.
    TlbGenReadRelaxed, "tlb-gen-read-relaxed", "arch/x86/mm/tlb.c, flush_tlb_func(), switch_mm_irqs_off()";
    /// Of several pages only the last ones are in the range that is flushed.
    FlushLastPageOnly, "flush-last-page-only", "include/asm-generic/tlb.h, __tlb_adjust_range(): min()";
    /// Of several pages only the first one is in the range that is flushed.
    FlushFirstPageOnly, "flush-first-page-only", "include/asm-generic/tlb.h, __tlb_adjust_range(): max()";
    /// That a flush is pending is told after entries were cleared.
    FlushPendingToldLate, "flush-pending-told-late", "include/linux/mm_types.h, inc_tlb_flush_pending()";
    /// A zap that meets another one's flush widens its own to the pages that it has cleared itself alone.
    NestedKeepsRange, "nested-keeps-range", "mm/mmu_gather.c, tlb_finish_mmu(): fullmm, where mm_tlb_flush_nested()";
    /// Whether a flush is pending is read without an acquire.
    FlushPendingReadRelaxed, "flush-pending-read-relaxed", "include/linux/mm_types.h, mm_tlb_flush_nested()";
    /// That a flush is over is told without a release.
    FlushPendingDropRelaxed, "flush-pending-drop-relaxed", "include/linux/mm_types.h, dec_tlb_flush_pending()";
    /// A clean page that loses R is not flushed, as if it had lost W alone.
    CleanNeedsNoFlushToRead, "clean-needs-no-flush-to-read", "N. Amit, \"no flush on PTE change from RW->RO when PTE is clean\"";
    /// A write fault that adds W by a relaxed flush does not advance the generation.
    WriteFaultNoGen, "write-fault-no-gen", "N. Amit, relaxed TLB flushes, July 2022";
    /// A spurious fault does not drop the translation that caused it.
    SpuriousNotFlushed, "spurious-not-flushed", "mm/memory.c, handle_pte_fault(), flush_tlb_fix_spurious_fault()";
    /// A user's read is no acquire.
    UserReadRelaxed, "user-read-relaxed", "the acquire of a message that is received";
    /// A user's write is no release.
    UserWriteRelaxed, "user-write-relaxed", "the release of a message that is sent";
    /// A user's exchange is no acquire.
    UserXchgNoAcquire, "user-xchg-no-acquire", "the acquire of a message that is received";
    /// A user's exchange is no release.
    UserXchgNoRelease, "user-xchg-no-release", "the release of a message that is sent";
    /// `mprotect` leaves the page-table lock before it tells of the permission that it added.
    RelaxedFlushAfterPtl, "relaxed-flush-after-ptl", "N. Amit, relaxed TLB flushes, July 2022";
    /// A zap puts the reference of an entry before it clears the entry: the page is freed while it is mapped.
    ZapPutsFirst, "zap-puts-first", "mm/memory.c, __wp_can_reuse_large_anon_folio(): references are put after entries are uncounted; mm/page_alloc.c, \"nonzero mapcount\"";
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

#[cfg(test)]
mod tests;
