//! What can be told of a page.

use std::ops::Range;

use super::Rights;
use crate::ops::Answer;

/// What is seen of a page, or what is to be seen of it: a property is `None` where a subject cannot
/// tell it, or where it may be either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What its mapping allows, if one covers it.
    pub rights: Option<Rights>,
    /// What a read of it would return, if it changed nothing.
    pub value: Answer,
    /// Whether what it holds may go at any time, so that a read would return 0 as well.
    pub may_go: bool,
    /// Whether a page is there, in memory or in swap.
    pub present: Option<bool>,
    /// The same as the system calls tell that look for it, as `mincore` does.
    pub resident: Option<bool>,
    /// Whether it is this process's alone, which the zero page is not.
    pub owned: Option<bool>,
    /// Whether its entry is dirty.
    pub dirty: Option<bool>,
    /// Whether its entry lets writes through.
    pub writable: Option<bool>,
    /// Whether its entry is young.
    pub young: Option<bool>,
}

impl Seen {
    /// A page of which nothing is told but what a program can see.
    pub fn by_program(rights: Option<Rights>, value: Answer) -> Seen {
        Seen {
            rights,
            value,
            may_go: false,
            present: None,
            resident: None,
            owned: None,
            dirty: None,
            writable: None,
            young: None,
        }
    }

    /// The properties, by their names in litmus tests where they have one, in the order in which they
    /// are compared.
    pub fn properties(&self) -> [(&'static str, Option<bool>); 6] {
        [
            ("present", self.present),
            (RESIDENT, self.resident),
            (OWNED, self.owned),
            ("dirty", self.dirty),
            ("writable", self.writable),
            ("young", self.young),
        ]
    }
}

/// The property that no condition names: the page has a frame of its own.
pub const OWNED: &str = "owned";

/// Another one: `mincore` finds the page in memory.
pub const RESIDENT: &str = "resident";

/// What a process shows that was forked. What is empty was not asked for, or cannot be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Child {
    /// What each of its accesses answered.
    pub answers: Vec<Answer>,
    /// Its pages before them.
    pub pages: Vec<Seen>,
    /// Its mappings before them.
    pub vmas: Option<Vec<(Range<usize>, Rights)>>,
}

impl Child {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.answers.clear();
        self.pages.clear();
        self.vmas = None;
    }
}
