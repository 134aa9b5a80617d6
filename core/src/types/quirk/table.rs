//! What a row of the table of quirks stands for.

macro_rules! quirks {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal, $source:literal;)+) => {
        /// A deviation known to be wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quirk {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Quirk {
            /// Every quirk.
            pub const ALL: &'static [Quirk] = &[$(Quirk::$variant,)+];

            /// Its name in litmus tests and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Quirk::$variant => $name,)+ }
            }

            /// What it does wrong.
            pub fn summary(self) -> &'static str {
                match self { $(Quirk::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// Where the story is told.
            pub const fn source(self) -> &'static str {
                match self { $(Quirk::$variant => $source,)+ }
            }
        }
    };
}
