//! Runs an enumerator's program on the explorer.

#![allow(dead_code, reason = "each test binary uses some")]

pub mod judge;

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use seqfault_explorer::cell::UnsafeCell;
use seqfault_explorer::graph::Graph;
use seqfault_explorer::graph::event::{Event, INIT, Kind};
use seqfault_explorer::mutation::Mutation;
use seqfault_explorer::sync::atomic::{AtomicU64, Ordering, fence};
use seqfault_explorer::sync::{
    Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use seqfault_explorer::{Builder, FailureKind, Model, Verdict, thread};
use seqfault_oracle::{Instr, Order, Program, Stuck};

/// What was found of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub outcomes: BTreeSet<(Vec<Vec<u64>>, Vec<u64>)>,
    pub executions: u64,
    pub blocked: u64,
    /// How threads are stuck.
    pub stuck: BTreeSet<Stuck>,
    pub races: bool,
    pub twice: u64,
    /// Some read-write lock counts its readers, in their order.
    pub counted: bool,
}

fn order(order: Order) -> Ordering {
    match order {
        Order::Relaxed => Ordering::Relaxed,
        Order::Acquire => Ordering::Acquire,
        Order::Release => Ordering::Release,
        Order::AcqRel => Ordering::AcqRel,
        Order::SeqCst => Ordering::SeqCst,
    }
}

struct World {
    words: Vec<AtomicU64>,
    mutexes: Vec<Mutex<()>>,
    rwlocks: Vec<RwLock<()>>,
    condvars: Vec<Condvar>,
    cells: Vec<UnsafeCell<()>>,
}

impl World {
    fn new(program: &Program) -> World {
        World {
            words: (0..program.locations).map(|_| AtomicU64::new(0)).collect(),
            mutexes: (0..program.mutexes).map(|_| Mutex::new(())).collect(),
            rwlocks: (0..program.rwlocks).map(|_| RwLock::new(())).collect(),
            condvars: (0..program.condvars).map(|_| Condvar::new()).collect(),
            cells: (0..8).map(|_| UnsafeCell::new(())).collect(),
        }
    }
}

/// The values that a thread has read, and the instruction that it is at.
pub type Place = (Vec<u64>, usize);

