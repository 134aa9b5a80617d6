//! Faults: what they populate in vain, and what they leave to the accesses after them.

use super::call::Kind;
use super::code::Later;
use super::page::{Arrival, Mapping, Version};
use super::rules::Freedom;
use super::state::State;
use super::step::{Admission, At, Steps};
use super::word::{Bit, Label, Populated};
use seqfault_lang::litmus::ast::Prot;

impl Steps<'_> {
    /// Appends the states in which the access has faulted and not been tried again yet: its page is
    /// populated, and by then the mapping may be another one.
    pub(super) fn fault_in_vain(
        &self,
        state: &State,
        cpu: usize,
        at: usize,
        kind: Kind,
        ways: &[(usize, Option<Admission>)],
        out: &mut Vec<State>,
    ) {
        if kind == Kind::Write {
            self.copy_in_vain(state, cpu, at, ways, out);
        }
        let others = (0..state.cpus.len()).filter(|&other| other != cpu);
        let may_change = state.pages[at].versions.len() > 1
            || others.into_iter().any(|other| {
                let later = state.later(self.code, other, at);
                later.any(Later::CHANGE.and(Later::LOOK))
            });
        let is_watched = state.is_touch_watched(self.code, at)
            || self.rules.kinds_need_translation
                && state.may_stay_behind(self.code, at, self.rules);
        if !self.rules.faults_in_vain || !is_watched || !may_change {
            return;
        }
        for (version, admission) in ways {
            let mut faulted = state.clone();
            let (page, word) = match *admission {
                Some(Admission::Granted((page, word))) => {
                    faulted.arrive(cpu, at, (page, word), kind);
                    faulted.cache((page, word));
                    let touch = &mut faulted.page_mut(page).words[word].touch;
                    match state.may_fault_again(cpu, at, *version, (page, word)) {
                        true => touch.populate(),
                        false => touch.fault(cpu),
                    }
                    if kind == Kind::Write {
                        touch.dirty = touch.dirty.max(Bit::Maybe);
                    }
                    (page, word)
                }
                // The fetch is refused when it is tried again, by whatever mapping is there then.
                Some(Admission::Fetched(Some((page, word)))) => {
                    self.fetch(&mut faulted, cpu, at, (page, word));
                    (page, word)
                }
                _ => continue,
            };
            let news = faulted.next_label != state.next_label;
            let touch = faulted.pages[page].words[word].touch;
            if news || touch != state.pages[page].words[word].touch {
                self.go_by(&mut faulted, cpu, at, kind, *version);
                out.push(faulted);
            }
        }
    }

    /// Appends the states in which the fault of a store has made a private mapping's copy of a file's page, and
    /// the store has not been tried again yet.
    fn copy_in_vain(
        &self,
        state: &State,
        cpu: usize,
        at: usize,
        ways: &[(usize, Option<Admission>)],
        out: &mut Vec<State>,
    ) {
        let mut others = (0..state.cpus.len()).filter(|&other| other != cpu);
        let are_there = others.any(|other| state.later(self.code, other, at) != Later::NOTHING);
        if !self.rules.faults_in_vain || !are_there {
            return;
        }
        for (version, admission) in ways {
            let Some(Admission::Granted((page, word))) = *admission else {
                continue;
            };
            if !state.is_to_be_copied((page, word)) {
                continue;
            }
            let mut faulted = state.clone();
            faulted.cache((page, word));
            self.copied(faulted, cpu, (page, word), |mut state| {
                state.arrive(cpu, at, (page, word), Kind::Write);
                let touch = &mut state.page_mut(page).words[word].touch;
                touch.fault(cpu);
                touch.dirty = touch.dirty.max(Bit::Maybe);
                self.go_by(&mut state, cpu, at, Kind::Write, *version);
                out.push(state);
            });
        }
    }

    /// An `exec` by `cpu` of what can only be read has faulted, which may have populated the word.
    pub(super) fn fetch(&self, state: &mut State, cpu: usize, at: usize, (page, word): At) {
        let populates = self.rules.refused_exec_populates;
        let touch = state.pages[page].words[word].touch;
        let comes_in = touch.may_be_out && populates == Freedom::Yes;
        if populates != Freedom::No && (comes_in || !touch.refused_exec) {
            state.arrive(cpu, at, (page, word), Kind::Read);
            state.cache((page, word));
        }
        let touch = &mut state.page_mut(page).words[word].touch;
        touch.refused_exec = true;
        touch.may_be_out &= !comes_in;
    }

    /// Notes that `cpu` has gone by `version` of a page.
    pub(super) fn go_by(
        &self,
        state: &mut State,
        cpu: usize,
        page: usize,
        kind: Kind,
        version: usize,
    ) {
        let cpus = if self.rules.cpus_differ {
            cpu..cpu + 1
        } else {
            0..state.cpus.len()
        };
        if version == 0 && cpus.len() == 1 {
            return;
        }
        for along in cpus {
            for other in Kind::ALL {
                let goes = other == kind || !self.rules.kinds_differ;
                let least = match (goes, along == cpu) {
                    (true, true) => self.left_by_fault(state, cpu, page, kind, version),
                    (true, false) => version,
                    (false, _) => self.behind(state, cpu, page, kind, other, version),
                };
                if state.pages[page].floor(along, other) < least {
                    state.page_mut(page).raise(along, other, least);
                }
            }
        }
    }

    /// The oldest version of a page that this kind of access may go by once it went by `version`: an
    /// older one where that refuses it and an entry serves it there that is news to the CPU. The
    /// fault may have begun before the entry came, and looked at the mapping after it was gone.
    fn left_by_fault(
        &self,
        state: &State,
        cpu: usize,
        page: usize,
        kind: Kind,
        version: usize,
    ) -> usize {
        let versions = &state.pages[page].versions;
        let admits = |version: &Version| {
            let mapping = version.mapping;
            mapping.filter(|mapping| self.admits(kind, mapping.prot))
        };
        if !self.rules.faults_in_vain || admits(&versions[version]).is_some() {
            return version;
        }
        let view = &state.cpus[cpu].view;
        let is_news = |at: &usize| {
            let version = &versions[*at];
            let Some(mapping) = admits(version) else {
                return false;
            };
            let touch = state.pages[state.home(page, mapping)].words[mapping.word].touch;
            let came = match version.arrivals[usize::from(kind == Kind::Write)] {
                Arrival::By(label) => Some(label),
                Arrival::Absent | Arrival::Known => None,
            };
            let mut events = version.made.into_iter().chain(came);
            touch.is_populated_for(cpu) && events.any(|label| !view.has(Some(label)))
        };
        let floor = state.pages[page].floor(cpu, kind);
        (floor..version).find(is_news).unwrap_or(version)
    }

    /// The oldest version of a page that `other` kinds of access may go by once `kind` goes by
    /// `version`.
    fn behind(
        &self,
        state: &State,
        cpu: usize,
        page: usize,
        kind: Kind,
        other: Kind,
        version: usize,
    ) -> usize {
        let floor = state.pages[page].floor(cpu, other);
        if !self.rules.kinds_need_translation || version <= floor {
            return floor;
        }
        let versions = &state.pages[page].versions;
        let populated = |version: usize| {
            let mapping = versions[version].mapping?;
            let word = &state.pages[state.home(page, mapping)].words[mapping.word];
            // A guard page refuses all.
            let prot = if word.guard { Prot::None } else { mapping.prot };
            Some((prot, word.touch.is_populated_for(cpu)))
        };
        match populated(version) {
            // A CPU has one translation of a page for loads and stores.
            Some((prot, _)) if self.admits(kind, prot) && kind.is_data() && other.is_data() => {
                version
            }
            // It had a translation there already, and did not fault.
            Some((prot, true)) if self.admits(kind, prot) => floor,
            // Its fault made the page present.
            Some((prot, false)) if self.admits(kind, prot) => version,
            // It is refused. A translation that is older may be left.
            _ => {
                let is_left = |version: &usize| {
                    populated(*version).is_some_and(|(prot, is)| is && self.admits(other, prot))
                };
                (floor..version).find(is_left).unwrap_or(version)
            }
        }
    }
}

