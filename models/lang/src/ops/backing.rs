//! Operands that are more than a name or a number.

use std::fmt;

use super::{Names, Rename};

/// What an `mmap` maps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Backing<N: Names> {
    /// Anonymous private memory.
    Anon,
    /// `private F[i]`
    PrivateFile(N::FilePage),
    /// `shared F[i]`
    SharedFile(N::FilePage),
    /// `driver`
    Driver,
    /// `growsdown`: anonymous private memory that a fault below it extends.
    Growsdown,
}

impl<N: Names> Backing<N> {
    /// The same, by other names.
    pub(super) fn rename<M: Names, R: Rename<N, M>>(
        &self,
        names: &mut R,
    ) -> Result<Backing<M>, R::Error> {
        Ok(match self {
            Backing::Anon => Backing::Anon,
            Backing::PrivateFile(at) => Backing::PrivateFile(names.file_page(at)?),
            Backing::SharedFile(at) => Backing::SharedFile(names.file_page(at)?),
            Backing::Driver => Backing::Driver,
            Backing::Growsdown => Backing::Growsdown,
        })
    }
}

impl<N: Names> fmt::Display for Backing<N>
where
    N::FilePage: fmt::Display,
{
    /// Nothing for anonymous memory.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Backing::Anon => Ok(()),
            Backing::PrivateFile(at) => write!(f, "private {at}"),
            Backing::SharedFile(at) => write!(f, "shared {at}"),
            Backing::Driver => f.write_str("driver"),
            Backing::Growsdown => f.write_str("growsdown"),
        }
    }
}

/// A mode or flag of `uffd_register`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UffdMode {
    /// `missing`
    Missing,
    /// `wp`
    Wp,
    /// `minor`
    Minor,
    /// the flag `async`
    Async,
    /// the flag `unpopulated`
    Unpopulated,
}
