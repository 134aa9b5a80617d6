//! Guard pages: mapped, and every access is answered as if they were not.
//!
//! ```text
//!  page  --guard_install begins-->  guard  --guard_remove begins-->  page, its memory fresh
//! ```
//! What the page held goes with `guard_install`, as with `dontneed`: of a private mapping the copy, of a shared one
//! nothing. A guard page stays one, whatever becomes of its mapping and of what is behind it: its protection may change,
//! it moves with `mremap`, and `fork` copies it; `dontneed` and `free` pass it over, and so does `truncate`. It ends with
//! `guard_remove`, or with its mapping. An access that its protection refuses is answered as ever.
//!
//! Being a guard page is a property of a word, which each state of a page has: what becomes of words becomes of it.
//!
//! # Linux
//! madvise_guard_install(), madvise_guard_remove(), mm/madvise.c, since 6.13, and of files since 6.15;
//! handle_pte_marker(), zap_nonpresent_ptes() and copy_pte_marker(), mm/memory.c. Since 6.18 they may hold the lock of
//! the mapping alone.

use std::ops::Range;

use super::call::Call;
use super::page::Memory;
use super::state::{Phase, State};
use super::step::{At, Few, Steps};
use super::word::Word;
use seqfault_lang::ops::Answer;

/// Which rules of guard pages hold. [`GuardRules::default`] is the reference specification; any other setting is wrong of
/// Linux, and there to show that a comparison would notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardRules {
    /// The answer of an access.
    pub access: Answer,
    /// The answer of `populate_*`.
    pub populate: Answer,
    /// `guard_install` discards what the page held. `false`: `guard_remove` brings it back.
    pub install_discards: bool,
    /// `madvise dontneed` leaves guard pages. `false`: they are fresh pages afterwards.
    pub stay_over_dontneed: bool,
    /// Guard pages move with `mremap`. `false`: fresh pages do.
    pub move_with_mremap: bool,
    /// The child of a `fork` has them. `false`: it has fresh pages there.
    pub are_forked: bool,
    /// They stay when their file becomes shorter. `false`: they are as if mapped anew.
    pub stay_over_truncate: bool,
    /// `mprotect` leaves them. `false`: what it grants access to is fresh.
    pub stay_over_mprotect: bool,
    /// Nothing shows what a guard page held once `guard_install` has returned. `false` (weaker), as Linux 6.13 to 6.18 has it:
    /// other calls that are under way still may have translations to flush, of entries that they have cleared:
    /// madvise_guard_install(), mm/madvise.c, zaps and flushes only where it finds something.
    pub install_flushes: bool,
    /// `truncate` and `punch` leave them whatever other CPUs do. `false` (weaker), as Linux 6.15 to 6.18 has it: they may take
    /// those of the pages that go, where another CPU maps such a page once more meanwhile: unmap_mapping_folio(),
    /// mm/memory.c, with ZAP_FLAG_DROP_MARKER.
    pub survive_races: bool,
}

impl Default for GuardRules {
    fn default() -> GuardRules {
        GuardRules {
            access: Answer::MAPERR,
            populate: Answer::EFAULT,
            install_discards: true,
            stay_over_dontneed: true,
            move_with_mremap: true,
            are_forked: true,
            stay_over_truncate: true,
            stay_over_mprotect: true,
            install_flushes: true,
            survive_races: true,
        }
    }
}

impl State {
    /// Whether this word is a guard page.
    pub(super) fn is_guard_word(&self, (page, word): At) -> bool {
        self.pages[page].words[word].guard
    }

    /// Whether `page` is a guard page in its newest state.
    pub(super) fn is_guard(&self, page: usize) -> bool {
        self.newest_word(page).is_some_and(|word| word.guard)
    }
}

