//! The state of the search on one OS thread, and of the run at hand.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::afterwards::Key;
use super::assume::Seen;
use super::coroutine::{Fiber, StackPool, YielderSlot};
use super::heads::Heads;
use super::object::Object;
use super::ops;
use super::registry::Registry;
use super::repeat::{Repeat, Waits};
use super::step::Site;
use crate::alloc::heap::Heap;
use crate::cell::Cells;
use crate::config::Config;
use crate::driver::Program;
use crate::graph::Graph;
use crate::graph::event::{EventId, Gate, LocId, ThreadId, Until};
use crate::report::{Failure, FailureKind};
use crate::search::Search;
use crate::search::forward::Rules;

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Can be continued.
    Ready,
    /// Waits until this event has been replayed (R1).
    Replay(EventId),
    /// Asks for a new event.
    Frontier,
    /// Has done the first part of a step and asks for the write that ends it.
    Dangling,
    /// Waits for the end of a thread.
    Join(ThreadId),
    /// Waits for a notification, or for ever for a lock: its last event read that it must.
    Await,
    /// Waits until a lock lets it in, outside the graph: see `run::gate`.
    Outside(LocId, Gate),
    /// Waits for a value of a location, outside the graph: see `run::until`.
    Until(LocId, Until),
    /// Is at the head of a loop, where its stack is looked at; see `run::heads`.
    Head,
    /// Repeats a loop in which nothing has changed.
    Spin,
    /// Is over.
    Finished,
}

/// One thread of the run.
#[derive(Default)]
pub(crate) struct Thread {
    pub(crate) fiber: Option<Fiber>,
    pub(crate) yielder: YielderSlot,
    pub(crate) status: Option<Status>,
    /// How many of its events have been asked for.
    pub(crate) pos: usize,
    /// How many threads it has spawned.
    pub(crate) children: u32,
    /// How many read-write locks it has made.
    pub(crate) locks: u32,
    /// Has a wait of it ended without a notification?
    pub(crate) woken: bool,
    /// The read-write lock that it waits to write under, holding off some readers
    /// already.
    pub(crate) halfway: Option<(u32, u32)>,
    /// Waits for one that is alike, before it does what it may wait for in any case.
    pub(crate) awaits_peer: bool,
    /// Waits in `spin`.
    pub(crate) spun: bool,
    /// What it has waited for; see `run::repeat`.
    pub(crate) waits: Waits,
    /// Where it last was in a `spin` that is a step like any other.
    pub(crate) spins: Option<&'static Location<'static>>,
    /// Where it waits.
    pub(crate) site: Option<&'static Location<'static>>,
}

/// All that the operations of a running model need.
pub(crate) struct Session {
    pub(crate) config: Arc<Config>,
    pub(crate) rules: Rules,
    pub(crate) search: Search,
    pub(crate) registry: Arc<Mutex<Registry>>,
    known: HashMap<(ThreadId, u32), ThreadId>,
    /// The threads in the order in which they may go on at the frontier: by the
    /// way to them from the first thread.
    pub(crate) ranking: Vec<(Vec<u32>, ThreadId)>,
    pub(crate) stacks: StackPool,
    /// What the program has been seen to do; see `run::assume`.
    pub(crate) seen: Seen,
    /// The search must start again.
    pub(crate) restart: bool,
    // The run at hand.
    pub(crate) run: u64,
    pub(crate) threads: Vec<Thread>,
    pub(crate) current: ThreadId,
    /// The thread that may add to the graph.
    pub(crate) chosen: Option<ThreadId>,
    /// How many events of the graph have not been asked for.
    pub(crate) remaining: usize,
    bound: Vec<bool>,
    pub(crate) cells: Cells,
    pub(crate) heap: Heap,
    /// The thread that has joined all others, and after how many events it was found to have.
    pub(super) alone: Option<(ThreadId, usize)>,
    /// The values that destructors of unwound threads have written.
    pub(crate) afterwards: HashMap<Key, u64>,
    pub(crate) failure: Option<Failure>,
    pub(crate) bounded: bool,
    /// The graph has no consistent continuation.
    pub(crate) dead: bool,
    /// No thread goes on but those that wait outside the graph for a lock, which enter it now.
    pub(crate) closing: bool,
    /// The same of the thread that runs, which waits for a value.
    pub(super) gives_up: bool,
    /// When the search is to stop, in the middle of a run too.
    pub(crate) deadline: Option<Instant>,
    /// How many events were asked for since the last look at this count.
    asked: u32,
    /// It is time to stop, or the search was interrupted.
    pub(crate) stopped: bool,
    /// The run is over; one thread shows whether it would go on.
    pub(crate) probe: Option<Probe>,
    /// The thread that is probed repeats its last iteration.
    pub(crate) repeat: Option<Repeat>,
    /// The heads of loops.
    pub(crate) heads: Heads,
    /// Does the search start again for the head of a loop that was not known?
    pub(crate) learns: bool,
    /// A thread was cut because it came back to the head of its loop.
    pub(crate) cut_early: bool,
    /// Where threads have been found to wait without effect.
    pub(crate) proved: HashSet<u64>,
    /// Which thread was cut, and where.
    pub(crate) cut: Option<String>,
}

