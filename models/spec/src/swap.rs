//! Pages that go out of memory, and come back when they are accessed.
//!
//! ```text
//!  in --reclaim, madvise pageout--> perhaps out --access, populate, a fault--> in
//! ```
//! What a program reads is the same either way. Whether the page goes is the implementation's choice: there may be
//! nowhere to put it, or another CPU may be at it. So a call makes of a page one that *may be out*, whose entry is
//! there or not; in the end it is the one or the other, and all that is told of it goes by that.
//!
//! - The entry goes at any time between the call and its return. What is accessed meanwhile may be out at the end.
//! - Where it may have gone, an entry that comes is news to all CPUs but the one that brings it: their faults may have
//!   begun before (`fault.rs`).
//! - A page that is out keeps no accessed bit and no dirty bit. One that stays in memory may lose the accessed bit.
//! - Processes have a page in common, after `fork`, until either stores to it: if one loses it, so may the others,
//!   wherever they have moved it to. The bits of their entries go as well.
//! - `mincore` may find it, out or not: it may be in the swap cache still.
//! - What was freed lazily goes as ever (`lazy.rs`), reclaimed or not.
//!
//! # Linux
//! `shrink_folio_list()`, mm/vmscan.c; `do_swap_page()`, mm/memory.c; `madvise_cold_or_pageout_pte_range()`, mm/madvise.c,
//! which cleared accessed bits before 6.9; `mincore_swap()`, mm/mincore.c.

use super::call::Course;
use super::state::{Phase, State};
use super::step::Steps;
use super::word::Bit;

impl State {
    /// What is mapped at `page` may be out from now on, until it is accessed.
    pub(super) fn reclaim(&mut self, page: usize) {
        let Some(mapping) = self.pages[page].newest() else {
            return;
        };
        let own = (self.home(page, mapping), mapping.word);
        self.goes_out(own);
        if !self.pages[own.0].words[own.1].touch.is_forked {
            return;
        }
        for home in 0..self.pages.len() {
            for word in 0..self.pages[home].words.len() {
                if self.pages[home].words[word].touch.is_forked {
                    self.goes_out((home, word));
                }
            }
        }
    }

    fn goes_out(&mut self, (home, word): (usize, usize)) {
        let touch = &mut self.page_mut(home).words[word].touch;
        touch.may_be_out = true;
        touch.accessed = touch.accessed.min(Bit::Maybe);
        touch.dirty = touch.dirty.min(Bit::Maybe);
    }
}

impl Steps<'_> {
    /// Whether a call is under way that may take the entry of `page` away and leave what it holds.
    pub(super) fn is_being_reclaimed(&self, state: &State, page: usize) -> bool {
        let word = state.newest_word(page);
        let is_forked = word.is_some_and(|word| word.touch.is_forked);
        let mut cpus = state.cpus.iter().enumerate();
        cpus.any(|(cpu, at)| {
            let instr = self.code.at(cpu, at.pc);
            let call = instr.map(|instr| &instr.call);
            matches!(at.phase, Phase::Pending(_))
                && call.is_some_and(|call| {
                    call.reclaims() && (is_forked || call.range().contains(&page))
                })
        })
    }
}
