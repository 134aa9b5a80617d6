//! Each deliberate defect of the checker is noticed by a random program.

use super::subject::Layout;
use super::subject::judge::difference;
use seqfault_explorer::mutation::Mutation;
use seqfault_oracle::Order;
use seqfault_oracle::random::Recipe;

/// Programs that show the defect.
fn recipe(mutation: Mutation) -> Recipe {
    match mutation {
        // Three threads with mostly SeqCst accesses, as in Z6.U of Lahav and others (PLDI 2017).
        Mutation::Strongly => Recipe {
            threads: 3,
            instrs: 6,
            locations: 2,
            orders: vec![Order::SeqCst, Order::SeqCst, Order::AcqRel],
            rmw: 1,
            store_loaded: 0,
            fence: 0,
            ..Recipe::atomics()
        },
        _ => Recipe::atomics(),
    }
}

/// The first seed whose program shows the defect. A checker that breaks down
/// shows it as well, so that each program has an OS thread of its own.
fn noticed(mutation: Mutation) -> Option<u64> {
    (0..2_000).find(|&seed| {
        let program = recipe(mutation).program(seed);
        std::thread::spawn(move || difference(&program, mutation, Layout::Plain).is_some())
            .join()
            .unwrap_or(true)
    })
}

#[test]
fn none_is_none() {
    let broken = (0..100).find(|&seed| {
        difference(
            &Recipe::atomics().program(seed),
            Mutation::None,
            Layout::Plain,
        )
        .is_some()
    });
    assert_eq!(broken, None);
}

#[test]
fn all_are_noticed() {
    for mutation in Mutation::ALL {
        let seed = noticed(mutation);
        println!("{mutation:?}: seed {seed:?}");
        assert!(seed.is_some(), "{mutation:?} goes unnoticed");
    }
}
