//! Programs of any size, one family for each kind of event.

use std::sync::Arc;

use seqfault_explorer::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use seqfault_explorer::sync::atomic::{AtomicU64, fence};
use seqfault_explorer::sync::{Mutex, RwLock};
use seqfault_explorer::thread;

/// The sizes of graphs.
pub const EVENTS: [usize; 4] = [20, 55, 100, 280];

/// What the threads of a program do, again and again.
#[derive(Clone, Copy, Debug)]
pub enum Family {
    /// A release store of one word, an acquire load of another.
    LoadsStores,
    /// An addition to one word.
    Updates,
    /// A relaxed store and a relaxed load with a `SeqCst` fence in between.
    Fences,
    /// A store and a load of `SeqCst`.
    SeqCst,
    /// A critical section of a mutex that counts in an atomic.
    Mutex,
    /// A section of a read-write lock: the first thread writes, the others read.
    RwLock,
}

/// All of them.
pub const FAMILIES: [Family; 6] = [
    Family::LoadsStores,
    Family::Updates,
    Family::Fences,
    Family::SeqCst,
    Family::Mutex,
    Family::RwLock,
];

impl Family {
    /// For graphs of about [`EVENTS`] events: how many threads, and how often each of
    /// them does it.
    pub fn sizes(self) -> [(usize, usize); EVENTS.len()] {
        match self {
            Family::LoadsStores => [(3, 2), (4, 6), (4, 11), (4, 34)],
            Family::Updates => [(3, 2), (3, 8), (4, 11), (4, 34)],
            Family::Fences => [(3, 2), (4, 4), (4, 8), (4, 22)],
            Family::SeqCst => [(3, 2), (4, 6), (4, 11), (4, 34)],
            Family::Mutex => [(3, 1), (3, 3), (4, 5), (4, 14)],
            Family::RwLock => [(2, 1), (3, 3), (3, 5), (3, 14)],
        }
    }
}

/// What the threads share.
#[derive(Default)]
struct Memory {
    words: [AtomicU64; 2],
    mutex: Mutex<()>,
    lock: RwLock<()>,
}

impl Memory {
    fn round(&self, family: Family, me: usize) {
        let [mine, other] = [me % 2, 1 - me % 2].map(|at| &self.words[at]);
        let value = me as u64;
        match family {
            Family::LoadsStores => {
                mine.store(value, Release);
                other.load(Acquire);
            }
            Family::Updates => {
                self.words[0].fetch_add(1, AcqRel);
            }
            Family::Fences => {
                mine.store(value, Relaxed);
                fence(SeqCst);
                other.load(Relaxed);
            }
            Family::SeqCst => {
                mine.store(value, SeqCst);
                other.load(SeqCst);
            }
            Family::Mutex => {
                let _held = self.mutex.lock().unwrap();
                let old = self.words[0].load(Relaxed);
                self.words[0].store(old + 1, Relaxed);
            }
            Family::RwLock if me == 0 => {
                let _held = self.lock.write().unwrap();
                let old = self.words[0].load(Relaxed);
                self.words[0].store(old + 1, Relaxed);
            }
            Family::RwLock => {
                let _held = self.lock.read().unwrap();
                self.words[0].load(Relaxed);
            }
        }
    }
}

/// The program of a family with so many threads and rounds.
pub fn program(family: Family, threads: usize, rounds: usize) -> impl Fn() + Send + Sync + 'static {
    move || {
        let memory = Arc::new(Memory::default());
        for me in 0..threads {
            let memory = memory.clone();
            thread::spawn(move || (0..rounds).for_each(|_| memory.round(family, me)));
        }
    }
}
