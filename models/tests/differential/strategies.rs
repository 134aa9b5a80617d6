//! Random cases.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use seqfault_models::differential::{Case, CoreSetup, Op, PAGES, Shape, protocols};
use seqfault_models::litmus::ast::Prot;
use seqfault_models::ops::Backing;
use seqfault_models::spec::seq::Call;

/// Operations of a sequence.
pub const OPS: usize = 30;

/// Pages of which each sequence has much to do with: the last and the first of
/// two page tables, where there are two levels of them.
const BUSY: [usize; 2] = [3, 4];

fn page() -> impl Strategy<Value = usize> {
    prop_oneof![3 => select(&BUSY), 2 => 0..PAGES]
}

/// Pages from `start` on, as many as there are: short ranges are likely, and so
/// are those that reach to the window's end.
fn pages() -> impl Strategy<Value = Range<usize>> {
    let len = prop_oneof![1..3usize, 1..PAGES];
    (page(), len).prop_map(|(start, len)| start..(start + len).min(PAGES))
}

fn prot() -> impl Strategy<Value = Prot> {
    prop_oneof![
        4 => Just(Prot::Rw),
        3 => Just(Prot::R),
        1 => Just(Prot::None),
        2 => Just(Prot::Rx),
        1 => Just(Prot::Rwx),
    ]
}

fn mmap() -> impl Strategy<Value = Call> {
    (pages(), prot(), any::<bool>(), any::<bool>()).prop_map(
        |(pages, prot, populate, noreplace)| Call::Mmap {
            pages,
            prot,
            populate,
            noreplace,
            backing: Backing::Anon,
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    let word = 1..4u64;
    prop_oneof![
        4 => page().prop_map(|page| Call::Read { page }),
        4 => (page(), word.clone()).prop_map(|(page, word)| Call::Write { page, word }),
        1 => (page(), word).prop_map(|(page, word)| Call::Xchg { page, word }),
        2 => page().prop_map(|page| Call::Exec { page }),
        5 => mmap(),
        2 => pages().prop_map(|pages| Call::Munmap { pages }),
        1 => (pages(), page()).prop_map(|(pages, to)| {
            let len = pages.len().min(PAGES - to);
            Call::Mremap { from: pages.start..pages.start + len, to: to..to + len }
        }),
        4 => (pages(), prot()).prop_map(|(pages, prot)| Call::Mprotect { pages, prot }),
        2 => pages().prop_map(|pages| Call::Dontneed { pages }),
        1 => pages().prop_map(|pages| Call::PopulateRead { pages }),
        1 => pages().prop_map(|pages| Call::PopulateWrite { pages }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        26 => call().prop_map(Op::Call),
        2 => page().prop_map(|page| Op::Call(Call::Prefetch { page })),
        1 => page().prop_map(|page| Op::Call(Call::Evict { page })),
        1 => Just(Op::FORK),
        1 => Just(Op::RCU_BARRIER),
        1 => Just(Op::SWITCH_LAZY),
        2 => Just(Op::SWITCH_MAIN),
    ]
}

/// Any sound core.
pub fn core() -> impl Strategy<Value = CoreSetup> {
    (
        select(&Shape::ALL),
        select(protocols()),
        select(&[64, 3, 1]),
    )
        .prop_map(|(shape, protocol, tlb_entries)| CoreSetup {
            shape,
            protocol,
            tlb_entries,
            ..CoreSetup::default()
        })
}

/// Any sound core, and [`OPS`] operations on it.
pub fn case() -> impl Strategy<Value = Case> {
    (core(), vec(op(), OPS)).prop_map(|(core, ops)| Case { core, ops })
}
