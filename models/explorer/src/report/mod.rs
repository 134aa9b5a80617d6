//! What the checker found.

pub mod dot;
pub mod order;
pub mod text;

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::graph::Graph;
use crate::rest::Rest;

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The program panicked.
    Panic,
    /// Two accesses to plain memory, one of them a write, that nothing orders.
    DataRace,
    /// Something was used after it was freed.
    UseAfterFree,
    /// Something was freed twice.
    DoubleFree,
    /// Something was freed that was never allocated, or not like this.
    InvalidFree,
    /// A complete execution has not freed, or not dropped, something.
    Leak,
    /// Threads wait, and nothing will ever wake them.
    Deadlock,
    /// A thread repeats a loop, and nothing is left to change what it reads.
    Livelock,
    /// The program did something else when it was run on the same history.
    Nondeterminism,
    /// The search is over, and what it visited does not add up to all: the checker is at fault,
    /// or the rest that the search went on from was altered.
    Lost,
}

/// A failure, with the execution in which it happened.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What happened.
    pub kind: FailureKind,
    /// What happened, in words.
    pub message: String,
    /// The execution, as text: which write each read read from.
    pub execution: String,
    /// The execution, for Graphviz.
    pub dot: String,
    /// The execution; without events where there was none.
    pub graph: Box<Graph>,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: String) -> Failure {
        Failure {
            kind,
            message,
            execution: String::new(),
            dot: String::new(),
            graph: Box::default(),
        }
    }

    pub(crate) fn departed(message: String) -> Failure {
        Failure::new(FailureKind::Nondeterminism, message)
    }

    pub(crate) fn race_with_creation(
        thread: u32,
        site: &'static Location<'static>,
        creator: u32,
    ) -> Failure {
        let message = format!(
            "thread {thread} uses an object at {site}, which is not ordered after its creation by \
             thread {creator}"
        );
        Failure::new(FailureKind::DataRace, message)
    }

    pub(crate) fn with_graph(mut self, graph: &Graph) -> Failure {
        self.execution = text::render(graph);
        self.dot = dot::render(graph, &dot::Plain);
        *self.graph = graph.clone();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}\n{}", self.kind, self.message, self.execution)
    }
}

/// Which limit ended a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// `max_executions`.
    Executions,
    /// `max_time`.
    Time,
    /// `max_events`: some thread was cut.
    Events,
    /// It was interrupted from outside.
    Interrupt,
    /// Some failures were passed over, see [`Builder::pass_over`](crate::Builder::pass_over),
    /// and what would have come after them was not visited.
    Failures,
    /// `max_revisits`: executions that more revisits lead to were not visited.
    Revisits,
    /// A part of a search saw the program do something new, by which the parts
    /// have to be cut anew: search the whole.
    Shard,
}

/// The verdict.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every consistent execution was visited, and none failed.
    Pass,
    /// An execution failed.
    Fail(Box<Failure>),
    /// A limit was hit first. Never a pass.
    Unknown(Limit),
}

/// How far a search has come. What went before it was resumed is counted, and so
/// is what all workers did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Complete executions: every thread came to its end.
    pub executions: u64,
    /// Executions in which a thread waits for ever for something that does not
    /// come: no thread could go on, whatever it read.
    pub blocked: u64,
    /// Runs that ended with a thread that waits for something that has come:
    /// it stands for executions that other runs visit. Runs that were cut, or whose failure
    /// was passed over, are counted here too.
    pub moot: u64,
    /// The share of the tree of alternatives that is done, from 0 to 1, if the
    /// alternatives of a run lead to equally many runs. They do not: it may jump,
    /// and crawl.
    pub share: f64,
    /// An estimate of the number of runs of the whole search, from `share`.
    pub estimate: f64,
    /// The largest graph, in events.
    pub max_events: usize,
    /// The most memory that the search held at the end of a run, in bytes: the
    /// graphs at hand, those that wait, and the pending alternatives, by what
    /// they contain. Not counted are spare capacity, one graph for trying out
    /// revisits, and what the program itself needs.
    pub memory: usize,
    /// The time so far.
    pub elapsed: Duration,
}

impl Progress {
    /// How often the program ran.
    pub fn runs(&self) -> u64 {
        self.executions + self.blocked + self.moot
    }

    /// How long the rest will take, if the rest of the tree is like what was
    /// visited. Often it is not: an order of magnitude, no more. `None` before the
    /// first run has ended.
    pub fn remaining(&self) -> Option<Duration> {
        if self.share <= 0.0 {
            return None;
        }
        let left = (1.0 - self.share).max(0.0) / self.share;
        Duration::try_from_secs_f64(self.elapsed.as_secs_f64() * left).ok()
    }
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// What was visited.
    pub progress: Progress,
    /// What is left to visit, if a limit on time or executions, or an interrupt,
    /// ended the search.
    pub rest: Option<Rest>,
    /// Where a thread was cut at `max_events`, and what to do about it.
    pub cut: Option<String>,
}

impl Report {
    /// Was every execution visited, without a failure?
    pub fn passed(&self) -> bool {
        matches!(self.verdict, Verdict::Pass)
    }

    /// The failure, if there is one.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.verdict {
            Verdict::Fail(failure) => Some(failure),
            _ => None,
        }
    }

    /// Panics unless it passed.
    ///
    /// # Panics
    /// With the failing execution, or with the limit that was hit.
    #[track_caller]
    pub fn unwrap(self) -> Progress {
        match self.verdict {
            Verdict::Pass => self.progress,
            Verdict::Fail(failure) => panic!("{failure}"),
            Verdict::Unknown(limit) => {
                let cut = self.cut.map_or(String::new(), |cut| format!(" ({cut})"));
                panic!(
                    "unknown: the limit on {limit:?} ended the search{cut}: {:?}",
                    self.progress
                )
            }
        }
    }
}
