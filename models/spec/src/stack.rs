//! Mappings that grow down: an access below one, where nothing is mapped, extends it.
//!
//! ```text
//!   - - S S     read of the second page     - S S S     and then the access, by what is mapped now
//! ```
//! A mapping grows within its range, which is a declaration's pages. It grows to the page of the access, whatever kind
//! of access that is and whether the mapping admits it. What is mapped next below stops it, if that admits some access and
//! does not grow itself, and there are less than [`GAP`] pages between.
//!
//! It grows at one instant, at which no CPU of the process holds a section that an exclusive one waits for. So an
//! access that finds nothing, and something that would grow, waits for such sections. This forbids nothing that there may
//! be: a section may begin late and end early. Between that instant and the access other sections may come.
//! Nothing is learned from it, as from any fault.
//!
//! # Linux
//! lock_mm_and_find_vma(), mm/mmap_lock.c; expand_downwards(), mm/vma.c; `stack_guard_gap`. What populates for a system
//! call extends nothing: gup_vma_lookup(), mm/gup.c.

use std::ops::Range;

use super::code::Instr;
use super::page::{Mapping, Version};
use super::section::Section;
use super::state::State;
use super::step::{Admission, Few, Steps};
use super::word::Word;
use seqfault_lang::litmus::ast::Prot;

/// How many pages there are at least between a mapping that grows and the next one below.
pub(super) const GAP: usize = 256;

/// The ranges in which mappings grow; none where there are no such mappings.
#[derive(Clone, Debug, Default)]
pub(super) struct Stacks {
    ranges: Vec<Range<usize>>,
}

impl Stacks {
    /// Of each of so many processes, which have `own` pages each, these ranges.
    pub(super) fn new(ranges: &[Range<usize>], own: usize, processes: usize) -> Stacks {
        let of = |process: usize| {
            let first = process * own;
            let moved = move |range: &Range<usize>| first + range.start..first + range.end;
            ranges.iter().map(moved)
        };
        Stacks {
            ranges: (0..processes).flat_map(of).collect(),
        }
    }

    /// Whether no mapping grows.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    fn range(&self, page: usize) -> Range<usize> {
        let mut ranges = self.ranges.iter();
        let range = ranges.find(|range| range.contains(&page));
        range.map_or(page..page + 1, Range::clone)
    }

    /// The pages above `page` in its range.
    fn above(&self, page: usize) -> Range<usize> {
        page + 1..self.range(page).end
    }

    /// `instr`, which may change the pages above its own if it is an access.
    pub(super) fn reached_by(&self, instr: Instr) -> Instr {
        match instr.is_access() && !self.is_empty() {
            true => {
                let above = self.above(instr.call_page());
                instr.that_extends(above)
            }
            false => instr,
        }
    }
}

/// A mapping that grows, and its first page.
type Growing = (usize, Mapping);

impl State {
    /// Whether the newest mapping of a page grows.
    pub(super) fn grows(&self, page: usize) -> bool {
        let newest = self.pages[page].newest();
        newest.is_some_and(|mapping| mapping.grows)
    }

    /// Lets the newest mapping of a page grow, or not.
    pub(super) fn set_grows(&mut self, page: usize, grows: bool) {
        if self.grows(page) != grows {
            let versions = &mut self.page_mut(page).versions;
            let newest = versions.last_mut().expect("it is never empty");
            if let Some(mapping) = &mut newest.mapping {
                mapping.grows = grows;
            }
        }
    }
}

impl Steps<'_> {
    /// Where an access to `at` finds nothing mapped by one of `ways`, and something that would grow: appends
    /// the state in which that has grown, if it can now, and takes the way out.
    pub(super) fn grow(
        &self,
        state: &State,
        cpu: usize,
        at: usize,
        ways: &mut Few<(usize, Option<Admission>)>,
        out: &mut Vec<State>,
    ) {
        if !ways.iter().any(|(_, admission)| admission.is_none()) {
            return;
        }
        let Some((first, mapping)) = self.growing_above(state, at) else {
            return;
        };
        let instr = self.code.at(cpu, state.cpus[cpu].pc).expect("an access");
        let waits = self.excluded(state, cpu, Section::Exclusive, instr);
        if !waits && self.is_stopped(state, at) {
            return;
        }
        ways.retain(|(_, admission)| admission.is_some());
        if waits {
            return;
        }
        let mut grown = state.clone();
        for page in at..first {
            let page = grown.page_mut(page);
            page.words.push(Word::fresh());
            page.versions.clear();
            page.versions.push(Version::without_call(Some(Mapping {
                word: page.words.len() - 1,
                home: None,
                lock: mapping.lock.settled(),
                ..mapping
            })));
            page.floor.clear();
        }
        out.push(grown);
    }

    /// What an access to `at`, where nothing is mapped, would extend.
    fn growing_above(&self, state: &State, at: usize) -> Option<Growing> {
        if self.code.stacks.is_empty() || !self.rules.stacks_grow {
            return None;
        }
        if state.pages[at].newest().is_some() {
            return None;
        }
        let mut above = self.code.stacks.above(at);
        let next = above.find_map(|page| Some((page, state.pages[page].newest()?)));
        next.filter(|(_, mapping)| mapping.grows)
    }

    /// Whether what is mapped below `at` keeps others from growing down to there.
    fn is_stopped(&self, state: &State, at: usize) -> bool {
        let start = self.code.stacks.range(at).start;
        let mut below = (start..at).rev();
        let next = below.find_map(|page| Some((page, state.pages[page].newest()?)));
        let is_near = |(page, mapping): (usize, Mapping)| {
            let may_be_accessed = mapping.prot != Prot::None;
            may_be_accessed && !mapping.grows && at - (page + 1) < GAP
        };
        self.rules.stacks_keep_away && next.is_some_and(is_near)
    }

    /// Whether an access to `at` may extend a mapping, so that it depends on other pages.
    pub(super) fn may_extend(&self, state: &State, at: usize) -> bool {
        !self.code.stacks.is_empty() && state.pages[at].newest().is_none()
    }
}
