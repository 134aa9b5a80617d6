//! System calls that only look: they count pages, one by one; and `msync`, which answers whether there is a hole.
//!
//! | call | it counts | in what it finds |
//! | --- | --- | --- |
//! | `mincore` | pages with an entry | the newest mapping, and any entry that may be there still |
//! | `maps` | pages that are mapped | any state that accesses may go by |
//! | `smaps` | pages with an entry that is not the zero page's | the same |
//!
//! `maps` and `smaps` wait for nobody, so that they may find what a call that is under way has taken
//! already, or has not taken yet, whatever the CPU's accesses go by. What is the same in all of these states they find: a page that
//! stays mapped is never a hole. Where `mremap` moves something to, nothing is mapped meanwhile, or
//! what was there still.
//!
//! # Linux
//! do_mincore(), mm/mincore.c. m_start(), get_next_vma() and smap_gather_stats(), fs/proc/task_mmu.c;
//! lock_next_vma(), mm/mmap_lock.c. Each `read` of a part of the list looks anew.

use super::call::{Call, Course};
use super::finale::{owned, present};
use super::lazy::Lazy;
use super::page::Mapping;
use super::rules::Freedom;
use super::section::Section;
use super::state::{Phase, State};
use super::step::{Steps, fork};
use super::walk::Walk;
use seqfault_lang::ops::Answer;

/// Whether a page may not be counted, and whether it may.
type May = (bool, bool);

/// What a call that only looks finds of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// It counts, or not.
    May(May),
    /// There is nothing to look at: the call ends with this answer.
    End(Answer),
}

