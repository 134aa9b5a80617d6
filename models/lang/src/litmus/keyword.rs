//! The grammar's closed sets of words, each with the variant that it names.

use std::fmt;

use super::ast::{PageProperty, Prot, Quantifier, Relation};
use crate::ops::UffdMode;

macro_rules! keywords {
    ($($type:ident { $($variant:ident => $word:literal,)* })*) => {$(
        impl $type {
            /// All of them, in the grammar's order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The grammar's word for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The one that `word` stands for.
            pub fn from_name(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == word)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    )*};
}

keywords! {
    Prot {
        None => "none",
        R => "r",
        Rw => "rw",
        Rx => "rx",
        Rwx => "rwx",
    }
    UffdMode {
        Missing => "missing",
        Wp => "wp",
        Minor => "minor",
        Async => "async",
        Unpopulated => "unpopulated",
    }
    PageProperty {
        Dirty => "dirty",
        Young => "young",
        Present => "present",
        Writable => "writable",
        Wp => "wp",
        Swapped => "swapped",
        Mapped => "mapped",
        Huge => "huge",
    }
    Quantifier {
        Exists => "exists",
        NotExists => "~exists",
        Forall => "forall",
    }
    Relation {
        Eq => "=",
        Lt => "<",
        Le => "<=",
        Gt => ">",
        Ge => ">=",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_its_variant() {
        for &prot in Prot::ALL {
            assert_eq!(Prot::from_name(prot.name()), Some(prot));
        }
        for &property in PageProperty::ALL {
            assert_eq!(PageProperty::from_name(property.name()), Some(property));
        }
        assert_eq!(Prot::from_name("w"), None);
        assert_eq!(UffdMode::Wp.to_string(), "wp");
    }
}
