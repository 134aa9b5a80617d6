//! Tests on threads, results in the order of the tests.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// The specification and the checkers recurse only a little; their own threads
/// have stacks of their own.
const STACK_BYTES: usize = 16 << 20;

/// Does `work` for each item, as many at once as `jobs` says, or as the host
/// has CPUs; calls `done` with each result in the order of the items.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    jobs: Option<usize>,
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(&T, R),
) {
    let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = jobs.unwrap_or(cpus).clamp(1, items.len().max(1));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let sender = sender.clone();
            let (next, work) = (&next, &work);
            let worker = move || {
                while let Some(number) = claim(next, items.len()) {
                    if sender.send((number, work(&items[number]))).is_err() {
                        return;
                    }
                }
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
