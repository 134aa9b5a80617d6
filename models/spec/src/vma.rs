//! Where Linux lets VMAs begin and end, for anonymous private memory and one process.
//!
//! Pages alone do not tell: whether neighbours with equal flags are one VMA depends on how they
//! came to be. This is Linux's own choice and no part of what a user may rely on, so it is apart
//! from the rest of the specification and compared only where asked for.
//!
//! # The rules (Linux 6.18)
//! 1. `mmap` and `mprotect` merge what they make with its neighbours, if these have the same flags
//!    and an `anon_vma` that agrees: the same, or none on one side: is_mergeable_vma() and
//!    is_mergeable_anon_vma(), mm/vma.c. `mprotect` that changes no flag merges nothing:
//!    mprotect_fixup(), mm/mprotect.c.
//! 2. What agrees with both sides merges with both only if these agree with each other, else with
//!    the left: can_vma_merge_right(), mm/vma.c.
//! 3. A VMA gets an `anon_vma` when the first page of its own is made, by a store or by populating
//!    for writing, not by the zero page: vmf_anon_prepare(), mm/memory.c. It takes that of the next VMA, or
//!    else the previous one's, if that lies right there and differs in nothing but permissions:
//!    find_mergeable_anon_vma(), mm/vma.c.
//! 4. Among the flags is `VM_ACCOUNT`: a VMA has it that is made writable, by `mmap` or by `mprotect`;
//!    it loses it when `mprotect` makes it unwritable before it has an `anon_vma`: mprotect_fixup().
//! 5. A part that is split off keeps flags and `anon_vma`; `munmap` and `madvise` merge nothing.
//! 6. `mremap` merges what it moves with its new neighbours, VMA by VMA; the old place, still
//!    there, may be one of them, and so share its `anon_vma`. The offset of anonymous
//!    memory is its address at first. What moves keeps its offset if it has an `anon_vma`, and
//!    else gets a new one: copy_vma(), mm/vma.c. Offsets go on from one VMA to the next wherever
//!    they merge or share an `anon_vma`: is_mergeable_vma(), anon_vma_compatible().
//! 7. `fork` changes nothing here: the child's VMAs get an `anon_vma` of their own, behind the
//!    parent's in their chains: anon_vma_fork(), mm/rmap.c. It is the child's that then merge with
//!    nothing that has none, as their chains have more than one link: vma_is_fork_child(), mm/vma.c.
//!    The parent's chains stay as they are.

use std::ops::Range;

use super::call::{Call, Kind};

use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Answer;

/// A VMA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vma {
    /// Its pages.
    pub pages: Range<usize>,
    /// Its permissions.
    pub prot: Prot,
    /// `VM_ACCOUNT`
    account: bool,
    /// Its `anon_vma`.
    anon: Option<u32>,
    /// How many pages up it has moved since it got its offset.
    shift: isize,
    /// Its `anon_vma` is one of several in its chain. Never, unless rule 7 is to be wrong.
    chained: bool,
}

/// Which of the rules hold; all of them, unless one is to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merging {
    /// An `anon_vma` must agree (rules 1 and 2).
    pub anon_vma_agrees: bool,
    /// What merges with both sides needs them to agree (rule 2).
    pub sides_agree: bool,
    /// A new `anon_vma` is taken from a neighbour (rule 3).
    pub anon_vma_is_shared: bool,
    /// `VM_ACCOUNT` is among the flags (rule 4).
    pub accounts: bool,
    /// `mprotect` merges (rule 1).
    pub mprotect_merges: bool,
    /// Offsets must go on (rule 6).
    pub offsets_agree: bool,
    /// `fork` leaves the parent's chains as they are (rule 7).
    pub fork_chains_child: bool,
}

impl Default for Merging {
    fn default() -> Merging {
        Merging {
            anon_vma_agrees: true,
            sides_agree: true,
            anon_vma_is_shared: true,
            accounts: true,
            mprotect_merges: true,
            offsets_agree: true,
            fork_chains_child: true,
        }
    }
}

