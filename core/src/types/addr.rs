//! Virtual page numbers, ranges of them, and the shape of the page tables.

use core::fmt;

/// A virtual page number: a virtual address in units of pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Vpn(pub u64);

impl fmt::Display for Vpn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// Adjacent virtual pages, `start` included, `end` not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PageRange {
    /// The first page.
    pub start: Vpn,
    /// The page behind the last.
    pub end: Vpn,
}

impl PageRange {
    /// The pages from `start` up to, but not including, `end`.
    pub const fn new(start: Vpn, end: Vpn) -> PageRange {
        PageRange { start, end }
    }

    /// The one page `vpn`.
    pub const fn page(vpn: Vpn) -> PageRange {
        PageRange::new(vpn, Vpn(vpn.0 + 1))
    }

    /// Whether it holds no page.
    pub const fn is_empty(self) -> bool {
        self.start.0 >= self.end.0
    }

    /// How many pages it holds.
    pub const fn len_pages(self) -> u64 {
        self.end.0.saturating_sub(self.start.0)
    }

    /// Whether `vpn` is one of its pages.
    pub const fn contains(self, vpn: Vpn) -> bool {
        self.start.0 <= vpn.0 && vpn.0 < self.end.0
    }

    /// The pages that both hold; empty if there are none.
    pub fn intersection(self, other: PageRange) -> PageRange {
        PageRange::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// Its pages in ascending order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Vpn> {
        (self.start.0..self.end.0).map(Vpn)
    }
}

/// The level of the leaf tables.
pub(crate) const LEAF: u8 = 0;

/// The shape of the page tables: how many levels, how many entries in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Levels, the leaf tables counted: 2 to 4.
    pub levels: u8,
    /// The base-2 logarithm of the entries in a table: 1 to 9.
    pub bits: u8,
}

impl Geometry {
    /// What checkers use: two levels of four entries.
    pub const SMALL: Geometry = Geometry { levels: 2, bits: 2 };
    /// x86-64 with four levels of 512 entries.
    pub const X86_64: Geometry = Geometry { levels: 4, bits: 9 };

    /// Entries in a table.
    pub const fn entries(self) -> usize {
        1 << self.bits
    }

    /// How many pages can be addressed.
    pub const fn len_pages(self) -> u64 {
        1 << (self.bits as u32 * self.levels as u32)
    }

    /// The level of the top table. Leaf tables are level 0.
    pub const fn top(self) -> u8 {
        self.levels - 1
    }

    /// All pages that can be addressed.
    pub const fn all_pages(self) -> PageRange {
        self.table_range(Vpn(0), self.top())
    }

    /// The index of `vpn` in a table of `level`.
    pub const fn index(self, vpn: Vpn, level: u8) -> usize {
        ((vpn.0 >> (self.bits as u32 * level as u32)) & ((1 << self.bits) - 1)) as usize
    }

    /// The pages that the entry for `vpn` in a table of `level` translates: one, in a leaf table.
    pub const fn entry_range(self, vpn: Vpn, level: u8) -> PageRange {
        let shift = self.bits as u32 * level as u32;
        let start = vpn.0 >> shift << shift;
        PageRange::new(Vpn(start), Vpn(start + (1 << shift)))
    }

    /// The pages that the table of `level` which translates `vpn` translates.
    pub const fn table_range(self, vpn: Vpn, level: u8) -> PageRange {
        self.entry_range(vpn, level + 1)
    }

    /// The parts of `range` that one entry of a table of `level` translates each.
    pub fn entry_parts(self, range: PageRange, level: u8) -> impl Iterator<Item = PageRange> {
        let mut left = range;
        core::iter::from_fn(move || {
            let part = self.entry_range(left.start, level).intersection(left);
            left.start = part.end;
            (!part.is_empty()).then_some(part)
        })
    }

    /// The pages that the leaf table which translates `vpn` translates.
    pub const fn leaf_range(self, vpn: Vpn) -> PageRange {
        self.table_range(vpn, LEAF)
    }

    /// The parts of `range` that one leaf table translates each.
    pub fn leaf_parts(self, range: PageRange) -> impl Iterator<Item = PageRange> {
        self.entry_parts(range, LEAF + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn indices_and_ranges_agree() {
        for geometry in [Geometry::SMALL, Geometry { levels: 3, bits: 2 }] {
            for vpn in (0..geometry.len_pages()).map(Vpn) {
                let mut start = 0;
                for level in (0..geometry.levels).rev() {
                    start = start << geometry.bits | geometry.index(vpn, level) as u64;
                    let entry = geometry.entry_range(vpn, level);
                    let (start_of, len) = (entry.start.0, entry.len_pages());
                    assert_eq!(start_of, start << (geometry.bits * level));
                    assert_eq!(len, 1 << (geometry.bits * level));
                    let range = geometry.table_range(vpn, level);
                    assert!(range.contains(vpn));
                    let pages = 1 << (u32::from(geometry.bits) * (u32::from(level) + 1));
                    assert_eq!(range.len_pages(), pages);
                    assert_eq!(range.start.0 % pages, 0);
                }
                assert_eq!(start, vpn.0);
            }
        }
    }

    #[test]
    fn parts_are_the_whole() {
        let range = PageRange::new(Vpn(2), Vpn(9));
        let parts: Vec<_> = Geometry::SMALL.leaf_parts(range).collect();
        let part = |start, end| PageRange::new(Vpn(start), Vpn(end));
        assert_eq!(parts, [part(2, 4), part(4, 8), part(8, 9)]);
        assert_eq!(Geometry::SMALL.leaf_parts(part(3, 3)).next(), None);
        let pages: Vec<_> = Geometry::SMALL.entry_parts(range, LEAF).collect();
        assert!(pages.into_iter().eq(range.iter().map(PageRange::page)));
    }

    #[test]
    fn intersections_hold_what_both_hold() {
        let range = |start, end| PageRange::new(Vpn(start), Vpn(end));
        assert_eq!(range(1, 5).intersection(range(3, 9)), range(3, 5));
        assert!(range(1, 3).intersection(range(3, 9)).is_empty());
        assert!(range(5, 1).is_empty());
        assert_eq!(range(5, 1).len_pages(), 0);
        assert!(PageRange::page(Vpn(2)).iter().eq([Vpn(2)]));
    }
}
