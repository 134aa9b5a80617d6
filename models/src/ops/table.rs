//! The table of operations.
//!
//! A row is `Variant: "verb" (operands)`, or `Variant: "verb" (operands) "keyword" (more operands)`,
//! each operand being `name: Kind`. To add an operation, add a row: it can be read, printed and
//! resolved then, and every subject says that it does not support it.

use super::kinds::{self, Given};
use super::{Family, Kind, Located, Names, Operand, Rename, Row, Slot};

macro_rules! operations {
    ($($(#[$about:meta])* $family:ident {
        $($op:ident: $verb:literal ($($name:ident: $kind:ident),*)
            $($word:literal ($($more:ident: $other:ident),*))?;)*
    })*) => {
        /// An operation with its operands, which name things by `N`.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the table's rows are the documentation")]
        pub enum Op<N: Names> {
            $($(
                #[doc = concat!("`", $verb $(, " … ", $word)?, "`")]
                $op {
                    $($name: <kinds::$kind as Given<N>>::Type,)*
                    $($($more: <kinds::$other as Given<N>>::Type,)*)?
                },
            )*)*
        }

        /// Every operation, in the order of the format's description.
        pub const ROWS: &[Row] = &[
            $($(Row {
                name: stringify!($op),
                verb: $verb,
                slots: &[
                    $(Slot::Operand(stringify!($name), Kind::$kind),)*
                    $(Slot::Keyword($word),
                        $(Slot::Operand(stringify!($more), Kind::$other),)*)?
                ],
                family: Family::$family,
            },)*)*
        ];

        /// Numbers of the rows.
        #[derive(Clone, Copy)]
        enum Number {
            $($($op,)*)*
        }

        impl<N: Names> Op<N> {
            /// Its row.
            pub fn row(&self) -> &'static Row {
                let number = match self {
                    $($(Op::$op { .. } => Number::$op,)*)*
                };
                &ROWS[number as usize]
            }

            /// Its operands, in the row's order.
            pub fn operands(&self) -> Vec<Operand<N>> {
                match self {
                    $($(Op::$op { $($name,)* $($($more,)*)? } => vec![
                        $(<kinds::$kind as Given<N>>::operand($name.clone()),)*
                        $($(<kinds::$other as Given<N>>::operand($more.clone()),)*)?
                    ],)*)*
                }
            }

            /// The same operation, with what it names by other names.
            ///
            /// # Errors
            /// Those of `names`.
            pub fn rename<M: Names, R: Rename<N, M>>(
                &self,
                names: &mut R,
            ) -> Result<Op<M>, R::Error> {
                Ok(match self {
                    $($(Op::$op { $($name,)* $($($more,)*)? } => Op::$op {
                        $($name: kinds::$kind::rename($name, names)?,)*
                        $($($more: kinds::$other::rename($more, names)?,)*)?
                    },)*)*
                })
            }

            /// Calls `each` with the operands that say where it is done, in the row's order.
            pub fn locate<'a>(&'a self, mut each: impl FnMut(Located<'a, N>)) {
                match self {
                    $($(Op::$op { $($name,)* $($($more,)*)? } => {
                        $(<kinds::$kind as Given<N>>::located($name).map(&mut each);)*
                        $($(<kinds::$other as Given<N>>::located($more).map(&mut each);)*)?
                    })*)*
                }
            }

            /// The operation of `row` with `operands`.
            ///
            /// # Panics
            /// If they are not of the row's kinds.
            pub fn new(row: &Row, operands: Vec<Operand<N>>) -> Op<N> {
                let mut operands = operands.into_iter();
                $($(if row.name == stringify!($op) {
                    return Op::$op {
                        $($name: kinds::$kind::take(row, &mut operands),)*
                        $($($more: kinds::$other::take(row, &mut operands),)*)?
                    };
                })*)*
                panic!("`{}` is no row of the table", row.name);
            }
        }
    };
}

operations! {
    Access {
        Read: "read" (page: Page);
        Write: "write" (page: Page, word: Word);
        Xchg: "xchg" (page: Page, word: Word);
        Exec: "exec" (page: Page);
    }
    Mapping {
        Mmap: "mmap" (pages: Pages, prot: Prot, backing: Backing, populate: Flag, noreplace: Flag);
        Munmap: "munmap" (pages: Pages);
        Mprotect: "mprotect" (pages: Pages, prot: Prot);
        Mremap: "mremap" (from: Pages, to: Pages);
    }
    Advice {
        Dontneed: "madvise" (pages: Pages) "dontneed" ();
        Free: "madvise" (pages: Pages) "free" ();
        PopulateRead: "madvise" (pages: Pages) "populate_read" ();
        PopulateWrite: "madvise" (pages: Pages) "populate_write" ();
        Pageout: "madvise" (pages: Pages) "pageout" ();
        Cold: "madvise" (pages: Pages) "cold" ();
        AdviseCollapse: "madvise" (pages: Pages) "collapse" ();
        Hugepage: "madvise" (pages: Pages) "hugepage" ();
        Nohugepage: "madvise" (pages: Pages) "nohugepage" ();
    }
    Process {
        Fork: "fork" (process: NewProcess);
        Exit: "exit" ();
        Switch: "switch" (process: Process);
        SwitchLazy: "switch" () "lazy" ();
    }
    Uffd {
        UffdRegister: "uffd_register" (pages: Pages, modes: Modes);
        UffdUnregister: "uffd_unregister" (pages: Pages);
        UffdRead: "uffd_read" ();
        UffdWp: "uffd_wp" (pages: Pages);
        UffdUnwp: "uffd_unwp" (pages: Pages);
        UffdCopy: "uffd_copy" (page: Page, word: Word);
        UffdZeropage: "uffd_zeropage" (page: Page);
        UffdContinue: "uffd_continue" (page: Page);
        UffdPoison: "uffd_poison" (page: Page);
        UffdMove: "uffd_move" (to: Page, from: Page);
    }
    Observer {
        PagemapScan: "pagemap_scan" (pages: Pages) "written" (wp: Flag);
        ClearRefs: "clear_refs" (pages: Pages);
        Mincore: "mincore" (pages: Pages);
        Smaps: "smaps" (pages: Pages);
    }
    Guest {
        GupFast: "gup_fast" (page: Page, write: Flag);
        PinRead: "pin_read" ();
        PinWrite: "pin_write" (word: Word);
        Unpin: "unpin" ();
    }
    File {
        Reclaim: "reclaim" (page: Page);
        Writeback: "writeback" (page: Page);
        Truncate: "truncate" (file: File, len: Len);
    }
    Kernel {
        Collapse: "collapse" (pages: Pages);
        Migrate: "migrate" (page: Page);
        RcuBarrier: "rcu_barrier" ();
    }
    Guest {
        NotifierRegister: "notifier_register" (pages: Pages);
        GuestRead: "guest_read" (page: Page);
        GuestWrite: "guest_write" (page: Page, word: Word);
    }
    Hardware {
        Prefetch: "prefetch" (page: Page);
        Evict: "evict" (page: Page);
    }
}