impl State {
    /// The access of `cpu` is over, whatever its faults have populated.
    pub(super) fn end_faults(&mut self, cpu: usize) {
        let cpu = u8::try_from(cpu).expect("few CPUs");
        for page in 0..self.pages.len() {
            for word in 0..self.pages[page].words.len() {
                let by_fault = Populated::ByFault(cpu);
                if self.pages[page].words[word].touch.populated == by_fault {
                    self.page_mut(page).words[word].touch.populated = Populated::Yes;
                }
            }
        }
    }

    /// Whether an access of `cpu` that faulted by `version` of `page`, and populated `at`, may fault
    /// again though nothing was taken away: an older translation is left that does not serve it, as
    /// its flush is still due; or a pending call moves the entry or changes its protection, so that it
    /// is clear when the access is tried again, and sets it anew.
    fn may_fault_again(&self, cpu: usize, page: usize, version: usize, (home, word): At) -> bool {
        let versions = &self.pages[page].versions;
        let home = (home != page).then_some(home);
        let is_set_anew = |version: &Version| {
            version.by.is_some() && version.made.is_some() && version.maps(home, word)
        };
        let has_translation = |mapping: Mapping| {
            let touch = self.pages[self.home(page, mapping)].words[mapping.word].touch;
            touch.is_populated_for(cpu)
        };
        let mut older = versions[..version].iter().filter_map(|older| older.mapping);
        versions.iter().any(is_set_anew) || older.any(has_translation)
    }

    /// An event that is news to all CPUs but `cpu`.
    pub(super) fn event(&mut self, cpu: usize) -> Label {
        let event = self.fresh_label();
        self.cpus[cpu].view.add(Some(event));
        event
    }

    /// An access of `cpu`, a fault of its, or its call has found or made an entry of `page` that
    /// serves this kind of access to the word.
    pub(super) fn arrive(&mut self, cpu: usize, page: usize, (home, word): At, kind: Kind) {
        let is_out = self.pages[home].words[word].touch.may_be_out;
        let home = (home != page).then_some(home);
        let mut event = None;
        for at in 0..self.pages[page].versions.len() {
            let version = &self.pages[page].versions[at];
            if !version.maps(home, word) || version.serves_as_known(kind) && !is_out {
                continue;
            }
            let mut version = *version;
            // For the first store the entry that served loads is cleared, and another one set.
            let served = match is_out {
                // The entry that was there may have gone, and comes again.
                true => &mut version.arrivals[..],
                false => &mut version.arrivals[..=usize::from(kind == Kind::Write)],
            };
            if is_out || served.contains(&Arrival::Absent) {
                served.fill(Arrival::By(*event.get_or_insert_with(|| self.event(cpu))));
            }
            version
                .events_mut()
                .for_each(|label| self.cpus[cpu].view.add(Some(*label)));
            if version != self.pages[page].versions[at] {
                self.page_mut(page).versions[at] = version;
            }
        }
    }
}
