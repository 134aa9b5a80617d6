//! The named rules of the specification, each of which can be changed alone.

use super::file_rules::FileRules;
use super::guard::GuardRules;
use super::lock::LockRules;
use super::vma::Merging;
use seqfault_lang::ops::Answer;

/// Which rules hold. [`Rules::default`] is the reference specification.
///
/// The others are for two uses: a rule changed on purpose shows that a
/// comparison against the specification would notice (a test of the tests),
/// and an implementation that promises more than the reference can be held
/// to its promise. Each field says whether the other setting shows more
/// outcomes (weaker) or fewer (stronger).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Where a store may enter a word's modification order.
    pub placement: Placement,
    /// A read may return any message that coherence permits. `false`
    /// (stronger): always the last one of the modification order.
    pub stale_reads: bool,
    /// A message carries what its writer knew, and a reader learns it.
    /// `false` (weaker): user accesses are relaxed.
    pub release_acquire: bool,
    /// An `xchg` directly follows what it read. `false` (weaker): it is a read and
    /// then a store.
    pub atomic_xchg: bool,
    /// A system call takes effect over an interval. `false` (stronger): at one instant.
    pub window: bool,
    /// One CPU may go by the new state before another. `false` (stronger): the first
    /// access that goes new takes all CPUs along.
    pub cpus_differ: bool,
    /// One kind of access may go by the new state before another. `false` (stronger): the
    /// first that goes new takes the CPU's other kinds along.
    pub kinds_differ: bool,
    /// A kind of access stays behind another of its CPU only by way of a translation: where an
    /// access is refused by the new state, the others go by an older one only if that is populated;
    /// a load or a store that the new state admits takes the other along, as there is one
    /// translation for both; and an access that is the first to a new state's memory takes all kinds
    /// along, as its fault leaves no older translation. `false` (weaker): kinds have nothing to do with
    /// each other.
    pub kinds_need_translation: bool,
    /// What was at the new place of `mremap` is gone for everyone at one instant: it is unmapped
    /// before anything moves. `false` (weaker): over an interval, as at the old place.
    pub mremap_clears_first: bool,
    /// What went by the new state does not go back to the old one. `false` (weaker): it may.
    pub monotonic: bool,
    /// Nothing goes by the old state once the call has returned. `false`
    /// (weaker): other CPUs may, for ever.
    pub revoke_on_return: bool,
    /// `true` (weaker): while `mmap` replaces a mapping, accesses may find nothing mapped.
    pub replace_gap: bool,
    /// `munmap` lets shared sections run once the mappings are gone but before
    /// their translations are. `false` (stronger): it excludes them to its end.
    pub munmap_downgrades: bool,
    /// What `madvise dontneed` excludes.
    pub dontneed_lock: DontneedLock,
    /// A section knows what those knew that it waited for, as with any lock. `false` (weaker): it
    /// orders nothing but the mappings.
    pub sections_synchronize: bool,
    /// `true` (stronger): an access that ends in a fault knows what the system calls
    /// before it knew.
    pub faults_synchronize: bool,
    /// A fault populates a page, and when the access is tried again, the mapping may be another
    /// one; or a fault begins before the page is populated by another CPU, and finds the mapping
    /// gone while the entry is still there. `false` (stronger): an access and its fault go by the
    /// same mapping and the same entry.
    pub faults_in_vain: bool,
    /// Which pages `mprotect` changes when it fails over a hole.
    pub mprotect_hole: HoleRule,
    /// Which pages `madvise dontneed` empties when it fails over a hole.
    pub dontneed_hole: HoleRule,
    /// Which pages `munmap` unmaps that meets a hole.
    pub munmap_hole: HoleRule,
    /// `noreplace` fails over a mapping. `false`: it replaces.
    pub noreplace_refuses: bool,
    /// A replacing `mmap` discards what was there. `false`: the words stay.
    pub mmap_discards: bool,
    /// An access below a mapping that grows extends it. `false`: it finds nothing.
    pub stacks_grow: bool,
    /// The heap does not grow over what is mapped. `false`: it replaces that.
    pub heap_stops: bool,
    /// What is mapped below keeps a mapping from growing near. `false`: it grows up to that.
    pub stacks_keep_away: bool,
    /// `madvise dontneed` discards what was there. `false`: the words stay.
    pub dontneed_discards: bool,
    /// What `madvise free` has freed goes at some time, or never. `false` (stronger): it stays.
    pub lazy_pages_go: bool,
    /// A store to a page that was freed lazily keeps it. `false` (weaker): it may go all the same.
    pub stores_keep_lazy_pages: bool,
    /// `mremap` moves what pages hold. `false`: it moves the mappings alone.
    pub mremap_moves: bool,
    /// Where the range that `mremap` moves has a hole, what is at the new place stays. `false`: it
    /// goes.
    pub mremap_keeps_holes: bool,
    /// `mremap` to fewer pages unmaps the rest. `false`: it stays.
    pub mremap_shrinks: bool,
    /// `mremap` to more pages maps them. `false`: nothing is mapped there.
    pub mremap_grows: bool,
    /// What `mremap dontunmap` moves leaves its mapping behind. `false`: it is unmapped.
    pub dontunmap_stays: bool,
    /// What is left behind of anonymous memory is fresh. `false`: the words are at both places.
    pub dontunmap_empties: bool,
    /// Nothing shows at the old place what has moved, or has gone, once `mremap dontunmap` has returned. `true` (stronger):
    /// Linux flushes what it moves, and leaves to `truncate` what that has cleared: move_ptes(), mm/mremap.c.
    pub dontunmap_flushes: bool,
    /// `mprotect` grants as well as it takes. `false`: where it would grant anything it changes
    /// nothing.
    pub mprotect_grants: bool,
    /// `fork` copies what pages hold. `false`: what the child has is fresh.
    pub fork_copies: bool,
    /// What one process stores after `fork` is its own. `false`: both store to one memory.
    pub fork_private: bool,
    /// `fork` copies all pages at one instant. `false` (weaker): each at a moment of its own, from
    /// the first to the last.
    pub fork_atomic: bool,
    /// `exec` wants execute permission. `false`: permission to read is enough.
    pub exec_needs_x: bool,
    /// `maps` counts no page behind a hole. `false`: holes are skipped.
    pub maps_stops_at_hole: bool,
    /// `msync` answers that there was a hole. `false`: it passes holes over.
    pub msync_tells_of_holes: bool,
    /// `smaps` counts the zero page too. `false`: it is no page of the process.
    pub smaps_counts_zero_page: bool,
    /// The answer of `populate_*` where the mapping does not admit the access.
    pub populate_denied: Answer,
    /// A system call rounds its length up to whole pages. `false`: it refuses others.
    pub lengths_round_up: bool,
    /// What mappings of files show.
    pub files: FileRules,
    /// What guard pages are.
    pub guards: GuardRules,
    /// Those of locked mappings.
    pub locks: LockRules,
    /// Where VMAs begin and end.
    pub merging: Merging,
    /// Whether a page that was only read, executed or populated for reading is the zero page,
    /// which no process owns.
    pub zero_page: Freedom,
    /// Whether an `exec` that is refused populates a page that could be read.
    pub refused_exec_populates: Freedom,
    /// Whether a populated page is `present` while its protection is `none`.
    pub none_keeps_present: Freedom,
    /// Whether `populate_write` (and `populate` of a writable mapping) leaves a page `dirty`.
    pub populate_write_dirties: Freedom,
    /// Whether a page that is populated but was never accessed is `young`.
    pub young_unaccessed: Freedom,
    /// Whether a populated page of a writable mapping is `writable` in the page table.
    pub writable_pte: Freedom,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            placement: Placement::Anywhere,
            stale_reads: true,
            release_acquire: true,
            atomic_xchg: true,
            window: true,
            cpus_differ: true,
            kinds_differ: true,
            kinds_need_translation: true,
            mremap_clears_first: true,
            monotonic: true,
            revoke_on_return: true,
            replace_gap: false,
            munmap_downgrades: true,
            dontneed_lock: DontneedLock::Vma,
            sections_synchronize: true,
            faults_synchronize: false,
            faults_in_vain: true,
            mprotect_hole: HoleRule::Before,
            dontneed_hole: HoleRule::All,
            munmap_hole: HoleRule::All,
            noreplace_refuses: true,
            mmap_discards: true,
            stacks_grow: true,
            stacks_keep_away: true,
            heap_stops: true,
            dontneed_discards: true,
            lazy_pages_go: true,
            stores_keep_lazy_pages: true,
            mremap_moves: true,
            mremap_keeps_holes: true,
            mremap_shrinks: true,
            mremap_grows: true,
            dontunmap_stays: true,
            dontunmap_empties: true,
            dontunmap_flushes: false,
            mprotect_grants: true,
            fork_copies: true,
            fork_private: true,
            fork_atomic: true,
            exec_needs_x: true,
            maps_stops_at_hole: false,
            msync_tells_of_holes: true,
            smaps_counts_zero_page: false,
            populate_denied: Answer::EINVAL,
            lengths_round_up: true,
            files: FileRules::default(),
            guards: GuardRules::default(),
            locks: LockRules::default(),
            merging: Merging::default(),
            zero_page: Freedom::Either,
            refused_exec_populates: Freedom::Either,
            none_keeps_present: Freedom::Either,
            populate_write_dirties: Freedom::Either,
            young_unaccessed: Freedom::Either,
            writable_pte: Freedom::Either,
        }
    }
}