/// Runs a thread; tells at each instruction where it is.
fn run<'a>(world: &'a World, thread: &[Instr], tell: impl Fn(&[u64], usize)) {
    let mut reads = Vec::new();
    let mut held: Vec<(usize, Option<MutexGuard<'a, ()>>)> = Vec::new();
    let mut reading: Vec<(usize, Option<RwLockReadGuard<'a, ()>>)> = Vec::new();
    let mut writing: Vec<(usize, Option<RwLockWriteGuard<'a, ()>>)> = Vec::new();
    for (at, instr) in thread.iter().enumerate() {
        tell(&reads, at);
        match *instr {
            Instr::Load { loc, ord } => reads.push(world.words[loc].load(order(ord))),
            Instr::Store { loc, value, ord } => world.words[loc].store(value, order(ord)),
            Instr::StoreLoaded {
                loc,
                from_read,
                add,
                ord,
            } => {
                world.words[loc].store(reads[from_read].wrapping_add(add), order(ord));
            }
            Instr::FetchAdd { loc, add, ord } => {
                reads.push(world.words[loc].fetch_add(add, order(ord)));
            }
            Instr::Swap { loc, value, ord } => {
                reads.push(world.words[loc].swap(value, order(ord)));
            }
            Instr::CompareExchange {
                loc,
                expected,
                new,
                success,
                failure,
            } => {
                let orders = (order(success), order(failure));
                let result = world.words[loc].compare_exchange(expected, new, orders.0, orders.1);
                reads.push(result.unwrap_or_else(|old| old));
            }
            Instr::Fence { ord } => fence(order(ord)),
            Instr::Lock(m) => held.push((m, Some(world.mutexes[m].lock().unwrap()))),
            Instr::TryLock(m) => {
                let guard = world.mutexes[m].try_lock().ok();
                reads.push(u64::from(guard.is_some()));
                held.push((m, guard));
            }
            Instr::Unlock(m) => {
                let at = held.iter().rposition(|(other, _)| *other == m).unwrap();
                drop(held.remove(at));
            }
            Instr::ReadLock(l) => reading.push((l, Some(world.rwlocks[l].read().unwrap()))),
            Instr::WriteLock(l) => writing.push((l, Some(world.rwlocks[l].write().unwrap()))),
            Instr::TryReadLock(l) => {
                let guard = world.rwlocks[l].try_read().ok();
                reads.push(u64::from(guard.is_some()));
                reading.push((l, guard));
            }
            Instr::TryWriteLock(l) => {
                let guard = world.rwlocks[l].try_write().ok();
                reads.push(u64::from(guard.is_some()));
                writing.push((l, guard));
            }
            Instr::Wait { condvar, mutex } => {
                let section = held.iter_mut().rev().find(|(m, _)| *m == mutex);
                let (_, guard) = section.unwrap();
                let waited = world.condvars[condvar].wait(guard.take().unwrap());
                *guard = waited.ok();
            }
            Instr::NotifyOne(condvar) => world.condvars[condvar].notify_one(),
            Instr::NotifyAll(condvar) => world.condvars[condvar].notify_all(),
            Instr::ReadUnlock(l) => {
                let at = reading.iter().rposition(|(other, _)| *other == l).unwrap();
                drop(reading.remove(at));
            }
            Instr::WriteUnlock(l) => {
                let at = writing.iter().rposition(|(other, _)| *other == l).unwrap();
                drop(writing.remove(at));
            }
            Instr::CellRead(c) => world.cells[c].with(|_| ()),
            Instr::CellWrite(c) => world.cells[c].with_mut(|_| ()),
        }
    }
    // The enumerator's threads may end with a lock held.
    reading
        .into_iter()
        .for_each(|(_, guard)| std::mem::forget(guard));
    writing
        .into_iter()
        .for_each(|(_, guard)| std::mem::forget(guard));
    held.into_iter()
        .for_each(|(_, guard)| std::mem::forget(guard));
    tell(&reads, thread.len());
}

/// How far each thread came in the run at hand.
pub type Places = Arc<StdMutex<Vec<Place>>>;

/// The program as the explorer runs it.
pub fn body(
    program: &Program,
    layout: Layout,
    places: Places,
) -> impl Fn() + Send + Sync + 'static {
    let subject = program.clone();
    move || {
        let world = Arc::new(World::new(&subject));
        // Names the words in order, without a choice.
        world.words.iter().for_each(|word| {
            word.load(Ordering::Relaxed);
        });
        *places.lock().unwrap() = vec![Place::default(); subject.threads.len()];
        let body = |i: usize| {
            let (world, places) = (world.clone(), places.clone());
            let instrs = subject.threads[i].clone();
            move || {
                run(&world, &instrs, |reads, at| {
                    places.lock().unwrap()[i] = (reads.to_vec(), at);
                });
            }
        };
        let bodies: Vec<_> = (0..subject.threads.len()).map(body).collect();
        layout.start(bodies);
    }
}

/// A hash of a graph that does not depend on the order of addition.
pub fn canonical(graph: &Graph) -> u64 {
    let name = |id: u32| {
        let event = (id != INIT).then(|| graph.event(id));
        event.map_or((u32::MAX, 0), |e| (e.thread, e.index))
    };
    let mut hasher = DefaultHasher::new();
    for events in &graph.threads {
        events.len().hash(&mut hasher);
        for &id in events {
            let event = graph.event(id);
            (event.kind, event.loc, event.value).hash(&mut hasher);
            if event.kind == Kind::Read {
                name(event.rf).hash(&mut hasher);
            }
        }
    }
    for place in &graph.places {
        place
            .co
            .iter()
            .map(|&w| name(w))
            .collect::<Vec<_>>()
            .hash(&mut hasher);
    }
    hasher.finish()
}

/// Which thread starts the others, and which waits for them: this changes neither the
/// outcomes nor their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The first thread starts all.
    Plain,
    /// It starts the last one first.
    Reversed,
    /// It waits for all.
    Joined,
    /// Each thread starts the next one, and waits for it.
    Chained,
}

impl Layout {
    fn start<F: FnOnce() + 'static>(self, mut bodies: Vec<F>) {
        match self {
            Layout::Plain => bodies
                .into_iter()
                .for_each(|body| drop(thread::spawn(body))),
            Layout::Reversed => bodies
                .into_iter()
                .rev()
                .for_each(|b| drop(thread::spawn(b))),
            Layout::Joined => {
                let handles: Vec<_> = bodies.into_iter().map(thread::spawn).collect();
                handles
                    .into_iter()
                    .for_each(|handle| handle.join().unwrap());
            }
            Layout::Chained => {
                if bodies.is_empty() {
                    return;
                }
                let body = bodies.remove(0);
                thread::spawn(move || {
                    let next = thread::spawn(move || Layout::Chained.start(bodies));
                    body();
                    next.join().unwrap();
                });
            }
        }
    }
}

