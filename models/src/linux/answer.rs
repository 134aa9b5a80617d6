//! What the kernel answers: a word, `ok`, a fault, or an errno.

use std::fmt;

use crate::litmus::ast::Value;
use crate::spec::seq::Ret;

/// Why a user access did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// `SEGV_MAPERR`: nothing is mapped there.
    Maperr,
    /// `SEGV_ACCERR`: the mapping forbids it.
    Accerr,
    /// `SIGBUS`, whatever its code.
    Bus,
    /// A signal that the tests have no name for.
    Other {
        /// The signal.
        signal: i32,
        /// Its `si_code`.
        code: i32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Maperr => f.write_str("maperr"),
            Fault::Accerr => f.write_str("accerr"),
            Fault::Bus => f.write_str("bus"),
            Fault::Other { signal, code } => write!(f, "signal {signal} code {code}"),
        }
    }
}

/// The answer to a user access or a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The word that a read or an exchange saw.
    Word(u64),
    /// `ok`
    Ok,
    /// The access faulted.
    Fault(Fault),
    /// The system call failed.
    Errno(i32),
    /// `mmap` answered with another address than it was given.
    Elsewhere,
}

impl Answer {
    /// As a register of a litmus test shows it.
    pub fn value(self) -> Value {
        match self {
            Answer::Word(word) => Value::Word(word),
            other => Value::Name(other.to_string()),
        }
    }
}

impl Answer {
    /// Whether it is the answer that the specification gives.
    pub fn is(self, expected: Ret) -> bool {
        match expected {
            Ret::Word(word) => self == Answer::Word(word),
            Ret::Ok => self == Answer::Ok,
            Ret::Maperr => self == Answer::Fault(Fault::Maperr),
            Ret::Accerr => self == Answer::Fault(Fault::Accerr),
            Ret::Enomem => self == Answer::Errno(libc::ENOMEM),
            Ret::Einval => self == Answer::Errno(libc::EINVAL),
            Ret::Eexist => self == Answer::Errno(libc::EEXIST),
            Ret::Efault => self == Answer::Errno(libc::EFAULT),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Word(word) => write!(f, "{word}"),
            Answer::Ok => f.write_str("ok"),
            Answer::Fault(fault) => fault.fmt(f),
            Answer::Errno(errno) => match ERRNOS.iter().find(|(number, _)| number == errno) {
                Some((_, name)) => f.write_str(name),
                None => write!(f, "errno {errno}"),
            },
            Answer::Elsewhere => f.write_str("elsewhere"),
        }
    }
}

/// The errors of the system calls that change mappings.
const ERRNOS: &[(i32, &str)] = &[
    (libc::EPERM, "eperm"),
    (libc::EINTR, "eintr"),
    (libc::EIO, "eio"),
    (libc::EBADF, "ebadf"),
    (libc::EAGAIN, "eagain"),
    (libc::ENOMEM, "enomem"),
    (libc::EACCES, "eacces"),
    (libc::EFAULT, "efault"),
    (libc::EBUSY, "ebusy"),
    (libc::EEXIST, "eexist"),
    (libc::ENODEV, "enodev"),
    (libc::EINVAL, "einval"),
    (libc::ENOSYS, "enosys"),
    (libc::EOVERFLOW, "eoverflow"),
    (libc::EOPNOTSUPP, "eopnotsupp"),
];
