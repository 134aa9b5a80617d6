//! System calls that go through their pages one by one, and answer as far as they came.

use super::call::{Call, Kind};
use super::finale::present;
use super::lazy::Lazy;
use super::rules::Freedom;
use super::section::Section;
use super::state::{Phase, State};
use super::step::{At, Few, Steps, fork};
use super::word::{Bit, Populated};
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Answer;

/// How far a call is that goes through its pages one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// This many pages of its range are behind it.
    pub(super) done: u16,
    /// Whether it holds its section.
    pub(super) holds: bool,
    /// What it answers, unless a page stops it.
    pub(super) answer: Answer,
}

impl Walk {
    /// Before the first page; the section is still to be taken.
    pub(super) fn begin(answer: Answer) -> Walk {
        Walk {
            done: 0,
            holds: false,
            answer,
        }
    }

    /// How `call` begins, if it only goes through its pages.
    pub(super) fn of(call: &Call) -> Option<Walk> {
        match call {
            Call::PopulateRead { .. } | Call::PopulateWrite { .. } => Some(Walk::begin(Answer::Ok)),
            Call::Mincore { .. } => Some(Walk::begin(Answer::Word(0))),
            _ => None,
        }
    }
}

impl Steps<'_> {
    /// Goes on to the next page of the range.
    pub(super) fn walk(
        &self,
        mut state: State,
        cpu: usize,
        call: &Call,
        walk: Walk,
        out: &mut Vec<State>,
    ) {
        if !walk.holds {
            self.acquire(&mut state, cpu, Section::Shared);
        }
        let Some(page) = call.range().nth(usize::from(walk.done)) else {
            self.arrive_at_end(&mut state, cpu, walk.answer);
            return out.push(state);
        };
        match (call, walk.answer) {
            (Call::Mincore { .. }, Answer::Word(found)) => {
                self.count(state, cpu, call, (page, found), out);
            }
            _ => self.populate(state, cpu, call, walk, page, out),
        }
    }

    /// The page after `walk` is done, and the next one may follow.
    fn go_on(&self, state: &mut State, cpu: usize, call: &Call, walk: Walk) {
        let done = walk.done + 1;
        if usize::from(done) == call.range().len() {
            return self.arrive_at_end(state, cpu, walk.answer);
        }
        if !walk.holds {
            self.release(state, cpu, Section::Shared);
        }
        state.cpus[cpu].phase = Phase::Walking(Walk { done, ..walk });
    }

    /// The walk is over.
    fn arrive_at_end(&self, state: &mut State, cpu: usize, answer: Answer) {
        self.release(state, cpu, Section::Shared);
        self.retire(state, cpu, answer);
    }

    /// Counts `page` if it is present, by any version whose entry may be there: where one is present
    /// for certain, none is there of those before it. Linux leaves mmap_lock between two VMAs,
    /// do_mincore(), mm/mincore.c, and two pages may be of two. A CPU that is alone counts all pages in
    /// one step.
    fn count(
        &self,
        mut state: State,
        cpu: usize,
        call: &Call,
        (page, found): (usize, u64),
        out: &mut Vec<State>,
    ) {
        let range = call.range();
        let end = match self.code.threads.len() {
            1 => range.end,
            _ => page + 1,
        };
        let (mut least, mut most) = (found, found);
        for page in page..end {
            if state.pages[page].newest().is_none() {
                self.arrive_at_end(&mut state, cpu, Answer::ENOMEM);
                return out.push(state);
            }
            let (may_lack, may_be) = self.presence(&state, page);
            least += u64::from(!may_lack);
            most += u64::from(may_be);
        }
        let done = u16::try_from(end - 1 - range.start).expect("few pages");
        fork(state, least..=most, |mut state, count| {
            let walk = Walk {
                done,
                holds: false,
                answer: Answer::Word(count),
            };
            self.go_on(&mut state, cpu, call, walk);
            out.push(state);
        });
    }

    /// Whether the entry of a page that is mapped may not be present, and whether it may.
    fn presence(&self, state: &State, page: usize) -> (bool, bool) {
        let (mut may_lack, mut may_be) = (false, false);
        let versions = state.pages[page].versions.iter().rev();
        for mapping in versions.filter_map(|version| version.mapping) {
            let memory = &state.pages[state.home(page, mapping)].words[mapping.word];
            if memory.lazy == Lazy::Gone {
                continue;
            }
            if memory.source().is_some() {
                // What is in the page cache counts, mapped or not: mincore_page(), mm/mincore.c.
                if memory.shown().is_none_or(|source| state.is_cached(source)) {
                    return (may_lack, true);
                }
                may_lack = true;
                continue;
            }
            may_lack |= memory.lazy == Lazy::MayGo;
            match present(memory.touch, mapping.prot, self.rules) {
                Freedom::Yes => return (may_lack, true),
                Freedom::No => may_lack = true,
                Freedom::Either => (may_lack, may_be) = (true, true),
            }
        }
        (may_lack, may_be)
    }

    /// Populates `page`, by any of its versions.
    fn populate(
        &self,
        mut state: State,
        cpu: usize,
        call: &Call,
        walk: Walk,
        page: usize,
        out: &mut Vec<State>,
    ) {
        let prot = state.pages[page].newest().map(|mapping| mapping.prot);
        let refused = match (call, prot) {
            (Call::Mmap { .. }, _) => None,
            (_, None) => Some(Answer::ENOMEM),
            (_, Some(Prot::None)) => Some(self.rules.populate_denied),
            (Call::PopulateWrite { .. }, Some(prot)) if !Kind::Write.allowed(prot) => {
                Some(self.rules.populate_denied)
            }
            _ => None,
        };
        if let Some(refused) = refused {
            self.arrive_at_end(&mut state, cpu, refused);
            return out.push(state);
        }
        let mut words: Few<At> = Few::new();
        for mapping in state.pages[page].versions.iter().filter_map(|v| v.mapping) {
            let word = (state.home(page, mapping), mapping.word);
            if !words.contains(&word) && !state.has_gone(page, mapping) {
                words.push(word);
            }
        }
        let all = words.len();
        words.retain(|word| state.content(*word).is_some());
        if words.len() < all {
            // VM_FAULT_SIGBUS: it goes no further, madvise_populate(), mm/madvise.c; which is ignored,
            // populate_vma_page_range(), mm/gup.c.
            let mut stopped = state.clone();
            let answer = match call {
                Call::Mmap { .. } => walk.answer,
                _ => Answer::EFAULT,
            };
            self.arrive_at_end(&mut stopped, cpu, answer);
            out.push(stopped);
            if words.is_empty() {
                return;
            }
        }
        let is_watched =
            self.rules.kinds_need_translation || state.is_touch_watched(self.code, page);
        self.go_on(
            &mut state,
            cpu,
            call,
            Walk {
                holds: true,
                ..walk
            },
        );
        let write = match call {
            Call::PopulateRead { .. } => false,
            _ => prot.is_some_and(|prot| Kind::Write.allowed(prot)),
        };
        let kind = if write { Kind::Write } else { Kind::Read };
        let is_copied = |at: &At| write && state.is_to_be_copied(*at);
        let is_seen = is_watched || words.iter().any(is_copied);
        if prot.is_none_or(|prot| prot == Prot::None) || !is_seen {
            return out.push(state);
        }
        fork(state, words, |mut state, at| {
            state.cache(at);
            let mut populated = |mut state: State| {
                state.arrive(cpu, page, at, kind);
                let touch = &mut state.page_mut(at.0).words[at.1].touch;
                touch.populated = Populated::Yes;
                if write {
                    touch.dirty = touch.dirty.max(Bit::Maybe);
                }
                out.push(state);
            };
            match write {
                true => self.copied(state, cpu, at, populated),
                false => populated(state),
            }
        });
    }
}
