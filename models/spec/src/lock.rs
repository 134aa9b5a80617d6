//! Mappings that are locked: their pages are brought in, and stay in memory.
//!
//! ```text
//!  not locked  --mlock begins-->  locked  --each page is brought in, one by one-->  mlock returns
//!  locked  --munlock, fork (in the child), mremap dontunmap (where it was)-->  not locked
//! ```
//! - `mlock` locks all of its pages up to the first hole, over which it fails, and brings nothing in. As it brings pages in
//!   holds no more than `mmap_lock` for reading, it passes over what others have unmapped meanwhile, and ends at a page that
//!   cannot come: of a mapping that admits nothing, a guard page, one behind the end of its file.
//! - What lets pages go is refused at the first locked page: `dontneed`, `free`, `cold`, `pageout` and `guard_install`. What is
//!   before it is done.
//! - Reclaim lets a page in memory that a locked mapping has an entry of, whoever else has it.
//! - What is locked and has become writable by `mprotect`, or is new behind what `mremap` makes longer, is brought in as by
//!   `mlock`, and if one page cannot come, those behind it do not; that is not told.
//!
//! # Linux
//! apply_vma_lock_flags(), mlock_fixup(), mm/mlock.c; __mm_populate(), mm/gup.c; madvise_dontneed_free_valid_vma(),
//! can_madv_lru_vma() and is_valid_guard_vma(), mm/madvise.c; folio_referenced_one() and try_to_unmap_one(), mm/rmap.c;
//! mprotect_fixup(), mm/mprotect.c, which goes on with the next VMA where it cannot bring in a page of one.

use super::call::Call;
use super::page::Mapping;
use super::state::State;
use super::step::{At, Few, Steps};
use super::word::{Behind, Populated, Touch, Word};
use seqfault_lang::ops::Answer;
use std::ops::Range;

/// Whether a mapping is locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lock {
    /// It is not.
    #[default]
    No,
    /// It is.
    Yes,
    /// It is, and has become writable: the page is still to be brought in.
    Owed,
}

/// Which rules of locked mappings hold. [`LockRules::default`] is the reference specification; any other setting is wrong of
/// Linux, and there to show that a comparison would notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRules {
    /// `mlock` brings pages in.
    pub populates: bool,
    /// The answer of `mlock` at a page that cannot come.
    pub cannot_come: Answer,
    /// What is locked before a hole stays so. `false`: `mlock` over a hole locks nothing.
    pub locks_before_hole: bool,
    /// What lets pages go is refused where they are locked.
    pub refuses_advice: bool,
    /// What `mremap` moves stays locked. `false`: it is not.
    pub moves_with_mremap: bool,
    /// What `mremap dontunmap` leaves is not locked. `false`: it is.
    pub ends_where_it_was: bool,
    /// What becomes writable by `mprotect` is brought in.
    pub mprotect_populates: bool,
    /// `mremap dontunmap` of a part leaves the rest of a locked mapping locked. `false` (weaker), as Linux 6.18 has it: all of the
    /// mapping may be unlocked: dontunmap_complete(), mm/mremap.c, clears VM_LOCKED on the VMA.
    pub part_unlocks_itself: bool,
}

impl Default for LockRules {
    fn default() -> LockRules {
        LockRules {
            populates: true,
            cannot_come: Answer::ENOMEM,
            locks_before_hole: true,
            refuses_advice: true,
            moves_with_mremap: true,
            ends_where_it_was: true,
            mprotect_populates: true,
            part_unlocks_itself: true,
        }
    }
}

impl Lock {
    /// The same, with nothing left to be brought in.
    pub(super) fn settled(self) -> Lock {
        match self {
            Lock::No => Lock::No,
            Lock::Yes | Lock::Owed => Lock::Yes,
        }
    }
}

impl State {
    /// Whether the newest mapping of a page is locked, and what is left to be done for that.
    pub(super) fn lock(&self, page: usize) -> Lock {
        let newest = self.pages[page].newest();
        newest.map_or(Lock::No, |mapping| mapping.lock)
    }

    /// Whether the newest mapping of a page is locked.
    pub(super) fn is_locked(&self, page: usize) -> bool {
        self.lock(page) != Lock::No
    }

    /// Locks the newest mapping of a page, or not.
    pub(super) fn set_lock(&mut self, page: usize, lock: Lock) {
        if self.lock(page) == lock {
            return;
        }
        let versions = &mut self.page_mut(page).versions;
        let newest = versions.last_mut().expect("it is never empty");
        if let Some(mapping) = &mut newest.mapping {
            mapping.lock = lock;
        }
    }

    /// What was owed to a locked mapping is brought in, or cannot be.
    pub(super) fn settle_lock(&mut self, page: usize) {
        let settled = self.lock(page).settled();
        self.set_lock(page, settled);
    }

    /// Whether a page is in memory for its locked mapping: it has an entry there. What could not be brought in, or has gone with
    /// its file's page, has none, and keeps nothing.
    pub(super) fn is_kept(&self, page: usize) -> bool {
        let has_entry = |touch: &Touch| touch.populated != Populated::No && !touch.may_be_out;
        let word = self.newest_word(page);
        self.is_locked(page) && word.is_some_and(|word| has_entry(&word.touch))
    }

