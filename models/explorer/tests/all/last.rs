//! What is left when all threads that write are joined, looked at without an event.

use std::sync::Arc;

use seqfault_explorer::ops::{self, Object};
use seqfault_explorer::{Builder, FailureKind, Report, thread};

use seqfault_explorer::graph::event::Order;

/// Two threads write a word, and both are joined or one; then it is looked at.
fn look(joins: bool) -> Report {
    Builder::new().check(move || {
        let word = Arc::new(Object::new());
        let writers = [1, 2].map(|value| {
            let word = word.clone();
            thread::spawn(move || ops::store(&word, 0, value, Order::RELAXED))
        });
        if joins {
            writers
                .into_iter()
                .for_each(|writer| writer.join().unwrap());
            assert_eq!(ops::last(&Object::new()), None, "nothing was written");
            let events = ops::with_graph(|graph| graph.len());
            let last = ops::last(&word);
            assert_eq!(last, Some(ops::load(&word, 0, Order::RELAXED)));
            assert_eq!(ops::with_graph(|graph| graph.len()), events + 1);
        } else {
            let [_, second] = writers;
            second.join().unwrap();
            ops::last(&word);
        }
    })
}

#[test]
fn it_is_what_a_load_would_read() {
    assert_eq!(look(true).unwrap().executions, 2);
}

#[test]
fn a_thread_that_is_not_joined_is_a_race() {
    let report = look(false);
    let failure = report.failure().expect("a race");
    assert_eq!(failure.kind, FailureKind::DataRace, "{failure}");
    assert!(
        failure.message.contains("thread 1 is not joined"),
        "{failure}"
    );
}
