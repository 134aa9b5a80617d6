//! The steps of the abstract machine.
//!
//! ```text
//!  user access    Ready ----------------------------------------> next statement
//!  exclusive call Ready --begin--> Pending --end----------------> next statement
//!  mmap populate  Ready --begin--> Pending --end--> Walking ----> next statement
//!  dontneed       Ready --begin--> Pending --end----------------> next statement
//!  populate       Ready --page--> Walking --page--> ... --------> next statement
//!  fork           Ready ----------------------------------------> next statement
//! ```
//! This file has the user accesses; `fault.rs` has what their faults leave, `change.rs` has the
//! system calls that change all of their pages at once, `walk.rs` those that go page by page, `look.rs` what
//! those find that only look,
//! `stack.rs` has what an access extends,
//! `process.rs` has `fork`, `section.rs` what they exclude, and `lazy.rs` what goes by itself.

use std::mem;

use smallvec::{SmallVec, smallvec};

use super::call::{Call, Course, Kind, Specified};

use super::code::{Code, Later};
use super::lock::Lock;
use super::rules::Rules;
use super::state::{Phase, State};
use super::walk::Walk;
use super::word::{Behind, Message};
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Answer;

/// The transition relation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps<'a> {
    /// The program.
    pub(super) code: &'a Code,
    /// The rules.
    pub(super) rules: &'a Rules,
}

/// A word: the page that has it, and its number there.
pub(super) type At = (usize, usize);

/// What becomes of an access that goes by a mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is done, on this word.
    Granted(At),
    /// It is an `exec` of what can only be read: a fault, which may populate this word
    /// where that is watched.
    Fetched(Option<At>),
    /// A fault: the mapping does not admit it.
    Refused,
    /// A fault: it would be admitted, but the file is not so long.
    BehindEnd,
    /// A fault: it would be admitted, but it is a guard page.
    Guarded,
}

/// What there are few of.
pub(super) type Few<T> = SmallVec<[T; 4]>;

/// Does `then` with each of `options` and a state: a copy of `state`, for the last one `state` itself.
/// So where there is one way to go on, nothing is copied.
pub(super) fn fork<T>(
    state: State,
    options: impl IntoIterator<Item = T>,
    mut then: impl FnMut(State, T),
) {
    let mut options = options.into_iter();
    let Some(mut option) = options.next() else {
        return;
    };
    for next in options {
        then(state.clone(), mem::replace(&mut option, next));
    }
    then(state, option);
}

