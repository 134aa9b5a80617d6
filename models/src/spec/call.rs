//! What a CPU asks of the machine, over page ids, and what it is answered.

use std::ops::Range;

use crate::litmus::ast::{Pages, Place, Prot, Value};
use crate::ops::{AsWritten, Backing, Family, Numbered, Numbers, Op};

/// One user access or system call over page ids.
///
/// Pages of a range are adjacent addresses; whether pages `i` and `i + 1` of
/// two different ranges are adjacent is the caller's business, since nothing
/// here depends on it.
pub type Call = Op<Numbered>;

impl Call {
    /// What a statement asks of the specification, its pages numbered by `page` and `pages`; `None`
    /// if that is nothing, or depends on the statement's process.
    ///
    /// # Errors
    /// Those of `page` and `pages`.
    pub fn of<E>(
        op: &Op<AsWritten>,
        page: impl Fn(&Place) -> Result<usize, E>,
        pages: impl Fn(&Pages) -> Result<Range<usize>, E>,
    ) -> Result<Option<Call>, E> {
        let process = |_: &str| Ok(0);
        let call = op.rename(&mut Numbers {
            page,
            pages,
            process,
        });
        match call {
            Ok(call) => Ok(Some(call).filter(Call::is_call)),
            Err(None) => Ok(None),
            Err(Some(error)) => Err(error),
        }
    }

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

/// The answer to a [`Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ret {
    /// The value that a read or an exchange saw.
    Word(u64),
    /// `ok`
    Ok,
    /// The fault of an access where nothing is mapped.
    Maperr,
    /// The fault of an access that the mapping forbids.
    Accerr,
    /// Part of the range is not mapped.
    Enomem,
    /// The mapping does not permit what was asked.
    Einval,
    /// Something is mapped there already.
    Eexist,
    /// What is to be moved is not mapped.
    Efault,
}

impl Ret {
    /// Its name; a word has none.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Ret::Word(_) => return None,
            Ret::Ok => "ok",
            Ret::Maperr => "maperr",
            Ret::Accerr => "accerr",
            Ret::Enomem => "enomem",
            Ret::Einval => "einval",
            Ret::Eexist => "eexist",
            Ret::Efault => "efault",
        })
    }

    /// The answer that a register shows, if it is one.
    pub(super) fn from_value(value: &Value) -> Option<Ret> {
        let named = [
            Ret::Ok,
            Ret::Maperr,
            Ret::Accerr,
            Ret::Enomem,
            Ret::Einval,
            Ret::Eexist,
            Ret::Efault,
        ];
        match value {
            Value::Word(word) => Some(Ret::Word(*word)),
            Value::Name(name) => named.into_iter().find(|ret| ret.name() == Some(name)),
        }
    }

    /// The answer as a register of a litmus test shows it.
    pub fn value(self) -> Value {
        match self {
            Ret::Word(word) => Value::Word(word),
            ret => Value::Name(ret.name().unwrap_or_default().to_owned()),
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
