//! `msync`: what was stored to files is on their disks when it returns; and writeback of one page.
//!
//! # Linux
//! mm/msync.c: `msync()` with `MS_SYNC`: one VMA at a time, each found under the mmap read lock, which is left while the file is
//! written. Behind a hole it goes on, and answers `ENOMEM`. Kept: what private mappings show is not written. Dropped:
//! `MS_ASYNC`, which has written nothing since Linux 2.6.17, and `MS_INVALIDATE`; metadata of files.

use crate::mm::cpu::Cpu;
use crate::mm::file::{Backing, FileMap};
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::error::Errno;
use crate::types::quirk::Quirk;

impl<P: Platform> Cpu<'_, P> {
    /// Writes what `range` shows of files, if it was stored to, and waits until it is written. Over a hole: `Nomem`, and what is
    /// behind it is written. Linux: `msync(MS_SYNC)`.
    pub fn msync(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        let mut result = Ok(());
        let mut rest = range;
        while !rest.is_empty() {
            let lock = self.mmap_read_lock();
            // Linux: find_vma().
            let vma = lock.next_in(rest);
            lock.unlock();
            let Some(vma) = vma else {
                return Err(Errno::Nomem);
            };
            let part = vma.range.intersection(rest);
            if part.start > rest.start {
                result = Err(Errno::Nomem);
            }
            if let Backing::Shared(map) = vma.backing {
                part.iter().for_each(|vpn| self.write_shown(map, vpn));
            }
            // QUIRK(MsyncStopsAtVmaEnd): proofs/file/synced-behind-a-hole
            rest.start = match self.sys.has(Quirk::MsyncStopsAtVmaEnd) {
                true => rest.end,
                false => part.end,
            };
        }
        result
    }

    /// Writes the page of a file that is shown at `vpn` to its disk, if it was stored to. Linux: `do_writepages()`.
    pub fn writeback(&mut self, vpn: Vpn) -> Result<(), Errno> {
        let lock = self.mmap_read_lock();
        let vma = lock.find(vpn);
        lock.unlock();
        if let Some(map) = vma.and_then(|vma| vma.backing.file()) {
            self.write_shown(map, vpn);
        }
        Ok(())
    }

    /// Writes the page that `map` shows at `vpn`. The file stays: Linux pins it.
    fn write_shown(&mut self, map: FileMap, vpn: Vpn) {
        let sys = self.sys;
        if let Some((cache, index)) = sys.files().cached(map, vpn) {
            self.write_page(cache, index);
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
    use crate::orderings;
    use crate::test_platform::Alone;
    use crate::types::config::{Config, FileStart};
    use crate::types::ids::{CpuId, FileId, FilePage, MmId};
    use crate::types::prot::Prot;

    const FILE: FileId = FileId(0);

    /// Runs `test` on a machine with a file of two pages on a disk, and checks it at rest.
    fn with_file(test: impl FnOnce(&mut Cpu<'_, Alone>)) {
        let files = [FileStart {
            words: [5, 6].into(),
            uncached: true,
        }];
        let config = Config {
            writes_back: true,
            ..Config::small(1)
        };
        let system = System::<Alone>::with_files_of(config, &files, true);
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        test(&mut cpu);
        cpu.rcu_barrier();
        system.check_at_rest(&[local]);
    }

    fn pages(start: u64, len: u64) -> PageRange {
        PageRange::new(Vpn(start), Vpn(start + len))
    }

    /// Maps one page of the file at `at`.
    fn map(cpu: &mut Cpu<'_, Alone>, at: u64, page: u32, shared: bool) {
        let page = FilePage(page);
        let flags = MmapFlags {
            file: Some(MmapFile { page, shared }),
            ..MmapFlags::default()
        };
        let mapped = cpu.mmap(pages(at, 1), Prot::RW, flags);
        mapped.expect("there is room");
    }

    /// What the disk has of a page.
    fn on_disk(cpu: &Cpu<'_, Alone>, index: u32) -> u64 {
        let block = cpu.sys.files().cache(FILE).block(index);
        let block = cpu.sys.frame(block.expect("it is on a disk"));
        block.word.load(orderings::AT_REST)
    }

    /// Whether an entry is writable, and whether it is dirty.
    fn bits(cpu: &Cpu<'_, Alone>, at: u64) -> (bool, bool) {
        let page = cpu.sys.page(MmId::MAIN, Vpn(at));
        (page.writable, page.dirty)
    }

    #[test]
    fn what_is_stored_is_on_the_disk_when_it_is_synced() {
        with_file(|cpu| {
            map(cpu, 1, 0, true);
            assert_eq!(cpu.read(Vpn(1)), Ok(5));
            assert_eq!(bits(cpu, 1), (false, false), "the first store is told of");
            assert_eq!(cpu.write(Vpn(1), 7), Ok(()));
            assert_eq!((bits(cpu, 1), on_disk(cpu, 0)), ((true, true), 5));
            assert_eq!(cpu.msync(pages(1, 1)), Ok(()));
            assert_eq!((bits(cpu, 1), on_disk(cpu, 0)), ((false, false), 7));
            assert_eq!(cpu.write(Vpn(1), 8), Ok(()));
            assert_eq!((bits(cpu, 1), on_disk(cpu, 0)), ((true, true), 7));
            assert_eq!(cpu.writeback(Vpn(1)), Ok(()));
            assert_eq!((bits(cpu, 1), on_disk(cpu, 0)), ((false, false), 8));
        });
    }

    #[test]
    fn a_hole_is_told_of_and_passed_over() {
        with_file(|cpu| {
            assert_eq!(cpu.msync(pages(1, 3)), Err(Errno::Nomem));
            map(cpu, 1, 0, true);
            map(cpu, 3, 1, true);
            assert_eq!([1, 3].map(|vpn| cpu.write(Vpn(vpn), 9)), [Ok(()); 2]);
            assert_eq!(cpu.msync(pages(1, 4)), Err(Errno::Nomem));
            assert_eq!([0, 1].map(|index| on_disk(cpu, index)), [9, 9]);
            assert_eq!(cpu.msync(pages(2, 2)), Err(Errno::Nomem));
            assert_eq!(cpu.msync(pages(3, 1)), Ok(()));
            assert_eq!(cpu.msync(pages(3, 0)), Err(Errno::Inval));
            assert_eq!(cpu.writeback(Vpn(2)), Ok(()), "there is nothing");
        });
    }

    #[test]
    fn a_clean_page_leaves_memory_and_comes_again() {
        with_file(|cpu| {
            map(cpu, 1, 0, true);
            map(cpu, 11, 0, true);
            map(cpu, 12, 0, false);
            map(cpu, 13, 0, false);
            assert_eq!([1, 13].map(|vpn| cpu.write(Vpn(vpn), vpn + 6)), [Ok(()); 2]);
            assert_eq!([11, 12].map(|vpn| cpu.read(Vpn(vpn))), [Ok(7); 2]);
            assert_eq!(cpu.reclaim(Vpn(1)), Ok(()));
            assert_eq!(cpu.mincore(pages(1, 1)), Ok(1), "it is dirty");
            assert_eq!(cpu.writeback(Vpn(1)), Ok(()));
            assert_eq!(cpu.reclaim(Vpn(11)), Ok(()));
            assert_eq!(cpu.mincore(pages(1, 1)), Ok(0));
            let present = [1, 11, 12, 13].map(|at| cpu.sys.page(MmId::MAIN, Vpn(at)).present);
            assert_eq!(present, [false, false, false, true], "the copy stays");
            assert_eq!(
                [1, 11, 12, 13].map(|vpn| cpu.read(Vpn(vpn))),
                [7, 7, 7, 19].map(Ok)
            );
        });
    }

    #[test]
    fn a_page_is_cleaned_wherever_it_is_mapped() {
        with_file(|cpu| {
            map(cpu, 1, 0, true);
            map(cpu, 11, 0, true);
            map(cpu, 12, 0, false);
            map(cpu, 13, 0, false);
            assert_eq!([1, 11, 13].map(|vpn| cpu.write(Vpn(vpn), vpn)), [Ok(()); 3]);
            assert_eq!(cpu.read(Vpn(12)), Ok(11));
            assert_eq!(cpu.msync(pages(12, 2)), Ok(()), "private mappings");
            assert_eq!(on_disk(cpu, 0), 5);
            assert_eq!(cpu.msync(pages(1, 1)), Ok(()));
            assert_eq!(on_disk(cpu, 0), 11);
            let found = [1, 11, 12, 13].map(|at| bits(cpu, at));
            let clean = (false, false);
            assert_eq!(found, [clean, clean, clean, (true, true)]);
            cpu.truncate(FILE, 0).expect("it always may");
            assert_eq!(on_disk(cpu, 0), 0);
        });
    }

    #[test]
    fn what_no_dirty_bit_tells_of_is_missed() {
        let checked = catch_unwind(AssertUnwindSafe(|| {
            with_file(|cpu| {
                map(cpu, 1, 0, true);
                assert_eq!(cpu.write(Vpn(1), 7), Ok(()));
                cpu.munmap(pages(1, 1)).expect("it is mapped");
                let page = cpu.sys.files().cache(FILE).page_racy(0);
                let page = cpu.sys.frame(page.expect("it was read").pfn);
                page.account().expect("it is a file's").clear_dirty();
            });
        }));
        let panic = checked.expect_err("something is wrong");
        let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(message.contains("differs from its block"), "{message}");
    }
}
