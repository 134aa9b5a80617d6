//! The models, each written once for all checkers.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::checker::Checker;
use crate::scene::{Memory, Thread};

/// A model.
pub struct Test<C: Checker> {
    pub name: &'static str,
    /// The first values of the words.
    pub words: &'static [u64],
    /// The number of locks.
    pub locks: usize,
    pub threads: Vec<Thread<C>>,
}

/// All of them, the small ones first.
pub fn tests<C: Checker>() -> Vec<Test<C>> {
    let test = |name, words, locks, threads| Test {
        name,
        words,
        locks,
        threads,
    };
    let ptl: Vec<Thread<C>> = vec![free_table, fault, fault];
    let pairs: Vec<Thread<C>> = vec![write_pair, write_pair, read_pair, read_pair];
    vec![
        test("store buffering", &[0, 0], 0, vec![buffer; 2]),
        test("3 threads fetch_add", &[0], 0, vec![add; 3]),
        test("4 threads fetch_add", &[0], 0, vec![add; 4]),
        test("3 threads, 2 sections", &[], 1, vec![two_sections; 3]),
        test("5 threads fetch_add", &[0], 0, vec![add; 5]),
        test("ptl against free, 2 faults", &[1, 0], 3, ptl),
        test("sequence count 2+2", &[0, 0, 0], 1, pairs),
    ]
}

fn buffer<C: Checker>(m: &Memory<C>, me: usize) -> Vec<u64> {
    C::store(&m.words[me], 1, Relaxed);
    vec![C::load(&m.words[1 - me], Relaxed)]
}

fn add<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    vec![C::fetch_add(&m.words[0], 1, Relaxed)]
}

fn two_sections<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    let turn = || C::section(&m.locks[0], |turn| turn);
    vec![turn(), turn()]
}

/// A pte that was cleared; told from one that was never set, so that an outcome names
/// the write that was read.
const CLEARED: u64 = 9;

/// The thread that frees a page table: locks it, clears the pmd and the pte, unlocks,
/// waits for the readers, frees. Words: pmd, pte; locks: ptl, then one for each reader,
/// which stands for RCU.
fn free_table<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    let [pmd, pte] = [&m.words[0], &m.words[1]];
    let mut read = C::section(&m.locks[0], |turn| {
        let unhooked = C::swap(pmd, 0, Release);
        vec![turn, unhooked, C::swap(pte, CLEARED, Release)]
    });
    for rcu in &m.locks[1..] {
        read.push(C::section(rcu, |turn| turn));
    }
    C::write(&m.life);
    read
}

/// A thread that faults on the page, and the whole way of it: walks the table without
/// a lock, locks it, looks again, installs a page if none is there, unlocks.
fn fault<C: Checker>(m: &Memory<C>, me: usize) -> Vec<u64> {
    let [pmd, pte] = [&m.words[0], &m.words[1]];
    C::section(&m.locks[me], |rcu| {
        let table = C::load(pmd, Acquire);
        if table == 0 {
            return vec![rcu, table];
        }
        C::read(&m.life);
        let page = C::load(pte, Acquire);
        if ![0, CLEARED].contains(&page) {
            return vec![rcu, table, page];
        }
        C::section(&m.locks[0], |turn| {
            let again = C::load(pmd, Relaxed);
            let mut read = vec![rcu, table, page, turn, again];
            if again == table {
                let page = C::load(pte, Relaxed);
                read.push(page);
                if page == 0 {
                    read.push(C::swap(pte, me as u64, Release));
                }
            }
            read
        })
    })
}

/// A writer under a sequence count: `load; store(c + 1)`, of which loom misses outcomes.
fn write_pair<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    C::section(&m.locks[0], |turn| {
        let count = C::load(&m.words[0], Relaxed);
        C::store(&m.words[0], count + 1, Relaxed);
        C::fence(Release);
        C::store(&m.words[1], turn + 1, Relaxed);
        C::store(&m.words[2], turn + 1, Relaxed);
        C::store(&m.words[0], count + 2, Release);
        vec![turn, count]
    })
}

/// A reader: gives up where it would try again.
fn read_pair<C: Checker>(m: &Memory<C>, _: usize) -> Vec<u64> {
    let before = C::load(&m.words[0], Acquire);
    if !before.is_multiple_of(2) {
        return vec![before];
    }
    let pair = [1, 2].map(|at| C::load(&m.words[at], Relaxed));
    C::fence(Acquire);
    let after = C::load(&m.words[0], Relaxed);
    if before == after {
        assert_eq!(pair[0], pair[1], "a torn pair");
    }
    vec![before, pair[0], pair[1], after]
}
