//! Executions per second on programs of known size.

use std::sync::Arc;
use std::time::Duration;

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::{AtomicU64, Ordering, fence};
use seqfault_explorer::{Builder, Model, thread};

fn measure(name: &str, model: Model, program: impl Fn() + Send + Sync + 'static) {
    let builder = Builder::new().model(model).max_time(Duration::from_secs(5));
    let report = builder.check(program);
    let progress = &report.progress;
    let rate = progress.runs() as f64 / progress.elapsed.as_secs_f64();
    println!(
        "{name:<24} {model:<5?} {:>9} executions {:>7} moot {:>4} events {:>9.0} runs/s {:>8.2?}{}",
        progress.executions,
        progress.moot,
        progress.max_events,
        rate,
        progress.elapsed,
        if report.passed() { "" } else { " (cut)" },
    );
}

fn sequence_count(writers: u64, readers: u64) {
    let words = Arc::new([AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)]);
    let lock = Arc::new(Mutex::new(()));
    for i in 0..writers {
        let (w, lock) = (words.clone(), lock.clone());
        thread::spawn(move || {
            let _held = lock.lock().unwrap();
            let seq = w[0].load(Ordering::Relaxed);
            w[0].store(seq + 1, Ordering::Relaxed);
            fence(Ordering::Release);
            w[1].store(i + 1, Ordering::Relaxed);
            w[2].store(i + 1, Ordering::Relaxed);
            w[0].store(seq + 2, Ordering::Release);
        });
    }
    for _ in 0..readers {
        let w = words.clone();
        thread::spawn(move || {
            let seq = w[0].load(Ordering::Acquire);
            let pair = (w[1].load(Ordering::Relaxed), w[2].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if seq.is_multiple_of(2) && w[0].load(Ordering::Relaxed) == seq {
                assert_eq!(pair.0, pair.1);
            }
        });
    }
}

fn main() {
    for model in [Model::Sc, Model::Tso, Model::Rc11] {
        measure("increments 8", model, || {
            let x = Arc::new(AtomicU64::new(0));
            for _ in 0..8 {
                let x = x.clone();
                thread::spawn(move || x.fetch_add(1, Ordering::Relaxed));
            }
        });
        measure("long increments 3x7", model, || {
            let x = Arc::new(AtomicU64::new(0));
            for _ in 0..3 {
                let x = x.clone();
                thread::spawn(move || {
                    for _ in 0..7 {
                        x.fetch_add(1, Ordering::AcqRel);
                    }
                });
            }
        });
        measure("mutex 3x3", model, || {
            let x = Arc::new(Mutex::new(0));
            for _ in 0..3 {
                let x = x.clone();
                thread::spawn(move || {
                    for _ in 0..3 {
                        *x.lock().unwrap() += 1;
                    }
                });
            }
        });
        measure("sequence count 2+2", model, || sequence_count(2, 2));
        measure("atomics in sections 3x2", model, || {
            let x = Arc::new((Mutex::new(()), AtomicU64::new(0)));
            for _ in 0..3 {
                let x = x.clone();
                thread::spawn(move || {
                    for _ in 0..2 {
                        let _held = x.0.lock().unwrap();
                        let old = x.1.load(Ordering::Relaxed);
                        x.1.store(old + 1, Ordering::Relaxed);
                    }
                });
            }
        });
        measure("long threads 2x26", model, || {
            let w = Arc::new([const { AtomicU64::eternal(0) }; 12]);
            for i in 0..2 {
                let w = w.clone();
                thread::spawn(move || {
                    for at in 0..12 {
                        w[at].store(i, Ordering::Release);
                        w[(at + 6) % 12].load(Ordering::Acquire);
                    }
                });
            }
        });
        measure("relaxed 4x4", model, || {
            let w = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
            for i in 0..4 {
                let w = w.clone();
                thread::spawn(move || {
                    for _ in 0..2 {
                        w[i % 2].store(i as u64, Ordering::Release);
                        w[(i + 1) % 2].load(Ordering::Acquire);
                    }
                });
            }
        });
        measure("sc buffering 4x3", model, || {
            let w = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
            for i in 0..4 {
                let w = w.clone();
                thread::spawn(move || {
                    w[i % 2].store(i as u64, Ordering::SeqCst);
                    w[(i + 1) % 2].load(Ordering::SeqCst);
                });
            }
        });
    }
}