/// The VMAs of a window, from the lowest to the highest.
#[derive(Clone, Debug, Default)]
pub struct Vmas {
    list: Vec<Vma>,
    /// How many `anon_vma` there were.
    anons: u32,
    merging: Merging,
}

impl Vmas {
    /// None, under `merging`.
    pub fn new(merging: Merging) -> Vmas {
        Vmas {
            merging,
            ..Vmas::default()
        }
    }

    /// All of them.
    pub fn list(&self) -> &[Vma] {
        &self.list
    }

    /// What `call` does to them when it answers with `ret`.
    pub fn apply(&mut self, call: &Call, ret: Answer) {
        match call {
            Call::Write { page, .. } | Call::Xchg { page, .. } => self.own(*page),
            Call::Mmap {
                pages,
                prot,
                populate,
                ..
            } if ret == Answer::Ok => {
                self.mmap(pages, *prot);
                if *populate {
                    pages.clone().for_each(|page| self.own(page));
                }
            }
            Call::Munmap { pages } => self.unmap(pages),
            Call::Mremap { from, to } if ret == Answer::Ok => self.mremap(from, to),
            Call::Mprotect { pages, prot } => self.mprotect(pages, *prot),
            Call::PopulateWrite { pages } => {
                for page in pages.clone() {
                    if !self.at(page).is_some_and(|at| self.is_writable(at)) {
                        break;
                    }
                    self.own(page);
                }
            }
            _ => {}
        }
    }

    /// What a `fork` of their process does to them.
    pub fn fork(&mut self) {
        if !self.merging.fork_chains_child {
            let owned = self.list.iter_mut().filter(|vma| vma.anon.is_some());
            owned.for_each(|vma| vma.chained = true);
        }
    }

    /// The number of the VMA that covers `page`.
    fn at(&self, page: usize) -> Option<usize> {
        self.list.iter().position(|vma| vma.pages.contains(&page))
    }

    fn is_writable(&self, at: usize) -> bool {
        Kind::Write.allowed(self.list[at].prot)
    }

    /// Splits VMAs where `pages` begin and end.
    fn cut(&mut self, pages: &Range<usize>) {
        for border in [pages.start, pages.end] {
            let Some(at) = self.at(border) else { continue };
            if self.list[at].pages.start < border {
                let mut upper = self.list[at].clone();
                self.list[at].pages.end = border;
                upper.pages.start = border;
                self.list.insert(at + 1, upper);
            }
        }
    }

    fn unmap(&mut self, pages: &Range<usize>) {
        self.cut(pages);
        self.list.retain(|vma| !pages.contains(&vma.pages.start));
    }

    fn mmap(&mut self, pages: &Range<usize>, prot: Prot) {
        self.unmap(pages);
        self.add(Vma {
            pages: pages.clone(),
            prot,
            account: Kind::Write.allowed(prot),
            anon: None,
            shift: 0,
            chained: false,
        });
    }

    /// Adds a VMA where nothing is.
    fn add(&mut self, vma: Vma) {
        let start = vma.pages.start;
        let at = self.list.partition_point(|other| other.pages.start < start);
        self.list.insert(at, vma);
        self.merge(at);
    }

    fn mremap(&mut self, from: &Range<usize>, to: &Range<usize>) {
        let up = to.start as isize - from.start as isize;
        let mut page = from.start;
        while page < from.end {
            let Some(at) = self.at(page) else {
                page += 1;
                continue;
            };
            let mut vma = self.list[at].clone();
            let end = vma.pages.end.min(from.end);
            vma.pages = to.start + (page - from.start)..to.start + (end - from.start);
            vma.shift = if vma.anon.is_some() {
                vma.shift + up
            } else {
                0
            };
            self.unmap(&vma.pages);
            // What it is a copy of is still there, and may be one of the neighbours.
            self.add(vma);
            self.unmap(&(page..end));
            page = end;
        }
    }

