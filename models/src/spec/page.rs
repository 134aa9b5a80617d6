//! One page: the states that accesses may go by, from the oldest to the newest.
//!
//! ```text
//!            begin            begin (another shared call)   end of the first
//!   [S0]  --------->  [S0 S1]  ------->  [S0 S1 S2]  ------->  [S1 S2]
//! ```
//! A page has more than one version only while a call on it is pending. The
//! newest is what system calls see; accesses may go by any that is not older
//! than what the CPU has gone by before with that kind of access.
//!
//! # Invariants
//! 1. `versions` is never empty.
//! 2. A version that a pending call made carries the caller's number; its end
//!    drops all older versions.
//! 3. Every word belongs to some version. `mprotect` keeps the word.

use smallvec::{SmallVec, smallvec};

use super::call::Kind;
use super::word::Word;
use crate::litmus::ast::Prot;

/// A mapping of one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    /// What it admits.
    pub(super) prot: Prot,
    /// The index of its memory in [`Page::words`].
    pub(super) word: usize,
}

/// One state of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// What is mapped, if anything.
    pub(super) mapping: Option<Mapping>,
    /// The CPU whose pending call made it.
    pub(super) by: Option<u8>,
}

/// What becomes of a page's memory in a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// It stays.
    Same,
    /// It is fresh.
    Fresh,
}

/// One page.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Its states, the newest last.
    pub(super) versions: SmallVec<[Version; 2]>,
    /// The memory that they map.
    pub(super) words: SmallVec<[Word; 2]>,
    /// The oldest version that each CPU may still go by, by kind of access:
    /// `floor[cpu * Kind::COUNT + kind]`. Empty while all are 0.
    pub(super) floor: SmallVec<[u8; 4 * Kind::COUNT]>,
}

impl Page {
    /// A page where nothing is mapped.
    pub(super) fn hole() -> Page {
        Page {
            versions: smallvec![Version {
                mapping: None,
                by: None,
            }],
            words: SmallVec::new(),
            floor: SmallVec::new(),
        }
    }

    /// The newest state, which system calls go by.
    pub(super) fn newest(&self) -> Option<Mapping> {
        self.versions[self.versions.len() - 1].mapping
    }

    /// The memory of the newest state.
    pub(super) fn newest_word(&self) -> Option<&Word> {
        self.newest().map(|mapping| &self.words[mapping.word])
    }

    /// The oldest version that `cpu` may still go by for accesses of this kind.
    pub(super) fn floor(&self, cpu: usize, kind: Kind) -> usize {
        let at = cpu * Kind::COUNT + kind as usize;
        self.floor
            .get(at)
            .map_or(0, |&version| usize::from(version))
    }

    /// Lets `cpu` go by no version older than `version` for accesses of this kind.
    pub(super) fn raise(&mut self, cpu: usize, kind: Kind, version: usize) {
        if version <= self.floor(cpu, kind) {
            return;
        }
        let at = cpu * Kind::COUNT + kind as usize;
        if self.floor.len() <= at {
            self.floor.resize((cpu + 1) * Kind::COUNT, 0);
        }
        self.floor[at] = u8::try_from(version).expect("one version per call");
    }

    /// Begins a new state, made by the pending call of `cpu`.
    pub(super) fn begin(&mut self, cpu: usize, prot: Option<Prot>, memory: Memory) {
        let mapping = prot.map(|prot| {
            let word = match (memory, self.newest()) {
                (Memory::Same, Some(mapping)) => mapping.word,
                _ => {
                    self.words.push(Word::fresh());
                    self.words.len() - 1
                }
            };
            Mapping { prot, word }
        });
        let by = Some(u8::try_from(cpu).expect("few CPUs"));
        self.versions.push(Version { mapping, by });
    }

    /// The newest version that the pending call of `cpu` made.
    pub(super) fn pending(&self, cpu: usize) -> Option<usize> {
        self.versions
            .iter()
            .rposition(|v| v.by.is_some_and(|by| usize::from(by) == cpu))
    }

    /// Ends the pending call of `cpu`: no version older than its own remains.
    pub(super) fn end(&mut self, cpu: usize) {
        if let Some(at) = self.pending(cpu) {
            self.versions[at].by = None;
            self.drop_before(at);
        }
    }

    /// Ends the pending call of `cpu` for that CPU alone.
    pub(super) fn end_for_caller(&mut self, cpu: usize) {
        if let Some(at) = self.pending(cpu) {
            for version in &mut self.versions {
                if version.by.is_some_and(|by| usize::from(by) == cpu) {
                    version.by = None;
                }
            }
            for kind in Kind::ALL {
                self.raise(cpu, kind, at);
            }
        }
    }

    /// Drops the versions before `at` and the memory that only they had.
    pub(super) fn drop_before(&mut self, at: usize) {
        if at == 0 {
            return;
        }
        self.versions.drain(..at);
        let dropped = u8::try_from(at).expect("one version per call");
        for version in &mut self.floor {
            *version = version.saturating_sub(dropped);
        }
        if self.floor.iter().all(|&version| version == 0) {
            self.floor.clear();
        }
        let mut word = 0;
        self.words.retain(|_| {
            let kept = self
                .versions
                .iter()
                .any(|v| v.mapping.is_some_and(|m| m.word == word));
            word += 1;
            kept
        });
        let oldest = word - self.words.len();
        for version in &mut self.versions {
            if let Some(mapping) = &mut version.mapping {
                // Words are made in the order of their versions, so the dropped ones
                // are the first.
                mapping.word -= oldest;
            }
        }
    }
}
