//! Rules of the specification made wrong on purpose, each alone: the comparison must see it.

use super::options::Level;
use crate::ops::Answer;
use crate::spec::{Freedom, HoleRule, Rules};

/// A rule that is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Wrong {
    /// Its name on the command line.
    pub name: &'static str,
    /// Where it can be noticed.
    pub level: Level,
    /// Makes it wrong.
    pub change: fn(&mut Rules),
}

impl PartialEq for Wrong {
    fn eq(&self, other: &Wrong) -> bool {
        self.name == other.name
    }
}

const fn wrong(name: &'static str, change: fn(&mut Rules)) -> Wrong {
    Wrong {
        name,
        level: Level::Page,
        change,
    }
}

const fn wrong_vmas(name: &'static str, change: fn(&mut Rules)) -> Wrong {
    Wrong {
        name,
        level: Level::Vma,
        change,
    }
}

/// All of them.
pub const WRONG: &[Wrong] = &[
    wrong("mprotect-passes-holes", |r| {
        r.mprotect_hole = HoleRule::All;
    }),
    wrong("mprotect-nothing-over-a-hole", |r| {
        r.mprotect_hole = HoleRule::Nothing;
    }),
    wrong("mprotect-only-takes", |r| r.mprotect_grants = false),
    wrong("dontneed-stops-at-a-hole", |r| {
        r.dontneed_hole = HoleRule::Before;
    }),
    wrong("dontneed-nothing-over-a-hole", |r| {
        r.dontneed_hole = HoleRule::Nothing;
    }),
    wrong("dontneed-keeps-words", |r| r.dontneed_discards = false),
    wrong("munmap-stops-at-a-hole", |r| {
        r.munmap_hole = HoleRule::Before;
    }),
    wrong("mmap-keeps-words", |r| r.mmap_discards = false),
    wrong("mremap-leaves-words", |r| r.mremap_moves = false),
    wrong("mremap-unmaps-behind-holes", |r| {
        r.mremap_keeps_holes = false;
    }),
    wrong("mremap-keeps-the-rest", |r| r.mremap_shrinks = false),
    wrong("mremap-does-not-grow", |r| r.mremap_grows = false),
    wrong("mremap-grows-anonymous", |r| r.files.mremap_goes_on = false),
    wrong("dontunmap-unmaps", |r| r.dontunmap_stays = false),
    wrong("dontunmap-keeps-words", |r| r.dontunmap_empties = false),
    wrong("fork-leaves-words", |r| r.fork_copies = false),
    wrong("fork-shares-words", |r| r.fork_private = false),
    wrong("noreplace-replaces", |r| r.noreplace_refuses = false),
    wrong("mappings-of-a-file-are-apart", |r| {
        r.files.mappings_share = false
    }),
    wrong("fork-copies-files", |r| r.files.fork_shares = false),
    wrong("mmap-loses-the-offset", |r| r.files.mmap_has_offset = false),
    wrong("mprotect-loses-the-offset", |r| {
        r.files.mprotect_keeps_offset = false;
    }),
    wrong("mremap-loses-the-offset", |r| {
        r.files.mremap_keeps_offset = false;
    }),
    wrong("mappings-end-with-their-file", |r| {
        r.files.reaches_behind_end = false;
    }),
    wrong("behind-the-end-is-maperr", |r| {
        r.files.behind_end = Answer::MAPERR;
    }),
    wrong("populate-behind-the-end-is-ok", |r| {
        r.files.populate_behind_end = Answer::Ok;
    }),
    wrong("munmap-forgets-a-files-words", |r| {
        r.files.munmap_keeps_words = false;
    }),
    wrong("dontneed-forgets-a-files-words", |r| {
        r.files.dontneed_keeps_words = false;
    }),
    wrong("free-passes-files", |r| r.files.free_refuses = false),
    wrong("mincore-counts-what-is-mapped", |r| {
        r.files.mincore_counts_all = false;
    }),
    wrong("private-stores-go-to-the-file", |r| {
        r.files.stores_copy = false;
    }),
    wrong("populating-makes-no-copies", |r| {
        r.files.populating_copies = false;
    }),
    wrong("stores-to-a-file-reach-copies", |r| {
        r.files.copies_are_apart = false;
    }),
    wrong("mmap-copies-the-file", |r| {
        r.files.private_shows_stores = false;
    }),
    wrong("dontneed-keeps-copies", |r| {
        r.files.dontneed_drops_copies = false;
    }),
    wrong("dontneed-leaves-zeros", |r| {
        r.files.file_is_behind_copies = false;
    }),
    wrong("fork-shares-copies", |r| {
        r.files.fork_copies_copies = false;
    }),
    wrong("mremap-drops-copies", |r| {
        r.files.mremap_moves_copies = false;
    }),
    wrong("truncate-keeps-copies", |r| {
        r.files.truncate_drops_copies = false;
    }),
    wrong("truncate-unmaps", |r| {
        r.files.truncate_keeps_mappings = false;
    }),
    wrong("what-comes-again-is-what-was-there", |r| {
        r.files.truncate_loses_words = false;
    }),
    wrong("growth-stays-behind-the-end", |r| {
        r.files.growth_is_shown = false;
    }),
    wrong("growth-is-in-the-page-cache", |r| {
        r.files.growth_is_untouched = false;
    }),
    wrong("punch-does-nothing", |r| r.files.punch_clears = false),
    wrong("punch-drops-copies", |r| {
        r.files.punch_spares_copies = false;
    }),
    wrong("guard-pages-are-accerr", |r| {
        r.guards.access = Answer::ACCERR;
    }),
    wrong("populating-guard-pages-is-enomem", |r| {
        r.guards.populate = Answer::ENOMEM;
    }),
    wrong("guard-pages-keep-words", |r| {
        r.guards.install_discards = false;
    }),
    wrong("dontneed-ends-guard-pages", |r| {
        r.guards.stay_over_dontneed = false;
    }),
    wrong("mremap-ends-guard-pages", |r| {
        r.guards.move_with_mremap = false;
    }),
    wrong("fork-ends-guard-pages", |r| r.guards.are_forked = false),
    wrong("truncate-ends-guard-pages", |r| {
        r.guards.stay_over_truncate = false;
    }),
    wrong("mprotect-ends-guard-pages", |r| {
        r.guards.stay_over_mprotect = false;
    }),
    wrong("mlock-brings-nothing-in", |r| r.locks.populates = false),
    wrong("mlock-cannot-is-eagain", |r| {
        r.locks.cannot_come = Answer::EAGAIN;
    }),
    wrong("mlock-over-a-hole-locks-nothing", |r| {
        r.locks.locks_before_hole = false;
    }),
    wrong("advice-takes-locked-pages", |r| {
        r.locks.refuses_advice = false;
    }),
    wrong("mremap-unlocks", |r| r.locks.moves_with_mremap = false),
    wrong("dontunmap-leaves-locked", |r| {
        r.locks.ends_where_it_was = false;
    }),
    wrong("mprotect-brings-nothing-in", |r| {
        r.locks.mprotect_populates = false;
    }),
    wrong("msync-passes-holes", |r| r.msync_tells_of_holes = false),
    wrong("read-implies-exec", |r| r.exec_needs_x = false),
    wrong("populate-denied-is-enomem", |r| {
        r.populate_denied = Answer::ENOMEM;
    }),
    wrong("lengths-must-be-whole-pages", |r| {
        r.lengths_round_up = false
    }),
    wrong("maps-stops-at-a-hole", |r| r.maps_stops_at_hole = true),
    wrong("smaps-counts-the-zero-page", |r| {
        r.smaps_counts_zero_page = true;
    }),
    wrong("reads-copy-the-zero-page", |r| r.zero_page = Freedom::No),
    wrong("none-unmaps-pages", |r| r.none_keeps_present = Freedom::No),
    wrong("refused-exec-populates-nothing", |r| {
        r.refused_exec_populates = Freedom::No;
    }),
    wrong_vmas("merge-whatever-anon-vma", |r| {
        r.merging.anon_vma_agrees = false
    }),
    wrong_vmas("merge-whatever-is-locked", |r| {
        r.merging.locks_agree = false
    }),
    wrong_vmas("merge-both-sides", |r| r.merging.sides_agree = false),
    wrong_vmas("anon-vma-never-shared", |r| {
        r.merging.anon_vma_is_shared = false
    }),
    wrong_vmas("merge-whatever-account", |r| r.merging.accounts = false),
    wrong_vmas("merge-whatever-offset", |r| r.merging.offsets_agree = false),
    wrong_vmas("merge-whatever-file", |r| r.merging.files_agree = false),
    wrong_vmas("merge-whatever-file-offset", |r| {
        r.merging.file_offsets_agree = false;
    }),
    wrong_vmas("mremap-renews-file-offsets", |r| {
        r.merging.files_keep_offset = false;
    }),
    wrong_vmas("files-have-anon-vmas", |r| {
        r.merging.shared_is_no_ones = false
    }),
    wrong_vmas("guard-pages-have-no-anon-vma", |r| {
        r.merging.guards_are_owned = false;
    }),
    wrong_vmas("guard-pages-of-files-too", |r| {
        r.merging.guards_own_files = !r.merging.guards_own_files;
    }),
    wrong_vmas("dontunmap-keeps-anon-vma", |r| {
        r.merging.dontunmap_unlinks = false;
    }),
    wrong_vmas("dontunmap-unaccounts", |r| {
        r.merging.dontunmap_keeps_account = !r.merging.dontunmap_keeps_account;
    }),
    wrong_vmas("merge-shared-with-private", |r| {
        r.merging.sharing_agrees = false
    }),
    wrong_vmas("mprotect-unaccounts-files", |r| {
        r.merging.files_stay_accounted = false;
    }),
    wrong_vmas("fork-chains-the-parent", |r| {
        r.merging.fork_chains_child = false
    }),
    wrong_vmas("mprotect-never-merges", |r| {
        r.merging.mprotect_merges = false
    }),
];

impl Wrong {
    /// The one with this name.
    pub fn find(name: &str) -> Option<&'static Wrong> {
        WRONG.iter().find(|wrong| wrong.name == name)
    }
}
