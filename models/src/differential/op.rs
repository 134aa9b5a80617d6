//! Operations over a window of pages.

use std::fmt;
use std::ops::Range;

use seqfault_core::{self as core, Access, MmapFlags, PageRange, Vpn};

use super::child::CHILD;
use crate::litmus::ast::Prot;
use crate::scenario::Step;
use crate::spec::seq::{Bytes, Call, Machine, Ret};

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
    pub(super) fn step(&self, first: Vpn) -> Option<Step> {
        Some(match self {
            Op::Call(call) | Op::Bytes(call, Bytes::Short) => return core_call(call, first),
            Op::Bytes(..) => return None,
            Op::Prefetch(page) => Step::Prefetch(vpn(first, *page)),
            Op::Evict(page) => Step::Evict(vpn(first, *page)),
            Op::Fork => Step::Fork(CHILD),
            Op::RcuBarrier => Step::RcuBarrier,
            Op::SwitchLazy => Step::SwitchLazy,
            Op::SwitchMain => Step::SwitchMain,
        })
    }
}

fn vpn(first: Vpn, page: usize) -> Vpn {
    Vpn(first.0 + page as u64)
}

/// A call on core, with the window at `first`.
fn core_call(call: &Call, first: Vpn) -> Option<Step> {
    let vpn = |page: &usize| vpn(first, *page);
    let range = |pages: &Range<usize>| PageRange::new(vpn(&pages.start), vpn(&pages.end));
    Some(match call {
        Call::Read(page) => Step::Read(vpn(page)),
        Call::Write(page, value) => Step::Write(vpn(page), *value),
        Call::Xchg(page, value) => Step::Xchg(vpn(page), *value),
        Call::Exec(page) => Step::Exec(vpn(page)),
        Call::Mmap {
            pages,
            prot,
            populate,
            noreplace,
        } => {
            let flags = MmapFlags {
                noreplace: *noreplace,
                populate: *populate,
            };
            Step::Mmap(range(pages), core_prot(*prot), flags)
        }
        Call::Munmap(pages) => Step::Munmap(range(pages)),
        Call::Mremap(from, to) => Step::Mremap(range(from), range(to)),
        Call::Mprotect(pages, prot) => Step::Mprotect(range(pages), core_prot(*prot)),
        Call::Dontneed(pages) => Step::Dontneed(range(pages)),
        Call::PopulateRead(pages) => Step::Populate(range(pages), Access::Read),
        Call::PopulateWrite(pages) => Step::Populate(range(pages), Access::Write),
        Call::Fork(..) | Call::Nop => return None,
    })
}

/// The same protection, as core has it.
pub(super) fn core_prot(prot: Prot) -> core::Prot {
    match prot {
        Prot::None => core::Prot::NONE,
        Prot::R => core::Prot::R,
        Prot::Rw => core::Prot::RW,
        Prot::Rx => core::Prot::R | core::Prot::X,
        Prot::Rwx => core::Prot::RW | core::Prot::X,
    }
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
                write!(f, "mmap {} {}", part(pages), core_prot(*prot))?;
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
                write!(f, "mprotect {} {}", part(pages), core_prot(*prot))
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
