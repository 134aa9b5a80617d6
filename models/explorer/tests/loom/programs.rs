//! The programs: named shapes, and random ones by seed.

use seqfault_oracle::notation::{
    ACQ, AR, REL, RLX, SC, X, Y, cas, fence, fetch_add, load, store, store_loaded, swap,
};
use seqfault_oracle::random::Recipe;
use seqfault_oracle::{Instr, Model, Order, Program, enumerate};

/// Programs of each recipe.
const SEEDS: usize = 50;
/// Most instructions of a program: loom's executions grow with their interleavings.
const INSTRS: usize = 7;

/// A program with its name in the list.
pub type Named = (String, Program);

/// All programs, always the same, none of which races, deadlocks or ends with a lock held.
pub fn all() -> Vec<Named> {
    let mut programs = named();
    for (number, (family, recipe)) in (0..).zip(recipes()) {
        let seeded =
            (1000 * number..).map(|seed| (format!("{family} {seed}"), recipe.program(seed)));
        programs.extend(seeded.filter(|(_, p)| runs_on_loom(p)).take(SEEDS));
    }
    programs
}

fn recipes() -> [(&'static str, Recipe); 4] {
    let atomics = Recipe {
        threads: 3,
        instrs: INSTRS,
        ..Recipe::atomics()
    };
    // Half of the fences; the others would be relaxed, and are loads.
    let fences = Recipe {
        orders: vec![Order::Relaxed, Order::SeqCst],
        fence: 8,
        ..atomics.clone()
    };
    let locks = Recipe {
        threads: 3,
        instrs: INSTRS,
        rwlock: 0,
        cell: 0,
        ..Recipe::locks()
    };
    [
        ("fences", fences),
        ("relaxed", atomics.clone().with_order(Order::Relaxed)),
        ("atomics", atomics),
        ("mutexes", locks),
    ]
}

/// loom panics at a deadlock, so a program that has one says nothing about its outcomes.
fn runs_on_loom(program: &Program) -> bool {
    let balanced = program.threads.iter().all(|thread| {
        let locks = |instr: &&Instr| matches!(instr, Instr::Lock(_) | Instr::TryLock(_));
        let unlocks = |instr: &&Instr| matches!(instr, Instr::Unlock(_));
        thread.iter().filter(locks).count() == thread.iter().filter(unlocks).count()
    });
    balanced && enumerate(program, Model::Rc11).blocked == 0
}

fn named() -> Vec<Named> {
    let mut programs = classics();
    programs.extend(limits());
    programs
        .into_iter()
        .map(|(name, program)| (name.to_owned(), program))
        .collect()
}

type Shape = (&'static str, Program);

fn two(locations: usize, first: &[Instr], second: &[Instr]) -> Program {
    Program::new(locations, vec![first.to_vec(), second.to_vec()])
}

fn buffering(store_order: Order, load_order: Order) -> Program {
    two(
        2,
        &[store(X, 1, store_order), load(Y, load_order)],
        &[store(Y, 1, store_order), load(X, load_order)],
    )
}

fn message(store_order: Order, load_order: Order) -> Program {
    two(
        2,
        &[store(X, 1, RLX), store(Y, 1, store_order)],
        &[load(Y, load_order), load(X, RLX)],
    )
}

fn load_buffering(store_order: Order, load_order: Order) -> Program {
    two(
        2,
        &[load(X, load_order), store(Y, 1, store_order)],
        &[load(Y, load_order), store(X, 1, store_order)],
    )
}

fn independent_reads(store_order: Order, load_order: Order, fences: bool) -> Program {
    let reader = |first, second| {
        let between = fences.then(|| fence(SC));
        let loads = [load(first, load_order), load(second, load_order)];
        [&loads[..1], between.as_slice(), &loads[1..]].concat()
    };
    let writers = [
        vec![store(X, 1, store_order)],
        vec![store(Y, 1, store_order)],
    ];
    Program::new(2, [&writers[..], &[reader(X, Y), reader(Y, X)]].concat())
}

/// 2+2W: the last loads show the end of each word.
fn two_writes(store_order: Order, load_order: Order) -> Program {
    let writer = |first, second| {
        [
            store(first, 1, store_order),
            store(second, 2, store_order),
            load(second, load_order),
        ]
    };
    two(2, &writer(X, Y), &writer(Y, X))
}

/// The shapes of the literature.
fn classics() -> Vec<Shape> {
    let fenced = |end| [store(end, 1, RLX), fence(SC), load(X + Y - end, RLX)];
    vec![
        ("SB relaxed", buffering(RLX, RLX)),
        ("SB release acquire", buffering(REL, ACQ)),
        ("SB SeqCst accesses", buffering(SC, SC)),
        ("SB SeqCst fences", two(2, &fenced(X), &fenced(Y))),
        ("MP relaxed", message(RLX, RLX)),
        ("MP release acquire", message(REL, ACQ)),
        (
            "MP fences",
            two(
                2,
                &[store(X, 1, RLX), fence(REL), store(Y, 1, RLX)],
                &[load(Y, RLX), fence(ACQ), load(X, RLX)],
            ),
        ),
        ("LB relaxed", load_buffering(RLX, RLX)),
        ("LB release acquire", load_buffering(REL, ACQ)),
        ("IRIW acquire", independent_reads(REL, ACQ, false)),
        ("IRIW SeqCst accesses", independent_reads(SC, SC, false)),
        ("IRIW SeqCst fences", independent_reads(RLX, RLX, true)),
        ("2+2W relaxed", two_writes(RLX, RLX)),
        ("2+2W release acquire", two_writes(REL, ACQ)),
        ("2+2W SeqCst accesses", two_writes(SC, SC)),
        (
            "CoRR",
            Program::new(
                1,
                vec![
                    vec![store(X, 1, RLX)],
                    vec![store(X, 2, RLX)],
                    vec![load(X, RLX), load(X, RLX)],
                ],
            ),
        ),
    ]
}

/// So many stores of one word, all of them old for a thread that sees the flag.
fn flagged(stores: u64) -> Program {
    let mut writer: Vec<Instr> = (1..=stores).map(|value| store(X, value, RLX)).collect();
    writer.push(store(Y, 1, RLX));
    two(2, &writer, &[load(Y, RLX), load(X, RLX)])
}

/// The shapes of loom's limits, each beside one that is free of it.
fn limits() -> Vec<Shape> {
    // The first thread runs first: its loads are there to be hidden.
    let reader = [load(X, ACQ), load(Y, ACQ), load(X, ACQ)];
    let by_store = [
        load(X, RLX),
        store_loaded(X, 0, 1, REL),
        store(Y, 1, REL),
        load(X, RLX),
        store_loaded(X, 1, 1, REL),
    ];
    let by_fetch_add = [fetch_add(X, 1, AR), store(Y, 1, REL), fetch_add(X, 1, AR)];
    vec![
        (
            "own load, then store",
            two(
                1,
                &[load(X, RLX), store(X, 10, RLX)],
                &[store(X, 20, RLX), load(X, RLX)],
            ),
        ),
        (
            "no own load",
            two(1, &[store(X, 10, RLX)], &[store(X, 20, RLX), load(X, RLX)]),
        ),
        (
            "own load, then swap",
            two(
                1,
                &[load(X, RLX), swap(X, 10, AR)],
                &[swap(X, 20, AR), load(X, RLX)],
            ),
        ),
        (
            "own load, then compare-exchange",
            two(
                1,
                &[load(X, RLX), cas(X, 0, 10, AR, RLX)],
                &[load(X, RLX), cas(X, 0, 20, AR, RLX), load(X, RLX)],
            ),
        ),
        (
            "sequence count by load and store",
            two(2, &reader, &by_store),
        ),
        (
            "sequence count by fetch_add",
            two(2, &reader, &by_fetch_add),
        ),
        (
            "swap against store",
            two(1, &[swap(X, 1, AR)], &[store(X, 2, REL), load(X, ACQ)]),
        ),
        (
            "two swaps against store",
            Program::new(
                1,
                vec![
                    vec![swap(X, 1, AR)],
                    vec![swap(X, 2, AR)],
                    vec![store(X, 3, REL)],
                ],
            ),
        ),
        ("two swaps", two(1, &[swap(X, 1, AR)], &[swap(X, 2, AR)])),
        (
            "swap of a word that is no longer newest",
            two(
                2,
                &[store(X, 1, RLX), store(Y, 1, RLX)],
                &[load(Y, RLX), swap(X, 2, RLX)],
            ),
        ),
        (
            "fences only order",
            Program::new(
                2,
                vec![
                    vec![store(X, 1, RLX), fence(SC), load(Y, RLX)],
                    vec![store(Y, 1, RLX), fence(SC), load(Y, RLX)],
                    vec![load(X, RLX), fence(SC), load(X, RLX)],
                ],
            ),
        ),
        ("eight stores", flagged(8)),
        ("six stores", flagged(6)),
        (
            "try-lock of a short section",
            Program::with_locks(
                0,
                1,
                0,
                vec![
                    vec![Instr::Lock(0), Instr::Unlock(0)],
                    vec![Instr::TryLock(0), Instr::Unlock(0)],
                ],
            ),
        ),
        (
            "lock sections",
            Program::with_locks(
                1,
                1,
                0,
                vec![
                    vec![Instr::Lock(0), fetch_add(X, 1, RLX), Instr::Unlock(0)],
                    vec![Instr::Lock(0), fetch_add(X, 1, RLX), Instr::Unlock(0)],
                    vec![load(X, RLX)],
                ],
            ),
        ),
    ]
}
