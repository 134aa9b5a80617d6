//! Runs an enumerator's program on loom.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex as StdMutex, Once};

use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::sync::{Condvar, Mutex, MutexGuard};
use seqfault_oracle::{Instr, Order, Program};

/// What the threads read, in the order of [`seqfault_oracle::Outcome::reads`].
pub type Reads = Vec<Vec<u64>>;

/// Where loom gets scheduling points that it does not have by itself.
///
/// A point is a `notify_all` of a condition variable that no thread waits for: to loom it conflicts
/// with every other point of that variable, and it moves no causality. So points change which
/// interleavings are tried, and nothing about what an interleaving may yield.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// Before each access, one variable for each word.
    pub accesses: bool,
    /// Before each `SeqCst` fence, one variable for all.
    pub fences: bool,
    /// Before each acquisition and release of a mutex, one variable for each mutex.
    pub mutexes: bool,
}

/// What loom finds.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The outcomes.
    pub outcomes: BTreeSet<Reads>,
    /// The first line of its panic, if it gave up.
    pub stopped: Option<String>,
}

/// More branches than any program here needs.
const MAX_BRANCHES: usize = 10_000;

/// Explores a program on loom, to the end.
pub fn run(program: &Program) -> Found {
    let (outcomes, stopped) = explore(program, Points::default(), None);
    Found { outcomes, stopped }
}

/// The outcomes with these points, until all that are wanted are among them.
pub fn run_until(program: &Program, points: Points, wanted: &BTreeSet<Reads>) -> BTreeSet<Reads> {
    explore(program, points, Some(wanted.clone())).0
}

fn explore(
    program: &Program,
    points: Points,
    wanted: Option<BTreeSet<Reads>>,
) -> (BTreeSet<Reads>, Option<String>) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = MAX_BRANCHES;
    builder.max_threads = loom::MAX_THREADS;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = None;
    builder.checkpoint_file = None;
    builder.location = false;
    builder.log = false;
    let search = Arc::new(Search {
        program: program.clone(),
        points,
        wanted,
        outcomes: StdMutex::default(),
    });
    let model = {
        let search = search.clone();
        move || search.execution()
    };
    let stopped = quietly(|| builder.check(model)).err();
    let outcomes = search.outcomes.lock().unwrap().clone();
    (outcomes, stopped)
}

struct Search {
    program: Program,
    points: Points,
    wanted: Option<BTreeSet<Reads>>,
    outcomes: StdMutex<BTreeSet<Reads>>,
}

impl Search {
    fn execution(self: &Arc<Search>) {
        let threads = self.program.threads.len();
        let world = Arc::new(World::new(&self.program, self.points));
        let reads = Arc::new(StdMutex::new(vec![Vec::new(); threads]));
        let running = Arc::new(AtomicUsize::new(threads));
        let body = |i: usize| {
            let (search, world) = (self.clone(), world.clone());
            let (reads, running) = (reads.clone(), running.clone());
            move || {
                let found = world.thread(&search.program.threads[i]);
                reads.lock().unwrap()[i] = found;
                // Joining would multiply the executions: the last thread to stop records.
                if running.fetch_sub(1, SeqCst) == 1 {
                    let reads = reads.lock().unwrap().clone();
                    search.record(reads);
                }
            }
        };
        (1..threads).for_each(|i| drop(loom::thread::spawn(body(i))));
        body(0)();
    }

    /// Keeps an outcome, and stops loom by a panic once none is wanted any more.
    fn record(&self, reads: Reads) {
        let mut outcomes = self.outcomes.lock().unwrap();
        let new = outcomes.insert(reads);
        let wanted = self.wanted.as_ref();
        let enough = new && wanted.is_some_and(|wanted| wanted.is_subset(&outcomes));
        drop(outcomes);
        assert!(!enough, "all that is wanted is found");
    }
}

struct World {
    points: Points,
    words: Vec<(Condvar, AtomicU64)>,
    mutexes: Vec<(Condvar, Mutex<()>)>,
    fences: Condvar,
}

impl World {
    fn new(program: &Program, points: Points) -> World {
        let word = |_| (Condvar::new(), AtomicU64::new(0));
        let mutex = |_| (Condvar::new(), Mutex::new(()));
        World {
            points,
            words: (0..program.locations).map(word).collect(),
            mutexes: (0..program.mutexes).map(mutex).collect(),
            fences: Condvar::new(),
        }
    }

    /// The word, about to be accessed.
    fn word(&self, loc: usize) -> &AtomicU64 {
        let (point, word) = &self.words[loc];
        if self.points.accesses {
            point.notify_all();
        }
        word
    }

    /// The mutex, about to be acquired or released.
    fn mutex(&self, m: usize) -> &Mutex<()> {
        let (point, mutex) = &self.mutexes[m];
        if self.points.mutexes {
            point.notify_all();
        }
        mutex
    }

    fn thread(&self, instrs: &[Instr]) -> Vec<u64> {
        let mut reads = Vec::new();
        let mut held: Vec<(usize, Option<MutexGuard<'_, ()>>)> = Vec::new();
        for instr in instrs {
            match *instr {
                Instr::Lock(m) => held.push((m, Some(self.mutex(m).lock().unwrap()))),
                Instr::TryLock(m) => {
                    let guard = self.mutex(m).try_lock().ok();
                    reads.push(u64::from(guard.is_some()));
                    held.push((m, guard));
                }
                Instr::Unlock(m) => {
                    let at = held.iter().rposition(|(other, _)| *other == m).unwrap();
                    self.mutex(m);
                    drop(held.remove(at));
                }
                Instr::Fence { ord } => {
                    if self.points.fences && ord == Order::SeqCst {
                        self.fences.notify_all();
                    }
                    fence(order(ord));
                }
                access => self.access(access, &mut reads),
            }
        }
        reads
    }

    fn access(&self, instr: Instr, reads: &mut Vec<u64>) {
        match instr {
            Instr::Load { loc, ord } => reads.push(self.word(loc).load(order(ord))),
            Instr::Store { loc, value, ord } => self.word(loc).store(value, order(ord)),
            Instr::StoreLoaded {
                loc,
                from_read,
                add,
                ord,
            } => {
                let value = reads[from_read].wrapping_add(add);
                self.word(loc).store(value, order(ord));
            }
            Instr::FetchAdd { loc, add, ord } => {
                reads.push(self.word(loc).fetch_add(add, order(ord)));
            }
            Instr::Swap { loc, value, ord } => {
                reads.push(self.word(loc).swap(value, order(ord)));
            }
            Instr::CompareExchange {
                loc,
                expected,
                new,
                success,
                failure,
            } => {
                let orders = (order(success), order(failure));
                let word = self.word(loc);
                let result = word.compare_exchange(expected, new, orders.0, orders.1);
                reads.push(result.unwrap_or_else(|old| old));
            }
            other => unreachable!("{other} is in no program here"),
        }
    }
}

fn order(order: Order) -> Ordering {
    match order {
        Order::Relaxed => Ordering::Relaxed,
        Order::Acquire => Ordering::Acquire,
        Order::Release => Ordering::Release,
        Order::AcqRel => Ordering::AcqRel,
        Order::SeqCst => Ordering::SeqCst,
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `check` without the message of its panic, and returns the first line of that.
fn quietly(check: impl FnOnce()) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(check));
    QUIET.set(false);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or(payload.downcast_ref::<&str>().copied());
        text.and_then(|text| text.lines().find(|line| !line.trim().is_empty()))
            .unwrap_or("a panic without a message")
            .trim()
            .to_owned()
    })
}
