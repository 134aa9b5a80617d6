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
/// Where the host has fewer threads for it there are fewer at once, and if it
/// has none, this one does all.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
    idle: impl Fn() + Sync,
    done: impl FnMut(&T, R),
) {
    each_on(STACK_BYTES, items, threads, work, idle, done);
}

fn each_on<T: Sync, R: Send>(
    stack_bytes: usize,
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
        let worker = || {
            let sender = sender.clone();
            let (next, work, idle) = (&next, &work, &idle);
            move || {
                while let Some(number) = claim(next, items.len()) {
                    if sender.send((number, work(&items[number]))).is_err() {
                        return;
                    }
                }
                idle();
            }
        };
        let spawned = (0..jobs).take_while(|_| {
            let builder = std::thread::Builder::new().stack_size(stack_bytes);
            builder.spawn_scoped(scope, worker()).is_ok()
        });
        if spawned.count() == 0 {
            worker()();
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
    fn a_host_without_threads_does_all_the_same() {
        let items: Vec<usize> = (0..10).collect();
        let mut seen = Vec::new();
        let here = std::thread::current().id();
        let work = |item: &usize| (item * 2, std::thread::current().id());
        // No host has such a stack.
        each_on(
            usize::MAX / 4,
            &items,
            3,
            work,
            || {},
            |item, result| {
                assert_eq!(result, (item * 2, here));
                seen.push(*item);
            },
        );
        assert_eq!(seen, items);
    }

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
