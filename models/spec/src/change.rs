//! System calls that change all of their pages: begin and end.
//!
//! A call begins on all of its pages at once and ends on all of them at once:
//! to begin early and to end late on a page only adds to what accesses may
//! show, so page by page in any order shows nothing else.

use std::ops::Range;

use super::call::{Call, Kind};

use super::lazy::Lazy;
use super::lock::Lock;
use super::page::{Mapping, Memory};
use super::rules::HoleRule;
use super::section::Section;
use super::state::{Phase, State};
use super::step::{Few, Steps};
use super::swap::Swap;
use super::walk::Walk;
use super::word::{Behind, Bit, Populated, Source, Word};
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Backing};

impl Steps<'_> {
    /// Begins a call that changes pages, but those for which it is [`late`](Steps::contested).
    pub(super) fn begin(&self, state: &mut State, cpu: usize, call: &Call, late: &[usize]) {
        let section = self.section(call);
        self.acquire(state, cpu, section);
        let allowed = self.up_to_locked(state, call);
        let (ret, changed) = self.change(state, cpu, allowed.as_ref().unwrap_or(call), late);
        let ret = allowed.map_or(ret, |_| Answer::EINVAL);
        if changed && self.rules.window {
            state.cpus[cpu].phase = Phase::Pending(ret);
            let instr = self.code.at(cpu, state.cpus[cpu].pc);
            if instr.is_some_and(|instr| self.is_unmapping(state, cpu, instr)) {
                self.release(state, cpu, section);
            }
        } else {
            self.end(state, cpu, call, ret);
        }
    }

    /// Begins the new states of a call's pages. Returns its answer and
    /// whether any page changes.
    fn change(&self, state: &mut State, cpu: usize, call: &Call, late: &[usize]) -> (Answer, bool) {
        let hole = call
            .range()
            .find(|&page| state.pages[page].newest().is_none());
        let failed = if hole.is_some() {
            Answer::ENOMEM
        } else {
            Answer::Ok
        };
        let (mut changed, mut outlasted) = (false, false);
        let mut begin = |state: &mut State, page: usize, prot, memory| {
            let made = state.event(cpu);
            state.page_mut(page).begin(cpu, prot, memory, made);
            changed = true;
        };
        let ret = match call {
            Call::Mmap {
                pages,
                prot,
                noreplace,
                backing,
                ..
            } => {
                let mut mapped = pages
                    .clone()
                    .filter(|&page| state.pages[page].newest().is_some());
                if *noreplace && self.rules.noreplace_refuses && mapped.next().is_some() {
                    return (Answer::EEXIST, false);
                }
                for page in pages.clone() {
                    if self.rules.replace_gap && state.pages[page].newest().is_some() {
                        begin(state, page, None, Memory::Fresh);
                    }
                    let (prot, memory) = match backing {
                        Backing::SharedFile(at) => {
                            self.map_file(state, *prot, *at, page - pages.start, Behind::Shared)
                        }
                        Backing::PrivateFile(at) => {
                            self.map_file(state, *prot, *at, page - pages.start, Behind::Private)
                        }
                        _ if self.rules.mmap_discards => (Some(*prot), Memory::Fresh),
                        _ => (Some(*prot), Memory::Same),
                    };
                    begin(state, page, prot, memory);
                    state.set_grows(page, *backing == Backing::Growsdown);
                    state.set_lock(page, Lock::No);
                }
                Answer::Ok
            }
            Call::Mlock { pages } => {
                self.lock_pages(state, pages.clone(), Lock::Yes);
                failed
            }
            Call::Munlock { pages } => {
                self.lock_pages(state, pages.clone(), Lock::No);
                failed
            }
            Call::Munmap { pages } => {
                for page in self.changed_pages(pages.clone(), hole, self.rules.munmap_hole) {
                    if !self.rules.files.munmap_keeps_words {
                        state.forget_word(page);
                    }
                    if state.pages[page].newest().is_some() {
                        begin(state, page, None, Memory::Fresh);
                    }
                }
                Answer::Ok
            }
            Call::Brk { page } => {
                let (pages, prot) = match self.move_break(state, *page) {
                    Ok(moved) => moved,
                    Err(answer) => return (answer, false),
                };
                for page in pages {
                    if prot.is_some() || state.pages[page].newest().is_some() {
                        begin(state, page, prot, Memory::Fresh);
                    }
                }
                Answer::Ok
            }
            Call::Mremap {
                from,
                to,
                dontunmap,
            } => {
                if hole == Some(from.start) {
                    return (Answer::EFAULT, false);
                }
                let prot = |page: usize| state.pages[page].newest().map(|mapping| mapping.prot);
                let first = prot(from.start);
                // Where a length changes, what moves is a part of one mapping.
                let next = |state: &State, memory: Memory| {
                    let next = |source: Source| state.source(self.code.files.next(source.page));
                    match memory {
                        Memory::File(Behind::Shared(source)) => {
                            Memory::File(Behind::Shared(next(source)))
                        }
                        Memory::File(Behind::Private(source)) => {
                            Memory::File(Behind::Private(next(source)))
                        }
                        other => other,
                    }
                };
                let goes_on =
                    |page: usize| state.backing(page) == next(state, state.backing(page - 1));
                let mut moved = from.clone().take(to.len());
                let flags = |page: usize| (prot(page), state.is_locked(page));
                let is_one = moved.all(|page| {
                    flags(page) == flags(from.start) && (page == from.start || goes_on(page))
                });
                if from.len() != to.len() && !is_one {
                    return (Answer::EFAULT, false);
                }
                let (grows, locked) = (state.grows(from.start), state.lock(from.start).settled());
                let mut behind = next(state, state.backing(from.end - 1));
                for (old, new) in from.clone().zip(to.clone()) {
                    let arrivals = state.pages[old].newest_version().arrivals;
                    let Some(mapping) = state.pages[old].newest() else {
                        if !self.rules.mremap_keeps_holes && state.pages[new].newest().is_some() {
                            begin(state, new, None, Memory::Fresh);
                        }
                        continue;
                    };
                    // What has no memory of its own is not left behind: check_prep_vma(), VM_PFNMAP, mm/mremap.c.
                    let is_devices = |word: &Word| {
                        let source = word.source();
                        source.is_some_and(|of_file| self.code.files.is_devices(of_file))
                    };
                    if *dontunmap && state.newest_word(old).is_some_and(is_devices) {
                        return (Answer::EINVAL, changed);
                    }
                    let home = state.home(old, mapping);
                    let home = (home != new).then_some(home);
                    state.maps_others = true;
                    let held = state.newest_word(old).map_or(0, Word::last);
                    let rules = &self.rules.files;
                    let otherwise = match rules.mremap_keeps_offset {
                        false => self.without_offset(state, old, old - from.start),
                        true if !rules.mremap_moves_copies && state.is_copy(old) => {
                            Some(state.backing(old))
                        }
                        true if !self.rules.guards.move_with_mremap && state.is_guard(old) => {
                            Some(state.backing(old))
                        }
                        true => None,
                    };
                    let memory = otherwise.unwrap_or(match self.rules.mremap_moves {
                        true => Memory::Moved(Mapping { home, ..mapping }, arrivals),
                        false => Memory::Fresh,
                    });
                    let lock = mapping.lock.settled();
                    begin(state, new, Some(mapping.prot), memory);
                    state.set_lock(new, self.lock_moved(lock));
                    if self.rules.mremap_clears_first {
                        state.end(cpu, new);
                    }
                    let left = match state.backing(old) {
                        Memory::Fresh if !self.rules.dontunmap_empties => Memory::Holding(held),
                        backing => backing,
                    };
                    let stays = *dontunmap && self.rules.dontunmap_stays;
                    begin(state, old, stays.then_some(mapping.prot), left);
                    if self.rules.locks.ends_where_it_was {
                        state.set_lock(old, Lock::No);
                    }
                }
                for left in from.clone().skip(to.len()) {
                    if self.rules.mremap_shrinks && state.pages[left].newest().is_some() {
                        begin(state, left, None, Memory::Fresh);
                    }
                }
                for new in to.clone().skip(from.len()) {
                    if self.rules.replace_gap && state.pages[new].newest().is_some() {
                        begin(state, new, None, Memory::Fresh);
                    }
                    let memory = match self.rules.files.mremap_goes_on {
                        true => behind,
                        false => Memory::Fresh,
                    };
                    let prot = first.filter(|_| self.rules.mremap_grows);
                    begin(state, new, prot, memory);
                    state.set_grows(new, grows);
                    state.set_lock(new, self.lock_moved(locked));
                    behind = next(state, behind);
                }
                Answer::Ok
            }
            Call::Mprotect { pages, prot } => {
                for page in self.changed_pages(pages.clone(), hole, self.rules.mprotect_hole) {
                    let old = state.pages[page].newest();
                    if let Some(old) = old
                        && old.prot != *prot
                        && self.grants(old.prot, *prot)
                    {
                        let without_offset = match self.rules.files.mprotect_keeps_offset {
                            true => None,
                            false => self.without_offset(state, page, page - pages.start),
                        };
                        let memory = match state.is_guard(page) {
                            true if !self.rules.guards.stay_over_mprotect => state.backing(page),
                            _ => without_offset.unwrap_or(Memory::Same),
                        };
                        begin(state, page, Some(*prot), memory);
                        if Kind::Write.allowed(*prot) && !Kind::Write.allowed(old.prot) {
                            self.owe(state, page);
                        }
                    }
                }
                failed
            }
            Call::Dontneed { pages } => {
                for page in self.changed_pages(pages.clone(), hole, self.rules.dontneed_hole) {
                    let Some(old) = state.pages[page].newest() else {
                        continue;
                    };
                    if state.is_guard(page) && self.rules.guards.stay_over_dontneed {
                        outlasted |= self.outlast(state, cpu, page);
                        continue;
                    }
                    let memory = match state.backing(page) {
                        // What goes are entries: they come again for the same page.
                        Memory::File(Behind::Shared(_)) => {
                            match self.rules.files.dontneed_keeps_words {
                                true => continue,
                                false => Memory::Fresh,
                            }
                        }
                        Memory::File(file) => {
                            let (rules, is_copy) = (&self.rules.files, state.is_copy(page));
                            match file {
                                _ if is_copy && !rules.dontneed_drops_copies => Memory::Same,
                                _ if is_copy && !rules.file_is_behind_copies => Memory::Fresh,
                                private => Memory::File(private),
                            }
                        }
                        memory if self.rules.dontneed_discards => memory,
                        _ => Memory::Same,
                    };
                    begin(state, page, Some(old.prot), memory);
                }
                failed
            }
            Call::Cold { pages } => {
                pages.clone().for_each(|page| state.make_old(cpu, page));
                failed
            }
            Call::Reclaim { .. } | Call::Pageout { .. } => {
                let is_mapped = |page: usize| state.pages[page].newest().is_some();
                changed = call.range().any(is_mapped);
                self.begin_reclaim(state, cpu, call);
                match call {
                    Call::Reclaim { .. } => Answer::Ok,
                    _ => failed,
                }
            }
            Call::Swapoff {} => {
                if state.swap != Swap::On {
                    return (Answer::EINVAL, false);
                }
                state.swap = Swap::Leaves;
                changed = true;
                Answer::Ok
            }
            Call::Free { pages } => {
                for page in pages.clone() {
                    // It goes no further: madvise_free_single_vma(), mm/madvise.c.
                    if state.shows_file(page) {
                        match self.rules.files.free_refuses {
                            true => return (Answer::EINVAL, page > pages.start),
                            false => continue,
                        }
                    }
                    if state.is_guard(page) {
                        continue;
                    }
                    state.make_old(cpu, page);
                    state.free_lazily(page);
                }
                changed = true;
                failed
            }
            Call::GuardInstall { pages } | Call::GuardRemove { pages } => {
                let guard = matches!(call, Call::GuardInstall { .. });
                let (answer, any) = self.guard(state, cpu, pages.clone(), guard, late);
                changed = any;
                answer.unwrap_or(failed)
            }
            Call::Truncate { file, len } => {
                changed = self.truncate(state, cpu, self.code.files.of(*file), *len);
                Answer::Ok
            }
            Call::Punch { page } => {
                changed = self.punch(state, cpu, self.code.files.one(*page));
                Answer::Ok
            }
            _ => failed,
        };
        (ret, changed || outlasted)
    }

    /// Whether `mprotect` makes `new` of `old`.
    fn grants(&self, old: Prot, new: Prot) -> bool {
        let more = |kind: &Kind| kind.allowed(new) && !kind.allowed(old);
        self.rules.mprotect_grants || !Kind::ALL.iter().any(more)
    }

    /// The pages that a call over a hole changes.
    fn changed_pages(
        &self,
        pages: Range<usize>,
        hole: Option<usize>,
        rule: HoleRule,
    ) -> Range<usize> {
        match (hole, rule) {
            (None, _) | (_, HoleRule::All) => pages,
            (Some(hole), HoleRule::Before) => pages.start..hole,
            (Some(_), HoleRule::Nothing) => pages.start..pages.start,
        }
    }

    /// Whether nothing that `call` has ended can be seen once it has returned, though another call that has ended it too is
    /// under way.
    fn flushes(&self, call: &Call) -> bool {
        match call {
            Call::GuardInstall { .. } => self.rules.guards.install_flushes,
            Call::Mremap { dontunmap, .. } => !*dontunmap || self.rules.dontunmap_flushes,
            _ => true,
        }
    }

    /// Ends a call that changes pages.
    pub(super) fn end(&self, state: &mut State, cpu: usize, call: &Call, ret: Answer) {
        let instr = self.code.at(cpu, state.cpus[cpu].pc).expect("a call");
        let downgraded = self.is_unmapping(state, cpu, instr);
        let pages: Few<usize> = match call {
            Call::Brk { .. } => instr.pages().collect(),
            Call::Truncate { file, .. } => {
                self.forget_truncated(state, cpu, &self.code.files.of(*file));
                (0..state.pages.len()).collect()
            }
            Call::Punch { page } => {
                self.forget_truncated(state, cpu, &self.code.files.one(*page));
                (0..state.pages.len()).collect()
            }
            // What was accessed meanwhile may be out as well.
            Call::Reclaim { .. } | Call::Pageout { .. } => {
                self.end_reclaim(state, cpu, call);
                Few::new()
            }
            Call::Swapoff {} if ret == Answer::Ok => {
                state.bring_all_in(cpu);
                Few::new()
            }
            _ => call.pages().collect(),
        };
        for page in pages {
            if state.pages[page].pending(cpu).is_none() {
                continue;
            }
            if !self.flushes(call) && state.leave_to_pending(cpu, page) {
                continue;
            }
            if self.rules.revoke_on_return {
                state.end(cpu, page);
            } else {
                state.page_mut(page).end_for_caller(cpu);
            }
        }
        let section = if downgraded {
            Section::Shared
        } else {
            self.section(call)
        };
        self.release(state, cpu, section);
        let goes_on = ret == Answer::Ok || matches!(call, Call::Mprotect { .. });
        match goes_on && !self.brought_in(state, call).is_empty() {
            true => state.cpus[cpu].phase = Phase::Walking(Walk::begin(ret)),
            false => self.retire(state, cpu, ret),
        }
    }
}

impl State {
    /// Clears the accessed bit of the entry of `page`, if there is one, for a call of `cpu`. Linux
    /// passes over what processes share and what is on no LRU list yet; what is accessed before the
    /// return may be by a translation that had the bit.
    fn make_old(&mut self, cpu: usize, page: usize) {
        let Some(mapping) = self.pages[page].newest() else {
            return;
        };
        let home = self.home(page, mapping);
        let touch = &mut self.page_mut(home).words[mapping.word].touch;
        touch.accessed = touch.accessed.min(Bit::Maybe);
        if touch.populated != Populated::No {
            // Its entry was clear for a moment, and is there again by this call.
            touch.populated = Populated::Yes;
            let made = self.event(cpu);
            let versions = &mut self.page_mut(page).versions;
            versions.last_mut().expect("it is never empty").made = Some(made);
        }
    }

    /// What a page holds may go from now on.
    fn free_lazily(&mut self, page: usize) {
        let Some(mapping) = self.pages[page].newest() else {
            return;
        };
        let home = self.home(page, mapping);
        let word = &mut self.page_mut(home).words[mapping.word];
        word.lazy = Lazy::MayGo;
        word.touch.dirty = word.touch.dirty.min(Bit::Maybe);
    }
}
