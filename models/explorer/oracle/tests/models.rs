//! The enumerator against the abstract machines, and the models against each other.

use std::collections::BTreeSet;
use std::ops::Range;

use seqfault_oracle::machine::{Machine, run};
use seqfault_oracle::random::Recipe;
use seqfault_oracle::views::run_views;
use seqfault_oracle::{Enumeration, Instr, Model, Order, Program, enumerate, random, shrink};

/// The seeds of a test: 0 to 300, or up to the environment variable `SEQFAULT_ORACLE_SEEDS`.
fn seeds() -> Range<u64> {
    let count = std::env::var("SEQFAULT_ORACLE_SEEDS");
    0..count.map_or(300, |count| {
        count.parse().expect("SEQFAULT_ORACLE_SEEDS is a number")
    })
}

/// Panics with a small program if `holds` is false of one of the programs.
fn for_all(programs: impl Iterator<Item = Program>, holds: impl Fn(&Program) -> bool) {
    for program in programs {
        if !holds(&program) {
            panic!("{}", shrink(&program, |smaller| !holds(smaller)));
        }
    }
}

fn agrees(program: &Program, model: Model, machine: Machine) -> bool {
    let axioms = enumerate(program, model);
    let runs = run(program, machine);
    (axioms.outcomes, axioms.executions, axioms.blocked)
        == (runs.outcomes, runs.executions, runs.blocked)
}

#[test]
fn sc_is_interleaving() {
    for_all(seeds().map(random), |p| {
        agrees(p, Model::Sc, Machine::Interleaving)
    });
    let locks = seeds().map(|seed| Recipe::locks().program(seed));
    for_all(locks, |p| agrees(p, Model::Sc, Machine::Interleaving));
}

#[test]
fn tso_is_store_buffers() {
    for_all(seeds().map(random), |p| {
        agrees(p, Model::Tso, Machine::StoreBuffers)
    });
    let locks = seeds().map(|seed| Recipe::locks().program(seed));
    for_all(locks, |p| agrees(p, Model::Tso, Machine::StoreBuffers));
}

/// The program without sequentially consistent accesses; its fences stay.
fn without_sc_accesses(mut program: Program) -> Program {
    let weaker = |ord, weaker| if ord == Order::SeqCst { weaker } else { ord };
    for instr in program.threads.iter_mut().flatten() {
        match instr {
            Instr::Load { ord, .. } => *ord = weaker(*ord, Order::Acquire),
            Instr::Store { ord, .. } | Instr::StoreLoaded { ord, .. } => {
                *ord = weaker(*ord, Order::Release);
            }
            Instr::FetchAdd { ord, .. } | Instr::Swap { ord, .. } => {
                *ord = weaker(*ord, Order::AcqRel);
            }
            Instr::CompareExchange {
                success, failure, ..
            } => {
                *success = weaker(*success, Order::AcqRel);
                *failure = weaker(*failure, Order::Acquire);
            }
            _ => {}
        }
    }
    program
}

/// Programs with many fences.
fn many_fences() -> impl Iterator<Item = Program> {
    let recipe = Recipe {
        threads: 3,
        locations: 2,
        fence: 6,
        ..Recipe::atomics()
    };
    seeds().map(move |seed| recipe.program(seed))
}

#[test]
fn rc11_is_views() {
    let plain = seeds().map(|seed| Recipe::atomics().program(seed));
    let programs = plain.chain(many_fences());
    for_all(programs.map(without_sc_accesses), |p| {
        let (axioms, runs) = (enumerate(p, Model::Rc11), run_views(p));
        (axioms.outcomes, axioms.executions) == (runs.outcomes, runs.executions)
    });
}

/// C++20 [atomics.order] says nothing else of fences than RC11, and of other events neither says
/// anything: the two differ by sequentially consistent accesses only.
#[test]
fn without_seq_cst_accesses_cpp20_is_rc11() {
    let programs = || seeds().map(random).chain(many_fences());
    for_all(programs().map(without_sc_accesses), |p| {
        same(p, Model::Rc11, Model::Cpp20)
    });
    let without_fences = |mut program: Program| {
        for thread in &mut program.threads {
            let seq_cst = Instr::Fence { ord: Order::SeqCst };
            thread.retain(|&instr| instr != seq_cst);
        }
        program
    };
    let none = programs().map(without_sc_accesses).map(without_fences);
    for_all(none, |p| same(p, Model::Rc11, Model::Cpp20));
}

/// C++20 forbids executions that RC11 allows, and allows none that RC11 forbids.
#[test]
fn seq_cst_accesses_tell_cpp20_from_rc11() {
    let recipe = Recipe {
        orders: vec![Order::SeqCst, Order::SeqCst, Order::AcqRel, Order::Relaxed],
        ..Recipe::atomics()
    };
    let fewer = std::cell::Cell::new(0);
    for_all(seeds().map(|seed| recipe.program(seed)), |p| {
        let [rc11, cpp20] = [Model::Rc11, Model::Cpp20].map(|model| enumerate(p, model));
        fewer.set(fewer.get() + u64::from(cpp20.executions < rc11.executions));
        cpp20.executions <= rc11.executions && cpp20.outcomes.is_subset(&rc11.outcomes)
    });
    assert!(fewer.get() > 0);
}

