//! The view machine: RC11 without sequentially consistent accesses and locks, run step by step. The
//! second opinion on `hb`, fences, release sequences and coherence.
//!
//! The promise-free machine of Kang, Hur, Lahav, Vafeiadis, Dreyer: *A Promising Semantics for
//! Relaxed-Memory Concurrency*, POPL 2017, with the release sequences of C++20. Each word has a list
//! of messages in coherence order; each thread has a view, the newest message of each word that it
//! knows of. A read takes any message that is not older than the view; a write goes anywhere behind
//! it, but never between a message and the read-modify-write that replaced it.
//!
//! | instruction | effect on views |
//! | --- | --- |
//! | read | the view includes the message; what the message carries is kept for an acquire fence |
//! | acquire read | the view includes what the message carries |
//! | write | the message carries the view of the last release fence |
//! | release write | the message carries the view |
//! | read-modify-write | the message carries what the message read carries, too |
//! | acquire fence | the view includes all that was kept |
//! | release fence | remembers the view |
//! | sc fence | as both, and the view and that of all sc fences become their union |

use std::collections::BTreeSet;

use crate::enumerate::Outcome;
use crate::machine::Runs;
use crate::program::{Instr, Order, Program};

/// All runs of `program` on the view machine.
///
/// # Panics
///
/// If the program has locks, or accesses that are sequentially consistent.
pub fn run_views(program: &Program) -> Runs {
    let first = State {
        threads: vec![Thread::new(program.locations); program.threads.len()],
        words: vec![vec![Message::first(program.locations)]; program.locations],
        fences: vec![None; program.locations],
    };
    let mut seen = BTreeSet::from([first.clone()]);
    let mut open = vec![first];
    let mut graphs = BTreeSet::new();
    let mut runs = Runs::default();
    while let Some(state) = open.pop() {
        let mut ended = true;
        for (number, code) in program.threads.iter().enumerate() {
            let Some(&instr) = code.get(state.threads[number].pc) else {
                continue;
            };
            ended = false;
            for next in state.successors(number, instr) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        if ended {
            runs.outcomes.insert(state.outcome());
            graphs.insert(state.graph());
        }
    }
    runs.executions = graphs.len() as u64;
    runs
}

/// A write, by thread and instruction; none for the initial one.
type Writer = Option<(usize, usize)>;

/// The newest known message of each word, by its writer.
type View = Vec<Writer>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    writer: Writer,
    value: u64,
    /// What an acquire read of it learns.
    carries: View,
    /// The next message is the read-modify-write that replaced this one.
    replaced: bool,
}

