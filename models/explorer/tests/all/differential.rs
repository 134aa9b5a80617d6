//! The explorer against a brute-force enumerator, on random programs: the same
//! outcomes, the same number of executions, and no graph twice.

use super::subject::Layout;
use super::subject::judge::difference;
use seqfault_explorer::mutation::Mutation;
use seqfault_oracle::random::Recipe;
use seqfault_oracle::{Instr, Order, Program};

fn programs() -> u64 {
    std::env::var("SEQFAULT_PROGRAMS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(300)
}

fn agree(recipe: &Recipe, seeds: std::ops::Range<u64>) {
    agree_in(recipe, seeds, Layout::Plain);
}

fn agree_in(recipe: &Recipe, seeds: std::ops::Range<u64>, layout: Layout) {
    for seed in seeds {
        agree_on(&recipe.program(seed), seed, layout);
    }
}

fn agree_on(program: &Program, seed: u64, layout: Layout) {
    if let Some(text) = difference(program, Mutation::None, layout) {
        let small =
            seqfault_oracle::shrink(program, |p| difference(p, Mutation::None, layout).is_some());
        let why = difference(&small, Mutation::None, layout);
        panic!(
            "seed {seed}: {:?}\n{}\n{text}",
            small.threads,
            why.unwrap_or_default()
        );
    }
}

#[test]
fn atomics() {
    agree(&Recipe::atomics(), 0..programs());
}

#[test]
fn relaxed_atomics() {
    agree(&Recipe::atomics().with_order(Order::Relaxed), 0..programs());
}

#[test]
fn sequentially_consistent_atomics() {
    agree(&Recipe::atomics().with_order(Order::SeqCst), 0..programs());
}

/// The search for `psc` differs where fences alone are sequentially consistent,
#[test]
fn sequentially_consistent_fences_among_others() {
    let recipe = Recipe {
        threads: 3,
        instrs: 12,
        locations: 2,
        orders: vec![Order::SeqCst],
        load: 3,
        store: 3,
        rmw: 0,
        store_loaded: 0,
        fence: 3,
        ..Recipe::atomics()
    };
    for seed in 0..10 * programs() {
        let mut program = recipe.program(seed);
        for instr in program.threads.iter_mut().flatten() {
            if let Instr::Load { ord, .. } | Instr::Store { ord, .. } = instr {
                *ord = Order::Relaxed;
            }
        }
        agree_on(&program, seed, Layout::Plain);
    }
}

/// and where no fence is.
#[test]
fn sequentially_consistent_accesses_among_others() {
    let recipe = Recipe {
        threads: 3,
        instrs: 12,
        locations: 2,
        orders: vec![Order::SeqCst, Order::SeqCst, Order::AcqRel, Order::Relaxed],
        rmw: 1,
        store_loaded: 0,
        fence: 0,
        ..Recipe::atomics()
    };
    agree(&recipe, 0..programs());
}

/// Where both are, C++20 has other edges between them than RC11.
#[test]
fn sequentially_consistent_accesses_and_fences_among_others() {
    let recipe = Recipe {
        threads: 3,
        instrs: 12,
        locations: 2,
        orders: vec![Order::SeqCst, Order::SeqCst, Order::AcqRel, Order::Relaxed],
        rmw: 1,
        store_loaded: 0,
        fence: 3,
        ..Recipe::atomics()
    };
    agree(&recipe, 0..2 * programs());
}

#[test]
fn mutexes() {
    agree(
        &Recipe {
            rwlock: 0,
            ..Recipe::locks()
        },
        0..programs(),
    );
}

#[test]
fn read_write_locks() {
    agree(
        &Recipe {
            mutex: 0,
            ..Recipe::locks()
        },
        0..programs(),
    );
}

#[test]
fn read_modify_writes_of_one_word() {
    let recipe = Recipe {
        rmw: 8,
        store: 2,
        load: 2,
        locations: 1,
        ..Recipe::atomics()
    };
    agree(&recipe, 0..programs());
}

#[test]
fn everything() {
    agree(&Recipe::locks(), 0..programs());
}

#[test]
fn who_starts_the_threads_does_not_matter() {
    for layout in [Layout::Reversed, Layout::Joined, Layout::Chained] {
        agree_in(&Recipe::atomics(), 0..programs() / 2, layout);
        agree_in(&Recipe::locks(), 0..programs() / 2, layout);
    }
}