/// Every behaviour of a stronger model is one of a weaker model, as compilers rely on it.
#[test]
fn models_are_nested() {
    for_all(seeds().map(random), |p| {
        let [sc, tso, rc11, cpp20] = Model::ALL.map(|model| enumerate(p, model));
        let within = |one: &Enumeration, other: &Enumeration| {
            one.executions <= other.executions
                && one.blocked <= other.blocked
                && one.outcomes.is_subset(&other.outcomes)
        };
        within(&sc, &tso) && within(&tso, &cpp20) && within(&cpp20, &rc11)
    });
}

fn same(program: &Program, one: Model, other: Model) -> bool {
    let (one, other) = (enumerate(program, one), enumerate(program, other));
    (one.outcomes, one.executions, one.blocked) == (other.outcomes, other.executions, other.blocked)
}

/// All models allow the same executions of the program.
fn all_same(program: &Program) -> bool {
    let [sc, weaker @ ..] = Model::ALL;
    weaker.iter().all(|&model| same(program, sc, model))
}

/// RC11, section 4: with only sequentially consistent accesses there is nothing weak.
#[test]
fn seq_cst_accesses_restore_sc() {
    let recipe = Recipe::atomics().with_order(Order::SeqCst);
    for_all(seeds().map(|seed| recipe.program(seed)), all_same);
}

/// RC11, theorem 4: a sequentially consistent fence between every two accesses restores SC.
#[test]
fn seq_cst_fences_restore_sc() {
    let fenced = |seed| {
        let mut program: Program = Recipe::atomics().program(seed);
        for thread in &mut program.threads {
            let fence = Instr::Fence { ord: Order::SeqCst };
            let with_fences = thread.iter().flat_map(|&instr| [instr, fence]);
            *thread = with_fences.collect();
        }
        program
    };
    for_all(seeds().map(fenced), all_same);
}

/// A data-race-free program has only interleavings: locks around everything.
#[test]
fn one_big_lock_restores_sc() {
    let locked = |seed| {
        // Short threads: whatever the critical sections, every order of them is tried.
        let recipe = Recipe {
            instrs: 6,
            ..Recipe::atomics()
        };
        let mut program: Program = recipe.with_order(Order::Relaxed).program(seed);
        program.mutexes = 1;
        for thread in &mut program.threads {
            thread.insert(0, Instr::Lock(0));
            thread.push(Instr::Unlock(0));
        }
        program
    };
    for_all(seeds().map(locked), |p| {
        let orders = (1..=p.threads.len() as u64).product::<u64>();
        all_same(p) && enumerate(p, Model::Rc11).executions == orders
    });
}

fn with_order(instr: Instr, ord: Order) -> Instr {
    match instr {
        Instr::Load { loc, .. } => Instr::Load { loc, ord },
        Instr::Store { loc, value, .. } => Instr::Store { loc, value, ord },
        Instr::FetchAdd { loc, add, .. } => Instr::FetchAdd { loc, add, ord },
        Instr::Swap { loc, value, .. } => Instr::Swap { loc, value, ord },
        other => other,
    }
}

/// To strengthen an ordering removes executions and adds none.
#[test]
fn stronger_orderings_allow_less() {
    let allows_less = |p: &Program, model| {
        let all = enumerate(p, model);
        (0..p.threads.len()).all(|thread| {
            let mut stronger = p.clone();
            for instr in &mut stronger.threads[thread] {
                *instr = with_order(*instr, Order::SeqCst);
            }
            let fewer = enumerate(&stronger, model);
            fewer.executions <= all.executions
                && fewer.outcomes.is_subset(&all.outcomes)
                && fewer.racy_executions <= all.racy_executions
        })
    };
    for_all(seeds().map(random), |p| {
        allows_less(p, Model::Rc11) && allows_less(p, Model::Cpp20)
    });
}

/// Nothing that the generator makes is refused, and a seed always makes the same program.
#[test]
fn random_programs_are_programs() {
    let programs: BTreeSet<_> = seeds().map(random).collect();
    assert!(programs.iter().all(|program| program.check().is_ok()));
    assert!(programs.len() as u64 > seeds().end * 9 / 10);
    assert_eq!(random(7), random(7));
}

/// What is left of any program that is weak on TSO is store buffering.
#[test]
fn shrinking_finds_store_buffering() {
    let weak = |p: &Program| enumerate(p, Model::Tso).outcomes != enumerate(p, Model::Sc).outcomes;
    let program = seeds().map(random).find(weak).expect("a weak program");
    let smallest = shrink(&program, weak);
    let x = smallest.threads[0][0];
    assert_eq!(smallest.threads.len(), 2, "{smallest}");
    assert!(
        smallest.threads.iter().all(|thread| thread.len() == 2),
        "{smallest}"
    );
    assert!(
        matches!(
            x,
            Instr::Store {
                ord: Order::Relaxed,
                ..
            }
        ),
        "{smallest}"
    );
}
