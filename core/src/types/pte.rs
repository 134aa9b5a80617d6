//! Page-table entries.
//!
//! ```text
//!  63        32 31           8    7     6      5    4 3 2 1 0
//! +------------+--------------+-----+-------+------+-+-+-+-+-+
//! |   grant    |  frame/table |GUARD|SWAPPED|MAPPED|D|A|X|W|R|
//! +------------+--------------+-----+-------+------+-+-+-+-+-+
//! ```
//!
//! Hardware reads R, W and X, and sets A and D. MAPPED is software's: there is
//! a frame, even where R is clear (`prot none`). Where MAPPED is clear, SWAPPED, the bit above it, tells that the page is in
//! swap, and the number is that of its slot. GUARD alone is the marker of a guard page: there is no page, and none comes. `grant` is ghost state: which
//! handing-out of permissions this entry is; 0 where nothing is checked.

use core::fmt;

use crate::types::addr::LEAF;
use crate::types::ids::{GrantId, Pfn, SwapSlot, TableId};
use crate::types::prot::{Access, Prot};

const ACCESSED: u64 = 1 << 3;
const DIRTY: u64 = 1 << 4;
const MAPPED: u64 = 1 << 5;
const SWAPPED: u64 = 1 << 6;
const GUARD: u64 = 1 << 7;
const NUMBER_SHIFT: u32 = 8;
const NUMBER_MASK: u64 = MAX_NUMBER as u64;
const GRANT_SHIFT: u32 = 32;

/// The greatest number of a frame or a table that an entry has room for.
pub(crate) const MAX_NUMBER: u32 = (1 << 24) - 1;

/// A leaf entry.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pte(u64);

impl Pte {
    /// No frame, no access.
    pub const NONE: Pte = Pte(0);

    /// The marker of a guard page. Linux: `make_pte_marker(PTE_MARKER_GUARD)`.
    pub const GUARD: Pte = Pte(GUARD);

    /// An entry that maps `pfn` with `prot`, neither accessed nor dirty.
    pub fn new(pfn: Pfn, prot: Prot, grant: GrantId) -> Pte {
        Pte(prot.bits()
            | MAPPED
            | u64::from(pfn.0) << NUMBER_SHIFT
            | u64::from(grant.0) << GRANT_SHIFT)
    }

    /// From the word in a table.
    pub const fn from_word(word: u64) -> Pte {
        Pte(word)
    }

    /// As the word in a table.
    pub const fn word(self) -> u64 {
        self.0
    }

    /// An entry of a page that is in swap. Linux: `swp_entry_to_pte()`.
    pub(crate) fn swapped(slot: SwapSlot) -> Pte {
        Pte(SWAPPED | u64::from(slot.0) << NUMBER_SHIFT)
    }

    /// Whether there is nothing: no frame, no page in swap, no marker. Linux: `pte_none()`.
    pub const fn is_none(self) -> bool {
        self.0 & (MAPPED | SWAPPED | GUARD) == 0
    }

    /// Whether it is the marker of a guard page. Linux: `is_guard_pte_marker()`.
    pub const fn is_guard(self) -> bool {
        self.0 & GUARD != 0
    }

    /// Whether the page is in swap. Linux: `is_swap_pte()`.
    pub const fn is_swapped(self) -> bool {
        self.0 & (MAPPED | SWAPPED) == SWAPPED
    }

    /// The slot, where the page is in swap.
    pub const fn slot(self) -> SwapSlot {
        SwapSlot((self.0 >> NUMBER_SHIFT & NUMBER_MASK) as u32)
    }

    /// The accesses that hardware lets through. Writing implies reading; an entry without
    /// R lets nothing through.
    pub const fn prot(self) -> Prot {
        Prot::from_bits(self.0)
    }

    /// Whether hardware lets `access` through.
    pub const fn allows(self, access: Access) -> bool {
        self.prot().allows(access)
    }

    /// The frame.
    pub const fn pfn(self) -> Pfn {
        Pfn((self.0 >> NUMBER_SHIFT & NUMBER_MASK) as u32)
    }

    /// Which handing-out of permissions this is.
    pub const fn grant(self) -> GrantId {
        GrantId((self.0 >> GRANT_SHIFT) as u32)
    }

    /// Whether the page was accessed through this entry.
    pub const fn is_young(self) -> bool {
        self.0 & ACCESSED != 0
    }

    /// Whether the page was written through this entry.
    pub const fn is_dirty(self) -> bool {
        self.0 & DIRTY != 0
    }

    /// With the accessed bit.
    pub const fn young(self) -> Pte {
        Pte(self.0 | ACCESSED)
    }

    /// Without the accessed bit. Linux: `pte_mkold()`.
    pub const fn old(self) -> Pte {
        Pte(self.0 & !ACCESSED)
    }

    /// With the dirty bit.
    pub const fn dirty(self) -> Pte {
        Pte(self.0 | DIRTY)
    }

    /// With the accessed and dirty bits that `old` has.
    pub const fn with_history_of(self, old: Pte) -> Pte {
        Pte(self.0 | old.0 & (ACCESSED | DIRTY))
    }

    /// Without the bits that hardware sets: the entry as software wrote it.
    pub const fn software(self) -> Pte {
        Pte(self.0 & !(ACCESSED | DIRTY))
    }

