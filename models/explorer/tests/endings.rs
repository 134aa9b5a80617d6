//! The explorer against an interleaving machine, on random programs of locks,
//! condition variables and attempts: they end alike, and are stuck alike.
//!
//! Such programs have no data race, and are interleaved under any model; but see
//! `attempts`.

mod subject;

use std::ops::Range;

use seqfault_explorer::{Builder, Model};
use seqfault_oracle::sections::Sections;
use seqfault_oracle::{Endings, Instr, Outcome, Program, Wakeups, endings, shrink};
use subject::{Layout, explore_with};

const MODELS: [Model; 3] = [Model::Sc, Model::Tso, Model::Rc11];

/// Programs of each test, unless the environment says otherwise.
const SEEDS: u64 = 300;

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
    agree(&Sections::waits(), &MODELS, Wakeups::SpuriousOnce);
}

#[test]
fn attempts_at_mutexes() {
    agree(
        &Sections::tries(),
        &[Model::Sc, Model::Tso],
        Wakeups::Notified,
    );
}

#[test]
fn read_write_locks() {
    agree(&Sections::rwlocks(false), &MODELS, Wakeups::Notified);
}

#[test]
fn attempts_at_read_write_locks() {
    agree(
        &Sections::rwlocks(true),
        &[Model::Sc, Model::Tso],
        Wakeups::Notified,
    );
}

#[test]
fn everything() {
    agree(
        &Sections::everything(),
        &[Model::Sc, Model::Tso],
        Wakeups::Notified,
    );
}
