//! Page frames: one word each, and what is known of its history.

use core::sync::atomic::{AtomicBool, AtomicU64};

use alloc::vec::Vec;

use crate::ghost::life::Life;
use crate::ghost::looked::Active;
use crate::hw::account::Account;
use crate::hw::pool::{Arena, Pool};
use crate::orderings;
use crate::platform::{Cell, Mutex, Platform, Word, violated};
use crate::types::addr::Vpn;
use crate::types::anon::AnonPage;
use crate::types::config::{Config, FileStart};
use crate::types::event::{Event, What};
use crate::types::ids::{CpuId, Pfn};
use crate::types::quirk::Quirk;
use crate::types::violation::{Invariant, Violation};

/// A page frame. It holds one word.
pub(crate) struct Frame<P: Platform> {
    /// The page's content.
    pub word: P::Word,
    /// How many references it has, where an entry's may not be the only one: entries have one each
    /// until they are flushed, and faults that copy it. Linux: `_refcount`.
    refcount: Option<P::Word>,
    /// Its lock, where it may go to swap. Linux: `folio_lock()`.
    lock: Option<P::SpinLock<()>>,
    /// Its account, where pages of files are written back to a disk.
    account: Option<Account<P>>,
    /// How many entries map it, where there is a reverse mapping. Linux: `_mapcount`.
    entries: Option<P::Word>,
    /// Which page of which anon_vma it is, where there is a reverse mapping. Linux: `mapping`, `index`.
    anon: AtomicU64,
    /// How many entries map it (ghost): never more than it has references.
    map_count: AtomicU64,
    /// Whether it is allocated (ghost, G1).
    pub life: Life<P>,
    /// Whether it may be copied (ghost, G1): no translation is to blame if not.
    content: Option<Life<P>>,
    /// Written when it is taken for a page, read by each access to it (ghost).
    owner: Option<P::Cell>,
    /// The pages that it was for since then, as a set of numbers modulo 64 (ghost). One that it
    /// has left may still be cached until the flush: that is for the grants to judge.
    homes: AtomicU64,
    /// A store reached it since it was allocated (ghost).
    written: AtomicBool,
    /// A dirty bit that told so was seen when its entry was cleared (ghost).
    dirty: AtomicBool,
    /// How many calls are under way that let its stores go (ghost).
    losing: AtomicU64,
    /// It is a file's, or was when its entries came. Linux: not `PageAnon()`.
    of_file: AtomicBool,
    /// `fork` has shared it: pages of several address spaces may have it (ghost).
    forked: AtomicBool,
    quirks: Active,
}

/// What frames of a machine are for.
#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    /// A frame may have more than one entry.
    shares: bool,
    /// A frame may go to swap.
    swaps: bool,
    /// Pages of files are written back to a disk.
    writes_back: bool,
    /// There is a reverse mapping.
    has_rmap: bool,
}

/// The set that has `vpn` alone.
const fn home(vpn: Vpn) -> u64 {
    1 << (vpn.0 % 64)
}

const WRONG_PAGE: Violation = Violation {
    invariant: Invariant::WrongPage,
    what: "an access reached a page that belongs to another address",
};

/// Users reach a page through a translation only.
const FREED: Violation = Violation {
    invariant: Invariant::StaleTlb,
    what: "an access went through a translation to a page that was freed",
};

impl<P: Platform> Frame<P> {
    /// A frame.
    fn new(uses: Uses, quirks: Active) -> Frame<P> {
        let Uses {
            shares,
            swaps,
            writes_back,
            has_rmap,
        } = uses;
        Frame {
            entries: has_rmap.then(|| P::Word::new(0).called("mapcount")),
            anon: AtomicU64::new(0),
            word: P::Word::new(0).called("page"),
            refcount: shares.then(|| P::Word::new(0).called("refcount")),
            lock: swaps.then(|| P::SpinLock::new(()).called("page_lock")),
            account: writes_back.then(Account::new),
            map_count: AtomicU64::new(0),
            life: Life::new(FREED),
            content: shares.then(|| Life::of("a page was copied after it was freed")),
            owner: P::CHECKED.then(|| P::Cell::new(0)),
            homes: AtomicU64::new(0),
            written: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            losing: AtomicU64::new(0),
            of_file: AtomicBool::new(false),
            forked: AtomicBool::new(false),
            quirks,
        }
    }

