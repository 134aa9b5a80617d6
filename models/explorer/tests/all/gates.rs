//! Threads that wait for locks outside the graph: no run is moot, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as StdAtomicU64, Ordering::SeqCst};

use super::subject::{Findings, Layout, explore_with};
use seqfault_explorer::mutation::Mutation;
use seqfault_explorer::sync::atomic::{AtomicBool, Ordering::*};
use seqfault_explorer::sync::{Mutex, RwLock};
use seqfault_explorer::{Builder, Model, Progress, Reduce, spin, thread};
use seqfault_oracle::sections::Sections;

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];
/// Programs with more executions are not compared.
const MOST: u64 = 1_000;

/// Threads that each do `section` so often.
fn threads(
    count: u64,
    each: u64,
    section: impl Fn() + Clone + Send + Sync + 'static,
) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        for _ in 0..count {
            let section = section.clone();
            thread::spawn(move || (0..each).for_each(|_| section()));
        }
    }
}

fn found(reduce: Reduce, model: Model, program: impl Fn() + Send + Sync + 'static) -> Progress {
    let builder = Builder::new().model(model).reduce(reduce);
    builder.check(program).unwrap()
}

/// Whether a program has so many executions, and no moot run but without the reduction.
fn is_without_moot_runs<P: Fn() + Send + Sync + 'static>(program: impl Fn() -> P, executions: u64) {
    for model in MODELS {
        let progress = found(Reduce::ALL, model, program());
        let all = found(Reduce::NONE, model, program());
        assert_eq!(
            (progress.executions, progress.moot),
            (executions, 0),
            "{model:?}"
        );
        assert_eq!(all.executions, executions, "{model:?}");
        assert!(all.moot > 0, "{model:?}");
    }
}

#[test]
fn sections_of_a_mutex() {
    for (count, each, orders) in [
        (3, 1, 6),
        (5, 1, 120),
        (3, 2, 90),
        (2, 4, 70),
        (4, 2, 2_520),
    ] {
        let program = || {
            move || {
                let mutex = Arc::new(Mutex::new(0));
                threads(count, each, move || *mutex.lock().unwrap() += 1)();
            }
        };
        is_without_moot_runs(program, orders);
    }
}

#[test]
fn sections_of_a_lock_of_readers_and_writers() {
    // Two writers and two readers: before, between or behind the writers, for each reader.
    let program = || {
        move || {
            let lock = Arc::new(RwLock::new(0));
            let (reads, writes) = (lock.clone(), lock);
            threads(2, 1, move || drop(reads.read().unwrap()))();
            threads(2, 1, move || *writes.write().unwrap() += 1)();
        }
    };
    is_without_moot_runs(program, 2 * 3 * 3);
}

/// The first thread never leaves the lock if it enters before the second, which never enters then.
#[test]
fn a_thread_that_is_kept_out_for_ever_may_have_been_first() {
    let program = || {
        let mutex = Arc::new(Mutex::new(()));
        let told = Arc::new(AtomicBool::new(false));
        let (other, tells) = (mutex.clone(), told.clone());
        thread::spawn(move || {
            let _held = mutex.lock().unwrap();
            while !told.load(Acquire) {
                spin();
            }
        });
        thread::spawn(move || {
            let _held = other.lock().unwrap();
            tells.store(true, Release);
        });
    };
    for model in MODELS {
        let builder = Builder::new().model(model).allow_blocked(true);
        let progress = builder.check(program).unwrap();
        assert_eq!((progress.executions, progress.blocked), (1, 1), "{model:?}");
    }
}

/// Each order of two locks, one of which is a deadlock.
#[test]
fn locks_in_two_orders() {
    let program = || {
        let locks = [(); 2].map(|()| Arc::new(Mutex::new(())));
        let [a, b] = locks.clone();
        thread::spawn(move || drop((a.lock().unwrap(), b.lock().unwrap())));
        let [a, b] = locks;
        thread::spawn(move || drop((b.lock().unwrap(), a.lock().unwrap())));
    };
    let builder = Builder::new().allow_blocked(true);
    let progress = builder.check(program).unwrap();
    let counts = (progress.executions, progress.blocked, progress.moot);
    assert_eq!(counts, (2, 1, 0));
}

/// What a search without reductions finds, and one with this defect.
fn both(sections: &Sections, seed: u64, model: Model, mutation: Mutation) -> [Findings; 2] {
    let program = sections.program(seed);
    [(Reduce::NONE, Mutation::None), (Reduce::ALL, mutation)].map(|(reduce, mutation)| {
        let builder = Builder::new().model(model).reduce(reduce).mutate(mutation);
        explore_with(builder.max_executions(MOST), &program, Layout::Plain)
    })
}

fn kinds() -> [Sections; 4] {
    [
        Sections::waits(),
        Sections::tries(),
        Sections::rwlocks(false),
        Sections::everything(),
    ]
}

#[test]
fn nothing_is_lost_or_found_twice() {
    let compared = StdAtomicU64::new(0);
    for sections in kinds() {
        for seed in 0..40 {
            for model in MODELS {
                let [mut all, mut reduced] = both(&sections, seed, model, Mutation::None);
                if all.executions >= MOST {
                    continue;
                }
                if sections.rwlock > 0 {
                    // A writer enters step by step, and may wait in between.
                    (all.blocked, reduced.blocked) = (0, 0);
                }
                compared.fetch_add(1, SeqCst);
                let program = || sections.program(seed);
                assert_eq!(all, reduced, "seed {seed}, {model:?}:\n{}", program());
            }
        }
    }
    assert!(compared.into_inner() > 300);
}

/// Without one, random programs show it. (Where condition variables are waited for, such a search may
/// have no end.)
#[test]
fn each_of_its_conditions_is_needed() {
    for mutation in [Mutation::Overtaken, Mutation::Closing] {
        let noticed = kinds()[1..].iter().any(|sections| {
            (0..200).any(|seed| {
                let [all, reduced] = both(sections, seed, Model::Rc11, mutation);
                all.executions < MOST && all != reduced
            })
        });
        assert!(noticed, "{mutation:?} goes unnoticed");
    }
}
