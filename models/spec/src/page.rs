//! One page: the states that accesses may go by, from the oldest to the newest.
//!
//! ```text
//!            begin            begin (another shared call)   end of the first
//!   [S0]  --------->  [S0 S1]  ------->  [S0 S1 S2]  ------->  [S1 S2]
//! ```
//! A page has more than one version only while a call on it is pending, or where what it held has
//! gone ([`lazy`](super::lazy)). The
//! newest is what system calls see; accesses may go by any that is not older
//! than what the CPU has gone by before with that kind of access.
//!
//! # Invariants
//! 1. `versions` is never empty.
//! 2. A version that a pending call made carries the caller's number; its end
//!    drops all older versions.
//! 3. Every word belongs to some version. `mprotect` keeps the word.
//! 4. A file has pages of its own, each with all words that it ever had. Its version maps the one that the file has
//!    now, if it is so long. Words of what maps the file say which one they show.
//! 5. A word that `mremap` moves stays with the old page until no version there maps it; then it
//!    goes to the page that it was moved to. Until then both may be accessed.

use smallvec::{SmallVec, smallvec};

use super::call::Kind;
use super::lock::Lock;
use super::word::{Behind, Label, Word};
use seqfault_lang::litmus::ast::Prot;

/// A mapping of one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    /// What it admits.
    pub(super) prot: Prot,
    /// Whether an access below extends it.
    pub(super) grows: bool,
    /// Whether its page stays in memory.
    pub(super) lock: Lock,
    /// The index of its memory in [`Page::words`].
    pub(super) word: usize,
    /// The page whose word it is, if another's (invariant 5); never the page itself.
    pub(super) home: Option<usize>,
}

/// One state of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// What is mapped, if anything.
    pub(super) mapping: Option<Mapping>,
    /// The CPU whose pending call made it.
    pub(super) by: Option<u8>,
    /// The event of that call, which moved an entry or changed its protection (it is clear
    /// meanwhile), where some CPU may not know of it yet.
    pub(super) made: Option<Label>,
    /// How the entry came that serves loads, and the one that serves stores.
    pub(super) arrivals: [Arrival; 2],
}

/// How an entry came to a page that serves a kind of access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is not there.
    #[default]
    Absent,
    /// By the event of this name, which not every CPU knows of.
    By(Label),
    /// Every CPU whose accesses may depend on it knows of it.
    Known,
}

impl Version {
    /// A state that no pending call has made.
    pub(super) fn without_call(mapping: Option<Mapping>) -> Version {
        Version {
            mapping,
            by: None,
            made: None,
            arrivals: [Arrival::Absent; 2],
        }
    }

    /// Whether every CPU knows of the entries that there are.
    pub(super) fn is_known(&self) -> bool {
        let known = |arrival: &Arrival| *arrival == arrival.known();
        self.made.is_none() && self.arrivals.iter().all(known)
    }

    /// Whether there are entries that serve this kind of access, and all CPUs know of them, and of the
    /// call that made them.
    pub(super) fn serves_as_known(&self, kind: Kind) -> bool {
        let serving = &self.arrivals[..=usize::from(kind == Kind::Write)];
        self.made.is_none() && serving.iter().all(|arrival| *arrival == Arrival::Known)
    }

    /// Every CPU knows of the entries that there are.
    pub(super) fn make_known(&mut self) {
        self.made = None;
        self.arrivals = self.arrivals.map(Arrival::known);
    }

    /// The events by which entries came.
    pub(super) fn events_mut(&mut self) -> impl Iterator<Item = &mut Label> {
        let arrivals = self
            .arrivals
            .iter_mut()
            .filter_map(|arrival| match arrival {
                Arrival::By(label) => Some(label),
                Arrival::Absent | Arrival::Known => None,
            });
        self.made.iter_mut().chain(arrivals)
    }

    /// Whether it maps this word of `home`.
    pub(super) fn maps(&self, home: Option<usize>, word: usize) -> bool {
        let same = |mapping: Mapping| (mapping.home, mapping.word) == (home, word);
        self.mapping.is_some_and(same)
    }

    /// Where it maps words of `home`, closes the gap that word number `gone` has left.
    pub(super) fn close_gap(&mut self, home: Option<usize>, gone: usize) {
        let after = |m: &&mut Mapping| m.home == home && m.word > gone;
        if let Some(mapping) = self.mapping.as_mut().filter(after) {
            mapping.word -= 1;
        }
    }
}

impl Arrival {
    /// Every CPU knows of it.
    pub(super) fn known(self) -> Arrival {
        match self {
            Arrival::Absent => Arrival::Absent,
            Arrival::By(_) | Arrival::Known => Arrival::Known,
        }
    }
}