    fn mprotect(&mut self, pages: &Range<usize>, prot: Prot) {
        let mut page = pages.start;
        while page < pages.end
            && let Some(at) = self.at(page)
        {
            let old = self.list[at].clone();
            let end = old.pages.end.min(pages.end);
            if old.prot != prot {
                self.cut(&(page..end));
                let at = self.at(page).expect("a VMA that was cut is still there");
                let vma = &mut self.list[at];
                vma.account = match Kind::Write.allowed(prot) {
                    true => true,
                    false => old.account && old.anon.is_some(),
                };
                vma.prot = prot;
                let whole = old.pages;
                // What lies in the middle of its VMA has neighbours of the old flags alone.
                if self.merging.mprotect_merges && (whole.start == page || whole.end == end) {
                    self.merge(at);
                }
            }
            page = end;
        }
    }

    /// Merges a VMA that is new, or has new flags, with its neighbours.
    fn merge(&mut self, at: usize) {
        let left = at > 0 && self.is_mergeable(at - 1, at);
        let mut right = at + 1 < self.list.len() && self.is_mergeable(at, at + 1);
        if left && right && self.merging.sides_agree {
            right = self.anons_agree(at - 1, at + 1);
        }
        if right {
            let next = self.list.remove(at + 1);
            let vma = &mut self.list[at];
            vma.pages.end = next.pages.end;
            vma.anon = vma.anon.or(next.anon);
        }
        if left {
            let vma = self.list.remove(at);
            let prev = &mut self.list[at - 1];
            prev.pages.end = vma.pages.end;
            prev.anon = prev.anon.or(vma.anon);
        }
    }

    fn is_mergeable(&self, low: usize, high: usize) -> bool {
        let (a, b) = (&self.list[low], &self.list[high]);
        a.pages.end == b.pages.start
            && a.prot == b.prot
            && (a.account == b.account || !self.merging.accounts)
            && (a.shift == b.shift || !self.merging.offsets_agree)
            && self.anons_agree(low, high)
    }

