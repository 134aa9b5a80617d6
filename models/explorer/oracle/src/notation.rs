//! Notation: short names to write programs with, and the one-line-per-thread form to read them in.
//!
//! ```text
//! T0: store(x, 1, rlx); fence(sc); load(y, acq)
//! T1: lock(m0); write(c0); unlock(m0); cas(x, 0 -> 1, ar/rlx); store(y, r0+1, rel)
//! ```

use std::fmt::{Display, Formatter, Result};

use crate::program::{Instr, Order, Program};

/// Relaxed.
pub const RLX: Order = Order::Relaxed;
/// Acquire.
pub const ACQ: Order = Order::Acquire;
/// Release.
pub const REL: Order = Order::Release;
/// Acquire and release.
pub const AR: Order = Order::AcqRel;
/// Sequentially consistent.
pub const SC: Order = Order::SeqCst;

/// The first atomic word.
pub const X: usize = 0;
/// The second atomic word.
pub const Y: usize = 1;
/// The third atomic word.
pub const Z: usize = 2;

/// [`Instr::Load`]
pub fn load(loc: usize, ord: Order) -> Instr {
    Instr::Load { loc, ord }
}

/// [`Instr::Store`]
pub fn store(loc: usize, value: u64, ord: Order) -> Instr {
    Instr::Store { loc, value, ord }
}

/// [`Instr::StoreLoaded`]
pub fn store_loaded(loc: usize, from_read: usize, add: u64, ord: Order) -> Instr {
    Instr::StoreLoaded {
        loc,
        from_read,
        add,
        ord,
    }
}

/// [`Instr::FetchAdd`]
pub fn fetch_add(loc: usize, add: u64, ord: Order) -> Instr {
    Instr::FetchAdd { loc, add, ord }
}

/// [`Instr::Swap`]
pub fn swap(loc: usize, value: u64, ord: Order) -> Instr {
    Instr::Swap { loc, value, ord }
}

/// [`Instr::CompareExchange`]
pub fn cas(loc: usize, expected: u64, new: u64, success: Order, failure: Order) -> Instr {
    Instr::CompareExchange {
        loc,
        expected,
        new,
        success,
        failure,
    }
}

/// [`Instr::Fence`]
pub fn fence(ord: Order) -> Instr {
    Instr::Fence { ord }
}

impl Display for Order {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Order::Relaxed => "rlx",
            Order::Acquire => "acq",
            Order::Release => "rel",
            Order::AcqRel => "ar",
            Order::SeqCst => "sc",
        })
    }
}

/// An atomic word by name: `x y z w`, then `x4 x5 …`.
struct Word(usize);

impl Display for Word {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match ["x", "y", "z", "w"].get(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "x{}", self.0),
        }
    }
}

impl Display for Instr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match *self {
            Instr::Load { loc, ord } => write!(f, "load({}, {ord})", Word(loc)),
            Instr::Store { loc, value, ord } => write!(f, "store({}, {value}, {ord})", Word(loc)),
            Instr::StoreLoaded {
                loc,
                from_read,
                add,
                ord,
            } => {
                write!(f, "store({}, r{from_read}+{add}, {ord})", Word(loc))
            }
            Instr::FetchAdd { loc, add, ord } => write!(f, "fadd({}, {add}, {ord})", Word(loc)),
            Instr::Swap { loc, value, ord } => write!(f, "swap({}, {value}, {ord})", Word(loc)),
            Instr::CompareExchange {
                loc,
                expected,
                new,
                success,
                failure,
            } => {
                write!(
                    f,
                    "cas({}, {expected} -> {new}, {success}/{failure})",
                    Word(loc)
                )
            }
            Instr::Fence { ord } => write!(f, "fence({ord})"),
            Instr::Lock(m) => write!(f, "lock(m{m})"),
            Instr::Unlock(m) => write!(f, "unlock(m{m})"),
            Instr::TryLock(m) => write!(f, "trylock(m{m})"),
            Instr::ReadLock(rw) => write!(f, "rlock(l{rw})"),
            Instr::TryReadLock(rw) => write!(f, "tryrlock(l{rw})"),
            Instr::ReadUnlock(rw) => write!(f, "runlock(l{rw})"),
            Instr::WriteLock(rw) => write!(f, "wlock(l{rw})"),
            Instr::TryWriteLock(rw) => write!(f, "trywlock(l{rw})"),
            Instr::WriteUnlock(rw) => write!(f, "wunlock(l{rw})"),
            Instr::Wait { condvar, mutex } => write!(f, "wait(v{condvar}, m{mutex})"),
            Instr::NotifyOne(condvar) => write!(f, "notify1(v{condvar})"),
            Instr::NotifyAll(condvar) => write!(f, "notifyall(v{condvar})"),
            Instr::CellRead(cell) => write!(f, "read(c{cell})"),
            Instr::CellWrite(cell) => write!(f, "write(c{cell})"),
        }
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (number, thread) in self.threads.iter().enumerate() {
            let line: Vec<_> = thread.iter().map(Instr::to_string).collect();
            writeln!(f, "T{number}: {}", line.join("; "))?;
        }
        Ok(())
    }
}
