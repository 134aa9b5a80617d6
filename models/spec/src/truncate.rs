//! Files become shorter and longer, and get holes.
//!
//! ```text
//!  file's page       [w]    begin   []                end
//!  what maps it      [S0]  ------>  [S0 S1]          ---->  [S1]
//! ```
//! The new length is there at the begin: what is mapped from then on is by it. Each page that maps a page of the file
//! that goes, or comes, begins a new state, whose memory is what the file has there now, or nothing: then an access is
//! answered `bus`. A private mapping's copies go with the file's pages. Until the end other CPUs may go by the old
//! states, as with any call; afterwards nothing shows what went. A page that comes is zero, and in the page cache when it
//! is touched.
//!
//! # Linux
//! shmem_setattr(), mm/shmem.c, under the inode's lock: the size is written, all mappings are unmapped, the pages go,
//! and all mappings are unmapped again. shmem_fallocate() with FALLOC_FL_PUNCH_HOLE, there: the length stays, and so do copies.
//! unmap_mapping_range(), mm/memory.c, with `even_cows`, takes no `mmap_lock`.

use std::ops::Range;

use super::call::Call;
use super::code::Instr;
use super::page::{Memory, Page};
use super::state::{Phase, State};
use super::step::{At, Steps};
use super::word::{Behind, Populated, Source, Word};

/// What becomes of a private mapping's copies of a page that goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copies {
    /// They go, too.
    Go,
    /// They stay.
    Stay,
}

impl Steps<'_> {
    /// The pages `file` are to be `len` from now on. Whether any page changes.
    pub(super) fn truncate(
        &self,
        state: &mut State,
        cpu: usize,
        file: Range<usize>,
        len: usize,
    ) -> bool {
        let mut changed = false;
        for (index, page) in file.enumerate() {
            let is_there = state.source(page).word.is_some();
            if is_there != (index < len) {
                let word = (index < len).then(|| self.coming(&state.pages[page]));
                state.page_mut(page).show(word);
                if index >= len || self.rules.files.growth_is_shown {
                    self.show_anew(state, cpu, page, Copies::Go);
                }
                changed = true;
            }
        }
        changed
    }

    /// Where the file's page `hole` is, if it is one, are zeros from now on, but in the copies that private mappings have.
    /// Whether there is such a page.
    pub(super) fn punch(&self, state: &mut State, cpu: usize, hole: Range<usize>) -> bool {
        let mut changed = false;
        let copies = match self.rules.files.punch_spares_copies {
            true => Copies::Stay,
            false => Copies::Go,
        };
        for page in hole {
            if state.source(page).word.is_some() && self.rules.files.punch_clears {
                state.page_mut(page).show(Some(Word::fresh()));
                self.show_anew(state, cpu, page, copies);
                changed = true;
            }
        }
        changed
    }

    /// What comes with a file's new length, where `page` of it was before.
    fn coming(&self, page: &Page) -> Word {
        let rules = &self.rules.files;
        let value = page.words.last().filter(|_| !rules.truncate_loses_words);
        let value = value.map_or(0, Word::last);
        match rules.growth_is_untouched {
            true => Word::holding(value),
            false => Word::cached(value),
        }
    }

    /// Begins new states of all that maps a file's page.
    fn show_anew(&self, state: &mut State, cpu: usize, of_file: usize, copies: Copies) {
        let (rules, shows) = (&self.rules.files, state.source(of_file).word.is_some());
        let copies_stay = copies == Copies::Stay || !rules.truncate_drops_copies;
        for page in 0..self.code.files.pages().start {
            let source = state.newest_word(page).and_then(Word::source);
            let is_guarded = state.is_guard(page) && self.rules.guards.stay_over_truncate;
            let stays = is_guarded || state.is_copy(page) && copies_stay;
            if source == Some(of_file) && !stays {
                let prot = state.pages[page].newest().map(|mapping| mapping.prot);
                let prot = prot.filter(|_| shows || rules.truncate_keeps_mappings);
                let memory = state.backing(page);
                let made = state.event(cpu);
                state.page_mut(page).begin(cpu, prot, memory, made);
            }
        }
    }
}

