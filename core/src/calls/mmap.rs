//! `mmap`: a VMA comes, in place of what is there.
//!
//! # Linux
//! mm/mmap.c, mm/vma.c: `do_mmap()`, `mmap_region()`.

use crate::mm::cpu::Cpu;
use crate::mm::file::Backing;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::PageRange;
use crate::types::anon::Anon;
use crate::types::error::Errno;
use crate::types::ids::FilePage;
use crate::types::prot::{Access, Prot};
use crate::types::quirk::Quirk;

/// How `mmap` deals with what is there, and with its new pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MmapFlags {
    /// Fail over a mapping, rather than replace it. Linux: `MAP_FIXED_NOREPLACE`.
    pub noreplace: bool,
    /// Populate the pages. Linux: `MAP_POPULATE`.
    pub populate: bool,
    /// What is mapped of which file; anonymous memory if there is none.
    pub file: Option<MmapFile>,
    /// The device is mapped, from its first page on, and no file.
    pub driver: bool,
    /// It is anonymous memory, and a fault below it extends it. Linux: `MAP_GROWSDOWN`.
    pub growsdown: bool,
}

/// A mapping of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MmapFile {
    /// The page of the file that the first page shows; the following ones are behind it.
    pub page: FilePage,
    /// Whether what is written goes to the file, and not to copies of its pages. Linux: `MAP_SHARED`,
    /// `MAP_PRIVATE`.
    pub shared: bool,
}

impl<'s, P: Platform> Cpu<'s, P> {
    /// Maps anonymous private memory at `range`, or a file, merged with neighbours of the same protection that
    /// it goes on.
    /// Linux: `mmap(MAP_FIXED)`.
    ///
    /// # Panics
    /// If no file of the machine has the page, or there is no device to map, or the machine has no mappings that
    /// [grow](crate::Config::stacks).
    pub fn mmap(&mut self, range: PageRange, prot: Prot, flags: MmapFlags) -> Result<(), Errno> {
        self.check_range(range)?;
        assert!(
            self.sys.config().stacks || !flags.growsdown,
            "a machine without mappings that grow"
        );
        let backing = match flags.file {
            Some(MmapFile { page, shared }) => {
                let map = self.sys.files().map(page, range.start);
                match shared {
                    true => Backing::Shared(map),
                    false => Backing::Private(map),
                }
            }
            None if flags.driver => Backing::Driver(self.sys.files().map_device(range.start)),
            None if flags.growsdown => Backing::Stack,
            None => Backing::Anonymous,
        };
        let mut lock = self.mmap_write_lock();
        if flags.noreplace && lock.tree().overlaps(range) {
            lock.unlock();
            return Err(Errno::Exist);
        }
        let new = VmaCopy {
            range,
            prot,
            backing,
            anon: Anon::NONE,
            locked: false,
        };
        // QUIRK(MmapLinksEarly): proofs/file/truncated-while-replaced
        if self.sys.has(Quirk::MmapLinksEarly) {
            self.link_rmap(new);
        }
        // QUIRK(MmapShowsGap): proofs/monitor/replaced-without-a-gap
        if !self.sys.has(Quirk::MmapShowsGap) {
            lock.hold_back();
        }
        let gather = self.unmap(&mut lock, range);
        lock.let_go();
        // QUIRK(MmapDropsMmapLock): proofs/basics/mmap-replaces
        if self.sys.has(Quirk::MmapDropsMmapLock) {
            lock.unlock();
            lock = self.mmap_write_lock();
        }
        self.map(&mut lock, new);
        lock.unlock();
        self.complete(gather);
        if flags.populate && !prot.is_empty() {
            let access = if prot.allows(Access::Write) {
                Access::Write
            } else {
                Access::Read
            };
            // As for MAP_POPULATE, that a page could not be had is no error.
            let _ = self.populate(range, access);
        }
        Ok(())
    }
}