    fn anons_agree(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.list[one], &self.list[other]);
        let lacks = one.anon.is_none() || other.anon.is_none();
        let may_take = lacks && !one.chained && !other.chained;
        !self.merging.anon_vma_agrees || may_take || one.anon == other.anon
    }

    /// A page gets a frame of its own, if it may be written to.
    fn own(&mut self, page: usize) {
        let Some(at) = self.at(page).filter(|at| self.is_writable(*at)) else {
            return;
        };
        if self.list[at].anon.is_some() {
            return;
        }
        let next = self.neighbours_anon(at, at + 1);
        let anon = next.or_else(|| self.neighbours_anon(at, at.checked_sub(1)?));
        self.list[at].anon = anon.or_else(|| {
            self.anons += 1;
            Some(self.anons)
        });
    }

    /// The `anon_vma` that the VMA at `at` may take from the one at `other`.
    fn neighbours_anon(&self, at: usize, other: usize) -> Option<u32> {
        let (vma, other) = (&self.list[at], self.list.get(other)?);
        let touches = vma.pages.end == other.pages.start || other.pages.end == vma.pages.start;
        let same = (vma.account == other.account || !self.merging.accounts)
            && (vma.shift == other.shift || !self.merging.offsets_agree);
        let may_take = touches && same && !other.chained;
        other
            .anon
            .filter(|_| may_take && self.merging.anon_vma_is_shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seqfault_lang::ops::Backing;

    /// The VMAs after `rw` mappings, stores and protections, as starts and ends.
    fn after(calls: &[Call]) -> Vec<(usize, usize)> {
        let mut vmas = Vmas::default();
        for call in calls {
            vmas.apply(call, Answer::Ok);
        }
        let ranges = vmas.list.into_iter().map(|vma| vma.pages);
        ranges.map(|pages| (pages.start, pages.end)).collect()
    }

    fn rw(pages: Range<usize>) -> Call {
        Call::Mmap {
            pages,
            prot: Prot::Rw,
            populate: false,
            noreplace: false,
            backing: Backing::Anon,
        }
    }

    #[test]
    fn untouched_neighbours_are_one() {
        assert_eq!(after(&[rw(0..2), rw(4..6), rw(2..4)]), [(0, 6)]);
    }

    #[test]
    fn what_fills_a_hole_between_touched_ones_goes_left() {
        let touched = [
            rw(0..2),
            Call::Write { page: 0, word: 1 },
            rw(4..6),
            Call::Write { page: 4, word: 1 },
        ];
        let filled = [&touched[..], &[rw(2..4)]].concat();
        assert_eq!(after(&filled), [(0, 4), (4, 6)]);
    }

    #[test]
    fn what_was_touched_is_one_with_its_old_place_alone() {
        let moved = [
            rw(0..2),
            rw(4..6),
            Call::Mremap {
                from: 4..6,
                to: 2..4,
            },
        ];
        assert_eq!(after(&moved), [(0, 4)]);
        let touched = [
            rw(0..2),
            rw(4..8),
            Call::Write { page: 4, word: 1 },
            Call::Mremap {
                from: 4..6,
                to: 2..4,
            },
            Call::Mremap {
                from: 2..4,
                to: 4..6,
            },
        ];
        assert_eq!(after(&touched[..4]), [(0, 2), (2, 4), (6, 8)]);
        assert_eq!(after(&touched), [(0, 2), (4, 8)]);
    }

    #[test]
    fn what_moves_next_to_itself_hands_on_its_neighbours_anon_vma() {
        let calls = [
            rw(0..1),
            Call::Write { page: 0, word: 1 },
            rw(2..5),
            Call::Mremap {
                from: 2..3,
                to: 1..2,
            },
            Call::Write { page: 4, word: 1 },
            rw(2..3),
        ];
        assert_eq!(after(&calls[..4]), [(0, 2), (3, 5)]);
        assert_eq!(after(&calls), [(0, 5)]);
    }

    #[test]
    fn a_split_that_is_undone_is_one_again() {
        let calls = [
            rw(0..6),
            Call::Write { page: 0, word: 1 },
            Call::Mprotect {
                pages: 2..4,
                prot: Prot::R,
            },
            Call::Mprotect {
                pages: 2..4,
                prot: Prot::Rw,
            },
        ];
        assert_eq!(after(&calls[..3]), [(0, 2), (2, 4), (4, 6)]);
        assert_eq!(after(&calls), [(0, 6)]);
    }

    #[test]
    fn a_fork_leaves_its_parent_as_it_is() {
        let mut vmas = Vmas::default();
        for call in [rw(0..2), Call::Write { page: 0, word: 1 }] {
            vmas.apply(&call, Answer::Ok);
        }
        let mut wrong = vmas.clone();
        wrong.merging.fork_chains_child = false;
        for vmas in [&mut vmas, &mut wrong] {
            vmas.fork();
            vmas.apply(&rw(2..4), Answer::Ok);
        }
        assert_eq!([vmas, wrong].map(|vmas| vmas.list.len()), [1, 2]);
    }

    #[test]
    fn what_was_writable_and_touched_differs_from_what_never_was() {
        let r = Call::Mmap {
            pages: 2..4,
            prot: Prot::R,
            populate: false,
            noreplace: false,
            backing: Backing::Anon,
        };
        let untouched = [
            rw(0..2),
            Call::Mprotect {
                pages: 0..2,
                prot: Prot::R,
            },
            r.clone(),
        ];
        assert_eq!(after(&untouched), [(0, 4)]);
        let touched = [
            rw(0..2),
            Call::Write { page: 0, word: 1 },
            Call::Mprotect {
                pages: 0..2,
                prot: Prot::R,
            },
            r,
        ];
        assert_eq!(after(&touched), [(0, 2), (2, 4)]);
    }
}
