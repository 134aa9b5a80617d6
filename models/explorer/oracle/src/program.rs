//! Programs: a few threads of a few instructions over shared words.

/// The ordering of an atomic access or fence, as in C++ and Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// `memory_order_relaxed`
    Relaxed,
    /// `memory_order_acquire`
    Acquire,
    /// `memory_order_release`
    Release,
    /// `memory_order_acq_rel`
    AcqRel,
    /// `memory_order_seq_cst`
    SeqCst,
}

impl Order {
    /// All orderings, weakest first.
    pub const ALL: [Order; 5] = [
        Order::Relaxed,
        Order::Acquire,
        Order::Release,
        Order::AcqRel,
        Order::SeqCst,
    ];

    /// A read with this ordering is an acquire read.
    pub fn acquires(self) -> bool {
        matches!(self, Order::Acquire | Order::AcqRel | Order::SeqCst)
    }

    /// A write with this ordering is a release write.
    pub fn releases(self) -> bool {
        matches!(self, Order::Release | Order::AcqRel | Order::SeqCst)
    }

    /// A load may have this ordering.
    pub fn fits_load(self) -> bool {
        matches!(self, Order::Relaxed | Order::Acquire | Order::SeqCst)
    }

    /// A store may have this ordering.
    pub fn fits_store(self) -> bool {
        matches!(self, Order::Relaxed | Order::Release | Order::SeqCst)
    }
}

/// One instruction of a thread.
///
/// Atomic words, mutexes, read-write locks, condition variables and cells are numbered separately,
/// each from 0. An
/// instruction marked *yields* appends one value to the thread's reads in the [`Outcome`].
///
/// [`Outcome`]: crate::Outcome
#[expect(
    missing_docs,
    reason = "the fields say what they are; the variants say what they do"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instr {
    /// Atomic load; yields the value read.
    Load { loc: usize, ord: Order },
    /// Atomic store of a constant.
    Store { loc: usize, value: u64, ord: Order },
    /// Atomic store of `add` plus the thread's `from_read`-th yielded value (wrapping).
    StoreLoaded {
        loc: usize,
        from_read: usize,
        add: u64,
        ord: Order,
    },
    /// Atomic read-modify-write, wrapping addition; yields the old value.
    FetchAdd { loc: usize, add: u64, ord: Order },
    /// Atomic exchange; yields the old value.
    Swap { loc: usize, value: u64, ord: Order },
    /// Strong compare-exchange; yields the value read. It fails exactly when that value differs
    /// from `expected`, and then it is a read with the ordering `failure` and nothing else.
    CompareExchange {
        loc: usize,
        expected: u64,
        new: u64,
        success: Order,
        failure: Order,
    },
    /// Fence (not `Relaxed`).
    Fence { ord: Order },
    /// Acquires a mutex; blocks while it is held, also by this thread.
    Lock(usize),
    /// Releases the mutex for the latest `Lock` or `TryLock` of it that has no `Unlock` yet; no
    /// event at all if that one was a `TryLock` that failed.
    Unlock(usize),
    /// Acquires a mutex and yields 1, or finds it held and yields 0 (no spurious failure).
    TryLock(usize),
    /// Acquires a read-write lock for reading; blocks while a writer holds it.
    ReadLock(usize),
    /// Acquires a read-write lock for reading and yields 1, or finds that a writer holds it and
    /// yields 0 (no spurious failure).
    TryReadLock(usize),
    /// Releases the latest `ReadLock` or `TryReadLock`; no event if that was a try that failed.
    ReadUnlock(usize),
    /// Acquires a read-write lock for writing; blocks while any thread holds it.
    WriteLock(usize),
    /// Acquires a read-write lock for writing and yields 1, or finds that some thread holds it
    /// and yields 0 (no spurious failure).
    TryWriteLock(usize),
    /// Releases the latest `WriteLock` or `TryWriteLock`; no event if that was a try that failed.
    WriteUnlock(usize),
    /// Releases a mutex, of which the latest open section began with `Lock`, and waits for a
    /// notification, both at once; then acquires the mutex again.
    Wait { condvar: usize, mutex: usize },
    /// Wakes one of the threads that wait, if any does.
    NotifyOne(usize),
    /// Wakes all threads that wait.
    NotifyAll(usize),
    /// Non-atomic read of a cell. Cells carry no values: they only race.
    CellRead(usize),
    /// Non-atomic write of a cell.
    CellWrite(usize),
}

