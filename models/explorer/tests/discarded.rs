//! Runs that are thrown away: no code of the program runs in them, and what they take is
//! known.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as StdAtomicU64, Ordering::SeqCst};

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::AtomicPtr;
use seqfault_explorer::sync::atomic::Ordering::Relaxed;
use seqfault_explorer::{Builder, FailureKind, Progress, Reduce, thread};

/// Counts what this OS thread has allocated and not freed.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LIVE.try_with(|live| live.set(live.get() + layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        let _ = LIVE.try_with(|live| live.set(live.get() - layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(data, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Threads that wait for a mutex: three runs of four are thrown away.
fn contended(threads: usize, sections: usize, held: impl Fn() + Send + Sync) {
    let mutex = Arc::new(Mutex::new([0_u64; 8]));
    let handles: Vec<_> = (0..threads)
        .map(|_| {
            let mutex = mutex.clone();
            thread::spawn(move || {
                for _ in 0..sections {
                    mutex.lock().unwrap()[0] += 1;
                }
            })
        })
        .collect();
    held();
    for handle in handles {
        handle.join().unwrap();
    }
}

/// Owns a node, by the pointer that was swapped in last.
struct Owner(AtomicPtr<u64>);

impl Owner {
    fn new() -> Owner {
        let owner = Owner(AtomicPtr::new(Box::into_raw(Box::new(1))));
        let old = owner.0.swap(Box::into_raw(Box::new(2)), Relaxed);
        // SAFETY: only this thread has had it.
        drop(unsafe { Box::from_raw(old) });
        owner
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: the node is the owner's.
        let node = unsafe { Box::from_raw(self.0.load(Relaxed)) };
        assert_eq!(*node, 2, "the node that was there first was freed");
    }
}

#[test]
fn no_destructor_runs() {
    let dropped = Arc::new(StdAtomicU64::new(0));
    struct Told(Arc<StdAtomicU64>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let tells = dropped.clone();
    let found = Builder::new()
        .reduce(Reduce::NONE)
        .check(move || {
            let owner = Owner::new();
            let told = Told(tells.clone());
            contended(3, 2, || ());
            drop((owner, told));
        })
        .unwrap();
    assert!(found.moot > found.executions / 4, "{found:?}");
    assert_eq!(dropped.load(SeqCst), found.executions);
    // Nor does a thread that is forgotten keep the program.
    assert_eq!(Arc::strong_count(&dropped), 1 + found.moot as usize);
}

/// The first failure is told, and the values that are dropped then are those of the run.
#[test]
fn a_panic_finds_the_last_values() {
    for unwind in [false, true] {
        let report = Builder::new().unwind(unwind).check(|| {
            let _owner = Owner::new();
            contended(2, 1, || panic!("as planned"));
        });
        let failure = report.failure().expect("a failure");
        assert_eq!(failure.kind, FailureKind::Panic);
        assert!(failure.message.contains("as planned"), "{failure}");
    }
}

#[test]
fn a_destructor_that_is_unwound_finds_the_last_values() {
    let program = || {
        let _owner = Owner::new();
        contended(3, 2, || ());
    };
    let found = Builder::new()
        .reduce(Reduce::NONE)
        .unwind(true)
        .check(program)
        .unwrap();
    let forgotten = Builder::new().reduce(Reduce::NONE).check(program).unwrap();
    let counts = |found: &Progress| (found.executions, found.moot);
    assert_eq!(counts(&found), counts(&forgotten));
}

/// What a search leaves allocated for each run that it throws away.
fn leaked(unwind: bool, threads: usize, sections: usize) -> (f64, u64) {
    let before = LIVE.get();
    let report = Builder::new()
        .reduce(Reduce::NONE)
        .unwind(unwind)
        .max_executions(2_000)
        .check(move || contended(threads, sections, || ()));
    let moot = report.progress.moot;
    drop(report);
    ((LIVE.get() - before) as f64 / moot as f64, moot)
}

#[test]
fn what_is_leaked_is_what_the_program_had() {
    let (bytes, moot) = leaked(false, 3, 4);
    println!("{bytes:.0} bytes for each of {moot} runs that are forgotten");
    assert!(moot > 1_000, "{moot}");
    // The mutex, a vector of three handles, and the place for the result of each.
    assert!(bytes < 600.0, "{bytes}");
    let (bytes, moot) = leaked(true, 3, 4);
    println!("{bytes:.3} bytes for each of {moot} runs that are unwound");
    assert!(bytes < 1.0, "{bytes}");
}
