//! Operations over a window of pages.

use std::fmt;
use std::ops::Range;

use seqfault_core::{MmId, PageRange, Vpn};

use super::child::CHILD;
use crate::ops::{self, Backing};
use crate::spec::seq::{Bytes, Call, Machine, Ret};
use crate::subjects::{Addresses, protection};

/// One operation of a CPU; pages are numbered from the window's first.
///
/// `Display` is the operation as a litmus test has it, with the window as `A`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// What the specification answers too.
    Call(Call),
    /// A system call whose range is not given as whole pages. Core, which knows nothing
    /// else, does what is left of it.
    Bytes(Call, Bytes),
    /// A speculative TLB fill.
    Prefetch(usize),
    /// A TLB eviction.
    Evict(usize),
    /// Makes a process, which lives until the next operation: `child.rs` has what it does.
    Fork,
    /// Waits until what was retired is free.
    RcuBarrier,
    /// The CPU runs a kernel thread from here on.
    SwitchLazy,
    /// It comes back.
    SwitchMain,
}

impl Op {
    /// The call that it is.
    pub fn call(&self) -> &Call {
        match self {
            Op::Call(call) | Op::Bytes(call, _) => call,
            _ => &Call::Nop,
        }
    }

    /// Does it on the specification.
    pub(super) fn apply(&self, spec: &mut Machine) -> Ret {
        match self {
            Op::Bytes(call, bytes) => spec.apply_bytes(call, *bytes),
            Op::Fork => spec.fork(),
            op => spec.apply(op.call()),
        }
    }

    /// Whether its call is done, and not only looked at by its arguments.
    pub(super) fn acts(&self) -> bool {
        matches!(self, Op::Call(_) | Op::Fork | Op::Bytes(_, Bytes::Short))
    }

    /// Whether core may retire page tables in it.
    pub(super) fn may_retire_tables(&self) -> bool {
        matches!(
            self.call(),
            Call::Mmap { .. } | Call::Munmap(_) | Call::Dontneed(_)
        ) || *self == Op::Fork
    }

    /// Whether a litmus test can have it.
    pub(super) fn is_statement(&self) -> bool {
        !matches!(self, Op::Bytes(..))
    }

    /// Whether it has an answer that is worth a register.
    pub fn has_answer(&self) -> bool {
        *self == Op::Fork || self.is_statement() && *self.call() != Call::Nop
    }

    /// Whether a CPU may do it while it runs a kernel thread.
    pub(super) fn is_for_kernel_thread(&self) -> bool {
        matches!(self, Op::RcuBarrier | Op::SwitchLazy | Op::SwitchMain)
    }

    /// The operation on core, with the window at `first`; `None` where core has nothing to do.
    pub(super) fn on_core(&self, first: Vpn) -> Option<ops::Op<Addresses>> {
        Some(match self {
            Op::Call(call) | Op::Bytes(call, Bytes::Short) => return call_on_core(call, first),
            Op::Bytes(..) => return None,
            Op::Prefetch(page) => ops::Op::Prefetch {
                page: vpn(first, *page),
            },
            Op::Evict(page) => ops::Op::Evict {
                page: vpn(first, *page),
            },
            Op::Fork => ops::Op::Fork { process: CHILD },
            Op::RcuBarrier => ops::Op::RcuBarrier {},
            Op::SwitchLazy => ops::Op::SwitchLazy {},
            Op::SwitchMain => ops::Op::Switch {
                process: MmId::MAIN,
            },
        })
    }
}

fn vpn(first: Vpn, page: usize) -> Vpn {
    Vpn(first.0 + page as u64)
}

/// A call on core, with the window at `first`.
fn call_on_core(call: &Call, first: Vpn) -> Option<ops::Op<Addresses>> {
    let page = |page: &usize| vpn(first, *page);
    let range = |pages: &Range<usize>| PageRange::new(page(&pages.start), page(&pages.end));
    Some(match call {
        Call::Read(at) => ops::Op::Read { page: page(at) },
        Call::Write(at, word) => ops::Op::Write {
            page: page(at),
            word: *word,
        },
        Call::Xchg(at, word) => ops::Op::Xchg {
            page: page(at),
            word: *word,
        },
        Call::Exec(at) => ops::Op::Exec { page: page(at) },
        Call::Mmap {
            pages,
            prot,
            populate,
            noreplace,
        } => ops::Op::Mmap {
            pages: range(pages),
            prot: *prot,
            backing: Backing::Anon,
            populate: *populate,
            noreplace: *noreplace,
        },
        Call::Munmap(pages) => ops::Op::Munmap {
            pages: range(pages),
        },
        Call::Mremap(from, to) => ops::Op::Mremap {
            from: range(from),
            to: range(to),
        },
        Call::Mprotect(pages, prot) => ops::Op::Mprotect {
            pages: range(pages),
            prot: *prot,
        },
        Call::Dontneed(pages) => ops::Op::Dontneed {
            pages: range(pages),
        },
        Call::PopulateRead(pages) => ops::Op::PopulateRead {
            pages: range(pages),
        },
        Call::PopulateWrite(pages) => ops::Op::PopulateWrite {
            pages: range(pages),
        },
        Call::Fork(..) | Call::Nop => return None,
    })
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |pages: &Range<usize>| match pages.len() {
            1 => format!("A[{}]", pages.start),
            _ => format!("A[{}..{}]", pages.start, pages.end),
        };
        match self {
            Op::Call(Call::Read(page)) => write!(f, "read A[{page}]"),
            Op::Call(Call::Write(page, value)) => write!(f, "write A[{page}] {value}"),
            Op::Call(Call::Xchg(page, value)) => write!(f, "xchg A[{page}] {value}"),
            Op::Call(Call::Exec(page)) => write!(f, "exec A[{page}]"),
            Op::Call(Call::Mmap {
                pages,
                prot,
                populate,
                noreplace,
            }) => {
                write!(f, "mmap {} {}", part(pages), protection(*prot))?;
                if *populate {
                    f.write_str(" populate")?;
                }
                if *noreplace {
                    f.write_str(" noreplace")?;
                }
                Ok(())
            }
            Op::Call(Call::Munmap(pages)) => write!(f, "munmap {}", part(pages)),
            Op::Call(Call::Mremap(from, to)) => write!(f, "mremap {} {}", part(from), part(to)),
            Op::Call(Call::Mprotect(pages, prot)) => {
                write!(f, "mprotect {} {}", part(pages), protection(*prot))
            }
            Op::Call(Call::Dontneed(pages)) => write!(f, "madvise {} dontneed", part(pages)),
            Op::Call(Call::PopulateRead(pages)) => {
                write!(f, "madvise {} populate_read", part(pages))
            }
            Op::Call(Call::PopulateWrite(pages)) => {
                write!(f, "madvise {} populate_write", part(pages))
            }
            Op::Bytes(call, bytes) => {
                write!(f, "{} {bytes}", Op::Call(call.clone()))
            }
            Op::Call(Call::Fork(..)) | Op::Fork => f.write_str("fork"),
            Op::Call(Call::Nop) | Op::RcuBarrier => f.write_str("rcu_barrier"),
            Op::Prefetch(page) => write!(f, "prefetch A[{page}]"),
            Op::Evict(page) => write!(f, "evict A[{page}]"),
            Op::SwitchLazy => f.write_str("switch lazy"),
            Op::SwitchMain => f.write_str("switch main"),
        }
    }
}
