//! Operations over a window of pages, as they are given: over whole pages, or bytes.

use std::fmt;

use crate::ops::{Answer, Backing, Bytes};
use crate::spec::seq::{Call, Machine, Specified};

/// One operation of a CPU; pages are numbered from the window's first, the CPU's own process is
/// 0 and the one that it forks 1.
///
/// `Display` is the operation as a litmus test has it, with the window as `A`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Given {
    /// An operation as a test may have it.
    Call(Call),
    /// A system call whose range is not given as whole pages. A subject that takes nothing
    /// else, as core does, does what is left of it.
    Bytes(Call, Bytes),
}

impl Given {
    /// Makes a process, which lives until the next operation: `child.rs` has what it does.
    pub const FORK: Given = Given::Call(Call::Fork { process: 1 });
    /// Waits until what was retired is free.
    pub const RCU_BARRIER: Given = Given::Call(Call::RcuBarrier {});
    /// The CPU runs a kernel thread from here on.
    pub const SWITCH_LAZY: Given = Given::Call(Call::SwitchLazy {});
    /// It comes back.
    pub const SWITCH_MAIN: Given = Given::Call(Call::Switch { process: 0 });

    /// `call` with its range given so. `mlock` and `munlock` are of all pages that their bytes touch, and whether they may be of
    /// so many that they lead over the top depends on the host's limits: they are given by whole pages then.
    pub fn with_bytes(call: Call, bytes: Bytes) -> Given {
        let is_lock = matches!(call, Call::Mlock { .. } | Call::Munlock { .. });
        match is_lock && matches!(bytes, Bytes::Unaligned | Bytes::Wrapping) {
            true => Given::Call(call),
            false => Given::Bytes(call, bytes),
        }
    }

    /// The call that it is.
    pub fn call(&self) -> &Call {
        match self {
            Given::Call(call) | Given::Bytes(call, _) => call,
        }
    }

    /// How its range is given, if not as whole pages.
    pub(super) fn bytes(&self) -> Option<Bytes> {
        match self {
            Given::Call(_) => None,
            Given::Bytes(_, bytes) => Some(*bytes),
        }
    }

    /// Does it on the specification, where a child lives until it [exits](Machine::exit).
    pub fn apply(&self, spec: &mut Machine) -> Answer {
        match self {
            Given::Bytes(call, bytes) => spec.apply_bytes(call, *bytes),
            Given::Call(Call::Fork { .. }) => spec.fork(),
            Given::Call(call) => spec.apply(call),
        }
    }

    /// Whether it is done on the specification and on the host, and not only looked at by its
    /// arguments.
    pub(super) fn acts(&self) -> bool {
        self.is_asked() && self.bytes().is_none_or(|bytes| bytes == Bytes::Short)
    }

    /// Whether it is an access or a system call.
    pub(crate) fn is_asked(&self) -> bool {
        self.call().is_asked()
    }

    /// Whether a litmus test can have it.
    pub(super) fn is_statement(&self) -> bool {
        self.bytes().is_none()
    }

    /// Whether it has an answer that is worth a register.
    pub fn has_answer(&self) -> bool {
        self.is_statement() && self.is_asked()
    }
}

/// Whether a call maps a file, or takes pages from it.
pub(crate) fn has_file(call: &Call) -> bool {
    match call {
        Call::Mmap { backing, .. } => *backing != Backing::Anon,
        call => matches!(call, Call::Truncate { .. } | Call::Punch { .. }),
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.call().in_window())?;
        match self.bytes() {
            None => Ok(()),
            Some(bytes) => write!(f, " {bytes}"),
        }
    }
}
