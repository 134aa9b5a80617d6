//! The explorer, loom and shuttle (depth first) on the same models: how many
//! executions each runs, how many of them differ, and how long that takes.
//!
//! A model is written once, over [`Checker`]. A thread of a model returns what it
//! read and which turn it had at each lock; what all threads return is the
//! outcome, and two executions with one outcome are the same to the program.
//!
//! # What keeps it fair
//! - Nothing is joined and nothing but primitives belongs to a checker: the last
//!   thread to end records the outcome in std state. Joins and loom's `Arc` would
//!   multiply loom's executions.
//! - Every search has [`CAP`]. One that reaches it is marked as stopped.
//! - A search of less than a second is made three times; the fastest counts.
//! - Memory models differ: RC11, nearly RC11 (loom), SC (shuttle). So the explorer
//!   runs under RC11, to compare with loom, and under SC, to compare with shuttle.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use seqfault_explorer::{Builder, Model, Verdict};

/// The time that a search may take.
const CAP: Duration = Duration::from_secs(20);
/// Searches below this are made three times.
const SHORT: Duration = Duration::from_secs(1);

/// The primitives of a checker, and its search.
trait Checker: Sized + 'static {
    const NAME: &'static str;
    type Word;
    /// A lock around the number of sections so far.
    type Lock;
    /// Plain memory.
    type Cell;

    fn word(value: u64) -> Self::Word;
    fn load(word: &Self::Word, order: Ordering) -> u64;
    fn store(word: &Self::Word, value: u64, order: Ordering);
    fn swap(word: &Self::Word, value: u64, order: Ordering) -> u64;
    fn fetch_add(word: &Self::Word, by: u64, order: Ordering) -> u64;
    fn fence(order: Ordering);
    fn lock() -> Self::Lock;
    /// A critical section; it is told how many there were before.
    fn section<R>(lock: &Self::Lock, f: impl FnOnce(u64) -> R) -> R;
    fn cell() -> Self::Cell;
    fn read(cell: &Self::Cell);
    fn write(cell: &Self::Cell);
    fn spawn(scene: Arc<Scene<Self>>, me: usize);
    fn search(program: impl Fn() + Send + Sync + 'static) -> Search;
}

/// What a checker says of its search.
struct Search {
    complete: bool,
    /// Runs that were given up: other runs stand for them.
    moot: u64,
}

/// The three crates have the names of std, so one text serves.
macro_rules! checker {
    ($name:ident, $title:literal, $krate:ident, $cell:ty, $search:expr) => {
        struct $name;

        impl Checker for $name {
            const NAME: &'static str = $title;
            type Word = $krate::sync::atomic::AtomicU64;
            type Lock = $krate::sync::Mutex<u64>;
            type Cell = $cell;

            fn word(value: u64) -> Self::Word {
                Self::Word::new(value)
            }
            fn load(word: &Self::Word, order: Ordering) -> u64 {
                word.load(order)
            }
            fn store(word: &Self::Word, value: u64, order: Ordering) {
                word.store(value, order);
            }
            fn swap(word: &Self::Word, value: u64, order: Ordering) -> u64 {
                word.swap(value, order)
            }
            fn fetch_add(word: &Self::Word, by: u64, order: Ordering) -> u64 {
                word.fetch_add(by, order)
            }
            fn fence(order: Ordering) {
                $krate::sync::atomic::fence(order);
            }
            fn lock() -> Self::Lock {
                Self::Lock::new(0)
            }
            fn section<R>(lock: &Self::Lock, f: impl FnOnce(u64) -> R) -> R {
                let mut count = lock.lock().unwrap();
                *count += 1;
                f(*count - 1)
            }
            fn cell() -> Self::Cell {
                Self::Cell::new(())
            }
            fn read(cell: &Self::Cell) {
                cell.with(|_| ());
            }
            fn write(cell: &Self::Cell) {
                cell.with_mut(|_| ());
            }
            fn spawn(scene: Arc<Scene<Self>>, me: usize) {
                drop($krate::thread::spawn(move || scene.play(me)));
            }
            fn search(program: impl Fn() + Send + Sync + 'static) -> Search {
                $search(program)
            }
        }
    };
}

type Checked = seqfault_explorer::cell::UnsafeCell<()>;
checker!(Rc11, "explorer, RC11", seqfault_explorer, Checked, |p| {
    explorer(Model::Rc11, p)
});
checker!(Sc, "explorer, SC", seqfault_explorer, Checked, |p| {
    explorer(Model::Sc, p)
});
checker!(Loom, "loom", loom, loom::cell::UnsafeCell<()>, loom);
checker!(Shuttle, "shuttle, DFS", shuttle, Unchecked, shuttle);

