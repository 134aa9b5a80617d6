//! Pages of files that are on a disk are read when a fault needs them.
//!
//! ```text
//!                 page lock: added          page lock: read
//!  no page  ---------------------->  to be read  ------->  uptodate  --> the fault maps it, under the page lock
//!     ^                                  |                     |
//!     +----------------------------------+---------------------+
//!                page lock: truncate takes it out, and the block becomes zeros
//! ```
//! A fault that finds no page that is uptodate waits for one ([`Cpu::after_io`]): it adds the page, takes its lock, and
//! reads it, unless it finds then that another CPU has read it, or that the page has gone. What it holds meanwhile is the
//! choice `io_wait`:
//!
//! ```text
//!  retry      the lock of the VMA, or the mmap lock, is left --> I/O --> the fault starts again, under the mmap lock
//!             the second time under that lock, it waits with the lock held
//!  hold_vma   I/O under the lock of the VMA, or the mmap lock --> the page is mapped
//! ```
//!
//! # Invariants
//! - I1: a page is mapped only if it was found uptodate under its lock, in which the fault stays until the entry is set (T1).
//! - I2: a page is read only by the CPU that has its lock, while it is in the cache and not uptodate: so no CPU stores to it
//!   yet, as no entry has it, and none takes it out.
//! - I3: an index has one page at a time: it is added under the lock of the index.
//! - I4: after I/O without locks, nothing of the old VMA is used: the fault looks it up again. What it keeps is the file.
//! - I5: the size is looked at under the page's lock before a page is added, so that none comes behind the end for good (T3),
//!   and the block becomes zeros under that lock, after the page went.
//!
//! Whether a page is uptodate is looked at without its lock only to decide what to wait for, and by `mincore`: no CPU uses
//! a page for that alone, so that the page's lock orders the content. (Linux: `filemap_map_pages()` takes the lock too, if
//! it is free. What does without is `read(2)`, which is not modelled.)
//!
//! # Linux
//! mm/filemap.c: `filemap_fault()`, `maybe_unlock_mmap_for_io()`, `lock_folio_maybe_drop_mmap()`, `filemap_read_folio()`,
//! `__filemap_get_folio()` with `FGP_FOR_MMAP`, which leaves the lock of a page that it has added; arch/x86/mm/fault.c,
//! `do_user_addr_fault()`: `VM_FAULT_RETRY`. Kept: after a fault under the VMA's lock the retry is under the mmap lock, and
//! counts as the first try there if the page was in the cache already (`VM_FAULT_MAJOR`). Changed: the lock is left before the
//! page is added, as where Linux reads ahead; a page that is locked and uptodate is waited for with locks held, as its lock is
//! not held over I/O. Dropped: reading ahead, errors of I/O, and the mapping's `invalidate_lock` (I5 stands for it).

use crate::mm::cpu::Cpu;
use crate::mm::fault::{Attempt, Await, Handled, Outcome, Started, Wanted};
use crate::mm::page_cache::{Cached, PageCache};
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::Vpn;
use crate::types::counters::Counter;
use crate::types::error::Fault;
use crate::types::event::What;
use crate::types::prot::Access;
use crate::types::protocol::IoWait;
use crate::types::quirk::Quirk;

