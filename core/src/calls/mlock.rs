//! `mlock` and `munlock`: the pages of a mapping stay in memory, or need not any more.
//!
//! ```text
//! mmap lock, for writing: VMAs are split, locked, and merged --> mmap lock, for reading: each page is brought in
//! ```
//! # Invariants
//! - L1: a VMA is locked under the locks of its reverse mapping, and reclaim looks for such VMAs under these before it takes
//!   entries away. So a page has gone before they were left, and is brought in again, or it stays.
//! - L2: what gives pages up says `Inval` of a locked VMA: `madvise dontneed`, `free`, `cold`, `pageout` and `guard_install`.
//!   What unmaps, `truncate` and a copy on write do not ask.
//!
//! What shows them: `proofs/swap/locked-stays`, `proofs/swap/locked-before-it-is-brought-in`, `proofs/basics/locked-is-kept`.
//!
//! # Linux
//! mm/mlock.c: `do_mlock()`, `apply_vma_lock_flags()`, `mlock_fixup()`. Kept: neighbours are one VMA only if both are locked or
//! neither is; `fork` gives the child nothing that is locked; what `mremap dontunmap` leaves is not locked, what moves
//! is. Changed: reclaim finds `VM_LOCKED` in the reverse mapping, where Linux looks at the VMA under the page-table lock, which
//! `mlock_vma_pages_range()` passes; `dontunmap` of a part leaves the rest locked, where Linux unlocks the whole VMA
//! (mm/mremap.c, `dontunmap_complete()`). Dropped: `RLIMIT_MEMLOCK`; counts of locked pages, which only save reclaim the
//! look (`PG_mlocked`); `MLOCK_ONFAULT`; `mlockall()`.

use crate::mm::cpu::Cpu;
use crate::mm::mmap_lock::MmapWrite;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::error::Errno;
use crate::types::quirk::Quirk;

impl<'s, P: Platform> Cpu<'s, P> {
    /// Locks what is mapped of `range`, and brings its pages in. Over a hole, `Nomem`: what is before it is locked, and
    /// nothing is brought in. `Nomem`, too, at a page that cannot come: nothing of its mapping may be accessed, it is a
    /// guard page, or behind the end of its file. Linux: `mlock()`.
    pub fn mlock(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        // QUIRK(MlockPopulatesFirst): proofs/swap/locked-before-it-is-brought-in
        if self.sys.has(Quirk::MlockPopulatesFirst) {
            let _ = self.populate_mapped(range);
            return self.set_locked(range, true);
        }
        self.set_locked(range, true)?;
        // Linux: __mlock_posix_error_return().
        self.populate_mapped(range).map_err(|_| Errno::Nomem)
    }

    /// Lets the pages of `range` leave memory. Over a hole, `Nomem`: that goes for what is before it.
    /// Linux: `munlock()`.
    pub fn munlock(&mut self, range: PageRange) -> Result<(), Errno> {
        self.check_range(range)?;
        self.set_locked(range, false)
    }

    /// Linux: `apply_vma_lock_flags()`.
    fn set_locked(&mut self, range: PageRange, locked: bool) -> Result<(), Errno> {
        let mut lock = self.mmap_write_lock();
        let mut at = range.start;
        while let Some(vma) = lock.tree().find(at).map(|(_, vma)| vma.copy_stable())
            && at < range.end
        {
            let part = vma.range.intersection(PageRange::new(at, range.end));
            self.fixup_locked(&mut lock, VmaCopy { range: part, ..vma }, locked);
            at = part.end;
        }
        lock.unlock();
        if at < range.end {
            return Err(Errno::Nomem);
        }
        Ok(())
    }

