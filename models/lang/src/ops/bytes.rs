//! Addresses and lengths that are not whole pages.

use std::fmt;

/// How a range of pages is put into an address and a length otherwise than as whole pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bytes {
    /// Of the last page only the first byte is asked for.
    Short,
    /// The length is 0.
    Empty,
    /// The address is not a page's.
    Unaligned,
    /// The length leads over the top of all addresses.
    Wrapping,
}

impl Bytes {
    /// All of them.
    pub const ALL: [Bytes; 4] = [
        Bytes::Short,
        Bytes::Empty,
        Bytes::Unaligned,
        Bytes::Wrapping,
    ];
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bytes::Short => "(its last page by one byte)",
            Bytes::Empty => "(length 0)",
            Bytes::Unaligned => "(from the second word on)",
            Bytes::Wrapping => "(over the top of all addresses)",
        })
    }
}