impl Instr {
    /// The instruction appends a value to the reads of its thread.
    pub fn yields(&self) -> bool {
        matches!(
            self,
            Instr::Load { .. }
                | Instr::FetchAdd { .. }
                | Instr::Swap { .. }
                | Instr::CompareExchange { .. }
                | Instr::TryLock(_)
                | Instr::TryReadLock(_)
                | Instr::TryWriteLock(_)
        )
    }

    /// The instruction has events in an execution graph. Those that have none are known to the
    /// interleaving machine only.
    pub fn has_events(&self) -> bool {
        !matches!(
            self,
            Instr::TryReadLock(_)
                | Instr::TryWriteLock(_)
                | Instr::Wait { .. }
                | Instr::NotifyOne(_)
                | Instr::NotifyAll(_)
        )
    }
}

/// A program. All threads start together after the initial writes (every word is 0, every lock
/// free) and the outcome is read after all have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Program {
    /// The instructions of each thread.
    pub threads: Vec<Vec<Instr>>,
    /// Number of atomic words.
    pub locations: usize,
    /// Number of mutexes.
    pub mutexes: usize,
    /// Number of read-write locks.
    pub rwlocks: usize,
    /// Number of condition variables.
    pub condvars: usize,
}

impl Program {
    /// A program that has the words, locks and condition variables up to the last one that an
    /// instruction names, and no more.
    pub fn new(threads: Vec<Vec<Instr>>) -> Self {
        let mut program = Program::default();
        let has = |count: &mut usize, index: usize| *count = (*count).max(index + 1);
        for instr in threads.iter().flatten() {
            match *instr {
                Instr::Load { loc, .. }
                | Instr::Store { loc, .. }
                | Instr::StoreLoaded { loc, .. }
                | Instr::FetchAdd { loc, .. }
                | Instr::Swap { loc, .. }
                | Instr::CompareExchange { loc, .. } => has(&mut program.locations, loc),
                Instr::Lock(m) | Instr::Unlock(m) | Instr::TryLock(m) => {
                    has(&mut program.mutexes, m);
                }
                Instr::ReadLock(rw)
                | Instr::TryReadLock(rw)
                | Instr::ReadUnlock(rw)
                | Instr::WriteLock(rw)
                | Instr::TryWriteLock(rw)
                | Instr::WriteUnlock(rw) => has(&mut program.rwlocks, rw),
                Instr::Wait { condvar, mutex } => {
                    has(&mut program.condvars, condvar);
                    has(&mut program.mutexes, mutex);
                }
                Instr::NotifyOne(condvar) | Instr::NotifyAll(condvar) => {
                    has(&mut program.condvars, condvar);
                }
                Instr::Fence { .. } | Instr::CellRead(_) | Instr::CellWrite(_) => {}
            }
        }
        Program { threads, ..program }
    }

    /// Number of instructions in all threads.
    pub fn len(&self) -> usize {
        self.threads.iter().map(Vec::len).sum()
    }

    /// The program has no instruction.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Why the program means nothing: an index out of range, an ordering that the instruction
    /// cannot have, an unlock without a lock, a wait without its mutex, a `from_read` that is not yet read.
    pub fn check(&self) -> Result<(), String> {
        for (number, thread) in self.threads.iter().enumerate() {
            Checker::new(self)
                .thread(thread)
                .map_err(|why| format!("P{number}, {why}"))?;
        }
        Ok(())
    }
}