/// What a waiting thread does when every read returns the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Not known yet.
    Open,
    /// It comes back to where it waits.
    Stuck,
    /// It does something else.
    Free,
}

/// After so many events of a run it is looked whether the search is to stop.
const LOOK: u32 = 256;

static RUNS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static SESSION: RefCell<Option<Box<Session>>> = const { RefCell::new(None) };
    static PHASE: Cell<Phase> = const { Cell::new(Phase::Running) };
}

/// What is done with the run at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// All threads have ended; what they freed is dropped.
    Settling,
    /// It is thrown away.
    Cancelling,
}

#[inline]
pub(crate) fn phase() -> Phase {
    PHASE.get()
}

pub(crate) fn set_phase(phase: Phase) {
    PHASE.set(phase);
}

/// Is the run at hand being thrown away?
pub(crate) fn cancelling() -> bool {
    phase() == Phase::Cancelling
}

/// Does what runs here belong to no run that goes on?
#[inline]
pub(crate) fn unwinding() -> bool {
    std::thread::panicking() || cancelling()
}

/// Notes that a destructor which runs after the execution asks for an event.
pub(crate) fn refuse() {
    if phase() == Phase::Settling && !std::thread::panicking() {
        with(|s| {
            let text =
                "the destructor of something that was freed uses atomics, locks or threads; \
                        it runs when the execution is over, and must not"
                    .into();
            s.fail(Failure::new(FailureKind::Panic, text));
        });
    }
}

/// Installs the session of this OS thread.
pub(crate) fn install(session: Session) {
    SESSION.with(|slot| {
        let mut slot = slot.borrow_mut();
        assert!(slot.is_none(), "a model runs inside another one");
        *slot = Some(Box::new(session));
    });
}

/// Takes the session out again.
pub(crate) fn remove() -> Box<Session> {
    SESSION
        .with(|slot| slot.borrow_mut().take())
        .expect("a session")
}

/// Works on the session of this OS thread.
///
/// # Panics
/// Outside a model.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&mut Session) -> R) -> R {
    SESSION.with(|slot| {
        let mut slot = slot.borrow_mut();
        f(slot
            .as_mut()
            .expect("shared objects of the explorer work inside a model only"))
    })
}

/// The run, the thread and its number of events, inside a model.
pub(crate) fn whereabouts() -> Option<(u64, ThreadId, u32)> {
    SESSION.with(|slot| {
        let slot = slot.try_borrow().ok()?;
        let session = slot.as_ref()?;
        let thread = session.threads.get(session.current as usize)?;
        Some((session.run, session.current, thread.pos as u32))
    })
}

impl Session {
    pub(crate) fn new(
        config: Arc<Config>,
        registry: Arc<Mutex<Registry>>,
        seen: Seen,
        search: Search,
    ) -> Self {
        Session {
            rules: Rules {
                model: config.model,
                mutation: config.mutation,
                waits_outside: config.reduce.waits,
            },
            stacks: StackPool::new(config.stack_size),
            config,
            heads: Heads::new(&seen),
            seen,
            restart: false,
            search,
            registry,
            known: HashMap::new(),
            ranking: vec![(Vec::new(), 0)],
            run: 0,
            threads: Vec::new(),
            current: 0,
            chosen: None,
            remaining: 0,
            bound: Vec::new(),
            cells: Cells::default(),
            heap: Heap::default(),
            alone: None,
            afterwards: HashMap::new(),
            failure: None,
            bounded: false,
            dead: false,
            closing: false,
            gives_up: false,
            deadline: None,
            asked: 0,
            stopped: false,
            probe: None,
            repeat: None,
            learns: true,
            cut_early: false,
            proved: HashSet::new(),
            cut: None,
        }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.search.graph
    }