    /// A frame of a file, which holds `word`. It may be at any address, and its content is the file's whether
    /// an entry is dirty or not. `stays`: it is the file's for good.
    fn of_file(word: u64, stays: bool, uses: Uses, quirks: Active) -> Frame<P> {
        let uses = Uses {
            shares: true,
            swaps: uses.swaps && !stays,
            has_rmap: uses.has_rmap && !stays,
            ..uses
        };
        Frame {
            word: P::Word::new(word).called("page"),
            refcount: Some(P::Word::new(1).called("refcount")),
            owner: (P::CHECKED && !stays).then(|| P::Cell::new(1)),
            of_file: AtomicBool::new(true),
            ..Frame::new(uses, quirks)
        }
    }

    /// The frame is taken from its pool for the page `vpn`. It is to be zeroed.
    pub fn allocated(&self, vpn: Vpn) {
        self.of_file.store(false, orderings::FRAME_OF_FILE);
        self.anon.store(0, orderings::FRAME_ANON);
        self.life.reused();
        if let Some(content) = &self.content {
            content.reused();
        }
        if let Some(owner) = &self.owner {
            owner.set(1, WRONG_PAGE);
            self.homes.store(home(vpn), orderings::GHOST);
            self.written.store(false, orderings::GHOST);
            self.dirty.store(false, orderings::GHOST);
            self.losing.store(0, orderings::GHOST);
            self.forked.store(false, orderings::GHOST);
        }
        if let Some(refcount) = &self.refcount {
            refcount.fetch_add(1, orderings::FRAME_FIRST_ENTRY);
        }
    }

    /// Which page of which anon_vma it is, if it is any.
    pub fn anon(&self) -> Option<AnonPage> {
        AnonPage::from_bits(self.anon.load(orderings::FRAME_ANON))
    }

    /// It is this page, if it is none yet: the caller is about to set its first entry, or has its lock.
    /// Linux: `__folio_set_anon()`.
    pub fn set_anon(&self, page: Option<AnonPage>) {
        if let Some(page) = page.filter(|_| self.anon().is_none()) {
            self.anon.store(page.bits(), orderings::FRAME_ANON);
        }
    }

    /// Whether an entry maps it. Linux: `folio_mapped()`.
    pub fn is_mapped(&self) -> bool {
        let entries = self.entries.as_ref();
        entries.is_some_and(|entries| entries.load(orderings::FRAME_IS_MAPPED) > 0)
    }

    /// Its lock.
    ///
    /// # Panics
    /// If nothing goes to swap, or it is a file's.
    pub fn lock(&self) -> &P::SpinLock<()> {
        let lock = self.lock.as_ref();
        lock.expect("a page that may go to swap has a lock")
    }

    /// Makes it read zero. Linux: `clear_highpage()`.
    pub fn zero(&self) {
        self.word.store(0, orderings::FRAME_ZERO);
    }

    /// Another address space gets an entry of it. The caller has the lock of one that maps it.
    pub fn share(&self) {
        self.forked.store(true, orderings::GHOST);
        // QUIRK(ShareNotCounted): proofs/cow/share-not-counted
        if let Some(refcount) = &self.refcount
            && !self.quirks.has(Quirk::ShareNotCounted)
        {
            refcount.fetch_add(1, orderings::FRAME_SHARE);
        }
    }

    /// The caller is about to copy it: no CPU frees it, or takes it for its own, until the caller
    /// has put it. The caller has the lock of an entry that maps it. Linux: `folio_get()` in
    /// `do_wp_page()`.
    pub fn get(&self) {
        if let Some(refcount) = &self.refcount {
            refcount.fetch_add(1, orderings::FRAME_GET);
        }
    }

    /// An entry of it is gone, and flushed, or a copy of it is made; whether it was the last one.
    pub fn put(&self) -> bool {
        // QUIRK(PutNoAcquire): proofs/cow/last-entry-goes-unflushed
        // QUIRK(PutNoRelease): proofs/cow/last-entry-goes-unflushed
        let (no_acquire, no_release) = (Quirk::PutNoAcquire, Quirk::PutNoRelease);
        let ordering = self
            .quirks
            .halves(no_acquire, no_release, orderings::FRAME_PUT);
        self.refcount
            .as_ref()
            .is_none_or(|refcount| refcount.fetch_sub(1, ordering) == 1)
    }

    /// Whether there is a reference besides that of the caller's entry: another address space maps it
    /// too, or did and has not flushed, or a fault copies it. The caller has the lock of the entry: if
    /// there is none, it stays so. Linux: `wp_can_reuse_anon_folio()`.
    pub fn is_shared(&self) -> bool {
        let is_shared = |refcount: &P::Word| refcount.fetch_add(0, orderings::FRAME_IS_SHARED) > 1;
        self.refcount.as_ref().is_some_and(is_shared)
    }

