//! The page cache of a file whose length changes or which is read from a disk, and the mappings of that file.
//!
//! ```text
//! a fault        page lock: index < size? page there, or a new one --> ptl: entry set --> page lock is left
//! truncate       inode lock: size --> i_mmap: entries behind it go --> each page: page lock, no writeback, its entries go,
//!                it leaves the cache --> i_mmap: entries go again
//! writeback      page lock: dirty? --> i_mmap, ptl: entries cleaned, flushed --> page lock is left --> written
//! mmap, fork     VMA --> i_mmap --> entries
//! munmap         entries go --> i_mmap --> page tables go
//! ```
//!
//! # Invariants
//! - T1: an entry of a file's page comes under the lock of the page's index, while the page is in the cache. So once a
//!   page was taken out under that lock, and its entries are gone, none comes any more.
//! - T2: a private mapping's copy of a page comes under the same lock. A copy that came between the first time that
//!   `truncate` removes entries and the lock goes by the second time.
//! - T3: the size is set before any entry goes, and read under the page's lock: a fault that finds the old size comes
//!   before `truncate` takes that lock.
//! - T4: a VMA that has entries, or can get some, is in `i_mmap`, and so are the two places of a page that moves:
//!   it is in there before an entry comes and until its entries are gone.
//! - T5: the page tables of a VMA in `i_mmap` stay: `munmap` frees them when the VMA is out.
//!
//! # Lock order
//! See [`space`](crate::mm::space): the inode lock, or a mmap lock, then the lock of a page, then `i_mmap`, then those
//! of page tables.
//!
//! # Linux
//! mm/filemap.c: `filemap_fault()`, "Lock ordering"; mm/shmem.c: `shmem_get_folio_gfp()`; `struct address_space`.
//! Changed: the lock is that of an index, whether a page is there or not, so that a fault looks the page up under it,
//! where Linux looks it up by RCU, locks it, and looks whether it is still the file's; and a new page is added under
//! it. Dropped: the trylocks of `filemap_map_pages()`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ghost::lock_events::{Held, LockEvents};
use crate::mm::page_lock::{PageLock, PageLocked};
use crate::orderings;
use crate::platform::{Mutex, Platform, RwLock, Word};
use crate::types::addr::{PageRange, Vpn};
use crate::types::event::LockClass;
use crate::types::ids::{CpuId, MmId, Pfn};

/// The pages of a file, and who maps them. Linux: `struct address_space`, and the inode's `i_size`.
pub(crate) struct PageCache<P: Platform> {
    /// The file's number.
    file: usize,
    /// The frames that stand for its blocks on a disk begin here; none if all of it is in memory.
    disk: Option<Pfn>,
    /// Whether its pages are written back to the disk. Linux: `mapping_can_writeback()`.
    writes_back: bool,
    /// So many pages it has. Linux: `i_size`.
    size: P::Word,
    /// What `size` is. Linux: `i_rwsem`.
    inode: P::Mutex<u32>,
    slots: Box<[Slot<P>]>,
    i_mmap: Links<P>,
}

/// The place of one page.
struct Slot<P: Platform> {
    /// Linux: `folio_lock()`.
    lock: PageLock<P>,
    /// Held while the page is written to the disk, where it is. Linux: `PG_writeback`.
    writeback: Option<P::Mutex<()>>,
    /// The frame; zero if there is none yet, or any more. With [`UPTODATE`] once it was read.
    pfn: P::Word,
}

/// A bit above the numbers of frames: the page holds what the file does. Linux: `PG_uptodate`.
const UPTODATE: u64 = 1 << 32;

/// A page that is in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cached {
    /// Its frame.
    pub pfn: Pfn,
    /// Whether it holds what the file does, or is still to be read.
    pub is_uptodate: bool,
}

impl Cached {
    /// From the word of its slot.
    fn of(word: u64) -> Option<Cached> {
        let pfn = word as u32;
        (pfn != 0).then_some(Cached {
            pfn: Pfn(pfn),
            is_uptodate: word & UPTODATE != 0,
        })
    }
}

/// A VMA that maps the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its address space.
    pub mm: MmId,
    /// Its pages.
    pub range: PageRange,
    /// The page of the file that its first page shows. Linux: `vm_pgoff`.
    pub first: u32,
    /// Whether its pages stay in memory. Linux: `VM_LOCKED`.
    pub locked: bool,
}

impl Link {
    /// The pages that show the file from `index` on. Linux: `vma_interval_tree_foreach()`.
    pub fn behind(self, index: u32) -> PageRange {
        let skipped = u64::from(index.saturating_sub(self.first));
        let start = self.range.start.0.saturating_add(skipped);
        PageRange::new(Vpn(start.min(self.range.end.0)), self.range.end)
    }

