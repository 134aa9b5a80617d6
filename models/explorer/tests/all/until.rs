//! Threads that wait for a value outside the graph: nothing is lost or found twice, and where the value
//! stays no run is moot.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64 as StdAtomicU64;
use std::sync::{Arc, Mutex as StdMutex};

use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::mutation::Mutation;
use seqfault_explorer::sync::atomic::Ordering::{self, *};
use seqfault_explorer::sync::atomic::{AtomicU64, Until};
use seqfault_explorer::sync::{Condvar, Mutex};
use seqfault_explorer::{Builder, FailureKind, Model, Progress, Reduce, thread};
use seqfault_oracle::random::Rng;

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];
/// Programs with more executions are not compared.
const MOST: u64 = 1_000;

/// Executions, runs that are blocked, and moot runs.
fn counts(reduce: Reduce, model: Model, program: impl Fn() + Send + Sync + 'static) -> [u64; 3] {
    let builder = Builder::new().model(model).reduce(reduce).unwind(true);
    let Progress {
        executions,
        blocked,
        moot,
        ..
    } = builder.allow_blocked(true).check(program).unwrap();
    [executions, blocked, moot]
}

/// One thread puts a value there and takes it away again: the other one reads it, or waits for ever.
#[test]
fn a_value_that_comes_and_goes_may_be_missed() {
    let program = || {
        let word = Arc::<AtomicU64>::default();
        let waits = word.clone();
        thread::spawn(move || waits.load_until(Until::set(1), Relaxed));
        word.store(1, Relaxed);
        word.store(2, Relaxed);
    };
    for model in MODELS {
        assert_eq!(counts(Reduce::ALL, model, program), [1, 1, 0], "{model:?}");
        let [executions, blocked, _] = counts(Reduce::NONE, model, program);
        assert_eq!((executions, blocked), (1, 1), "{model:?}");
    }
}

/// Threads that wait for a condition variable wait for a bit of its word.
#[test]
fn threads_that_wait_for_a_notification() {
    let program = || {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        for turn in 0..2 {
            let shared = shared.clone();
            thread::spawn(move || {
                let (mutex, turns) = &*shared;
                let held = mutex.lock().unwrap();
                let mut held = turns.wait_while(held, |now| *now != turn).unwrap();
                *held += 1;
                turns.notify_all();
            });
        }
    };
    let found = counts(Reduce::ALL, Model::Rc11, program);
    let all = counts(Reduce::NONE, Model::Rc11, program);
    println!("{found:?} {all:?}");
    assert_eq!(found[..2], all[..2]);
    assert!(found[2] < all[2]);
}

/// What is waited for is read as any load reads it.
#[test]
fn the_read_has_the_ordering_that_it_is_given() {
    let program = |order: Ordering| {
        move || {
            let shared = Arc::new((AtomicU64::new(0), UnsafeCell::new(0)));
            let other = shared.clone();
            thread::spawn(move || {
                other.1.with_mut(|_| ());
                other.0.store(1, Release);
            });
            shared.0.load_until(Until::is_not(0), order);
            shared.1.with(|_| ());
        }
    };
    Builder::new().check(program(Acquire)).unwrap();
    let report = Builder::new().check(program(Relaxed));
    let failure = report.failure().expect("nothing orders the two");
    assert_eq!(failure.kind, FailureKind::DataRace);
}

/// A step of a thread, at a word.
#[derive(Clone, Copy, Debug)]
enum Does {
    Load(usize, Ordering),
    Store(usize, u64, Ordering),
    Add(usize, Ordering),
    Await(usize, Until, Ordering),
}

type Threads = Vec<Vec<Does>>;

/// What the threads have read.
type Ends = BTreeSet<Vec<Vec<u64>>>;

