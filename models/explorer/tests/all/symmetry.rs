//! Threads that are alike: searched in one order, they stand for all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex};

use seqfault_explorer::mutation::Mutation;
use seqfault_explorer::symmetry::Alike;
use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::Ordering::{self, *};
use seqfault_explorer::sync::atomic::{AtomicU64, Until, fence};
use seqfault_explorer::{Builder, FailureKind, Model, Reduce, choose, thread};
use seqfault_oracle::random::Rng;

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];
/// Programs with more executions are not compared.
const MOST: u64 = 3_000;
/// All but symmetry.
const APART: Reduce = Reduce {
    symmetry: false,
    ..Reduce::ALL
};

/// What the threads have read: how many executions read so.
type Ends = BTreeMap<Vec<Vec<u64>>, u64>;

/// A body of threads that are alike, which answers what it has read.
type Body<S> = fn(&S, &Alike, usize) -> Vec<u64>;

/// Runs threads that are alike; the executions and runs that are blocked, and what they stand for.
fn ends<S: Default + 'static>(builder: &Builder, count: usize, body: Body<S>) -> (u64, u64, Ends) {
    found(builder, count, move || {
        let shared = Arc::<S>::default();
        move |alike: &Alike, nth: usize| body(&shared, alike, nth)
    })
}

/// The same of a body that is made anew in each run.
fn found<F: Fn(&Alike, usize) -> Vec<u64> + 'static>(
    builder: &Builder,
    count: usize,
    make: impl Fn() -> F + Send + Sync + 'static,
) -> (u64, u64, Ends) {
    let all = Arc::<StdMutex<Ends>>::default();
    let seen = all.clone();
    let restarted = all.clone();
    let program = move || {
        let body = Arc::new((make(), Alike::new(count)));
        let start = |nth| {
            let body = body.clone();
            thread::spawn(move || body.0(&body.1, nth))
        };
        let threads: Vec<_> = (0..count).map(start).collect();
        let reads: Vec<_> = (threads.into_iter())
            .map(|thread| thread.join().unwrap())
            .collect();
        let mut seen = seen.lock().unwrap();
        for names in body.1.names() {
            let mut renamed = vec![Vec::new(); count];
            for (name, reads) in names.into_iter().zip(&reads) {
                renamed[name].clone_from(reads);
            }
            *seen.entry(renamed).or_default() += 1;
        }
    };
    let builder = builder.clone().unwind(true).allow_blocked(true);
    let builder = builder.max_executions(MOST);
    let builder = builder.on_restart(move || restarted.lock().unwrap().clear());
    let report = builder.check(program);
    let progress = report.progress;
    let ends = std::mem::take(&mut *all.lock().unwrap());
    (progress.executions, progress.blocked, ends)
}

fn total(ends: &Ends) -> u64 {
    ends.values().sum()
}

/// Turns of a word: one order of all of them.
#[test]
fn threads_that_take_turns_have_one_order() {
    let body: Body<[AtomicU64; 2]> = |words, alike, nth| {
        alike.wait(nth);
        let turn = words[0].fetch_add(1, Relaxed);
        alike.come(nth);
        words[1].load_until(Until::is(turn), Acquire);
        words[1].store(turn + 1, Release);
        vec![turn]
    };
    for (count, all) in [(2, 2), (3, 6), (4, 24), (5, 120)] {
        let (executions, blocked, sorted) = ends(&Builder::new(), count, body);
        assert_eq!((executions, blocked, total(&sorted)), (1, 0, all));
        let apart = ends(&Builder::new().reduce(APART), count, body);
        assert_eq!((apart.0, apart.2), (all, sorted));
    }
}

/// Three threads that write 42, one that writes 0, and one that tries to write 0 for 42: 120 executions,
/// of which the three are one in six (`retries::updates_that_take_no_heed_of_the_value`).
#[test]
fn updates_by_threads_that_are_alike() {
    let update = |word: &AtomicU64, value| word.fetch_update(Relaxed, Relaxed, |_| Some(value));
    let make = move || {
        let word = Arc::<AtomicU64>::default();
        let (zero, last) = (word.clone(), word.clone());
        thread::spawn(move || update(&zero, 0));
        thread::spawn(move || last.compare_exchange(42, 0, Relaxed, Relaxed));
        move |alike: &Alike, nth: usize| {
            alike.wait(nth);
            let read = update(&word, 42);
            alike.come(nth);
            read.into_iter().collect()
        }
    };
    let (executions, _, sorted) = found(&Builder::new(), 3, make);
    assert_eq!((executions, total(&sorted)), (20, 120));
    let apart = found(&Builder::new().reduce(APART), 3, make);
    assert_eq!((apart.0, apart.2), (120, sorted));
}