/// A search of a program that is compared has far fewer runs; one with a defect may have no end.
const RUNS: u64 = 200_000;

/// What an exploration has seen so far.
#[derive(Default)]
struct Seen {
    graphs: HashSet<u64>,
    findings: Findings,
}

/// Explores a program.
pub fn explore(program: &Program, model: Model, mutation: Mutation, layout: Layout) -> Findings {
    let mut builder = Builder::new().model(model).mutate(mutation);
    if mutation != Mutation::None {
        builder = builder.max_executions(20_000);
    }
    explore_with(builder, program, layout)
}

/// Explores a program, with options. An execution that is visited twice ends the search: one
/// that does so need not come to an end.
pub fn explore_with(builder: Builder, program: &Program, layout: Layout) -> Findings {
    let seen: Arc<StdMutex<Seen>> = Arc::default();
    let places = Places::default();
    let locations = program.locations;
    let (on_execution, after_run, on_restart) = (seen.clone(), seen.clone(), seen.clone());
    let (of_execution, of_run) = (places.clone(), places.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let endless = stop.clone();
    let report = builder
        .allow_blocked(true)
        .unwind(true)
        .interrupt(stop.clone())
        .on_execution(move |graph| {
            let mut seen = on_execution.lock().unwrap();
            if !seen.graphs.insert(canonical(graph)) {
                seen.findings.twice += 1;
                stop.store(true, Relaxed);
            }
            let writer = |event: &Event| event.kind == Kind::Write && event.value == u64::MAX;
            seen.findings.counted |= graph.events.iter().any(writer);
            // The first locations are the words: the first thread touches them.
            let finals = (0..locations)
                .map(|loc| {
                    let co = &graph.places[loc].co;
                    co.last().map_or(0, |&last| graph.event(last).value)
                })
                .collect::<Vec<_>>();
            let reads = of_execution
                .lock()
                .unwrap()
                .iter()
                .map(|p| p.0.clone())
                .collect();
            seen.findings.outcomes.insert((reads, finals));
        })
        // After every run: was it blocked?
        .progress(Duration::ZERO, move |progress| {
            let mut seen = after_run.lock().unwrap();
            if progress.blocked > seen.findings.blocked {
                let (reads, at) = of_run.lock().unwrap().iter().cloned().unzip();
                seen.findings.stuck.insert(Stuck { reads, at });
            }
            seen.findings.blocked = progress.blocked;
            if progress.runs() > RUNS {
                endless.store(true, Relaxed);
            }
        })
        .on_restart(move || *on_restart.lock().unwrap() = Seen::default())
        .check(body(program, layout, places));
    let races = match &report.verdict {
        Verdict::Fail(f) if f.kind == FailureKind::DataRace => true,
        Verdict::Fail(f) => panic!("{f}"),
        _ => false,
    };
    let findings = seen.lock().unwrap().findings.clone();
    Findings {
        executions: report.progress.executions,
        blocked: report.progress.blocked,
        races,
        ..findings
    }
}
