//! Where an anonymous page is in the reverse mapping.

use crate::types::addr::Vpn;
use crate::types::ids::AnonVmaId;

/// The anon_vma of a VMA, or of a page, and where pages are in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Anon(u64);

impl Anon {
    /// None.
    pub const NONE: Anon = Anon(0);

    /// The anon_vma `id`, with this index of address 0.
    pub const fn new(id: AnonVmaId, base: u32) -> Anon {
        Anon((base as u64) << u32::BITS | (id.0 as u64 + 1))
    }

    /// As a word; zero if there is none.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// From a word that [`Anon::bits`] gave.
    pub const fn from_bits(bits: u64) -> Anon {
        Anon(bits)
    }

    /// The anon_vma, if there is one.
    pub fn id(self) -> Option<AnonVmaId> {
        (self.0 as u32).checked_sub(1).map(AnonVmaId)
    }

    /// The index of address 0, modulo 2^32. Linux: `vm_pgoff`, less the first page.
    pub const fn base(self) -> u32 {
        (self.0 >> u32::BITS) as u32
    }

    /// The index of the page at `vpn`. Linux: `linear_page_index()`.
    const fn index(self, vpn: Vpn) -> u32 {
        self.base().wrapping_add(vpn.0 as u32)
    }

    /// The page at `vpn`, as one of `id`.
    pub fn page(self, id: AnonVmaId, vpn: Vpn) -> AnonPage {
        let index = self.index(vpn);
        AnonPage { id, index }
    }

    /// That of the same pages if they are moved from `from` to `to`: they keep their indices. Linux: `copy_vma()`.
    pub fn moved(self, from: Vpn, to: Vpn) -> Anon {
        let base = self.index(from).wrapping_sub(to.0 as u32);
        self.id().map_or(Anon::NONE, |id| Anon::new(id, base))
    }

    /// What both are, if neighbours that have these may be one VMA: they have the same, or one has none yet, whose pages
    /// will have their addresses for indices. Linux: `is_mergeable_anon_vma()`.
    pub fn both(self, other: Anon) -> Option<Anon> {
        let is_one = self == other || (self.min(other) == 0 && self.max(other) >> u32::BITS == 0);
        is_one.then(|| Anon(self.max(other)))
    }

    fn min(self, other: Anon) -> u64 {
        self.0.min(other.0)
    }

    fn max(self, other: Anon) -> u64 {
        self.0.max(other.0)
    }
}

/// Which page of which anon_vma an anonymous page is. Linux: `folio->mapping`, `folio->index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnonPage {
    pub id: AnonVmaId,
    index: u32,
}

impl AnonPage {
    /// Its address where address 0 has the index `base`. Linux: `vma_address()`.
    pub fn at(self, base: u32) -> Vpn {
        Vpn(u64::from(self.index.wrapping_sub(base)))
    }

    /// As a word, which is not zero.
    pub const fn bits(self) -> u64 {
        Anon::new(self.id, self.index).bits()
    }

    /// From a word; none if it is zero.
    pub fn from_bits(bits: u64) -> Option<AnonPage> {
        let anon = Anon::from_bits(bits);
        let index = anon.base();
        anon.id().map(|id| AnonPage { id, index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_keep_their_index_where_they_move() {
        let id = AnonVmaId(7);
        let anon = Anon::new(id, 0);
        let moved = anon.moved(Vpn(9), Vpn(2));
        assert_eq!((moved.id(), moved.index(Vpn(3))), (Some(id), 10));
        assert_eq!(moved.moved(Vpn(2), Vpn(9)), anon);
        assert_eq!(Anon::NONE.moved(Vpn(9), Vpn(2)), Anon::NONE);
        let page = AnonPage { id, index: 10 };
        assert_eq!(AnonPage::from_bits(page.bits()), Some(page));
        assert_eq!(AnonPage::from_bits(0), None);
    }

    #[test]
    fn neighbours_are_one_if_their_indices_go_on() {
        let [one, other] = [7, 8].map(|id| Anon::new(AnonVmaId(id), 0));
        let moved = one.moved(Vpn(9), Vpn(2));
        assert_eq!(one.both(one), Some(one));
        assert_eq!(Anon::NONE.both(one), Some(one));
        assert_eq!(one.both(Anon::NONE), Some(one));
        assert_eq!(Anon::NONE.both(Anon::NONE), Some(Anon::NONE));
        for unlike in [other, moved] {
            assert_eq!(one.both(unlike), None);
        }
        assert_eq!(moved.both(Anon::NONE), None);
    }
}
