//! What the kernel tells of a window: its VMAs and its page tables.
//!
//! Neither look touches a page. `/proc/self/maps` is asked VMA by VMA
//! (`PROCMAP_QUERY`, since Linux 6.11), or read as text where that is missing.

use std::fs::File;
use std::mem;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use super::arena::{Arena, PAGE, errno};
use seqfault_lang::subject::Rights;

/// A VMA of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vma {
    /// Its pages.
    pub pages: Range<usize>,
    /// What it allows.
    pub rights: Rights,
    /// What it maps of a file, if it maps one.
    pub(super) part: Option<Part>,
}

/// The part of a file that a VMA maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The file's inode.
    pub inode: u64,
    /// Which of the file's pages is the first.
    pub first: usize,
}

impl Part {
    /// From an inode, which is 0 where there is no file, and an offset in bytes.
    fn of(inode: u64, offset: u64) -> Option<Part> {
        let first = offset as usize / PAGE;
        (inode != 0).then_some(Part { inode, first })
    }
}

/// A VMA as the kernel tells it: its addresses, and the same as a [`Vma`] has.
type Told = (Range<usize>, Rights, Option<Part>);

/// An entry of `/proc/self/pagemap`.
///
/// Linux: pagemap_read(), fs/proc/task_mmu.c.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Entry(u64);

impl Entry {
    /// A page is mapped, the zero page included.
    pub fn is_present(self) -> bool {
        self.0 >> 63 & 1 == 1
    }

    /// The page is in swap.
    pub fn is_swapped(self) -> bool {
        self.0 >> 62 & 1 == 1 && !self.is_guard()
    }

    /// It is a guard page, whose marker shows as an entry of swap too. Linux: `PM_GUARD_REGION`, fs/proc/task_mmu.c, since 6.15.
    pub fn is_guard(self) -> bool {
        self.0 >> 58 & 1 == 1
    }

    /// The page belongs to this process alone; the zero page never does.
    pub fn is_exclusive(self) -> bool {
        self.0 >> 56 & 1 == 1
    }

    /// It was written to since soft-dirty bits were cleared.
    pub fn is_soft_dirty(self) -> bool {
        self.0 >> 55 & 1 == 1
    }

    /// The frame's number; 0 for a user that may not know it.
    pub fn frame(self) -> u64 {
        self.0 & ((1 << 55) - 1)
    }

    /// Userfaultfd write-protects it.
    pub fn is_wp(self) -> bool {
        self.0 >> 57 & 1 == 1
    }
}

/// The files that tell.
///
/// They are of the process that opened them: a child opens its own.
#[derive(Debug)]
pub struct Observer {
    maps: File,
    pagemap: File,
    has_query: bool,
}

