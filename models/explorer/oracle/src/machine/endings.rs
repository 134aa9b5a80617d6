//! How programs end: the interleaving machine without history.
//!
//! It counts nothing, but knows all instructions: condition variables, and attempts at read-write
//! locks.

use std::collections::BTreeSet;

use super::{Machine, State};
use crate::enumerate::Outcome;
use crate::program::Program;

/// When a wait for a condition variable ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeups {
    /// When the thread is notified.
    Notified,
    /// Without a notification, too: once in each thread, if at all.
    SpuriousOnce,
}

/// A run in which no thread can go on, and not all have ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stuck {
    /// The values that each thread's instructions have yielded.
    pub reads: Vec<Vec<u64>>,
    /// The instruction that each thread is at.
    pub at: Vec<usize>,
}

/// All ways in which a program ends under sequential consistency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endings {
    /// All threads have ended.
    pub complete: BTreeSet<Outcome>,
    /// Some thread waits forever.
    pub stuck: BTreeSet<Stuck>,
}

/// All endings of `program`.
///
/// # Panics
///
/// If [`Program::check`] refuses the program.
pub fn endings(program: &Program, wakeups: Wakeups) -> Endings {
    if let Err(why) = program.check() {
        panic!("not a program: {why}");
    }
    let mut first = State::start(program);
    for thread in &mut first.threads {
        thread.wakeups = usize::from(wakeups == Wakeups::SpuriousOnce);
    }
    let mut seen = BTreeSet::from([first.clone()]);
    let mut open = vec![first];
    let mut endings = Endings::default();
    while let Some(state) = open.pop() {
        let next = state.successors(program, Machine::Interleaving);
        // No thread wakes up without a notification just because all others are stuck.
        if next.is_empty()
            || state
                .asleep()
                .successors(program, Machine::Interleaving)
                .is_empty()
        {
            let at: Vec<usize> = state.threads.iter().map(|thread| thread.pc).collect();
            if at
                .iter()
                .zip(&program.threads)
                .all(|(&at, code)| at == code.len())
            {
                endings.complete.insert(state.outcome(program));
            } else {
                let reads = state.threads.iter().map(|thread| thread.reads.clone());
                let reads = reads.collect();
                endings.stuck.insert(Stuck { reads, at });
            }
        }
        for mut state in next {
            state.forget();
            if seen.insert(state.clone()) {
                open.push(state);
            }
        }
    }
    endings
}

impl State {
    /// The state in which no thread wakes up without a notification.
    fn asleep(&self) -> State {
        let mut state = self.clone();
        state
            .threads
            .iter_mut()
            .for_each(|thread| thread.wakeups = 0);
        state
    }

    /// Keeps the last value of each word only.
    fn forget(&mut self) {
        for word in &mut self.words {
            let value = word.last().map_or(0, |written| written.1);
            *word = vec![(None, value)];
        }
        for thread in &mut self.threads {
            thread.sources.clear();
        }
    }
}
