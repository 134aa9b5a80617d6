//! VMAs and their `anon_vma`: rules 3 and 11 of [the others](super).

use std::ops::Range;

use super::{Vma, Vmas};

impl Vmas {
    /// A page gets a frame of its own, if it may be written to.
    pub(super) fn own(&mut self, page: usize) {
        let Some(at) = self.at(page).filter(|at| self.is_writable(*at)) else {
            return;
        };
        if !self.is_shared(self.list[at].source) {
            self.prepare_anon(at);
        }
    }

    /// Guard pages are made in what is mapped of `pages`.
    pub(super) fn guard(&mut self, pages: &Range<usize>) {
        for at in 0..self.list.len() {
            let Vma {
                pages: own, source, ..
            } = &self.list[at];
            let is_in = own.start < pages.end && pages.start < own.end;
            // It goes no further: is_valid_guard_vma().
            if is_in && self.list[at].locked {
                return;
            }
            let is_owned = match source.file {
                None => self.merging.guards_are_owned,
                Some(_) => self.merging.guards_own_files,
            };
            if is_owned && is_in {
                self.prepare_anon(at);
            }
        }
    }

    /// The VMA at `at` gets its `anon_vma`, if it has none.
    fn prepare_anon(&mut self, at: usize) {
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
            && vma.locked == other.locked
            && self.sources_agree(vma.source, other.source);
        let may_take = touches && same && !other.chained;
        other
            .anon
            .filter(|_| may_take && self.merging.anon_vma_is_shared)
    }
}