impl Steps<'_> {
    /// A call of `cpu` finds `page` as it is to be. Another call that has made it so may be under way still, and older states
    /// with it: they end with this one. Whether there are any.
    pub(super) fn outlast(&self, state: &mut State, cpu: usize, page: usize) -> bool {
        let is_pending = state.pages[page].versions.len() > 1;
        if is_pending {
            let prot = state.pages[page].newest().map(|mapping| mapping.prot);
            let made = state.event(cpu);
            state.page_mut(page).begin(cpu, prot, Memory::Same, made);
        }
        is_pending
    }

    /// The pages of a call about guard pages that another CPU's call of that kind, which is under way, has changed. Both go
    /// through their pages one by one, so that of each page either may be the later one.
    pub(super) fn contested(&self, state: &State, call: &Call) -> Few<usize> {
        let is_about_guards =
            |call: &Call| matches!(call, Call::GuardInstall { .. } | Call::GuardRemove { .. });
        if !is_about_guards(call) || call.range().len() < 2 {
            return Few::new();
        }
        let is_contested = |page: &usize| {
            let by = state.pages[*page].newest_version().by.map(usize::from);
            by.and_then(|cpu| self.code.at(cpu, state.cpus[cpu].pc))
                .is_some_and(|instr| is_about_guards(&instr.call))
        };
        call.range().filter(is_contested).collect()
    }

    /// Makes `pages`, as far as they are mapped, guard pages, or pages that are none again; but for
    /// those that are `late` for it, where another call comes after this one. What it answers, unless it fails
    /// over a hole, and whether any page changes.
    pub(super) fn guard(
        &self,
        state: &mut State,
        cpu: usize,
        pages: Range<usize>,
        guard: bool,
        late: &[usize],
    ) -> (Option<Answer>, bool) {
        let mut changed = false;
        for page in pages {
            let source = state.newest_word(page).and_then(Word::source);
            if source.is_some_and(|of_file| self.code.files.is_devices(of_file)) {
                return (Some(Answer::EINVAL), changed);
            }
            let Some(mapping) = state.pages[page].newest() else {
                continue;
            };
            // What it did there was before the other call, whose end ends what was there before.
            if late.contains(&page) {
                continue;
            }
            if state.is_guard(page) == guard {
                changed |= self.outlast(state, cpu, page);
                continue;
            }
            let held = state.newest_word(page).map_or(0, Word::last);
            let memory = match state.backing(page) {
                Memory::Fresh if !self.rules.guards.install_discards => Memory::Holding(held),
                backing => backing,
            };
            let made = state.event(cpu);
            let new = state.page_mut(page);
            new.begin(cpu, Some(mapping.prot), memory, made);
            let word = new.newest().expect("it is mapped").word;
            new.words[word].guard = guard;
            changed = true;
        }
        (None, changed)
    }
}

impl Steps<'_> {
    /// Appends the states in which a call that takes pages from a file has taken one more guard page of theirs.
    pub(super) fn losses(&self, state: &State, out: &mut Vec<State>) {
        if self.rules.guards.survive_races || !self.code.guards {
            return;
        }
        for (cpu, at) in state.cpus.iter().enumerate() {
            let call = self.code.at(cpu, at.pc).map(|instr| &instr.call);
            let going = match call.filter(|_| matches!(at.phase, Phase::Pending(_))) {
                Some(Call::Truncate { file, len }) => {
                    let Range { start, end } = self.code.files.of(*file);
                    (start + len).min(end)..end
                }
                Some(Call::Punch { page }) => self.code.files.one(*page),
                _ => continue,
            };
            for page in 0..self.code.files.pages().start {
                let word = state.newest_word(page).filter(|word| word.guard);
                let source = word.and_then(Word::source);
                if source.is_some_and(|of_file| going.contains(&of_file)) {
                    let mut lost = state.clone();
                    let prot = lost.pages[page].newest().map(|mapping| mapping.prot);
                    let (memory, made) = (lost.backing(page), lost.event(cpu));
                    lost.page_mut(page).begin(cpu, prot, memory, made);
                    out.push(lost);
                }
            }
        }
    }
}

impl State {
    /// The pending call of `cpu`, which flushes only what it finds, ends on a page, on which a call of another CPU is pending
    /// that began before: older states stay until that one's end. Whether there is such a call.
    pub(super) fn leave_to_pending(&mut self, cpu: usize, page: usize) -> bool {
        let Some(at) = self.pages[page].pending(cpu) else {
            return false;
        };
        let own = self.pages[page].versions[at].by;
        let mut older = self.pages[page].versions[..at].iter().rev();
        let other = older.find_map(|version| version.by.filter(|_| version.by != own));
        if other.is_some() {
            self.page_mut(page).versions[at].by = other;
        }
        other.is_some()
    }
}
