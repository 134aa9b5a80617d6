//! Random cases.

use std::ops::Range;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use seqfault_core::Protocol;
use seqfault_models::differential::{Case, CoreSetup, FILE, Given, PAGES, Shape, protocols};
use seqfault_models::litmus::ast::Prot;
use seqfault_models::ops::{Backing, Drawn, Family, Kind, Numbered, Operand, ROWS, Row};
use seqfault_models::spec::seq::Call;

/// Operations of a sequence.
pub const OPS: usize = 30;

/// Pages of which each sequence has much to do with: the last and the first of
/// two page tables, where there are two levels of them.
const BUSY: [usize; 2] = [3, 4];

/// All of them: a list that is not made for each case again.
static PROTOCOLS: LazyLock<Vec<Protocol>> = LazyLock::new(protocols);

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

/// Anonymous memory as often as mappings of files.
fn backing() -> impl Strategy<Value = Backing<Numbered>> {
    prop_oneof![
        2 => Just(Backing::Anon),
        1 => (0..FILE.len()).prop_map(Backing::SharedFile),
        1 => (0..FILE.len()).prop_map(Backing::PrivateFile),
    ]
}

/// An operand of this kind.
fn operand(kind: Kind) -> BoxedStrategy<Operand<Numbered>> {
    match kind {
        Kind::Page => page().prop_map(Operand::Page).boxed(),
        Kind::Pages => pages().prop_map(Operand::Pages).boxed(),
        Kind::Word => (1..4u64).prop_map(Operand::Word).boxed(),
        Kind::Prot => prot().prop_map(Operand::Prot).boxed(),
        Kind::Flag => any::<bool>().prop_map(Operand::Flag).boxed(),
        Kind::Backing => backing().prop_map(Operand::Backing).boxed(),
        Kind::NewProcess => Just(Operand::Process(1)).boxed(),
        Kind::Process => Just(Operand::Process(0)).boxed(),
        Kind::File => Just(Operand::File(0)).boxed(),
        Kind::Len => (0..FILE.len() + 1).prop_map(Operand::Len).boxed(),
        Kind::FilePage => (0..FILE.len()).prop_map(Operand::FilePage).boxed(),
        Kind::Modes => unreachable!("what a sequence has not is in no operation that is drawn"),
    }
}

/// An operation of the table but for those system calls that `left_out` says, as often as its row says; what is rare
/// there is one share here.
fn op(left_out: u64) -> impl Strategy<Value = Given> {
    let shares = |row: &Row| match row.drawn {
        Drawn::Never => 0,
        Drawn::OnceIn(_) => 1,
        Drawn::Often(shares) => shares as u32,
    };
    let is_had = |(at, row): &(usize, &Row)| {
        let may_lack = matches!(row.family, Family::Mapping | Family::Advice) && row.verb != "mmap";
        shares(row) > 0 && !(may_lack && left_out >> (at % 64) & 1 == 1)
    };
    let rows = ROWS.iter().enumerate().filter(is_had);
    let drawn = rows.map(|(_, row)| {
        let operands: Vec<_> = row.kinds().map(operand).collect();
        // Two of three calls of two ranges have one page in one of them.
        let call = (operands, 0..3usize).prop_map(|(operands, one)| match row.has_two_ranges() {
            true if one < 2 => Call::uneven(row, operands.into_iter(), one),
            _ => Call::level(row, operands.into_iter()),
        });
        (shares(row), call.prop_map(Given::Call))
    });
    Union::new_weighted(drawn.collect())
}

/// Any sound core.
pub fn core() -> impl Strategy<Value = CoreSetup> {
    (
        select(&Shape::ALL),
        select(&PROTOCOLS[..]),
        select(&[64, 3, 1]),
    )
        .prop_map(|(shape, protocol, tlb_entries)| CoreSetup {
            shape,
            protocol,
            tlb_entries,
            ..CoreSetup::default()
        })
}

/// Any sound core, and [`OPS`] operations on it: of all of them, or of about half of the system calls.
pub fn case() -> impl Strategy<Value = Case> {
    let left_out = prop_oneof![1 => Just(0), 3 => any::<u64>()];
    let ops = left_out.prop_flat_map(|left_out| vec(op(left_out), OPS));
    (core(), ops).prop_map(|(core, ops)| Case { core, ops })
}
