//! Where VMAs begin and end, by hand.

use super::*;
use seqfault_lang::ops::Backing;

/// The VMAs after `calls`, as starts and ends, where there are a file of two pages and one of one page.
fn after(calls: &[Call]) -> Vec<(usize, usize)> {
    let mut vmas = Vmas::new(Merging::default(), &[vec![5, 6], vec![7]]);
    for call in calls {
        vmas.apply(call, Answer::Ok, |_| false);
    }
    let ranges = vmas.list.into_iter().map(|vma| vma.pages);
    ranges.map(|pages| (pages.start, pages.end)).collect()
}

fn rw(pages: Range<usize>) -> Call {
    Call::Mmap {
        pages,
        prot: Prot::Rw,
        populate: false,
        noreplace: false,
        backing: Backing::Anon,
    }
}

#[test]
fn untouched_neighbours_are_one() {
    assert_eq!(after(&[rw(0..2), rw(4..6), rw(2..4)]), [(0, 6)]);
}

#[test]
fn the_heap_is_one_with_what_is_like_it() {
    let brk = |page| Call::Brk { page };
    assert_eq!(after(&[brk(2)]), [(0, 2)]);
    assert_eq!(after(&[brk(2), brk(2), brk(5), rw(5..6)]), [(0, 6)]);
    assert_eq!(after(&[brk(5), brk(1), brk(3)]), [(0, 3)]);
    assert_eq!(after(&[rw(0..1), brk(0)]), [(0, 1)]);
}

#[test]
fn what_fills_a_hole_between_touched_ones_goes_left() {
    let touched = [
        rw(0..2),
        Call::Write { page: 0, word: 1 },
        rw(4..6),
        Call::Write { page: 4, word: 1 },
    ];
    let filled = [&touched[..], &[rw(2..4)]].concat();
    assert_eq!(after(&filled), [(0, 4), (4, 6)]);
}

#[test]
fn what_was_touched_is_one_with_its_old_place_alone() {
    let moved = [
        rw(0..2),
        rw(4..6),
        Call::Mremap {
            from: 4..6,
            to: 2..4,
            dontunmap: false,
        },
    ];
    assert_eq!(after(&moved), [(0, 4)]);
    let touched = [
        rw(0..2),
        rw(4..8),
        Call::Write { page: 4, word: 1 },
        Call::Mremap {
            from: 4..6,
            to: 2..4,
            dontunmap: false,
        },
        Call::Mremap {
            from: 2..4,
            to: 4..6,
            dontunmap: false,
        },
    ];
    assert_eq!(after(&touched[..4]), [(0, 2), (2, 4), (6, 8)]);
    assert_eq!(after(&touched), [(0, 2), (4, 8)]);
}

#[test]
fn what_moves_next_to_itself_hands_on_its_neighbours_anon_vma() {
    let calls = [
        rw(0..1),
        Call::Write { page: 0, word: 1 },
        rw(2..5),
        Call::Mremap {
            from: 2..3,
            to: 1..2,
            dontunmap: false,
        },
        Call::Write { page: 4, word: 1 },
        rw(2..3),
    ];
    assert_eq!(after(&calls[..4]), [(0, 2), (3, 5)]);
    assert_eq!(after(&calls), [(0, 5)]);
}

#[test]
fn what_becomes_longer_is_one_with_its_new_neighbours() {
    let mremap = |from, to| Call::Mremap {
        from,
        to,
        dontunmap: false,
    };
    let one = [rw(0..2), rw(8..9), mremap(8..9, 2..5)];
    assert_eq!(after(&one), [(0, 5)]);
    let fewer = [rw(0..4), mremap(0..3, 6..7)];
    assert_eq!(after(&fewer), [(3, 4), (6, 7)]);
    let between = [rw(0..2), rw(5..9), mremap(6..7, 2..5)];
    assert_eq!(after(&between), [(0, 6), (7, 9)]);
}

#[test]
fn what_is_left_mapped_has_no_anon_vma_if_all_of_it_moved() {
    let dontunmap = |from, to| Call::Mremap {
        from,
        to,
        dontunmap: true,
    };
    let first = [rw(4..6), Call::Write { page: 4, word: 1 }];
    // Its copy has its anon_vma, and another offset.
    let behind = [&first[..], &[dontunmap(4..6, 6..8)]].concat();
    assert_eq!(after(&behind), [(4, 6), (6, 8)]);
    let others = [rw(0..3), Call::Write { page: 0, word: 1 }, rw(3..4)];
    // What has none agrees with what has one.
    let whole = [&behind[..], &others].concat();
    assert_eq!(after(&whole), [(0, 6), (6, 8)]);
    let part = [&first[..], &[dontunmap(4..5, 8..9)], &others].concat();
    assert_eq!(after(&part), [(0, 4), (4, 6), (8, 9)]);
    // Nothing is split, and what nothing was stored to merges with its copy.
    let untouched = [rw(0..4), dontunmap(1..2, 4..5), dontunmap(2..3, 7..8)];
    assert_eq!(after(&untouched), [(0, 5), (7, 8)]);
}

