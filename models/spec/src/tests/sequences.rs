//! The machine for one CPU, against the manual pages.

use proptest::prelude::*;

use super::super::Rules;
use super::super::seq::{Call, Machine};
use super::search::any_call;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Backing, Bytes};

fn mmap(pages: std::ops::Range<usize>, prot: Prot) -> Call {
    Call::Mmap {
        pages,
        prot,
        populate: false,
        noreplace: false,
        backing: Backing::Anon,
    }
}

/// A window of four pages, the third a hole; the others hold 1, 2 and 4.
fn holed() -> Machine {
    let mut machine = Machine::new(4);
    machine.apply(&mmap(0..4, Prot::Rw));
    for page in [0, 1, 3] {
        assert_eq!(
            machine.apply(&Call::Write {
                page,
                word: page as u64 + 1
            }),
            Answer::Ok
        );
    }
    assert_eq!(machine.apply(&Call::Munmap { pages: 2..3 }), Answer::Ok);
    machine
}

#[test]
fn protections_admit_their_accesses() {
    let cases = [
        (Prot::None, [false, false, false]),
        (Prot::R, [true, false, false]),
        (Prot::Rw, [true, true, false]),
        (Prot::Rx, [true, false, true]),
        (Prot::Rwx, [true, true, true]),
    ];
    for (prot, admitted) in cases {
        let mut machine = Machine::new(1);
        assert_eq!(machine.apply(&Call::Read { page: 0 }), Answer::MAPERR);
        machine.apply(&mmap(0..1, prot));
        let answers = [
            Call::Read { page: 0 },
            Call::Write { page: 0, word: 5 },
            Call::Exec { page: 0 },
        ]
        .map(|call| machine.apply(&call) != Answer::ACCERR);
        assert_eq!(answers, admitted, "{prot:?}");
    }
}

#[test]
fn mprotect_stops_at_a_hole() {
    let mut machine = holed();
    assert_eq!(
        machine.apply(&Call::Mprotect {
            pages: 0..4,
            prot: Prot::R
        }),
        Answer::ENOMEM
    );
    assert_eq!([0, 1, 2, 3].map(|page| machine.prot(page)), {
        [Some(Prot::R), Some(Prot::R), None, Some(Prot::Rw)]
    });
}

#[test]
fn dontneed_passes_over_a_hole() {
    let mut machine = holed();
    assert_eq!(
        machine.apply(&Call::Dontneed { pages: 0..4 }),
        Answer::ENOMEM
    );
    assert_eq!(
        [0, 1, 3].map(|page| machine.value(page)),
        [Answer::Word(0); 3]
    );
    assert_eq!(machine.value(2), Answer::MAPERR);
}

#[test]
fn populate_stops_where_it_is_refused() {
    let mut machine = holed();
    machine.apply(&mmap(0..2, Prot::R));
    assert_eq!(
        machine.apply(&Call::PopulateRead { pages: 0..4 }),
        Answer::ENOMEM
    );
    assert_eq!([0, 1].map(|page| machine.populated(page)), [Some(true); 2]);
    assert_eq!(
        machine.apply(&Call::PopulateWrite { pages: 0..4 }),
        Answer::EINVAL
    );
    machine.apply(&Call::Mprotect {
        pages: 0..1,
        prot: Prot::None,
    });
    assert_eq!(
        machine.apply(&Call::PopulateRead { pages: 0..1 }),
        Answer::EINVAL
    );
    assert_eq!(
        machine.apply(&Call::PopulateWrite { pages: 3..4 }),
        Answer::Ok
    );
}

#[test]
fn noreplace_changes_nothing_over_a_mapping() {
    let mut machine = holed();
    let call = Call::Mmap {
        pages: 2..4,
        prot: Prot::R,
        populate: true,
        noreplace: true,
        backing: Backing::Anon,
    };
    assert_eq!(machine.apply(&call), Answer::EEXIST);
    assert!(!machine.mapped(2));
    assert_eq!(machine.value(3), Answer::Word(4));
    let call = Call::Mmap {
        pages: 2..3,
        prot: Prot::R,
        populate: true,
        noreplace: true,
        backing: Backing::Anon,
    };
    assert_eq!(machine.apply(&call), Answer::Ok);
    assert_eq!(
        (machine.populated(2), machine.dirty(2)),
        (Some(true), Some(false))
    );
}

#[test]
fn munmap_of_holes_succeeds() {
    let mut machine = holed();
    assert_eq!(machine.apply(&Call::Munmap { pages: 0..4 }), Answer::Ok);
    assert!((0..4).all(|page| !machine.mapped(page)));
    assert_eq!(machine.apply(&Call::Munmap { pages: 0..4 }), Answer::Ok);
    assert_eq!(
        machine.apply(&Call::Mprotect {
            pages: 0..1,
            prot: Prot::R
        }),
        Answer::ENOMEM
    );
}

#[test]
fn arguments_that_are_not_whole_pages() {
    let calls = [
        mmap(0..1, Prot::R),
        Call::Munmap { pages: 0..1 },
        Call::Mprotect {
            pages: 0..1,
            prot: Prot::R,
        },
        Call::Dontneed { pages: 0..1 },
    ];
    let answers = |bytes| calls.clone().map(|call| holed().apply_bytes(&call, bytes));
    let [ok, einval, enomem] = [Answer::Ok, Answer::EINVAL, Answer::ENOMEM];
    assert_eq!(answers(Bytes::Short), [ok; 4]);
    assert_eq!(answers(Bytes::Unaligned), [einval; 4]);
    assert_eq!(answers(Bytes::Empty), [einval, einval, ok, ok]);
    assert_eq!(answers(Bytes::Wrapping), [enomem, einval, enomem, einval]);
    let mut machine = holed();
    assert_eq!(machine.apply_bytes(&calls[1], Bytes::Empty), einval);
    assert!(machine.mapped(0));
    assert_eq!(machine.apply_bytes(&calls[1], Bytes::Short), ok);
    assert!(!machine.mapped(0));
}