    /// Whether a page that is kept has this word.
    pub(super) fn keeps_word(&self, (home, word): At) -> bool {
        let mut pages = 0..self.pages.len();
        pages.any(|page| {
            let mapping = self.pages[page].newest();
            let has = |m: Mapping| m.word == word && self.home(page, m) == home;
            self.is_kept(page) && mapping.is_some_and(has)
        })
    }

    /// Whether a page that is kept has such a word.
    pub(super) fn keeps(&self, is_such: impl Fn(&Word) -> bool) -> bool {
        let mut pages = 0..self.pages.len();
        pages.any(|page| self.is_kept(page) && self.newest_word(page).is_some_and(&is_such))
    }
}

/// What `mremap` makes longer: its pages behind those that move.
pub(super) fn behind_moved(from: &Range<usize>, to: &Range<usize>) -> Range<usize> {
    (to.start + from.len()).min(to.end)..to.end
}

impl Steps<'_> {
    /// The pages that a call which lets pages go may have, and what it answers for the first one that it may not.
    pub(super) fn up_to_locked(&self, state: &State, call: &Call) -> Option<Call> {
        let (Call::Dontneed { pages }
        | Call::Free { pages }
        | Call::Cold { pages }
        | Call::Pageout { pages }
        | Call::GuardInstall { pages }) = call
        else {
            return None;
        };
        if !self.rules.locks.refuses_advice {
            return None;
        }
        let first = pages.clone().find(|&page| state.is_locked(page))?;
        let pages = pages.start..first;
        Some(match call {
            Call::Dontneed { .. } => Call::Dontneed { pages },
            Call::Free { .. } => Call::Free { pages },
            Call::Cold { .. } => Call::Cold { pages },
            Call::Pageout { .. } => Call::Pageout { pages },
            _ => Call::GuardInstall { pages },
        })
    }

    /// The pages that may be of one locked mapping with what `call` moves, where Linux unlocks all of that.
    pub(super) fn locked_neighbours(&self, state: &State, call: &Call) -> Few<usize> {
        let Call::Mremap {
            from,
            dontunmap: true,
            ..
        } = call
        else {
            return Few::new();
        };
        if self.rules.locks.part_unlocks_itself || !state.is_locked(from.start) {
            return Few::new();
        }
        let is_locked = |page: &usize| state.is_locked(*page);
        let below = (0..from.start).rev().take_while(is_locked);
        let above = (from.end..self.code.files.pages().start).take_while(is_locked);
        below.chain(above).collect()
    }

    /// Whether what is moved is locked, where it was so.
    pub(super) fn lock_moved(&self, lock: Lock) -> Lock {
        match self.rules.locks.moves_with_mremap {
            true => lock,
            false => Lock::No,
        }
    }

    /// Locks `pages` up to the first hole, or unlocks them.
    pub(super) fn lock_pages(&self, state: &mut State, pages: Range<usize>, lock: Lock) {
        let mapped = |page: &usize| state.pages[*page].newest().is_some();
        let mapped: Vec<usize> = pages.clone().take_while(mapped).collect();
        if mapped.len() < pages.len() && lock == Lock::Yes && !self.rules.locks.locks_before_hole {
            return;
        }
        for page in mapped {
            if !self.is_of_device(state, page) {
                state.set_lock(page, lock);
            }
        }
    }

    /// Whether the newest mapping of a page is one of a driver's memory: mlock_fixup(), VM_SPECIAL; __mm_populate(), VM_PFNMAP.
    pub(super) fn is_of_device(&self, state: &State, page: usize) -> bool {
        let source = state.newest_word(page).and_then(Word::source);
        source.is_some_and(|of_file| self.code.files.is_devices(of_file))
    }

    /// `mprotect` of a CPU has begun to make this page writable: if it is locked, it is to be brought in.
    pub(super) fn owe(&self, state: &mut State, page: usize) {
        let is_shared = |word: &Word| matches!(word.behind, Behind::Shared(_));
        let is_own = !state.newest_word(page).is_some_and(is_shared);
        if state.is_locked(page) && is_own && self.rules.locks.mprotect_populates {
            state.set_lock(page, Lock::Owed);
        }
    }

    /// The pages that `call`, which has changed what it changes, still brings in.
    pub(super) fn brought_in(&self, state: &State, call: &Call) -> Range<usize> {
        let pages = match call {
            Call::Mlock { pages } if self.rules.locks.populates => pages.clone(),
            Call::Mmap {
                pages,
                populate: true,
                ..
            } => pages.clone(),
            Call::Mprotect { pages, .. } => pages.clone(),
            Call::Mremap { from, to, .. } => behind_moved(from, to),
            _ => 0..0,
        };
        let is_owed = match call {
            Call::Mprotect { .. } => pages.clone().any(|page| state.lock(page) == Lock::Owed),
            Call::Mremap { .. } => pages.clone().any(|page| state.is_locked(page)),
            _ => true,
        };
        match is_owed {
            true => pages,
            false => 0..0,
        }
    }
}
