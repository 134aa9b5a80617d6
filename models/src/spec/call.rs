//! What a CPU asks of the machine, over page ids, and what it is answered.

use std::ops::Range;

use crate::litmus::ast::{Backing, Op, Pages, Place, Prot, Value};

/// One user access or system call over page ids.
///
/// Pages of a range are adjacent addresses; whether pages `i` and `i + 1` of
/// two different ranges are adjacent is the caller's business, since nothing
/// here depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `read L`
    Read(usize),
    /// `write L v`
    Write(usize, u64),
    /// `xchg L v`
    Xchg(usize, u64),
    /// `exec L`
    Exec(usize),
    /// `mmap R PROT [populate] [noreplace]`, anonymous private.
    Mmap {
        /// The range.
        pages: Range<usize>,
        /// Its protection.
        prot: Prot,
        /// `populate`: fill the page tables afterwards, as far as possible.
        populate: bool,
        /// `noreplace`: fail with `eexist` over a mapping.
        noreplace: bool,
    },
    /// `munmap R`
    Munmap(Range<usize>),
    /// `mremap R S`: the pages of R move to the places of S. Of one mapping there may be more or
    /// fewer of these.
    Mremap(Range<usize>, Range<usize>),
    /// `mprotect R PROT`
    Mprotect(Range<usize>, Prot),
    /// `madvise R dontneed`
    Dontneed(Range<usize>),
    /// `madvise R populate_read`
    PopulateRead(Range<usize>),
    /// `madvise R populate_write`
    PopulateWrite(Range<usize>),
    /// `fork NAME`: all pages of the caller's process, and those of the new one, of which there
    /// are as many and nothing is mapped.
    Fork(Range<usize>, Range<usize>),
    /// A statement that changes no outcome (`rcu_barrier`, `prefetch`, …).
    Nop,
}

impl Call {
    /// What a statement asks for, its pages numbered by `page` and `range`; `None` if that is
    /// none of these calls, or `fork`, which the statement's process decides.
    ///
    /// # Errors
    /// Those of `page` and `range`.
    pub fn of<E>(
        op: &Op,
        page: impl Fn(&Place) -> Result<usize, E>,
        range: impl Fn(&Pages) -> Result<Range<usize>, E>,
    ) -> Result<Option<Call>, E> {
        Ok(Some(match op {
            Op::Read { page: at } => Call::Read(page(at)?),
            Op::Write { page: at, word } => Call::Write(page(at)?, *word),
            Op::Xchg { page: at, word } => Call::Xchg(page(at)?, *word),
            Op::Exec { page: at } => Call::Exec(page(at)?),
            Op::Mmap {
                pages,
                prot,
                backing: Backing::Anon,
                populate,
                noreplace,
            } => Call::Mmap {
                pages: range(pages)?,
                prot: *prot,
                populate: *populate,
                noreplace: *noreplace,
            },
            Op::Munmap { pages } => Call::Munmap(range(pages)?),
            Op::Mremap { from, to } => Call::Mremap(range(from)?, range(to)?),
            Op::Mprotect { pages, prot } => Call::Mprotect(range(pages)?, *prot),
            Op::Dontneed { pages } => Call::Dontneed(range(pages)?),
            Op::PopulateRead { pages } => Call::PopulateRead(range(pages)?),
            Op::PopulateWrite { pages } => Call::PopulateWrite(range(pages)?),
            _ => return Ok(None),
        }))
    }

    /// The same call on other pages: each range begins where `page` says.
    pub fn moved(mut self, page: impl Fn(usize) -> usize) -> Call {
        let shift = |pages: &mut Range<usize>| {
            let start = page(pages.start);
            *pages = start..start + pages.len();
        };
        match &mut self {
            Call::Read(id) | Call::Write(id, _) | Call::Xchg(id, _) | Call::Exec(id) => {
                *id = page(*id);
            }
            Call::Mremap(from, to) | Call::Fork(from, to) => {
                shift(from);
                shift(to);
            }
            Call::Mmap { pages, .. }
            | Call::Munmap(pages)
            | Call::Mprotect(pages, _)
            | Call::Dontneed(pages)
            | Call::PopulateRead(pages)
            | Call::PopulateWrite(pages) => shift(pages),
            Call::Nop => {}
        }
        self
    }

    /// The pages that the call is about.
    pub fn pages(&self) -> impl Iterator<Item = usize> + use<> {
        let more = match self {
            Call::Mremap(_, to) | Call::Fork(_, to) => to.clone(),
            _ => 0..0,
        };
        self.range().chain(more)
    }

    /// Its page, or its range; of two the first.
    pub fn range(&self) -> Range<usize> {
        match self {
            Call::Read(page) | Call::Write(page, _) | Call::Xchg(page, _) | Call::Exec(page) => {
                *page..*page + 1
            }
            Call::Mmap { pages, .. }
            | Call::Munmap(pages)
            | Call::Mremap(pages, _)
            | Call::Mprotect(pages, _)
            | Call::Dontneed(pages)
            | Call::PopulateRead(pages)
            | Call::PopulateWrite(pages)
            | Call::Fork(pages, _) => pages.clone(),
            Call::Nop => 0..0,
        }
    }

    /// The kind of user access that this is, if it is one.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Call::Read(_) => Some(Kind::Read),
            Call::Write(..) | Call::Xchg(..) => Some(Kind::Write),
            Call::Exec(_) => Some(Kind::Exec),
            _ => None,
        }
    }

    /// Whether this is a system call that holds a section of the address space.
    pub(super) fn is_section(&self) -> bool {
        self.kind().is_none() && *self != Call::Nop
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
