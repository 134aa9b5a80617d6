//! What stands in for the kernel where the engine is not built.

use std::convert::Infallible;
use std::ops::Range;

use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Answer;
use seqfault_spec::seq::{Bytes, Call};

/// What a VMA allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rights(());

impl From<Prot> for Rights {
    fn from(_: Prot) -> Rights {
        Rights(())
    }
}

impl std::fmt::Display for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unknown")
    }
}

/// A VMA of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vma {
    /// Its pages.
    pub pages: Range<usize>,
    /// What it allows.
    pub rights: Rights,
}

/// What the kernel shows of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSeen {
    /// What its VMA allows.
    pub rights: Option<Rights>,
    /// What a read of it would return.
    pub value: Answer,
    /// Whether a page is there.
    pub present: bool,
    /// Whether `mincore` finds it in memory.
    pub resident: bool,
    /// Whether it is this process's alone.
    pub owned: bool,
    /// Whether it is in swap.
    pub swapped: bool,
    /// Whether userfaultfd write-protects it.
    pub wp: bool,
}

/// A window of the host's memory: there is none.
#[derive(Debug)]
pub struct Host {
    never: Infallible,
}

impl Host {
    /// Fails.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn new(_: usize) -> Result<Host, String> {
        Err("Linux on x86-64".to_owned())
    }

    /// Unmaps everything.
    pub fn reset(&mut self) {
        match self.never {}
    }

    /// Why an operation cannot be done.
    pub fn lacks(&mut self, _: &Call, _: &str) -> Option<String> {
        match self.never {}
    }

    /// Does an operation.
    pub fn apply(&mut self, _: &Call, _: Option<Bytes>) -> Option<Answer> {
        match self.never {}
    }

    /// Forks.
    pub fn fork(&mut self, _: &[Call], _: &mut Vec<Answer>) -> Answer {
        match self.never {}
    }

    /// Looks at the window.
    pub fn look(&mut self) {
        match self.never {}
    }

    /// The VMAs.
    pub fn vmas(&self) -> &[Vma] {
        match self.never {}
    }

    /// A page.
    pub fn page(&self, _: usize) -> PageSeen {
        match self.never {}
    }
}
