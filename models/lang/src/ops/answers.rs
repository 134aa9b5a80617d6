//! What an operation answers.
//!
//! # Linux
//! The errno names are those that the system calls return for ranges that are aligned and not
//! empty: `do_mmap()`, `do_vmi_munmap()`, `do_mprotect_pkey()`, `mremap_to()`, `do_madvise()`,
//! `copy_process()`.

use super::{Errno, Names, Op, Operand};

/// The answers of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// A word of memory, or a fault.
    Word,
    /// `ok`, or a fault.
    Access,
    /// `ok`, or one of these errnos.
    Call(&'static [Failure]),
    /// How many pages of its range are so, or one of these errnos.
    Count(&'static [Failure]),
    /// Anything: the table does not tell.
    Unknown,
}

/// An errno that an operation may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its number.
    pub errno: Errno,
    /// When it may.
    pub only: Only,
}

/// What an answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Nothing.
    Always,
    /// The operation has this flag.
    Flag(&'static str),
    /// The test has files.
    Files,
}

impl Failure {
    /// One that the operation may always answer.
    pub const fn always(name: &str) -> Failure {
        Failure {
            errno: Errno::named(name),
            only: Only::Always,
        }
    }

    /// The same of operations with `flag` only.
    pub const fn with(self, flag: &'static str) -> Failure {
        let only = Only::Flag(flag);
        Failure { only, ..self }
    }

    /// The same in tests with files only.
    pub const fn of_files(self) -> Failure {
        let only = Only::Files;
        Failure { only, ..self }
    }

    /// Whether `op` may answer it, in a test with or without files.
    pub fn is_of<N: Names>(&self, op: &Op<N>, has_files: bool) -> bool {
        match self.only {
            Only::Always => true,
            Only::Flag(flag) => op.has_flag(flag),
            Only::Files => has_files,
        }
    }
}

impl<N: Names> Op<N> {
    /// What it answers.
    pub fn answers(&self) -> Answers {
        self.row().answers
    }

    /// Whether it has the flag of this name.
    fn has_flag(&self, flag: &str) -> bool {
        let mut operands = self.row().operands().zip(self.operands());
        operands.any(|((name, _), operand)| name == flag && operand == Operand::Flag(true))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AsWritten, Backing, Kind, ROWS};
    use super::*;
    use crate::litmus::ast::{Pages, Part, Place, Prot};

    #[test]
    fn flags_of_failures_are_known() {
        for row in ROWS {
            let Answers::Call(failures) = row.answers else {
                continue;
            };
            for failure in failures {
                if let Only::Flag(flag) = failure.only {
                    let mut operands = row.operands();
                    assert!(
                        operands.any(|operand| operand == (flag, Kind::Flag)),
                        "{flag}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_answered_depends_on_operands() {
        let mmap = |backing, noreplace| Op::<AsWritten>::Mmap {
            pages: Pages {
                name: "A".into(),
                part: Part::All,
            },
            prot: Prot::Rw,
            backing,
            populate: false,
            noreplace,
        };
        let answered = |op: Op<AsWritten>, has_files| match op.answers() {
            Answers::Call(errnos) => {
                let errnos = errnos
                    .iter()
                    .filter(|failure| failure.is_of(&op, has_files));
                errnos.map(|failure| failure.errno.name()).collect()
            }
            other => panic!("{other:?}"),
        };
        let replace: Vec<_> = answered(mmap(Backing::Anon, false), false);
        assert_eq!(replace, ["enomem", "eagain"]);
        let noreplace: Vec<_> = answered(mmap(Backing::Anon, true), false);
        assert_eq!(noreplace, ["enomem", "eagain", "eexist"]);
        let file = Backing::PrivateFile(Place {
            name: "F".into(),
            index: None,
        });
        let private: Vec<_> = answered(mmap(file, true), true);
        assert_eq!(private, ["enomem", "eagain", "eexist"]);
        let driver: Vec<_> = answered(mmap(Backing::Driver, true), true);
        assert_eq!(driver, private);
        let mprotect = || Op::Mprotect {
            pages: Pages {
                name: "A".into(),
                part: Part::All,
            },
            prot: Prot::R,
        };
        let without: Vec<_> = answered(mprotect(), false);
        assert_eq!(without, ["enomem"]);
        let with: Vec<_> = answered(mprotect(), true);
        assert_eq!(with, ["enomem", "eacces"]);
    }
}