#[test]
fn a_split_that_is_undone_is_one_again() {
    let calls = [
        rw(0..6),
        Call::Write { page: 0, word: 1 },
        Call::Mprotect {
            pages: 2..4,
            prot: Prot::R,
        },
        Call::Mprotect {
            pages: 2..4,
            prot: Prot::Rw,
        },
    ];
    assert_eq!(after(&calls[..3]), [(0, 2), (2, 4), (4, 6)]);
    assert_eq!(after(&calls), [(0, 6)]);
}

/// A VMA gets no `anon_vma` by a fault at a guard page.
#[test]
fn what_is_stored_to_a_guard_page_owns_nothing() {
    let of_file = Call::Mmap {
        pages: 0..2,
        prot: Prot::Rw,
        populate: false,
        noreplace: false,
        backing: Backing::PrivateFile(0),
    };
    for (guard, owned) in [(0, false), (1, true)] {
        for fault in [
            Call::Write { page: 0, word: 1 },
            Call::PopulateWrite { pages: 0..2 },
        ] {
            let mut vmas = Vmas::new(Merging::default(), &[vec![5, 6]]);
            vmas.apply(&of_file, Answer::Ok, |_| false);
            vmas.apply(&fault, Answer::Ok, |page| page == guard);
            assert_eq!(vmas.list[0].anon.is_some(), owned, "{fault:?}");
        }
    }
}

#[test]
fn a_fork_leaves_its_parent_as_it_is() {
    let mut vmas = Vmas::default();
    for call in [rw(0..2), Call::Write { page: 0, word: 1 }] {
        vmas.apply(&call, Answer::Ok, |_| false);
    }
    let mut wrong = vmas.clone();
    wrong.merging.fork_chains_child = false;
    for vmas in [&mut vmas, &mut wrong] {
        vmas.fork();
        vmas.apply(&rw(2..4), Answer::Ok, |_| false);
    }
    assert_eq!([vmas, wrong].map(|vmas| vmas.list.len()), [1, 2]);
}

#[test]
fn what_was_writable_and_touched_differs_from_what_never_was() {
    let r = Call::Mmap {
        pages: 2..4,
        prot: Prot::R,
        populate: false,
        noreplace: false,
        backing: Backing::Anon,
    };
    let untouched = [
        rw(0..2),
        Call::Mprotect {
            pages: 0..2,
            prot: Prot::R,
        },
        r.clone(),
    ];
    assert_eq!(after(&untouched), [(0, 4)]);
    let touched = [
        rw(0..2),
        Call::Write { page: 0, word: 1 },
        Call::Mprotect {
            pages: 0..2,
            prot: Prot::R,
        },
        r,
    ];
    assert_eq!(after(&touched), [(0, 2), (2, 4)]);
}

fn shared(pages: Range<usize>, at: usize) -> Call {
    file(pages, Prot::Rw, Backing::SharedFile(at))
}

fn private(pages: Range<usize>, at: usize) -> Call {
    file(pages, Prot::Rw, Backing::PrivateFile(at))
}

fn file(pages: Range<usize>, prot: Prot, backing: Backing<Numbered>) -> Call {
    Call::Mmap {
        pages,
        prot,
        populate: false,
        noreplace: false,
        backing,
    }
}

#[test]
fn a_file_goes_on_in_its_neighbour() {
    let next = [shared(0..1, 0), shared(1..2, 1)];
    assert_eq!(after(&next), [(0, 2)]);
    let before = [shared(1..3, 1), shared(0..1, 0)];
    assert_eq!(after(&before), [(0, 3)]);
    let same = [shared(0..1, 0), shared(1..2, 0)];
    assert_eq!(after(&same), [(0, 1), (1, 2)]);
    // The page behind the first file's last one is no page of the second.
    let other = [shared(0..2, 0), shared(2..3, 2)];
    assert_eq!(after(&other), [(0, 2), (2, 3)]);
    let beside_anonymous = [shared(0..2, 0), rw(2..3)];
    assert_eq!(after(&beside_anonymous), [(0, 2), (2, 3)]);
}

