//! What backs a VMA: the page for an address where none is mapped yet, and whether a page that is
//! mapped may be written as it is.
//!
//! Faults ask the VMA's backing. `mprotect` and `madvise cold` do not: they ask the frame alone
//! whether it is shared. Every VMA is anonymous private memory today; a file would be a second backing.
//! How many references a frame has, and how many entries map it, is counted on the frame
//! ([`Frame`](crate::hw::frame::Frame), [`rmap`](crate::mm::rmap)), whatever backs them.
//!
//! # Linux
//! `vma->vm_ops`, and mm/memory.c: `do_anonymous_page()`, `wp_can_reuse_anon_folio()`.

use crate::mm::cpu::Cpu;
use crate::mm::vma::VmaCopy;
use crate::platform::Platform;
use crate::types::addr::Vpn;
use crate::types::error::Fault;
use crate::types::ids::Pfn;
use crate::types::prot::{Access, Prot};
use crate::types::pte::Pte;
use crate::types::quirk::Quirk;

/// Memory that no file backs: zeros, until it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anonymous;

impl VmaCopy {
    /// The backing of the VMA's pages.
    pub const fn backing(&self) -> Anonymous {
        Anonymous
    }
}

impl Anonymous {
    /// The page for a first `access` at `vpn`, and the permissions that its entry may have of those
    /// of `vma`. Linux: `do_anonymous_page()`.
    pub fn first_page<P: Platform>(
        self,
        cpu: &mut Cpu<'_, P>,
        vma: VmaCopy,
        vpn: Vpn,
        access: Access,
    ) -> Result<(Pfn, Prot), Fault> {
        if access == Access::Write {
            let pfn = cpu.alloc_frame(vpn).ok_or(Fault::Bus)?;
            Ok((pfn, vma.prot))
        } else {
            Ok((Pfn::ZERO, vma.prot & !Prot::W))
        }
    }

    /// Whether a write through `pte`, which allows none, needs a page of its own.
    /// Linux: `wp_can_reuse_anon_folio()`.
    pub fn must_copy<P: Platform>(self, cpu: &Cpu<'_, P>, pte: Pte) -> bool {
        // QUIRK(WpReuseShared): proofs/cow/reused-while-shared
        pte.pfn() == Pfn::ZERO
            || (!cpu.sys.has(Quirk::WpReuseShared) && cpu.sys.frame(pte.pfn()).is_shared())
    }
}
