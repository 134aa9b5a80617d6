//! Each deliberate defect of the checker is noticed by a random program.

use super::subject::Layout;
use super::subject::judge::difference;
use seqfault_explorer::mutation::Mutation;
use seqfault_oracle::random::Recipe;

/// The first seed whose program shows the defect. A checker that breaks down
/// shows it as well, so that each program has an OS thread of its own.
fn noticed(mutation: Mutation) -> Option<u64> {
    (0..2_000).find(|&seed| {
        let program = Recipe::atomics().program(seed);
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
