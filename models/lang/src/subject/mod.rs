//! What operations are done on, one by one: a model, a kernel, or other memory management.
//!
//! Subjects are peers. A [`Subject`] has a window of pages and one CPU. It does operations, says
//! itself which ones it [lacks](Lacks), and shows its pages. What drives several of them side by side
//! compares answers and pages after each operation, and none of them needs to know of another:
//!
//! ```text
//!   sequence --op--> Subject::apply --> answer --------+
//!                    Subject::look  --> Seen, Seen, … -+--> allowed by the specification?
//!                    Subject::vmas  --> range, rights -+
//! ```

mod rights;
mod seen;

use std::fmt;
use std::ops::Range;

pub use rights::Rights;
pub use seen::{Child, OWNED, RESIDENT, Seen};

use crate::ops::{Answer, Bytes, Numbered, Op};

/// A window of pages, numbered from 0 on, in a process with one CPU.
///
/// What must be there is [`apply`](Subject::apply) for some operations, and
/// [`look`](Subject::look); [`reset`](Subject::reset) begins a sequence. All else may be left as it is.
pub trait Subject {
    /// Its name, by which reports tell it from others.
    fn name(&self) -> &'static str;

    /// Begins anew: with a process that has nothing in the window.
    fn reset(&mut self);

    /// Does `op`, which is no `fork`. What a program cannot see, as `rcu_barrier`, need not be there.
    ///
    /// # Errors
    /// What it lacks; it is as it was before.
    fn apply(&mut self, op: &Op<Numbered>) -> Result<Answer, Lacks>;

    /// Does `op`, a system call whose range is given as `bytes`. `None` if it takes whole pages
    /// alone, and has done what is left of the call then: all of it, or nothing.
    ///
    /// # Errors
    /// As [`apply`](Subject::apply).
    fn apply_bytes(&mut self, op: &Op<Numbered>, bytes: Bytes) -> Result<Option<Answer>, Lacks> {
        match bytes {
            Bytes::Short => self.apply(op).map(Some),
            Bytes::Empty | Bytes::Unaligned | Bytes::Wrapping => Ok(None),
        }
    }

    /// What is needed for `op` where it has nothing in the window, if it lacks it. It has nothing there
    /// afterwards either.
    fn lacks(&mut self, op: &Op<Numbered>) -> Option<Lacks> {
        let done = match op.is_fork() {
            true => {
                let forked = self.fork(&[], &mut Child::default());
                forked.inspect(|_| self.exit_child())
            }
            false => self.apply(op),
        };
        self.reset();
        done.err()
    }

    /// Shows its pages, each at most once, and changes none. Those that are as they were when they
    /// were last shown, since the last [`reset`](Subject::reset), may be left out.
    fn look(&mut self, show: &mut dyn FnMut(usize, Seen));

    /// Shows where its mappings begin and end, from the lowest to the highest; `false` if it has no
    /// such things.
    fn vmas(&mut self, show: &mut dyn FnMut(Range<usize>, Rights)) -> bool {
        let _ = show;
        false
    }

    /// Forks. `child` takes what the new process shows. It lives until its
    /// [end](Subject::exit_child), and may be looked at, or may do `accesses`, one after the other, or both.
    ///
    /// # Errors
    /// What it lacks.
    fn fork(&mut self, accesses: &[Op<Numbered>], child: &mut Child) -> Result<Answer, Lacks> {
        let _ = (accesses, child);
        Err(Lacks::op(self.name(), &Op::Fork { process: 1 }))
    }

    /// The forked process ends, if it has not ended by itself.
    fn exit_child(&mut self) {}

    /// Checks its own invariants, after each operation.
    ///
    /// # Panics
    /// If one does not hold.
    fn check(&mut self) {}
}

/// What a subject says of an operation that it does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lacks(String);

impl Lacks {
    /// The subject of this name does not have `op`.
    pub fn op(name: &str, op: &Op<Numbered>) -> Lacks {
        Lacks(format!("{name} does not support `{}`", op.in_window()))
    }

    /// It would need this.
    pub fn needs(what: impl Into<String>) -> Lacks {
        Lacks(what.into())
    }
}

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lacks {}
