//! Files become shorter and longer.
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
//! and all mappings are unmapped again. unmap_mapping_range(), mm/memory.c, with `even_cows`, takes no `mmap_lock`.

use std::ops::Range;

use super::page::Memory;
use super::state::State;
use super::step::{At, Steps};
use super::word::{Behind, Populated, Source, Word};

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
                let word = (index < len).then(Word::fresh);
                state.page_mut(page).show(word);
                self.show_anew(state, cpu, page);
                changed = true;
            }
        }
        changed
    }

    /// Begins new states of all that maps a file's page.
    fn show_anew(&self, state: &mut State, cpu: usize, of_file: usize) {
        for page in 0..self.code.files.pages().start {
            let source = state.newest_word(page).and_then(Word::source);
            if source == Some(of_file) {
                let prot = state.pages[page].newest().map(|mapping| mapping.prot);
                let memory = state.backing(page);
                let made = state.event(cpu);
                state.page_mut(page).begin(cpu, prot, memory, made);
            }
        }
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
            && !self.is_cached(source)
        {
            self.page_mut(source.page).words[word].touch.populated = Populated::Yes;
        }
    }

    /// No word shows what is not in the pages `file` any more, nor is a copy of it.
    pub(super) fn forget_truncated(&mut self, file: &Range<usize>) {
        for page in 0..file.start {
            for word in 0..self.pages[page].words.len() {
                let old = &self.pages[page].words[word];
                let Some(of_file) = old.source().filter(|source| file.contains(source)) else {
                    continue;
                };
                let source = self.source(of_file);
                let new = match old.behind {
                    Behind::Shared(_) => Behind::Shared(source),
                    Behind::Copied(_) if source.word.is_some() => continue,
                    _ => Behind::Private(source),
                };
                if new != old.behind {
                    self.page_mut(page).words[word] = Word::of_file(new);
                }
            }
        }
    }
}
