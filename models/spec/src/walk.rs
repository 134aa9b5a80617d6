//! System calls that go through their pages one by one, and answer as far as they came.

use std::ops::Range;

use super::call::{Call, Course, Kind};
use super::lock::{Lock, behind_moved};
use super::state::{Phase, State};
use super::step::{At, Few, Steps, fork};
use super::word::Bit;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Answer;

/// How far a call is that goes through its pages one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// This many pages of its range are behind it.
    pub(super) done: u16,
    /// Whether it holds its section.
    pub(super) holds: bool,
    /// Whether it has left its section to wait for the next page to be read.
    pub(super) waited: bool,
    /// What it answers, unless a page stops it.
    pub(super) answer: Answer,
}

impl Walk {
    /// Before the first page; the section is still to be taken.
    pub(super) fn begin(answer: Answer) -> Walk {
        Walk {
            done: 0,
            holds: false,
            waited: false,
            answer,
        }
    }

    /// How `call` begins, if it only goes through its pages.
    pub(super) fn of(call: &Call) -> Option<Walk> {
        match call {
            Call::PopulateRead { .. } | Call::PopulateWrite { .. } | Call::Msync { .. } => {
                Some(Walk::begin(Answer::Ok))
            }
            call if call.counts() => Some(Walk::begin(Answer::Word(0))),
            _ => None,
        }
    }
}

/// The pages that `call` goes through.
fn walked(call: &Call) -> Range<usize> {
    match call {
        Call::Mremap { from, to, .. } => behind_moved(from, to),
        _ => call.range(),
    }
}

/// Whether what `call` brings in is no part of its answer: mm_populate(), and mprotect_fixup().
fn tells_nothing(call: &Call) -> bool {
    matches!(
        call,
        Call::Mmap { .. } | Call::Mprotect { .. } | Call::Mremap { .. }
    )
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
            self.acquire(&mut state, cpu, self.walking_section(call));
        }
        let Some(page) = walked(call).nth(usize::from(walk.done)) else {
            self.arrive_at_end(&mut state, cpu, call, walk.answer);
            return out.push(state);
        };
        match (call, walk.answer) {
            (call, Answer::Word(found)) if call.counts() => {
                self.count(state, cpu, call, (page, found), out);
            }
            (Call::Msync { .. }, _) => {
                self.sync(&mut state, cpu, call, walk, page);
                out.push(state);
            }
            _ => {
                self.wait_for_io(&state, cpu, call, (walk, page), out);
                self.populate(state, cpu, call, walk, page, out);
            }
        }
    }

    /// The page after `walk` is done, and the next one may follow.
    pub(super) fn go_on(&self, state: &mut State, cpu: usize, call: &Call, walk: Walk) {
        let done = walk.done + 1;
        if usize::from(done) == walked(call).len() {
            return self.arrive_at_end(state, cpu, call, walk.answer);
        }
        if !walk.holds {
            self.release(state, cpu, self.walking_section(call));
        }
        state.cpus[cpu].phase = Phase::Walking(Walk {
            done,
            waited: false,
            ..walk
        });
    }

    /// Before a page is populated that may have to be read, from a file's disk or from swap, or waited for, other sections may come: `mmap_lock` is left.
    /// maybe_unlock_mmap_for_io(), mm/filemap.c; __get_user_pages_locked(), mm/gup.c, which goes on behind it.
    fn wait_for_io(
        &self,
        state: &State,
        cpu: usize,
        call: &Call,
        (walk, page): (Walk, usize),
        out: &mut Vec<State>,
    ) {
        let mut mappings = state.pages[page].versions.iter().filter_map(|v| v.mapping);
        let is_read = mappings.any(|mapping| {
            let word = &state.pages[state.home(page, mapping)].words[mapping.word];
            match word.shown() {
                Some(source) => self.code.files.may_be_read(source),
                // It may be in swap: __folio_lock_or_retry(), mm/filemap.c.
                None => self.code.reclaims,
            }
        });
        // Before the first page nothing is populated that could change meanwhile; and one CPU is alone.
        if is_read && walk.done > 0 && !walk.waited && state.cpus.len() > 1 {
            let mut waits = state.clone();
            self.release(&mut waits, cpu, self.walking_section(call));
            waits.cpus[cpu].phase = Phase::Walking(Walk {
                holds: false,
                waited: true,
                ..walk
            });
            out.push(waits);
        }
    }

    /// The walk is over.
    pub(super) fn arrive_at_end(&self, state: &mut State, cpu: usize, call: &Call, answer: Answer) {
        self.release(state, cpu, self.walking_section(call));
        self.retire(state, cpu, answer);
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
        let is_passed_over = match call {
            Call::Mlock { .. } => prot.is_none() || self.is_of_device(&state, page),
            Call::Mprotect { .. } => state.lock(page) != Lock::Owed,
            _ => false,
        };
        if is_passed_over {
            let holds = true;
            self.go_on(&mut state, cpu, call, Walk { holds, ..walk });
            return out.push(state);
        }
        let refused = match (call, prot) {
            (call, _) if tells_nothing(call) => None,
            (Call::Mlock { .. }, Some(Prot::None)) => Some(self.rules.locks.cannot_come),
            (Call::Mlock { .. }, _) => None,
            (_, None) => Some(Answer::ENOMEM),
            (_, Some(Prot::None)) => Some(self.rules.populate_denied),
            (Call::PopulateWrite { .. }, Some(prot)) if !Kind::Write.allowed(prot) => {
                Some(self.rules.populate_denied)
            }
            _ => None,
        };
        if let Some(refused) = refused {
            self.arrive_at_end(&mut state, cpu, call, refused);
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
        let guarded = words.iter().any(|word| state.is_guard_word(*word));
        words.retain(|word| state.content(*word).is_some() && !state.is_guard_word(*word));
        if words.len() < all {
            // VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV: it goes no further, madvise_populate(), mm/madvise.c; which is ignored,
            // populate_vma_page_range(), mm/gup.c.
            let mut stopped = state.clone();
            let answer = match call {
                call if tells_nothing(call) => walk.answer,
                Call::Mlock { .. } => self.rules.locks.cannot_come,
                _ if guarded => self.rules.guards.populate,
                _ => self.rules.files.populate_behind_end,
            };
            if let Call::Mprotect { pages, .. } = call {
                pages.clone().for_each(|page| stopped.settle_lock(page));
            }
            self.arrive_at_end(&mut stopped, cpu, call, answer);
            out.push(stopped);
            if words.is_empty() {
                return;
            }
        }
        let is_watched =
            self.rules.kinds_need_translation || state.is_touch_watched(self.code, page);
        if matches!(call, Call::Mprotect { .. }) {
            state.settle_lock(page);
        }
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
                touch.populate();
                if write {
                    touch.dirty = touch.dirty.max(Bit::Maybe);
                }
                out.push(state);
            };
            match write && self.rules.files.populating_copies {
                true => self.copied(state, cpu, at, populated),
                false => populated(state),
            }
        });
    }
}