#[test]
fn only_what_was_stored_to_is_owned() {
    let mut machine = Machine::with_rules(3, Rules::linux());
    machine.apply(&mmap(0..3, Prot::Rw));
    machine.apply(&Call::Read { page: 0 });
    machine.apply(&Call::PopulateWrite { pages: 1..2 });
    let owned = |machine: &Machine| [0, 1, 2].map(|page| machine.owned(page));
    assert_eq!(owned(&machine), [Some(false), Some(true), Some(false)]);
    machine.apply(&Call::Write { page: 0, word: 1 });
    assert_eq!(owned(&machine), [Some(true), Some(true), Some(false)]);
}

/// A child is a copy, and it may do what it likes: its parent does not change.
#[test]
fn a_child_is_a_copy_that_goes() {
    let mut machine = holed();
    machine.apply(&Call::Mprotect {
        pages: 1..2,
        prot: Prot::R,
    });
    let before: Vec<_> = (0..4).map(|page| machine.value(page)).collect();
    assert_eq!(machine.fork(), Answer::Ok);
    let child: Vec<_> = (4..8).map(|page| machine.value(page)).collect();
    assert_eq!(child, before);
    assert_eq!(machine.apply(&Call::Write { page: 4, word: 9 }), Answer::Ok);
    assert_eq!(
        machine.apply(&Call::Write { page: 5, word: 9 }),
        Answer::ACCERR
    );
    assert_eq!(machine.apply(&Call::Exec { page: 6 }), Answer::MAPERR);
    assert_eq!(machine.value(4), Answer::Word(9));
    machine.exit();
    let after: Vec<_> = (0..4).map(|page| machine.value(page)).collect();
    assert_eq!(after, before);
    machine.fork();
    assert_eq!(machine.value(4), before[0]);
}

#[test]
fn an_exchange_yields_the_old_word() {
    let mut machine = holed();
    assert_eq!(
        machine.apply(&Call::Xchg { page: 0, word: 9 }),
        Answer::Word(1)
    );
    assert_eq!(machine.apply(&Call::Read { page: 0 }), Answer::Word(9));
    assert_eq!(machine.dirty(0), Some(true));
    assert_eq!(
        machine.apply(&Call::Mprotect {
            pages: 0..1,
            prot: Prot::R
        }),
        Answer::Ok
    );
    assert_eq!(
        machine.apply(&Call::Xchg { page: 0, word: 8 }),
        Answer::ACCERR
    );
    assert_eq!(machine.value(0), Answer::Word(9));
}

proptest! {
    /// A call leaves pages that are not its own as they are.
    #[test]
    fn calls_change_their_own_pages(calls in prop::collection::vec(any_call(6), 1..20)) {
        let mut machine = Machine::with_rules(6, Rules::linux());
        for call in &calls {
            let seen = |machine: &Machine| -> Vec<_> {
                let others = (0..6).filter(|page| call.pages().all(|p| p != *page));
                let see = |page| {
                    let (prot, value) = (machine.prot(page), machine.value(page));
                    let (populated, dirty) = (machine.populated(page), machine.dirty(page));
                    (prot, value, populated, dirty, machine.owned(page))
                };
                others.map(see).collect()
            };
            let before = seen(&machine);
            machine.apply(call);
            prop_assert_eq!(before, seen(&machine));
        }
    }

    /// A call over a range without holes answers and acts like the calls over its halves.
    #[test]
    fn calls_split(setup in prop::collection::vec(any_call(4), 0..12), prot in 0..5usize) {
        let prot = [Prot::None, Prot::R, Prot::Rw, Prot::Rx, Prot::Rwx][prot];
        let mut whole = Machine::new(4);
        for call in &setup {
            whole.apply(call);
        }
        let mut halves = whole.clone();
        let calls: [fn(std::ops::Range<usize>, Prot) -> Call; 4] = [
            mmap,
            |pages, _| Call::Munmap { pages },
            |pages, prot| Call::Mprotect { pages, prot },
            |pages, _| Call::Dontneed { pages },
        ];
        for call in calls {
            let (mut a, mut b) = (whole.clone(), halves.clone());
            let ret = a.apply(&call(0..4, prot));
            let halves = [b.apply(&call(0..2, prot)), b.apply(&call(2..4, prot))];
            if ret == Answer::Ok {
                prop_assert_eq!(halves, [Answer::Ok; 2]);
                for page in 0..4 {
                    prop_assert_eq!(a.value(page), b.value(page));
                    prop_assert_eq!(a.prot(page), b.prot(page));
                    prop_assert_eq!(a.populated(page), b.populated(page));
                    prop_assert_eq!(a.dirty(page), b.dirty(page));
                }
            } else {
                prop_assert!(halves.contains(&ret));
            }
        }
        halves.apply(&Call::Munmap { pages: 0..4 });
        whole.apply(&Call::Munmap { pages: 0..4 });
        prop_assert!((0..4).all(|page| !whole.mapped(page) && !halves.mapped(page)));
    }
}
