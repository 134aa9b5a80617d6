//! What a VMA says, copied.

use crate::mm::file::Backing;
use crate::types::addr::{PageRange, Vpn};
use crate::types::anon::Anon;
use crate::types::prot::Prot;

/// A VMA's range, protection and backing, copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VmaCopy {
    pub range: PageRange,
    pub prot: Prot,
    pub backing: Backing,
    pub anon: Anon,
    /// Its pages stay in memory. Linux: `VM_LOCKED`.
    pub locked: bool,
}

/// Bits of the word `prot` that say what is allowed, and above them whether pages stay in memory; those above that one say
/// what backs it.
const PROT_BITS: u32 = 3;
const LOCKED: u64 = 1 << PROT_BITS;
const FLAG_BITS: u32 = PROT_BITS + 1;

impl VmaCopy {
    /// The word that says what is allowed, and what backs it.
    pub(super) const fn word(self) -> u64 {
        let locked = if self.locked { LOCKED } else { 0 };
        self.backing.bits() << FLAG_BITS | locked | self.prot.bits()
    }

    /// The VMA over `range` of which [`word`](VmaCopy::word) says this.
    pub(super) fn from_word(word: u64, range: PageRange, anon: Anon) -> VmaCopy {
        VmaCopy {
            range,
            prot: Prot::from_bits(word),
            backing: Backing::from_bits(word >> FLAG_BITS),
            anon,
            locked: word & LOCKED != 0,
        }
    }

    /// The same, whose pages need not stay in memory.
    pub fn unlocked(self) -> VmaCopy {
        VmaCopy {
            locked: false,
            ..self
        }
    }

    /// The same, of the page at `vpn` alone, which need not be one of its own.
    pub fn with_page(self, vpn: Vpn) -> VmaCopy {
        let range = PageRange::page(vpn);
        VmaCopy { range, ..self }
    }

    /// The same, over the pages of `other` too, with which it is merged.
    pub fn over(self, other: VmaCopy) -> VmaCopy {
        let start = self.range.start.min(other.range.start);
        let end = self.range.end.max(other.range.end);
        VmaCopy {
            range: PageRange::new(start, end),
            anon: self.anon.both(other.anon).unwrap_or(self.anon),
            ..self
        }
    }

    /// The same pages, moved to `range`.
    pub fn moved(self, range: PageRange) -> VmaCopy {
        VmaCopy {
            range,
            backing: self.backing.moved(self.range.start, range.start),
            anon: self.anon.moved(self.range.start, range.start),
            ..self
        }
    }
}
