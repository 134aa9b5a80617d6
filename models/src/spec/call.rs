//! What a CPU asks of the machine, over page ids, and what it is answered.

use crate::litmus::ast::Prot;
use crate::ops::{Backing, Family, Numbered, Op};

/// One user access or system call over page ids.
///
/// Pages of a range are adjacent addresses; whether pages `i` and `i + 1` of
/// two different ranges are adjacent is the caller's business, since nothing
/// here depends on it.
pub type Call = Op<Numbered>;

impl Call {
    /// Whether it is an access, or a system call that the specification has and that is about pages.
    pub(crate) fn is_call(&self) -> bool {
        match self {
            Op::Mmap { backing, .. } => *backing == Backing::Anon,
            Op::Munmap { .. }
            | Op::Mremap { .. }
            | Op::Mprotect { .. }
            | Op::Dontneed { .. }
            | Op::PopulateRead { .. }
            | Op::PopulateWrite { .. } => true,
            op => op.kind().is_some(),
        }
    }

    /// The kind of user access that this is, if it is one.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Op::Read { .. } => Some(Kind::Read),
            Op::Write { .. } | Op::Xchg { .. } => Some(Kind::Write),
            Op::Exec { .. } => Some(Kind::Exec),
            _ => None,
        }
    }

    /// Whether it is an access or a system call.
    pub(crate) fn is_asked(&self) -> bool {
        self.kind().is_some() || self.is_section()
    }

    /// Whether this is a system call that holds a section of the address space.
    pub(super) fn is_section(&self) -> bool {
        match self.row().family {
            Family::Mapping | Family::Advice => true,
            _ => matches!(self, Op::Fork { .. }),
        }
    }
}

/// A kind of user access: each goes by the old or the new state of a page on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `read`
    Read,
    /// `write` and `xchg`
    Write,
    /// `exec`
    Exec,
}

impl Kind {
    /// How many there are.
    pub(super) const COUNT: usize = 3;

    /// All of them, by number.
    pub(super) const ALL: [Kind; Kind::COUNT] = [Kind::Read, Kind::Write, Kind::Exec];

    /// Whether a mapping with protection `prot` admits this kind of access.
    pub(super) fn allowed(self, prot: Prot) -> bool {
        match self {
            Kind::Read => prot != Prot::None,
            Kind::Write => matches!(prot, Prot::Rw | Prot::Rwx),
            Kind::Exec => matches!(prot, Prot::Rx | Prot::Rwx),
        }
    }
}
