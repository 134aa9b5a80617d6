//! Abstract machines: the same programs, run step by step. The second opinion on [`enumerate`].
//!
//! Two machines: interleaving (sequential consistency) and store buffers (x86-TSO as Owens, Sarkar
//! and Sewell run it). Neither knows any axiom. A state carries its whole history, which read
//! took its value from which write and in what order each word was written, so distinct final states
//! are distinct execution graphs, and their number must be that of [`enumerate`].
//!
//! [`enumerate`]: crate::enumerate()

pub mod endings;
mod locks;

use std::collections::{BTreeSet, VecDeque};

use crate::enumerate::Outcome;
use crate::program::{Instr, Order, Program};

/// How a store reaches memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// At once: all interleavings of the threads.
    Interleaving,
    /// Through a FIFO buffer of its thread, which later loads of that thread see.
    StoreBuffers,
}

/// All that a machine can do with a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Outcomes of the runs in which all threads end.
    pub outcomes: BTreeSet<Outcome>,
    /// Number of distinct execution graphs of these runs.
    pub executions: u64,
    /// Number of distinct graphs of the runs in which some thread waits for a lock forever.
    pub blocked: u64,
}

/// The outcomes of all interleavings of `program`.
///
/// # Panics
///
/// If [`Program::check`] refuses the program.
pub fn interleave(program: &Program) -> BTreeSet<Outcome> {
    endings::endings(program, endings::Wakeups::Notified).complete
}

/// All runs of `program` on `machine`.
///
/// # Panics
///
/// If [`Program::check`] refuses the program, or it has instructions without events
/// ([`Instr::has_events`]): which thread is notified is no part of a graph.
pub fn run(program: &Program, machine: Machine) -> Runs {
    if let Err(why) = program.check() {
        panic!("not a program: {why}");
    }
    assert!(
        program.threads.iter().flatten().all(Instr::has_events),
        "instructions without events"
    );
    let first = State::start(program);
    let mut seen = BTreeSet::from([first.clone()]);
    let mut open = vec![first];
    let mut runs = Runs::default();
    while let Some(state) = open.pop() {
        let next = state.successors(program, machine);
        if next.is_empty() {
            if state
                .threads
                .iter()
                .zip(&program.threads)
                .all(|(t, code)| t.pc == code.len())
            {
                runs.executions += 1;
                runs.outcomes.insert(state.outcome(program));
            } else {
                runs.blocked += 1;
            }
        }
        for state in next {
            if seen.insert(state.clone()) {
                open.push(state);
            }
        }
    }
    runs
}

/// A write, by thread and instruction; none for the initial one.
type Writer = Option<(usize, usize)>;

/// A write with its value.
type Written = (Writer, u64);

/// What waits in a store buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pending {
    /// A write of a word.
    Write(usize, Written),
    /// A reader leaves a read-write lock.
    Leave(usize),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Thread {
    pc: usize,
    /// Yielded values.
    reads: Vec<u64>,
    /// Sources of all reads, those of locks included.
    sources: Vec<Writer>,
    /// Open mutex sections, and whether the mutex was really acquired.
    tries: Vec<(usize, bool)>,
    /// Open reader and writer sections, likewise.
    read_tries: Vec<(usize, bool)>,
    write_tries: Vec<(usize, bool)>,
    /// Has released the mutex of the wait that it is at.
    waits: bool,
    /// How many of its waits may still end without a notification.
    wakeups: usize,
    buffer: VecDeque<Pending>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    threads: Vec<Thread>,
    /// The writes of each word so far: atomic words, then mutexes, then read-write locks.
    words: Vec<Vec<Written>>,
    /// Readers inside each read-write lock.
    readers: Vec<usize>,
    /// The threads that wait for each condition variable.
    waiters: Vec<BTreeSet<usize>>,
}

impl State {
    fn start(program: &Program) -> Self {
        State {
            threads: vec![Thread::default(); program.threads.len()],
            words: vec![vec![(None, 0)]; program.locations + program.mutexes + program.rwlocks],
            readers: vec![0; program.rwlocks],
            waiters: vec![BTreeSet::new(); program.condvars],
        }
    }

    fn outcome(&self, program: &Program) -> Outcome {
        Outcome {
            reads: self
                .threads
                .iter()
                .map(|thread| thread.reads.clone())
                .collect(),
            finals: (0..program.locations)
                .map(|word| self.memory(word).1)
                .collect(),
        }
    }

    fn memory(&self, word: usize) -> Written {
        *self.words[word].last().expect("the initial write")
    }

