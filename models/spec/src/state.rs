//! A state of the abstract machine, and its normal form.
//!
//! Two states that no continuation can tell apart should be one, or the search
//! visits both. [`State::normalize`] forgets what cannot matter any more: messages
//! that every CPU is past, views of words that no CPU will access, old versions
//! that no CPU will go by; then it renames message labels in the order of pages,
//! words and messages.

use std::rc::Rc;

use super::call::Kind;

use super::code::{Code, Instr, Later};
use super::lazy::Lazy;
use super::page::{Arrival, Mapping, Page, Version};
use super::rules::Rules;
use super::step::Few;
use super::walk::Walk;
use super::word::{Label, Message, Populated, Touch, View, Word};
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
        }
    }

    /// Back to the start of all threads, which have ended, over the same pages: nothing is known of
    /// the past.
    ///
    /// Of the pages that they are about no version is left but the newest, and of each word no message
    /// but the last.
    pub(super) fn restart(&mut self, code: &Code) {
        for page in code.threads.iter().flatten().flat_map(Instr::pages) {
            let newest = self.pages[page].versions.len() - 1;
            if newest > 0 {
                self.drop_before(page, newest);
            }
            let home = self.pages[page].newest().and_then(|mapping| mapping.home);
            for page in home.into_iter().chain([page]) {
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

    fn set_released(&mut self, process: usize, released: Released) {
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

    /// The memory of the newest state of a page.
    pub(super) fn newest_word(&self, page: usize) -> Option<&Word> {
        let mapping = self.pages[page].newest()?;
        Some(&self.pages[self.home(page, mapping)].words[mapping.word])
    }

    /// The pages that may map words of `page`, and what they call it.
    fn users(&self, page: usize) -> impl Iterator<Item = (usize, Option<usize>)> {
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
    fn drop_before(&mut self, page: usize, at: usize) {
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

    /// Brings the state to its normal form.
    pub(super) fn normalize(&mut self, code: &Code, rules: &Rules) {
        for page in 0..self.pages.len() {
            self.forget_versions(code, page);
            self.forget_arrivals(code, page, rules);
        }
        for page in 0..self.pages.len() {
            for word in 0..self.pages[page].words.len() {
                self.forget_messages(code, page, word, rules);
            }
        }
        for process in 0..self.released.len() {
            let mut cpus = self.cpus.iter().enumerate();
            let acquired = cpus.any(|(cpu, state)| {
                code.process[cpu] == process && code.sections_later(cpu, state.pc)
            });
            if !acquired && !rules.faults_synchronize {
                self.set_released(process, Released::default());
            }
        }
        for (cpu, thread) in self.cpus.iter_mut().zip(&code.threads) {
            if cpu.pc == thread.len() {
                cpu.view = View::default();
            }
        }
        self.rename();
    }

    /// Drops the versions of a page that no CPU will go by, and floors that no step will ask for.
    fn forget_versions(&mut self, code: &Code, page: usize) {
        if self.pages[page].versions.len() == 1 {
            if !self.pages[page].floor.is_empty() {
                self.page_mut(page).floor.clear();
            }
            return;
        }
        let used = if self.is_touch_watched(code, page) {
            Later::ACCESS.and(Later::POPULATE).and(Later::LOOK)
        } else {
            Later::ACCESS
        };
        let later: Few<Later> = (0..self.cpus.len())
            .map(|cpu| self.later(code, cpu, page))
            .collect();
        for (at, floor) in self.page_mut(page).floor.iter_mut().enumerate() {
            let kind = Kind::ALL[at % Kind::COUNT];
            if !later[at / Kind::COUNT].any(Later::of(kind)) {
                *floor = 0;
            }
        }
        if !later.iter().any(|later| later.any(used)) {
            self.drop_before(page, self.pages[page].versions.len() - 1);
            self.page_mut(page).versions[0].by = None;
        }
        let page = self.page_mut(page);
        while page.floor.last() == Some(&0) {
            page.floor.pop();
        }
    }

    /// Drops the messages of a word that no CPU can read any more, and of its touch what no step
    /// asks for.
    fn forget_messages(&mut self, code: &Code, page: usize, word: usize, rules: &Rules) {
        // Accesses may return to old versions.
        let backward = !rules.monotonic;
        let reached = (0..self.cpus.len())
            .filter(|&cpu| self.reaches(code, cpu, page, word, backward))
            .map(|cpu| self.pages[page].words[word].known(&self.cpus[cpu].view))
            .min();
        let newest = self.users(page).any(|(user, home)| {
            let newest = self.pages[user].versions.last();
            newest.is_some_and(|version| version.maps(home, word))
        });
        let old = &self.pages[page].words[word];
        let is_looked_at = self.will_be_looked_at(code, page);
        let touched = newest && code.watched_touch[page] || is_looked_at;
        let first = reached.unwrap_or(old.messages.len() - 1);
        let mut cpus = 0..self.cpus.len();
        let copied = newest && cpus.any(|cpu| self.later(code, cpu, page).any(Later::COPY));
        let valued = reached.is_some() || copied || newest && code.watched_words[page];
        let is_asked_for = rules.kinds_need_translation && self.may_stay_behind(code, page, rules);
        let kept = match touched {
            true => old.touch,
            false => Touch {
                populated: match is_asked_for {
                    true if old.touch.refused_exec => Populated::Yes,
                    true => old.touch.populated,
                    false => Populated::No,
                },
                ..Touch::default()
            },
        };
        let forgets_touch = old.touch != kept;
        let is_kept = old.lazy == Lazy::Kept || valued || touched;
        if first == 0 && !forgets_touch && is_kept && (valued || old.messages[0].value == 0) {
            return;
        }
        let word = &mut self.page_mut(page).words[word];
        word.touch = kept;
        if !is_kept {
            word.lazy = Lazy::Kept;
        }
        word.messages.drain(..first);
        word.messages[0] = Message::base(if valued { word.messages[0].value } else { 0 });
    }

    /// Drops how the entries of a page came where no CPU's access depends on it any more: where it
    /// would be news to a CPU with two accesses left, and the page has two states, or another CPU may
    /// yet change it.
    fn forget_arrivals(&mut self, code: &Code, page: usize, rules: &Rules) {
        let cpus = 0..self.cpus.len();
        let asks = |&cpu: &usize| {
            let others = cpus.clone().filter(|&other| other != cpu);
            code.accesses(cpu, self.cpus[cpu].pc, page) > 1 && self.may_be_two(code, page, others)
        };
        let asking: Few<usize> = match rules.faults_in_vain {
            true => cpus.clone().filter(asks).collect(),
            false => Few::new(),
        };
        let is_news = |label: Label| {
            asking
                .iter()
                .any(|&cpu| !self.cpus[cpu].view.has(Some(label)))
        };
        let mut versions = self.pages[page].versions.clone();
        for version in &mut versions {
            version.made = version.made.filter(|made| is_news(*made));
            for arrival in &mut version.arrivals {
                *arrival = match *arrival {
                    _ if asking.is_empty() => Arrival::Absent,
                    Arrival::By(label) if !is_news(label) => Arrival::Known,
                    arrival => arrival,
                };
            }
        }
        if versions != self.pages[page].versions {
            self.page_mut(page).versions = versions;
        }
    }

    /// Whether what has been done to a page is asked for, at the end or before.
    pub(super) fn is_touch_watched(&self, code: &Code, page: usize) -> bool {
        code.watched_touch[page] || self.will_be_looked_at(code, page)
    }

    /// Whether a call will yet look at what has been done to a page.
    fn will_be_looked_at(&self, code: &Code, page: usize) -> bool {
        let mut cpus = 0..self.cpus.len();
        cpus.any(|cpu| self.later(code, cpu, page).any(Later::LOOK))
    }

    /// Whether an access to a page, or to one that may have its memory, may yet stay behind
    /// another: two are left, of one CPU or where CPUs do not differ of any, and there are two
    /// states, or may be.
    pub(super) fn may_stay_behind(&self, code: &Code, page: usize, rules: &Rules) -> bool {
        let accesses = |cpu: usize| code.accesses(cpu, self.cpus[cpu].pc, page);
        let mut left = (0..self.cpus.len()).map(accesses);
        let has_two = match rules.cpus_differ {
            true => left.any(|left| left > 1),
            false => left.sum::<usize>() > 1,
        };
        has_two && self.may_be_two(code, page, 0..self.cpus.len())
    }

    /// Whether a page, or one that may have its memory, has two states, or may yet get another by
    /// one of `cpus`.
    fn may_be_two(&self, code: &Code, page: usize, mut cpus: impl Iterator<Item = usize>) -> bool {
        cpus.any(|cpu| self.later(code, cpu, page).any(Later::CHANGE))
            || code
                .sharing(page)
                .any(|page| self.pages[page].versions.len() > 1 || self.is_lazy(page))
    }

    /// Whether `cpu` may still access this word of this page.
    fn reaches(&self, code: &Code, cpu: usize, page: usize, word: usize, backward: bool) -> bool {
        let later = self.later(code, cpu, page);
        if !later.any(Later::ACCESS) {
            return false;
        }
        self.users(page).any(|(user, home)| {
            let page = &self.pages[user];
            Kind::ALL.into_iter().any(|kind| {
                let first = if backward { 0 } else { page.floor(cpu, kind) };
                let mut versions = page.versions[first..].iter();
                later.any(Later::of(kind)) && versions.any(|v| v.maps(home, word))
            })
        })
    }

    /// Renames labels in the order of pages, words and messages, and keeps of
    /// each view only the furthest message of each word.
    fn rename(&mut self) {
        let mut names: Vec<(Label, Label)> = Vec::new();
        let mut next = 0;
        // Words from first to last, each from its furthest message to its first; then each event
        // by which an entry came, as a word of its own.
        let mut words: Vec<usize> = Vec::new();
        for word in self.pages.iter().flat_map(|page| &page.words) {
            let first = names.len();
            for message in &word.messages[1..] {
                let old = message.label.expect("only the base has no label");
                names.push((old, next));
                next += 1;
            }
            names[first..].reverse();
            if names.len() > first {
                words.push(names.len());
            }
        }
        for page in &mut self.pages {
            let mut same = true;
            let mut versions = page.versions.clone();
            for label in versions.iter_mut().flat_map(Version::events_mut) {
                let named = names.iter().find(|(old, _)| *old == *label);
                let new = named.map_or(next, |(_, new)| *new);
                if named.is_none() {
                    names.push((*label, new));
                    words.push(names.len());
                    next += 1;
                }
                same &= *label == new;
                *label = new;
            }
            if !same {
                Rc::make_mut(page).versions = versions;
            }
        }
        self.next_label = next;
        let renamed = |view: &View| -> View {
            let mut new = View::default();
            let mut first = 0;
            for &end in &words {
                let furthest = names[first..end]
                    .iter()
                    .find(|(old, _)| view.has(Some(*old)));
                new.add(furthest.map(|(_, new)| *new));
                first = end;
            }
            new
        };
        for cpu in &mut self.cpus {
            cpu.view = renamed(&cpu.view);
        }
        for process in 0..self.released.len() {
            let Released { all, exclusive } = &self.released[process];
            let released = Released {
                all: renamed(all),
                exclusive: renamed(exclusive),
            };
            self.set_released(process, released);
        }
        let mut next = 0;
        for page in &mut self.pages {
            let first = next;
            let mut same = true;
            for message in page.words.iter().flat_map(|word| &word.messages[1..]) {
                same &= message.label == Some(next) && renamed(&message.view) == message.view;
                next += 1;
            }
            if same {
                continue;
            }
            let words = &mut Rc::make_mut(page).words;
            let messages = words.iter_mut().flat_map(|word| &mut word.messages[1..]);
            for (label, message) in (first..).zip(messages) {
                message.view = renamed(&message.view);
                message.label = Some(label);
            }
        }
    }
}