    /// Whether software wrote the same page and permissions. Whether these were handed out anew is
    /// ghost state, on which no step may depend. Linux: `pte_same()`.
    pub(crate) const fn is_same(self, other: Pte) -> bool {
        let seen = !(ACCESSED | DIRTY) & ((1 << GRANT_SHIFT) - 1);
        (self.0 ^ other.0) & seen == 0
    }
}

impl fmt::Display for Pte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("none");
        }
        if self.is_guard() {
            return f.write_str("guard");
        }
        if self.is_swapped() {
            return write!(f, "{}", self.slot());
        }
        write!(f, "{} {}", self.pfn(), self.prot())?;
        if self.is_young() {
            f.write_str(" young")?;
        }
        if self.is_dirty() {
            f.write_str(" dirty")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Pte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The word in an upper table that names the table below; 0 is none.
pub(crate) const fn table_word(table: TableId) -> u64 {
    MAPPED | (table.0 as u64) << NUMBER_SHIFT
}

/// A page table, and the level at which a walk finds it. The level tells what its entries are, and
/// which pages each of them translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableAt {
    /// The table.
    pub id: TableId,
    /// Its level.
    pub level: u8,
}

/// What an entry of a page table is, whatever the level of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Nothing.
    None,
    /// A table of the level below.
    Table(TableAt),
    /// A page: the walk ends here.
    Leaf(Pte),
    /// A page that is in swap: hardware finds nothing.
    Swapped(Pte),
    /// A guard page: hardware finds nothing, and no fault brings anything.
    Guard,
}

impl Entry {
    /// The entry that is the `word` of a table of `level`. This alone says at which level a walk
    /// ends: a page is in a leaf table, and what is mapped above is a table. There are no huge pages,
    /// whose entries are leaves of an upper table. Linux: `pmd_leaf()`.
    pub const fn of(word: u64, level: u8) -> Entry {
        if Pte(word).is_swapped() {
            return Entry::Swapped(Pte(word));
        }
        if Pte(word).is_guard() {
            return Entry::Guard;
        }
        if word & MAPPED == 0 {
            return Entry::None;
        }
        match level {
            LEAF => Entry::Leaf(Pte(word)),
            1.. => Entry::Table(TableAt {
                id: TableId((word >> NUMBER_SHIFT & NUMBER_MASK) as u32),
                level: level - 1,
            }),
        }
    }

    /// The entry for the page, if it is one.
    pub const fn leaf(self) -> Option<Pte> {
        match self {
            Entry::Leaf(pte) => Some(pte),
            Entry::None | Entry::Table(_) | Entry::Swapped(_) | Entry::Guard => None,
        }
    }

    /// The table, if it is one.
    pub const fn table(self) -> Option<TableAt> {
        match self {
            Entry::Table(table) => Some(table),
            Entry::None | Entry::Leaf(_) | Entry::Swapped(_) | Entry::Guard => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_overlap() {
        for bits in 0..8 {
            let prot = Prot::from_bits(bits);
            for pfn in [0, 1, MAX_NUMBER] {
                for grant in [0, 1, MAX_NUMBER] {
                    let pte = Pte::new(Pfn(pfn), prot, GrantId(grant));
                    let used = pte.young().dirty();
                    for pte in [pte, used, used.software(), pte.with_history_of(used)] {
                        assert_eq!((pte.prot(), pte.pfn()), (prot, Pfn(pfn)));
                        assert_eq!(pte.grant(), GrantId(grant));
                        assert!(!pte.is_none());
                        assert_eq!(Pte::from_word(pte.word()), pte);
                        assert_eq!(Entry::of(pte.word(), LEAF), Entry::Leaf(pte));
                    }
                    assert_eq!(used.software(), pte);
                    assert_eq!(pte.with_history_of(used), used);
                    assert!(used.is_young() && used.is_dirty());
                    assert!(!pte.is_young() && !pte.is_dirty());
                }
            }
        }
        assert!(Pte::NONE.is_none());
        for level in [LEAF, LEAF + 1] {
            assert_eq!(Entry::of(Pte::NONE.word(), level), Entry::None);
        }
    }

    #[test]
    fn what_is_in_swap_is_no_page_for_hardware() {
        for slot in [0, 1, MAX_NUMBER] {
            let pte = Pte::swapped(SwapSlot(slot));
            assert_eq!(pte.slot(), SwapSlot(slot));
            assert!(pte.is_swapped() && !pte.is_none() && pte.prot().is_empty());
            assert_eq!(pte.software(), pte);
            assert_eq!(Entry::of(pte.word(), LEAF), Entry::Swapped(pte));
            assert_eq!(Entry::of(pte.word(), LEAF).leaf(), None);
        }
        assert!(!Pte::NONE.is_swapped());
        let guard = Pte::GUARD;
        assert!(!guard.is_none() && !guard.is_swapped() && guard.prot().is_empty());
        assert_eq!(Entry::of(guard.word(), LEAF), Entry::Guard);
    }

    #[test]
    fn tables_are_found_again() {
        for number in [0, 1, MAX_NUMBER] {
            let id = TableId(number);
            for level in [LEAF, LEAF + 1] {
                let table = TableAt { id, level };
                assert_eq!(Entry::of(table_word(id), level + 1), Entry::Table(table));
            }
        }
    }
}
