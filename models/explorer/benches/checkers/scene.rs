//! One execution of a model, and what all executions of a search have shown.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::checker::{Checker, Search};
use crate::models::Test;

/// What the threads of a model share.
pub struct Memory<C: Checker> {
    pub words: Vec<C::Word>,
    pub locks: Vec<C::Lock>,
    /// Plain memory that is read as long as it is there, and written to free it.
    pub life: C::Cell,
}

/// What a thread does, told its number. Returns what it read, and its turn at each lock.
pub type Thread<C> = fn(&Memory<C>, usize) -> Vec<u64>;

/// What the executions of one search have shown.
#[derive(Default)]
struct Seen {
    executions: AtomicU64,
    outcomes: Mutex<HashSet<Vec<Vec<u64>>>>,
}

/// One execution.
pub struct Scene<C: Checker> {
    memory: Memory<C>,
    threads: Vec<Thread<C>>,
    left: AtomicUsize,
    outcome: Mutex<Vec<Vec<u64>>>,
    seen: Arc<Seen>,
}

impl<C: Checker> Scene<C> {
    /// Runs one thread; the last one records the outcome.
    pub fn play(&self, me: usize) {
        let read = self.threads[me](&self.memory, me);
        let mut outcome = self.outcome.lock().unwrap();
        outcome[me] = read;
        if self.left.fetch_sub(1, Relaxed) == 1 {
            self.seen.executions.fetch_add(1, Relaxed);
            let outcome = std::mem::take(&mut *outcome);
            self.seen.outcomes.lock().unwrap().insert(outcome);
        }
    }

    fn start(test: &Test<C>, seen: &Arc<Seen>) {
        let count = test.threads.len();
        let scene = Arc::new(Scene {
            memory: Memory {
                words: test.words.iter().map(|&value| C::word(value)).collect(),
                locks: (0..test.locks).map(|_| C::lock()).collect(),
                life: C::cell(),
            },
            threads: test.threads.clone(),
            left: AtomicUsize::new(count),
            outcome: Mutex::new(vec![Vec::new(); count]),
            seen: seen.clone(),
        });
        for me in 1..count {
            C::spawn(scene.clone(), me);
        }
        scene.play(0);
    }
}

/// A search, measured.
pub struct Measured {
    pub search: Search,
    pub executions: u64,
    pub outcomes: u64,
    pub time: Duration,
}

/// Searches a model for so long at most.
pub fn measure<C: Checker>(test: Test<C>, cap: Duration) -> Measured {
    let seen = Arc::new(Seen::default());
    let started = Instant::now();
    let search = C::search(cap, {
        let seen = seen.clone();
        move || Scene::start(&test, &seen)
    });
    let time = started.elapsed();
    Measured {
        search,
        executions: seen.executions.load(Relaxed),
        outcomes: seen.outcomes.lock().unwrap().len() as u64,
        time,
    }
}
