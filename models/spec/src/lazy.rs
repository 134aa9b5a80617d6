//! Pages that `madvise free` has freed lazily: each goes at a moment of its own, or is kept by a store.
//!
//! ```text
//!  Kept --free begins--> MayGo --discarded--> Gone, under a new version with fresh memory
//!    ^                     |
//!    +------- store -------+
//! ```
//! Nothing that a program does discards a page, so this is a step of the machine that no CPU takes.
//! While the call is under way a store may come before it reaches its page or after that, and need
//! not keep it. After a page has gone, loads may still go by an old translation to what it held; a
//! store does not, as there is none that could be stored by without a look at the entry.
//!
//! # Linux
//! `madvise_free_pte_range()`, mm/madvise.c, clears the dirty bit of the entry and of the page, and
//! flushes at its end. Reclaim, `try_to_unmap_one()`, mm/rmap.c, first takes the entry away and then
//! looks at its dirty bit: a page that was stored to is put back. The flush of an entry that was
//! clean may come later, for many pages at once (`set_tlb_ubc_flush_pending()`), so that one CPU
//! reads 0 while another reads the old word.

use seqfault_lang::ops::Op;

use super::page::Mapping;
use super::state::{Phase, State};
use super::step::{At, Steps, fork};
use super::word::Word;

/// Whether a page's memory may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lazy {
    /// It stays.
    #[default]
    Kept,
    /// It may go.
    MayGo,
    /// It has gone: a newer version has fresh memory.
    Gone,
}

impl State {
    /// Whether what a page holds may go.
    pub(super) fn is_lazy(&self, page: usize) -> bool {
        self.newest_word(page)
            .is_some_and(|word| word.lazy == Lazy::MayGo)
    }

    /// Whether a page maps a file. What it maps never goes.
    pub(super) fn shows_file(&self, page: usize) -> bool {
        self.newest_word(page).and_then(Word::source).is_some()
    }

    /// The same state with what a page holds gone, if it may go.
    pub(super) fn discarded(&self, page: usize) -> Option<State> {
        let mapping = self.pages[page].newest()?;
        if !self.is_lazy(page) {
            return None;
        }
        let mut state = self.clone();
        let home = state.home(page, mapping);
        state.page_mut(home).words[mapping.word].lazy = Lazy::Gone;
        state.page_mut(page).renew(mapping);
        Some(state)
    }

    /// Whether the memory of a mapping of `page` has gone.
    pub(super) fn has_gone(&self, page: usize, mapping: Mapping) -> bool {
        let home = self.home(page, mapping);
        self.pages[home].words[mapping.word].lazy == Lazy::Gone
    }
}

impl Steps<'_> {
    /// Appends the states in which one more page has gone.
    pub(super) fn discards(&self, state: &State, out: &mut Vec<State>) {
        self.discard(state, 0..state.pages.len(), out);
    }

    /// Appends the states in which one of `pages` has gone.
    pub(super) fn discard(
        &self,
        state: &State,
        pages: impl Iterator<Item = usize>,
        out: &mut Vec<State>,
    ) {
        if self.rules.lazy_pages_go {
            out.extend(pages.filter_map(|page| state.discarded(page)));
        }
    }

    /// Whether a call is under way that frees `page` lazily.
    pub(super) fn is_being_freed(&self, state: &State, page: usize) -> bool {
        let mut cpus = state.cpus.iter().enumerate();
        cpus.any(|(cpu, at)| {
            let instr = self.code.at(cpu, at.pc);
            let free = instr.filter(|instr| matches!(instr.call, Op::Free { .. }));
            let is_anonymous = |page: &usize| !state.shows_file(*page);
            matches!(at.phase, Phase::Pending(_))
                && free.is_some_and(|free| {
                    free.pages()
                        .take_while(is_anonymous)
                        .any(|freed| freed == page)
                })
        })
    }

    /// Appends what a store to a word leaves, by a mapping of `page`: the word stays.
    pub(super) fn stored(&self, state: State, page: usize, (home, word): At, out: &mut Vec<State>) {
        if state.pages[home].words[word].source().is_some() {
            return out.push(state);
        }
        let lazy = state.pages[home].words[word].lazy;
        let left: &[Lazy] = match lazy {
            Lazy::Gone => &[Lazy::Gone],
            _ if self.is_being_freed(&state, page) => &[Lazy::Kept, Lazy::MayGo],
            Lazy::MayGo if !self.rules.stores_keep_lazy_pages => &[Lazy::MayGo],
            Lazy::Kept | Lazy::MayGo => &[Lazy::Kept],
        };
        if let [same] = left
            && *same == lazy
        {
            return out.push(state);
        }
        fork(state, left, |mut state, left| {
            state.page_mut(home).words[word].lazy = *left;
            out.push(state);
        });
    }
}