/// Some come and some do not: those that do have any names.
#[test]
fn threads_that_do_not_come() {
    let body: Body<AtomicU64> = |word, alike, nth| {
        if choose(2) == 0 {
            return vec![];
        }
        alike.wait(nth);
        let turn = word.fetch_add(1, Relaxed);
        alike.come(nth);
        vec![turn]
    };
    let (executions, blocked, sorted) = ends(&Builder::new(), 3, body);
    // Nobody; one, two or three that come, in one order.
    assert_eq!((executions, blocked), (4, 0));
    let apart = ends(&Builder::new().reduce(APART), 3, body);
    assert_eq!((apart.0, apart.2), (1 + 3 + 6 + 6, sorted));
    let wrong = Builder::new().mutate(Mutation::Peers);
    assert!(ends(&wrong, 3, body).1 > 0, "a thread waits for ever");
}

/// A lock is held for ever, and the rest wait for it, and not just for each other.
#[test]
fn a_deadlock_of_all_is_found() {
    let body: Body<Mutex<u64>> = |lock, alike, nth| {
        alike.wait(nth);
        let held = lock.lock().unwrap();
        alike.come(nth);
        std::mem::forget(held);
        vec![]
    };
    for count in [2, 3, 4] {
        let (executions, blocked, _) = ends(&Builder::new(), count, body);
        assert_eq!((executions, blocked), (0, 1), "{count}");
    }
    let program = move || {
        let shared = Arc::new((Mutex::new(0), Alike::new(3)));
        for nth in 0..3 {
            let shared = shared.clone();
            thread::spawn(move || body(&shared.0, &shared.1, nth));
        }
    };
    let report = Builder::new().check(program);
    let failure = report.failure().expect("they wait for ever");
    assert_eq!(failure.kind, FailureKind::Deadlock);
}

/// Threads that have points of different locations, and threads that say that they differ, are searched in
/// all orders.
#[test]
fn threads_that_are_not_alike() {
    let apart_at: Body<[AtomicU64; 2]> = |words, alike, nth| {
        alike.wait(nth);
        let word = &words[nth % 2];
        let read = word.fetch_add(1, Relaxed);
        alike.come(nth);
        vec![read]
    };
    let stored: Body<[AtomicU64; 2]> = |words, alike, nth| {
        words[0].store(7, Relaxed);
        alike.wait(nth);
        let read = words[0].fetch_add(1, Relaxed);
        alike.come(nth);
        vec![read]
    };
    let differ: Body<[AtomicU64; 2]> = |words, alike, nth| {
        alike.wait(nth);
        let read = words[0].fetch_add(1 + nth as u64, Relaxed);
        alike.come(nth);
        alike.differ();
        vec![read]
    };
    let none: Body<[AtomicU64; 2]> = |words, alike, nth| {
        alike.wait(nth);
        let read = words[0].load(Relaxed);
        alike.come(nth);
        vec![read]
    };
    for body in [apart_at, stored, differ, none] {
        for count in [2, 3] {
            let all = ends(&Builder::new().reduce(APART), count, body);
            assert_eq!(ends(&Builder::new(), count, body), all);
        }
    }
}

/// A step of a thread. Values are those that all threads write.
#[derive(Clone, Copy, Debug)]
enum Does {
    Load(usize, Ordering),
    Store(usize, u64, Ordering),
    Add(usize, Ordering),
    Fence(Ordering),
    /// A turn of a word that has no other writes.
    Turn(Ordering),
    /// A section of a lock, in which a word is read and written.
    Section(usize),
}

#[derive(Default)]
struct Shared {
    words: [AtomicU64; 2],
    turns: AtomicU64,
    lock: Mutex<()>,
}

