//! Where Linux lets VMAs begin and end, for anonymous private memory, mappings of files and one process.
//!
//! Pages alone do not tell: whether neighbours with equal flags are one VMA depends on how they
//! came to be. This is Linux's own choice and no part of what a user may rely on, so it is apart
//! from the rest of the specification and compared only where asked for.
//!
//! # The rules (Linux 6.18)
//! 1. `mmap` and `mprotect` merge what they make with its neighbours, if these have the same flags
//!    and an `anon_vma` that agrees: the same, or none on one side: is_mergeable_vma() and
//!    is_mergeable_anon_vma(), mm/vma.c. `mprotect` that changes no flag merges nothing:
//!    mprotect_fixup(), mm/mprotect.c.
//! 2. What agrees with both sides merges with both only if these agree with each other, else with
//!    the left: can_vma_merge_right(), mm/vma.c.
//! 3. A VMA gets an `anon_vma` when the first page of its own is made, by a store or by populating
//!    for writing, not by the zero page: vmf_anon_prepare(), mm/memory.c. It takes that of the next VMA, or
//!    else the previous one's, if that lies right there and differs in nothing but permissions:
//!    find_mergeable_anon_vma(), mm/vma.c.
//! 4. Among the flags is `VM_ACCOUNT`: a VMA has it that is made writable, by `mmap` or by `mprotect`;
//!    it loses it when `mprotect` makes it unwritable before it has an `anon_vma`: mprotect_fixup().
//! 5. A part that is split off keeps flags and `anon_vma`; `munmap` and `madvise` merge nothing.
//! 6. `mremap` merges what it moves with its new neighbours, VMA by VMA; the old place, still
//!    there, may be one of them, and so share its `anon_vma`. The offset of anonymous
//!    memory is its address at first. What moves keeps its offset if it has an `anon_vma`, and
//!    else gets a new one: copy_vma(), mm/vma.c. Offsets go on from one VMA to the next wherever
//!    they merge or share an `anon_vma`: is_mergeable_vma(), anon_vma_compatible().
//! 7. `fork` changes nothing here: the child's VMAs get an `anon_vma` of their own, behind the
//!    parent's in their chains: anon_vma_fork(), mm/rmap.c. It is the child's that then merge with
//!    nothing that has none, as their chains have more than one link: vma_is_fork_child(), mm/vma.c.
//!    The parent's chains stay as they are.
//! 8. Neighbours merge only if they map the same open file, or none, and the offset in the file goes on from
//!    one to the other: is_mergeable_vma(), can_vma_merge_before() and can_vma_merge_after(), mm/vma.c. A mapping of
//!    a file keeps its offset where it moves: copy_vma().
//! 9. A shared mapping never has an `anon_vma`, as a store makes no page of its own: do_shared_fault(),
//!    mm/memory.c; nor `VM_ACCOUNT`: accountable_mapping(), mm/vma.c, and mprotect_fixup(). It merges with no
//!    private one, as `VM_SHARED` is among the flags.
//! 10. A private mapping of a file has both as anonymous memory has them, but that it keeps `VM_ACCOUNT` once it has it:
//!     mprotect_fixup(). It gets its `anon_vma` before its file is asked for the page, so behind the file's end too:
//!     do_cow_fault(), mm/memory.c.
//! 11. `guard_install` gives anonymous memory its `anon_vma`, be it unwritable: madvise_guard_install(), mm/madvise.c. What
//!     maps a file gets one by that only in kernels that have no `VM_MAYBE_GUARD` ("mm: introduce VM_MAYBE_GUARD and make
//!     visible in /proc/$pid/smaps", Linux 6.19, and efce8a486bff in 6.18.y), which vma_needs_copy() asks for since. That
//!     flag keeps no neighbours apart (`VM_STICKY`). A fault at a guard page gives none: handle_pte_marker(), mm/memory.c.
//! 12. `mremap dontunmap` splits nothing. A VMA that it has moved as a whole has no `anon_vma` any more, unless it has
//!     become one with its copy: dontunmap_complete(), mm/mremap.c. It keeps its offset, and `VM_ACCOUNT`, which Linux 6.15
//!     to 6.17 takes from it, whole or not ("mm/mremap: complete refactor of move_vma()", b714ccb02a76, undone by
//!     0e59f47c15ce).
//! 13. What `brk` maps merges as what `mmap` maps: do_brk_flags(), mm/vma.c.
//! 14. `VM_LOCKED` is among the flags, and `mlock` and `munlock` merge what they change, as `mprotect` does: mlock_fixup(),
//!     mm/mlock.c; what they bring in makes an `anon_vma` as a fault would. What moves keeps it; what `dontunmap` leaves loses
//!     it, on all of its VMA: dontunmap_complete(), mm/mremap.c.

