//! Shapes: the events of a program once the outcome of every compare-exchange and try-lock, and
//! the lock at which each thread hangs (if it does), are guessed.
//!
//! A lock is a word of its own that is 0 when free and 1 when held by one owner:
//!
//! | instruction | events | expects |
//! | --- | --- | --- |
//! | `Lock`, `WriteLock`, `TryLock` that succeeds | read, then write of 1 (rmw) | reads 0 |
//! | `Unlock`, `WriteUnlock` | write of 0 | |
//! | `TryLock` that fails | read | reads 1 |
//! | `ReadLock` | read | reads 0 |
//! | `ReadUnlock` | [`Kind::ReadUnlock`], not a write | |
//!
//! With coherence and atomicity, `co` of a mutex word is then `init L1 U1 L2 U2 …`: the order of
//! its critical sections. Readers of a read-write lock read from the unlock before them.

use crate::program::{Instr, Order, Program};

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Read of a word.
    Read,
    /// Write of a word, the initial one included.
    Write,
    /// Fence.
    Fence,
    /// A reader leaves a read-write lock.
    ReadUnlock,
    /// Non-atomic read.
    CellRead,
    /// Non-atomic write.
    CellWrite,
}

/// What an event touches; fences touch nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An atomic word, by its number.
    Atomic(usize),
    /// The word of a mutex.
    Mutex(usize),
    /// The word of a read-write lock.
    RwLock(usize),
    /// A non-atomic cell.
    Cell(usize),
}

/// The value that a write writes or a thread yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Known.
    Known(u64),
    /// The value of a read event, plus a constant.
    Read(usize, u64),
}

/// What the guess demands of the value read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// Exactly this.
    Equal(u64),
    /// Anything else than this.
    Other(u64),
}

impl Expect {
    /// `value` agrees with the guess.
    pub fn admits(self, value: u64) -> bool {
        match self {
            Expect::Any => true,
            Expect::Equal(wanted) => value == wanted,
            Expect::Other(unwanted) => value != unwanted,
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Thread; none for initial writes.
    pub thread: Option<usize>,
    /// Instruction in the thread; 0 for initial writes.
    pub instr: usize,
    /// What it does.
    pub kind: Kind,
    /// What it touches.
    pub place: Option<Place>,
    /// Ordering of an atomic access or a fence; none for initial writes, locks and cells.
    pub order: Option<Order>,
    /// A locked instruction on x86: part of a read-modify-write, or an acquired lock.
    pub locked: bool,
    /// Of a read.
    pub expect: Expect,
    /// Of a write.
    pub value: Value,
}

/// The events of one guess.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Initial writes, then thread after thread in program order.
    pub events: Vec<Event>,
    /// Read and write of each read-modify-write that succeeds.
    pub rmw: Vec<(usize, usize)>,
    /// `ReadLock` and its `ReadUnlock`, if it is reached.
    pub readers: Vec<(usize, Option<usize>)>,
    /// Yielded values of each thread.
    pub yields: Vec<Vec<Value>>,
    /// The lock instruction at which a thread hangs, with the word it waits for.
    pub blocked: Vec<Option<(Instr, Place)>>,
}

/// How one instruction with several outcomes turns out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    /// The compare-exchange or try-lock succeeds, the lock is acquired.
    Succeed,
    /// The compare-exchange or try-lock fails.
    Fail,
    /// The thread waits for the lock forever.
    Hang,
}

/// All shapes of a program: every combination of guesses.
pub fn shapes(program: &Program) -> Vec<Shape> {
    let mut first = Shape::default();
    let words = (0..program.locations)
        .map(Place::Atomic)
        .chain((0..program.mutexes).map(Place::Mutex))
        .chain((0..program.rwlocks).map(Place::RwLock));
    for place in words {
        first.events.push(Event {
            place: Some(place),
            ..blank(None, 0, Kind::Write)
        });
    }
    let mut shapes = vec![first];
    for (number, thread) in program.threads.iter().enumerate() {
        let paths = paths(thread);
        shapes = shapes
            .iter()
            .flat_map(|shape| paths.iter().map(|path| extend(shape, number, thread, path)))
            .collect();
    }
    shapes
}

