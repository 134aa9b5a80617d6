//! Several OS threads on one search.
//!
//! Each worker searches from a graph of its own. After a run it gives its oldest
//! alternative away if another worker has nothing to do. Nothing else is shared
//! but the counts, and the names of threads, so that all workers schedule alike.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::config::Config;
use crate::driver::Program;
use crate::run::assume::Seen;
use crate::search::Search;
use crate::tally::{Tally, Why};
use crate::worker::{self, Ending, Reach};

#[derive(Default)]
struct Queue {
    jobs: Vec<Search>,
    /// How many workers there are: all are over when so many are idle.
    workers: usize,
    idle: usize,
    over: bool,
    /// Learnt of the program, if the search has to start again.
    seen: Option<Seen>,
}

/// Lets the others end if a worker panics: the scope then passes the panic on.
struct Guard<'a>(&'a Mutex<Queue>, &'a Condvar);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let queue = self.0.lock();
            queue.unwrap_or_else(PoisonError::into_inner).over = true;
            self.1.notify_all();
        }
    }
}

/// Searches with several workers. Answers what is left if they were stopped.
///
/// # Errors
/// What the program has been seen to do: the search has to start again.
pub(crate) fn search(
    config: &Arc<Config>,
    program: &Program,
    tally: &Tally,
    seen: &Seen,
    jobs: Vec<Search>,
) -> Result<Vec<Search>, Seen> {
    let queue = Mutex::new(Queue {
        jobs,
        workers: config.workers,
        ..Queue::default()
    });
    let wake = Condvar::new();
    let work = || {
        let _guard = Guard(&queue, &wake);
        while let Some(job) = next(&queue, &wake) {
            let offer = |search: &mut Search| {
                if search.pending() > 1 {
                    let mut queue = queue.lock().expect("the queue");
                    if queue.idle > queue.jobs.len() {
                        let job = search.export();
                        tally.hold(0, job.as_ref().map_or(0, Search::bytes));
                        queue.jobs.extend(job);
                        wake.notify_one();
                    }
                }
            };
            let seen = seen.clone();
            let to = Reach::End;
            let ending = worker::search(config, program, tally, seen, job, to, offer);
            let mut queue = queue.lock().expect("the queue");
            match ending {
                Ending::Done | Ending::Ran(_) => continue,
                Ending::Stopped(search) => queue.jobs.push(*search),
                Ending::Failed => {}
                Ending::Restart(seen) => queue.seen.get_or_insert_default().extend(seen),
            }
            queue.over = true;
            wake.notify_all();
        }
    };
    std::thread::scope(|scope| {
        let may_start = |number: &usize| config.threads.is_none_or(|most| *number < most);
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let numbers = (0..config.workers).take_while(may_start);
        let started = numbers.map_while(start).count();
        if started < config.workers {
            // The host has no more threads: those that there are do it, or else this one.
            queue.lock().expect("the queue").workers = started.max(1);
            wake.notify_all();
        }
        if started == 0 {
            work();
        }
    });
    let queue = queue.into_inner().expect("the queue");
    queue.seen.map_or(Ok(queue.jobs), Err)
}

fn next(queue: &Mutex<Queue>, wake: &Condvar) -> Option<Search> {
    let mut queue = queue.lock().expect("the queue");
    queue.idle += 1;
    loop {
        if queue.over || queue.jobs.is_empty() && queue.idle == queue.workers {
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

/// Searches with this OS thread alone; see [`search`].
pub(crate) fn alone(
    config: &Arc<Config>,
    program: &Program,
    tally: &Tally,
    seen: &Seen,
    mut jobs: Vec<Search>,
) -> Result<Vec<Search>, Seen> {
    while let Some(job) = jobs.pop() {
        let to = Reach::End;
        match worker::search(config, program, tally, seen.clone(), job, to, |_| {}) {
            Ending::Done | Ending::Ran(_) => {}
            Ending::Stopped(search) => {
                jobs.push(*search);
                break;
            }
            Ending::Failed => break,
            Ending::Restart(seen) => return Err(seen),
        }
    }
    Ok(jobs)
}

/// How many searches each part of a search starts with.
const GRAIN: usize = 16;

/// Searches alone, the oldest alternative first, until there is enough to cut it
/// into so many parts. That depends on the program only, so that each part comes to
/// the same cut.
pub(crate) fn spread(
    config: &Arc<Config>,
    program: &Program,
    tally: &Tally,
    seen: &Seen,
    jobs: Vec<Search>,
    (k, n): (usize, usize),
) -> Result<Vec<Search>, Seen> {
    let mut jobs = VecDeque::from(jobs);
    // Executions that are visited before the cut belong to the first part.
    let to = Reach::Run { counts: k == 0 };
    while jobs.len() < GRAIN * n
        && let Some(job) = jobs.pop_front()
    {
        match worker::search(config, program, tally, seen.clone(), job, to, |_| {}) {
            Ending::Done => {}
            Ending::Ran(mut search) => {
                while let Some(job) = search.export() {
                    tally.hold(0, job.bytes());
                    jobs.push_back(job);
                }
            }
            Ending::Stopped(search) => {
                jobs.push_front(*search);
                return Ok(jobs.into());
            }
            Ending::Failed => return Ok(jobs.into()),
            Ending::Restart(seen) => return Err(seen),
        }
    }
    if !jobs.is_empty() {
        tally.stop(Why::Cut);
    }
    Ok(jobs.into())
}