/// Static state of one thread while it is checked: open critical sections and yielded values.
struct Checker<'a> {
    program: &'a Program,
    /// For each lock, its open sections: were they entered for sure?
    locked: Vec<Vec<bool>>,
    read_locked: Vec<Vec<bool>>,
    write_locked: Vec<Vec<bool>>,
    yielded: usize,
}

impl<'a> Checker<'a> {
    fn new(program: &'a Program) -> Self {
        Checker {
            program,
            locked: vec![Vec::new(); program.mutexes],
            read_locked: vec![Vec::new(); program.rwlocks],
            write_locked: vec![Vec::new(); program.rwlocks],
            yielded: 0,
        }
    }

    fn thread(mut self, thread: &[Instr]) -> Result<(), String> {
        for instr in thread {
            self.instr(instr)
                .map_err(|why| format!("`{instr}`: {why}"))?;
            self.yielded += usize::from(instr.yields());
        }
        Ok(())
    }

    fn instr(&mut self, instr: &Instr) -> Result<(), &'static str> {
        let locations = self.program.locations;
        let word = |loc: usize| require(loc < locations, "no such location");
        match *instr {
            Instr::Load { loc, ord } => {
                word(loc)?;
                require(ord.fits_load(), "not an ordering of loads")
            }
            Instr::Store { loc, ord, .. } => {
                word(loc)?;
                require(ord.fits_store(), "not an ordering of stores")
            }
            Instr::StoreLoaded {
                loc,
                from_read,
                ord,
                ..
            } => {
                word(loc)?;
                require(from_read < self.yielded, "no such read before it")?;
                require(ord.fits_store(), "not an ordering of stores")
            }
            Instr::FetchAdd { loc, .. } | Instr::Swap { loc, .. } => word(loc),
            Instr::CompareExchange { loc, failure, .. } => {
                word(loc)?;
                require(failure.fits_load(), "not an ordering of failures")
            }
            Instr::Fence { ord } => require(ord != Order::Relaxed, "a relaxed fence"),
            Instr::Lock(m) => open(&mut self.locked, m, true),
            Instr::TryLock(m) => open(&mut self.locked, m, false),
            Instr::Unlock(m) => close(&mut self.locked, m),
            Instr::ReadLock(rw) => open(&mut self.read_locked, rw, true),
            Instr::TryReadLock(rw) => open(&mut self.read_locked, rw, false),
            Instr::ReadUnlock(rw) => close(&mut self.read_locked, rw),
            Instr::WriteLock(rw) => open(&mut self.write_locked, rw, true),
            Instr::TryWriteLock(rw) => open(&mut self.write_locked, rw, false),
            Instr::Wait { condvar, mutex } => {
                require(
                    condvar < self.program.condvars,
                    "no such condition variable",
                )?;
                let held = self.locked.get(mutex).and_then(|sections| sections.last());
                require(held == Some(&true), "a wait without its mutex")
            }
            Instr::NotifyOne(condvar) | Instr::NotifyAll(condvar) => require(
                condvar < self.program.condvars,
                "no such condition variable",
            ),
            Instr::WriteUnlock(rw) => close(&mut self.write_locked, rw),
            Instr::CellRead(_) | Instr::CellWrite(_) => Ok(()),
        }
    }
}

fn require(holds: bool, why: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(why) }
}

fn open(held: &mut [Vec<bool>], lock: usize, surely: bool) -> Result<(), &'static str> {
    held.get_mut(lock).ok_or("no such lock")?.push(surely);
    Ok(())
}

fn close(held: &mut [Vec<bool>], lock: usize) -> Result<(), &'static str> {
    let sections = held.get_mut(lock).ok_or("no such lock")?;
    sections.pop().map(drop).ok_or("an unlock without its lock")
}