/// The guesses along each path of a thread, one per instruction that is reached.
fn paths(thread: &[Instr]) -> Vec<Vec<Guess>> {
    let mut open = vec![Vec::new()];
    let mut done = Vec::new();
    for instr in thread {
        let guesses: &[Guess] = match instr {
            Instr::CompareExchange { .. } | Instr::TryLock(_) => &[Guess::Succeed, Guess::Fail],
            Instr::Lock(_) | Instr::ReadLock(_) | Instr::WriteLock(_) => {
                &[Guess::Succeed, Guess::Hang]
            }
            _ => &[Guess::Succeed],
        };
        let mut next = Vec::new();
        for path in open {
            for &guess in guesses {
                let mut path = path.clone();
                path.push(guess);
                if guess == Guess::Hang {
                    done.push(path)
                } else {
                    next.push(path)
                }
            }
        }
        open = next;
    }
    done.extend(open);
    done
}

fn blank(thread: Option<usize>, instr: usize, kind: Kind) -> Event {
    Event {
        thread,
        instr,
        kind,
        place: None,
        order: None,
        locked: false,
        expect: Expect::Any,
        value: Value::Known(0),
    }
}

/// The shape with one more thread, which follows `path`.
fn extend(shape: &Shape, number: usize, thread: &[Instr], path: &[Guess]) -> Shape {
    let mut walk = Walk {
        shape: shape.clone(),
        thread: number,
        instr: 0,
        tries: Vec::new(),
        readers: Vec::new(),
    };
    walk.shape.yields.push(Vec::new());
    walk.shape.blocked.push(None);
    for (index, (instr, &guess)) in thread.iter().zip(path).enumerate() {
        walk.instr = index;
        walk.step(*instr, guess);
    }
    walk.shape
}

/// A thread on its way along a path.
struct Walk {
    shape: Shape,
    thread: usize,
    instr: usize,
    /// Open mutex sections: the mutex, and whether it was really acquired.
    tries: Vec<(usize, bool)>,
    /// Open reader sections: the lock, and the index in `shape.readers`.
    readers: Vec<(usize, usize)>,
}

impl Walk {
    fn push(&mut self, kind: Kind, place: Option<Place>, order: Option<Order>) -> &mut Event {
        let blank = blank(Some(self.thread), self.instr, kind);
        self.shape.events.push(Event {
            place,
            order,
            ..blank
        });
        self.shape.events.last_mut().expect("just pushed")
    }

    fn last(&self) -> usize {
        self.shape.events.len() - 1
    }

    fn yielded(&mut self, value: Value) {
        self.shape.yields[self.thread].push(value);
    }

    fn read(&mut self, place: Place, order: Option<Order>, expect: Expect) -> usize {
        self.push(Kind::Read, Some(place), order).expect = expect;
        self.last()
    }

    fn write(&mut self, place: Place, order: Option<Order>, value: Value) -> usize {
        self.push(Kind::Write, Some(place), order).value = value;
        self.last()
    }

    /// Read and write of a read-modify-write; `value` gets the read. Returns the read.
    fn rmw(
        &mut self,
        place: Place,
        order: Option<Order>,
        expect: Expect,
        value: impl Fn(usize) -> Value,
    ) -> usize {
        let read = self.read(place, order, expect);
        let write = self.write(place, order, value(read));
        self.shape.events[read].locked = true;
        self.shape.events[write].locked = true;
        self.shape.rmw.push((read, write));
        read
    }

