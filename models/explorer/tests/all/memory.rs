//! What a search holds is linear in the length of an execution: a constant for each
//! event, however many alternatives there are and however deep revisits are nested.
//!
//! The constant is measured with room for one graph, where it shows early; with the
//! default, it is as many times larger.

use std::sync::Arc;

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::*;
use seqfault_explorer::{Builder, Progress, thread};

/// A program of a family that grows.
type Member = Box<dyn Fn() + Send + Sync>;

fn increments(threads: usize, each: usize) -> Member {
    Box::new(move || {
        let x = Arc::new(AtomicU64::new(0));
        for _ in 0..threads {
            let x = x.clone();
            thread::spawn(move || {
                for _ in 0..each {
                    x.fetch_add(1, Relaxed);
                }
            });
        }
    })
}

fn writers(each: u64) -> Member {
    Box::new(move || {
        let x = Arc::new(AtomicU64::new(0));
        for i in 0..2 {
            let x = x.clone();
            thread::spawn(move || {
                for k in 0..each {
                    x.store(i * each + k, Relaxed);
                }
            });
        }
    })
}

fn readers(each: u64) -> Member {
    Box::new(move || {
        let x = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        for i in 0..2 {
            let x = x.clone();
            thread::spawn(move || {
                for k in 0..each {
                    x[i].store(k, Relaxed);
                    x[1 - i].load(Relaxed);
                }
            });
        }
    })
}

/// Every write of the last thread may be read by each read and stand after each write.
fn crossings(each: u64) -> Member {
    Box::new(move || {
        let x = Arc::new(AtomicU64::new(0));
        let (writes, reads) = (x.clone(), x.clone());
        thread::spawn(move || (0..each).for_each(|k| writes.store(k, Relaxed)));
        thread::spawn(move || (0..each).for_each(|_| _ = reads.load(Relaxed)));
        thread::spawn(move || (0..each).for_each(|k| x.store(each + k, Relaxed)));
    })
}

fn sections(threads: usize, each: usize) -> Member {
    Box::new(move || {
        let x = Arc::new(Mutex::new(0));
        for _ in 0..threads {
            let x = x.clone();
            thread::spawn(move || {
                for _ in 0..each {
                    *x.lock().unwrap() += 1;
                }
            });
        }
    })
}

/// Searches a part of each, and holds bytes to a constant for each event.
fn family(name: &str, members: impl IntoIterator<Item = Member>, keep: usize, bound: usize) {
    let mut first: Option<Progress> = None;
    let mut last = None;
    for member in members {
        let builder = Builder::new().max_executions(6_000).keep(keep);
        let report = builder.check(member);
        assert!(report.failure().is_none(), "{name}: {:?}", report.verdict);
        let progress = report.progress;
        let (memory, events) = (progress.memory, progress.max_events);
        println!(
            "{name}, {keep} graphs: {} runs, {events} events, {memory} bytes, {} by event",
            progress.runs(),
            memory / events,
        );
        assert!(memory <= bound * events, "{name}: {progress:?}");
        // A graph is never smaller: the accounting leaves nothing out.
        assert!(memory >= 100 * events, "{name}: {progress:?}");
        first.get_or_insert(progress.clone());
        last = Some(progress);
    }
    let (first, last) = (first.expect("a member"), last.expect("a member"));
    assert!(last.runs() >= 100 * first.runs() && last.max_events >= 4 * first.max_events);
}

/// Without a revisit, one graph and what it leaves.
#[test]
fn writes_take_little() {
    family("2 writers", [1, 2, 4, 8, 16, 32, 64].map(writers), 16, 256);
}

#[test]
fn memory_is_linear() {
    for (keep, bound) in [(1, 400), (16, 3_000)] {
        let members = [1, 2, 4, 8, 16, 32, 64].map(|each| increments(3, each));
        family("3 threads of increments", members, keep, bound);
        let members = [1, 2, 4, 8, 16, 32, 64].map(readers);
        family("2 writers that read", members, keep, bound);
        let members = [1, 2, 4, 8, 16, 32, 64].map(crossings);
        family("crossings", members, keep, bound);
        let members = [1, 2, 4, 8, 16, 32].map(|each| sections(2, each));
        family("2 threads of sections", members, keep, bound);
        let members = [1, 2, 4, 8, 16].map(|each| sections(4, each));
        family("4 threads of sections", members, keep, bound);
    }
}
