//! What a model needs of a checker, and the checkers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use seqfault_explorer::{Builder, Model, Verdict};

use crate::scene::Scene;

/// The primitives of a checker, and its search.
pub trait Checker: Sized + 'static {
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
    /// Searches for so long at most.
    fn search(cap: Duration, program: impl Fn() + Send + Sync + 'static) -> Search;
}

/// What a checker says of its search.
pub struct Search {
    /// Did it end by itself?
    pub complete: bool,
    /// Runs that were given up: other runs stand for them.
    pub moot: u64,
}

/// The three crates have the names of std, so one text serves.
macro_rules! checker {
    ($name:ident, $title:literal, $krate:ident, $cell:ty, $search:expr) => {
        /// One of the checkers.
        pub struct $name;

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
            fn search(cap: Duration, program: impl Fn() + Send + Sync + 'static) -> Search {
                $search(cap, program)
            }
        }
    };
}

type Checked = seqfault_explorer::cell::UnsafeCell<()>;
checker!(
    Rc11,
    "explorer, RC11",
    seqfault_explorer,
    Checked,
    |cap, p| { explorer(Model::Rc11, cap, p) }
);
checker!(Sc, "explorer, SC", seqfault_explorer, Checked, |cap, p| {
    explorer(Model::Sc, cap, p)
});
checker!(Loom, "loom", loom, loom::cell::UnsafeCell<()>, loom);
checker!(Shuttle, "shuttle, DFS", shuttle, Unchecked, shuttle);

/// Plain memory for shuttle, which has none of its own: races are not seen.
pub struct Unchecked;

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

fn explorer(model: Model, cap: Duration, program: impl Fn() + Send + Sync + 'static) -> Search {
    let report = Builder::new().model(model).max_time(cap).check(program);
    if let Verdict::Fail(failure) = &report.verdict {
        panic!("{failure}");
    }
    Search {
        complete: report.passed(),
        moot: report.progress.moot,
    }
}

fn loom(cap: Duration, program: impl Fn() + Send + Sync + 'static) -> Search {
    let mut builder = loom::model::Builder::new();
    builder.max_threads = loom::MAX_THREADS;
    builder.max_branches = 20_000;
    builder.max_duration = Some(cap);
    // loom looks at its clock once in so many executions.
    builder.checkpoint_interval = 500;
    timed(cap, || builder.check(program))
}

fn shuttle(cap: Duration, program: impl Fn() + Send + Sync + 'static) -> Search {
    let mut config = shuttle::Config::new();
    config.max_time = Some(cap);
    config.silence_warnings = true;
    config.failure_persistence = shuttle::FailurePersistence::None;
    let scheduler = shuttle::scheduler::DfsScheduler::new(None, false);
    timed(cap, || {
        shuttle::Runner::new(scheduler, config).run(program);
    })
}

/// loom and shuttle return in the same way when they are done and when they give up.
fn timed(cap: Duration, search: impl FnOnce()) -> Search {
    let started = Instant::now();
    search();
    Search {
        complete: started.elapsed() < cap,
        moot: 0,
    }
}
