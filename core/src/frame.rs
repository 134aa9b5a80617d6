//! Page frames: one word each, and what is known of its history.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::addr::Vpn;
use crate::ghost::Life;
use crate::platform::{Cell, Platform, Word, violated};
use crate::violation::{Invariant, Violation};

/// A page frame number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pfn(pub u32);

impl Pfn {
    /// The frame of zeros that every read of untouched memory is served from.
    pub const ZERO: Pfn = Pfn(0);
}

impl fmt::Display for Pfn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Pfn::ZERO {
            f.write_str("zero page")
        } else {
            write!(f, "frame {}", self.0)
        }
    }
}

/// A page frame. It holds one word.
pub(crate) struct Frame<P: Platform> {
    /// The page's content.
    pub word: P::Word,
    /// Whether it is allocated (ghost, G1).
    pub life: Life<P>,
    /// Which page it is for, plus one (ghost).
    owner: Option<P::Cell>,
    /// A store reached it since it was allocated (ghost).
    written: AtomicBool,
    /// A dirty bit that told so was seen when its entry was cleared (ghost).
    dirty: AtomicBool,
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
    pub fn new() -> Frame<P> {
        Frame {
            word: P::Word::new(0),
            life: Life::new(FREED),
            owner: P::CHECKED.then(|| P::Cell::new(0)),
            written: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
        }
    }

    /// The frame is taken from its pool for the page `vpn`, zeroed.
    pub fn allocated(&self, vpn: Vpn) {
        self.life.reused();
        if let Some(owner) = &self.owner {
            owner.set(vpn.0 + 1, WRONG_PAGE);
            self.written.store(false, Ordering::Relaxed);
            self.dirty.store(false, Ordering::Relaxed);
        }
        // ORDERING(relaxed): value only; published by the entry that maps it.
        self.word.store(0, Ordering::Relaxed);
    }

    /// The frame is for the page `vpn` from now on. The zero page stays for all.
    pub fn moved(&self, vpn: Vpn) {
        if let Some(owner) = &self.owner
            && owner.get(WRONG_PAGE) != 0
        {
            owner.set(vpn.0 + 1, WRONG_PAGE);
        }
    }

    /// The frame goes back to its pool: nobody can reach it any more.
    pub fn freed(&self) {
        self.life.freed();
        if P::CHECKED && self.has_lost_dirty(false) {
            self.lost_dirty();
        }
    }

    /// A user's access for the page `vpn` is about to go through.
    pub fn accessed(&self, vpn: Vpn, write: bool) {
        self.life.used();
        let Some(owner) = &self.owner else { return };
        let owner = owner.get(WRONG_PAGE);
        if owner != 0 && owner != vpn.0 + 1 {
            P::violation(WRONG_PAGE);
        }
        if write {
            if owner == 0 {
                violated::<P>(Invariant::WrongPage, "a store reached the zero page");
            }
            self.written.store(true, Ordering::Relaxed);
        }
    }

    /// The entry that mapped it was cleared, and was dirty or not.
    pub fn unmapped(&self, dirty: bool) {
        if P::CHECKED && dirty {
            self.dirty.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a store reached it that neither it nor its entry, dirty or
    /// not, tells of.
    pub fn has_lost_dirty(&self, pte_dirty: bool) -> bool {
        self.written.load(Ordering::Relaxed) && !pte_dirty && !self.dirty.load(Ordering::Relaxed)
    }

    pub fn lost_dirty(&self) -> ! {
        violated::<P>(
            Invariant::LostDirty,
            "a page was written, and neither its entry nor the page is dirty",
        )
    }
}
