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
//! - What populates several pages leaves its section to wait for one that may be out, as for one of a disk (`walk.rs`).
//! - A page that is out keeps no accessed bit and no dirty bit. One that stays in memory may lose the accessed bit.
//! - Processes have a page in common, after `fork`, until either stores to it: if one loses it, so may the others,
//!   wherever they have moved it to. The bits of their entries go as well. Other pages that were forked do not.
//! - What moves while the call is under way goes from where it is then.
//! - `mincore` may find it, out or not: it may be in the swap cache still.
//! - `swapoff` brings all pages in, and none goes any more: from its begin on it may be so, from its return on it is. A page
//!   that it brings in was not accessed. A second one is refused.
//! - A page of a file that is on a disk may leave the page cache, whoever maps it, and what it holds is on the disk: `mincore` may
//!   find it or not, until it is touched again. Where another CPU's call may map another page there meanwhile, it may be any.
//!   One of a file in memory may go to swap, or be forgotten if nothing was ever stored to it, and `mincore` may not find it
//!   until then either: shmem_writeout(), mm/shmem.c; `__remove_mapping()`, mm/vmscan.c.
//! - Nothing goes that a locked mapping has an entry of (`lock.rs`).
//! - What was freed lazily goes as ever (`lazy.rs`), reclaimed or not.
//!
//! # Linux
//! `shrink_folio_list()`, mm/vmscan.c; `do_swap_page()`, mm/memory.c; `madvise_cold_or_pageout_pte_range()`, mm/madvise.c,
//! which cleared accessed bits before 6.9; `mincore_swap()`, mm/mincore.c; `try_to_unuse()`, mm/swapfile.c.

use super::call::{Call, Course, Kind};
use super::section::Section;
use super::state::{Phase, State};
use super::step::{Few, Steps};
use super::word::{Bit, Populated, Touch, Word};

/// How far `swapoff` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swap {
    /// There is swap.
    On,
    /// It is about to go.
    Leaves,
    /// There is none.
    Off,
}

impl State {
    /// What is mapped at `page` may be out from now on, until it is accessed. `note`: of all memory that goes.
    fn reclaim(&mut self, page: usize, note: impl Fn(&mut Touch)) {
        let Some(mapping) = self.pages[page].newest() else {
            return;
        };
        let own = (self.home(page, mapping), mapping.word);
        let go = |state: &mut State, (home, word): (usize, usize)| {
            state.goes_out((home, word));
            note(&mut state.page_mut(home).words[word].touch);
        };
        let gone = &self.pages[own.0].words[own.1];
        let (shown, forked) = (gone.shown(), gone.touch.forked);
        let goes_too = |word: &Word| match shown {
            // All entries of the file's page go: try_to_unmap(), mm/rmap.c.
            Some(_) => word.shown() == shown,
            None => forked.is_some() && word.touch.forked == forked,
        };
        if self.is_kept(page) || shown.is_some() && self.keeps(goes_too) {
            return;
        }
        go(self, own);
        for home in 0..self.pages.len() {
            for word in 0..self.pages[home].words.len() {
                // Of what was forked it is not told which words are one memory: those alone are kept that are locked.
                let goes = goes_too(&self.pages[home].words[word]);
                if goes && !self.keeps_word((home, word)) {
                    go(self, (home, word));
                }
            }
        }
    }

    /// A call of `cpu` that reclaims has ended: what it found goes from where it was moved to.
    fn end_leaving(&mut self, cpu: usize) {
        for home in 0..self.pages.len() {
            for word in 0..self.pages[home].words.len() {
                if self.pages[home].words[word].touch.leaving & 1 << cpu != 0 {
                    if !self.keeps_word((home, word)) {
                        self.goes_out((home, word));
                    }
                    self.page_mut(home).words[word].touch.leaving &= !(1 << cpu);
                }
            }
        }
    }

