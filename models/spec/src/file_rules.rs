//! The rules of mappings of files, each of which can be changed alone, and what becomes of a mapping where one is.

use smallvec::smallvec;

use super::page::Memory;
use super::state::State;
use super::step::Steps;
use super::word::{Behind, Message, Source, Word};
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Answer;

/// Which rules of mappings of files hold. [`FileRules::default`] is the reference specification; any other
/// setting is wrong of Linux, and there to show that a comparison would notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRules {
    /// All mappings of a page are one memory. `false`: each has its own, which begins with the file's word.
    pub mappings_share: bool,
    /// The child of a `fork` maps the same pages. `false`: it has copies of them.
    pub fork_shares: bool,
    /// A mapping begins at the page of the file that `mmap` is given. `false`: at the first one.
    pub mmap_has_offset: bool,
    /// What `mprotect` changes goes on to show the same pages. `false`: the file's from the first one on.
    pub mprotect_keeps_offset: bool,
    /// What `mremap` moves goes on to show the same pages. `false`: the file's from the first one on.
    pub mremap_keeps_offset: bool,
    /// What `mremap` makes longer goes on with the file. `false`: anonymous memory comes behind it.
    pub mremap_goes_on: bool,
    /// A mapping may be longer than its file. `false`: nothing is mapped behind the end.
    pub reaches_behind_end: bool,
    /// The answer of an access behind the end of the file.
    pub behind_end: Answer,
    /// The answer of `populate_*` behind the end of the file.
    pub populate_behind_end: Answer,
    /// `munmap` leaves the words as they are. `false`: they are 0.
    pub munmap_keeps_words: bool,
    /// `madvise dontneed` leaves the words as they are. `false`: fresh memory is mapped instead.
    pub dontneed_keeps_words: bool,
    /// `madvise free` refuses a mapping of a file. `false`: it passes it over.
    pub free_refuses: bool,
    /// `mincore` counts each page of the file. `false`: those that some mapping has made present.
    pub mincore_counts_all: bool,
    /// A store by a private mapping goes to a copy. `false`: to the file.
    pub stores_copy: bool,
    /// To populate a private mapping for writing makes copies. `false`: it shows the file's pages still.
    pub populating_copies: bool,
    /// What is stored to a file leaves copies of its pages as they are. `false`: it is stored to them too.
    pub copies_are_apart: bool,
    /// A private mapping shows what is stored to its file before it has a copy. `false`: `mmap` makes copies.
    pub private_shows_stores: bool,
    /// `madvise dontneed` takes copies away. `false`: they stay.
    pub dontneed_drops_copies: bool,
    /// Where `madvise dontneed` takes a copy away, the file's page is behind it. `false`: fresh memory is.
    pub file_is_behind_copies: bool,
    /// The child of a `fork` has copies of its own. `false`: those of its parent.
    pub fork_copies_copies: bool,
    /// What `mremap` moves keeps its copies. `false`: it shows the file's pages again.
    pub mremap_moves_copies: bool,
    /// Copies of what `truncate` takes from a file go too. `false`: they stay.
    pub truncate_drops_copies: bool,
    /// Where `truncate` takes pages from a file, what maps them stays. `false`: it is unmapped.
    pub truncate_keeps_mappings: bool,
    /// What comes where a file was longer before is zero. `false`: it is what was there.
    pub truncate_loses_words: bool,
    /// What is mapped behind the end of a file shows what comes there. `false`: it is behind the end for ever.
    pub growth_is_shown: bool,
    /// What comes with a file's new length is in the page cache once it is touched. `false`: at once.
    pub growth_is_untouched: bool,
    /// `punch` takes the page, and what comes there is zero. `false`: nothing happens.
    pub punch_clears: bool,
    /// `punch` leaves the copies of the page that private mappings have. `false`: they go.
    pub punch_spares_copies: bool,
}

impl Default for FileRules {
    fn default() -> FileRules {
        FileRules {
            mappings_share: true,
            fork_shares: true,
            mmap_has_offset: true,
            mprotect_keeps_offset: true,
            mremap_keeps_offset: true,
            mremap_goes_on: true,
            reaches_behind_end: true,
            behind_end: Answer::BUS,
            populate_behind_end: Answer::EFAULT,
            munmap_keeps_words: true,
            dontneed_keeps_words: true,
            free_refuses: true,
            mincore_counts_all: true,
            stores_copy: true,
            populating_copies: true,
            copies_are_apart: true,
            private_shows_stores: true,
            dontneed_drops_copies: true,
            file_is_behind_copies: true,
            fork_copies_copies: true,
            mremap_moves_copies: true,
            truncate_drops_copies: true,
            truncate_keeps_mappings: true,
            truncate_loses_words: true,
            growth_is_shown: true,
            growth_is_untouched: true,
            punch_clears: true,
            punch_spares_copies: true,
        }
    }
}

impl Steps<'_> {
    /// What an `mmap` of a file maps at the page number `nth` of its range: as `prot` says, from page number `at` of all
    /// files' pages on, in this `manner`.
    pub(super) fn map_file(
        &self,
        state: &State,
        prot: Prot,
        at: usize,
        nth: usize,
        manner: fn(Source) -> Behind,
    ) -> (Option<Prot>, Memory) {
        let (files, rules) = (&self.code.files, &self.rules.files);
        let page = match rules.mmap_has_offset {
            true => files.page(at, nth),
            false => files.behind(files.first(files.page(at, 0)), nth),
        };
        let source = state.source(page);
        let behind = manner(source);
        let is_apart = match behind {
            Behind::Private(_) => !rules.private_shows_stores,
            _ => !rules.mappings_share,
        };
        let memory = match source.word {
            Some(word) if is_apart => Memory::Holding(state.pages[page].words[word].last()),
            _ => Memory::File(behind),
        };
        let is_there = source.word.is_some() || rules.reaches_behind_end;
        (is_there.then_some(prot), memory)
    }

    /// What a mapping of `page` shows that is the number `nth` of a call's range, where the call forgets the offset in
    /// the file; `None` of anonymous memory.
    pub(super) fn without_offset(&self, state: &State, page: usize, nth: usize) -> Option<Memory> {
        let files = &self.code.files;
        let begin = |page: usize| state.source(files.behind(files.first(page), nth));
        match state.newest_word(page)?.behind {
            Behind::Own => None,
            Behind::Shared(source) => Some(Memory::File(Behind::Shared(begin(source.page)))),
            Behind::Private(Source { page, .. }) | Behind::Copied(page) => {
                Some(Memory::File(Behind::Private(begin(page))))
            }
        }
    }
}

impl Steps<'_> {
    /// Stores `value` to the copies of a file's page too, where the rules are so.
    pub(super) fn store_to_copies(&self, state: &mut State, of_file: usize, value: u64) {
        if self.rules.files.copies_are_apart {
            return;
        }
        for page in 0..self.code.files.pages().start {
            for word in 0..state.pages[page].words.len() {
                if state.pages[page].words[word].behind == Behind::Copied(of_file) {
                    state.page_mut(page).words[word].messages = smallvec![Message::base(value)];
                }
            }
        }
    }
}

impl State {
    /// Forgets what was stored to the page of a file that `page` maps, and what it began with.
    pub(super) fn forget_word(&mut self, page: usize) {
        let shown = self.newest_word(page).and_then(Word::shown);
        if let Some(source) = shown
            && let Some(word) = source.word
        {
            self.page_mut(source.page).words[word] = Word::cached(0);
        }
    }
}