impl Rules {
    /// What Linux 6.18 on x86-64 does where the reference leaves a choice that the host can show.
    ///
    /// - A read of untouched anonymous memory maps the zero page: do_anonymous_page(),
    ///   mm/memory.c.
    /// - A fetch from a page that is not present is taken for a read until the page is there, and
    ///   only then refused: access_error(), arch/x86/mm/fault.c.
    /// - `mprotect none` changes the protection of an entry and leaves it present:
    ///   change_pte_range(), mm/mprotect.c, and pte_present(), arch/x86/include/asm/pgtable.h.
    /// - What a guard page held can be accessed for a while after `guard_install`, if another call has taken its entry away
    ///   and not flushed yet: madvise_guard_install(), mm/madvise.c. And `truncate` or
    ///   `punch` that races with a fault may end one: unmap_mapping_folio(), mm/memory.c. Both are more than the reference
    ///   allows.
    pub fn linux() -> Rules {
        Rules {
            guards: GuardRules {
                install_flushes: false,
                survive_races: false,
                ..GuardRules::default()
            },
            locks: LockRules {
                part_unlocks_itself: false,
                ..LockRules::default()
            },
            zero_page: Freedom::Yes,
            refused_exec_populates: Freedom::Yes,
            none_keeps_present: Freedom::Yes,
            ..Rules::default()
        }
    }