impl<P: Platform> Cpu<'_, P> {
    /// The fault of an access to the page `index` of a file that is on a disk, where nothing is mapped. The VMA is stable.
    /// Linux: `filemap_fault()`.
    pub(crate) fn fault_on_disk(
        &mut self,
        cache: &PageCache<P>,
        index: u32,
        vma: VmaCopy,
        at: (Vpn, Access),
        attempt: Attempt,
    ) -> Outcome {
        loop {
            let found = cache.page_racy(index);
            if self.uptodate(found).is_none() && index < cache.size() {
                if attempt == Attempt::First && self.sys.protocol().io_wait() == IoWait::Retry {
                    let is_new = found.is_none();
                    let slot = None;
                    return Ok(Handled::Again(Await::Page(Wanted { vma, slot, is_new })));
                }
                self.wait_for_io(cache, index, at.0)?;
            }
            let Some(page) = cache.lock_page(index, self.id()) else {
                return Err(Fault::Bus);
            };
            if index >= cache.size() {
                page.unlock();
                return Err(Fault::Bus);
            }
            match self.uptodate(page.page()) {
                Some(found) => return self.map_locked(page, Ok(found.pfn), vma, at),
                // It went meanwhile, and may have come again.
                None => page.unlock(),
            }
        }
    }

    /// The page that was found, if it was read. Linux: `folio_test_uptodate()`.
    pub(crate) fn uptodate(&self, found: Option<Cached>) -> Option<Cached> {
        // QUIRK(UptodateIgnored): proofs/file/mapped-before-it-is-read
        found.filter(|page| page.is_uptodate || self.sys.has(Quirk::UptodateIgnored))
    }

    /// A fault that has left all locks waits for the page that it needs. Linux: `filemap_fault()`, from
    /// `maybe_unlock_mmap_for_io()` on.
    pub(crate) fn after_io(&mut self, wanted: Wanted, vpn: Vpn, access: Access) -> Started {
        let sys = self.sys;
        let map = wanted.vma.backing.file();
        let of_file = map.and_then(|map| sys.files().cached(map, vpn));
        let read = match (wanted.slot, of_file) {
            (Some(slot), _) => self.wait_for_swap(slot, vpn),
            (None, Some((cache, index))) => self.wait_for_io(cache, index, vpn),
            (None, None) => Ok(()),
        };
        if let Err(fault) = read {
            return Started::Not(Err(fault));
        }
        // QUIRK(IoDropNoRestart): proofs/file/replaced-while-it-is-read
        if self.sys.has(Quirk::IoDropNoRestart) {
            return Started::Not(self.fault_stable(wanted.vma, vpn, access, Attempt::Tried));
        }
        self.count(Counter::Retries);
        // QUIRK(RetryNotNoted): proofs/file/retried-once
        Started::Again(match self.sys.has(Quirk::RetryNotNoted) {
            true => Attempt::First,
            false => Attempt::Tried,
        })
    }

    /// Waits until the page `index` was read, by this CPU or another one, unless it goes meanwhile.
    fn wait_for_io(&mut self, cache: &PageCache<P>, index: u32, vpn: Vpn) -> Result<(), Fault> {
        let read = self.read_in(cache, index, vpn);
        // Where it ends: whoever looks at the events knows by it how long a lock was held for I/O.
        self.count(Counter::IoWaits);
        read
    }

    /// Reads the page `index`, if no other CPU has. Linux: `__filemap_get_folio()`, `filemap_read_folio()`.
    fn read_in(&mut self, cache: &PageCache<P>, index: u32, vpn: Vpn) -> Result<(), Fault> {
        self.add_to_read(cache, index, vpn)?;
        // QUIRK(ReadLooksUpEarly): proofs/file/truncated-while-read
        let early = self.sys.has(Quirk::ReadLooksUpEarly);
        let found = early.then(|| cache.page_racy(index));
        let (Some(page), Some(block)) = (cache.lock_page(index, self.id()), cache.block(index))
        else {
            return Err(Fault::Bus);
        };
        let found = found.unwrap_or_else(|| page.page());
        let Some(unread) = found.filter(|page| !page.is_uptodate) else {
            page.unlock();
            return Ok(());
        };
        // QUIRK(PageReadUnlocked): proofs/file/read-under-its-lock
        let page = match self.sys.has(Quirk::PageReadUnlocked) {
            true => {
                page.unlock();
                None
            }
            false => Some(page),
        };
        let (from, to) = (block, unread.pfn);
        self.sys.frame(to).read_from(self.sys.frame(from));
        self.event(What::PageRead { vpn, from, to });
        let is_uptodate = true;
        let pfn = unread.pfn;
        cache.set(index, Cached { pfn, is_uptodate });
        if let Some(page) = page {
            page.unlock();
        }
        Ok(())
    }

    /// Adds the page `index`, if the file is so long and does not have it. Linux: `__filemap_get_folio()`.
    fn add_to_read(&mut self, cache: &PageCache<P>, index: u32, vpn: Vpn) -> Result<(), Fault> {
        // QUIRK(PageAddedTwice): proofs/file/two-read-one-page
        let early = self.sys.has(Quirk::PageAddedTwice);
        let found = early.then(|| cache.page_racy(index));
        let page = cache.lock_page(index, self.id()).ok_or(Fault::Bus)?;
        // QUIRK(ReadIgnoresSize): proofs/file/read-behind-the-end
        let is_there = index < cache.size() || self.sys.has(Quirk::ReadIgnoresSize);
        let found = found.unwrap_or_else(|| page.page());
        let added = match found {
            None if is_there => self.add_page(&page, vpn, false).map(|_| ()),
            _ => Ok(()),
        };
        page.unlock();
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::mmap::{MmapFile, MmapFlags};
    use crate::mm::cpu::CpuLocal;
    use crate::mm::system::System;
    use crate::test_platform::Alone;
    use crate::types::addr::PageRange;
    use crate::types::config::{Config, FileStart};
    use crate::types::ids::{CpuId, FileId, FilePage};
    use crate::types::prot::Prot;
    use crate::types::protocol::{FaultPath, Protocol};

    /// What `does` does on a machine that maps a file on a disk, of the words 5 and 6, at pages 1 and 2 shared and at 11 and
    /// 12 privately. All is in order afterwards.
    fn with_file(protocol: Protocol, does: impl FnOnce(&mut Cpu<'_, Alone>)) {
        let config = Config {
            protocol,
            ..Config::small(1)
        };
        let files = [FileStart {
            words: alloc::vec![5, 6],
            uncached: true,
        }];
        let system = System::<Alone>::with_files_of(config, &files, true);
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        for (start, shared) in [(1, true), (11, false)] {
            let file = Some(MmapFile {
                page: FilePage(0),
                shared,
            });
            let flags = MmapFlags {
                file,
                ..MmapFlags::default()
            };
            let mapped = cpu.mmap(pages(start, 2), Prot::RW, flags);
            mapped.expect("there is room");
        }
        does(&mut cpu);
        cpu.rcu_barrier();
        system.check_at_rest(core::slice::from_ref(&local));
    }

    fn pages(start: u64, len: u64) -> PageRange {
        PageRange::new(Vpn(start), Vpn(start + len))
    }

    fn counted(cpu: &Cpu<'_, Alone>) -> [u64; 2] {
        [Counter::IoWaits, Counter::Retries].map(|counter| cpu.local.counters.get(counter))
    }

    /// Each way to find a VMA, with each way to wait.
    fn protocols() -> impl Iterator<Item = Protocol> {
        let paths = [
            FaultPath::MmapLock,
            FaultPath::Spf,
            FaultPath::VmaLock,
            FaultPath::VmaRefcnt,
            FaultPath::RcuFault,
        ];
        let both = [IoWait::Retry, IoWait::HoldVma];
        paths.into_iter().flat_map(move |path| {
            both.map(|io_wait| Protocol {
                io_wait,
                ..Protocol::preset(path)
            })
        })
    }

    #[test]
    fn a_page_is_read_once() {
        for protocol in protocols() {
            let retries = u64::from(protocol.io_wait == IoWait::Retry);
            with_file(protocol, |cpu| {
                assert_eq!(cpu.mincore(pages(1, 2)), Ok(0));
                assert_eq!(cpu.sys.page(crate::MmId::MAIN, Vpn(1)).word, 5);
                assert_eq!(cpu.read(Vpn(1)), Ok(5));
                assert_eq!(counted(cpu), [1, retries], "{protocol}");
                assert_eq!(cpu.mincore(pages(11, 2)), Ok(1));
                assert_eq!(cpu.write(Vpn(11), 7), Ok(()));
                assert_eq!([1, 11].map(|vpn| cpu.read(Vpn(vpn))), [Ok(5), Ok(7)]);
                assert_eq!(counted(cpu), [1, retries], "it is in the cache now");
                assert_eq!(cpu.write(Vpn(12), 8), Ok(()));
                assert_eq!([2, 12].map(|vpn| cpu.read(Vpn(vpn))), [Ok(6), Ok(8)]);
                assert_eq!(counted(cpu), [2, 2 * retries], "{protocol}");
            });
        }
    }

    #[test]
    fn to_populate_is_to_read() {
        for protocol in protocols() {
            let retries = u64::from(protocol.io_wait == IoWait::Retry);
            with_file(protocol, |cpu| {
                assert_eq!(cpu.madvise_populate(pages(1, 2), Access::Write), Ok(()));
                assert_eq!(counted(cpu), [2, 2 * retries], "{protocol}");
                assert_eq!([1, 2].map(|vpn| cpu.read(Vpn(vpn))), [Ok(5), Ok(6)]);
                let faults = cpu.local.counters.get(Counter::Faults);
                assert_eq!(cpu.write(Vpn(2), 9), Ok(()));
                assert_eq!(cpu.local.counters.get(Counter::Faults), faults);
            });
        }
    }

    #[test]
    fn what_is_cut_off_is_read_as_zero() {
        for protocol in protocols() {
            with_file(protocol, |cpu| {
                assert_eq!(cpu.write(Vpn(1), 7), Ok(()));
                for len in [0, 1] {
                    cpu.truncate(FileId(0), len).expect("it always may");
                    let waits = counted(cpu)[0];
                    assert_eq!(cpu.read(Vpn(2)), Err(Fault::Bus));
                    assert_eq!(counted(cpu)[0], waits, "there is nothing to read");
                }
                cpu.truncate(FileId(0), 2).expect("it always may");
                assert_eq!([1, 12].map(|vpn| cpu.read(Vpn(vpn))), [Ok(0), Ok(0)]);
                assert_eq!(cpu.write(Vpn(2), 3), Ok(()));
                assert_eq!(cpu.read(Vpn(12)), Ok(3), "it shows the file still");
            });
        }
    }

    #[test]
    fn without_memory_nothing_is_read() {
        let files = [FileStart {
            words: alloc::vec![5],
            uncached: true,
        }];
        let config = Config {
            frames_per_cpu: 0,
            ..Config::small(1)
        };
        let system = System::<Alone>::with_files_of(config, &files, false);
        let mut local = CpuLocal::new(&system, CpuId(0));
        let mut cpu = Cpu::new(&system, &mut local);
        let file = Some(MmapFile {
            page: FilePage(0),
            shared: true,
        });
        let flags = MmapFlags {
            file,
            ..MmapFlags::default()
        };
        let mapped = cpu.mmap(pages(1, 1), Prot::RW, flags);
        mapped.expect("there is room");
        assert_eq!(cpu.read(Vpn(1)), Err(Fault::Bus));
        assert_eq!(cpu.mincore(pages(1, 1)), Ok(0));
        cpu.rcu_barrier();
        system.check_at_rest(core::slice::from_ref(&local));
    }
}