    /// The page that shows the file's page `index`; none if there is no such page.
    pub fn page(self, index: u32) -> PageRange {
        match index < self.first {
            true => PageRange::new(self.range.start, self.range.start),
            false => {
                let behind = self.behind(index);
                let end = behind.end.0.min(behind.start.0 + 1);
                PageRange::new(behind.start, Vpn(end))
            }
        }
    }
}

/// A page's lock, held.
pub(crate) struct PageGuard<'a, P: Platform> {
    cache: &'a PageCache<P>,
    index: u32,
    held: Held<P, PageLocked<'a, P>>,
}

impl<P: Platform> PageGuard<'_, P> {
    /// The page, if there is one.
    pub fn page(&self) -> Option<Cached> {
        self.cache.page(self.index)
    }

    /// Adds a page where none is, which is to be read or not. The caller's reference becomes that of the cache.
    /// Linux: `shmem_add_to_page_cache()`, `filemap_add_folio()`.
    pub fn add(&self, page: Cached) {
        self.cache.set(self.index, page);
    }

    /// Leaves the lock. Linux: `folio_unlock()`.
    pub fn unlock(self) {
        self.held.unlock();
    }
}

/// A page is being written to the disk, by the CPU that has this. Leaving it is Linux's `folio_end_writeback()`.
pub(crate) type WritebackGuard<'a, P> =
    Held<P, <<P as Platform>::Mutex<()> as Mutex<()>>::Guard<'a>>;

/// The lock of the inode, held.
pub(crate) struct InodeGuard<'a, P: Platform> {
    cache: &'a PageCache<P>,
    held: Held<P, <P::Mutex<u32> as Mutex<u32>>::Guard<'a>>,
}

impl<P: Platform> InodeGuard<'_, P> {
    /// The size.
    pub fn size(&self) -> u32 {
        *self.held.guard
    }

    /// Sets the size. Linux: `i_size_write()`.
    pub fn set_size(&mut self, size: u32) {
        *self.held.guard = size;
        self.cache
            .size
            .store(u64::from(size), orderings::FILE_SIZE_WRITE);
    }

    /// Leaves the lock. Linux: `inode_unlock()`.
    pub fn unlock(self) {
        self.held.unlock();
    }
}

/// The VMAs that map a file, in `i_mmap`.
type Links<P> = <P as Platform>::RwLock<Vec<Link>>;

/// `i_mmap`, held for reading: no VMA comes, or goes.
pub(crate) struct IMmapRead<'a, P: Platform> {
    held: Held<P, <Links<P> as RwLock<Vec<Link>>>::ReadGuard<'a>>,
}

impl<P: Platform> IMmapRead<'_, P> {
    /// The VMAs, in the order in which they came.
    pub fn links(&self) -> Vec<Link> {
        self.held.guard.clone()
    }

    /// Leaves the lock. Linux: `i_mmap_unlock_read()`.
    pub fn unlock(self) {
        self.held.unlock();
    }
}

/// `i_mmap`, held for writing.
pub(crate) struct IMmapWrite<'a, P: Platform> {
    held: Held<P, <Links<P> as RwLock<Vec<Link>>>::WriteGuard<'a>>,
}

impl<P: Platform> IMmapWrite<'_, P> {
    /// A VMA comes: it is visited after all that are there. `fork` and `mremap` need that: pages go from those that
    /// are there to the new one meanwhile. Linux: `vma_interval_tree_insert_after()`.
    /// `first`: it is visited before all others instead (a quirk).
    pub fn link(&mut self, link: Link, first: bool) {
        if !self.held.guard.contains(&link) {
            let at = if first { 0 } else { self.held.guard.len() };
            self.held.guard.insert(at, link);
        }
    }

    /// A VMA goes. Linux: `vma_interval_tree_remove()`.
    pub fn unlink(&mut self, link: Link) {
        self.held.guard.retain(|other| *other != link);
    }

    /// Leaves the lock. Linux: `i_mmap_unlock_write()`.
    pub fn unlock(self) {
        self.held.unlock();
    }
}