    /// These rules with every choice left open that the reference leaves open.
    pub fn open(&self) -> Rules {
        let reference = Rules::default();
        Rules {
            zero_page: reference.zero_page,
            refused_exec_populates: reference.refused_exec_populates,
            none_keeps_present: reference.none_keeps_present,
            populate_write_dirties: reference.populate_write_dirties,
            young_unaccessed: reference.young_unaccessed,
            writable_pte: reference.writable_pte,
            ..self.clone()
        }
    }
}

/// Where a store may enter a word's modification order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Anywhere behind what the writer knows, as in C11.
    Anywhere,
    /// At the end (stronger).
    Last,
}

/// What `madvise dontneed` excludes, beyond the calls that overlap with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DontneedLock {
    /// It holds `mmap_lock` for reading: every exclusive call (stronger).
    Mmap,
    /// It may hold no more than the lock of the mapping: nothing.
    Vma,
}

/// What a call does that fails with `enomem` over a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoleRule {
    /// It has changed the pages before the first hole.
    Before,
    /// It has changed all mapped pages.
    All,
    /// It has changed nothing.
    Nothing,
}

/// A property of a page that an implementation may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freedom {
    /// Both answers are allowed.
    Either,
    /// It is so.
    Yes,
    /// It is not so.
    No,
}

impl Freedom {
    /// The answers that are allowed.
    pub(super) fn answers(self) -> &'static [bool] {
        match self {
            Freedom::Either => &[false, true],
            Freedom::Yes => &[true],
            Freedom::No => &[false],
        }
    }

    /// Whether both hold.
    pub(super) fn and(self, other: Freedom) -> Freedom {
        match (self, other) {
            (Freedom::No, _) | (_, Freedom::No) => Freedom::No,
            (Freedom::Yes, other) | (other, Freedom::Yes) => other,
            (Freedom::Either, Freedom::Either) => Freedom::Either,
        }
    }

    /// The answer, where there is only one.
    pub(super) fn answer(self) -> Option<bool> {
        match self {
            Freedom::Either => None,
            Freedom::Yes => Some(true),
            Freedom::No => Some(false),
        }
    }
}

impl From<bool> for Freedom {
    fn from(known: bool) -> Freedom {
        if known { Freedom::Yes } else { Freedom::No }
    }
}
