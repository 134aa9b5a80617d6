//! Drops without events against drops with events, on random programs.
//!
//! A program that asks for the count has an atomic word for it, and each order of
//! drops is an execution: happens-before then says exactly what races with the
//! destructor. One that does not ask must come to the same.

use std::sync::Arc as StdArc;

use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::sync::Arc;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use seqfault_explorer::{Builder, FailureKind, Model, thread};
use seqfault_oracle::random::Rng;

use super::MODELS;

const PROGRAMS: u64 = 400;

#[derive(Clone, Copy, Debug)]
enum Step {
    Drop,
    Read(usize),
    Write(usize),
    Load(usize, bool),
    Store(usize, bool),
}

/// What threads do, and which of them the first one waits for, to write the cells
/// then.
type Program = (Vec<Vec<Step>>, Vec<bool>);

fn random(seed: u64) -> Program {
    let mut rng = Rng::new(seed);
    let threads = 2 + rng.below(2);
    let mut thread = |_| {
        let mut steps: Vec<Step> = (0..rng.below(4))
            .map(|_| {
                let (which, ordered) = (rng.below(2), rng.once_in(2));
                match rng.below(12) {
                    0 => Step::Read(which),
                    1 => Step::Write(which),
                    2..=6 => Step::Load(which, ordered),
                    _ => Step::Store(which, ordered),
                }
            })
            .collect();
        let at = rng.below(steps.len() + 1);
        steps.insert(at, Step::Drop);
        steps
    };
    let steps = (0..threads).map(&mut thread).collect();
    let waits = (0..threads).map(|_| !rng.once_in(3)).collect();
    (steps, waits)
}

/// Reads one cell and writes the other.
struct Both(StdArc<[UnsafeCell<()>; 2]>);

impl Drop for Both {
    fn drop(&mut self) {
        self.0[0].with(|_| ());
        self.0[1].with_mut(|_| ());
    }
}

fn races(program: &Program, model: Model, counted: bool) -> bool {
    let (steps, waits) = program.clone();
    let report = Builder::new().model(model).check(move || {
        let cells = StdArc::new([UnsafeCell::new(()), UnsafeCell::new(())]);
        let words = StdArc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let handle = Arc::new(Both(cells.clone()));
        if counted {
            Arc::strong_count(&handle);
        }
        let handles: Vec<_> = steps.iter().map(|_| handle.clone()).collect();
        drop(handle);
        let spawn = |(handle, steps): (Arc<Both>, &Vec<Step>)| {
            let (cells, words, steps) = (cells.clone(), words.clone(), steps.clone());
            thread::spawn(move || {
                let mut handle = Some(handle);
                for step in steps {
                    match step {
                        Step::Drop => drop(handle.take()),
                        Step::Read(c) => cells[c].with(|_| ()),
                        Step::Write(c) => cells[c].with_mut(|_| ()),
                        Step::Load(w, false) => drop(words[w].load(Relaxed)),
                        Step::Load(w, true) => drop(words[w].load(Acquire)),
                        Step::Store(w, false) => words[w].store(1, Relaxed),
                        Step::Store(w, true) => words[w].store(1, Release),
                    }
                }
            })
        };
        let threads: Vec<_> = handles.into_iter().zip(&steps).map(spawn).collect();
        let mut any = false;
        for (thread, &waits) in threads.into_iter().zip(&waits) {
            if waits {
                thread.join().unwrap();
                any = true;
            }
        }
        if any {
            cells[0].with_mut(|_| ());
        }
    });
    match report.failure() {
        None => false,
        Some(failure) => {
            assert_eq!(failure.kind, FailureKind::DataRace, "{failure}");
            true
        }
    }
}

#[test]
fn drops_race_alike() {
    for model in MODELS {
        let (mut racy, mut more) = (0, 0);
        for seed in 0..PROGRAMS {
            let program = random(seed);
            let (plain, exact) = (races(&program, model, false), races(&program, model, true));
            assert!(plain || !exact, "{model:?} misses a race of {program:?}");
            racy += u64::from(exact);
            more += u64::from(plain && !exact);
        }
        println!("{model:?}: {racy} race, {more} invented");
        assert!(racy > PROGRAMS / 4 && racy < PROGRAMS, "{racy}");
        assert_eq!(more, 0, "{model:?} invents races");
    }
}