    /// Checks that both counts are the number of its entries, which is `entries`. To be asked when no
    /// CPU runs: each reference is that of an entry then.
    /// A page that is in a file's page cache, or in the swap cache, has one reference more.
    pub fn check_entries(&self, entries: u64, is_cached: bool) {
        let refcount = self.refcount.as_ref();
        let references = entries + u64::from(is_cached);
        if references != refcount.map_or(1, |refcount| refcount.load(orderings::AT_REST)) {
            violated::<P>(
                Invariant::Refcount,
                "a page's count is not the number of its entries",
            );
        }
        if P::CHECKED && entries != self.map_count.load(orderings::GHOST) {
            violated::<P>(
                Invariant::Refcount,
                "a page's map count is not the number of its entries",
            );
        }
    }

    /// Whether it is a file's, or was when its entries came. The caller has the lock of one of them.
    pub fn is_of_file(&self) -> bool {
        self.of_file.load(orderings::FRAME_OF_FILE)
    }

    /// It becomes a file's: no entry maps it yet, and the reference that it has becomes that of the page cache.
    pub fn becomes_a_files(&self) {
        self.of_file.store(true, orderings::FRAME_OF_FILE);
        if let Some(account) = &self.account {
            account.renew();
        }
    }

    /// The account of a file's page, where some are written back.
    pub fn account(&self) -> Option<&Account<P>> {
        self.account.as_ref().filter(|_| self.is_of_file())
    }

    /// Takes the content of `other`: a file's, or one to which no CPU stores any more.
    pub fn copy(&self, other: &Frame<P>) {
        if let Some(content) = &other.content {
            content.used();
        }
        let word = other.word.load(orderings::FRAME_COPY);
        self.word.store(word, orderings::FRAME_COPY);
    }

    /// Takes the content of `block`, which stands for a block of a disk. It is a file's page, and not read yet.
    pub fn read_from(&self, block: &Frame<P>) {
        if let Some(content) = &self.content {
            content.used();
        }
        self.copy(block);
    }

    /// The frame is for the page `vpn` too, from now on.
    pub fn moved(&self, vpn: Vpn) {
        if P::CHECKED {
            self.homes.fetch_or(home(vpn), orderings::GHOST);
        }
    }

    /// The frame goes back to its pool: no CPU can reach it any more.
    pub fn freed(&self) {
        self.life.freed();
        if let Some(content) = &self.content {
            content.freed();
        }
        if P::CHECKED && self.map_count.load(orderings::GHOST) != 0 {
            violated::<P>(
                Invariant::Refcount,
                "a page was freed while an entry maps it",
            );
        }
        if P::CHECKED && self.has_lost_dirty(false) {
            self.lost_dirty();
        }
    }

    /// A user's access for the page `vpn` is about to go through.
    pub fn accessed(&self, vpn: Vpn, write: bool) {
        self.life.used();
        let Some(owner) = &self.owner else { return };
        let is_zero_page = owner.get(WRONG_PAGE) == 0;
        // It may be at any address, and keeps what is stored whether an entry is dirty or not.
        if self.is_of_file() {
            return;
        }
        let is_home = self.homes.load(orderings::GHOST) & home(vpn) != 0;
        // What `fork` has shared may be at another address in each process.
        if !is_zero_page && !is_home && !self.forked.load(orderings::GHOST) {
            P::violation(WRONG_PAGE);
        }
        if write {
            if is_zero_page {
                violated::<P>(Invariant::WrongPage, "a store reached the zero page");
            }
            self.written.store(true, orderings::GHOST);
        }
    }

    /// An entry comes that maps it.
    pub fn mapped(&self) {
        if let Some(entries) = &self.entries {
            entries.fetch_add(1, orderings::FRAME_MAPPED);
        }
        if P::CHECKED {
            self.map_count.fetch_add(1, orderings::GHOST);
        }
        if let Some(account) = self.account() {
            account.entry_comes();
        }
    }

    /// An entry that mapped it was cleared, and was dirty or not.
    pub fn unmapped(&self, dirty: bool) {
        if let Some(entries) = &self.entries {
            entries.fetch_sub(1, orderings::FRAME_MAPPED);
        }
        if P::CHECKED {
            self.map_count.fetch_sub(1, orderings::GHOST);
            if dirty {
                self.dirty.store(true, orderings::GHOST);
            }
        }
        if let Some(account) = self.account() {
            account.entry_went(&self.quirks);
        }
    }

    /// What was stored to it may go, and what is until it [keeps](Frame::keeps_stores) stores again.
    pub fn loses_stores(&self) {
        if P::CHECKED {
            self.losing.fetch_add(1, orderings::GHOST);
        }
    }

