//! Protections and kinds of access.

use core::fmt;
use core::ops::{BitAnd, BitOr, Not};

/// A set of permissions: read, write, execute.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Prot(u8);

impl Prot {
    /// No access.
    pub const NONE: Prot = Prot(0);
    /// Read.
    pub const R: Prot = Prot(1);
    /// Write.
    pub const W: Prot = Prot(2);
    /// Execute.
    pub const X: Prot = Prot(4);
    /// Read and write.
    pub const RW: Prot = Prot(3);

    /// Whether it allows all that `other` allows.
    pub const fn contains(self, other: Prot) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether it allows nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it allows `access`.
    pub const fn allows(self, access: Access) -> bool {
        self.contains(access.needs())
    }

    /// As a word.
    pub const fn bits(self) -> u64 {
        self.0 as u64
    }

    /// From a word that [`Prot::bits`] gave.
    pub const fn from_bits(bits: u64) -> Prot {
        Prot(bits as u8 & 7)
    }
}

impl BitOr for Prot {
    type Output = Prot;
    fn bitor(self, other: Prot) -> Prot {
        Prot(self.0 | other.0)
    }
}

impl BitAnd for Prot {
    type Output = Prot;
    fn bitand(self, other: Prot) -> Prot {
        Prot(self.0 & other.0)
    }
}

impl Not for Prot {
    type Output = Prot;
    fn not(self) -> Prot {
        Prot(!self.0 & 7)
    }
}

impl fmt::Display for Prot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (bit, letter) in [(Prot::R, "r"), (Prot::W, "w"), (Prot::X, "x")] {
            if self.contains(bit) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Prot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Access {
    /// A load.
    Read,
    /// A store, or an atomic read-modify-write.
    Write,
    /// An instruction fetch.
    Exec,
}

impl Access {
    /// The permission that it needs.
    pub const fn needs(self) -> Prot {
        match self {
            Access::Read => Prot::R,
            Access::Write => Prot::W,
            Access::Exec => Prot::X,
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Access::Read => "read",
            Access::Write => "write",
            Access::Exec => "exec",
        })
    }
}
