//! Loops whose first iteration is cut where it leads back to their head: nothing is lost.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as StdMutex};

use seqfault_explorer::graph::Graph;
use seqfault_explorer::mutation::Mutation;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
use seqfault_explorer::{Builder, FailureKind, Model, Reduce, Report, Verdict, spin, thread};
use seqfault_oracle::random::Rng;

const MODELS: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];
const CUT: Reduce = Reduce {
    loops: true,
    ..Reduce::ALL
};
/// Programs with more executions are not compared.
const MOST: u64 = 300;

fn cut() -> Builder {
    Builder::new().reduce(CUT)
}

fn defect() -> Builder {
    cut().mutate(Mutation::Heads)
}

#[track_caller]
fn gives_up(report: &Report) {
    let failure = report.failure().expect("a failure");
    assert_eq!(failure.kind, FailureKind::Panic, "{failure}");
    assert!(failure.message.contains("given up"), "{failure}");
}

/// A thread waits for a flag, and then reads a word that was written before the flag was set,
/// which nothing orders.
fn stale(builder: &Builder, wait: impl Fn(&AtomicU64) -> bool + Send + Sync + 'static) -> Report {
    builder.clone().check(move || {
        let words = Arc::new([(); 2].map(|()| AtomicU64::new(0)));
        let sets = words.clone();
        thread::spawn(move || {
            sets[1].store(1, Relaxed);
            sets[0].store(1, Relaxed);
        });
        let waited = wait(&words[0]);
        let word = words[1].load(Relaxed);
        assert!(!waited || word == 1, "given up");
    })
}

/// In a register.
fn remembers(flag: &AtomicU64) -> bool {
    let mut waited = false;
    while flag.load(Relaxed) == 0 {
        waited = true;
        spin();
    }
    waited
}

/// In the frame of a caller.
fn remembers_for_another(flag: &AtomicU64) -> bool {
    #[inline(never)]
    fn wait(flag: &AtomicU64, waited: &mut bool) {
        while flag.load(Relaxed) == 0 {
            *waited = true;
            spin();
        }
    }
    let mut waited = false;
    wait(flag, std::hint::black_box(&mut waited));
    waited
}

/// By what only the first iteration does.
fn has_a_first_iteration(flag: &AtomicU64) -> bool {
    let mut first = true;
    while flag.load(Relaxed) == 0 {
        if first {
            first = false;
        }
        spin();
    }
    !first
}

/// On the heap: the compiler would make a register of it otherwise.
fn remembers_elsewhere(flag: &AtomicU64) -> bool {
    let waited = std::hint::black_box(Box::new(Cell::new(false)));
    while flag.load(Relaxed) == 0 {
        waited.set(true);
        spin();
    }
    waited.get()
}

/// A thread whose stack shows that it has waited is followed in all ways; with the defect, in
/// one.
#[test]
fn what_the_stack_keeps_is_followed() {
    for wait in [remembers, remembers_for_another, has_a_first_iteration] {
        gives_up(&stale(&cut(), wait));
        stale(&defect(), wait).unwrap();
    }
}

/// What it keeps elsewhere is followed in one way, and in all if all loops are.
#[test]
fn what_is_kept_elsewhere_is_followed_in_one_way() {
    gives_up(&stale(&Builder::new(), remembers_elsewhere));
    for at_once in [
        |flag: &AtomicU64| {
            assert!(!remembers_elsewhere(flag), "given up");
            false
        },
        |flag: &AtomicU64| {
            let waited = remembers_elsewhere(flag);
            thread::spawn(move || assert!(!waited, "given up"));
            false
        },
    ] {
        gives_up(&stale(&cut(), at_once));
    }
}

/// A thread that has waited, and waits for ever then, is a deadlock.
#[test]
fn a_thread_that_waits_for_ever_when_it_has_waited() {
    let report = stale(&cut(), |flag| {
        if remembers_elsewhere(flag) {
            while flag.load(Relaxed) == 1 {
                spin();
            }
        }
        false
    });
    let failure = report.failure().expect("a failure");
    assert_eq!(failure.kind, FailureKind::Livelock, "{failure}");
}

/// What a thread of a random program does.
#[derive(Clone, Copy, Debug)]
enum Does {
    Load(usize, Ordering),
    Store(usize, u64, Ordering),
    Add(usize, Ordering),
    /// Waits until a word is so large.
    Wait(usize, u64, Ordering),
    /// Adds one by exchanges.
    Exchange(usize, Ordering),
    /// Reads two words until the first has stayed what it was.
    Pair(usize, usize, Ordering),
}

#[derive(Clone, Debug)]
struct Random {
    threads: Vec<Vec<Does>>,
    /// A thread that has waited fails if it then loads this, or adds to it.
    fails: Option<u64>,
}

impl Random {
    fn new(seed: u64) -> Random {
        let mut rng = Rng::new(seed);
        let count = 2 + rng.below(2);
        let threads = (0..count).map(|_| {
            let length = 2 + usize::from(count == 2);
            (0..length).map(|_| Random::step(&mut rng)).collect()
        });
        Random {
            threads: threads.collect(),
            fails: rng.pick(&[None, Some(0), Some(0), Some(1)]),
        }
    }

