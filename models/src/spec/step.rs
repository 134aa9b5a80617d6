//! The steps of the abstract machine.
//!
//! ```text
//!  user access    Ready ----------------------------------------> next statement
//!  exclusive call Ready --begin--> Pending --end----------------> next statement
//!  mmap populate  Ready --begin--> Pending --end--> Populating -> next statement
//!  dontneed       Ready --begin--> Pending --end----------------> next statement
//!  populate       Ready --page--> Populating --page--> ... -----> next statement
//! ```
//! This file has the user accesses; `change.rs` has the system calls, and `section.rs` what they
//! exclude.

use super::call::{Call, Kind, Ret};
use super::code::{Code, Later};
use super::rules::Rules;
use super::state::{Phase, State};
use crate::litmus::ast::Prot;

/// The transition relation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps<'a> {
    /// The program.
    pub(super) code: &'a Code,
    /// The rules.
    pub(super) rules: &'a Rules,
}

/// A word: the page that has it, and its number there.
type At = (usize, usize);

/// What becomes of an access that goes by a mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admission {
    /// It is done, on this word.
    Granted(At),
    /// It is an `exec` of what can only be read: a fault, which may populate this word
    /// where that is watched.
    Fetched(Option<At>),
    /// A fault.
    Refused,
}

impl Steps<'_> {
    /// Appends all states that one step of any CPU leads to, in normal form.
    ///
    /// Where a CPU's next access is independent of all that other CPUs may still
    /// do, its steps stand for all.
    pub(super) fn successors(&self, state: &State, out: &mut Vec<State>) {
        let cpus = 0..state.cpus.len();
        match cpus.clone().find(|&cpu| self.independent(state, cpu)) {
            Some(cpu) => self.step(state, cpu, out),
            None => cpus.for_each(|cpu| self.step(state, cpu, out)),
        }
        for next in out {
            next.normalize(self.code, self.rules);
        }
    }

    /// Appends all states that one step of `cpu` leads to.
    pub(super) fn step(&self, state: &State, cpu: usize, out: &mut Vec<State>) {
        let Some(instr) = self.code.at(cpu, state.cpus[cpu].pc) else {
            return;
        };
        match (state.cpus[cpu].phase, &instr.call) {
            (Phase::Pending(ret), call) => {
                let mut next = state.clone();
                self.end(&mut next, cpu, call, ret);
                out.push(next);
            }
            (Phase::Populating(done), call) => self.populate(state, cpu, call, done, out),
            (_, call @ (Call::PopulateRead(_) | Call::PopulateWrite(_))) => {
                self.populate(state, cpu, call, 0, out);
            }
            (_, Call::Nop) => {
                let mut next = state.clone();
                self.retire(&mut next, cpu, Ret::Ok);
                out.push(next);
            }
            (_, call) => match call.kind() {
                Some(kind) => self.access(state, cpu, call, kind, out),
                None => self.begin(state, cpu, call, out),
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
            return instr.call == Call::Nop;
        };
        let page = instr.call.range().start;
        let conflicts = match kind {
            Kind::Read => Later::STORE.and(Later::CHANGE),
            Kind::Write => Later::WORD.and(Later::CHANGE),
            Kind::Exec => Later::CHANGE,
        };
        let others = (0..state.cpus.len()).filter(|&other| other != cpu);
        state.pages[page].versions.len() == 1
            && others
                .into_iter()
                .all(|o| !state.later(self.code, o, page).any(conflicts))
    }

    /// Returns from the current statement of `cpu`.
    pub(super) fn retire(&self, state: &mut State, cpu: usize, ret: Ret) {
        let instr = self
            .code
            .at(cpu, state.cpus[cpu].pc)
            .expect("a running CPU");
        if let Some(reg) = instr.reg {
            state.regs[reg] = Some(ret);
        }
        state.cpus[cpu].pc += 1;
        state.cpus[cpu].phase = Phase::Ready;
    }

    /// A user access: chooses a version, and in it a message or a place.
    fn access(&self, state: &State, cpu: usize, call: &Call, kind: Kind, out: &mut Vec<State>) {
        let at = call.range().start;
        let page = &state.pages[at];
        let first = if self.rules.monotonic {
            page.floor(cpu, kind)
        } else {
            0
        };
        let admitted = |version: usize| {
            let mapping = page.versions[version].mapping?;
            let word = (state.home(at, mapping), mapping.word);
            Some(if self.admits(kind, mapping.prot) {
                Admission::Granted(word)
            } else if kind == Kind::Exec && Kind::Read.allowed(mapping.prot) {
                Admission::Fetched(self.code.watched_touch[at].then_some(word))
            } else {
                Admission::Refused
            })
        };
        for version in first..page.versions.len() {
            // Going by an older version that acts the same leaves more open.
            if (first..version).any(|older| admitted(older) == admitted(version)) {
                continue;
            }
            let mut moved = state.clone();
            self.go_by(&mut moved, cpu, at, kind, version);
            match admitted(version) {
                Some(Admission::Granted(word)) => self.act(&moved, cpu, call, word, out),
                denied => {
                    if let Some(Admission::Fetched(Some((page, word)))) = denied {
                        moved.page_mut(page).words[word].touch.refused_exec = true;
                    }
                    let fault = if denied.is_none() {
                        Ret::Maperr
                    } else {
                        Ret::Accerr
                    };
                    if self.rules.faults_synchronize {
                        self.join_callers(&mut moved, cpu, at, version);
                    }
                    self.retire(&mut moved, cpu, fault);
                    out.push(moved);
                }
            }
        }
    }

    /// Whether an access of this kind may be done where the protection is `prot`.
    fn admits(&self, kind: Kind, prot: Prot) -> bool {
        let like = match kind {
            Kind::Exec if !self.rules.exec_needs_x => Kind::Read,
            kind => kind,
        };
        like.allowed(prot)
    }

    /// Notes that `cpu` has gone by `version` of a page.
    fn go_by(&self, state: &mut State, cpu: usize, page: usize, kind: Kind, version: usize) {
        let cpus = if self.rules.cpus_differ {
            cpu..cpu + 1
        } else {
            0..state.cpus.len()
        };
        for cpu in cpus {
            for other in Kind::ALL {
                if other == kind || !self.rules.kinds_differ {
                    state.page_mut(page).raise(cpu, other, version);
                }
            }
        }
    }

    /// Lets `cpu` know what the callers knew that made the versions up to `version`.
    fn join_callers(&self, state: &mut State, cpu: usize, page: usize, version: usize) {
        let mut view = state.cpus[cpu].view;
        view.join(state.released);
        for made in &state.pages[page].versions[..=version] {
            if let Some(caller) = made.by {
                view.join(state.cpus[usize::from(caller)].view);
            }
        }
        state.cpus[cpu].view = view;
    }

    /// An access that the mapping admits, to one of the page's words.
    fn act(&self, state: &State, cpu: usize, call: &Call, at: At, out: &mut Vec<State>) {
        let (page, word) = at;
        let view = state.cpus[cpu].view;
        let memory = &state.pages[page].words[word];
        match *call {
            Call::Read(_) => {
                for from in memory.readable(view, self.rules) {
                    let mut next = state.clone();
                    let value = self.read(&mut next, cpu, at, from);
                    self.retire(&mut next, cpu, Ret::Word(value));
                    out.push(next);
                }
            }
            Call::Write(_, value) => {
                for place in memory.places(view, self.rules) {
                    let mut next = state.clone();
                    self.store(&mut next, cpu, at, place, value, false);
                    self.retire(&mut next, cpu, Ret::Ok);
                    out.push(next);
                }
            }
            Call::Xchg(_, value) => {
                for from in memory.exchangeable(view, self.rules) {
                    let mut seen = state.clone();
                    let old = self.read(&mut seen, cpu, at, from);
                    let places: Vec<usize> = if self.rules.atomic_xchg {
                        vec![from + 1]
                    } else {
                        memory.places(seen.cpus[cpu].view, self.rules).collect()
                    };
                    for place in places {
                        let mut next = seen.clone();
                        let exchanged = self.rules.atomic_xchg;
                        self.store(&mut next, cpu, at, place, value, exchanged);
                        self.retire(&mut next, cpu, Ret::Word(old));
                        out.push(next);
                    }
                }
            }
            _ => {
                let mut next = state.clone();
                let touch = &mut next.page_mut(page).words[word].touch;
                touch.populated = true;
                touch.accessed = true;
                self.retire(&mut next, cpu, Ret::Ok);
                out.push(next);
            }
        }
    }

    /// Reads the message `from` of a word.
    fn read(&self, state: &mut State, cpu: usize, (page, word): At, from: usize) -> u64 {
        let mut view = state.cpus[cpu].view;
        let value = state.page_mut(page).words[word].read(from, &mut view, self.rules);
        state.cpus[cpu].view = view;
        value
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
        let label = state.fresh_label();
        let mut view = state.cpus[cpu].view;
        state.page_mut(page).words[word].store(place, value, exchanged, label, &mut view);
        state.cpus[cpu].view = view;
    }
}