    /// A call that let its stores go has returned: stores from now on stay. To be asked once for each
    /// [`loses_stores`](Frame::loses_stores); the frame may be another page's by now.
    pub fn keeps_stores(&self) {
        if P::CHECKED && self.losing.load(orderings::GHOST) > 0 {
            self.losing.fetch_sub(1, orderings::GHOST);
            self.written.store(false, orderings::GHOST);
        }
    }

    /// Whether a store reached it that neither it nor its entry, dirty or
    /// not, tells of.
    pub fn has_lost_dirty(&self, pte_dirty: bool) -> bool {
        let is_written =
            self.written.load(orderings::GHOST) && self.losing.load(orderings::GHOST) == 0;
        is_written && !pte_dirty && !self.dirty.load(orderings::GHOST)
    }

    pub fn lost_dirty(&self) -> ! {
        violated::<P>(
            Invariant::LostDirty,
            "a page was written, and neither its entry nor the page is dirty",
        )
    }
}

/// All page frames of a machine.
pub(crate) struct Frames<P: Platform> {
    frames: Arena<Frame<P>>,
    reserve: P::Mutex<Vec<u32>>,
    uses: Uses,
    quirks: Active,
}

impl<P: Platform> Frames<P> {
    /// Those of a machine, all of them free, but for those of files, which are the last ones, and stand for the blocks
    /// of a file that is on a disk. `change_length`: files do, so that a frame may be a file's at one time and not at
    /// another; and so it may if a file is read.
    pub fn new(
        config: &Config,
        files: &[FileStart],
        change_length: bool,
        quirks: Active,
    ) -> Frames<P> {
        let first = config.file_frames().0;
        let change_length = change_length || files.iter().any(|file| file.uncached);
        let device = core::iter::repeat_n(&0, config.device_pages as usize);
        let words = files.iter().flat_map(|file| &file.words).chain(device);
        let frames = Frames {
            frames: Arena::new(first as usize + words.clone().count()),
            reserve: P::Mutex::new(Vec::new()).called("frame_reserve"),
            uses: Uses {
                shares: config.mms > 1 || change_length || config.swap_slots > 0,
                swaps: config.swap_slots > 0,
                writes_back: config.writes_back,
                has_rmap: config.anon_vmas_per_cpu > 0,
            },
            quirks,
        };
        let zero = || Frame::new(Uses::default(), frames.quirks.clone());
        frames.frames.get_or_make(Pfn::ZERO.0, zero);
        for (pfn, &word) in (first..).zip(words) {
            // As if the first CPU had written it: a checker keeps track of who writes what.
            let word = match word {
                0 => 0,
                value => {
                    let (vpn, pfn) = (Vpn(0), Pfn(pfn));
                    let what = What::UserWrite { vpn, value, pfn };
                    P::event(Event {
                        cpu: CpuId(0),
                        what,
                    });
                    P::user_word(CpuId(0), value)
                }
            };
            let (uses, quirks) = (frames.uses, &frames.quirks);
            let of_file = || Frame::of_file(word, !change_length, uses, quirks.clone());
            frames.frames.get_or_make(pfn, of_file);
        }
        frames
    }

    /// The frame `pfn`.
    pub fn get(&self, pfn: Pfn) -> &Frame<P> {
        self.frames.get(pfn.0)
    }

    /// How many frames are those of files at first, which begin with `first`.
    pub fn of_files(&self, first: Pfn) -> usize {
        self.frames.len() - first.0 as usize
    }

    /// How many frames are in the reserve that CPUs share.
    pub fn in_reserve(&self) -> usize {
        self.reserve.lock().len()
    }

    /// A zeroed frame for the page `vpn`, if one is free.
    pub fn alloc(&self, pool: &mut Pool, vpn: Vpn) -> Option<Pfn> {
        let number = pool.take::<P>(&self.reserve)?;
        let make = || Frame::new(self.uses, self.quirks.clone());
        let frame = self.frames.get_or_make(number, make);
        frame.allocated(vpn);
        // QUIRK(PageNotZeroed): proofs/basics/reused-page-reads-zero
        if !self.quirks.has(Quirk::PageNotZeroed) {
            frame.zero();
        }
        Some(Pfn(number))
    }

    /// One of the entries of `pfn` is gone and flushed, or a copy of it is made, by `cpu`, which
    /// `pool` belongs to. If it was the last one the frame is free. Linux: `folio_put()`.
    pub fn put(&self, pool: &mut Pool, cpu: CpuId, pfn: Pfn) {
        if pfn == Pfn::ZERO || !self.get(pfn).put() {
            return;
        }
        let what = What::FrameFreed { pfn };
        P::event(Event { cpu, what });
        self.get(pfn).freed();
        pool.put::<P>(pfn.0, &self.reserve);
    }
}
