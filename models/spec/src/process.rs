//! Processes: the pages that `fork` makes.
//!
//! ```text
//!            main          fork c0            c0
//!   page p   [S0 S1]  --- copies S1 --->  [S1']    its memory begins with the last value
//! ```
//! Each process has as many pages as the test declares, under numbers of their own: page `p` of
//! process `k` is number `k * n + p`. A CPU's calls name the pages of its own process.
//!
//! What maps a file's page maps the same one in the child; what a private mapping has copied is copied once more.
//!
//! A `fork` is one step of the machine: it is excluded by every section of its process that is
//! under way, excludes none, and nothing pends behind it. The child gets the newest mapping of
//! each page, and memory of its own, whose first message is the last one of the parent's
//! modification order. That message carries no view: a CPU that runs in the child starts with all
//! that was done before, or does not run at all.
//!
//! # Linux
//! A kernel copies page by page, and is atomic all the same (dup_mmap(), kernel/fork.c, and
//! copy_present_ptes(), mm/memory.c): it takes write access from each page on its way, and keeps
//! all faults out meanwhile, by `mmap_lock` for writing and each VMA's lock (since commit
//! fb49c455323f, "fork: lock VMAs of the parent process when forking"). Only at the end does it
//! flush the TLBs. Until its flush a CPU may go on to store by an old translation, to pages that
//! are copied already as to others: the page is still the only one, so that such a store is in
//! both processes. Behind its flush a CPU faults with its first store, and waits for the end. So
//! what the child has is what was stored before the flush: no CPU's later store without its earlier
//! ones.

use std::rc::Rc;

use smallvec::smallvec;

use super::code::Instr;
use super::lock::Lock;
use super::page::{Arrival, Mapping, Page, Version};
use super::section::Section;
use super::state::{Phase, State};
use super::step::Steps;
use super::word::{Behind, Word};
use seqfault_lang::ops::Answer;

impl Steps<'_> {
    /// A step of a `fork` that has copied the first `done` pages: it copies what is left.
    pub(super) fn copy(&self, state: &mut State, cpu: usize, instr: &Instr, done: u16) {
        let (from, to) = instr.copied().expect("a fork");
        if done == 0 {
            self.acquire(state, cpu, Section::Exclusive);
        }
        let rest = usize::from(done)..match self.rules.fork_atomic {
            true => from.len(),
            false => from.len().min(usize::from(done) + 1),
        };
        for page in rest.clone() {
            self.copy_page(state, from.start + page, to.start + page);
        }
        if rest.end < from.len() {
            state.cpus[cpu].phase = Phase::Copying(done + 1);
        } else {
            self.release(state, cpu, Section::Exclusive);
            self.retire(state, cpu, Answer::Ok);
        }
    }

    /// Makes a page of the child, where nothing is yet.
    fn copy_page(&self, state: &mut State, from: usize, to: usize) {
        debug_assert!(state.pages[to].newest().is_none(), "a process is made once");
        if state.pages[from].is_break {
            state.page_mut(to).is_break = true;
        }
        let (Some(mapping), Some(word)) = (state.pages[from].newest(), state.newest_word(from))
        else {
            return;
        };
        let is_own = match word.behind {
            Behind::Own => self.rules.fork_private,
            Behind::Copied(_) => self.rules.files.fork_copies_copies,
            Behind::Shared(_) | Behind::Private(_) => true,
        };
        let shown = state.content((state.home(from, mapping), mapping.word));
        let first = u16::try_from(from).expect("few pages");
        let forked = word.touch.forked.unwrap_or(first);
        let word = match self.rules.fork_copies {
            true if matches!(word.behind, Behind::Shared(_)) && !self.rules.files.fork_shares => {
                let value = shown.map(|(page, word)| state.pages[page].words[word].last());
                Word::holding(value.unwrap_or(0))
            }
            true => Word {
                guard: word.guard && self.rules.guards.are_forked,
                ..word.copy(forked)
            },
            false => Word {
                touch: word.touch,
                ..Word::fresh()
            },
        };
        let mapping = Mapping {
            lock: Lock::No,
            ..mapping
        };
        let (words, mapping) = if is_own {
            let own = Mapping {
                word: 0,
                home: None,
                ..mapping
            };
            (smallvec![word], own)
        } else {
            state.maps_others = true;
            let home = Some(state.home(from, mapping));
            (smallvec![], Mapping { home, ..mapping })
        };
        if let Some(mapping) = state.pages[from].newest() {
            let home = state.home(from, mapping);
            state.page_mut(home).words[mapping.word].touch.forked = Some(forked);
        }
        // What either of them stores to is copied first.
        for version in &mut state.page_mut(from).versions {
            version.arrivals[1] = Arrival::Absent;
        }
        state.pages[to] = Rc::new(Page {
            versions: smallvec![Version::without_call(Some(mapping))],
            words,
            is_break: state.pages[to].is_break,
            ..Page::hole()
        });
    }
}
