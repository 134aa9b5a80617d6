//! Random sequences: core and the specification do not differ.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use seqfault_core::{IoWait, Protocol, Swapin};
use seqfault_models::differential::{Case, CoreSetup, FILE, Given, PAGES, protocols};
use seqfault_models::litmus::ast::Prot;
use seqfault_models::ops::{Answer, Backing};
use seqfault_models::spec::Rules;
use seqfault_models::spec::seq::{Call, Machine};

use crate::strategies::case;

/// 1,000 sequences, or as many as `PROPTEST_CASES` says. What fails is printed
/// as a litmus test, shrunk by the comparison itself, so no seeds are kept.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default.cases,
        None => 1_000,
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn core_does_as_the_specification_says(case in case()) {
        if let Err(difference) = case.check_and_shrink(&Rules::default()) {
            return Err(TestCaseError::fail(difference.to_string()));
        }
    }
}

/// A sequence that visits every kind of operation, on every sound protocol.
#[test]
fn every_protocol_does_as_the_specification_says() {
    let mmap = |pages, prot, populate| {
        Given::Call(Call::Mmap {
            pages,
            prot,
            populate,
            noreplace: false,
            backing: Backing::Anon,
        })
    };
    let mmap_of = |pages, backing| {
        Given::Call(Call::Mmap {
            pages,
            prot: Prot::Rwx,
            populate: false,
            noreplace: false,
            backing,
        })
    };
    let mmap_file = |pages, at| mmap_of(pages, Backing::SharedFile(at));
    let mmap_privately = |pages, at| mmap_of(pages, Backing::PrivateFile(at));
    let ops = vec![
        mmap(0..PAGES, Prot::Rw, false),
        Given::Call(Call::Read { page: 1 }),
        Given::Call(Call::Write { page: 1, word: 1 }),
        Given::Call(Call::Write { page: 3, word: 2 }),
        Given::Call(Call::Mprotect {
            pages: 1..4,
            prot: Prot::Rx,
        }),
        Given::Call(Call::Write { page: 1, word: 3 }),
        Given::Call(Call::Exec { page: 3 }),
        Given::Call(Call::Mprotect {
            pages: 0..PAGES,
            prot: Prot::Rw,
        }),
        Given::Call(Call::Xchg { page: 3, word: 4 }),
        Given::Call(Call::Munmap { pages: 2..9 }),
        mmap(4..6, Prot::R, true),
        Given::RCU_BARRIER,
        Given::Call(Call::PopulateWrite { pages: 0..2 }),
        Given::Call(Call::Prefetch { page: 1 }),
        Given::Call(Call::Dontneed { pages: 0..PAGES }),
        Given::Call(Call::Read { page: 1 }),
        Given::Call(Call::Evict { page: 1 }),
        Given::Call(Call::PopulateRead { pages: 4..6 }),
        Given::SWITCH_LAZY,
        Given::SWITCH_MAIN,
        Given::Call(Call::Write { page: 1, word: 5 }),
        mmap_file(2..5, 0),
        mmap_file(7..9, 1),
        Given::Call(Call::Write { page: 3, word: 6 }),
        Given::Call(Call::Read { page: 7 }),
        Given::Call(Call::Exec { page: 4 }),
        Given::FORK,
        Given::Call(Call::Dontneed { pages: 1..4 }),
        Given::Call(Call::Mremap {
            from: 2..4,
            to: 10..12,
            dontunmap: false,
        }),
        Given::Call(Call::Xchg { page: 11, word: 7 }),
        Given::Call(Call::Free { pages: 0..9 }),
        Given::Call(Call::Mprotect {
            pages: 7..9,
            prot: Prot::R,
        }),
        Given::Call(Call::Mincore { pages: 7..9 }),
        Given::Call(Call::PopulateRead { pages: 7..9 }),
        mmap_privately(5..8, 0),
        Given::Call(Call::Read { page: 6 }),
        Given::Call(Call::Write { page: 5, word: 8 }),
        Given::Call(Call::PopulateWrite { pages: 6..7 }),
        Given::Call(Call::Truncate { file: 0, len: 1 }),
        Given::Call(Call::Xchg { page: 6, word: 9 }),
        Given::Call(Call::Mincore { pages: 2..12 }),
        Given::Call(Call::Truncate { file: 0, len: 2 }),
        Given::Call(Call::Write { page: 6, word: 9 }),
        Given::FORK,
        Given::Call(Call::Dontneed { pages: 5..6 }),
        Given::Call(Call::Mremap {
            from: 5..7,
            to: 2..4,
            dontunmap: false,
        }),
        Given::Call(Call::Truncate { file: 0, len: 0 }),
        Given::Call(Call::Read { page: 2 }),
    ];
    // Nothing of it goes to swap.
    let usual = |protocol: &Protocol| {
        protocol.swapin == Swapin::Cache && protocol.swap_io_wait == IoWait::HoldVma
    };
    for protocol in protocols().into_iter().filter(usual) {
        let core = CoreSetup {
            protocol,
            ..CoreSetup::default()
        };
        let ops = ops.clone();
        if let Err(difference) = (Case { core, ops }).check_and_shrink(&Rules::default()) {
            panic!("{difference}");
        }
    }
}