/// Plain memory for shuttle, which has none of its own: races are not seen.
struct Unchecked;

impl Unchecked {
    fn new((): ()) -> Unchecked {
        Unchecked
    }

    fn with(&self, f: impl FnOnce(())) {
        f(());
    }

    fn with_mut(&self, f: impl FnOnce(())) {
        f(());
    }
}

fn explorer(model: Model, program: impl Fn() + Send + Sync + 'static) -> Search {
    let report = Builder::new().model(model).max_time(CAP).check(program);
    if let Verdict::Fail(failure) = &report.verdict {
        panic!("{failure}");
    }
    Search {
        complete: report.passed(),
        moot: report.progress.moot,
    }
}

fn loom(program: impl Fn() + Send + Sync + 'static) -> Search {
    let mut builder = loom::model::Builder::new();
    builder.max_threads = loom::MAX_THREADS;
    builder.max_branches = 20_000;
    builder.max_duration = Some(CAP);
    // loom looks at its clock once in so many executions.
    builder.checkpoint_interval = 500;
    timed(|| builder.check(program))
}

fn shuttle(program: impl Fn() + Send + Sync + 'static) -> Search {
    let mut config = shuttle::Config::new();
    config.max_time = Some(CAP);
    config.silence_warnings = true;
    config.failure_persistence = shuttle::FailurePersistence::None;
    let scheduler = shuttle::scheduler::DfsScheduler::new(None, false);
    timed(|| {
        shuttle::Runner::new(scheduler, config).run(program);
    })
}

/// loom and shuttle return in the same way when they are done and when they give up.
fn timed(search: impl FnOnce()) -> Search {
    let started = Instant::now();
    search();
    Search {
        complete: started.elapsed() < CAP,
        moot: 0,
    }
}

struct Memory<C: Checker> {
    words: Vec<C::Word>,
    locks: Vec<C::Lock>,
    life: C::Cell,
}

type Thread<C> = fn(&Memory<C>, usize) -> Vec<u64>;

/// A model: name, first values of the words, number of locks, threads.
struct Test<C: Checker>(&'static str, &'static [u64], usize, Vec<Thread<C>>);

/// What the executions of one search have shown.
#[derive(Default)]
struct Seen {
    executions: AtomicU64,
    outcomes: std::sync::Mutex<HashSet<Vec<Vec<u64>>>>,
}

/// One execution.
struct Scene<C: Checker> {
    memory: Memory<C>,
    threads: Vec<Thread<C>>,
    left: AtomicUsize,
    outcome: std::sync::Mutex<Vec<Vec<u64>>>,
    seen: Arc<Seen>,
}

impl<C: Checker> Scene<C> {
    fn play(&self, me: usize) {
        let read = self.threads[me](&self.memory, me);
        let mut outcome = self.outcome.lock().unwrap();
        outcome[me] = read;
        if self.left.fetch_sub(1, Relaxed) == 1 {
            self.seen.executions.fetch_add(1, Relaxed);
            let outcome = std::mem::take(&mut *outcome);
            self.seen.outcomes.lock().unwrap().insert(outcome);
        }
    }
}

/// The thread that unmaps: unhooks the table, clears it, waits for the readers, frees.
fn free_table<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    let mut read = vec![C::swap(&m.words[0], 0, AcqRel)];
    C::section(&m.locks[0], |turn| {
        let cleared = [1, 2].map(|pte| C::swap(&m.words[pte], 0, Relaxed));
        read.extend([turn, cleared[0], cleared[1]]);
    });
    for rcu in &m.locks[1..] {
        read.push(C::section(rcu, |turn| turn));
    }
    C::write(&m.life);
    read
}

/// A thread that faults: the page-table lock is in the table that may be freed.
fn fault<C: Checker>(m: &Memory<C>, me: usize) -> Vec<u64> {
    C::section(&m.locks[me], |rcu| {
        let pmd = C::load(&m.words[0], Acquire);
        if pmd == 0 {
            return vec![rcu, pmd];
        }
        C::read(&m.life);
        C::section(&m.locks[0], |turn| {
            let again = C::load(&m.words[0], Relaxed);
            if again != 0 {
                C::store(&m.words[me], 1, Relaxed);
            }
            vec![rcu, pmd, turn, again]
        })
    })
}

/// The count is kept in the mutex: loom misses outcomes if the word is read back.
fn write_pair<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    C::section(&m.locks[0], |turn| {
        C::store(&m.words[0], 2 * turn + 1, Relaxed);
        C::fence(Release);
        C::store(&m.words[1], turn + 1, Relaxed);
        C::store(&m.words[2], turn + 1, Relaxed);
        C::store(&m.words[0], 2 * turn + 2, Release);
        vec![turn]
    })
}

