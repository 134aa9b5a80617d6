//! Operations: what a statement of a litmus test can do.
//!
//! Each is a row of [the table](table): its verb, its operands, its family, which CPUs may do it and
//! what it answers. What reads, prints, numbers or compares operations goes by the row and by the
//! operands' kinds; only what *does* an operation tells one from another.
//!
//! # One type
//! [`Op`] is generic in how its operands name things: as the author of a test wrote them
//! ([`AsWritten`]), or by numbers, once they are resolved. [`Op::rename`] leads from one to the other.

mod answer;
mod answers;
mod backing;
mod bytes;
mod kinds;
mod numbered;
mod row;
mod table;
mod unsupported;
mod who;

use std::fmt::{self, Debug, Display};
use std::hash::Hash;

pub use answer::{Answer, Errno, Fault, Strange};
pub use answers::{Answers, Failure, Only};
pub use backing::{Backing, UffdMode};
pub use bytes::Bytes;
pub use numbered::{Named, Numbered, Numbers, Unnamed};
pub use row::{Drawn, Family, Kind, Row, Slot, VERBS, Verb, find_verb};
pub use table::{Op, ROWS};
pub use unsupported::Unsupported;
pub use who::{Runs, Who};

use crate::litmus::Ids;
use crate::litmus::ast::{Pages, Place, Prot};

/// How operations name what they are about.
pub trait Names: Clone + Debug + PartialEq + Eq + Hash {
    /// One page.
    type Page: Clone + Debug + PartialEq + Eq + Hash;
    /// Adjacent pages.
    type Pages: Clone + Debug + PartialEq + Eq + Hash;
    /// One page of a file.
    type FilePage: Clone + Debug + PartialEq + Eq + Hash;
    /// A file.
    type File: Clone + Debug + PartialEq + Eq + Hash;
    /// A process.
    type Process: Clone + Debug + PartialEq + Eq + Hash;
}

/// By the names that the author of the test gave.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AsWritten;

impl Names for AsWritten {
    type Page = Place;
    type Pages = Pages;
    type FilePage = Place;
    type File = String;
    type Process = String;
}

/// An operand: what was given for a [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand<N: Names> {
    /// One page.
    Page(N::Page),
    /// Adjacent pages.
    Pages(N::Pages),
    /// A word.
    Word(u64),
    /// A protection.
    Prot(Prot),
    /// What is mapped.
    Backing(Backing<N>),
    /// Modes and flags of a registration.
    Modes(Vec<UffdMode>),
    /// A process: one that there is, or a new one.
    Process(N::Process),
    /// A file.
    File(N::File),
    /// A page of a file.
    FilePage(N::FilePage),
    /// A length in pages.
    Len(usize),
    /// Whether a word is there.
    Flag(bool),
}

/// An operand that says where an operation is done.
#[derive(Clone, Copy, Debug)]
pub enum Located<'a, N: Names> {
    /// One page.
    Page(&'a N::Page),
    /// Adjacent pages.
    Pages(&'a N::Pages),
}

/// Names things otherwise.
pub trait Rename<N: Names, M: Names> {
    /// Why something has no such name.
    type Error;

    /// The page's other name.
    fn page(&mut self, page: &N::Page) -> Result<M::Page, Self::Error>;
    /// The pages' other name.
    fn pages(&mut self, pages: &N::Pages) -> Result<M::Pages, Self::Error>;
    /// The page's other name.
    fn file_page(&mut self, page: &N::FilePage) -> Result<M::FilePage, Self::Error>;
    /// The file's other name.
    fn file(&mut self, file: &N::File) -> Result<M::File, Self::Error>;
    /// The process's other name.
    fn process(&mut self, process: &N::Process) -> Result<M::Process, Self::Error>;
}

impl<N: Names> Op<N> {
    /// The grammar's verb.
    pub fn verb(&self) -> &'static str {
        self.row().verb
    }

    /// Whether it makes a process.
    pub fn is_fork(&self) -> bool {
        matches!(self, Op::Fork { .. })
    }

    /// The word that it brings into memory, if any.
    pub fn word(&self) -> Option<u64> {
        let operands = self.operands().into_iter();
        operands.into_iter().find_map(|operand| match operand {
            Operand::Word(word) => Some(word),
            _ => None,
        })
    }
}

