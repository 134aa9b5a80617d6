//! Several OS threads on one search.
//!
//! Each worker searches from a graph of its own. After a run it gives its oldest
//! alternative away if another worker has nothing to do. Nothing else is shared
//! but the names of threads, so that all workers schedule alike.

use std::sync::{Arc, Condvar, Mutex};

use crate::config::Config;
use crate::driver::{self, Program, Shared};
use crate::report::{Progress, Report, Verdict};
use crate::run::assume::Seen;
use crate::search::Search;

#[derive(Default)]
struct Queue {
    jobs: Vec<Search>,
    idle: usize,
    over: bool,
}

/// Searches with several workers.
pub(crate) fn search(
    config: &Arc<Config>,
    program: &Program,
    shared: &Shared,
    seen: &Seen,
    search: Search,
) -> Result<Report, Seen> {
    let queue = Mutex::new(Queue {
        jobs: vec![search],
        ..Queue::default()
    });
    let wake = Condvar::new();
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..config.workers {
            scope.spawn(|| {
                while let Some(job) = next(&queue, &wake, config.workers) {
                    let offer = |search: &mut Search| {
                        if search.pending() > 1 {
                            let mut queue = queue.lock().expect("the queue");
                            if queue.idle > queue.jobs.len() {
                                queue.jobs.extend(search.export());
                                wake.notify_one();
                            }
                        }
                    };
                    let result = driver::search(config, program, shared, seen.clone(), job, offer);
                    let stop = !matches!(&result, Ok(report) if report.passed());
                    results.lock().expect("the results").push(result);
                    if stop {
                        queue.lock().expect("the queue").over = true;
                        wake.notify_all();
                    }
                }
            });
        }
    });
    let results = results.into_inner().expect("the results");
    merge(results, shared)
}

fn next(queue: &Mutex<Queue>, wake: &Condvar, workers: usize) -> Option<Search> {
    let mut queue = queue.lock().expect("the queue");
    queue.idle += 1;
    loop {
        if queue.over || queue.jobs.is_empty() && queue.idle == workers {
            queue.over = true;
            wake.notify_all();
            return None;
        }
        if let Some(job) = queue.jobs.pop() {
            queue.idle -= 1;
            return Some(job);
        }
        queue = wake.wait(queue).expect("the queue");
    }
}

fn merge(results: Vec<Result<Report, Seen>>, shared: &Shared) -> Result<Report, Seen> {
    let mut verdict = Verdict::Pass;
    let mut all = Progress::default();
    let mut more: Option<Seen> = None;
    let mut done = 0.0;
    for result in results {
        let Report {
            verdict: other,
            progress,
            ..
        } = match result {
            Ok(report) => report,
            Err(seen) => {
                more.get_or_insert_default().extend(seen);
                continue;
            }
        };
        all.executions += progress.executions;
        all.blocked += progress.blocked;
        all.moot += progress.moot;
        all.max_events = all.max_events.max(progress.max_events);
        done += progress.runs() as f64 / progress.estimate.max(1.0);
        verdict = match (verdict, other) {
            (Verdict::Fail(f), _) | (_, Verdict::Fail(f)) => Verdict::Fail(f),
            (Verdict::Unknown(limit), _) | (_, Verdict::Unknown(limit)) => Verdict::Unknown(limit),
            (Verdict::Pass, Verdict::Pass) => Verdict::Pass,
        };
    }
    if let Some(seen) = more {
        return Err(seen);
    }
    all.estimate = all.runs() as f64 / done.max(f64::MIN_POSITIVE);
    all.elapsed = shared.started.elapsed();
    Ok(Report {
        verdict,
        progress: all,
        rest: None,
    })
}
