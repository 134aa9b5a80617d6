//! Files: pages that processes share, at however many places, or have copies of.
//!
//! A file is of memfd kind, whose pages are in memory, or on a disk, from which they are read. Where all are in memory,
//! and no step takes one away or makes a file longer, a fault finds its page without a lock or a wait, and the page
//! cache is an array. Else each file has a [`PageCache`](crate::mm::page_cache::PageCache).
//!
//! # Invariants
//! - F1: a file has a reference of each of its pages, so that none is free until the file is made shorter; each entry
//!   has one more (M1).
//! - F2: a write through a shared mapping goes to the file's page as it is. One through a private mapping goes to a copy,
//!   which belongs to that mapping like any anonymous page: no entry of a private mapping lets writes through to a
//!   file's page.
//!
//! # Linux
//! mm/shmem.c: `shmem_fault()`, `shmem_get_folio_gfp()`; mm/filemap.c, `filemap_fault()`: behind the end of the
//! file a fault is SIGBUS; mm/memory.c, `do_cow_fault()`. Dropped: swap; the page lock where no file changes its length.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::mm::page_cache::{Link, PageCache};
use crate::platform::Platform;
use crate::types::addr::{PageRange, Vpn};
use crate::types::config::{Config, FileStart};
use crate::types::ids::{FileId, FilePage, MmId, Pfn};

/// The files of a machine.
pub(crate) struct Files<P: Platform> {
    files: Box<[File<P>]>,
    /// The memory of the device that a driver maps, if there is one.
    device: Option<usize>,
}

struct File<P: Platform> {
    /// The frame of its first page; the others follow.
    start: Pfn,
    /// How many pages it has at first.
    len: u32,
    /// Its page cache, if files change their length, or one is on a disk.
    cache: Option<PageCache<P>>,
}

/// What a file has where a mapping shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing: it is behind the end.
    Nothing,
    /// Zeros, for which there is no page yet.
    Hole,
    /// What this block of a disk holds, which is still to be read.
    Block(Pfn),
    /// A page.
    Page(Pfn),
}

impl Shown {
    /// The page, if there is one.
    pub fn page(self) -> Option<Pfn> {
        match self {
            Shown::Nothing | Shown::Hole | Shown::Block(_) => None,
            Shown::Page(pfn) => Some(pfn),
        }
    }

    /// The frame that holds its word, in memory or on a disk; none where it is zero.
    pub fn content(self) -> Option<Pfn> {
        match self {
            Shown::Nothing | Shown::Hole => None,
            Shown::Block(pfn) | Shown::Page(pfn) => Some(pfn),
        }
    }
}

/// Which page of which file a mapping shows at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileMap {
    /// The file's number, below 2^26.
    file: u32,
    /// The page of address 0, modulo 2^32.
    base: u32,
}

/// What backs the pages of a VMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backing {
    /// Memory that no file backs: zeros, until it is written.
    Anonymous,
    /// The same, and faults below it extend it. Linux: `VM_GROWSDOWN`.
    Stack,
    /// A file, whose pages all who map them share. Linux: `VM_SHARED`.
    Shared(FileMap),
    /// A file, each page until it is written, and then a copy of it.
    Private(FileMap),
    /// A driver's device: its memory is the last file.
    Driver(FileMap),
}

/// The bits that tell what the others stand for.
const KIND_BITS: u32 = 2;
const SHARED: u64 = 1;
const PRIVATE: u64 = 2;
const DRIVER: u64 = 3;
/// What backs a stack: none of the kinds above.
const STACK: u64 = 1 << KIND_BITS;

impl Backing {
    /// As bits of a word; none for anonymous memory.
    pub const fn bits(self) -> u64 {
        match self {
            Backing::Anonymous => 0,
            Backing::Stack => STACK,
            Backing::Shared(map) => map.bits() << KIND_BITS | SHARED,
            Backing::Private(map) => map.bits() << KIND_BITS | PRIVATE,
            Backing::Driver(map) => map.bits() << KIND_BITS | DRIVER,
        }
    }

    /// From bits that [`Backing::bits`] gave.
    pub const fn from_bits(bits: u64) -> Backing {
        let map = FileMap::from_bits(bits >> KIND_BITS);
        match bits & ((1 << KIND_BITS) - 1) {
            SHARED => Backing::Shared(map),
            PRIVATE => Backing::Private(map),
            DRIVER => Backing::Driver(map),
            _ if bits == STACK => Backing::Stack,
            _ => Backing::Anonymous,
        }
    }