    /// A call of `cpu` has brought in all that is out, and nothing goes any more.
    pub(super) fn bring_all_in(&mut self, cpu: usize) {
        self.swap = Swap::Off;
        for page in 0..self.pages.len() {
            let Some(mapping) = self.pages[page].newest() else {
                continue;
            };
            let own = (self.home(page, mapping), mapping.word);
            if self.pages[own.0].words[own.1].touch.may_be_out {
                self.arrive(cpu, page, own, Kind::Read);
            }
        }
        for page in 0..self.pages.len() {
            for word in 0..self.pages[page].words.len() {
                if self.pages[page].words[word].touch.may_be_out {
                    self.page_mut(page).words[word].touch.may_be_out = false;
                }
            }
        }
    }

    fn goes_out(&mut self, (home, word): (usize, usize)) {
        if self.swap == Swap::Off {
            return;
        }
        let touch = &mut self.page_mut(home).words[word].touch;
        touch.may_be_out = true;
        touch.accessed = touch.accessed.min(Bit::Maybe);
        touch.dirty = touch.dirty.min(Bit::Maybe);
    }
}

impl Steps<'_> {
    /// What `call` of `cpu` reclaims may be out from now on, until it is accessed.
    pub(super) fn begin_reclaim(&self, state: &mut State, cpu: usize, call: &Call) {
        for page in call.range() {
            state.reclaim(page, |touch| touch.leaving |= 1 << cpu);
        }
        self.leave_cache(state, cpu, call);
    }

    /// The call ends: what was accessed meanwhile may be out as well, wherever it was moved to.
    pub(super) fn end_reclaim(&self, state: &mut State, cpu: usize, call: &Call) {
        for page in call.range() {
            state.reclaim(page, |_| ());
        }
        state.end_leaving(cpu);
        self.leave_cache(state, cpu, call);
    }

    /// The pages of files that `call` of `cpu` reclaims may leave the page cache.
    fn leave_cache(&self, state: &mut State, cpu: usize, call: &Call) {
        let mut left: Few<usize> = Few::new();
        for page in call.range() {
            let shown = state.newest_word(page).and_then(Word::shown);
            left.extend(shown.map(|source| source.page));
        }
        if self.may_be_another(cpu, call) {
            left = self.code.files.pages().collect();
        }
        for page in left {
            let source = state.source(page);
            let Some(word) = source.word else { continue };
            if state.keeps(|of| of.shown() == Some(source)) {
                continue;
            }
            match self.code.files.may_be_read(source) {
                true => state.page_mut(page).words[word].touch.populated = Populated::No,
                false if state.is_cached(source) => state.goes_out((page, word)),
                false => {}
            }
        }
    }

    /// Whether another CPU's call may map something else where `call` of `cpu` looks for pages.
    fn may_be_another(&self, cpu: usize, call: &Call) -> bool {
        let others = self.code.threads.iter().enumerate();
        let mut others = others
            .filter(|&(other, _)| other != cpu)
            .flat_map(|(_, at)| at);
        others.any(|instr| {
            let is_change = instr.call.section() == Some(Section::Exclusive);
            is_change && instr.pages().any(|page| call.range().contains(&page))
        })
    }

    /// Whether a call is under way that may take the entry of `page` away and leave what it holds.
    pub(super) fn is_being_reclaimed(&self, state: &State, page: usize) -> bool {
        if state.swap == Swap::Off {
            return false;
        }
        if state.is_kept(page) {
            return false;
        }
        let word = state.newest_word(page);
        if word.is_some_and(|word| word.touch.leaving != 0) {
            return true;
        }
        let source = word.and_then(Word::shown);
        let mut cpus = state.cpus.iter().enumerate();
        cpus.any(|(cpu, at)| {
            let instr = self.code.at(cpu, at.pc);
            let call = instr.map(|instr| &instr.call);
            matches!(at.phase, Phase::Pending(_))
                && call.is_some_and(|call| {
                    let is_same = |other: usize| {
                        let shown = state.newest_word(other).and_then(Word::shown);
                        other == page || source.is_some() && shown == source
                    };
                    let is_any = source.is_some() && self.may_be_another(cpu, call);
                    call.reclaims() && (is_any || call.range().any(is_same))
                })
        })
    }
}
