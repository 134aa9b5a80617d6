//! Programs whose executions differ in what is known.

use std::sync::Arc;

use seqfault_explorer::sync::Mutex;
use seqfault_explorer::sync::atomic::AtomicU64;
use seqfault_explorer::sync::atomic::Ordering::Relaxed;
use seqfault_explorer::{Builder, choose, thread};

use super::*;

/// What words are called that have no name.
const WORD: &str = "(no name)";

/// The table of a program, whose executions end as `end` says.
fn table_by(
    end: impl Fn(&Graph) -> Outcome + Send + Sync + 'static,
    program: impl Fn() + Send + Sync + 'static,
) -> Table {
    let classes = Arc::new(Classes::default());
    let (shown, again) = (classes.clone(), classes.clone());
    let builder = Builder::new()
        .on_execution(move |graph| shown.add(graph, &end(graph)))
        .on_restart(move || again.restart());
    let searched = builder.check(program).unwrap();
    let table = classes.table();
    assert_eq!(table.executions, searched.executions);
    assert_eq!(table.distinct, table.executions, "no two look alike");
    table
}

/// The same where all executions end alike.
fn table(program: impl Fn() + Send + Sync + 'static) -> Table {
    table_by(|_| Outcome::default(), program)
}

/// Runs both, each on a thread of its own.
fn both(one: impl FnOnce() + Send + 'static, other: impl FnOnce()) {
    let one = thread::spawn(one);
    other();
    one.join().expect("it does not panic");
}

/// A row as name, kind, whether it is a lock, ways alone, left without.
fn rows(table: &Table) -> Vec<(&'static str, Kind, bool, u64, u64)> {
    let rows = table.rows.iter();
    rows.map(|row| (row.name, row.kind, row.is_lock, row.alone, row.without))
        .collect()
}

#[test]
fn two_increments_differ_in_their_order() {
    let table = table(|| {
        let word = Arc::new(AtomicU64::new(0));
        let other = word.clone();
        let add = |word: &AtomicU64| {
            word.fetch_add(1, Relaxed);
        };
        both(move || add(&word), || add(&other));
    });
    assert_eq!(rows(&table), [(WORD, Kind::Order, false, 2, 1)]);
    assert_eq!((table.outcomes, table.largest), (1, 2));
    let left: Vec<u64> = table.steps.iter().map(|step| step.left).collect();
    assert_eq!(left, [1]);
    assert_eq!((table.by_value, table.by_value_alone), (2, 2));
}

fn load(word: &AtomicU64) {
    word.load(Relaxed);
}

fn store_and_load() {
    let word = Arc::new(AtomicU64::new(0));
    let other = word.clone();
    both(move || word.store(1, Relaxed), || load(&other));
}

#[test]
fn a_store_and_a_load_differ_in_what_is_read() {
    let table = table(store_and_load);
    assert_eq!(rows(&table), [(WORD, Kind::Reads, false, 2, 1)]);
    assert_eq!(table.constant, 1, "the order of the one store");
}

#[test]
fn what_ends_differently_is_left() {
    let end = |graph: &Graph| {
        let read = (0..graph.len() as u32).find(|&id| graph.event(id).is_read());
        let value = read.map_or(0, |read| graph.value(read));
        Outcome {
            counts: [("value".to_owned(), value)].into(),
            ..Outcome::default()
        }
    };
    let table = table_by(end, store_and_load);
    assert_eq!(rows(&table), [(WORD, Kind::Reads, false, 2, 2)]);
    assert_eq!((table.outcomes, table.largest), (2, 1));
    assert!(table.steps.is_empty());
}

#[test]
fn critical_sections_differ_in_the_order_of_a_lock() {
    let table = table(|| {
        let lock = Arc::new(Mutex::new(()).named("lock"));
        let other = lock.clone();
        both(
            move || (0..2).for_each(|_| drop(lock.lock())),
            || drop(other.lock()),
        );
    });
    assert_eq!(rows(&table), [("lock", Kind::Order, true, 3, 1)]);
    assert_eq!(table.by_value_alone, 1, "who enters finds it free");
}

/// What is at one place of an array in one execution is there in all.
#[test]
fn locks_of_one_name_are_told_apart() {
    let table = table(|| {
        let locks = Arc::new([(); 2].map(|()| Mutex::new(()).named("lock")));
        let other = locks.clone();
        both(
            move || locks.iter().for_each(|lock| drop(lock.lock())),
            || other.iter().for_each(|lock| drop(lock.lock())),
        );
    });
    assert_eq!(rows(&table), [("lock", Kind::Order, true, 4, 1)]);
}

/// A thread that reads once more is no different in what it does afterwards.
#[test]
fn what_comes_before_changes_no_print_of_what_follows() {
    let table = table(|| {
        let lock = Mutex::new(()).named("lock");
        let word = Arc::new(AtomicU64::new(0));
        let other = word.clone();
        let reads = move || {
            if word.load(Relaxed) == 1 {
                word.load(Relaxed);
            }
            drop(lock.lock());
        };
        both(reads, || other.store(1, Relaxed));
    });
    assert_eq!(rows(&table), [(WORD, Kind::Reads, false, 2, 1)]);
}

/// The same of the write that a load reads, which the writer makes behind other writes.
#[test]
fn writes_elsewhere_rename_no_write() {
    let table = table(|| {
        let lock = Mutex::new(()).named("lock");
        let word = Arc::new(AtomicU64::new(0));
        let other = word.clone();
        let writes = move || {
            (0..=choose(2)).for_each(|_| drop(lock.lock()));
            word.store(1, Relaxed);
        };
        both(writes, || load(&other));
    });
    assert_eq!(table.executions, 4);
    let reads = |row: &&Row| row.kind == Kind::Reads;
    let reads = table.rows.iter().find(reads).expect("the load");
    assert_eq!((reads.alone, reads.without), (2, 2));
}

#[test]
fn writes_of_one_value_are_one_by_value() {
    let table = table(|| {
        let word = Arc::new(AtomicU64::new(0));
        let other = word.clone();
        both(
            move || (0..2).for_each(|_| word.store(1, Relaxed)),
            || load(&other),
        );
    });
    assert_eq!(rows(&table), [(WORD, Kind::Reads, false, 3, 1)]);
    assert_eq!((table.by_value, table.by_value_alone), (2, 2));
}
