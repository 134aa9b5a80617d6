//! What the explorer can be told.

use clap::ValueEnum;
use seqfault_explorer::{Model, Reduce};

/// The memory model that the explorer explores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Memory {
    /// Sequential consistency.
    Sc,
    /// x86-TSO.
    Tso,
    /// C11 without load buffering, repaired.
    #[default]
    Rc11,
    /// The same with the total order of sequentially consistent operations that C++20 has.
    Cpp20,
}

/// What the explorer leaves out of a search, as what is left stands for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Reductions {
    /// Everything below.
    #[default]
    All,
    /// Runs in which a thread waits for a lock that has come free.
    Waits,
    /// How often a reference was tried to be taken.
    Retries,
    /// Which of the CPUs that do the same does what.
    Symmetry,
    /// Nothing.
    None,
}

impl Reductions {
    /// Its name on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Reductions::All => "all",
            Reductions::Waits => "waits",
            Reductions::Retries => "retries",
            Reductions::Symmetry => "symmetry",
            Reductions::None => "none",
        }
    }

    pub(super) fn reduce(self) -> Reduce {
        match self {
            Reductions::All => Reduce::ALL,
            Reductions::Waits => Reduce {
                waits: true,
                ..Reduce::NONE
            },
            Reductions::Retries => Reduce {
                retries: true,
                ..Reduce::NONE
            },
            Reductions::Symmetry => Reduce {
                symmetry: true,
                ..Reduce::NONE
            },
            Reductions::None => Reduce::NONE,
        }
    }
}

impl Memory {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Memory::Sc => "sc",
            Memory::Tso => "tso",
            Memory::Rc11 => "rc11",
            Memory::Cpp20 => "cpp20",
        }
    }

    pub(super) fn model(self) -> Model {
        match self {
            Memory::Sc => Model::Sc,
            Memory::Tso => Model::Tso,
            Memory::Rc11 => Model::Rc11,
            Memory::Cpp20 => Model::Cpp20,
        }
    }
}
