//! `truncate`: a file gets longer, or shorter; and `punch_hole`: one page of it goes.
//!
//! ```text
//! size --> entries behind it go --> each page: its lock, its entries go, it leaves the cache --> entries go again
//! ```
//! Pages that are new read zero, once they are touched. Private copies of pages that go, go too, and so does what a file has
//! of them on a disk: while the page is locked, and not written back, so that neither a read nor a write of it is under way. (Linux keeps reads out by the mapping's
//! `invalidate_lock`, and frees blocks afterwards.)
//!
//! # Linux
//! mm/shmem.c: `shmem_setattr()`, `shmem_truncate_range()`; mm/truncate.c: `truncate_inode_folio()`,
//! `truncate_pagecache()`, which says why entries go twice; the first time saves most of the times that a page's entries go
//! one by one.

use alloc::vec::Vec;

use crate::mm::cpu::Cpu;
use crate::mm::gather::Gather;
use crate::mm::page_cache::{Cached, PageCache};
use crate::mm::unmap::Spares;
use crate::platform::Platform;
use crate::types::error::Errno;
use crate::types::event::What;
use crate::types::ids::{FileId, FilePage};
use crate::types::quirk::Quirk;

impl<P: Platform> Cpu<'_, P> {
    /// Makes `file` have `len` pages. Linux: `ftruncate()`.
    ///
    /// # Panics
    /// If there is no such file, or the machine was made for files that keep their length.
    pub fn truncate(&mut self, file: FileId, len: u32) -> Result<(), Errno> {
        let sys = self.sys;
        let cache = sys.files().cache(file);
        let mut gathers = Vec::new();
        let mut inode = cache.lock_inode(self.id());
        let old = inode.size();
        // QUIRK(SizeSetLate): proofs/file/bus-after-truncate
        let late = len < old && self.sys.has(Quirk::SizeSetLate);
        if len != old && !late {
            inode.set_size(len);
        }
        if len < old {
            // QUIRK(TruncateKeepsCopies): proofs/file/copies-go-too
            let spares = match self.sys.has(Quirk::TruncateKeepsCopies) {
                true => Spares::COPIES,
                false => Spares::GUARDS,
            };
            self.unmap_mapping(cache, |link| link.behind(len), spares, &mut gathers);
            for index in len..old {
                self.truncate_page(cache, index, &mut gathers);
            }
            // QUIRK(TruncateUnmapsOnce): proofs/file/copied-while-truncated
            if !self.sys.has(Quirk::TruncateUnmapsOnce) {
                self.unmap_mapping(cache, |link| link.behind(len), spares, &mut gathers);
            }
        }
        if late {
            inode.set_size(len);
        }
        inode.unlock();
        for gather in gathers {
            self.complete(gather);
        }
        Ok(())
    }

    /// Punches a hole where the page `index` of `file` is: it reads zero, and the length stays. Copies that private mappings
    /// have of it stay, too. Linux: `fallocate(FALLOC_FL_PUNCH_HOLE)`, `shmem_fallocate()`.
    ///
    /// # Panics
    /// As [`Cpu::truncate`].
    pub fn punch_hole(&mut self, page: FilePage) -> Result<(), Errno> {
        let sys = self.sys;
        let (file, index) = sys.files().find(page);
        let cache = sys.files().cache(file);
        let mut gathers = Vec::new();
        let inode = cache.lock_inode(self.id());
        // QUIRK(PunchDropsCopies): proofs/file/copies-stay-over-a-hole
        let spares = match self.sys.has(Quirk::PunchDropsCopies) {
            true => Spares::GUARDS,
            false => Spares::COPIES,
        };
        self.unmap_mapping(cache, |link| link.page(index), spares, &mut gathers);
        self.truncate_page(cache, index, &mut gathers);
        inode.unlock();
        for gather in gathers {
            self.complete(gather);
        }
        Ok(())
    }

    /// The page `index` goes, if there is one. Linux: `truncate_inode_folio()`.
    fn truncate_page(&mut self, cache: &PageCache<P>, index: u32, gathers: &mut Vec<Gather>) {
        // QUIRK(TruncatePageUnlocked): proofs/file/page-goes-under-a-fault
        let locked = !self.sys.has(Quirk::TruncatePageUnlocked);
        let page = match locked {
            true => cache.lock_page(index, self.id()),
            false => None,
        };
        // QUIRK(TruncateWaitsForNoWriteback): proofs/file/truncated-while-written
        if !self.sys.has(Quirk::TruncateWaitsForNoWriteback) {
            cache.wait_for_writeback(index, self.id());
        }
        // Linux: folio_mapped(), in truncate_cleanup_folio().
        let is_mapped = |page: Cached| self.sys.frame(page.pfn).is_shared();
        if cache.page(index).is_some_and(is_mapped) {
            // QUIRK(TruncateDropsGuards): proofs/file/guarded-where-a-page-goes
            let guards = !self.sys.has(Quirk::TruncateDropsGuards);
            let copies = true;
            let spares = Spares { copies, guards };
            self.unmap_mapping(cache, |link| link.page(index), spares, gathers);
        }
        let gone = cache.remove(index);
        // QUIRK(TruncateKeepsBlocks): proofs/file/blocks-go-too
        if let Some(block) = cache.block(index)
            && !self.sys.has(Quirk::TruncateKeepsBlocks)
        {
            self.sys.frame(block).zero();
            self.event(What::BlockFreed { pfn: block });
        }
        if let Some(page) = page {
            page.unlock();
        }
        if let Some(pfn) = gone {
            self.free_frame(pfn);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::string::String;

    use super::*;
    use crate::calls::mmap::{MmapFile, MmapFlags};
    use crate::mm::cpu::CpuLocal;
    use crate::mm::system::System;
    use crate::test_platform::Alone;
    use crate::types::addr::{PageRange, Vpn};
    use crate::types::config::Config;
    use crate::types::error::Fault;
    use crate::types::ids::{CpuId, FilePage, MmId};
    use crate::types::prot::Prot;

    const FILE: FileId = FileId(0);
    const CHILD: MmId = MmId(1);

    /// What `does` does on a machine with a file of the words 5 and 6, which has four pages at most. All is in order
    /// afterwards.
    fn with_file(does: impl FnOnce(&mut Cpu<'_, Alone>)) {
        let config = Config {
            mms: 2,
            ..Config::small(1)
        };
        let system = System::<Alone>::with_files(config, &[alloc::vec![5, 6, 0, 0]], true);
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        truncate(&mut cpu, 2);
        does(&mut cpu);
        cpu.rcu_barrier();
        system.check_at_rest(core::slice::from_ref(&local));
    }

    fn pages(start: u64, len: u64) -> PageRange {
        PageRange::new(Vpn(start), Vpn(start + len))
    }

    /// Maps `len` pages of the file, from page `first` of it on, at `start`.
    fn map(cpu: &mut Cpu<'_, Alone>, start: u64, len: u64, first: u32, shared: bool) {
        let file = Some(MmapFile {
            page: FilePage(first),
            shared,
        });
        let flags = MmapFlags {
            file,
            ..MmapFlags::default()
        };
        let mapped = cpu.mmap(pages(start, len), Prot::RW, flags);
        mapped.expect("there is room");
    }

    fn truncate(cpu: &mut Cpu<'_, Alone>, len: u32) {
        cpu.truncate(FILE, len).expect("it always may");
    }

    #[test]
    fn behind_the_new_end_is_nothing() {
        with_file(|cpu| {
            map(cpu, 1, 2, 0, true);
            assert_eq!([1, 2].map(|vpn| cpu.read(Vpn(vpn))), [Ok(5), Ok(6)]);
            truncate(cpu, 1);
            let read = [1, 2].map(|vpn| cpu.read(Vpn(vpn)));
            assert_eq!(read, [Ok(5), Err(Fault::Bus)]);
            assert_eq!(cpu.mincore(pages(1, 2)), Ok(1));
            assert_eq!(cpu.write(Vpn(2), 1), Err(Fault::Bus));
        });
    }

    #[test]
    fn a_file_grows_by_zeros() {
        with_file(|cpu| {
            map(cpu, 1, 4, 0, true);
            map(cpu, 11, 4, 0, false);
            truncate(cpu, 1);
            truncate(cpu, 4);
            assert_eq!(cpu.mincore(pages(1, 4)), Ok(1));
            assert_eq!(cpu.read(Vpn(12)), Ok(0));
            assert_eq!(cpu.mincore(pages(1, 4)), Ok(2), "it is in the cache now");
            assert_eq!(cpu.write(Vpn(2), 7), Ok(()));
            assert_eq!(cpu.read(Vpn(12)), Ok(7), "it shows the file still");
            assert_eq!(cpu.write(Vpn(14), 8), Ok(()));
            assert_eq!([4, 14].map(|vpn| cpu.read(Vpn(vpn))), [Ok(0), Ok(8)]);
        });
    }

    #[test]
    fn private_copies_go_with_what_they_are_copies_of() {
        with_file(|cpu| {
            map(cpu, 1, 2, 0, false);
            assert_eq!([1, 2].map(|vpn| cpu.write(Vpn(vpn), 9)), [Ok(()); 2]);
            truncate(cpu, 1);
            let read = [1, 2].map(|vpn| cpu.read(Vpn(vpn)));
            assert_eq!(read, [Ok(9), Err(Fault::Bus)]);
            truncate(cpu, 2);
            assert_eq!(cpu.read(Vpn(2)), Ok(0));
        });
    }

    #[test]
    fn pages_go_wherever_mappings_have_been_moved() {
        with_file(|cpu| {
            map(cpu, 1, 2, 0, false);
            map(cpu, 3, 1, 0, true);
            assert_eq!([1, 2].map(|vpn| cpu.write(Vpn(vpn), 9)), [Ok(()); 2]);
            assert_eq!(cpu.read(Vpn(3)), Ok(5));
            cpu.fork(CHILD).expect("there is memory for tables");
            cpu.mremap(pages(2, 1), pages(12, 1), false)
                .expect("it is mapped");
            cpu.mprotect(pages(3, 1), Prot::R).expect("it is mapped");
            truncate(cpu, 0);
            let nothing = Err(Fault::Bus);
            assert_eq!([1, 3, 12].map(|vpn| cpu.read(Vpn(vpn))), [nothing; 3]);
            let child = [1, 2, 3].map(|vpn| cpu.sys.page(CHILD, Vpn(vpn)));
            assert!(child.iter().all(|page| page.is_behind_end && !page.present));
            // What was one is one again, in `i_mmap` too.
            cpu.mremap(pages(12, 1), pages(2, 1), false)
                .expect("it is mapped");
            assert_eq!(cpu.sys.vmas(MmId::MAIN).len(), 2);
            truncate(cpu, 2);
            assert_eq!(cpu.read(Vpn(2)), Ok(0));
            cpu.munmap(pages(1, 1)).expect("it is mapped");
            cpu.exit_mm(CHILD);
        });
    }

    #[test]
    fn a_hole_is_zero_but_in_copies() {
        with_file(|cpu| {
            map(cpu, 1, 2, 0, true);
            map(cpu, 11, 2, 0, false);
            assert_eq!([1, 12].map(|vpn| cpu.write(Vpn(vpn), 9)), [Ok(()); 2]);
            for page in 0..3 {
                cpu.punch_hole(FilePage(page)).expect("it always may");
            }
            assert_eq!(cpu.mincore(pages(1, 2)), Ok(0));
            assert_eq!(cpu.mincore(pages(11, 2)), Ok(1), "the copy");
            let read = [1, 2, 11, 12].map(|vpn| cpu.read(Vpn(vpn)));
            assert_eq!(read, [Ok(0), Ok(0), Ok(0), Ok(9)]);
            truncate(cpu, 4);
            map(cpu, 5, 4, 0, true);
            assert_eq!(cpu.read(Vpn(7)), Ok(0));
        });
    }

    /// What a machine at rest says of what `lose` does after two pages of the file were mapped and written.
    fn found(lose: impl FnOnce(&mut Cpu<'_, Alone>)) -> String {
        let checked = catch_unwind(AssertUnwindSafe(|| {
            with_file(|cpu| {
                map(cpu, 1, 2, 0, true);
                assert_eq!([1, 2].map(|vpn| cpu.write(Vpn(vpn), 9)), [Ok(()); 2]);
                lose(cpu);
            });
        }));
        let panic = checked.expect_err("something is wrong");
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    }

    #[test]
    fn what_a_file_and_its_mappings_lose_is_missed() {
        let unlinked = found(|cpu| {
            let lock = cpu.mmap_read_lock();
            let vma = lock.find(Vpn(1)).expect("it is mapped");
            lock.unlock();
            cpu.unlink_rmap(vma);
        });
        assert!(unlinked.contains("in its i_mmap"), "{unlinked}");
        let taken_out = found(|cpu| {
            cpu.sys.files().cache(FILE).remove(1);
        });
        assert!(taken_out.contains("does not have any more"), "{taken_out}");
        let behind_the_end = found(|cpu| {
            let mut inode = cpu.sys.files().cache(FILE).lock_inode(cpu.id());
            inode.set_size(1);
            inode.unlock();
        });
        assert!(
            behind_the_end.contains("behind the end"),
            "{behind_the_end}"
        );
    }

    #[test]
    fn a_page_of_a_file_is_any_page_again() {
        with_file(|cpu| {
            truncate(cpu, 0);
            cpu.mmap(pages(7, 1), Prot::RW, MmapFlags::default())
                .expect("there is room");
            assert_eq!(cpu.write(Vpn(7), 3), Ok(()));
            truncate(cpu, 1);
            map(cpu, 1, 1, 0, true);
            assert_eq!([1, 7].map(|vpn| cpu.read(Vpn(vpn))), [Ok(0), Ok(3)]);
        });
    }
}