    /// Locks, or unlocks, `part` of a VMA. Linux: `mlock_fixup()`.
    pub(crate) fn fixup_locked(
        &mut self,
        lock: &mut MmapWrite<'s, P>,
        part: VmaCopy,
        locked: bool,
    ) {
        if part.locked == locked || part.backing.is_device() {
            return;
        }
        self.split(lock, part.range);
        let Some(vma) = lock
            .tree()
            .find(part.range.start)
            .map(|(_, vma)| vma.clone())
        else {
            return;
        };
        let new = VmaCopy { locked, ..part };
        self.change_vma(lock, &vma, part, new);
        lock.publish();
        self.merge(lock, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::mmap::{MmapFile, MmapFlags};
    use crate::mm::cpu::CpuLocal;
    use crate::mm::system::System;
    use crate::test_platform::Alone;
    use crate::types::addr::Vpn;
    use crate::types::config::{Config, FileStart};
    use crate::types::ids::{CpuId, FileId, FilePage, MmId};
    use crate::types::prot::Prot;

    /// Runs `test` on a machine with swap, a reverse mapping, and a file of two pages on a disk, and checks it at rest.
    fn alone(test: impl FnOnce(&System<Alone>, &mut Cpu<'_, Alone>)) {
        let config = Config {
            mms: 2,
            swap_slots: 4,
            anon_vmas_per_cpu: 16,
            writes_back: true,
            ..Config::small(1)
        };
        let files = [FileStart {
            words: [5, 6].into(),
            uncached: true,
        }];
        let system = System::<Alone>::with_files_of(config, &files, true);
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        test(&system, &mut cpu);
        cpu.rcu_barrier();
        system.check_at_rest(&[local]);
    }

    fn pages(start: u64, len: u64) -> PageRange {
        PageRange::new(Vpn(start), Vpn(start + len))
    }

    fn map(cpu: &mut Cpu<'_, Alone>, range: PageRange, prot: Prot, file: Option<(u32, bool)>) {
        let file = file.map(|(page, shared)| MmapFile {
            page: FilePage(page),
            shared,
        });
        let flags = MmapFlags {
            file,
            ..MmapFlags::default()
        };
        cpu.mmap(range, prot, flags).expect("there is room");
    }

    fn present(system: &System<Alone>, vpn: u64) -> bool {
        system.page(MmId::MAIN, Vpn(vpn)).present
    }

    #[test]
    fn what_is_locked_is_there_and_stays() {
        alone(|system, cpu| {
            map(cpu, pages(1, 3), Prot::RW, None);
            assert_eq!(cpu.mlock(pages(2, 1)), Ok(()));
            assert_eq!(
                [1, 2, 3].map(|at| present(system, at)),
                [false, true, false]
            );
            assert_eq!(cpu.maps(pages(1, 3)), Ok(3));
            cpu.write(Vpn(2), 7).expect("it is mapped");
            cpu.write(Vpn(3), 8).expect("it is mapped");
            for at in [2, 3] {
                cpu.reclaim(Vpn(at)).expect("it always may");
            }
            assert!(present(system, 2) && !present(system, 3));
            assert_eq!(cpu.madvise_pageout(pages(3, 1)), Ok(()));
            assert_eq!(cpu.madvise_pageout(pages(1, 3)), Err(Errno::Inval));
            assert_eq!(cpu.madvise_free(pages(2, 1)), Err(Errno::Inval));
            assert_eq!(cpu.madvise_guard_install(pages(2, 1)), Err(Errno::Inval));
            assert_eq!(cpu.madvise_guard_remove(pages(2, 1)), Ok(()));
            assert_eq!(cpu.read(Vpn(2)), Ok(7));
            assert_eq!(cpu.munlock(pages(1, 3)), Ok(()));
            assert_eq!(cpu.madvise_dontneed(pages(1, 3)), Ok(()));
            assert_eq!(cpu.read(Vpn(2)), Ok(0));
        });
    }

    #[test]
    fn what_comes_back_from_swap_is_locked() {
        alone(|system, cpu| {
            map(cpu, pages(1, 1), Prot::RW, None);
            cpu.write(Vpn(1), 7).expect("it is mapped");
            cpu.reclaim(Vpn(1)).expect("it always may");
            assert!(!present(system, 1));
            assert_eq!(cpu.mlock(pages(1, 1)), Ok(()));
            assert!(present(system, 1));
            assert_eq!(cpu.read(Vpn(1)), Ok(7));
        });
    }

    #[test]
    fn over_a_hole_what_is_before_it_is_locked() {
        alone(|system, cpu| {
            map(cpu, pages(1, 1), Prot::RW, None);
            map(cpu, pages(3, 1), Prot::RW, None);
            assert_eq!(cpu.mlock(pages(1, 3)), Err(Errno::Nomem));
            assert!(!present(system, 1), "nothing is brought in");
            assert_eq!(cpu.madvise_dontneed(pages(1, 1)), Err(Errno::Inval));
            assert_eq!(cpu.madvise_dontneed(pages(3, 1)), Ok(()));
            assert_eq!(cpu.munlock(pages(0, 2)), Err(Errno::Nomem));
            assert_eq!(cpu.munlock(pages(1, 2)), Err(Errno::Nomem));
            assert_eq!(cpu.madvise_dontneed(pages(1, 1)), Ok(()));
            assert_eq!(cpu.mlock(pages(1, 0)), Err(Errno::Inval));
        });
    }

    #[test]
    fn what_cannot_come_is_told() {
        alone(|system, cpu| {
            map(cpu, pages(1, 2), Prot::NONE, None);
            assert_eq!(cpu.mlock(pages(1, 2)), Err(Errno::Nomem));
            assert_eq!(cpu.mprotect(pages(1, 2), Prot::RW), Ok(()));
            assert!(
                present(system, 1) && present(system, 2),
                "they are brought in"
            );
            map(cpu, pages(5, 3), Prot::R, Some((0, false)));
            assert_eq!(
                cpu.mlock(pages(5, 3)),
                Err(Errno::Nomem),
                "the file ends before"
            );
            assert_eq!([5, 6, 7].map(|at| present(system, at)), [true, true, false]);
            assert_eq!(cpu.mprotect(pages(5, 3), Prot::RW), Ok(()));
            assert!(system.page(MmId::MAIN, Vpn(5)).dirty, "it is a copy");
        });
    }

    #[test]
    fn a_page_of_a_file_stays_for_a_locked_mapping() {
        alone(|_, cpu| {
            map(cpu, pages(1, 1), Prot::RW, Some((0, true)));
            map(cpu, pages(5, 1), Prot::R, Some((0, true)));
            assert_eq!(cpu.mlock(pages(5, 1)), Ok(()));
            cpu.reclaim(Vpn(1)).expect("it always may");
            assert_eq!(cpu.mincore(pages(1, 1)), Ok(1));
            assert_eq!(cpu.munlock(pages(5, 1)), Ok(()));
            cpu.reclaim(Vpn(1)).expect("it always may");
            assert_eq!(cpu.mincore(pages(1, 1)), Ok(0));
            cpu.truncate(FileId(0), 0).expect("it always may");
        });
    }

    #[test]
    fn it_moves_grows_and_is_not_inherited() {
        alone(|system, cpu| {
            const CHILD: MmId = MmId(1);
            map(cpu, pages(1, 2), Prot::RW, None);
            assert_eq!(cpu.mlock(pages(1, 1)), Ok(()));
            assert_eq!(cpu.mremap(pages(1, 1), pages(5, 2), false), Ok(()));
            assert!(present(system, 5) && present(system, 6), "the new page too");
            assert_eq!(cpu.madvise_dontneed(pages(6, 1)), Err(Errno::Inval));
            assert_eq!(cpu.mremap(pages(6, 1), pages(9, 1), true), Ok(()));
            let dropped = |cpu: &mut Cpu<'_, Alone>, at| cpu.madvise_dontneed(pages(at, 1));
            let kept = Err(Errno::Inval);
            assert_eq!([5, 6, 9].map(|at| dropped(cpu, at)), [kept, Ok(()), kept]);
            // It moves to where it is one with what it leaves.
            assert_eq!(cpu.mremap(pages(9, 1), pages(10, 1), true), Ok(()));
            assert_eq!([9, 10].map(|at| dropped(cpu, at)), [Ok(()), kept]);
            cpu.fork(CHILD).expect("there is memory");
            let of_child = cpu.within(CHILD, |cpu| [5, 6, 10].map(|at| dropped(cpu, at)));
            assert_eq!(of_child, [Ok(()); 3]);
            cpu.exit_mm(CHILD);
        });
    }
}