impl Steps<'_> {
    /// Appends all states that one step of any CPU leads to, in normal form.
    ///
    /// Where a CPU's next access is independent of all that other CPUs may still
    /// do, its steps stand for all.
    pub(super) fn successors(&self, state: State, out: &mut Vec<State>) {
        let cpus = 0..state.cpus.len();
        match cpus.clone().find(|&cpu| self.independent(&state, cpu)) {
            Some(cpu) => self.step(state, cpu, out),
            None => {
                self.discards(&state, out);
                self.losses(&state, out);
                let cpus: Few<usize> = cpus.filter(|&cpu| self.can_step(&state, cpu)).collect();
                fork(state, cpus, |state, cpu| self.step(state, cpu, out));
            }
        }
        for next in out {
            next.normalize(self.code, self.rules);
        }
    }

    /// Whether `cpu` has a statement left and need not wait for another CPU.
    pub(super) fn can_step(&self, state: &State, cpu: usize) -> bool {
        let Some(instr) = self.code.at(cpu, state.cpus[cpu].pc) else {
            return false;
        };
        let section = match state.cpus[cpu].phase {
            _ if !instr.call.is_section() => return true,
            Phase::Ready => self.section(&instr.call),
            Phase::Walking(Walk { holds: false, .. }) => self.walking_section(&instr.call),
            Phase::Pending(_) | Phase::Walking(_) | Phase::Copying(_) => return true,
        };
        !self.excluded(state, cpu, section, instr)
    }

    /// Appends all states that one step of `cpu`, which [can](Steps::can_step), leads to.
    pub(super) fn step(&self, mut state: State, cpu: usize, out: &mut Vec<State>) {
        let Some(instr) = self.code.at(cpu, state.cpus[cpu].pc) else {
            return;
        };
        if let Some(answer) = instr.call.refusal() {
            self.retire(&mut state, cpu, answer);
            out.push(state);
            return;
        }
        match (state.cpus[cpu].phase, &instr.call) {
            (Phase::Pending(ret), call) => {
                self.end(&mut state, cpu, call, ret);
                out.push(state);
            }
            (Phase::Walking(walk), call) => self.walk(state, cpu, call, walk, out),
            (phase, Call::Fork { .. }) => {
                let done = match phase {
                    Phase::Copying(done) => done,
                    _ => 0,
                };
                self.copy(&mut state, cpu, instr, done);
                out.push(state);
            }
            (_, call) if !call.is_asked() => {
                self.retire(&mut state, cpu, Answer::Ok);
                out.push(state);
            }
            (_, call) => match (call.kind(), Walk::of(call)) {
                (Some(kind), _) => self.access(state, cpu, call, kind, out),
                (None, Some(walk)) => self.walk(state, cpu, call, walk, out),
                (None, None) => {
                    let contested = self.contested(&state, call);
                    let chosen = |set: u32| -> Few<usize> {
                        let pages = contested.iter().enumerate();
                        let chosen = pages.filter(|(at, _)| set >> at & 1 == 1);
                        chosen.map(|(_, page)| *page).collect()
                    };
                    let ways = (0..1 << contested.len()).map(chosen);
                    fork(state, ways, |mut state, late| {
                        let neighbours = self.locked_neighbours(&state, call);
                        self.begin(&mut state, cpu, call, &late);
                        if !neighbours.is_empty() {
                            let mut unlocked = state.clone();
                            for page in neighbours {
                                unlocked.set_lock(page, Lock::No);
                            }
                            out.push(unlocked);
                        }
                        out.push(state);
                    });
                }
            },
        }
    }

    /// Whether the next step of `cpu` is an access that commutes with all that
    /// other CPUs may still do.
    fn independent(&self, state: &State, cpu: usize) -> bool {
        if self.rules.faults_synchronize {
            return false;
        }
        let Some(instr) = self.code.at(cpu, state.cpus[cpu].pc) else {
            return false;
        };
        let Some(kind) = instr.call.kind() else {
            return !instr.call.is_section();
        };
        let page = instr.call.range().start;
        let conflicts = match kind {
            Kind::Read => Later::STORE.and(Later::CHANGE),
            Kind::Write => Later::WORD.and(Later::CHANGE).and(Later::COPY),
            Kind::Exec => Later::CHANGE,
        };
        let conflicts = conflicts.and(Later::LOOK);
        let others = (0..state.cpus.len()).filter(|&other| other != cpu);
        state.pages[page].versions.len() == 1
            && !state.is_lazy(page)
            && !self.may_extend(state, page)
            && others
                .into_iter()
                .all(|o| !state.later(self.code, o, page).any(conflicts))
    }

    /// Returns from the current statement of `cpu`.
    pub(super) fn retire(&self, state: &mut State, cpu: usize, ret: Answer) {
        let instr = self
            .code
            .at(cpu, state.cpus[cpu].pc)
            .expect("a running CPU");
        if let Some(reg) = instr.reg {
            state.regs[reg] = Some(ret);
        }
        state.cpus[cpu].pc += 1;
        state.cpus[cpu].phase = Phase::Ready;
        if instr.call.kind().is_some() {
            state.end_faults(cpu);
        }
    }

    /// A user access: chooses a version, and in it a message or a place.
    fn access(&self, state: State, cpu: usize, call: &Call, kind: Kind, out: &mut Vec<State>) {
        let at = call.range().start;
        let mut ways = self.ways(&state, cpu, at, kind);
        self.grow(&state, cpu, at, &mut ways, out);
        self.fault_in_vain(&state, cpu, at, kind, &ways, out);
        fork(state, ways, |mut state, (version, admission)| {
            self.go_by(&mut state, cpu, at, kind, version);
            let fault = match admission {
                Some(Admission::Granted(word)) => {
                    state.arrive(cpu, at, word, kind);
                    state.cache(word);
                    return self.act(state, cpu, call, word, out);
                }
                Some(Admission::Fetched(word)) => {
                    if let Some(word) = word {
                        self.fetch(&mut state, cpu, at, word);
                    }
                    Answer::ACCERR
                }
                Some(Admission::Refused) => Answer::ACCERR,
                Some(Admission::BehindEnd) => self.rules.files.behind_end,
                Some(Admission::Guarded) => self.rules.guards.access,
                None => Answer::MAPERR,
            };
            if self.rules.faults_synchronize {
                self.join_callers(&mut state, cpu, at, version);
            }
            self.retire(&mut state, cpu, fault);
            out.push(state);
        });
    }

    /// The versions of page `at` that an access may go by, and what becomes of it there.
    fn ways(
        &self,
        state: &State,
        cpu: usize,
        at: usize,
        kind: Kind,
    ) -> Few<(usize, Option<Admission>)> {
        let page = &state.pages[at];
        let is_stored_to = kind == Kind::Write && !self.is_being_freed(state, at);
        let first = if self.rules.monotonic {
            page.floor(cpu, kind)
        } else {
            0
        };
        let mut ways = Few::new();
        for version in first..page.versions.len() {
            let mapping = page.versions[version].mapping;
            if is_stored_to && mapping.is_some_and(|mapping| state.has_gone(at, mapping)) {
                continue;
            }
            let admission = mapping.map(|mapping| {
                let word = (state.home(at, mapping), mapping.word);
                let is_admitted = self.admits(kind, mapping.prot);
                // A fetch is taken for a read until the page is there: access_error(),
                // arch/x86/mm/fault.c; VM_FAULT_SIGBUS: filemap_fault(), mm/filemap.c.
                let is_fetch = kind == Kind::Exec && Kind::Read.allowed(mapping.prot);
                if state.is_guard_word(word) && (is_admitted || is_fetch) {
                    // VM_FAULT_SIGSEGV: handle_pte_marker(), mm/memory.c.
                    Admission::Guarded
                } else if state.content(word).is_none() && (is_admitted || is_fetch) {
                    Admission::BehindEnd
                } else if is_admitted {
                    Admission::Granted(word)
                } else if is_fetch {
                    let is_watched =
                        self.rules.kinds_need_translation || state.is_touch_watched(self.code, at);
                    Admission::Fetched(is_watched.then_some(word))
                } else {
                    Admission::Refused
                }
            });
            // Going by an older version that acts the same leaves more open.
            if !ways.iter().any(|(_, older)| *older == admission) {
                ways.push((version, admission));
            }
        }
        ways
    }

    /// Whether an access of this kind may be done where the protection is `prot`.
    pub(super) fn admits(&self, kind: Kind, prot: Prot) -> bool {
        let like = match kind {
            Kind::Exec if !self.rules.exec_needs_x => Kind::Read,
            kind => kind,
        };
        like.allowed(prot)
    }

    /// Lets `cpu` know what the callers knew that made the versions up to `version`.
    fn join_callers(&self, state: &mut State, cpu: usize, page: usize, version: usize) {
        let mut view = state.cpus[cpu].view.clone();
        view.join(&state.released[self.code.process[cpu]].all);
        for made in &state.pages[page].versions[..=version] {
            if let Some(caller) = made.by {
                view.join(&state.cpus[usize::from(caller)].view);
            }
        }
        state.cpus[cpu].view = view;
    }

    /// An access that the mapping admits, to one of the page's words.
    fn act(&self, mut state: State, cpu: usize, call: &Call, at: At, out: &mut Vec<State>) {
        let (page, word) = at;
        match *call {
            Call::Read { .. } => {
                let messages = state.memory(at).readable(&state.cpus[cpu].view, self.rules);
                fork(state, messages, |mut state, from| {
                    let value = self.read(&mut state, cpu, at, from);
                    self.retire(&mut state, cpu, Answer::Word(value));
                    out.push(state);
                });
            }
            Call::Write { word: value, .. } => self.copied(state, cpu, at, |state| {
                let memory = state.memory(at);
                let places = memory.places(&state.cpus[cpu].view, self.rules);
                let places: Few<usize> = places.collect();
                fork(state, places, |mut state, place| {
                    self.store(&mut state, cpu, at, place, value, false);
                    self.retire(&mut state, cpu, Answer::Ok);
                    self.stored(state, call.range().start, at, out);
                });
            }),
            Call::Xchg { word: value, .. } => self.copied(state, cpu, at, |state| {
                let memory = state.memory(at);
                let messages = memory.exchangeable(&state.cpus[cpu].view, self.rules);
                let messages: Few<usize> = messages.collect();
                fork(state, messages, |mut state, from| {
                    let old = self.read(&mut state, cpu, at, from);
                    let exchanged = self.rules.atomic_xchg;
                    let places: Few<usize> = if exchanged {
                        smallvec![from + 1]
                    } else {
                        let memory = state.memory(at);
                        memory.places(&state.cpus[cpu].view, self.rules).collect()
                    };
                    fork(state, places, |mut state, place| {
                        self.store(&mut state, cpu, at, place, value, exchanged);
                        self.retire(&mut state, cpu, Answer::Word(old));
                        self.stored(state, call.range().start, at, out);
                    });
                });
            }),
            _ => {
                state.page_mut(page).words[word].accessed();
                self.retire(&mut state, cpu, Answer::Ok);
                out.push(state);
            }
        }
    }

    /// Reads the message `from` of what a word holds.
    fn read(&self, state: &mut State, cpu: usize, (page, word): At, from: usize) -> u64 {
        let mut view = std::mem::take(&mut state.cpus[cpu].view);
        let value = state.memory((page, word)).read(from, &mut view, self.rules);
        state.cpus[cpu].view = view;
        state.page_mut(page).words[word].accessed();
        value
    }

    /// Goes on with a word of a private mapping that is a copy: where it is not yet, `cpu` copies what it may
    /// read of the file's. The translations of the file's page are flushed before there are any of the copy, so it
    /// is there for all CPUs at once: wp_page_copy(), mm/memory.c. What the file's writers knew does not come along.
    pub(super) fn copied(
        &self,
        state: State,
        cpu: usize,
        (page, word): At,
        mut then: impl FnMut(State),
    ) {
        if !state.is_to_be_copied((page, word)) || !self.rules.files.stores_copy {
            return then(state);
        }
        let memory = state.memory((page, word));
        let messages = memory.readable(&state.cpus[cpu].view, self.rules);
        fork(state, messages, |mut state, from| {
            let message = &state.memory((page, word)).messages[from];
            let (value, label) = (message.value, message.label);
            state.cpus[cpu].view.add(label);
            let own = &mut state.page_mut(page).words[word];
            own.behind = Behind::Copied(own.source().expect("what it copies"));
            own.messages = smallvec![Message::base(value)];
            then(state);
        });
    }

    /// Stores at a place of a word.
    fn store(
        &self,
        state: &mut State,
        cpu: usize,
        (page, word): At,
        place: usize,
        value: u64,
        exchanged: bool,
    ) {
        let (of, content) = state.content((page, word)).expect("the file is so long");
        let label = state.fresh_label();
        let mut view = std::mem::take(&mut state.cpus[cpu].view);
        state.page_mut(of).words[content].store(place, value, exchanged, label, &mut view);
        state.cpus[cpu].view = view;
        state.page_mut(page).words[word].stored_to();
        if of != page {
            self.store_to_copies(state, of, value);
        }
    }
}