use std::cmp::Ordering;
use std::ops::Range;

use super::call::{Call, Kind};
use super::files::Files;
use super::lock::behind_moved;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Backing, Numbered};

/// A VMA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vma {
    /// Its pages.
    pub pages: Range<usize>,
    /// Its permissions.
    pub prot: Prot,
    /// What it maps.
    source: Source,
    /// `VM_ACCOUNT`
    account: bool,
    /// `VM_LOCKED`
    locked: bool,
    /// Its `anon_vma`.
    anon: Option<u32>,
    /// Its `anon_vma` is one of several in its chain. Never, unless rule 7 is to be wrong.
    chained: bool,
}

/// What a VMA maps: where it goes on from one VMA to the next, both have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    /// The file, if it has one: `vm_file`.
    file: Option<usize>,
    /// What is stored is the file's: `VM_SHARED`.
    shared: bool,
    /// `vm_pgoff`, less the first page: of anonymous memory, how many pages down it has moved since it got
    /// its offset.
    offset: isize,
}

impl Source {
    /// Memory that is new at its place.
    const ANONYMOUS: Source = Source {
        file: None,
        shared: false,
        offset: 0,
    };
}

/// Which of the rules hold; all of them, unless one is to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merging {
    /// An `anon_vma` must agree (rules 1 and 2).
    pub anon_vma_agrees: bool,
    /// What merges with both sides needs them to agree (rule 2).
    pub sides_agree: bool,
    /// A new `anon_vma` is taken from a neighbour (rule 3).
    pub anon_vma_is_shared: bool,
    /// `VM_ACCOUNT` is among the flags (rule 4).
    pub accounts: bool,
    /// `mprotect` merges (rule 1).
    pub mprotect_merges: bool,
    /// Offsets must go on (rule 6).
    pub offsets_agree: bool,
    /// Files must be the same, or none (rule 8).
    pub files_agree: bool,
    /// Offsets in a file must go on (rule 8).
    pub file_offsets_agree: bool,
    /// A mapping of a file keeps its offset where it moves (rule 8).
    pub files_keep_offset: bool,
    /// A shared mapping has no `anon_vma` and no `VM_ACCOUNT` (rule 9).
    pub shared_is_no_ones: bool,
    /// `VM_SHARED` is among the flags (rule 9).
    pub sharing_agrees: bool,
    /// A private mapping of a file keeps `VM_ACCOUNT` (rule 10).
    pub files_stay_accounted: bool,
    /// `fork` leaves the parent's chains as they are (rule 7).
    pub fork_chains_child: bool,
    /// Guard pages give anonymous memory its `anon_vma` (rule 11).
    pub guards_are_owned: bool,
    /// They give it to what maps a file as well: without `VM_MAYBE_GUARD` (rule 11).
    pub guards_own_files: bool,
    /// What `mremap dontunmap` has moved as a whole has no `anon_vma` (rule 12).
    pub dontunmap_unlinks: bool,
    /// What it leaves keeps `VM_ACCOUNT` (rule 12).
    pub dontunmap_keeps_account: bool,
    /// `VM_LOCKED` is among the flags (rule 14).
    pub locks_agree: bool,
}

impl Default for Merging {
    fn default() -> Merging {
        Merging {
            anon_vma_agrees: true,
            sides_agree: true,
            anon_vma_is_shared: true,
            accounts: true,
            mprotect_merges: true,
            offsets_agree: true,
            files_agree: true,
            file_offsets_agree: true,
            files_keep_offset: true,
            shared_is_no_ones: true,
            sharing_agrees: true,
            files_stay_accounted: true,
            fork_chains_child: true,
            guards_are_owned: true,
            guards_own_files: false,
            dontunmap_unlinks: true,
            dontunmap_keeps_account: true,
            locks_agree: true,
        }
    }
}

/// The VMAs of a window, from the lowest to the highest.
#[derive(Clone, Debug, Default)]
pub struct Vmas {
    list: Vec<Vma>,
    /// How many `anon_vma` there were.
    anons: u32,
    files: Files,
    /// How long each file is.
    lengths: Vec<usize>,
    /// The end of the heap, which begins with the window.
    heap_end: usize,
    merging: Merging,
}

impl Vmas {
    /// None, under `merging`, where there are files with these words.
    pub fn new(merging: Merging, files: &[Vec<u64>]) -> Vmas {
        Vmas {
            files: Files::new(0, files),
            lengths: files.iter().map(Vec::len).collect(),
            merging,
            ..Vmas::default()
        }
    }