    /// Starts a run.
    pub(crate) fn begin(&mut self) {
        self.run = RUNS.fetch_add(1, Relaxed);
        self.threads.clear();
        self.current = 0;
        self.chosen = None;
        self.remaining = self.search.graph.len();
        self.bound.clear();
        self.cells.clear();
        self.heap = Heap::default();
        self.alone = None;
        self.afterwards.clear();
        self.failure = None;
        self.dead = false;
        (self.closing, self.gives_up) = (false, false);
        self.probe = None;
        self.repeat = None;
        self.cut_early = false;
    }

    /// Adds the first thread to the run, which runs the program.
    pub(crate) fn start_main(&mut self, program: &Program, site: Site) {
        let fiber = self.stacks.main(program, move || ops::end(site));
        self.add_thread(0, fiber);
    }

    /// Adds a thread to the run: it runs its function, then has its last event.
    pub(crate) fn start(&mut self, id: ThreadId, body: impl FnOnce() + 'static, site: Site) {
        let fiber = self.stacks.fiber(move || {
            body();
            ops::end(site);
        });
        self.add_thread(id, fiber);
    }

    fn add_thread(&mut self, id: ThreadId, fiber: Fiber) {
        let count = id as usize + 1;
        if self.threads.len() < count {
            self.threads.resize_with(count, Thread::default);
        }
        let thread = &mut self.threads[id as usize];
        *thread = Thread {
            fiber: Some(fiber),
            status: Some(Status::Ready),
            ..Thread::default()
        };
    }

    /// The id of the next child of a thread.
    pub(crate) fn child(&mut self, parent: ThreadId, nth: u32) -> ThreadId {
        if let Some(&id) = self.known.get(&(parent, nth)) {
            return id;
        }
        let mut registry = self.registry.lock().expect("the registry of threads");
        let (id, path) = registry.child(parent, nth);
        drop(registry);
        self.known.insert((parent, nth), id);
        let at = self.ranking.partition_point(|(other, _)| *other < path);
        self.ranking.insert(at, (path, id));
        id
    }

    /// The location of an object. `replayed` is the one that the graph names.
    pub(crate) fn locate(&mut self, object: &Object, init: u64, replayed: Option<LocId>) -> LocId {
        if let Some(id) = object.bound(self.run) {
            return id;
        }
        let id = replayed
            .filter(|&id| !self.is_bound(id))
            .unwrap_or_else(|| {
                let free = self.bound.iter().position(|bound| !bound);
                free.unwrap_or(self.bound.len()) as LocId
            });
        let at = id as usize;
        if self.bound.len() <= at {
            self.bound.resize(at + 1, false);
        }
        self.bound[at] = true;
        let places = &mut self.search.graph.places;
        if places.len() <= at {
            places.resize_with(at + 1, Default::default);
        }
        places[at].init = init;
        places[at].name = object.name;
        object.bind(self.run, id);
        id
    }

    fn is_bound(&self, id: LocId) -> bool {
        self.bound.get(id as usize).copied().unwrap_or(false)
    }

    /// Is the search to stop now? What the run at hand has added stays: it goes on from
    /// there. A run that finds again what was forgotten is not stopped.
    pub(crate) fn stops(&mut self) -> bool {
        self.asked += 1;
        if self.asked >= LOOK {
            self.asked = 0;
            return self.stops_now();
        }
        self.stopped
    }

    /// The same, and not only once in a while.
    pub(crate) fn stops_now(&mut self) -> bool {
        if !self.search.retraces() {
            let interrupt = self.config.interrupt.as_ref();
            self.stopped = interrupt.is_some_and(|flag| flag.load(Relaxed))
                || self.deadline.is_some_and(|at| Instant::now() >= at);
        }
        self.stopped
    }

    /// Notes a failure; the first one counts.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }
}
