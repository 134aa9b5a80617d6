//! The quirks of what is behind pages: files, guard pages, devices, disks, swap, mappings that grow, the reverse mapping.

/// Hands these rows to a macro, behind others.
macro_rules! with_quirks_of_backings {
    ($rows:ident! $($others:tt)*) => {
        $rows! {
            $($others)*
            /// A write through a shared mapping of a file goes to a copy of the page, as if the mapping were private.
            FileCopiedOnWrite, "file-copied-on-write", "mm/memory.c, do_wp_page(): VM_SHARED";
            /// An entry of a file's page has no reference of its own: it goes with the file's.
            FileEntryNotCounted, "file-entry-not-counted", "mm/shmem.c, shmem_get_folio_gfp(): folio_get()";
            /// Behind the end of a file a read finds zeros.
            FileEndIgnored, "file-end-ignored", "mm/filemap.c, filemap_fault(): VM_FAULT_SIGBUS";
            /// A mapping of a file that is moved shows at each address what was shown there before.
            MremapKeepsFileOffset, "mremap-keeps-file-offset", "mm/vma.c, copy_vma(): vm_pgoff";
            /// Neighbours are one VMA though the file does not go on from one to the other.
            MergeIgnoresFileOffset, "merge-ignores-file-offset", "mm/vma.c, can_vma_merge_after(): vm_pgoff";
            /// A first write through a private mapping of a file goes to the file's page, as if the mapping were shared.
            PrivateWriteToFile, "private-write-to-file", "mm/memory.c, do_fault(): do_cow_fault() and not do_shared_fault()";
            /// What a private mapping reads of a file is mapped with all that the mapping allows, writes too.
            PrivateReadMapsWritable, "private-read-maps-writable", "mm/memory.c, do_read_fault(); mm/vma.c, vma_set_page_prot()";
            /// A write through a private mapping makes the file's page writable that a read has mapped, as if it were its own.
            PrivateReusesFilePage, "private-reuses-file-page", "mm/memory.c, do_wp_page(): PageAnon()";
            /// `fork` passes over private mappings of files as over shared ones: the child has none of the copies.
            ForkPassesOverPrivate, "fork-passes-over-private", "mm/memory.c, vma_needs_copy(): anon_vma";
            /// A fault looks a page of a file up before it locks it, and does not look again: it may not be the file's any more.
            FaultLooksUpEarly, "fault-looks-up-early", "commit d00806b18315; mm/shmem.c, shmem_get_folio_gfp(): folio->mapping";
            /// A fault sets the entry of a file's page after it has unlocked the page.
            FaultMapsUnlocked, "fault-maps-unlocked", "commit d00806b18315; mm/memory.c, finish_fault() before folio_unlock()";
            /// A fault does not look whether the file still has the page: it gets a new one behind the end.
            FaultIgnoresSize, "fault-ignores-size", "mm/shmem.c, shmem_get_folio_gfp(): i_size_read()";
            /// A file that gets shorter has its old length until its pages are gone.
            SizeSetLate, "size-set-late", "mm/shmem.c, shmem_setattr(); mm/truncate.c, truncate_setsize()";
            /// A page leaves its file without its lock.
            TruncatePageUnlocked, "truncate-page-unlocked", "mm/truncate.c, truncate_inode_pages_range(): folio_lock()";
            /// `truncate` removes entries once: a private copy that came meanwhile stays.
            TruncateUnmapsOnce, "truncate-unmaps-once", "mm/truncate.c, truncate_pagecache(): unmap_mapping_range() twice";
            /// `truncate` leaves the copies that private mappings have of pages that go.
            TruncateKeepsCopies, "truncate-keeps-copies", "mm/memory.c, unmap_mapping_range(): even_cows";
            /// `truncate` looks which VMAs map the file, and leaves the lock before it removes their entries.
            UnmapMappingUnlocked, "unmap-mapping-unlocked", "mm/memory.c, unmap_mapping_pages(): i_mmap_lock_read()";
            /// `munmap` frees the page tables of a file's VMA while `truncate` can find it by the file still.
            VmaUnlinkedLate, "vma-unlinked-late", "mm/memory.c, free_pgtables(): \"Hide vma from rmap and truncate_pagecache before freeing pgtables\"";
            /// A new VMA of a file can be found by the file before the page tables of what it replaces are freed.
            MmapLinksEarly, "mmap-links-early", "commit 79f3d123caed, J. Horn; mm/vma.c, mmap_region()";
            /// `mremap` moves the entries of a file's VMA while it cannot be found by the file, at the old place or the new.
            MremapMovesUnlinked, "mremap-moves-unlinked", "mm/mremap.c, take_rmap_locks()";
            /// A file's VMA that is split cannot be found by the file for a moment, with one half of it.
            SplitUnlinksHalf, "split-unlinks-half", "mm/vma.c, vma_prepare(), vma_complete()";
            /// `fork` copies the entries of a file's VMA before the child's can be found by the file.
            ForkLinksLate, "fork-links-late", "kernel/fork.c, dup_mmap(): vma_interval_tree_insert_after() before copy_page_range()";
            /// `truncate` visits a VMA that gets entries from another one, a child's, before that one.
            ChildVisitedFirst, "child-visited-first", "kernel/fork.c, dup_mmap(): \"insert tmp into the share list, just after mpnt\"";
            /// A hole in a file takes the copies with it that private mappings have of the page.
            PunchDropsCopies, "punch-drops-copies", "mm/shmem.c, shmem_fallocate(): unmap_mapping_range() without even_cows";
            /// `madvise guard_install` sets its marker over a page that is there.
            GuardOverPage, "guard-over-page", "mm/madvise.c, guard_install_pte_entry(): \"If populated return >0 so we abort the operation + zap\"";
            /// `madvise guard_install` zaps what is there, and does not look whether a fault has brought a page before it sets the marker.
            GuardInstallsOnce, "guard-installs-once", "mm/madvise.c, madvise_guard_install(): MAX_MADVISE_GUARD_RETRIES, restart_syscall()";
            /// `madvise guard_install` that finds nothing to zap does not look whether another zap has still to flush.
            GuardTellsNoFlush, "guard-tells-no-flush", "mm/madvise.c, madvise_guard_install(), as it is";
            /// `madvise dontneed` takes the markers of guard pages too.
            ZapDropsGuards, "zap-drops-guards", "mm/memory.c, zap_nonpresent_ptes(): zap_drop_markers()";
            /// `truncate` takes the markers of guard pages where it finds the page that goes mapped once more.
            TruncateDropsGuards, "truncate-drops-guards", "mm/memory.c, unmap_mapping_folio(), as it is: ZAP_FLAG_DROP_MARKER";
            /// `mremap` leaves the markers of guard pages behind.
            MremapDropsGuards, "mremap-drops-guards", "mm/mremap.c, move_ptes(): moves what is not none";
            /// `fork` does not copy the markers of guard pages.
            ForkDropsGuards, "fork-drops-guards", "mm/memory.c, copy_nonpresent_pte(): copy_pte_marker()";
            /// `fork` does not tell a driver that its device is mapped once more.
            ForkOpensNoDriver, "fork-opens-no-driver", "kernel/fork.c, dup_mmap(): vm_ops->open()";
            /// A split does not tell a driver that its device is mapped once more.
            SplitOpensNoDriver, "split-opens-no-driver", "mm/vma.c, __split_vma(): vm_ops->open()";
            /// Neighbouring mappings of a device become one, and the driver is told of one end for two beginnings.
            DriverVmasMerge, "driver-vmas-merge", "mm/vma.c, can_vma_merge_before(): what has vm_ops->close() is not merged";
            /// `munmap` tells a driver of the end of a mapping in which there are faults still.
            DriverClosedFirst, "driver-closed-first", "mm/vma.c, vms_complete_munmap_vmas(): remove_vma() comes last";
            /// A driver's fault handler reads the driver's state without the driver's lock.
            DriverFaultUnlocked, "driver-fault-unlocked", "M. Wilcox at LSFMM+BPF 2023: a driver must say that it can do without the mmap lock";
            /// A driver waits for its lock where it maps pages ahead of time.
            MapPagesSleeps, "map-pages-sleeps", "Documentation/filesystems/locking.rst: map_pages() may not block";
            /// A fault that maps around its page waits for the locks of pages.
            FaultAroundSleeps, "fault-around-sleeps", "mm/filemap.c, next_uptodate_folio(): folio_trylock()";
            /// A fault that maps around its page does not look again, under a page's lock, whether the page is still in the cache.
            FaultAroundLooksEarly, "fault-around-looks-early", "mm/filemap.c, next_uptodate_folio(): folio->mapping under folio_trylock()";
            /// A fault that maps around its page leaves a page's lock before the entry is set.
            FaultAroundUnlocked, "fault-around-unlocked", "mm/filemap.c, filemap_map_pages(): folio_unlock() behind filemap_map_folio_range()";
            /// A fault that maps around its page does not look at the file's size.
            FaultAroundIgnoresSize, "fault-around-ignores-size", "mm/filemap.c, next_uptodate_folio(): i_size_read() under folio_trylock()";
            /// A fault that maps around its page replaces entries that are there.
            FaultAroundReplaces, "fault-around-replaces", "mm/filemap.c, filemap_map_folio_range(): pte_none()";
            /// A fault that maps around its page maps what is beside its VMA.
            FaultAroundLeavesVma, "fault-around-leaves-vma", "mm/memory.c, do_fault_around(): vma_off, vma_pages()";
            /// A fault that has left its locks to wait for a page goes on with the VMA that it had, and does not start again.
            IoDropNoRestart, "io-drop-no-restart", "mm/filemap.c, filemap_fault(): out_retry, VM_FAULT_RETRY; LWN, \"Improving page-fault scalability\", May 2023";
            /// A fault looks at its VMA after it has left its lock to wait for a page.
            VmaUsedAfterRetry, "vma-used-after-retry", "commit fc8efd2ddfed, mm/memory.c, do_fault()";
            /// A fault that starts again for a page takes no note of it, and leaves its locks the next time too.
            RetryNotNoted, "retry-not-noted", "mm/filemap.c, fault_flag_allow_retry_first(); FAULT_FLAG_TRIED";
            /// A page that is in its file is taken for one that was read.
            UptodateIgnored, "uptodate-ignored", "mm/filemap.c, filemap_fault(): folio_test_uptodate() under the folio's lock";
            /// A CPU leaves a page's lock before it has read the page.
            PageReadUnlocked, "page-read-unlocked", "mm/filemap.c, filemap_read_folio(): the folio is locked until it is read";
            /// A CPU looks up before it has a page's lock that the page has to be read, and does not look again.
            ReadLooksUpEarly, "read-looks-up-early", "mm/filemap.c, filemap_fault(): folio->mapping under the folio's lock, \"Did it get truncated?\"";
            /// A CPU looks up before it has a page's lock that the file does not have the page, adds one, and does not look again.
            PageAddedTwice, "page-added-twice", "mm/filemap.c, __filemap_add_folio(): -EEXIST";
            /// A page is added to be read though its file has become shorter.
            ReadIgnoresSize, "read-ignores-size", "mm/filemap.c, filemap_create_folio(): why invalidate_lock is held";
            /// What a file has on its disk behind the new end stays there, and is read again when the file gets longer.
            TruncateKeepsBlocks, "truncate-keeps-blocks", "fs/ext4/inode.c, ext4_setattr(): ext4_truncate() after truncate_pagecache()";
            /// What is read of a file's page that is written back is mapped writable, so that no fault tells of the first store.
            CleanMappedWritable, "clean-mapped-writable", "mm/mmap.c, vma_wants_writenotify()";
            /// A fault for a store to a page that is written back does not make the page dirty.
            MkwriteKeepsClean, "mkwrite-keeps-clean", "mm/memory.c, fault_dirty_shared_page()";
            /// A fault for a store to a page that is written back leaves the page's lock before the entry lets stores through.
            MkwriteUnlocked, "mkwrite-unlocked", "mm/memory.c, do_page_mkwrite(): VM_FAULT_LOCKED";
            /// A fault for a store to a page that is written back makes an entry writable that is another one by now.
            MkwriteNoPteSame, "mkwrite-no-pte-same", "mm/memory.c, finish_mkwrite_fault(): pte_same()";
            /// Writeback leaves the lock of the page before it looks whether the page is dirty.
            WritebackPageUnlocked, "writeback-page-unlocked", "mm/page-writeback.c, folio_prepare_writeback(): under the folio's lock";
            /// Writeback looks up before it has the page's lock which page the file has, and does not look again.
            WritebackLooksUpEarly, "writeback-looks-up-early", "mm/page-writeback.c, folio_prepare_writeback(): folio->mapping under the folio's lock";
            /// Writeback does not wait for one of the same page that is under way.
            WritebackTwice, "writeback-twice", "mm/page-writeback.c, folio_prepare_writeback(): folio_wait_writeback()";
            /// A page is written before its entries are cleaned.
            WrittenBeforeMkclean, "written-before-mkclean", "mm/page-writeback.c, folio_clear_dirty_for_io(): before the page is written";
            /// A page is not dirty any more when it was written, whatever made it dirty meanwhile.
            DirtyClearedLate, "dirty-cleared-late", "mm/page-writeback.c, folio_clear_dirty_for_io(): before the page is written";
            /// Writeback cleans entries and flushes no translation of them.
            MkcleanNoFlush, "mkclean-no-flush", "mm/rmap.c, page_vma_mkclean_one(): ptep_clear_flush()";
            /// Writeback flushes the translations of an entry that it has cleaned when it has left the page-table lock.
            MkcleanFlushAfterPtl, "mkclean-flush-after-ptl", "mm/rmap.c, page_vma_mkclean_one(): ptep_clear_flush() under the page-table lock";
            /// Writeback cleans an entry and lets stores go through it still.
            MkcleanKeepsWritable, "mkclean-keeps-writable", "mm/rmap.c, page_vma_mkclean_one(): pte_wrprotect()";
            /// Writeback passes over an entry that is writable and not dirty.
            MkcleanDirtyOnly, "mkclean-dirty-only", "mm/rmap.c, page_vma_mkclean_one(): !pte_dirty() && !pte_write()";
            /// A zap of a dirty page that is written back flushes when it has left the page-table lock.
            DirtyFlushedAfterPtl, "dirty-flushed-after-ptl", "commit 1cf35d47712d, L. Torvalds: force_flush in zap_pte_range()";
            /// A page that is written back is unmapped for its reverse mapping before its dirty entry is flushed.
            RmapRemovedBeforeFlush, "rmap-removed-before-flush", "commit 5df397dec7c4, L. Torvalds: delayed rmap removal";
            /// The end of a page's entry has no order with what was stored through it.
            MapcountDropRelaxed, "mapcount-drop-relaxed", "mm/rmap.c, __folio_remove_rmap(): atomic_add_negative(), which is ordered";
            /// Writeback that finds a page unmapped has no order with what was stored while it was mapped.
            MapcountReadRelaxed, "mapcount-read-relaxed", "mm/page-writeback.c, folio_clear_dirty_for_io(): folio_test_clear_dirty(), which is ordered";
            /// `mremap` flushes moved entries of pages that are written back when it has left the page-table locks.
            MremapDirtyFlushedAfterPtl, "mremap-dirty-flushed-after-ptl", "commit 5d1904204c99, A. Lu";
            /// `truncate` takes a page out while it is being written.
            TruncateWaitsForNoWriteback, "truncate-waits-for-no-writeback", "mm/truncate.c, truncate_inode_pages_range(): folio_wait_writeback()";
            /// Reclaim looks whether a page of a file is dirty before it has the page's lock, and does not look again.
            ReclaimLooksEarly, "reclaim-looks-early", "mm/vmscan.c, __remove_mapping(): \"it's possible that the folio becomes dirty again\"; commit e286781d5f2e";
            /// Reclaim takes a page of a file that something refers to besides the page cache.
            ReclaimIgnoresReferences, "reclaim-ignores-references", "mm/vmscan.c, __remove_mapping(): folio_ref_freeze()";
            /// `msync` ends where the first mapping does.
            MsyncStopsAtVmaEnd, "msync-stops-at-vma-end", "mm/msync.c, msync(): find_vma() again";
            /// A fault that reads a page past the swap cache does not pin its slot.
            SwapinNotPinned, "swapin-not-pinned", "commit 13ddaf26be32, CVE-2024-26759: swapcache_prepare() in do_swap_page()";
            /// A fault maps the page that it has found in the swap cache, whatever is there when it has that page's lock.
            SwapinCacheNotRechecked, "swapin-cache-not-rechecked", "mm/memory.c, do_swap_page(): folio_matches_swap_entry() under the folio's lock";
            /// A fault maps the page that it has read from swap, whatever its entry is by now.
            SwapinNoPteSame, "swapin-no-pte-same", "mm/memory.c, do_swap_page(): pte_same() under the page-table lock";
            /// A page that comes from swap is made writable though another process has its slot, or the page.
            SwapinSharesWritable, "swapin-shares-writable", "mm/memory.c, do_swap_page(): exclusive";
            /// A page leaves the swap cache with the last entry of its slot, though another CPU has its lock.
            FreeSwapUnlocked, "free-swap-unlocked", "mm/swapfile.c, __try_to_reclaim_swap(): folio_trylock()";
            /// A page stays in the swap cache though the last entry of its slot went while it was locked.
            UnlockKeepsCached, "unlock-keeps-cached", "mm/memory.c, do_swap_page(): folio_free_swap()";
            /// A zap clears an entry of swap and leaves its slot.
            ZapKeepsSlot, "zap-keeps-slot", "mm/memory.c, zap_nonpresent_ptes(): free_swap_and_cache_nr()";
            /// `fork` copies an entry of swap and does not count it.
            ForkSwapNotCounted, "fork-swap-not-counted", "mm/memory.c, copy_nonpresent_pte(): swap_duplicate()";
            /// `mremap` leaves entries of swap behind.
            MremapDropsSwap, "mremap-drops-swap", "mm/mremap.c, move_ptes(): moves what is not none";
            /// A page is written to swap before the TLBs are flushed that may still let stores through.
            PageoutBeforeFlush, "pageout-before-flush", "mm/vmscan.c, shrink_folio_list(): try_to_unmap_flush_dirty() before pageout()";
            /// A page that was reclaimed is freed before the TLBs are flushed.
            ReclaimFreesBeforeFlush, "reclaim-frees-before-flush", "mm/vmscan.c, shrink_folio_list(): try_to_unmap_flush() before free_unref_folios()";
            /// What finds that reclaim has cleared an entry does not look whether it is flushed yet.
            BatchedFlushIgnored, "batched-flush-ignored", "commit 3ea277194daa, N. Amit: flush_tlb_batched_pending()";
            /// A flush that reclaim tells of while another one is done is taken for done.
            BatchedFlushLost, "batched-flush-lost", "commit 5ee2fa2f0636, mm/rmap.c, flush_tlb_batched_pending()";
            /// What reclaim tells of its flushes has no order with the entries that it clears.
            BatchedFlushRelaxed, "batched-flush-relaxed", "mm/rmap.c, set_tlb_ubc_flush_pending(): barrier()";
            /// A fault that has taken the mmap lock for writing extends the VMA that it found before, which may be gone.
            ExpandNotLookedUpAgain, "expand-not-looked-up-again", "mm/mmap_lock.c, lock_mm_and_find_vma(): \"re-checking it\"";
            /// A fault extends a VMA without its write lock.
            ExpandVmaUnlocked, "expand-vma-unlocked", "commit c137381f71ae, \"mm: lock a vma before stack expansion\"";
            /// A mapping grows down to where another one is near.
            ExpandIgnoresGap, "expand-ignores-gap", "commit 1be7107fbe18, CVE-2017-1000364: stack_guard_gap";
            /// The VMA tree is walked outside RCU under the mmap read lock, though others that have that lock replace nodes.
            ReadLockedWalkOutsideRcu, "read-locked-walk-outside-rcu", "CVE-2023-3269 (StackRot), commits 3dd443254941 and 9471f1f2f502";
            /// Faults extend VMAs under the mmap read lock with no lock among each other.
            ExpandWithoutPml, "expand-without-pml", "mm/mmap.c, expand_downwards(): \"we reuse mm->page_table_lock\"";
            /// `munmap` lets readers in though a VMA may grow into what it unmaps.
            DowngradeBesideStack, "downgrade-beside-stack", "CVE-2020-29369, commit 246c320a8cfe";
            /// `brk` reads where the heap ends before it has the mmap lock.
            BreakReadEarly, "break-read-early", "mm/mmap.c, sys_brk(): origbrk under mmap_write_lock()";
            /// `brk` tells that the heap has become shorter when its pages are gone, and the mmap lock was left meanwhile.
            BreakSetLate, "break-set-late", "mm/mmap.c, sys_brk(): \"mm->brk must be protected by write mmap_lock\"";
            /// The heap grows over what is mapped, which goes, or next to it.
            BreakIgnoresMappings, "break-ignores-mappings", "mm/mmap.c, sys_brk(): vma_find(), vm_start_gap(); do_brk(): \"Clear old maps\"";
            /// A fault gives its VMA an anon_vma, though another fault has done so meanwhile.
            AnonVmaSetTwice, "anon-vma-set-twice", "mm/rmap.c, __anon_vma_prepare(): vma->anon_vma under page_table_lock";
            /// A fault gives its VMA an anon_vma under the VMA's lock, without the mmap lock.
            AnonVmaUnderVmaLock, "anon-vma-under-vma-lock", "mm/memory.c, __vmf_anon_prepare(): mmap_read_trylock()";
            /// Reclaim that has the lock of a page's anon_vma does not look whether the page is mapped still.
            AnonVmaNotRechecked, "anon-vma-not-rechecked", "mm/rmap.c, folio_lock_anon_vma_read(): folio_mapped()";
            /// Reclaim goes through the places of a page without the lock of its anon_vma.
            RmapWalkUnlocked, "rmap-walk-unlocked", "mm/rmap.c, rmap_walk_anon(): anon_vma_lock_read()";
            /// A page that comes from swap for several processes goes to the anon_vma of the one that brings it in.
            SwapinOwnAnonVma, "swapin-own-anon-vma", "mm/rmap.c, __folio_set_anon(): anon_vma->root";
            /// Reclaim counts the first entry of a page alone for its slot.
            ReclaimSwapNotCounted, "reclaim-swap-not-counted", "mm/rmap.c, try_to_unmap_one(): swap_duplicate()";
            /// Reclaim flushes no TLB of another process that had an entry of the page.
            ReclaimFlushesOwn, "reclaim-flushes-own", "mm/rmap.c, set_tlb_ubc_flush_pending(): arch_tlbbatch_add_pending()";
            /// A fault on a page in swap does not keep the swap area from being switched off.
            SwapinNoDevice, "swapin-no-device", "commit 2799e77529c2, do_swap_page(): get_swap_device()";
            /// `swapoff` frees the map of its area and does not wait for those that use it.
            SwapoffDoesNotWait, "swapoff-does-not-wait", "mm/swapfile.c, swapoff(): percpu_ref_kill(), wait_for_completion()";
            /// `swapoff` goes through all processes once, and does not look whether a slot is in use still.
            SwapoffOnce, "swapoff-once", "mm/swapfile.c, try_to_unuse(): swap_usage_in_pages(), retry";
            /// An area that is about to be switched off takes pages still.
            SwapoffTakesPages, "swapoff-takes-pages", "mm/swapfile.c, swapoff(): SWP_WRITEOK";
            /// Reclaim takes the pages of a locked mapping.
            ReclaimTakesLocked, "reclaim-takes-locked", "mm/rmap.c, try_to_unmap_one(): VM_LOCKED";
            /// `mlock` brings pages in before it locks their mapping.
            MlockPopulatesFirst, "mlock-populates-first", "mm/mlock.c, mlock_fixup(): \"populate_vma_page_range will bring it back\"";
            /// `madvise` gives up the pages of a locked mapping.
            AdviceTakesLocked, "advice-takes-locked", "mm/madvise.c, madvise_dontneed_free_valid_vma(), can_madv_lru_vma(), is_valid_guard_vma()";
            /// Neighbours become one mapping, though one of them is locked.
            MergeIgnoresLocked, "merge-ignores-locked", "mm/vma.c, is_mergeable_vma(): vm_flags";
            /// `fork` gives the child mappings that are locked.
            ForkKeepsLocked, "fork-keeps-locked", "mm/mmap.c, dup_mmap(): VM_LOCKED_MASK";
            /// What `mremap dontunmap` leaves behind stays locked.
            DontunmapKeepsLocked, "dontunmap-keeps-locked", "mm/mremap.c, dontunmap_complete(): VM_LOCKED_MASK";
            /// `mremap dontunmap` of a part of a locked mapping unlocks all of it, as in Linux 6.18.
            DontunmapUnlocksAll, "dontunmap-unlocks-all", "mm/mremap.c, dontunmap_complete(): \"We always clear VM_LOCKED[ONFAULT] on the old VMA\"";
            /// A mapping grows under the mmap read lock before it has an anon_vma, in which it would then not be as it is.
            ExpandWithoutAnonVma, "expand-without-anon-vma", "mm/mmap.c, expand_downwards(): \"We must make sure the anon_vma is allocated\"";
            /// A mapping that grows under the mmap read lock is in its anon_vma as it was before when faults find it as it is.
            ExpandLinksLate, "expand-links-late", "mm/mmap.c, expand_downwards(): anon_vma_lock_write()";
        }
    };
}