/// Two threads or three, at two words, or at one if they have few steps.
fn program(seed: u64) -> Threads {
    let mut rng = Rng::new(seed);
    let (threads, steps) = [(2, 4), (3, 3), (3, 4)][rng.below(3)];
    let few = threads * steps < 12 && rng.below(3) == 0;
    let words = if few { 1 } else { 2 };
    let mut step = || {
        let at = rng.below(words);
        let value = 1 + rng.below(2) as u64;
        let mut order = |one: Ordering| [Relaxed, one, one, SeqCst][rng.below(4)];
        let (read, write, both) = (order(Acquire), order(Release), order(AcqRel));
        match rng.below(9) {
            0 | 1 => Does::Load(at, read),
            2..5 => Does::Store(at, value, write),
            5 => Does::Add(at, both),
            _ => {
                let until = [
                    Until::is(value),
                    Until::set(3),
                    Until::clear(1),
                    Until::Least(2),
                ];
                Does::Await(at, until[rng.below(4)], read)
            }
        }
    };
    let mut thread = || (0..steps).map(|_| step()).collect();
    (0..threads).map(|_| thread()).collect()
}

fn run(words: &[AtomicU64; 2], steps: &[Does]) -> Vec<u64> {
    let mut reads = Vec::new();
    for &step in steps {
        match step {
            Does::Load(at, order) => reads.push(words[at].load(order)),
            Does::Store(at, value, order) => words[at].store(value, order),
            Does::Add(at, order) => reads.push(words[at].fetch_add(1, order)),
            Does::Await(at, until, order) => reads.push(words[at].load_until(until, order)),
        }
    }
    reads
}

/// Runs the threads, and tells what complete executions have read.
fn body(threads: &Threads, seen: &Arc<StdMutex<Ends>>) -> impl Fn() + Send + Sync + 'static {
    let (threads, seen) = (threads.clone(), seen.clone());
    move || {
        let words = Arc::<[AtomicU64; 2]>::default();
        let start = |steps: &Vec<Does>| {
            let (words, steps) = (words.clone(), steps.clone());
            thread::spawn(move || run(&words, &steps))
        };
        let handles: Vec<_> = threads.iter().map(start).collect();
        let reads = handles.into_iter().map(|handle| handle.join().unwrap());
        let reads = reads.collect();
        seen.lock().unwrap().insert(reads);
    }
}

/// Executions, runs that are blocked, and what complete ones have read.
fn explore(threads: &Threads, builder: Builder) -> (u64, u64, Ends) {
    let ends = Arc::<StdMutex<Ends>>::default();
    let builder = builder.allow_blocked(true).max_executions(MOST);
    let Progress {
        executions,
        blocked,
        ..
    } = builder.check(body(threads, &ends)).progress;
    let ends = std::mem::take(&mut *ends.lock().unwrap());
    (executions, blocked, ends)
}

/// Where the threads are, the words, and what each has read.
type State = (Vec<usize>, [u64; 2], Vec<Vec<u64>>);

/// What every interleaving of the threads reads in the end, and whether one gets stuck.
#[derive(Default)]
struct Interleavings {
    seen: BTreeSet<State>,
    ends: Ends,
    stuck: bool,
}

impl Interleavings {
    fn go_on(&mut self, threads: &Threads, at: &[usize], words: [u64; 2], reads: &[Vec<u64>]) {
        if !self.seen.insert((at.to_vec(), words, reads.to_vec())) {
            return;
        }
        let mut goes_on = false;
        for (thread, steps) in threads.iter().enumerate() {
            let Some(&step) = steps.get(at[thread]) else {
                continue;
            };
            let (mut words, mut reads, mut at) = (words, reads.to_vec(), at.to_vec());
            match step {
                Does::Store(word, value, _) => words[word] = value,
                Does::Await(word, until, _) if !until.holds(words[word]) => continue,
                Does::Load(word, _) | Does::Await(word, ..) => reads[thread].push(words[word]),
                Does::Add(word, _) => {
                    reads[thread].push(words[word]);
                    words[word] += 1;
                }
            }
            at[thread] += 1;
            goes_on = true;
            self.go_on(threads, &at, words, &reads);
        }
        let is_over = threads.iter().zip(at).all(|(steps, &at)| at == steps.len());
        if is_over {
            self.ends.insert(reads.to_vec());
        } else {
            self.stuck |= !goes_on;
        }
    }
}