impl Op<AsWritten> {
    /// The same by the numbers of the test that it stands in.
    pub fn numbered(&self, mut ids: &Ids) -> Op<Numbered> {
        let Ok(op) = self.rename(&mut ids);
        op
    }

    /// The pages that it names, one entry per operand, in order.
    pub fn pages(&self) -> Vec<Pages> {
        let operands = self.operands().into_iter();
        let pages = operands.filter_map(|operand| match operand {
            Operand::Page(page) => Some((&page).into()),
            Operand::Pages(pages) => Some(pages),
            _ => None,
        });
        pages.collect()
    }

    /// The file that it maps or truncates.
    pub fn file(&self) -> Option<String> {
        self.operands()
            .into_iter()
            .find_map(|operand| match operand {
                Operand::Backing(Backing::PrivateFile(at) | Backing::SharedFile(at)) => {
                    Some(at.name)
                }
                Operand::File(file) => Some(file),
                Operand::FilePage(at) => Some(at.name),
                _ => None,
            })
    }
}

impl<N: Names> Display for Op<N>
where
    N::Page: Display,
    N::Pages: Display,
    N::FilePage: Display,
    N::File: Display,
    N::Process: Display,
{
    /// As the grammar has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.row();
        f.write_str(row.verb)?;
        let mut operands = self.operands().into_iter();
        for slot in row.slots {
            let Slot::Operand(name, _) = slot else {
                write!(f, " {}", slot.word())?;
                continue;
            };
            match operands.next() {
                None | Some(Operand::Flag(false) | Operand::Backing(Backing::Anon)) => Ok(()),
                Some(Operand::Flag(true)) => write!(f, " {name}"),
                Some(Operand::Page(page)) => write!(f, " {page}"),
                Some(Operand::Pages(pages)) => write!(f, " {pages}"),
                Some(Operand::Word(word)) => write!(f, " {word}"),
                Some(Operand::Prot(prot)) => write!(f, " {prot}"),
                Some(Operand::Backing(backing)) => write!(f, " {backing}"),
                Some(Operand::Modes(modes)) => modes.iter().try_for_each(|m| write!(f, " {m}")),
                Some(Operand::Process(process)) => write!(f, " {process}"),
                Some(Operand::File(file)) => write!(f, " {file}"),
                Some(Operand::FilePage(page)) => write!(f, " {page}"),
                Some(Operand::Len(len)) => write!(f, " {len}"),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::ast::Part;

    fn place(index: Option<usize>) -> Place {
        Place {
            name: "A".into(),
            index,
        }
    }

    fn part(part: Part) -> Pages {
        Pages {
            name: "A".into(),
            part,
        }
    }

    #[test]
    fn every_operand_is_among_the_pages() {
        let op: Op<AsWritten> = Op::UffdMove {
            to: place(Some(1)),
            from: place(None),
        };
        assert_eq!(op.pages(), [part(Part::One(1)), part(Part::One(0))]);
        let pages = part(Part::All);
        let op: Op<AsWritten> = Op::Munmap {
            pages: pages.clone(),
        };
        assert_eq!(op.pages(), [pages]);
        assert_eq!(Op::<AsWritten>::Unpin {}.pages(), []);
    }

    /// Something for each kind of operand.
    fn some(kind: Kind) -> Operand<AsWritten> {
        match kind {
            Kind::Page => Operand::Page(place(Some(1))),
            Kind::Pages => Operand::Pages(part(Part::Slice(0, 2))),
            Kind::Word => Operand::Word(7),
            Kind::Prot => Operand::Prot(Prot::Rx),
            Kind::Backing => Operand::Backing(Backing::SharedFile(place(None))),
            Kind::Modes => Operand::Modes(vec![UffdMode::Missing, UffdMode::Wp]),
            Kind::NewProcess | Kind::Process => Operand::Process("child".into()),
            Kind::File => Operand::File("F".into()),
            Kind::FilePage => Operand::FilePage(place(Some(1))),
            Kind::Len => Operand::Len(3),
            Kind::Flag => Operand::Flag(true),
        }
    }

    #[test]
    fn a_row_and_its_operands_are_an_operation() {
        for row in ROWS {
            let operands: Vec<_> = row.kinds().map(some).collect();
            let op = Op::new(row, operands.clone());
            assert_eq!(op.row(), row);
            assert_eq!(op.operands(), operands);
            assert!(op.to_string().starts_with(row.verb), "{op}");
        }
    }
}
