//! The table of operations.
//!
//! A row is `Variant: "verb" (operands)`, or `Variant: "verb" (operands) "keyword" (more operands)`,
//! each operand being `name: Kind`, and then [which CPUs](Who) may do it and [what it
//! answers](Answers): `by Who -> Answers`. What is drawn at random says besides
//!
//! ```text
//! drawn Often(7)     how often random sequences and programs have it
//! bytes 12..32       which verbs of records stand for it, of 256; it is written as the first
//! retires tables     that core may retire page tables in it: machines have room for them
//! ```
//!
//! To add an operation, add a row: it can be read, printed and resolved then, and drawn, recorded and
//! made simpler, and every subject says that it does not support it.

use super::Drawn::{self, Often, OnceIn};
use super::kinds::{self, Given};
use super::{Answers, Failure, Family, Kind, Located, Names, Operand, Rename, Row, Slot, Who};

const EAGAIN: Failure = Failure::always("eagain");
const EEXIST: Failure = Failure::always("eexist");
const EFAULT: Failure = Failure::always("efault");
const EHWPOISON: Failure = Failure::always("ehwpoison");
const EINVAL: Failure = Failure::always("einval");
const ENOMEM: Failure = Failure::always("enomem");
const EACCES: Failure = Failure::always("eacces");

/// What is there, or not.
macro_rules! optional {
    () => {
        None
    };
    ($there:expr) => {
        Some($there)
    };
}

/// What is retired.
macro_rules! retired {
    (tables) => {
        true
    };
}

macro_rules! operations {
    ($($(#[$about:meta])* $family:ident {
        $($op:ident: $verb:literal ($($name:ident: $kind:ident),*)
            $($word:literal ($($more:ident: $other:ident),*))?
            by $who:ident -> $answers:ident $([$($errno:expr),*])?
            $(, drawn $drawn:expr)? $(, bytes $bytes:expr)? $(, retires $retired:ident)?;)*
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
                who: Who::$who,
                answers: Answers::$answers $((&[$($errno),*]))?,
                drawn: [$($drawn,)? Drawn::Never][0],
                bytes: optional!($($bytes)?),
                retires_tables: [$(retired!($retired),)? false][0],
                number: Number::$op,
            },)*)*
        ];

        /// The rows' names as a type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Number {
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
            pub fn new(row: &Row, operands: impl IntoIterator<Item = Operand<N>>) -> Op<N> {
                let mut operands = operands.into_iter();
                match row.number {
                    $($(Number::$op => Op::$op {
                        $($name: kinds::$kind::take(row, &mut operands),)*
                        $($($more: kinds::$other::take(row, &mut operands),)*)?
                    },)*)*
                }
            }
        }
    };
}

