//! The sections of system calls: what they exclude, and what they learn from each other.
//!
//! | held, wanted | exclusive | shared | local | open |
//! | --- | --- | --- | --- | --- |
//! | exclusive | waits | waits | waits if pages overlap | |
//! | shared | waits | | | |
//! | local | waits if pages overlap | | | |
//! | open | | | | |
//!
//! `truncate` waits for another one of the same file, and for nothing else. `fork` is exclusive, over all pages. Sections of two processes are no business of each other's.
//!
//! # Linux
//! Exclusive is `mmap_lock` for writing (with the locks of the mappings concerned), shared is
//! `mmap_lock` for reading, local is the lock of one mapping. Open is RCU: lock_next_vma(),
//! mm/mmap_lock.c, looks for a mapping under RCU alone, and believes a hole that it finds so. That of a file is its
//! `i_rwsem`, do_truncate(), fs/open.c.

use std::rc::Rc;

use super::call::{Call, Course};
use super::code::Instr;
use super::rules::DontneedLock;
use super::state::{Phase, State};
use super::step::Steps;
use super::walk::Walk;

/// What a system call excludes while it holds its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// Every exclusive and shared section.
    Exclusive,
    /// Exclusive sections.
    Shared,
    /// Exclusive sections over its own pages.
    Local,
    /// Sections of the same file, in any process.
    File,
    /// Nothing: it only looks.
    Open,
}

impl Steps<'_> {
    /// The section that a call takes.
    pub(super) fn section(&self, call: &Call) -> Section {
        match (call.section(), self.rules.dontneed_lock) {
            (Some(Section::Local), DontneedLock::Mmap) => Section::Shared,
            (Some(section), _) => section,
            (None, _) => unreachable!("{call:?} holds no section"),
        }
    }

    /// Whether another CPU holds a section that keeps `cpu` from taking its own.
    pub(super) fn excluded(
        &self,
        state: &State,
        cpu: usize,
        section: Section,
        instr: &Instr,
    ) -> bool {
        (0..state.cpus.len())
            .filter(|&other| {
                let is_near = self.code.process[other] == self.code.process[cpu];
                other != cpu && (is_near || section == Section::File)
            })
            .any(|other| {
                let Some(held) = self.code.at(other, state.cpus[other].pc) else {
                    return false;
                };
                let holds = match (state.cpus[other].phase, &held.call) {
                    (Phase::Ready | Phase::Walking(Walk { holds: false, .. }), _) => return false,
                    (Phase::Walking(_), _) => Section::Shared,
                    (Phase::Pending(_), _) if self.is_unmapping(state, other, held) => {
                        Section::Shared
                    }
                    (Phase::Pending(_) | Phase::Copying(_), held) => self.section(held),
                };
                match (section, holds) {
                    (Section::File, Section::File)
                    | (Section::Exclusive, Section::Local)
                    | (Section::Local, Section::Exclusive) => instr
                        .pages()
                        .any(|page| held.pages().any(|other| other == page)),
                    (Section::File | Section::Open, _) | (_, Section::File | Section::Open) => {
                        false
                    }
                    (Section::Exclusive, _) | (_, Section::Exclusive) => true,
                    _ => false,
                }
            })
    }

    /// Learns what the sections before this one knew.
    pub(super) fn acquire(&self, state: &mut State, cpu: usize, section: Section) {
        let released = &state.released[self.code.process[cpu]];
        if self.rules.sections_synchronize {
            match section {
                Section::Exclusive => state.cpus[cpu].view.join(&released.all),
                Section::Shared => state.cpus[cpu].view.join(&released.exclusive),
                Section::Local | Section::File | Section::Open => {}
            }
        }
    }

    /// Leaves what this CPU knows to the sections after this one.
    pub(super) fn release(&self, state: &mut State, cpu: usize, section: Section) {
        let view = &state.cpus[cpu].view;
        let released = &mut Rc::make_mut(&mut state.released)[self.code.process[cpu]];
        match section {
            Section::Exclusive => {
                released.all.join(view);
                released.exclusive.join(view);
            }
            Section::Shared => released.all.join(view),
            Section::Local | Section::File | Section::Open => {}
        }
    }
}
