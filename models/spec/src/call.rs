//! What a CPU asks of the machine, over page ids, and what it is answered.

use super::section::Section;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Answers, Backing, Numbered, Op};

/// One user access or system call over page ids.
///
/// Pages of a range are adjacent addresses; whether pages `i` and `i + 1` of
/// two different ranges are adjacent is the caller's business, since nothing
/// here depends on it.
pub type Call = Op<Numbered>;

/// What the machine makes of an operation.
pub trait Specified {
    /// Whether it is an access, or a system call that the machine has.
    fn is_asked(&self) -> bool;

    /// Whether the machine has it; a switch is one to the CPU's own process.
    fn is_specified(&self) -> bool;
}

impl Specified for Call {
    fn is_asked(&self) -> bool {
        self.kind().is_some() || self.is_section() || self.refusal().is_some()
    }

    fn is_specified(&self) -> bool {
        self.is_asked() || self.rests()
    }
}

/// How the machine does an operation.
pub(super) trait Course {
    /// The kind of user access that this is, if it is one.
    fn kind(&self) -> Option<Kind>;

    /// The section of the address space that it holds, if it is a system call that the machine has.
    fn section(&self) -> Option<Section>;

    /// Whether this is a system call that the machine has.
    fn is_section(&self) -> bool {
        self.section().is_some()
    }

    /// What it answers whatever there is, as it is asked for what makes no sense: it takes no section.
    fn refusal(&self) -> Option<Answer>;

    /// Whether it answers how many of its pages are so.
    fn counts(&self) -> bool;

    /// Whether it lets pages go out of memory.
    fn reclaims(&self) -> bool;

    /// Whether it changes nothing that a program can see.
    fn rests(&self) -> bool;
}

impl Course for Call {
    fn kind(&self) -> Option<Kind> {
        match self {
            Op::Read { .. } => Some(Kind::Read),
            Op::Write { .. } | Op::Xchg { .. } => Some(Kind::Write),
            Op::Exec { .. } => Some(Kind::Exec),
            _ => None,
        }
    }

    fn section(&self) -> Option<Section> {
        match self {
            _ if self.refusal().is_some() => None,
            Op::Mmap {
                backing:
                    Backing::Anon
                    | Backing::PrivateFile(_)
                    | Backing::SharedFile(_)
                    | Backing::Growsdown,
                ..
            }
            | Op::Munmap { .. }
            | Op::Brk { .. }
            | Op::Mremap { .. }
            | Op::Mprotect { .. }
            | Op::Mlock { .. }
            | Op::Munlock { .. }
            | Op::Fork { .. } => Some(Section::Exclusive),
            Op::PopulateRead { .. }
            | Op::PopulateWrite { .. }
            | Op::Willneed { .. }
            | Op::Cold { .. }
            | Op::Pageout { .. }
            | Op::Msync { .. }
            | Op::Mincore { .. } => Some(Section::Shared),
            Op::Dontneed { .. }
            | Op::Free { .. }
            | Op::GuardInstall { .. }
            | Op::GuardRemove { .. } => Some(Section::Local),
            Op::Truncate { .. } | Op::Punch { .. } => Some(Section::File),
            Op::Maps { .. } | Op::Smaps { .. } | Op::Reclaim { .. } | Op::Swapoff {} => {
                Some(Section::Open)
            }
            _ => None,
        }
    }

    /// Linux: check_mremap_params(), mm/mremap.c; before 6.17 mremap_to() looked, under the lock.
    fn refusal(&self) -> Option<Answer> {
        let Op::Mremap {
            from,
            to,
            dontunmap,
        } = self
        else {
            return None;
        };
        let overlap = from.start < to.end && to.start < from.end;
        let resizes = *dontunmap && from.len() != to.len();
        (overlap || resizes).then_some(Answer::EINVAL)
    }

    fn counts(&self) -> bool {
        matches!(self.row().answers, Answers::Count(_))
    }

    fn reclaims(&self) -> bool {
        matches!(self, Op::Reclaim { .. } | Op::Pageout { .. })
    }

    fn rests(&self) -> bool {
        matches!(
            self,
            Op::RcuBarrier {}
                | Op::Writeback { .. }
                | Op::Prefetch { .. }
                | Op::Evict { .. }
                | Op::Switch { .. }
                | Op::SwitchLazy {}
        )
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

    /// Whether it goes by a translation for data.
    pub(super) fn is_data(self) -> bool {
        self != Kind::Exec
    }

    /// Whether a mapping with protection `prot` admits this kind of access.
    pub(super) fn allowed(self, prot: Prot) -> bool {
        match self {
            Kind::Read => prot != Prot::None,
            Kind::Write => matches!(prot, Prot::Rw | Prot::Rwx),
            Kind::Exec => matches!(prot, Prot::Rx | Prot::Rwx),
        }
    }
}
