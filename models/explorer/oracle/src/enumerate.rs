//! Enumeration: all consistent graphs of a program, their outcomes and their number.

use std::collections::BTreeSet;

use crate::candidate::{Candidate, candidates};
use crate::graph::{Graph, resolve};
use crate::program::Program;
use crate::shape::{Kind, Place, Shape, shapes};
use crate::{cpp20, rc11, sc, tso};

/// A memory model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Model {
    /// Sequential consistency; orderings matter only to races.
    Sc,
    /// x86-TSO.
    Tso,
    /// RC11 with C++20 release sequences.
    Rc11,
    /// The same, with the total order of sequentially consistent operations of C++20.
    Cpp20,
}

impl Model {
    /// All models, strongest first, but for C++20, which stands between TSO and RC11.
    pub const ALL: [Model; 4] = [Model::Sc, Model::Tso, Model::Rc11, Model::Cpp20];

    /// The axioms hold in `graph`.
    pub fn is_consistent(self, graph: &Graph) -> bool {
        match self {
            Model::Sc => sc::is_consistent(graph),
            Model::Tso => tso::is_consistent(graph),
            Model::Rc11 => rc11::is_consistent(graph),
            Model::Cpp20 => cpp20::is_consistent(graph),
        }
    }
}

/// What an execution that is not blocked leaves behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome {
    /// The values that each thread's instructions yield, in program order.
    pub reads: Vec<Vec<u64>>,
    /// The last value of each atomic word.
    pub finals: Vec<u64>,
}

/// All consistent executions of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enumeration {
    /// Outcomes of the complete executions.
    pub outcomes: BTreeSet<Outcome>,
    /// Number of distinct complete graphs.
    pub executions: u64,
    /// Number of distinct graphs in which some thread waits for a lock that no thread will release
    /// and all others have ended.
    pub blocked: u64,
    /// Some consistent graph, complete or blocked, has a data race: two accesses to one cell that
    /// the happens-before of the declared orderings leaves unordered, whatever the model.
    pub races: bool,
    /// Number of complete graphs with a data race.
    pub racy_executions: u64,
}

/// All consistent executions of `program` in `model`.
///
/// # Panics
///
/// If [`Program::check`] refuses the program, it has instructions without events
/// ([`Instr::has_events`](crate::Instr::has_events)), or more events than fit in a bit matrix.
pub fn enumerate(program: &Program, model: Model) -> Enumeration {
    let mut enumeration = Enumeration::default();
    for_each_execution(program, model, |graph| enumeration.add(graph));
    enumeration
}

/// Calls `visit` with each consistent graph, complete or blocked, exactly once.
pub fn for_each_execution(program: &Program, model: Model, mut visit: impl FnMut(&Graph)) {
    if let Err(why) = program.check() {
        panic!("not a program: {why}");
    }
    let mut instrs = program.threads.iter().flatten();
    if let Some(instr) = instrs.find(|instr| !instr.has_events()) {
        panic!("{instr} has no events: ask an interleaving machine");
    }
    for shape in shapes(program) {
        let initial = shape.events.iter().filter(|e| e.thread.is_none());
        let mut words: Vec<_> = initial
            .map(|e| {
                (
                    !e.is_lock(),
                    candidates(&shape, e.place.expect("an initial write")),
                )
            })
            .collect();
        // Locks first, then the fewest choices first: an early contradiction cuts the most.
        words.sort_by_key(|(atomic, word)| (*atomic, word.len()));
        let words: Vec<_> = words.into_iter().map(|(_, word)| word).collect();
        product(Graph::new(&shape), &words, model, &mut visit);
    }
}

/// Gives each word each of its candidates, as long as the axioms hold.
fn product(graph: Graph, words: &[Vec<Candidate>], model: Model, visit: &mut impl FnMut(&Graph)) {
    if !values_agree(&graph) || !model.is_consistent(&graph) {
        return;
    }
    let Some((word, rest)) = words.split_first() else {
        visit(&graph);
        return;
    };
    for candidate in word {
        let mut graph = graph.clone();
        candidate.apply(&mut graph);
        product(graph, rest, model, visit);
    }
}

/// Every value read that is known agrees with what the shape guessed.
fn values_agree(graph: &Graph) -> bool {
    let values = graph.values();
    graph.shape.events.iter().zip(values).all(|(event, value)| {
        event.kind != Kind::Read || value.is_none_or(|value| event.expect.admits(value))
    })
}

impl Enumeration {
    fn add(&mut self, graph: &Graph) {
        let race = graph.has_race();
        self.races |= race;
        if graph.shape.blocked.iter().any(Option::is_some) {
            self.blocked += 1;
        } else {
            self.executions += 1;
            self.racy_executions += u64::from(race);
            self.outcomes.insert(Outcome::of(graph));
        }
    }
}

impl Outcome {
    /// The outcome of a complete graph.
    pub fn of(graph: &Graph) -> Self {
        let shape: &Shape = graph.shape;
        let values = graph.values();
        let reads = shape
            .yields
            .iter()
            .map(|thread| {
                let value = |&value| resolve(value, &values).expect("po | rf is acyclic");
                thread.iter().map(value).collect()
            })
            .collect();
        let last = |place: Option<Place>| {
            (0..graph.n())
                .filter(|&e| shape.events[e].kind == Kind::Write && shape.events[e].place == place)
                .find(|&e| (0..graph.n()).all(|later| !graph.co.contains(e, later)))
                .and_then(|e| values[e])
                .expect("the last write of a word has a value")
        };
        let finals = shape
            .events
            .iter()
            .filter(|e| e.thread.is_none() && e.is_atomic())
            .map(|e| last(e.place))
            .collect();
        Outcome { reads, finals }
    }
}
