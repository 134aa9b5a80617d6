//! What backs a VMA: the page for an address where none is mapped yet, and whether a page that is
//! mapped may be written as it is.
//!
//! Faults ask the VMA's backing. `mprotect` and `madvise cold` do not: they ask the frame alone
//! whether it is shared. How many references a frame has, and how many entries map it, is counted on the frame
//! ([`Frame`](crate::hw::frame::Frame), [`rmap`](crate::mm::rmap)), whatever backs them.
//!
//! # Linux
//! `vma->vm_ops`, and mm/memory.c: `do_anonymous_page()`, `wp_can_reuse_anon_folio()`, `do_shared_fault()`,
//! `do_read_fault()`, `do_cow_fault()`. Changed: for a first write a file's page is copied under the page-table lock.

use crate::mm::cpu::Cpu;
use crate::mm::file::Backing;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::Vpn;
use crate::types::error::Fault;
use crate::types::ids::Pfn;
use crate::types::prot::{Access, Prot};
use crate::types::pte::Pte;
use crate::types::quirk::Quirk;

impl Backing {
    /// Whether a first access may have to wait: for the lock of a page, or a driver's. If not, its page comes under the
    /// page-table lock alone.
    pub fn may_wait<P: Platform>(self, cpu: &Cpu<'_, P>) -> bool {
        match self {
            Backing::Anonymous | Backing::Stack => false,
            Backing::Shared(_) | Backing::Private(_) => cpu.sys.files().have_caches(),
            Backing::Driver(_) => true,
        }
    }

    /// The page for a first `access` at `vpn`, with a reference for its entry, and the permissions that
    /// this may have of those of `vma`. Linux: `do_anonymous_page()`, `do_fault()`.
    pub fn first_page<P: Platform>(
        self,
        cpu: &mut Cpu<'_, P>,
        vma: VmaCopy,
        vpn: Vpn,
        access: Access,
    ) -> Result<(Pfn, Prot), Fault> {
        match self {
            Backing::Anonymous | Backing::Stack if access == Access::Write => {
                let pfn = cpu.alloc_frame(vpn).ok_or(Fault::Bus)?;
                Ok((pfn, vma.prot))
            }
            Backing::Anonymous | Backing::Stack => Ok((Pfn::ZERO, vma.prot & !Prot::W)),
            Backing::Shared(map) | Backing::Private(map) | Backing::Driver(map) => {
                let Some(pfn) = cpu.sys.files().shown(map, vpn).page() else {
                    // QUIRK(FileEndIgnored): proofs/file/behind-the-end
                    return match access != Access::Write && cpu.sys.has(Quirk::FileEndIgnored) {
                        true => Ok((Pfn::ZERO, vma.prot & !Prot::W)),
                        false => Err(Fault::Bus),
                    };
                };
                self.shows(cpu, vma, vpn, access, pfn)
            }
        }
    }

    /// The same of a file, whose page is `pfn`. Linux: `do_read_fault()`, `do_cow_fault()`, `do_shared_fault()`.
    pub fn shows<P: Platform>(
        self,
        cpu: &mut Cpu<'_, P>,
        vma: VmaCopy,
        vpn: Vpn,
        access: Access,
        pfn: Pfn,
    ) -> Result<(Pfn, Prot), Fault> {
        let is_private = matches!(self, Backing::Private(_));
        // QUIRK(PrivateWriteToFile): proofs/file/private-write-is-not-in-the-file
        let quirk = is_private && cpu.sys.has(Quirk::PrivateWriteToFile);
        if is_private && access == Access::Write && !quirk {
            let copy = cpu.alloc_frame(vpn).ok_or(Fault::Bus)?;
            cpu.copy_frame(vpn, pfn, copy);
            return Ok((copy, vma.prot));
        }
        // QUIRK(FileEntryNotCounted): proofs/file/unmapped-here-mapped-there
        if !cpu.sys.has(Quirk::FileEntryNotCounted) {
            cpu.sys.frame(pfn).get();
        }
        // QUIRK(PrivateReadMapsWritable): proofs/file/private-read-then-write
        let is_copied = is_private && !quirk && !cpu.sys.has(Quirk::PrivateReadMapsWritable);
        let is_told = access != Access::Write && self.tells_of_stores(cpu);
        // QUIRK(CleanMappedWritable): proofs/file/written-back
        match is_copied || is_told && !cpu.sys.has(Quirk::CleanMappedWritable) {
            true => Ok((pfn, vma.prot & !Prot::W)),
            false => Ok((pfn, vma.prot)),
        }
    }

    /// Whether the first store to a clean page is to fault, so that the page becomes dirty first: it is shared, and written
    /// back. Linux: `vma_wants_writenotify()`.
    pub fn tells_of_stores<P: Platform>(self, cpu: &Cpu<'_, P>) -> bool {
        match self {
            Backing::Shared(map) => cpu.sys.files().writes_back(map),
            Backing::Anonymous | Backing::Stack | Backing::Private(_) | Backing::Driver(_) => false,
        }
    }

    /// Whether a write through `pte`, which allows none, needs a page of its own.
    /// Linux: `wp_can_reuse_anon_folio()`, and `VM_SHARED` in `do_wp_page()`.
    pub fn must_copy<P: Platform>(self, cpu: &Cpu<'_, P>, pte: Pte) -> bool {
        // QUIRK(FileCopiedOnWrite): proofs/file/write-goes-to-the-file
        let is_shared = matches!(self, Backing::Shared(_) | Backing::Driver(_));
        if is_shared && !cpu.sys.has(Quirk::FileCopiedOnWrite) {
            return false;
        }
        let frame = cpu.sys.frame(pte.pfn());
        // QUIRK(PrivateReusesFilePage): proofs/file/private-read-then-write
        if frame.is_of_file() {
            return !cpu.sys.has(Quirk::PrivateReusesFilePage);
        }
        // QUIRK(WpReuseShared): proofs/cow/reused-while-shared
        pte.pfn() == Pfn::ZERO || (!cpu.sys.has(Quirk::WpReuseShared) && frame.is_shared())
    }
}
