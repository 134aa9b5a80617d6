//! Notation: programs as text, one thread a line.
//!
//! ```text
//! P0: store x 1 rlx; fence sc; r0 = load y acq
//! P1: lock m0; write c0; unlock m0; r0 = cas x 0 1 ar rlx; store y r0+1 rel
//! ```
//!
//! | statement | instruction |
//! | --- | --- |
//! | `r0 = load x acq` | [`Instr::Load`] |
//! | `store x 1 rel` | [`Instr::Store`] |
//! | `store x r0 rlx`, `store x r0+1 rlx` | [`Instr::StoreLoaded`] |
//! | `r0 = fetch_add x 1 rlx` | [`Instr::FetchAdd`] |
//! | `r0 = swap x 1 sc` | [`Instr::Swap`] |
//! | `r0 = cas x 0 1 ar rlx` | [`Instr::CompareExchange`]: the expected value, the new one, the order of success, that of failure |
//! | `fence sc` | [`Instr::Fence`] |
//! | `lock m0`, `unlock m0`, `r0 = try_lock m0` | [`Instr::Lock`], [`Instr::Unlock`], [`Instr::TryLock`] |
//! | `read_lock l0`, `read_unlock l0`, `r0 = try_read_lock l0` | [`Instr::ReadLock`], [`Instr::ReadUnlock`], [`Instr::TryReadLock`] |
//! | `write_lock l0`, `write_unlock l0`, `r0 = try_write_lock l0` | [`Instr::WriteLock`], [`Instr::WriteUnlock`], [`Instr::TryWriteLock`] |
//! | `wait v0 m0`, `notify_one v0`, `notify_all v0` | [`Instr::Wait`], [`Instr::NotifyOne`], [`Instr::NotifyAll`] |
//! | `read c0`, `write c0` | [`Instr::CellRead`], [`Instr::CellWrite`] |
//!
//! The orders are `rlx`, `acq`, `rel`, `ar` and `sc`. The atomic words are `x`, `y`, `z`, `w`, then
//! `x4`, `x5` and so on. A statement that [yields](Instr::yields) a value has a register for it; a
//! thread's registers are `r0`, `r1` and so on in the order of its text: the number is the value's
//! index in [`Outcome::reads`](crate::Outcome::reads) of the thread. Lines that begin with `#` are
//! comments.

use std::fmt::{Display, Formatter, Result};

use crate::program::{Instr, Order, Program};

pub(crate) mod read;

pub use read::Mistake;

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

/// The names of the first atomic words.
const WORDS: [&str; 4] = ["x", "y", "z", "w"];

/// An atomic word by name: `x y z w`, then `x4 x5 …`.
struct Word(usize);

impl Display for Word {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match WORDS.get(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "x{}", self.0),
        }
    }
}

/// The sum of a register's value and a constant: `r0`, `r0+1`.
struct Sum(usize, u64);

impl Display for Sum {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match *self {
            Sum(register, 0) => write!(f, "r{register}"),
            Sum(register, add) => write!(f, "r{register}+{add}"),
        }
    }
}

impl Display for Instr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match *self {
            Instr::Load { loc, ord } => write!(f, "load {} {ord}", Word(loc)),
            Instr::Store { loc, value, ord } => write!(f, "store {} {value} {ord}", Word(loc)),
            Instr::StoreLoaded {
                loc,
                from_read,
                add,
                ord,
            } => write!(f, "store {} {} {ord}", Word(loc), Sum(from_read, add)),
            Instr::FetchAdd { loc, add, ord } => write!(f, "fetch_add {} {add} {ord}", Word(loc)),
            Instr::Swap { loc, value, ord } => write!(f, "swap {} {value} {ord}", Word(loc)),
            Instr::CompareExchange {
                loc,
                expected,
                new,
                success,
                failure,
            } => write!(f, "cas {} {expected} {new} {success} {failure}", Word(loc)),
            Instr::Fence { ord } => write!(f, "fence {ord}"),
            Instr::Lock(m) => write!(f, "lock m{m}"),
            Instr::Unlock(m) => write!(f, "unlock m{m}"),
            Instr::TryLock(m) => write!(f, "try_lock m{m}"),
            Instr::ReadLock(rw) => write!(f, "read_lock l{rw}"),
            Instr::TryReadLock(rw) => write!(f, "try_read_lock l{rw}"),
            Instr::ReadUnlock(rw) => write!(f, "read_unlock l{rw}"),
            Instr::WriteLock(rw) => write!(f, "write_lock l{rw}"),
            Instr::TryWriteLock(rw) => write!(f, "try_write_lock l{rw}"),
            Instr::WriteUnlock(rw) => write!(f, "write_unlock l{rw}"),
            Instr::Wait { condvar, mutex } => write!(f, "wait v{condvar} m{mutex}"),
            Instr::NotifyOne(condvar) => write!(f, "notify_one v{condvar}"),
            Instr::NotifyAll(condvar) => write!(f, "notify_all v{condvar}"),
            Instr::CellRead(cell) => write!(f, "read c{cell}"),
            Instr::CellWrite(cell) => write!(f, "write c{cell}"),
        }
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (number, thread) in self.threads.iter().enumerate() {
            let mut registers = 0..;
            write!(f, "P{number}:")?;
            for (place, instr) in thread.iter().enumerate() {
                f.write_str(if place == 0 { " " } else { "; " })?;
                if instr.yields()
                    && let Some(register) = registers.next()
                {
                    write!(f, "r{register} = ")?;
                }
                write!(f, "{instr}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