impl Observer {
    /// Opens them.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn new() -> Result<Observer, String> {
        let open = |path: &str| File::open(path).map_err(|error| format!("{path} ({error})"));
        let mut observer = Observer {
            maps: open("/proc/self/maps")?,
            pagemap: open("/proc/self/pagemap")?,
            has_query: true,
        };
        observer.has_query = observer.query(0).is_ok();
        Ok(observer)
    }

    /// Whether `PROCMAP_QUERY` works.
    pub fn has_query(&self) -> bool {
        self.has_query
    }

    /// The VMAs of a window, from the lowest to the highest.
    pub fn vmas(&self, arena: &Arena, vmas: &mut Vec<Vma>) {
        vmas.clear();
        let (start, end) = (arena.address(0), arena.address(arena.len_pages()));
        self.each_vma(start..end, |(range, rights, part)| {
            let page = |address: usize| (address.clamp(start, end) - start) / PAGE;
            let pages = page(range.start)..page(range.end);
            vmas.push(Vma {
                pages,
                rights,
                part,
            });
        });
    }

    /// Shows the VMAs that overlap these addresses, from the lowest to the highest.
    pub(super) fn each_vma(&self, addresses: Range<usize>, mut show: impl FnMut(Told)) {
        if self.has_query {
            let mut from = addresses.start;
            while from < addresses.end
                && let Ok(Some(told)) = self.query(from)
                && told.0.start < addresses.end
            {
                from = told.0.end;
                show(told);
            }
        } else {
            let text = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
            for told in text.lines().filter_map(map_line) {
                if told.0.start < addresses.end && addresses.start < told.0.end {
                    show(told);
                }
            }
        }
    }

    /// `/proc/self/pagemap`.
    pub(super) fn pagemap(&self) -> &File {
        &self.pagemap
    }

    /// Whether a VMA covers a page.
    pub(super) fn is_mapped(&self, arena: &Arena, page: usize) -> bool {
        let address = arena.address(page);
        if self.has_query {
            let found = self.query(address);
            return matches!(found, Ok(Some((range, ..))) if range.contains(&address));
        }
        let text = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let mut lines = text.lines().filter_map(map_line);
        lines.any(|(range, ..)| range.contains(&address))
    }

    /// The page table entry of a page.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn entry(&self, arena: &Arena, page: usize) -> std::io::Result<Entry> {
        let mut bytes = [0; mem::size_of::<Entry>()];
        let at = arena.address(page) / PAGE * bytes.len();
        self.pagemap.read_exact_at(&mut bytes, at as u64)?;
        Ok(Entry(u64::from_ne_bytes(bytes)))
    }

    /// The VMA at `address` or the next one.
    fn query(&self, address: usize) -> Result<Option<Told>, i32> {
        let mut query = ProcmapQuery {
            size: mem::size_of::<ProcmapQuery>() as u64,
            query_flags: COVERING_OR_NEXT_VMA,
            query_addr: address as u64,
            ..ProcmapQuery::default()
        };
        // SAFETY: the kernel writes no more than the `size` that it is told.
        let result = unsafe { libc::ioctl(self.maps.as_raw_fd(), PROCMAP_QUERY, &mut query) };
        if result == 0 {
            let range = query.vma_start as usize..query.vma_end as usize;
            let rights = Rights::from_bits(query.vma_flags as u8);
            return Ok(Some((
                range,
                rights,
                Part::of(query.inode, query.vma_offset),
            )));
        }
        match errno() {
            libc::ENOENT => Ok(None),
            errno => Err(errno),
        }
    }

    /// For each page of a window whether `mincore` finds it in memory; it does not where nothing is
    /// mapped. `vmas` are the window's.
    ///
    /// Linux: do_mincore(), mm/mincore.c. It answers for each mapping on its own.
    ///
    /// # Errors
    /// The kernel's.
    pub fn residents(
        &self,
        arena: &Arena,
        vmas: &[Vma],
        residents: &mut Vec<u8>,
    ) -> std::io::Result<()> {
        residents.clear();
        residents.resize(arena.len_pages(), 0);
        for vma in vmas {
            let start = arena.address(vma.pages.start) as *mut libc::c_void;
            let found = residents[vma.pages.clone()].as_mut_ptr();
            // SAFETY: there is a byte for each page of the range.
            if unsafe { libc::mincore(start, vma.pages.len() * PAGE, found) } != 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
        // The other bits are reserved.
        residents.iter_mut().for_each(|resident| *resident &= 1);
        Ok(())
    }

    /// The page table entries of a window.
    ///
    /// # Errors
    /// The kernel's.
    pub fn entries(&self, arena: &Arena, entries: &mut Vec<Entry>) -> std::io::Result<()> {
        entries.clear();
        entries.resize(arena.len_pages(), Entry::default());
        // SAFETY: an `Entry` is a `u64` by its layout, and any bytes are one.
        let bytes = unsafe {
            let len = mem::size_of_val(&entries[..]);
            std::slice::from_raw_parts_mut(entries.as_mut_ptr().cast::<u8>(), len)
        };
        let at = arena.address(0) / PAGE * mem::size_of::<Entry>();
        self.pagemap.read_exact_at(bytes, at as u64)
    }
}

/// A line of `/proc/self/maps`.
fn map_line(line: &str) -> Option<Told> {
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let hex = |text| usize::from_str_radix(text, 16).ok();
    let flags = words.next()?.as_bytes();
    let bit = |at: usize, letter| u8::from(flags.get(at) == Some(&letter)) << at;
    let rights = Rights::from_bits(bit(0, b'r') | bit(1, b'w') | bit(2, b'x'));
    let offset = u64::from_str_radix(words.next()?, 16).ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    let part = Part::of(inode, offset);
    Some((hex(start)?..hex(end)?, rights, part))
}

/// `struct procmap_query`, include/uapi/linux/fs.h.
#[derive(Debug, Default)]
#[repr(C)]
struct ProcmapQuery {
    size: u64,
    query_flags: u64,
    query_addr: u64,
    vma_start: u64,
    vma_end: u64,
    vma_flags: u64,
    vma_page_size: u64,
    vma_offset: u64,
    inode: u64,
    dev_major: u32,
    dev_minor: u32,
    vma_name_size: u32,
    build_id_size: u32,
    vma_name_addr: u64,
    build_id_addr: u64,
}

/// `_IOWR('f', 17, struct procmap_query)`
const PROCMAP_QUERY: libc::c_ulong = 0xc068_6611;
/// `PROCMAP_QUERY_COVERING_OR_NEXT_VMA`
const COVERING_OR_NEXT_VMA: u64 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;
    use seqfault_lang::litmus::ast::Prot;

    #[test]
    fn lines_of_maps_are_read() {
        let line = "10000000000-10000003000 rw-p 00000000 00:00 0 ";
        let (range, rights) = (0x100_0000_0000..0x100_0000_3000, Rights::from(Prot::Rw));
        assert_eq!(map_line(line), Some((range.clone(), rights, None)));
        let line = "10000000000-10000003000 rw-s 00001000 00:01 1027     /memfd:seqfault (deleted)";
        let part = Some(Part {
            inode: 1027,
            first: 1,
        });
        assert_eq!(map_line(line), Some((range, rights, part)));
        assert_eq!(map_line(""), None);
    }
}