    /// All of them.
    pub fn list(&self) -> &[Vma] {
        &self.list
    }

    /// What `call` does to them when it answers with `ret`, and `is_guard` says which pages are guard pages.
    pub fn apply(&mut self, call: &Call, ret: Answer, is_guard: impl Fn(usize) -> bool) {
        match call {
            Call::Write { page, .. } | Call::Xchg { page, .. } if is_guard(*page) => {}
            Call::Write { page, .. } | Call::Xchg { page, .. } => self.own(*page),
            Call::Mmap {
                pages,
                prot,
                populate,
                backing,
                ..
            } if ret == Answer::Ok => {
                self.mmap(pages, *prot, self.source(backing, pages.start));
                if *populate {
                    pages.clone().for_each(|page| self.own(page));
                }
            }
            Call::Munmap { pages } => self.unmap(pages),
            Call::Brk { page } if ret == Answer::Ok => {
                match page.cmp(&self.heap_end) {
                    Ordering::Less => self.unmap(&(*page..self.heap_end)),
                    Ordering::Equal => {}
                    Ordering::Greater => {
                        self.mmap(&(self.heap_end..*page), Prot::Rw, Source::ANONYMOUS);
                    }
                }
                self.heap_end = *page;
            }
            Call::GuardInstall { pages } => self.guard(pages),
            Call::Truncate { file, len } => self.lengths[*file] = *len,
            Call::Mremap {
                from,
                to,
                dontunmap,
            } if ret == Answer::Ok => {
                self.mremap(from, to, *dontunmap);
                let more = behind_moved(from, to);
                if self.is_locked(more.start) {
                    self.bring_in(more, &is_guard);
                }
            }
            Call::Mprotect { pages, prot } => self.mprotect(pages, *prot, &is_guard),
            Call::Mlock { pages } => self.mlock(pages, &is_guard),
            Call::Munlock { pages } => self.set_locked(pages, false),
            Call::PopulateWrite { pages } => {
                for page in pages.clone() {
                    let at = self.at(page).filter(|_| !is_guard(page));
                    let Some(at) = at.filter(|at| self.is_writable(*at)) else {
                        break;
                    };
                    self.own(page);
                    if self.is_behind_end(at, page) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }

    /// What a `fork` of their process does to them.
    pub fn fork(&mut self) {
        if !self.merging.fork_chains_child {
            let owned = self.list.iter_mut().filter(|vma| vma.anon.is_some());
            owned.for_each(|vma| vma.chained = true);
        }
    }

    /// Whether one mapping may have `page` and the one before it: no file has either, or one file has both, one
    /// behind the other.
    pub fn goes_on(&self, page: usize) -> bool {
        let Some(before) = page.checked_sub(1) else {
            return false;
        };
        let source = |page| self.at(page).map(|at| self.list[at].source);
        match (source(before), source(page)) {
            _ if self.is_locked(before) != self.is_locked(page) => false,
            (Some(one), Some(other)) if one.file.is_some() => one == other,
            (Some(one), Some(other)) => one.file == other.file,
            _ => false,
        }
    }

    /// What is mapped at `start`.
    fn source(&self, backing: &Backing<Numbered>, start: usize) -> Source {
        match backing {
            Backing::SharedFile(at) | Backing::PrivateFile(at) => {
                let (file, page) = self.files.find(*at);
                Source {
                    file: Some(file),
                    shared: matches!(backing, Backing::SharedFile(_)),
                    offset: page as isize - start as isize,
                }
            }
            _ => Source::ANONYMOUS,
        }
    }

    /// The number of the VMA that covers `page`.
    fn at(&self, page: usize) -> Option<usize> {
        self.list.iter().position(|vma| vma.pages.contains(&page))
    }

    fn is_writable(&self, at: usize) -> bool {
        Kind::Write.allowed(self.list[at].prot)
    }

    /// Whether the VMA at `at` maps a file, which is not so long that it has `page`.
    fn is_behind_end(&self, at: usize, page: usize) -> bool {
        let Source { file, offset, .. } = self.list[at].source;
        file.is_some_and(|file| page as isize + offset >= self.lengths[file] as isize)
    }

    /// Splits VMAs where `pages` begin and end.
    fn cut(&mut self, pages: &Range<usize>) {
        for border in [pages.start, pages.end] {
            let Some(at) = self.at(border) else { continue };
            if self.list[at].pages.start < border {
                let mut upper = self.list[at].clone();
                self.list[at].pages.end = border;
                upper.pages.start = border;
                self.list.insert(at + 1, upper);
            }
        }
    }

    fn unmap(&mut self, pages: &Range<usize>) {
        self.cut(pages);
        self.list.retain(|vma| !pages.contains(&vma.pages.start));
    }

    fn mmap(&mut self, pages: &Range<usize>, prot: Prot, source: Source) {
        self.unmap(pages);
        self.add(Vma {
            pages: pages.clone(),
            prot,
            source,
            account: Kind::Write.allowed(prot) && !self.is_shared(source),
            locked: false,
            anon: None,
            chained: false,
        });
    }

    /// Whether what is stored is no process's own.
    fn is_shared(&self, source: Source) -> bool {
        source.shared && self.merging.shared_is_no_ones
    }

    /// Adds a VMA where nothing is.
    fn add(&mut self, vma: Vma) {
        let start = vma.pages.start;
        let at = self.list.partition_point(|other| other.pages.start < start);
        self.list.insert(at, vma);
        self.merge(at);
    }

    fn mprotect(&mut self, pages: &Range<usize>, prot: Prot, is_guard: &impl Fn(usize) -> bool) {
        let mut page = pages.start;
        while page < pages.end
            && let Some(at) = self.at(page)
        {
            let old = self.list[at].clone();
            let end = old.pages.end.min(pages.end);
            if old.prot != prot {
                let is_shared = self.is_shared(old.source);
                let account = match Kind::Write.allowed(prot) {
                    true => !is_shared,
                    false if old.source.file.is_some() && self.merging.files_stay_accounted => {
                        old.account
                    }
                    false => old.account && old.anon.is_some(),
                };
                self.modify(page..end, |vma| (vma.prot, vma.account) = (prot, account));
                if old.locked && !is_shared && !Kind::Write.allowed(old.prot) {
                    self.bring_in(page..end, is_guard);
                }
            }
            page = end;
        }
    }

    /// Changes a part of one VMA, which may become one with its neighbours: vma_modify().
    fn modify(&mut self, pages: Range<usize>, change: impl FnOnce(&mut Vma)) {
        let at = |vmas: &Vmas| vmas.at(pages.start).expect("it is a part of a VMA");
        let whole = self.list[at(self)].pages.clone();
        self.cut(&pages);
        let at = at(self);
        change(&mut self.list[at]);
        // What lies in the middle of its VMA has neighbours of the old flags alone.
        let touches = whole.start == pages.start || whole.end == pages.end;
        if self.merging.mprotect_merges && touches {
            self.merge(at);
        }
    }

    /// Merges a VMA that is new, or has new flags, with its neighbours.
    fn merge(&mut self, at: usize) {
        let left = at > 0 && self.is_mergeable(at - 1, at);
        let mut right = at + 1 < self.list.len() && self.is_mergeable(at, at + 1);
        if left && right && self.merging.sides_agree {
            right = self.anons_agree(at - 1, at + 1);
        }
        if right {
            let next = self.list.remove(at + 1);
            let vma = &mut self.list[at];
            vma.pages.end = next.pages.end;
            vma.anon = vma.anon.or(next.anon);
        }
        if left {
            let vma = self.list.remove(at);
            let prev = &mut self.list[at - 1];
            prev.pages.end = vma.pages.end;
            prev.anon = prev.anon.or(vma.anon);
        }
    }

    fn is_mergeable(&self, low: usize, high: usize) -> bool {
        let (a, b) = (&self.list[low], &self.list[high]);
        a.pages.end == b.pages.start
            && a.prot == b.prot
            && (a.account == b.account || !self.merging.accounts)
            && (a.locked == b.locked || !self.merging.locks_agree)
            && self.sources_agree(a.source, b.source)
            && self.anons_agree(low, high)
    }

    fn sources_agree(&self, one: Source, other: Source) -> bool {
        let offsets_agree = match one.file {
            None => self.merging.offsets_agree,
            Some(_) => self.merging.file_offsets_agree,
        };
        let is_same_file = one.file == other.file;
        (one.shared == other.shared || !self.merging.sharing_agrees)
            && (is_same_file || !self.merging.files_agree)
            && (one.offset == other.offset || !is_same_file || !offsets_agree)
    }

    fn anons_agree(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.list[one], &self.list[other]);
        let lacks = one.anon.is_none() || other.anon.is_none();
        let may_take = lacks && !one.chained && !other.chained;
        !self.merging.anon_vma_agrees || may_take || one.anon == other.anon
    }
}

mod anons;
mod locks;
mod moves;
#[cfg(test)]
mod tests;