fn steps(rng: &mut Rng, count: usize, turns: bool) -> Vec<Does> {
    let step = |_| {
        let at = rng.below(2);
        let mut order = |one: Ordering| [Relaxed, one, one, SeqCst][rng.below(4)];
        let (read, write, both) = (order(Acquire), order(Release), order(AcqRel));
        let fence = [Acquire, Release, AcqRel, SeqCst][rng.below(4)];
        match rng.below(9) {
            0 | 1 => Does::Load(at, read),
            2 | 3 => Does::Store(at, 1 + rng.below(2) as u64, write),
            4 => Does::Add(at, both),
            5 => Does::Fence(fence),
            _ if turns => Does::Turn([Relaxed, AcqRel, SeqCst][rng.below(3)]),
            _ => Does::Section(at),
        }
    };
    (0..count).map(step).collect()
}

fn run(shared: &Shared, steps: &[Does], alike: Option<(&Alike, usize)>) -> Vec<u64> {
    let mut reads = Vec::new();
    let wait = || alike.map(|(alike, nth)| alike.wait(nth));
    let come = || alike.map(|(alike, nth)| alike.come(nth));
    for &step in steps {
        match step {
            Does::Load(at, order) => reads.push(shared.words[at].load(order)),
            Does::Store(at, value, order) => shared.words[at].store(value, order),
            Does::Add(at, order) => reads.push(shared.words[at].fetch_add(1, order)),
            Does::Fence(order) => fence(order),
            Does::Turn(order) => {
                wait();
                reads.push(shared.turns.fetch_add(1, order));
                come();
            }
            Does::Section(at) => {
                wait();
                let _held = shared.lock.lock().unwrap();
                come();
                let word = &shared.words[at];
                let read = word.load(Relaxed);
                word.store(read + 1, Relaxed);
                reads.push(read);
            }
        }
    }
    reads
}

/// Threads that are alike, and one that is not.
#[derive(Debug)]
struct Program {
    count: usize,
    alike: Vec<Does>,
    other: Vec<Does>,
}

impl Program {
    fn new(seed: u64) -> Program {
        let mut rng = Rng::new(seed);
        let (count, length, other) = [(2, 4, 3), (2, 3, 4), (3, 3, 0), (3, 2, 2)][rng.below(4)];
        let turns = rng.below(2) == 0;
        Program {
            count,
            alike: steps(&mut rng, length, turns),
            other: steps(&mut rng, other, turns),
        }
    }

    /// What all executions read in the end. The other thread is the last one.
    fn ends(&self, builder: &Builder) -> (u64, u64, Ends) {
        let (alike, other) = (Arc::new(self.alike.clone()), Arc::new(self.other.clone()));
        found(builder, self.count, move || {
            let (alike, other) = (alike.clone(), other.clone());
            let shared = Arc::<Shared>::default();
            let third = shared.clone();
            thread::spawn(move || run(&third, &other, None));
            move |peers: &Alike, nth: usize| run(&shared, &alike, Some((peers, nth)))
        })
    }
}

/// How many random programs are compared: more if the environment says so.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let said = std::env::var("SEQFAULT_SEEDS").ok();
    0..said.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn they_stand_for_all_executions() {
    let (mut compared, mut saved, mut whole) = (0, 0, 0);
    for seed in seeds(250) {
        let program = Program::new(seed);
        for model in MODELS {
            let builder = Builder::new().model(model);
            let all = program.ends(&builder.clone().reduce(APART));
            if all.0 >= MOST {
                continue;
            }
            let sorted = program.ends(&builder);
            assert_eq!(sorted.2, all.2, "seed {seed}, {model:?}: {program:#?}");
            compared += 1;
            (saved, whole) = (saved + all.0 - sorted.0, whole + all.0);
        }
    }
    println!("{compared} programs, {saved} of {whole} executions are not searched");
    assert!(compared > 500);
    assert!(saved * 4 > whole, "{saved} of {whole}");
}

#[test]
fn without_turns_they_stand_for_too_many() {
    let noticed = seeds(100).any(|seed| {
        let program = Program::new(seed);
        let all = program.ends(&Builder::new().reduce(APART));
        let wrong = program.ends(&Builder::new().mutate(Mutation::Turns));
        all.0 < MOST && wrong.2 != all.2
    });
    assert!(noticed);
}