#[test]
fn a_store_to_a_file_makes_no_anon_vma() {
    let stored = [
        shared(0..1, 0),
        Call::Write { page: 0, word: 1 },
        shared(2..3, 0),
        Call::Write { page: 2, word: 1 },
        // What goes on on both sides is one with both.
        Call::Mremap {
            from: 2..3,
            to: 4..5,
            dontunmap: false,
        },
        shared(1..4, 1),
    ];
    assert_eq!(after(&stored), [(0, 4), (4, 5)]);
}

#[test]
fn a_file_keeps_its_offset_where_it_moves() {
    let moved = [
        shared(0..2, 0),
        shared(5..6, 0),
        Call::Mremap {
            from: 1..2,
            to: 6..7,
            dontunmap: false,
        },
    ];
    assert_eq!(after(&moved), [(0, 1), (5, 7)]);
    let elsewhere = [
        shared(0..2, 0),
        Call::Mremap {
            from: 0..1,
            to: 2..3,
            dontunmap: false,
        },
    ];
    assert_eq!(after(&elsewhere), [(1, 2), (2, 3)]);
}

#[test]
fn a_file_that_was_writable_is_as_one_that_never_was() {
    let mprotect = |pages, prot| Call::Mprotect { pages, prot };
    let r = file(1..2, Prot::R, Backing::SharedFile(1));
    let calls = [
        shared(0..1, 0),
        Call::Write { page: 0, word: 1 },
        mprotect(0..1, Prot::R),
        r,
        mprotect(1..2, Prot::Rw),
        mprotect(0..1, Prot::Rw),
    ];
    assert_eq!(after(&calls[..4]), [(0, 2)]);
    assert_eq!(after(&calls[..5]), [(0, 1), (1, 2)]);
    assert_eq!(after(&calls), [(0, 2)]);
}

#[test]
fn populating_stops_behind_the_end_of_a_file() {
    let populate = Call::PopulateWrite { pages: 0..3 };
    let is_touched = |first| {
        let touched = [
            first,
            rw(2..3),
            populate.clone(),
            rw(4..5),
            Call::Write { page: 4, word: 1 },
            rw(3..4),
        ];
        // What fills the hole goes to the left, unless nothing was made there.
        after(&touched).len() == 3
    };
    assert!(is_touched(shared(0..2, 0)));
    assert!(!is_touched(shared(0..2, 1)));
}

#[test]
fn a_store_to_a_private_mapping_makes_an_anon_vma() {
    let moved = |touches: &[Call]| {
        let first = [private(0..1, 0), private(4..5, 1)];
        let mremap = Call::Mremap {
            from: 4..5,
            to: 1..2,
            dontunmap: false,
        };
        after(&[&first[..], touches, &[mremap]].concat())
    };
    let store = |page| Call::Write { page, word: 1 };
    assert_eq!(moved(&[]), [(0, 2)]);
    assert_eq!(moved(&[store(4)]), [(0, 2)]);
    assert_eq!(moved(&[store(0), store(4)]), [(0, 1), (1, 2)]);
}

#[test]
fn a_private_mapping_is_no_part_of_a_shared_one() {
    assert_eq!(
        after(&[private(0..1, 0), shared(1..2, 1)]),
        [(0, 1), (1, 2)]
    );
    assert_eq!(after(&[private(0..1, 0), private(1..2, 1)]), [(0, 2)]);
}

/// Linux: mprotect_fixup() takes VM_ACCOUNT from anonymous memory alone.
#[test]
fn a_private_mapping_that_was_writable_stays_accounted() {
    let mprotect = |pages, prot| Call::Mprotect { pages, prot };
    let r = file(1..2, Prot::R, Backing::PrivateFile(1));
    let calls = [private(0..1, 0), mprotect(0..1, Prot::R), r];
    assert_eq!(after(&calls), [(0, 1), (1, 2)]);
}

/// Linux: do_cow_fault() prepares the anon_vma before it asks the file for its page.
#[test]
fn a_store_behind_the_end_makes_an_anon_vma() {
    let filled = |touches: &[Call]| {
        let first = [private(0..5, 0), Call::Munmap { pages: 3..4 }];
        let from = [
            private(6..10, 0),
            Call::Mremap {
                from: 9..10,
                to: 3..4,
                dontunmap: false,
            },
        ];
        after(&[&first[..], touches, &from].concat())
    };
    assert_eq!(filled(&[]), [(0, 5), (6, 9)]);
    for touch in [
        |page| Call::Write { page, word: 1 },
        |page: usize| Call::PopulateWrite {
            pages: page..page + 1,
        },
    ] {
        assert_eq!(filled(&[touch(2), touch(4)]), [(0, 4), (4, 5), (6, 9)]);
    }
}