    fn step(&mut self, instr: Instr, guess: Guess) {
        match instr {
            Instr::Load { loc, ord } => {
                let read = self.read(Place::Atomic(loc), Some(ord), Expect::Any);
                self.yielded(Value::Read(read, 0));
            }
            Instr::Store { loc, value, ord } => {
                self.write(Place::Atomic(loc), Some(ord), Value::Known(value));
            }
            Instr::StoreLoaded {
                loc,
                from_read,
                add,
                ord,
            } => {
                let value = match self.shape.yields[self.thread][from_read] {
                    Value::Known(value) => Value::Known(value.wrapping_add(add)),
                    Value::Read(read, more) => Value::Read(read, more.wrapping_add(add)),
                };
                self.write(Place::Atomic(loc), Some(ord), value);
            }
            Instr::FetchAdd { loc, add, ord } => {
                let value = |read| Value::Read(read, add);
                let read = self.rmw(Place::Atomic(loc), Some(ord), Expect::Any, value);
                self.yielded(Value::Read(read, 0));
            }
            Instr::Swap { loc, value, ord } => {
                let value = |_| Value::Known(value);
                let read = self.rmw(Place::Atomic(loc), Some(ord), Expect::Any, value);
                self.yielded(Value::Read(read, 0));
            }
            Instr::CompareExchange {
                loc,
                expected,
                new,
                success,
                failure,
            } => {
                let place = Place::Atomic(loc);
                let read = if guess == Guess::Succeed {
                    let value = |_| Value::Known(new);
                    self.rmw(place, Some(success), Expect::Equal(expected), value)
                } else {
                    self.read(place, Some(failure), Expect::Other(expected))
                };
                self.yielded(Value::Read(read, 0));
            }
            Instr::Fence { ord } => {
                self.push(Kind::Fence, None, Some(ord));
            }
            Instr::CellRead(cell) => {
                self.push(Kind::CellRead, Some(Place::Cell(cell)), None);
            }
            Instr::CellWrite(cell) => {
                self.push(Kind::CellWrite, Some(Place::Cell(cell)), None);
            }
            _ => self.lock_step(instr, guess),
        }
    }

    fn lock_step(&mut self, instr: Instr, guess: Guess) {
        match instr {
            Instr::Lock(m) => {
                self.acquire(instr, Place::Mutex(m), guess);
                self.tries.push((m, true));
            }
            Instr::TryLock(m) => {
                let taken = guess == Guess::Succeed;
                if taken {
                    self.acquire(instr, Place::Mutex(m), guess);
                } else {
                    self.read(Place::Mutex(m), None, Expect::Equal(1));
                }
                self.tries.push((m, taken));
                self.yielded(Value::Known(u64::from(taken)));
            }
            Instr::Unlock(m) => {
                let latest = self.tries.iter().rposition(|open| open.0 == m);
                if self
                    .tries
                    .remove(latest.expect("checked: unlock follows lock"))
                    .1
                {
                    self.write(Place::Mutex(m), None, Value::Known(0));
                }
            }
            Instr::ReadLock(rw) if guess == Guess::Hang => {
                self.shape.blocked[self.thread] = Some((instr, Place::RwLock(rw)));
            }
            Instr::ReadLock(rw) => {
                let read = self.read(Place::RwLock(rw), None, Expect::Equal(0));
                self.shape.events[read].locked = true;
                self.readers.push((rw, self.shape.readers.len()));
                self.shape.readers.push((read, None));
            }
            Instr::ReadUnlock(rw) => {
                let latest = self.readers.iter().rposition(|open| open.0 == rw);
                let reader = self
                    .readers
                    .remove(latest.expect("checked: unlock follows lock"))
                    .1;
                self.push(Kind::ReadUnlock, Some(Place::RwLock(rw)), None);
                self.shape.readers[reader].1 = Some(self.last());
            }
            Instr::WriteLock(rw) => self.acquire(instr, Place::RwLock(rw), guess),
            Instr::WriteUnlock(rw) => {
                self.write(Place::RwLock(rw), None, Value::Known(0));
            }
            _ => unreachable!("not a lock instruction: {instr:?}"),
        }
    }

    /// An exclusive acquisition, or the thread hangs there.
    fn acquire(&mut self, instr: Instr, place: Place, guess: Guess) {
        if guess == Guess::Hang {
            self.shape.blocked[self.thread] = Some((instr, place));
        } else {
            self.rmw(place, None, Expect::Equal(0), |_| Value::Known(1));
        }
    }
}