impl Message {
    fn first(locations: usize) -> Self {
        Message {
            writer: None,
            value: 0,
            carries: vec![None; locations],
            replaced: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Thread {
    pc: usize,
    reads: Vec<u64>,
    sources: Vec<Writer>,
    view: View,
    /// For the next acquire fence.
    kept: View,
    /// The view at the last release fence.
    released: View,
}

impl Thread {
    fn new(locations: usize) -> Self {
        let view = vec![None; locations];
        Thread {
            pc: 0,
            reads: Vec::new(),
            sources: Vec::new(),
            kept: view.clone(),
            released: view.clone(),
            view,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    threads: Vec<Thread>,
    /// The messages of each word in coherence order.
    words: Vec<Vec<Message>>,
    /// The view of all sc fences so far.
    fences: View,
}

impl State {
    fn outcome(&self) -> Outcome {
        let last = |word: &Vec<Message>| word.last().expect("the initial message").value;
        Outcome {
            reads: self
                .threads
                .iter()
                .map(|thread| thread.reads.clone())
                .collect(),
            finals: self.words.iter().map(last).collect(),
        }
    }

    /// The write that each read took its value from, and the coherence orders.
    fn graph(&self) -> (Vec<Vec<Writer>>, Vec<Vec<Writer>>) {
        let order = |word: &Vec<Message>| word.iter().map(|message| message.writer).collect();
        (
            self.threads
                .iter()
                .map(|thread| thread.sources.clone())
                .collect(),
            self.words.iter().map(order).collect(),
        )
    }

    fn place(&self, word: usize, writer: Writer) -> usize {
        let place = self.words[word]
            .iter()
            .position(|message| message.writer == writer);
        place.expect("a message never goes away")
    }

    fn join(&self, one: &View, other: &View) -> View {
        let newest = |word: usize| {
            let newer = self.place(word, one[word]) >= self.place(word, other[word]);
            if newer { one[word] } else { other[word] }
        };
        (0..one.len()).map(newest).collect()
    }

    fn successors(&self, number: usize, instr: Instr) -> Vec<State> {
        let thread = &self.threads[number];
        match instr {
            Instr::Load { loc, ord } => self.loads(number, loc, ord, |_| true),
            Instr::Store { loc, value, ord } => self.stores(number, loc, value, ord),
            Instr::StoreLoaded {
                loc,
                from_read,
                add,
                ord,
            } => self.stores(number, loc, thread.reads[from_read].wrapping_add(add), ord),
            Instr::FetchAdd { loc, add, ord } => {
                self.updates(number, loc, ord, |old| Some(old.wrapping_add(add)))
            }
            Instr::Swap { loc, value, ord } => self.updates(number, loc, ord, |_| Some(value)),
            Instr::CompareExchange {
                loc,
                expected,
                new,
                success,
                failure,
            } => {
                let mut next =
                    self.updates(number, loc, success, |old| (old == expected).then_some(new));
                next.extend(self.loads(number, loc, failure, |value| value != expected));
                next
            }
            Instr::Fence { ord } => vec![self.fence(number, ord)],
            Instr::CellRead(_) | Instr::CellWrite(_) => {
                let mut state = self.clone();
                state.threads[number].pc += 1;
                vec![state]
            }
            _ => panic!("the view machine has no locks"),
        }
    }

    /// The state after `thread` read the message at `place`.
    fn read(&self, number: usize, word: usize, place: usize, ord: Order) -> State {
        assert!(ord != Order::SeqCst, "the view machine has no sc accesses");
        let mut state = self.clone();
        let message = &self.words[word][place];
        let thread = &mut state.threads[number];
        thread.pc += 1;
        thread.reads.push(message.value);
        thread.sources.push(message.writer);
        thread.view[word] = message.writer;
        thread.kept = self.join(&self.join(&thread.kept, &thread.view), &message.carries);
        if ord.acquires() {
            thread.view = self.join(&thread.view, &message.carries);
        }
        state
    }

    fn readable(&self, number: usize, word: usize) -> std::ops::Range<usize> {
        self.place(word, self.threads[number].view[word])..self.words[word].len()
    }

    fn loads(
        &self,
        number: usize,
        word: usize,
        ord: Order,
        wanted: impl Fn(u64) -> bool,
    ) -> Vec<State> {
        self.readable(number, word)
            .filter(|&place| wanted(self.words[word][place].value))
            .map(|place| self.read(number, word, place, ord))
            .collect()
    }

    /// Adds a message behind the one at `place`, which carries `inherited` and more.
    fn write(&mut self, number: usize, word: usize, value: u64, ord: Order, behind: (usize, View)) {
        assert!(ord != Order::SeqCst, "the view machine has no sc accesses");
        let (place, inherited) = behind;
        let writer = Some((number, self.threads[number].pc - 1));
        let replaced = false;
        let message = Message {
            writer,
            value,
            carries: inherited,
            replaced,
        };
        self.words[word].insert(place + 1, message);
        self.threads[number].view[word] = writer;
        let thread = &self.threads[number];
        let mut own = if ord.releases() {
            thread.view.clone()
        } else {
            thread.released.clone()
        };
        own[word] = writer;
        let carries = self.join(&self.words[word][place + 1].carries, &own);
        self.words[word][place + 1].carries = carries;
        let thread = &self.threads[number];
        self.threads[number].kept = self.join(&thread.kept, &thread.view);
    }

    fn stores(&self, number: usize, word: usize, value: u64, ord: Order) -> Vec<State> {
        let free = |&place: &usize| !self.words[word][place].replaced;
        let behind = |place: usize| {
            let mut state = self.clone();
            state.threads[number].pc += 1;
            let nothing = vec![None; self.words.len()];
            state.write(number, word, value, ord, (place, nothing));
            state
        };
        self.readable(number, word)
            .filter(free)
            .map(behind)
            .collect()
    }

    fn updates(
        &self,
        number: usize,
        word: usize,
        ord: Order,
        new: impl Fn(u64) -> Option<u64>,
    ) -> Vec<State> {
        let mut next = Vec::new();
        for place in self.readable(number, word) {
            let message = &self.words[word][place];
            if let Some(value) = new(message.value)
                && !message.replaced
            {
                let mut state = self.read(number, word, place, ord);
                state.words[word][place].replaced = true;
                state.write(number, word, value, ord, (place, message.carries.clone()));
                next.push(state);
            }
        }
        next
    }

    fn fence(&self, number: usize, ord: Order) -> State {
        let mut state = self.clone();
        let thread = &mut state.threads[number];
        thread.pc += 1;
        if ord.acquires() {
            thread.view = thread.kept.clone();
        }
        if ord == Order::SeqCst {
            thread.view = self.join(&thread.view, &self.fences);
            state.fences = thread.view.clone();
        }
        if ord.releases() {
            thread.released = thread.view.clone();
        }
        thread.kept = self.join(&thread.kept, &thread.view);
        state
    }
}