/// How many random programs are compared: more if the environment says so.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let said = std::env::var("SEQFAULT_SEEDS").ok();
    0..said.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn nothing_is_lost_or_found_twice() {
    let compared = StdAtomicU64::new(0);
    for seed in seeds(300) {
        let threads = program(seed);
        for model in MODELS {
            let builder = Builder::new().model(model);
            let all = explore(&threads, builder.clone().reduce(Reduce::NONE));
            if all.0 + all.1 >= MOST {
                continue;
            }
            compared.fetch_add(1, Relaxed);
            assert_eq!(
                explore(&threads, builder),
                all,
                "seed {seed}, {model:?}: {threads:#?}"
            );
        }
    }
    assert!(compared.into_inner() > 1_000);
}

#[test]
fn interleavings_end_the_same() {
    let mut compared = 0;
    for seed in seeds(300) {
        let threads = program(seed);
        let builder = Builder::new().model(Model::Sc);
        let (executions, blocked, ends) = explore(&threads, builder);
        if executions >= MOST {
            continue;
        }
        let mut all = Interleavings::default();
        let count = threads.len();
        all.go_on(&threads, &vec![0; count], [0; 2], &vec![vec![]; count]);
        let wanted = (all.ends, all.stuck);
        assert_eq!((ends, blocked > 0), wanted, "seed {seed}: {threads:#?}");
        compared += 1;
    }
    assert!(compared > 200);
}

/// What two workers visit that forget most of what is left; what three parts do; and what a search
/// does that is stopped and saved after each few executions.
#[test]
fn pieces_are_the_whole() {
    let mut compared = 0;
    for seed in seeds(100) {
        let threads = program(seed);
        let builder = Builder::new().allow_blocked(true);
        let (executions, blocked, _) = explore(&threads, builder.clone());
        if executions + blocked >= MOST {
            continue;
        }
        let ends = Arc::default();
        let counts = |progress: &Progress| [progress.executions, progress.blocked];
        let check = |builder: Builder| counts(&builder.check(body(&threads, &ends)).progress);
        let whole = [executions, blocked];
        assert_eq!(
            check(builder.clone().workers(2).keep(1)),
            whole,
            "seed {seed}"
        );
        let parts = (0..3).map(|k| check(builder.clone().shard(k, 3)));
        let sum = parts.fold([0; 2], |sum, part| [sum[0] + part[0], sum[1] + part[1]]);
        assert_eq!(sum, whole, "seed {seed}");
        let mut report = builder
            .clone()
            .max_executions(3)
            .check(body(&threads, &ends));
        while let Some(rest) = report.rest.take() {
            let rest = serde_json::to_string(&rest).unwrap();
            let rest = serde_json::from_str(&rest).unwrap();
            let more = counts(&report.progress)[0] + 3;
            let builder = builder.clone().max_executions(more);
            report = builder.resume(rest, body(&threads, &ends)).unwrap();
        }
        assert_eq!(counts(&report.progress), whole, "seed {seed}");
        compared += 1;
    }
    assert!(compared > 50);
}

/// Without one, random programs show it.
#[test]
fn each_of_its_conditions_is_needed() {
    for mutation in [Mutation::Known, Mutation::GivingUp] {
        let noticed = seeds(300).any(|seed| {
            let threads = program(seed);
            let builder = Builder::new().model(Model::Rc11);
            let all = explore(&threads, builder.clone().reduce(Reduce::NONE));
            all.0 + all.1 < MOST && explore(&threads, builder.mutate(mutation)) != all
        });
        assert!(noticed, "{mutation:?} goes unnoticed");
    }
}