/// Random sequences are no better than what they reach: every answer of every
/// operation is among them.
#[test]
fn sequences_reach_every_answer() {
    let mut reached = BTreeSet::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..2_000 {
        let case = case().new_tree(&mut runner).expect("a case").current();
        let mut spec = Machine::with_files(PAGES, &[FILE.to_vec()], Rules::default());
        for op in &case.ops {
            if op.has_answer() && *op != Given::FORK {
                let answer = match op.apply(&mut spec) {
                    Answer::Word(0) => "0".to_owned(),
                    Answer::Word(_) => "a word".to_owned(),
                    answer => answer.to_string(),
                };
                reached.insert((verb(op), answer));
            }
        }
    }
    let expected = [
        ("read", &["0", "a word", "maperr", "accerr", "bus"][..]),
        ("write", &["ok", "maperr", "accerr", "bus"]),
        ("xchg", &["0", "a word", "maperr", "accerr", "bus"]),
        ("exec", &["ok", "maperr", "accerr", "bus"]),
        ("mmap", &["ok", "eexist"]),
        ("munmap", &["ok"]),
        ("mremap", &["ok", "efault", "einval"]),
        ("mprotect", &["ok", "enomem"]),
        ("dontneed", &["ok", "enomem", "einval"]),
        ("populate_read", &["ok", "enomem", "einval", "efault"]),
        ("populate_write", &["ok", "enomem", "einval", "efault"]),
        ("free", &["ok", "enomem", "einval"]),
        ("cold", &["ok", "enomem", "einval"]),
        ("pageout", &["ok", "enomem", "einval"]),
        ("msync", &["ok", "enomem"]),
        ("mlock", &["ok", "enomem"]),
        ("munlock", &["ok", "enomem"]),
        ("guard_install", &["ok", "enomem", "einval"]),
        ("guard_remove", &["ok", "enomem"]),
        ("mincore", &["0", "a word", "enomem"]),
        ("maps", &["0", "a word"]),
        ("smaps", &["0", "a word"]),
        ("truncate", &["ok"]),
        ("punch", &["ok"]),
    ];
    let expected: BTreeSet<(String, String)> = expected
        .iter()
        .flat_map(|(verb, answers)| answers.iter().map(|a| (verb.to_string(), a.to_string())))
        .collect();
    assert_eq!(reached, expected);
}

/// The operation's verb, or the advice that it gives.
fn verb(op: &Given) -> String {
    let text = op.to_string();
    let mut words = text.split(' ');
    let word = match words.next() {
        Some("madvise") => words.next_back(),
        verb => verb,
    };
    word.unwrap_or_default().to_owned()
}
