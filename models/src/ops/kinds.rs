//! What stands for an operand of each [`Kind`](super::Kind): a type of the same name for each.

use super::{Backing as Backed, Names, Operand, Row, UffdMode};
use crate::litmus::ast::Prot as Protection;

/// The operands of a kind.
pub trait Given<N: Names> {
    /// What they are.
    type Type;

    /// One of them.
    fn operand(given: Self::Type) -> Operand<N>;

    /// The operand, if it is of this kind.
    fn given(operand: Operand<N>) -> Option<Self::Type>;

    /// The next operand of `row`.
    ///
    /// # Panics
    /// If it is of another kind.
    fn take(row: &Row, operands: &mut impl Iterator<Item = Operand<N>>) -> Self::Type {
        let given = operands.next().and_then(Self::given);
        given.unwrap_or_else(|| panic!("`{}` has other operands", row.name))
    }
}

macro_rules! kinds {
    ($($kind:ident($n:ident) = $type:ty: $operand:ident;)*) => {$(
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
        }
    )*};
}

kinds! {
    Page(N) = N::Page: Page;
    Pages(N) = N::Pages: Pages;
    Word(N) = u64: Word;
    Prot(N) = Protection: Prot;
    Backing(N) = Backed<N>: Backing;
    Modes(N) = Vec<UffdMode>: Modes;
    NewProcess(N) = N::Process: Process;
    Process(N) = N::Process: Process;
    File(N) = N::File: File;
    Len(N) = usize: Len;
    Flag(N) = bool: Flag;
}
