//! Tests on threads, results in the order of the tests.
//!
//! Many tests run one on each thread; a few share what threads there are, and
//! search with several workers each.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// The specification and the checkers recurse only a little; their own threads
/// have stacks of their own.
const STACK_BYTES: usize = 16 << 20;

/// How many OS threads are busy: as many as is said, or as the host has CPUs.
pub(super) fn threads(jobs: Option<usize>) -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
    jobs.unwrap_or(cpus).max(1)
}

/// How many workers each of `tests` tests may have, if `threads` OS threads are
/// to be busy and no more.
pub(super) fn workers(threads: usize, tests: usize) -> usize {
    (threads / tests.max(1)).max(1)
}

/// Does `work` for each item, `threads` at once; calls `done` with each result
/// in the order of the items, and `idle` on each thread that has no more to do.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
    idle: impl Fn() + Sync,
    mut done: impl FnMut(&T, R),
) {
    let jobs = threads.clamp(1, items.len().max(1));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let sender = sender.clone();
            let (next, work, idle) = (&next, &work, &idle);
            let worker = move || {
                while let Some(number) = claim(next, items.len()) {
                    if sender.send((number, work(&items[number]))).is_err() {
                        return;
                    }
                }
                idle();
            };
            std::thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, worker)
                .expect("the host has a thread for a job");
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut due = 0;
        for (number, result) in receiver {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&due) {
                done(&items[due], result);
                due += 1;
            }
        }
    });
}

fn claim(next: &AtomicUsize, len: usize) -> Option<usize> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    (number < len).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_threads_are_busy_than_is_said() {
        for threads in 1..9 {
            for tests in 1..20 {
                let busy = threads.min(tests) * workers(threads, tests);
                assert!(
                    busy <= threads,
                    "{tests} tests on {threads} threads: {busy}"
                );
            }
            assert_eq!(workers(threads, 1), threads);
        }
    }
}