fn read_pair<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    let before = C::load(&m.words[0], Acquire);
    let pair = [1, 2].map(|at| C::load(&m.words[at], Relaxed));
    C::fence(Acquire);
    let after = C::load(&m.words[0], Relaxed);
    if before == after && before.is_multiple_of(2) {
        assert_eq!(pair[0], pair[1], "a torn pair");
    }
    vec![before, pair[0], pair[1], after]
}

fn buffer<C: Checker>(m: &Memory<C>, me: usize) -> Vec<u64> {
    C::store(&m.words[me], 1, Relaxed);
    vec![C::load(&m.words[1 - me], Relaxed)]
}

fn add<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    vec![C::fetch_add(&m.words[0], 1, Relaxed)]
}

fn two_sections<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    let turn = || C::section(&m.locks[0], |turn| turn);
    vec![turn(), turn()]
}

fn tests<C: Checker>() -> Vec<Test<C>> {
    let ptl: Vec<Thread<C>> = vec![free_table, fault, fault];
    let pairs: Vec<Thread<C>> = vec![write_pair, write_pair, read_pair, read_pair];
    vec![
        Test("store buffering", &[0, 0], 0, vec![buffer; 2]),
        Test("3 threads fetch_add", &[0], 0, vec![add; 3]),
        Test("4 threads fetch_add", &[0], 0, vec![add; 4]),
        Test("3 threads, 2 sections", &[], 1, vec![two_sections; 3]),
        Test("ptl against free, 2 faults", &[1, 0, 0], 3, ptl),
        Test("sequence count 2+2", &[0, 0, 0], 1, pairs),
    ]
}

fn execute<C: Checker>(test: &Test<C>, seen: &Arc<Seen>) {
    let count = test.3.len();
    let scene = Arc::new(Scene {
        memory: Memory {
            words: test.1.iter().map(|&value| C::word(value)).collect(),
            locks: (0..test.2).map(|_| C::lock()).collect(),
            life: C::cell(),
        },
        threads: test.3.clone(),
        left: AtomicUsize::new(count),
        outcome: std::sync::Mutex::new(vec![Vec::new(); count]),
        seen: seen.clone(),
    });
    for me in 1..count {
        C::spawn(scene.clone(), me);
    }
    scene.play(0);
}

/// A search, measured: its time, whether it is complete, and its line of the table.
type Row = (Duration, bool, String);

fn once<C: Checker>(at: usize) -> (Search, Arc<Seen>, Duration) {
    let seen = Arc::new(Seen::default());
    let test = tests::<C>().swap_remove(at);
    let started = Instant::now();
    let search = C::search({
        let seen = seen.clone();
        move || execute(&test, &seen)
    });
    (search, seen, started.elapsed())
}

fn measure<C: Checker>(at: usize) -> Row {
    let (search, seen, mut time) = once::<C>(at);
    for _ in 0..2 {
        if time < SHORT {
            time = time.min(once::<C>(at).2);
        }
    }
    let name = tests::<C>()[at].0;
    let executions = seen.executions.load(Relaxed);
    let outcomes = seen.outcomes.lock().unwrap().len();
    let rate = executions as f64 / time.as_secs_f64();
    let end = if search.complete {
        "complete"
    } else {
        "**stopped**"
    };
    let line = format!(
        "| {name} | {} | {executions} | {} | {outcomes} | {time:.2?} | {rate:.0} | {end} |",
        C::NAME,
        search.moot,
    );
    (time, search.complete, line)
}

fn all<C: Checker>() -> Vec<Row> {
    (0..tests::<C>().len()).map(measure::<C>).collect()
}

fn main() {
    println!("Each search is stopped after {CAP:?}.\n");
    println!(
        "| model | checker | executions | moot | outcomes | time | executions/s | search |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    );
    // shuttle is last: its panic hook stays, and slows what others cancel.
    let rows = [all::<Rc11>(), all::<Sc>(), all::<Loom>(), all::<Shuttle>()];
    for at in 0..rows[0].len() {
        for row in &rows {
            println!("{}", row[at].2);
        }
    }
    println!("\nTime of loom, in times of the explorer under RC11:");
    for (at, test) in tests::<Rc11>().iter().enumerate() {
        let [ours, _, loom, _] = rows.each_ref().map(|row| &row[at]);
        let times = loom.0.as_secs_f64() / ours.0.as_secs_f64();
        let least = if loom.1 { "" } else { "over " };
        println!("- {}: {least}{times:.0}", test.0);
    }
}
