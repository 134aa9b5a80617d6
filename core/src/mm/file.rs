//! Files: pages that processes share, at however many places, or have copies of.
//!
//! A file is of memfd kind: its pages are in memory from the start, and no step takes one away or makes the
//! file longer. So a fault finds its page without a lock or a wait, and the page cache is an array.
//!
//! # Invariants
//! - F1: a file has a reference of each of its pages, so that none is ever free; each entry has one more (M1).
//! - F2: a write through a shared mapping goes to the file's page as it is. One through a private mapping goes to a copy,
//!   which belongs to that mapping like any anonymous page: no entry of a private mapping lets writes through to a
//!   file's page.
//!
//! # Linux
//! mm/shmem.c: `shmem_fault()`, `shmem_get_folio_gfp()`; mm/filemap.c, `filemap_fault()`: behind the end of the
//! file a fault is SIGBUS; mm/memory.c, `do_cow_fault()`. Dropped: truncation, swap, and the page lock that they need.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::types::addr::Vpn;
use crate::types::ids::{FilePage, Pfn};

/// The files of a machine.
#[derive(Debug)]
pub(crate) struct Files {
    files: Box<[File]>,
}

#[derive(Debug)]
struct File {
    /// The frame of its first page; the others follow.
    start: Pfn,
    len: u32,
}

/// Which page of which file a mapping shows at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileMap {
    /// The file's number, below 2^27.
    file: u32,
    /// The page of address 0, modulo 2^32.
    base: u32,
}

/// What backs the pages of a VMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backing {
    /// Memory that no file backs: zeros, until it is written.
    Anonymous,
    /// A file, whose pages all who map them share. Linux: `VM_SHARED`.
    Shared(FileMap),
    /// A file, each page until it is written, and then a copy of it.
    Private(FileMap),
}

/// The bits that tell what the others stand for.
const KIND_BITS: u32 = 2;
const SHARED: u64 = 1;
const PRIVATE: u64 = 2;

impl Backing {
    /// As bits of a word; none for anonymous memory.
    pub const fn bits(self) -> u64 {
        match self {
            Backing::Anonymous => 0,
            Backing::Shared(map) => map.bits() << KIND_BITS | SHARED,
            Backing::Private(map) => map.bits() << KIND_BITS | PRIVATE,
        }
    }

    /// From bits that [`Backing::bits`] gave.
    pub const fn from_bits(bits: u64) -> Backing {
        let map = FileMap::from_bits(bits >> KIND_BITS);
        match bits & ((1 << KIND_BITS) - 1) {
            SHARED => Backing::Shared(map),
            PRIVATE => Backing::Private(map),
            _ => Backing::Anonymous,
        }
    }

    /// The file, if it is one.
    pub const fn file(self) -> Option<FileMap> {
        match self {
            Backing::Anonymous => None,
            Backing::Shared(map) | Backing::Private(map) => Some(map),
        }
    }

    /// Whether it is a file.
    pub const fn is_file(self) -> bool {
        self.file().is_some()
    }

    /// That of the same pages if they are moved from `from` to `to`.
    pub fn moved(self, from: Vpn, to: Vpn) -> Backing {
        match self {
            Backing::Anonymous => Backing::Anonymous,
            Backing::Shared(map) => Backing::Shared(map.moved(from, to)),
            Backing::Private(map) => Backing::Private(map.moved(from, to)),
        }
    }
}

impl FileMap {
    /// That of a file's page `index` at `vpn`.
    fn new(file: usize, index: u32, vpn: Vpn) -> FileMap {
        FileMap {
            file: u32::try_from(file).expect("each file takes memory"),
            base: index.wrapping_sub(vpn.0 as u32),
        }
    }

    /// As 59 bits of a word.
    const fn bits(self) -> u64 {
        (self.base as u64) << 27 | self.file as u64
    }

    /// From bits that [`FileMap::bits`] gave.
    const fn from_bits(bits: u64) -> FileMap {
        FileMap {
            file: bits as u32 & ((1 << 27) - 1),
            base: (bits >> 27) as u32,
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

impl Files {
    /// Files of so many pages each, whose frames follow each other from `start` on.
    pub fn new(start: Pfn, lens: impl Iterator<Item = usize>) -> Files {
        let mut next = start.0;
        let files: Vec<File> = lens
            .map(|len| {
                let len = u32::try_from(len).expect("a short file");
                let start = Pfn(next);
                next += len;
                File { start, len }
            })
            .collect();
        Files {
            files: files.into(),
        }
    }

    /// What shows `page` at `vpn`, and the file's following pages behind that.
    ///
    /// # Panics
    /// If no file has it.
    pub fn map(&self, page: FilePage, vpn: Vpn) -> FileMap {
        let mut index = page.0;
        for (file, found) in self.files.iter().enumerate() {
            if index < found.len {
                return FileMap::new(file, index, vpn);
            }
            index -= found.len;
        }
        panic!("no file has {page:?}")
    }

    /// The page that is shown at `vpn`; `None` behind the end of the file.
    pub fn page(&self, map: FileMap, vpn: Vpn) -> Option<Pfn> {
        let file = &self.files[map.file as usize];
        let index = map.base.wrapping_add(vpn.0 as u32);
        (index < file.len).then(|| Pfn(file.start.0 + index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_shows_its_file_up_to_the_end() {
        let files = Files::new(Pfn(10), [2, 3].into_iter());
        let map = files.map(FilePage(3), Vpn(100));
        let shown = |map, vpn| files.page(map, Vpn(vpn));
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