    /// Whether it is a driver's memory. Linux: `VM_PFNMAP`.
    pub const fn is_device(self) -> bool {
        matches!(self, Backing::Driver(_))
    }

    /// Whether no file backs it.
    pub const fn is_anonymous(self) -> bool {
        matches!(self, Backing::Anonymous | Backing::Stack)
    }

    /// The file, if it is one, or a device's memory.
    pub const fn file(self) -> Option<FileMap> {
        match self {
            Backing::Anonymous | Backing::Stack => None,
            Backing::Shared(map) | Backing::Private(map) | Backing::Driver(map) => Some(map),
        }
    }

    /// Whether it is a file.
    pub const fn is_file(self) -> bool {
        self.file().is_some()
    }

    /// That of the same pages if they are moved from `from` to `to`.
    pub fn moved(self, from: Vpn, to: Vpn) -> Backing {
        match self {
            Backing::Anonymous | Backing::Stack => self,
            Backing::Shared(map) => Backing::Shared(map.moved(from, to)),
            Backing::Private(map) => Backing::Private(map.moved(from, to)),
            Backing::Driver(map) => Backing::Driver(map.moved(from, to)),
        }
    }
}

impl FileMap {
    /// The page of the file that is shown at `vpn`.
    const fn index(self, vpn: Vpn) -> u32 {
        self.base.wrapping_add(vpn.0 as u32)
    }

    /// That of a file's page `index` at `vpn`.
    fn new(file: usize, index: u32, vpn: Vpn) -> FileMap {
        FileMap {
            file: u32::try_from(file).expect("each file takes memory"),
            base: index.wrapping_sub(vpn.0 as u32),
        }
    }

    /// As 59 bits of a word.
    const fn bits(self) -> u64 {
        (self.base as u64) << 26 | self.file as u64
    }

    /// From bits that [`FileMap::bits`] gave.
    const fn from_bits(bits: u64) -> FileMap {
        FileMap {
            file: bits as u32 & ((1 << 26) - 1),
            base: (bits >> 26) as u32,
        }
    }

    /// What shows the same pages if it is moved from `from` to `to`.
    pub fn moved(self, from: Vpn, to: Vpn) -> FileMap {
        let up = (to.0 as u32).wrapping_sub(from.0 as u32);
        FileMap {
            base: self.base.wrapping_sub(up),
            ..self
        }
    }
}

impl<P: Platform> Files<P> {
    /// These files, whose frames, or blocks on a disk, follow each other from `start` on. `change_length`: they may have
    /// fewer pages one day. The memory of the machine's device comes behind them.
    pub fn new(start: Pfn, files: &[FileStart], change_length: bool, config: &Config) -> Files<P> {
        let mut next = start.0;
        let (device_pages, writes_back) = (config.device_pages, config.writes_back);
        let tried = config.protocol.fault_around;
        let has_caches = change_length || tried || files.iter().any(|file| file.uncached);
        let mut files: Vec<File<P>> = files
            .iter()
            .enumerate()
            .map(|(number, file)| {
                let len = u32::try_from(file.words.len()).expect("a short file");
                let start = Pfn(next);
                next += len;
                let cache =
                    || PageCache::new(number, start, len, file.uncached, writes_back, tried);
                let cache = has_caches.then(cache);
                File { start, len, cache }
            })
            .collect();
        let device = (device_pages > 0).then_some(files.len());
        files.extend(device.map(|_| File {
            start: Pfn(next),
            len: device_pages,
            cache: None,
        }));
        Files {
            files: files.into(),
            device,
        }
    }

    /// What shows the device at `vpn`, from its first page on.
    ///
    /// # Panics
    /// If there is none.
    pub fn map_device(&self, vpn: Vpn) -> FileMap {
        let device = self
            .device
            .expect("a machine knows from the start of its device");
        FileMap::new(device, 0, vpn)
    }

    /// The frames of the device's pages.
    pub fn device(&self) -> impl Iterator<Item = Pfn> {
        let device = self.device.map(|device| &self.files[device]);
        device
            .into_iter()
            .flat_map(|device| (device.start.0..device.start.0 + device.len).map(Pfn))
    }