/// What becomes of a page's memory in a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// It stays.
    Same,
    /// It is fresh.
    Fresh,
    /// It is fresh but for its word.
    Holding(u64),
    /// It is anew, and that of a file.
    File(Behind),
    /// It is that of this mapping of another page, and these of its entries come along.
    Moved(Mapping, [Arrival; 2]),
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
    /// Whether the heap ends here.
    pub(super) is_break: bool,
}

impl Page {
    /// A page where nothing is mapped.
    pub(super) fn hole() -> Page {
        Page {
            versions: smallvec![Version::without_call(None)],
            words: SmallVec::new(),
            floor: SmallVec::new(),
            is_break: false,
        }
    }

    /// The page of a file gets this word in place of what it has.
    pub(super) fn show(&mut self, word: Option<Word>) {
        let mapping = word.map(|word| {
            self.words.push(word);
            Mapping {
                prot: Prot::Rwx,
                grows: false,
                lock: Lock::No,
                word: self.words.len() - 1,
                home: None,
            }
        });
        self.versions = smallvec![Version::without_call(mapping)];
    }

    /// The newest state, which system calls go by.
    pub(super) fn newest(&self) -> Option<Mapping> {
        self.newest_version().mapping
    }

    /// The newest state and how it came to be.
    pub(super) fn newest_version(&self) -> &Version {
        &self.versions[self.versions.len() - 1]
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

    /// Begins a new state, made by the pending call of `cpu`, whose event is `made`.
    pub(super) fn begin(&mut self, cpu: usize, prot: Option<Prot>, memory: Memory, made: Label) {
        let old = *self.newest_version();
        let mapping = prot.map(|prot| match (memory, self.newest()) {
            (Memory::Same, Some(mapping)) | (Memory::Moved(mapping, _), _) => {
                Mapping { prot, ..mapping }
            }
            (memory, _) => {
                self.words.push(match memory {
                    Memory::File(behind) => Word::of_file(behind),
                    Memory::Holding(word) => Word::holding(word),
                    _ => Word::fresh(),
                });
                Mapping {
                    prot,
                    grows: self.newest().is_some_and(|old| old.grows),
                    lock: self.newest().map_or(Lock::No, |old| old.lock),
                    word: self.words.len() - 1,
                    home: None,
                }
            }
        });
        let mut new = Version {
            by: Some(u8::try_from(cpu).expect("few CPUs")),
            ..Version::without_call(mapping)
        };
        let admits = |version: Version, kind: Kind| {
            version
                .mapping
                .is_some_and(|mapping| kind.allowed(mapping.prot))
        };
        match memory {
            Memory::Same => {
                new.made = Some(made);
                for (at, kind) in [Kind::Read, Kind::Write].into_iter().enumerate() {
                    if admits(old, kind) && admits(new, kind) {
                        new.arrivals[at] = old.arrivals[at];
                    }
                }
            }
            Memory::Moved(_, arrivals) => {
                new.made = Some(made);
                new.arrivals = arrivals.map(Arrival::known);
            }
            Memory::Fresh | Memory::Holding(_) | Memory::File(_) => {}
        }
        self.versions.push(new);
    }

    /// Begins a new state that maps fresh memory as `mapping` does, and that no call made.
    pub(super) fn renew(&mut self, mapping: Mapping) {
        self.words.push(Word::fresh());
        self.versions.push(Version::without_call(Some(Mapping {
            word: self.words.len() - 1,
            home: None,
            ..mapping
        })));
    }

    /// The newest version that the pending call of `cpu` made.
    pub(super) fn pending(&self, cpu: usize) -> Option<usize> {
        self.versions
            .iter()
            .rposition(|v| v.by.is_some_and(|by| usize::from(by) == cpu))
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

    /// Drops the versions before `at`.
    pub(super) fn drop_before(&mut self, at: usize) {
        self.versions.drain(..at);
        let dropped = u8::try_from(at).expect("one version per call");
        for version in &mut self.floor {
            *version = version.saturating_sub(dropped);
        }
        if self.floor.iter().all(|&version| version == 0) {
            self.floor.clear();
        }
    }

    /// Whether it maps a word of another page.
    pub(super) fn maps_others(&self) -> bool {
        let mut mappings = self.versions.iter().filter_map(|version| version.mapping);
        mappings.any(|mapping| mapping.home.is_some())
    }

    /// Whether nothing of it is news to any CPU.
    pub(super) fn is_settled(&self) -> bool {
        self.floor.is_empty()
            && self.versions.iter().all(Version::is_known)
            && self.words.iter().all(Word::is_known)
    }

    /// Lets all CPUs know all of it: its newest version is the only one.
    pub(super) fn settle(&mut self) {
        self.floor.clear();
        self.versions.iter_mut().for_each(Version::make_known);
        self.words.iter_mut().for_each(Word::make_known);
    }

    /// Whether a version maps this word of `home`.
    pub(super) fn maps(&self, home: Option<usize>, word: usize) -> bool {
        self.versions.iter().any(|v| v.maps(home, word))
    }
}