operations! {
    Access {
        Read: "read" (page: Page) by Program -> Word, drawn Often(7), bytes 12..32;
        Write: "write" (page: Page, word: Word) by Program -> Access, drawn Often(7), bytes 32..52;
        Xchg: "xchg" (page: Page, word: Word) by Program -> Word, drawn Often(2), bytes 52..56;
        Exec: "exec" (page: Page) by Program -> Access, drawn Often(3), bytes 56..72;
    }
    Mapping {
        Mmap: "mmap" (pages: Pages, prot: Prot, backing: Backing, populate: Flag, noreplace: Flag)
            by Program -> Call[ENOMEM, EAGAIN, EEXIST.with("noreplace")],
            drawn Often(5), bytes 72..84, retires tables;
        Munmap: "munmap" (pages: Pages)
            by Program -> Call[ENOMEM], drawn Often(2), bytes 84..88, retires tables;
        Mprotect: "mprotect" (pages: Pages, prot: Prot)
            by Program -> Call[ENOMEM, EACCES.of_files()], drawn Often(4), bytes 88..112;
        Mremap: "mremap" (from: Pages, to: Pages, dontunmap: Flag)
            by Program -> Call[EFAULT, EINVAL, ENOMEM, EAGAIN],
            drawn Often(2), bytes 124..128, retires tables;
        Msync: "msync" (pages: Pages)
            by Program -> Call[ENOMEM], drawn Often(1), bytes 248..250;
        Mlock: "mlock" (pages: Pages)
            by Program -> Call[ENOMEM, EAGAIN], drawn Often(2), bytes 186..188;
        Munlock: "munlock" (pages: Pages)
            by Program -> Call[ENOMEM], drawn Often(1), bytes 188..190;
        Brk: "brk" (page: Page) by Program -> Call[ENOMEM], retires tables;
    }
    Advice {
        Dontneed: "madvise" (pages: Pages) "dontneed" ()
            by Program -> Call[ENOMEM, EINVAL], drawn Often(2), bytes 112..116, retires tables;
        Free: "madvise" (pages: Pages) "free" ()
            by Program -> Call[ENOMEM, EINVAL], drawn Often(1), bytes 136..140;
        PopulateRead: "madvise" (pages: Pages) "populate_read" ()
            by Program -> Call[ENOMEM, EINVAL, EFAULT, EHWPOISON], drawn Often(1), bytes 116..120;
        PopulateWrite: "madvise" (pages: Pages) "populate_write" ()
            by Program -> Call[ENOMEM, EINVAL, EFAULT, EHWPOISON], drawn Often(1), bytes 120..124;
        Willneed: "madvise" (pages: Pages) "willneed" () by Program -> Call[ENOMEM, EINVAL];
        Pageout: "madvise" (pages: Pages) "pageout" ()
            by Program -> Call[ENOMEM, EINVAL], drawn Often(1), bytes 184..186;
        Cold: "madvise" (pages: Pages) "cold" ()
            by Program -> Call[ENOMEM, EINVAL], drawn Often(1), bytes 128..132;
        GuardInstall: "madvise" (pages: Pages) "guard_install" ()
            by Program -> Call[ENOMEM, EINVAL], drawn Often(1), bytes 252..254;
        GuardRemove: "madvise" (pages: Pages) "guard_remove" ()
            by Program -> Call[ENOMEM, EINVAL], drawn Often(1), bytes 254..256;
        AdviseCollapse: "madvise" (pages: Pages) "collapse" () by Program -> Unknown;
        Hugepage: "madvise" (pages: Pages) "hugepage" () by Program -> Unknown;
        Nohugepage: "madvise" (pages: Pages) "nohugepage" () by Program -> Unknown;
    }
    Process {
        Fork: "fork" (process: NewProcess)
            by Program -> Call[ENOMEM, EAGAIN], drawn OnceIn(64), bytes 11..12, retires tables;
        Exit: "exit" () by Program -> Unknown;
        Switch: "switch" (process: Process)
            by ComesBack -> Call[], drawn Often(3), bytes 10..11;
        SwitchLazy: "switch" () "lazy" () by GoesLazy -> Call[], drawn Often(1), bytes 9..10;
    }
    Uffd {
        UffdRegister: "uffd_register" (pages: Pages, modes: Modes) by Program -> Unknown;
        UffdUnregister: "uffd_unregister" (pages: Pages) by Program -> Unknown;
        UffdRead: "uffd_read" () by Program -> Unknown;
        UffdWp: "uffd_wp" (pages: Pages) by Program -> Unknown;
        UffdUnwp: "uffd_unwp" (pages: Pages) by Program -> Unknown;
        UffdCopy: "uffd_copy" (page: Page, word: Word) by Program -> Unknown;
        UffdZeropage: "uffd_zeropage" (page: Page) by Program -> Unknown;
        UffdContinue: "uffd_continue" (page: Page) by Program -> Unknown;
        UffdPoison: "uffd_poison" (page: Page) by Program -> Unknown;
        UffdMove: "uffd_move" (to: Page, from: Page) by Program -> Unknown;
    }
    Observer {
        PagemapScan: "pagemap_scan" (pages: Pages) "written" (wp: Flag) by Program -> Unknown;
        ClearRefs: "clear_refs" (pages: Pages) by Program -> Unknown;
        Mincore: "mincore" (pages: Pages)
            by Program -> Count[ENOMEM], drawn Often(1), bytes 132..136;
        Maps: "maps" (pages: Pages) by Program -> Count[], drawn Often(1), bytes 140..144;
        Smaps: "smaps" (pages: Pages) by Program -> Count[], drawn Often(1), bytes 144..148;
    }
    Guest {
        GupFast: "gup_fast" (page: Page, write: Flag) by Program -> Unknown;
        PinRead: "pin_read" () by Any -> Unknown;
        PinWrite: "pin_write" (word: Word) by Any -> Unknown;
        Unpin: "unpin" () by Any -> Unknown;
    }
    File {
        Reclaim: "reclaim" (page: Page) by Any -> Call[];
        Writeback: "writeback" (page: Page) by Any -> Call[];
        Truncate: "truncate" (file: File, len: Len)
            by Program -> Call[], drawn Often(2), bytes 148..152;
        Punch: "punch" (page: FilePage) by Program -> Call[], drawn Often(1), bytes 152..156;
    }
    Kernel {
        Collapse: "collapse" (pages: Pages) by Any -> Unknown;
        Migrate: "migrate" (page: Page) by Any -> Unknown;
        Swapoff: "swapoff" () by Program -> Call[EINVAL, ENOMEM];
        RcuBarrier: "rcu_barrier" () by Any -> Call[], drawn Often(1), bytes 8..9;
    }
    Guest {
        NotifierRegister: "notifier_register" (pages: Pages) by Program -> Unknown;
        GuestRead: "guest_read" (page: Page) by Program -> Unknown;
        GuestWrite: "guest_write" (page: Page, word: Word) by Program -> Unknown;
    }
    Hardware {
        Prefetch: "prefetch" (page: Page) by Any -> Call[], drawn Often(2), bytes 0..4;
        Evict: "evict" (page: Page) by Any -> Call[], drawn Often(1), bytes 4..8;
    }
}
