//! Why an access or a system call did not go through.

use core::fmt;

/// Why an access did not go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// No VMA covers the address: SIGSEGV with SEGV_MAPERR.
    MapErr,
    /// The VMA does not allow it: SIGSEGV with SEGV_ACCERR.
    AccErr,
    /// There is no memory left for the page: SIGBUS.
    Bus,
}

impl Fault {
    /// Its name in litmus tests.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::MapErr => "maperr",
            Fault::AccErr => "accerr",
            Fault::Bus => "bus",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a system call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errno {
    /// ENOMEM: part of the range is not mapped, or there is no memory left.
    Nomem,
    /// EINVAL: the arguments make no sense.
    Inval,
    /// EEXIST: something is mapped there.
    Exist,
    /// EFAULT: a page could not be populated, or what was to be moved is not mapped.
    Fault,
}

impl Errno {
    /// Its name in litmus tests.
    pub const fn name(self) -> &'static str {
        match self {
            Errno::Nomem => "enomem",
            Errno::Inval => "einval",
            Errno::Exist => "eexist",
            Errno::Fault => "efault",
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
