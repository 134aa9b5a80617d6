//! A search in parts, for several machines.
//!
//! Parts overlap in nothing, and all of them together are the whole: their
//! counts add up. That one of them violates nothing says little about the
//! whole; that one violates something says all.

use std::fmt;
use std::str::FromStr;

/// One part of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Which part, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Part {
    /// All parts of a search in `of` parts.
    pub fn all(of: usize) -> impl Iterator<Item = Part> {
        (1..=of).map(move |number| Part { number, of })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Part, String> {
        let expected = || "expected K/N, K from 1 to N, as in 2/4".to_owned();
        let (number, of) = text.split_once('/').ok_or_else(expected)?;
        let (number, of) = (number.parse(), of.parse());
        let (Ok(number), Ok(of)) = (number, of) else {
            return Err(expected());
        };
        if number == 0 || number > of {
            return Err(expected());
        }
        Ok(Part { number, of })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbered_from_one() {
        assert_eq!("2/4".parse(), Ok(Part { number: 2, of: 4 }));
        assert_eq!("1/1".parse(), Ok(Part { number: 1, of: 1 }));
        for wrong in ["", "2", "0/4", "5/4", "1/0", "-1/4", "a/b", "1/2/3", "1/ 2"] {
            let parsed = wrong.parse::<Part>();
            assert!(parsed.is_err(), "{wrong}: {parsed:?}");
        }
    }
}
