//! Permissions, each on its own.

use std::fmt;

use crate::litmus::ast::Prot;

/// What a mapping allows: any set of permissions, also one that no test asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rights(u8);

impl Rights {
    const READ: u8 = 1;
    const WRITE: u8 = 2;
    const EXEC: u8 = 4;

    /// From bits: 1 reads, 2 writes, 4 executes. Others are left out.
    pub const fn from_bits(bits: u8) -> Rights {
        Rights(bits & (Rights::READ | Rights::WRITE | Rights::EXEC))
    }

    /// Whether reads are allowed.
    pub const fn allows_reads(self) -> bool {
        self.0 & Rights::READ != 0
    }
}

impl From<Prot> for Rights {
    fn from(prot: Prot) -> Rights {
        Rights(match prot {
            Prot::None => 0,
            Prot::R => Rights::READ,
            Prot::Rw => Rights::READ | Rights::WRITE,
            Prot::Rx => Rights::READ | Rights::EXEC,
            Prot::Rwx => Rights::READ | Rights::WRITE | Rights::EXEC,
        })
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("none");
        }
        let letters = [
            (Rights::READ, 'r'),
            (Rights::WRITE, 'w'),
            (Rights::EXEC, 'x'),
        ];
        letters
            .iter()
            .filter(|(bit, _)| self.0 & bit != 0)
            .try_for_each(|(_, letter)| write!(f, "{letter}"))
    }
}
