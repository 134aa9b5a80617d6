//! What a search holds grows with the length of an execution, not with the number of
//! executions: linearly in the graph at hand and what it leaves, times the revisits
//! that are nested at any time (see the search's own documentation).

use std::sync::Arc;

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::*;
use seqfault_explorer::{Builder, Progress, thread};

fn search(program: impl Fn() + Send + Sync + 'static) -> Progress {
    let report = Builder::new().max_executions(6_000).check(program);
    assert!(report.failure().is_none(), "{:?}", report.verdict);
    report.progress
}

fn increments(threads: usize, each: usize) -> Progress {
    search(move || {
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

fn writers(each: u64) -> Progress {
    search(move || {
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

fn readers(each: u64) -> Progress {
    search(move || {
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

fn sections(threads: usize, each: usize) -> Progress {
    search(move || {
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

/// Holds bytes to a bound for each of a family of programs that grow, and the
/// executions to growth without one.
fn family(name: &str, members: &[Progress], bound: impl Fn(usize) -> usize) {
    for member in members {
        let (memory, events) = (member.memory, member.max_events);
        println!(
            "{name}: {} runs, {events} events, {memory} bytes, {} by event, {} by square",
            member.runs(),
            memory / events,
            memory / events.pow(2)
        );
        assert!(memory <= bound(events), "{name}: {member:?}");
        // A graph is never smaller: the accounting leaves nothing out.
        assert!(memory >= 100 * events, "{name}: {member:?}");
    }
    let (first, last) = (&members[0], &members[members.len() - 1]);
    assert!(last.runs() >= 100 * first.runs() && last.max_events > first.max_events);
}

/// Without a revisit, one graph and what it leaves.
#[test]
fn writes_take_linear_memory() {
    let members = [1, 2, 4, 8, 16, 32, 64].map(writers);
    family("2 writers", &members, |events| 256 * events);
}

/// With nested revisits, at most a graph for each: by the square of the events.
#[test]
fn revisits_take_a_graph_each() {
    let square = |events: usize| 45 * events.pow(2);
    let members = [2, 3, 4, 5, 6, 7].map(|threads| increments(threads, 1));
    family("increments", &members, square);
    let members = [1, 2, 4, 8, 16].map(|each| increments(3, each));
    family("3 threads of increments", &members, square);
    let members = [1, 2, 4, 8, 16].map(readers);
    family("2 writers that read", &members, square);
    let members = [1, 2, 4, 8, 16].map(|each| sections(2, each));
    family("2 threads of sections", &members, square);
    let members = [1, 2, 4, 8].map(|each| sections(4, each));
    family("4 threads of sections", &members, square);
}