    /// What shows `page` at `vpn`, and the file's following pages behind that.
    ///
    /// # Panics
    /// If no file has it.
    pub fn map(&self, page: FilePage, vpn: Vpn) -> FileMap {
        let (FileId(file), index) = self.find(page);
        FileMap::new(file, index, vpn)
    }

    /// The file that has `page`, and which of its pages that is.
    ///
    /// # Panics
    /// If no file has it.
    pub fn find(&self, page: FilePage) -> (FileId, u32) {
        let mut index = page.0;
        for (file, found) in self.files.iter().enumerate() {
            if index < found.len {
                return (FileId(file), index);
            }
            index -= found.len;
        }
        panic!("no file has {page:?}")
    }

    /// What is shown at `vpn`. If files change their length, it may be another page by now.
    pub fn shown(&self, map: FileMap, vpn: Vpn) -> Shown {
        let file = &self.files[map.file as usize];
        let index = map.index(vpn);
        match &file.cache {
            None if index < file.len => Shown::Page(Pfn(file.start.0 + index)),
            Some(cache) if index < cache.size() => match cache.page_racy(index) {
                Some(page) if page.is_uptodate => Shown::Page(page.pfn),
                _ => cache.block(index).map_or(Shown::Hole, Shown::Block),
            },
            _ => Shown::Nothing,
        }
    }

    /// Whether files have page caches: one changes its length, or is on a disk, or faults look there for more than they need.
    pub fn have_caches(&self) -> bool {
        self.caches().next().is_some()
    }

    /// The page caches: all files have one, or none has.
    pub fn caches(&self) -> impl Iterator<Item = &PageCache<P>> {
        self.files.iter().filter_map(|file| file.cache.as_ref())
    }

    /// The page cache of `file`.
    ///
    /// # Panics
    /// If there is no such file, or files have none.
    pub fn cache(&self, file: FileId) -> &PageCache<P> {
        let cache = self.files[file.0].cache.as_ref();
        cache.expect("a machine knows from the start whether files change their length")
    }

    /// Whether pages of the file that `map` shows are written to a disk. Linux: `mapping_can_writeback()`.
    pub fn writes_back(&self, map: FileMap) -> bool {
        let cache = self.files[map.file as usize].cache.as_ref();
        cache.is_some_and(PageCache::writes_back)
    }

    /// The page cache of the file that `map` shows, and the page of the file that it shows at `vpn`. `None` if files have
    /// none.
    pub fn cached(&self, map: FileMap, vpn: Vpn) -> Option<(&PageCache<P>, u32)> {
        let cache = self.files[map.file as usize].cache.as_ref()?;
        Some((cache, map.index(vpn)))
    }

    /// What `i_mmap` has of a VMA at `range` of `mm`, and which file's. `None` if it has nothing of it.
    pub fn link(
        &self,
        mm: MmId,
        range: PageRange,
        backing: Backing,
        locked: bool,
    ) -> Option<(FileId, Link)> {
        let map = backing.file()?;
        let (_, first) = self.cached(map, range.start)?;
        let link = Link {
            mm,
            range,
            first,
            locked,
        };
        Some((FileId(map.file as usize), link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_platform::Alone;

    #[test]
    fn a_mapping_shows_its_file_up_to_the_end() {
        let files = [2, 3].map(|len| FileStart::in_memory(alloc::vec![0; len]));
        let files = Files::<Alone>::new(Pfn(10), &files, false, &Config::small(1));
        let map = files.map(FilePage(3), Vpn(100));
        let shown = |map, vpn| files.shown(map, Vpn(vpn)).page();
        assert_eq!(
            [99, 100, 101, 102].map(|vpn| shown(map, vpn)),
            [Some(Pfn(12)), Some(Pfn(13)), Some(Pfn(14)), None]
        );
        let moved = map.moved(Vpn(100), Vpn(7));
        assert_eq!(
            [7, 8, 9].map(|vpn| shown(moved, vpn)),
            [Some(Pfn(13)), Some(Pfn(14)), None]
        );
        assert_eq!(FileMap::from_bits(moved.bits()), moved);
        assert_ne!(moved, map);
        assert_eq!(moved.moved(Vpn(7), Vpn(100)), map);
    }
}