    fn step(rng: &mut Rng) -> Does {
        let at = rng.below(2);
        let read = rng.pick(&[Relaxed, Acquire, SeqCst]);
        match rng.below(9) {
            0 | 1 => Does::Load(at, read),
            2 | 3 => Does::Store(
                at,
                1 + rng.below(2) as u64,
                rng.pick(&[Relaxed, Release, SeqCst]),
            ),
            4 => Does::Add(at, rng.pick(&[Relaxed, AcqRel, SeqCst])),
            5 | 6 => Does::Wait(at, 1 + rng.below(2) as u64, read),
            7 => Does::Exchange(at, read),
            _ => Does::Pair(at, 1 - at, read),
        }
    }

    fn run(&self) {
        let words = Arc::new([(); 2].map(|()| AtomicU64::new(0)));
        for does in &self.threads {
            let (does, fails, words) = (does.clone(), self.fails, words.clone());
            thread::spawn(move || perform(&does, fails, &words));
        }
    }
}

fn perform(does: &[Does], fails: Option<u64>, words: &[AtomicU64; 2]) {
    let mut waited = false;
    let looks = |waited: bool, value| assert!(!waited || Some(value) != fails, "given up");
    for step in does {
        match *step {
            Does::Load(at, order) => looks(waited, words[at].load(order)),
            Does::Store(at, value, order) => words[at].store(value, order),
            Does::Add(at, order) => looks(waited, words[at].fetch_add(1, order)),
            Does::Wait(at, least, order) => {
                while words[at].load(order) < least {
                    waited = fails.is_some();
                    spin();
                }
            }
            Does::Exchange(at, order) => loop {
                let old = words[at].load(order);
                looks(waited, old);
                if words[at]
                    .compare_exchange(old, old + 1, AcqRel, order)
                    .is_ok()
                {
                    break;
                }
                spin();
            },
            Does::Pair(at, other, order) => loop {
                let before = words[at].load(order);
                let _ = words[other].load(order);
                if words[at].load(order) == before {
                    looks(waited, before);
                    break;
                }
                spin();
            },
        }
    }
}

/// Does it fail? If not: how many executions there are, how many of them block, and which; and
/// how many moot runs.
type Found = (bool, Option<(u64, u64, BTreeSet<String>)>, u64);

fn found(program: &Random, model: Model, reduce: Reduce, mutation: Mutation) -> Found {
    let graphs = Arc::new(StdMutex::new(BTreeSet::new()));
    let (sink, run) = (graphs.clone(), program.clone());
    let show = move |graph: &Graph| {
        let threads = 0..graph.threads.len() as u32;
        let reads = threads.map(|thread| {
            let events = graph.threads[thread as usize].iter();
            let values = events.map(|&event| graph.value(event));
            values.collect::<Vec<_>>()
        });
        let shown = format!("{:?}", reads.collect::<Vec<_>>());
        sink.lock().unwrap().insert(shown);
    };
    let report = Builder::new()
        .model(model)
        .reduce(reduce)
        .mutate(mutation)
        .allow_blocked(true)
        .max_executions(MOST)
        .on_execution(show)
        .check(move || run.run());
    let (fails, progress) = match &report.verdict {
        Verdict::Fail(failure) => {
            assert!(failure.message.contains("given up"), "{failure}");
            return (true, None, 0);
        }
        Verdict::Pass => (false, report.progress),
        Verdict::Unknown(_) => return (false, None, 0),
    };
    let graphs = std::mem::take(&mut *graphs.lock().unwrap());
    let all = (progress.executions, progress.blocked, graphs);
    (fails, Some(all), progress.moot)
}

/// Random programs have the same executions, and fail alike.
#[test]
fn nothing_is_lost_in_random_loops() {
    let (mut failures, mut compared, mut moot) = (0, 0, [0, 0]);
    for seed in 0..250 {
        let program = Random::new(seed);
        for model in MODELS {
            let all = found(&program, model, Reduce::ALL, Mutation::None);
            let cut = found(&program, model, CUT, Mutation::None);
            let what = || format!("seed {seed}, {model:?}: {program:?}");
            assert_eq!(cut.0, all.0, "{}", what());
            assert_eq!(cut.1, all.1, "{}", what());
            assert!(cut.2 <= all.2, "{} > {}, {}", cut.2, all.2, what());
            failures += u64::from(all.0);
            compared += u64::from(all.1.is_some());
            moot = [moot[0] + cut.2, moot[1] + all.2];
        }
    }
    println!("{failures} fail, {compared} do not; {moot:?} moot runs");
    assert!(failures >= 10 && compared > 500);
    assert!(moot[0] < moot[1]);
}

/// They do not where the stack is not compared.
#[test]
fn random_loops_notice_the_defect() {
    let noticed = (0..500).find(|&seed| {
        let program = Random::new(seed);
        let fails = |mutation| found(&program, Model::Rc11, CUT, mutation).0;
        fails(Mutation::None) && !fails(Mutation::Heads)
    });
    assert!(noticed.is_some(), "it goes unnoticed");
}