impl Steps<'_> {
    /// The section that a call holds while it goes through its pages.
    pub(super) fn walking_section(&self, call: &Call) -> Section {
        match call.section() {
            Some(Section::Open) => Section::Open,
            _ => Section::Shared,
        }
    }

    /// Counts `page`, or ends, after `found` pages. A CPU that is alone counts all pages in one step.
    pub(super) fn count(
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
            match self.found(&state, call, page) {
                Found::End(Answer::Word(_)) => {
                    fork(state, least..=most, |mut state, count| {
                        self.arrive_at_end(&mut state, cpu, call, Answer::Word(count));
                        out.push(state);
                    });
                    return;
                }
                Found::End(answer) => {
                    self.arrive_at_end(&mut state, cpu, call, answer);
                    return out.push(state);
                }
                Found::May((may_not, may)) => {
                    least += u64::from(!may_not);
                    most += u64::from(may);
                }
            }
        }
        let done = u16::try_from(end - 1 - range.start).expect("few pages");
        fork(state, least..=most, |mut state, count| {
            let walk = Walk {
                done,
                holds: false,
                waited: false,
                answer: Answer::Word(count),
            };
            self.go_on(&mut state, cpu, call, walk);
            out.push(state);
        });
    }

    /// Goes on from `page`, which `msync` has written: that shows nowhere. Behind a hole it goes on, too: msync(),
    /// mm/msync.c, which leaves `mmap_lock` for what it writes.
    pub(super) fn sync(&self, state: &mut State, cpu: usize, call: &Call, walk: Walk, page: usize) {
        let is_hole = state.pages[page].newest().is_none();
        let answer = match is_hole && self.rules.msync_tells_of_holes {
            true => Answer::ENOMEM,
            false => walk.answer,
        };
        self.go_on(state, cpu, call, Walk { answer, ..walk });
    }

    fn found(&self, state: &State, call: &Call, page: usize) -> Found {
        match call {
            Call::Mincore { .. } if state.pages[page].newest().is_none() => {
                Found::End(Answer::ENOMEM)
            }
            Call::Mincore { .. } => Found::May(self.presence(state, page)),
            Call::Maps { .. }
                if self.rules.maps_stops_at_hole && !self.may_be_mapped(state, page) =>
            {
                Found::End(Answer::Word(0))
            }
            Call::Maps { .. } => Found::May((
                self.may_be_hole(state, page),
                self.may_be_mapped(state, page),
            )),
            _ => Found::May(self.residence(state, page)),
        }
    }

    /// Whether a page may be found mapped.
    fn may_be_mapped(&self, state: &State, page: usize) -> bool {
        let mut versions = state.pages[page].versions.iter();
        versions.any(|version| version.mapping.is_some())
    }

    /// Whether nothing may be found to be mapped at a page.
    fn may_be_hole(&self, state: &State, page: usize) -> bool {
        let mut versions = state.pages[page].versions.iter();
        versions.any(|version| version.mapping.is_none()) || self.is_moved_to(state, page)
    }

    /// Whether a call is under way that moves something to `page`.
    fn is_moved_to(&self, state: &State, page: usize) -> bool {
        let mut cpus = state.cpus.iter().enumerate();
        cpus.any(|(cpu, at)| {
            let moves = |instr: &super::code::Instr| match &instr.call {
                Call::Mremap { to, .. } => to.contains(&page),
                _ => false,
            };
            matches!(at.phase, Phase::Pending(_)) && self.code.at(cpu, at.pc).is_some_and(moves)
        })
    }

    /// Whether the entry of a page that is mapped may not be present, and whether it may, by any version
    /// whose entry may be there: where one is present for certain, none is there of those before it.
    fn presence(&self, state: &State, page: usize) -> May {
        let (mut may_lack, mut may_be) = (self.is_being_reclaimed(state, page), false);
        let versions = state.pages[page].versions.iter().rev();
        for mapping in versions.filter_map(|version| version.mapping) {
            let memory = &state.pages[state.home(page, mapping)].words[mapping.word];
            if memory.lazy == Lazy::Gone {
                continue;
            }
            let source = memory.source();
            if source.is_some_and(|page| self.code.files.is_devices(page)) {
                // It has no page cache, and nothing is told of its entries.
                return (true, true);
            }
            if source.is_some() && self.rules.files.mincore_counts_all {
                // What is in the page cache counts, mapped or not: mincore_page(), mm/mincore.c.
                if memory.shown().is_none_or(|source| state.is_cached(source)) {
                    // It may be in swap, and so may a copy.
                    let in_swap = |source| state.is_in_swap(source);
                    let is_out = memory.shown().map_or(memory.touch.may_be_out, in_swap);
                    return (may_lack || is_out, true);
                }
                // One of a file that is on a disk may have been read ahead: page_cache_ra_order(), mm/readahead.c.
                may_lack = true;
                may_be |= memory
                    .shown()
                    .is_some_and(|source| self.code.files.may_be_read(source));
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

    /// Whether a page may have no entry of its own memory, and whether it may have one.
    fn residence(&self, state: &State, page: usize) -> May {
        // What was there goes with the mapping that it was in.
        if self.is_moved_to(state, page) {
            return (true, true);
        }
        let mut may_lack = self.may_be_hole(state, page) || self.is_being_reclaimed(state, page);
        let mut may_be = false;
        let versions = state.pages[page].versions.iter().rev();
        for mapping in versions.filter_map(|version| version.mapping) {
            if state.has_gone(page, mapping) {
                continue;
            }
            let (is_there, is_counted) = self.entry(state, page, mapping);
            may_lack |= is_counted != Freedom::Yes;
            may_be |= is_counted != Freedom::No;
            if is_there == Freedom::Yes {
                return (may_lack, may_be);
            }
        }
        (may_lack, may_be)
    }

    /// Whether the entry of a page is there in one of its states, and whether `smaps` counts it.
    fn entry(&self, state: &State, page: usize, mapping: Mapping) -> (Freedom, Freedom) {
        let memory = &state.pages[state.home(page, mapping)].words[mapping.word];
        // Faults map pages around their own: nothing is told of files, but of their copies.
        if memory.shown().is_some() {
            return (Freedom::Either, Freedom::Either);
        }
        let present = present(memory.touch, mapping.prot, self.rules);
        let is_there = match memory.lazy {
            Lazy::MayGo => present.and(Freedom::Either),
            Lazy::Kept | Lazy::Gone => present,
        };
        // vm_normal_page() of the zero page is none: smaps_pte_entry(), fs/proc/task_mmu.c.
        let is_counted = match self.rules.smaps_counts_zero_page {
            true => Freedom::Yes,
            false => owned(Some((mapping.prot, memory)), self.rules),
        };
        (is_there, is_there.and(is_counted))
    }
}
