//! A state of the abstract machine.

use std::rc::Rc;

use super::code::{Code, Later};
use super::page::{Mapping, Page};
use super::step::{At, Few};
use super::swap::Swap;
use super::walk::Walk;
use super::word::{Behind, Label, Source, View, Word};
use seqfault_lang::ops::Answer;

/// How far a CPU is within its current statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has not begun.
    Ready,
    /// The call has begun and will return this.
    Pending(Answer),
    /// The call goes through its pages one by one.
    Walking(Walk),
    /// The call copies its process; this many pages are behind it.
    Copying(u16),
}

/// A CPU.
#[derive(Clone, Debug)]
pub(super) struct Cpu {
    /// Its current statement.
    pub(super) pc: usize,
    /// How far it is in it.
    pub(super) phase: Phase,
    /// What it knows.
    pub(super) view: View,
}

/// What the finished sections of a process knew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Released {
    /// All of them.
    pub(super) all: View,
    /// The exclusive ones.
    pub(super) exclusive: View,
}

/// A state of the machine.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The CPUs.
    pub(super) cpus: Vec<Cpu>,
    /// The registers.
    pub(super) regs: Vec<Option<Answer>>,
    /// The pages, shared with the states where they are the same.
    pub(super) pages: Vec<Rc<Page>>,
    /// What finished sections knew, by process, shared like pages.
    pub(super) released: Rc<[Released]>,
    /// The next message label that was never used.
    pub(super) next_label: Label,
    /// Whether a page may map a word of another one.
    pub(super) maps_others: bool,
    /// How far `swapoff` is.
    pub(super) swap: Swap,
}

impl State {
    /// The state in which the threads of `code` start over `pages`.
    pub(super) fn start(code: &Code, pages: Vec<Rc<Page>>) -> State {
        let cpu = Cpu {
            pc: 0,
            phase: Phase::Ready,
            view: View::default(),
        };
        State {
            cpus: vec![cpu; code.threads.len()],
            regs: vec![None; code.regs],
            maps_others: pages.iter().any(|page| page.maps_others()),
            pages,
            released: vec![Released::default(); code.processes()].into(),
            next_label: 0,
            swap: Swap::On,
        }
    }

    /// Back to the start of all threads, which have ended, over the same pages: nothing is known of
    /// the past.
    ///
    /// Of the pages that they are about no version is left but the newest, and of each word no message
    /// but the last.
    pub(super) fn restart(&mut self, code: &Code) {
        for page in code
            .threads
            .iter()
            .flatten()
            .flat_map(|i| i.reached(code.pages))
        {
            let newest = self.pages[page].versions.len() - 1;
            if newest > 0 {
                self.drop_before(page, newest);
            }
            let home = self.pages[page].newest().and_then(|mapping| mapping.home);
            let source = self.newest_word(page).and_then(Word::source);
            for page in home.into_iter().chain(source).chain([page]) {
                if !self.pages[page].is_settled() {
                    self.page_mut(page).settle();
                }
            }
        }
        self.maps_others = self.maps_others && self.pages.iter().any(|page| page.maps_others());
        for cpu in &mut self.cpus {
            cpu.pc = 0;
            cpu.phase = Phase::Ready;
            cpu.view = View::default();
        }
        for process in 0..self.released.len() {
            self.set_released(process, Released::default());
        }
        self.next_label = 0;
    }

    pub(super) fn set_released(&mut self, process: usize, released: Released) {
        if self.released[process] != released {
            Rc::make_mut(&mut self.released)[process] = released;
        }
    }

    /// A page, to be changed.
    pub(super) fn page_mut(&mut self, page: usize) -> &mut Page {
        Rc::make_mut(&mut self.pages[page])
    }

    /// The page that has the word of a mapping of `page`.
    pub(super) fn home(&self, page: usize, mapping: Mapping) -> usize {
        mapping.home.unwrap_or(page)
    }

    /// The word that a word's content is in, which may be a file's; `None` behind the end of that.
    pub(super) fn content(&self, (page, word): At) -> Option<At> {
        match self.pages[page].words[word].shown() {
            Some(source) => Some((source.page, source.word?)),
            None => Some((page, word)),
        }
    }

    /// The memory of a word, which a file is long enough for.
    pub(super) fn memory(&self, at: At) -> &Word {
        let (page, word) = self.content(at).expect("the file is so long");
        &self.pages[page].words[word]
    }

