//! What a search holds grows with the length of an execution, not with their number.

use std::sync::Arc;

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::*;
use seqfault_explorer::{Builder, Progress, thread};

fn search(program: impl Fn() + Send + Sync + 'static) -> Progress {
    let report = Builder::new().max_executions(20_000).check(program);
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

fn per_event(name: &str, n: usize, p: &Progress) {
    let r = p.memory as f64 / p.max_events as f64;
    println!(
        "{name} {n}: exec {} est {:.3e} events {} memory {} per event {r:.0}",
        p.executions, p.estimate, p.max_events, p.memory
    );
}

#[test]
fn explore() {
    for n in [2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32] {
        per_event("increments", n, &increments(n, 1));
    }
    for n in [1, 2, 4, 8, 16, 32] {
        per_event("3 increments", n, &increments(3, n));
    }
    for n in [1, 2, 4, 8, 16, 32, 64] {
        per_event("writers", n, &writers(n as u64));
    }
    for n in [1, 2, 4, 8, 16, 32, 64] {
        per_event("readers", n, &readers(n as u64));
    }
    for n in [1, 2, 4, 8, 16, 32] {
        per_event("sections 2", n, &sections(2, n));
    }
    for n in [1, 2, 4, 8, 16] {
        per_event("sections 4", n, &sections(4, n));
    }
}
