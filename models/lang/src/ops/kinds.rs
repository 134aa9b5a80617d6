//! What stands for an operand of each [`Kind`](super::Kind): a type of the same name for each.

use super::{Backing as Backed, Located, Names, Operand, Rename, Row, UffdMode};
use crate::litmus::ast::Prot as Protection;

/// The operands of a kind.
pub trait Given<N: Names> {
    /// What they are.
    type Type;

    /// One of them.
    fn operand(given: Self::Type) -> Operand<N>;

    /// The operand, if it is of this kind.
    fn given(operand: Operand<N>) -> Option<Self::Type>;

    /// Where it is, if it is one page or adjacent ones.
    fn located(_: &Self::Type) -> Option<Located<'_, N>> {
        None
    }

    /// The next operand of `row`.
    ///
    /// # Panics
    /// If it is of another kind.
    fn take(row: &Row, operands: &mut impl Iterator<Item = Operand<N>>) -> Self::Type {
        let given = operands.next().and_then(Self::given);
        given.unwrap_or_else(|| panic!("`{}` has other operands", row.name))
    }
}

/// Each row is `Kind(N) = type: Operand`, with what it is by other names, those of `M`, and where it is.
macro_rules! kinds {
    ($($kind:ident($n:ident, $m:ident) = $type:ty: $operand:ident,
        $renamed:ty = |$given:ident, $names:ident| $rename:expr $(, at $located:ident)?;)*) => {$(
        /// Operands of this kind.
        pub struct $kind;

        impl<$n: Names> Given<$n> for $kind {
            type Type = $type;

            fn operand(given: $type) -> Operand<$n> {
                Operand::$operand(given)
            }

            fn given(operand: Operand<$n>) -> Option<$type> {
                match operand {
                    Operand::$operand(given) => Some(given),
                    _ => None,
                }
            }

            $(fn located(given: &$type) -> Option<Located<'_, $n>> {
                Some(Located::$located(given))
            })?
        }

        impl $kind {
            /// The same by other names.
            #[allow(clippy::ptr_arg, reason = "one shape for all kinds, of which one is a Vec")]
            pub fn rename<$n: Names, $m: Names, R: Rename<$n, $m>>(
                $given: &$type,
                $names: &mut R,
            ) -> Result<$renamed, R::Error> {
                $rename
            }
        }
    )*};
}

kinds! {
    Page(N, M) = N::Page: Page, M::Page = |page, names| names.page(page), at Page;
    Pages(N, M) = N::Pages: Pages, M::Pages = |pages, names| names.pages(pages), at Pages;
    Word(N, M) = u64: Word, u64 = |word, _names| Ok(*word);
    Prot(N, M) = Protection: Prot, Protection = |prot, _names| Ok(*prot);
    Backing(N, M) = Backed<N>: Backing, Backed<M> = |backing, names| backing.rename(names);
    Modes(N, M) = Vec<UffdMode>: Modes, Vec<UffdMode> = |modes, _names| Ok(modes.clone());
    NewProcess(N, M) = N::Process: Process, M::Process = |process, names| names.process(process);
    Process(N, M) = N::Process: Process, M::Process = |process, names| names.process(process);
    File(N, M) = N::File: File, M::File = |file, names| names.file(file);
    FilePage(N, M) = N::FilePage: FilePage, M::FilePage = |page, names| names.file_page(page);
    Len(N, M) = usize: Len, usize = |len, _names| Ok(*len);
    Flag(N, M) = bool: Flag, bool = |flag, _names| Ok(*flag);
}