impl Steps<'_> {
    /// No word shows what is not in the pages `file` any more, nor is a copy of it; but where another CPU unmaps, or
    /// replaces, what maps it: that mapping may have left `i_mmap` before its translations go, free_pgtables() and
    /// tlb_finish_mmu(), so that its old states stay to the end of that call.
    pub(super) fn forget_truncated(&self, state: &mut State, cpu: usize, file: &Range<usize>) {
        for page in 0..file.start {
            if self.is_unmapped_by_another(state, cpu, page) {
                let by = u8::try_from(cpu).ok();
                let mut own = state.pages[page].versions.iter();
                if own.any(|version| version.by == by) {
                    let versions = &mut state.page_mut(page).versions;
                    let own = versions.iter_mut().filter(|version| version.by == by);
                    own.for_each(|version| version.by = None);
                }
                continue;
            }
            for word in 0..state.pages[page].words.len() {
                let old = &state.pages[page].words[word];
                let Some(of_file) = old.source().filter(|source| file.contains(source)) else {
                    continue;
                };
                let source = state.source(of_file);
                let new = match old.behind {
                    Behind::Shared(_) => Behind::Shared(source),
                    Behind::Copied(_)
                        if source.word.is_some() || !self.rules.files.truncate_drops_copies =>
                    {
                        continue;
                    }
                    _ if source.word.is_some() && !self.rules.files.growth_is_shown => continue,
                    _ => Behind::Private(source),
                };
                if new != old.behind {
                    let guard = old.guard && self.rules.guards.stay_over_truncate;
                    state.page_mut(page).words[word] = Word {
                        guard,
                        ..Word::of_file(new)
                    };
                }
            }
        }
    }

    /// Whether a call of another CPU is under way that takes away what is mapped at `page`.
    fn is_unmapped_by_another(&self, state: &State, cpu: usize, page: usize) -> bool {
        let mut cpus = state.cpus.iter().enumerate();
        cpus.any(|(other, at)| {
            let unmaps = |instr: &Instr| {
                matches!(
                    instr.call,
                    Call::Munmap { .. } | Call::Mmap { .. } | Call::Brk { .. }
                ) && instr.pages().any(|unmapped| unmapped == page)
            };
            other != cpu
                && matches!(at.phase, Phase::Pending(_))
                && self.code.at(other, at.pc).is_some_and(unmaps)
        })
    }
}

impl State {
    /// What backs a page that is mapped: its memory if it were mapped anew.
    pub(super) fn backing(&self, page: usize) -> Memory {
        match self
            .newest_word(page)
            .map_or(Behind::Own, |word| word.behind)
        {
            Behind::Own => Memory::Fresh,
            Behind::Shared(source) => Memory::File(Behind::Shared(self.source(source.page))),
            Behind::Private(Source { page, .. }) | Behind::Copied(page) => {
                Memory::File(Behind::Private(self.source(page)))
            }
        }
    }

    /// Whether a file's page is in the page cache. One that comes with a file's new length is not, until it is
    /// faulted in: shmem_get_folio_gfp(), mm/shmem.c.
    pub(super) fn is_cached(&self, source: Source) -> bool {
        let word = source.word.map(|word| &self.pages[source.page].words[word]);
        word.is_some_and(|word| word.touch.populated != Populated::No)
    }

    /// A word is accessed or populated: what it shows of a file is in the page cache from now on.
    pub(super) fn cache(&mut self, (page, word): At) {
        if let Some(source) = self.pages[page].words[word].shown()
            && let Some(word) = source.word
            && (!self.is_cached(source) || self.is_in_swap(source))
        {
            let touch = &mut self.page_mut(source.page).words[word].touch;
            touch.populated = Populated::Yes;
            touch.may_be_out = false;
        }
    }

    /// Whether a file's page may be in swap.
    pub(super) fn is_in_swap(&self, source: Source) -> bool {
        let word = source.word.map(|word| &self.pages[source.page].words[word]);
        word.is_some_and(|word| word.touch.may_be_out)
    }
}