impl<P: Platform> PageCache<P> {
    /// That of file number `file`, which has the pages `start` on, `len` of them, and never has more. `uncached`: these are
    /// its blocks on a disk, and none of its pages is in the cache. `writes_back`: if so, pages are written there. `tried`: their locks
    /// are tried, too.
    pub fn new(
        file: usize,
        start: Pfn,
        len: u32,
        uncached: bool,
        writes_back: bool,
        tried: bool,
    ) -> PageCache<P> {
        let writes_back = uncached && writes_back;
        let first = |index: u32| match uncached {
            true => 0,
            false => UPTODATE | u64::from(start.0 + index),
        };
        let slot = |index: u32| Slot {
            lock: PageLock::new(tried),
            writeback: writes_back.then(|| P::Mutex::new(()).called("PG_writeback")),
            pfn: P::Word::new(first(index)).called("page_cache"),
        };
        PageCache {
            file,
            disk: uncached.then_some(start),
            writes_back,
            size: P::Word::new(u64::from(len)).called("i_size"),
            inode: P::Mutex::new(len).called("i_rwsem"),
            slots: (0..len).map(slot).collect(),
            i_mmap: P::RwLock::new(Vec::new()).called("i_mmap_rwsem"),
        }
    }

    /// How many pages the file has. Linux: `i_size_read()`.
    pub fn size(&self) -> u32 {
        self.size.load(orderings::FILE_SIZE_READ) as u32
    }

    /// Whether the pages of the file are read from a disk.
    pub fn is_read(&self) -> bool {
        self.disk.is_some()
    }

    /// Whether pages of the file are written to its disk. Linux: `mapping_can_writeback()`.
    pub fn writes_back(&self) -> bool {
        self.writes_back
    }

    /// The frame that stands for the block of the page `index` on the disk, if there is one.
    pub fn block(&self, index: u32) -> Option<Pfn> {
        let start = self.disk?;
        ((index as usize) < self.slots.len()).then_some(Pfn(start.0 + index))
    }

    /// How many blocks the file has on a disk.
    pub fn blocks(&self) -> usize {
        self.disk.map_or(0, |_| self.slots.len())
    }

    /// The page `index`, if it is in the cache right now.
    pub fn page_racy(&self, index: u32) -> Option<Cached> {
        let slot = self.slots.get(index as usize)?;
        Cached::of(slot.pfn.load(orderings::PAGE_CACHE))
    }

    /// The same for a caller that has the page's lock, and is about to add the page or to take it out.
    pub fn page(&self, index: u32) -> Option<Cached> {
        let slot = self.slots.get(index as usize)?;
        Cached::of(slot.pfn.fetch_add(0, orderings::PAGE_CACHE))
    }

    /// What the page `index` is from now on. The caller has the page's lock.
    pub fn set(&self, index: u32, page: Cached) {
        let uptodate = if page.is_uptodate { UPTODATE } else { 0 };
        let slot = &self.slots[index as usize];
        let word = uptodate | u64::from(page.pfn.0);
        slot.pfn.swap(word, orderings::PAGE_CACHE);
    }

    /// Takes the page `index` out, if it is there. Its reference is the caller's then. Linux: `filemap_remove_folio()`.
    pub fn remove(&self, index: u32) -> Option<Pfn> {
        let slot = self.slots.get(index as usize)?;
        let page = Cached::of(slot.pfn.swap(0, orderings::PAGE_CACHE));
        page.map(|page| page.pfn)
    }

