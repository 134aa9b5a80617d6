//! VMAs that are locked: rule 14 of [the others](super).

use std::ops::Range;

use super::Vmas;
use crate::call::Call;
use seqfault_lang::litmus::ast::Prot;

impl Vmas {
    /// Whether the VMA that covers `page` is locked.
    pub(super) fn is_locked(&self, page: usize) -> bool {
        self.at(page).is_some_and(|at| self.list[at].locked)
    }

    pub(super) fn mlock(&mut self, pages: &Range<usize>, is_guard: &impl Fn(usize) -> bool) {
        self.set_locked(pages, true);
        if pages.clone().all(|page| self.at(page).is_some()) {
            self.bring_in(pages.clone(), is_guard);
        }
    }

    /// Locks what is mapped of `pages` up to the first hole, or unlocks it: apply_vma_lock_flags(), mm/mlock.c.
    pub(super) fn set_locked(&mut self, pages: &Range<usize>, locked: bool) {
        let mut page = pages.start;
        while page < pages.end
            && let Some(at) = self.at(page)
        {
            let end = self.list[at].pages.end.min(pages.end);
            if self.list[at].locked != locked {
                self.modify(page..end, |vma| vma.locked = locked);
            }
            page = end;
        }
    }

    /// Brings in `pages`, which are mapped, up to one that cannot come: populate_vma_page_range(), mm/gup.c.
    pub(super) fn bring_in(&mut self, pages: Range<usize>, is_guard: &impl Fn(usize) -> bool) {
        for page in pages {
            let Some(at) = self.at(page) else { return };
            if is_guard(page) || self.list[at].prot == Prot::None {
                return;
            }
            self.own(page);
            if self.is_behind_end(at, page) {
                return;
            }
        }
    }

    /// Whether Linux does something by VMAs in `call` that cannot be told of pages: `dontunmap` unlocks all of a locked VMA of
    /// which a part moves, and what that has become one with; where `mprotect` cannot bring in a page of one VMA, it goes
    /// on with the next.
    pub fn tells_more_than_pages(&self, call: &Call) -> bool {
        let is_locked = |pages: &Range<usize>| pages.clone().any(|page| self.is_locked(page));
        let is_whole = |pages: &Range<usize>| {
            let mut vmas = pages.clone().filter_map(|page| self.at(page));
            vmas.all(|at| {
                let vma = &self.list[at].pages;
                vma.start >= pages.start && vma.end <= pages.end
            })
        };
        match call {
            Call::Mremap {
                from,
                to,
                dontunmap: true,
            } => {
                is_locked(from) && (!is_whole(from) || from.end == to.start || to.end == from.start)
            }
            Call::Mprotect { pages, .. } => {
                let one = self.at(pages.start);
                is_locked(pages) && pages.clone().any(|page| self.at(page) != one)
            }
            _ => false,
        }
    }
}