    /// Whether a file's page has this word now, or what maps it shows it still.
    pub(super) fn is_shown(&self, page: usize, word: usize) -> bool {
        let shown = Some(Source {
            page,
            word: Some(word),
        });
        let mut words = self.pages.iter().flat_map(|page| &page.words);
        Some(self.source(page)) == shown || words.any(|other| other.shown() == shown)
    }

    /// Whether a store copies what a word shows before.
    pub(super) fn is_to_be_copied(&self, (page, word): At) -> bool {
        matches!(self.pages[page].words[word].behind, Behind::Private(_))
    }

    /// Whether a private mapping of `page` has a copy of its file's page.
    pub(super) fn is_copy(&self, page: usize) -> bool {
        let word = self.newest_word(page);
        word.is_some_and(|word| matches!(word.behind, Behind::Copied(_)))
    }

    /// What a file's page shows now.
    pub(super) fn source(&self, page: usize) -> Source {
        Source {
            page,
            word: self.pages[page].newest().map(|mapping| mapping.word),
        }
    }

    /// The memory of the newest state of a page.
    pub(super) fn newest_word(&self, page: usize) -> Option<&Word> {
        let mapping = self.pages[page].newest()?;
        Some(&self.pages[self.home(page, mapping)].words[mapping.word])
    }

    /// The pages that may map words of `page`, and what they call it.
    pub(super) fn users(&self, page: usize) -> impl Iterator<Item = (usize, Option<usize>)> {
        let others = if self.maps_others {
            self.pages.len()
        } else {
            0
        };
        let moved = (0..others).filter(move |&user| user != page);
        let moved = moved.filter(move |&user| {
            let mut mappings = self.pages[user].versions.iter().filter_map(|v| v.mapping);
            mappings.any(|mapping| mapping.home == Some(page))
        });
        std::iter::once((page, None)).chain(moved.map(move |user| (user, Some(page))))
    }

    /// Ends the pending call of `cpu` on a page: no version older than its own remains.
    pub(super) fn end(&mut self, cpu: usize, page: usize) {
        if let Some(at) = self.pages[page].pending(cpu) {
            self.page_mut(page).versions[at].by = None;
            self.drop_before(page, at);
        }
    }

    /// Drops the versions of a page before `at` and the memory that only they had; what was moved
    /// goes to its new page.
    pub(super) fn drop_before(&mut self, page: usize, at: usize) {
        if at == 0 {
            return;
        }
        self.page_mut(page).drop_before(at);
        for word in (0..self.pages[page].words.len()).rev() {
            if !self.pages[page].maps(None, word) {
                self.drop_word(page, word);
            }
        }
    }

    /// Drops a word that its page does not map; if it was moved, it goes to its new page.
    fn drop_word(&mut self, page: usize, word: usize) {
        let users: Few<_> = self.users(page).collect();
        let memory = self.page_mut(page).words.remove(word);
        let mut users_of_it = users.iter().map(|(user, _)| *user);
        let heir = users_of_it.find(|&user| self.pages[user].maps(Some(page), word));
        if let Some(heir) = heir {
            let number = self.pages[heir].words.len();
            self.page_mut(heir).words.push(memory);
            for &(user, home) in &users {
                let versions = &mut self.page_mut(user).versions;
                for version in versions.iter_mut().filter(|v| v.maps(home, word)) {
                    let mapping = version.mapping.as_mut().expect("it maps the word");
                    mapping.word = number;
                    mapping.home = (user != heir).then_some(heir);
                }
            }
        }
        for (user, home) in users {
            let versions = &mut self.page_mut(user).versions;
            versions.iter_mut().for_each(|v| v.close_gap(home, word));
        }
    }

    /// A label for a new message.
    pub(super) fn fresh_label(&mut self) -> Label {
        let label = self.next_label;
        self.next_label += 1;
        label
    }

    /// What `cpu` will still do to `page`.
    pub(super) fn later(&self, code: &Code, cpu: usize, page: usize) -> Later {
        code.later(cpu, self.cpus[cpu].pc, page)
    }

    /// Whether all CPUs have finished.
    pub(super) fn is_final(&self, code: &Code) -> bool {
        self.cpus
            .iter()
            .zip(&code.threads)
            .all(|(cpu, thread)| cpu.pc == thread.len())
    }
}