    /// Waits for the lock of the page `index`, for `cpu`. `None`: the file never has that page.
    /// Linux: `folio_lock()`.
    pub fn lock_page(&self, index: u32, cpu: CpuId) -> Option<PageGuard<'_, P>> {
        let slot = self.slots.get(index as usize)?;
        let held =
            LockEvents::new(cpu, LockClass::Page, self.instance(index)).wait(|| slot.lock.lock());
        Some(PageGuard {
            cache: self,
            index,
            held,
        })
    }

    /// Takes the lock of the page `index` for `cpu`, if it is free. `None` as well if the file never has that page.
    /// Linux: `folio_trylock()`.
    pub fn try_lock_page(&self, index: u32, cpu: CpuId) -> Option<PageGuard<'_, P>> {
        let slot = self.slots.get(index as usize)?;
        let events = LockEvents::new(cpu, LockClass::Page, self.instance(index));
        let held = events.attempt(|| slot.lock.try_lock())?;
        Some(PageGuard {
            cache: self,
            index,
            held,
        })
    }

    /// Waits until the page `index` is not being written, for `cpu`, which begins to write it, or to wait. `None`: no page
    /// of the file is ever written. Linux: `folio_wait_writeback()`, `folio_start_writeback()`.
    pub fn writeback(&self, index: u32, cpu: CpuId) -> Option<WritebackGuard<'_, P>> {
        let lock = self.slots.get(index as usize)?.writeback.as_ref()?;
        let held =
            LockEvents::new(cpu, LockClass::Writeback, self.instance(index)).wait(|| lock.lock());
        Some(held)
    }

    /// Waits until the page `index` is not being written, for `cpu`. Linux: `folio_wait_writeback()`.
    pub fn wait_for_writeback(&self, index: u32, cpu: CpuId) {
        if let Some(writeback) = self.writeback(index, cpu) {
            writeback.unlock();
        }
    }

    /// The number of the page `index` among those of all files.
    fn instance(&self, index: u32) -> u64 {
        (self.file as u64) << 32 | u64::from(index)
    }

    /// Waits for the lock of the inode, for `cpu`. Linux: `inode_lock()`.
    pub fn lock_inode(&self, cpu: CpuId) -> InodeGuard<'_, P> {
        let held =
            LockEvents::new(cpu, LockClass::Inode, self.file as u64).wait(|| self.inode.lock());
        InodeGuard { cache: self, held }
    }

    /// Waits until no VMA comes or goes, for `cpu`. Linux: `i_mmap_lock_read()`.
    pub fn i_mmap_read(&self, cpu: CpuId) -> IMmapRead<'_, P> {
        let held =
            LockEvents::new(cpu, LockClass::IMmap, self.file as u64).wait(|| self.i_mmap.read());
        IMmapRead { held }
    }

    /// Waits for the lock under which VMAs come and go, for `cpu`. Linux: `i_mmap_lock_write()`.
    pub fn i_mmap_write(&self, cpu: CpuId) -> IMmapWrite<'_, P> {
        let held =
            LockEvents::new(cpu, LockClass::IMmap, self.file as u64).wait(|| self.i_mmap.write());
        IMmapWrite { held }
    }

    /// The pages that are in the cache, and the VMAs. No CPU runs any more.
    pub fn at_rest(&self) -> (Vec<(u32, Pfn)>, Vec<Link>) {
        let pages = (0..).zip(&self.slots).filter_map(|(index, slot)| {
            let page = Cached::of(slot.pfn.load(orderings::AT_REST))?;
            Some((index, page.pfn))
        });
        (pages.collect(), self.i_mmap.read().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_platform::Alone;

    #[test]
    fn a_link_knows_which_pages_show_what() {
        let range = |start, end| PageRange::new(Vpn(start), Vpn(end));
        let link = Link {
            locked: false,
            mm: MmId::MAIN,
            range: range(10, 13),
            first: 2,
        };
        assert_eq!(
            [0, 2, 3, 5, 9].map(|index| link.behind(index)),
            [(10, 13), (10, 13), (11, 13), (13, 13), (13, 13)].map(|(s, e)| range(s, e))
        );
        assert_eq!(
            [2, 4].map(|index| link.page(index)),
            [range(10, 11), range(12, 13)]
        );
        assert!([1, 5].iter().all(|&index| link.page(index).is_empty()));
    }

    #[test]
    fn a_page_is_taken_out_once() {
        let cache = PageCache::<Alone>::new(0, Pfn(7), 2, false, false, false);
        let read = |pfn| Cached {
            pfn: Pfn(pfn),
            is_uptodate: true,
        };
        assert_eq!(
            [0, 1, 2].map(|index| cache.page_racy(index)),
            [Some(read(7)), Some(read(8)), None]
        );
        assert_eq!(cache.remove(0), Some(Pfn(7)));
        assert_eq!(cache.remove(0), None);
        assert_eq!(cache.remove(1), Some(Pfn(8)));
        let page = cache.lock_page(1, CpuId(0)).expect("it may have it");
        page.add(read(3));
        assert_eq!(page.page(), Some(read(3)));
        page.unlock();
        assert!(cache.lock_page(2, CpuId(0)).is_none());
        assert_eq!(cache.at_rest().0, [(1, Pfn(3))]);
        assert_eq!([0, 1].map(|index| cache.block(index)), [None; 2]);
    }

    #[test]
    fn a_file_on_a_disk_has_no_page_at_first() {
        let cache = PageCache::<Alone>::new(0, Pfn(7), 2, true, false, false);
        assert_eq!([0, 1].map(|index| cache.page_racy(index)), [None; 2]);
        assert_eq!(
            [0, 1, 2].map(|index| cache.block(index)),
            [Some(Pfn(7)), Some(Pfn(8)), None]
        );
        let page = cache.lock_page(1, CpuId(0)).expect("it may have it");
        let unread = Cached {
            pfn: Pfn(3),
            is_uptodate: false,
        };
        page.add(unread);
        assert_eq!(page.page(), Some(unread));
        assert_eq!(cache.remove(1), Some(Pfn(3)));
        page.unlock();
    }
}