    fn successors(&self, program: &Program, machine: Machine) -> Vec<State> {
        let mut next = Vec::new();
        for number in 0..self.threads.len() {
            if !self.threads[number].buffer.is_empty() {
                let mut state = self.clone();
                state.flush(number);
                next.push(state);
            }
            if let Some(&instr) = program.threads[number].get(self.threads[number].pc) {
                let step = Step {
                    program,
                    machine,
                    number,
                    state: self,
                };
                next.extend(step.successors(instr));
            }
        }
        next
    }

    /// The oldest entry of a buffer reaches memory.
    fn flush(&mut self, thread: usize) {
        match self.threads[thread].buffer.pop_front().expect("not empty") {
            Pending::Write(word, written) => self.words[word].push(written),
            Pending::Leave(rw) => self.readers[rw] -= 1,
        }
    }
}

/// One instruction of one thread, about to run.
struct Step<'a> {
    program: &'a Program,
    machine: Machine,
    number: usize,
    state: &'a State,
}

impl Step<'_> {
    fn thread(&self) -> &Thread {
        &self.state.threads[self.number]
    }

    /// What a plain load sees: the newest own store in the buffer, or else memory.
    fn visible(&self, word: usize) -> Written {
        let own = self
            .thread()
            .buffer
            .iter()
            .rev()
            .find_map(|pending| match *pending {
                Pending::Write(other, written) if other == word => Some(written),
                _ => None,
            });
        own.unwrap_or_else(|| self.state.memory(word))
    }

    /// The state after the instruction read from `source`, if it reads, and yielded a value.
    fn after(&self, source: Option<Writer>, yielded: Option<u64>) -> State {
        let mut state = self.state.clone();
        let thread = &mut state.threads[self.number];
        thread.pc += 1;
        thread.sources.extend(source);
        thread.reads.extend(yielded);
        state
    }

    /// `state` with `pending` in the buffer, or in memory on a machine without buffers.
    fn store(&self, mut state: State, pending: Pending) -> State {
        state.threads[self.number].buffer.push_back(pending);
        if self.machine == Machine::Interleaving {
            state.flush(self.number);
        }
        state
    }

    fn write(&self, word: usize, value: u64) -> Pending {
        Pending::Write(word, (Some((self.number, self.thread().pc)), value))
    }

    fn plain_store(&self, word: usize, value: u64, order: Order) -> Vec<State> {
        let mut state = self.store(self.after(None, None), self.write(word, value));
        if order == Order::SeqCst && self.machine == Machine::StoreBuffers {
            // The fence behind the store: everything older is in memory before anything younger.
            while !state.threads[self.number].buffer.is_empty() {
                if state.threads[self.number].buffer.len() > 1 {
                    return Vec::new();
                }
                state.flush(self.number);
            }
        }
        vec![state]
    }

    /// A locked read-modify-write, which waits until the buffer is empty.
    fn locked(&self, word: usize, value: impl Fn(u64) -> Option<u64>, yields: bool) -> Vec<State> {
        let (writer, old) = self.state.memory(word);
        if !self.thread().buffer.is_empty() {
            return Vec::new();
        }
        let Some(new) = value(old) else {
            return Vec::new();
        };
        let mut state = self.after(Some(writer), yields.then_some(old));
        state.words[word].push((Some((self.number, self.thread().pc)), new));
        vec![state]
    }

    fn successors(&self, instr: Instr) -> Vec<State> {
        match instr {
            Instr::Load { loc, .. } => {
                let (writer, value) = self.visible(loc);
                vec![self.after(Some(writer), Some(value))]
            }
            Instr::Store { loc, value, ord } => self.plain_store(loc, value, ord),
            Instr::StoreLoaded {
                loc,
                from_read,
                add,
                ord,
            } => self.plain_store(loc, self.thread().reads[from_read].wrapping_add(add), ord),
            Instr::FetchAdd { loc, add, .. } => {
                self.locked(loc, |old| Some(old.wrapping_add(add)), true)
            }
            Instr::Swap { loc, value, .. } => self.locked(loc, |_| Some(value), true),
            Instr::CompareExchange {
                loc, expected, new, ..
            } => {
                let mut next = self.locked(loc, |old| (old == expected).then_some(new), true);
                let (writer, value) = self.visible(loc);
                if value != expected {
                    next.push(self.after(Some(writer), Some(value)));
                }
                next
            }
            Instr::Fence { ord } => {
                if ord == Order::SeqCst && !self.thread().buffer.is_empty() {
                    return Vec::new();
                }
                vec![self.after(None, None)]
            }
            Instr::CellRead(_) | Instr::CellWrite(_) => vec![self.after(None, None)],
            _ => self.lock_successors(instr),
        }
    }
}
