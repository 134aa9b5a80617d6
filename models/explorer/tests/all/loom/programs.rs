//! The programs: named shapes, and random ones by seed.

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

/// The programs of `programs.txt`.
fn named() -> Vec<Named> {
    let lines = include_str!("programs.txt").lines();
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    let parts = lines.split(|line| line.is_empty());
    let programs = parts.filter_map(|part| part.split_first());
    let read = |(name, threads): (&&str, &[&str])| {
        let program = threads.join("\n").parse();
        let program = program.unwrap_or_else(|mistake| panic!("{name}: {mistake}"));
        (name.to_string(), program)
    };
    programs.map(read).collect()
}
