//! The normal form of a state.
//!
//! Two states that no continuation can tell apart should be one, or the search visits both.
//! [`State::normalize`] forgets what cannot matter any more: messages that every CPU is past, views of words that
//! no CPU will access, old versions that no CPU will go by; then it renames message labels in the order of pages,
//! words and messages.

use std::rc::Rc;

use super::call::Kind;
use super::code::{Code, Later};
use super::lazy::Lazy;
use super::page::{Arrival, Version};
use super::rules::Rules;
use super::state::{Released, State};
use super::step::Few;
use super::word::{Label, Message, Populated, Touch, View};

impl State {
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
        } else if self.shows_file(page) || code.guards {
            // Whether it can be populated depends on the version: `truncate` excludes no call, and `guard_install` none that populates.
            Later::ACCESS.and(Later::POPULATE)
        } else {
            Later::ACCESS
        };
        // Which of two calls about guard pages is the later one on a page is still to be chosen.
        let used = match code.guards {
            true => used.and(Later::CHANGE),
            false => used,
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
                may_be_out: is_asked_for && old.touch.may_be_out,
                forked: old.touch.forked.filter(|_| code.reclaims),
                leaving: old.touch.leaving,
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
        if code.files.pages().contains(&page) {
            // By what maps the file, or it is copied.
            return self.is_shown(page, word) && later.any(Later::ACCESS.and(Later::POPULATE));
        }
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
