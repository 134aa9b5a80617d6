//! Sets of quirks.

use crate::types::quirk::Quirk;

/// A set of quirks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quirks([u64; WORDS]);

/// A bit for each quirk.
const WORDS: usize = Quirk::ALL.len().div_ceil(u64::BITS as usize);

impl Quirks {
    /// No quirk: as it should be.
    pub const NONE: Quirks = Quirks([0; WORDS]);

    /// Where the bit of `quirk` is: its word, and the bit alone.
    const fn place(quirk: Quirk) -> (usize, u64) {
        let number = quirk as u32;
        ((number / u64::BITS) as usize, 1 << (number % u64::BITS))
    }

    /// With `quirk`.
    #[must_use]
    pub const fn with(mut self, quirk: Quirk) -> Quirks {
        let (word, bit) = Quirks::place(quirk);
        self.0[word] |= bit;
        self
    }

    /// Whether `quirk` is in it.
    pub const fn has(self, quirk: Quirk) -> bool {
        let (word, bit) = Quirks::place(quirk);
        self.0[word] & bit != 0
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self == Quirks::NONE
    }

    /// Its quirks.
    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.iter().copied().filter(move |q| self.has(*q))
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Quirks {
        quirks.into_iter().fold(Quirks::NONE, Quirks::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        let mut all = Quirks::NONE;
        assert!(all.is_empty());
        for &quirk in Quirk::ALL {
            assert!(!all.has(quirk));
            all = all.with(quirk);
            assert!(all.has(quirk));
        }
        assert!(all.iter().eq(Quirk::ALL.iter().copied()));
        assert_eq!(all.iter().collect::<Quirks>(), all);
    }
}
