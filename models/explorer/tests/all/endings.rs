//! The explorer against an interleaving machine, on random programs of locks,
//! condition variables and attempts: they end alike, and are stuck alike.
//!
//! Such programs have no data race, and are interleaved under any model; but see
//! `attempts`.

use std::ops::Range;

use super::subject::{Layout, explore_with, judge};
use seqfault_explorer::mutation::Mutation;
use seqfault_explorer::{Builder, Model};
use seqfault_oracle::sections::Sections;
use seqfault_oracle::{Endings, Instr, Outcome, Program, Wakeups, endings, shrink};

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];

/// Programs of each test, unless the environment says otherwise.
const SEEDS: u64 = 200;

fn seeds() -> Range<u64> {
    let count = std::env::var("SEQFAULT_PROGRAMS");
    0..count.ok().and_then(|n| n.parse().ok()).unwrap_or(SEEDS)
}

/// How a program ends on the explorer.
fn found(program: &Program, model: Model, wakeups: Wakeups) -> Endings {
    let builder = Builder::new()
        .model(model)
        .spurious_wakeups(wakeups == Wakeups::SpuriousOnce);
    let found = explore_with(builder, program, Layout::Plain);
    assert!(!found.races, "a race in\n{program}");
    let outcome = |(reads, finals)| Outcome { reads, finals };
    Endings {
        complete: found.outcomes.into_iter().map(outcome).collect(),
        stuck: found.stuck,
    }
}

/// Why the two disagree, if they do.
fn difference(program: &Program, model: Model, wakeups: Wakeups) -> Option<String> {
    let (wanted, found) = (endings(program, wakeups), found(program, model, wakeups));
    (wanted != found).then(|| {
        let missed: Vec<_> = wanted.complete.difference(&found.complete).collect();
        let invented: Vec<_> = found.complete.difference(&wanted.complete).collect();
        let stuck: Vec<_> = wanted.stuck.difference(&found.stuck).collect();
        let free: Vec<_> = found.stuck.difference(&wanted.stuck).collect();
        format!(
            "{model:?}\n{program}missed {missed:?}\ninvented {invented:?}\nmissed stuck \
             {stuck:?}\ninvented stuck {free:?}"
        )
    })
}

#[track_caller]
fn agree(sections: &Sections, models: &[Model], wakeups: Wakeups) {
    let mut stuck = 0;
    let mut complete = 0;
    for seed in seeds() {
        let program = sections.program(seed);
        let all = endings(&program, wakeups);
        stuck += usize::from(!all.stuck.is_empty());
        complete += usize::from(!all.complete.is_empty());
        for &model in models {
            if difference(&program, model, wakeups).is_some() {
                let small = shrink(&program, |p| difference(p, model, wakeups).is_some());
                panic!(
                    "seed {seed}: {}",
                    difference(&small, model, wakeups).unwrap()
                );
            }
        }
    }
    // Neither kind is tested by nothing.
    assert!(complete as u64 * 4 > seeds().end, "{complete} programs end");
    println!("{complete} programs end, {stuck} may be stuck");
}

#[test]
fn waits() {
    agree(&Sections::waits(), &MODELS, Wakeups::Notified);
}

#[test]
fn waits_that_end_by_themselves() {
    let sections = Sections {
        threads: 3,
        parts: 5,
        ..Sections::waits()
    };
    agree(&sections, &MODELS, Wakeups::SpuriousOnce);
}

/// An attempt that fails may have read a word that is no longer held.
///
/// Under RC11 it does not synchronise (C++20 [thread.mutex.requirements]); under TSO it is a load,
/// which on x86 it is not: a gap of the model. `more` is in how many programs that shows.
#[track_caller]
fn attempts(sections: &Sections, more: [u64; 2]) {
    agree(sections, &[Model::Sc], Wakeups::Notified);
    for (model, more) in [Model::Tso, Model::Rc11].into_iter().zip(more) {
        let count = seeds().filter(|&seed| {
            let program = sections.program(seed);
            let wanted = endings(&program, Wakeups::Notified);
            let found = found(&program, model, Wakeups::Notified);
            let missed = !wanted.complete.is_subset(&found.complete)
                || !wanted.stuck.is_subset(&found.stuck);
            assert!(!missed, "seed {seed}: {model:?}\n{program}");
            let complete = found.complete.difference(&wanted.complete);
            let stuck = found.stuck.difference(&wanted.stuck);
            let reads = complete.map(|outcome| &outcome.reads);
            let invented: Vec<_> = reads.chain(stuck.map(|stuck| &stuck.reads)).collect();
            let known = |reads: &&Vec<Vec<u64>>| some_attempt_fails(&program, reads);
            assert!(
                invented.iter().all(known),
                "seed {seed}: {model:?}\n{program}"
            );
            !invented.is_empty()
        });
        let count = count.count() as u64;
        println!("{count} programs have more under {model:?}");
        if seeds().end == SEEDS {
            assert_eq!(count, more, "{model:?}");
        }
    }
}

fn some_attempt_fails(program: &Program, reads: &[Vec<u64>]) -> bool {
    let attempt = |instr: &Instr| {
        matches!(
            instr,
            Instr::TryLock(_) | Instr::TryReadLock(_) | Instr::TryWriteLock(_)
        )
    };
    let fails = |(thread, reads): (&Vec<Instr>, &Vec<u64>)| {
        let yields = thread.iter().filter(|instr| instr.yields());
        yields
            .zip(reads)
            .any(|(instr, &value)| attempt(instr) && value == 0)
    };
    program.threads.iter().zip(reads).any(fails)
}

/// Attempts at mutexes have graphs: the enumerator says exactly what they may do.
#[test]
fn attempts_at_mutexes_have_graphs() {
    let sections = Sections {
        threads: 3,
        parts: 4,
        ..Sections::tries()
    };
    for seed in seeds().take(100) {
        let program = sections.program(seed);
        let differs = judge::difference(&program, Mutation::None, Layout::Plain);
        assert_eq!(differs, None, "seed {seed}:\n{program}");
    }
}

#[test]
fn attempts_at_mutexes() {
    attempts(&Sections::tries(), [1, 2]);
}

#[test]
fn read_write_locks() {
    agree(&Sections::rwlocks(false), &MODELS, Wakeups::Notified);
}

#[test]
fn attempts_at_read_write_locks() {
    attempts(&Sections::rwlocks(true), [0, 0]);
}

#[test]
fn everything() {
    attempts(&Sections::everything(), [0, 1]);
}
