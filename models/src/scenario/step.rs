//! The operations that core does.

use seqfault_core::{Access, Cpu, Errno, Fault, MmId, MmapFlags, PageRange, Platform, Prot, Vpn};

use crate::litmus::ast::Value;

/// An operation with resolved pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `read`
    Read(Vpn),
    /// `write`
    Write(Vpn, u64),
    /// `xchg`
    Xchg(Vpn, u64),
    /// `exec`
    Exec(Vpn),
    /// `mmap`
    Mmap(PageRange, Prot, MmapFlags),
    /// `munmap`
    Munmap(PageRange),
    /// `mremap`
    Mremap(PageRange, PageRange),
    /// `mprotect`
    Mprotect(PageRange, Prot),
    /// `madvise … dontneed`
    Dontneed(PageRange),
    /// `madvise … cold`
    Cold(PageRange),
    /// `madvise … populate_read` or `populate_write`
    Populate(PageRange, Access),
    /// `fork`
    Fork(MmId),
    /// `rcu_barrier`
    RcuBarrier,
    /// `switch lazy`
    SwitchLazy,
    /// `switch main`
    SwitchMain,
    /// `prefetch`
    Prefetch(Vpn),
    /// `evict`
    Evict(Vpn),
}

/// The answer to a [`Step`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The word that was seen.
    Word(u64),
    /// `ok`, or the fault's or the error's name.
    Name(&'static str),
}

impl From<Answer> for Value {
    fn from(answer: Answer) -> Value {
        match answer {
            Answer::Word(word) => Value::Word(word),
            Answer::Name(name) => Value::Name(name.to_owned()),
        }
    }
}

impl Step {
    /// The page that it translates, if it is an access or a part of one.
    pub(super) fn accessed(&self) -> Option<Vpn> {
        match *self {
            Step::Read(vpn)
            | Step::Write(vpn, _)
            | Step::Xchg(vpn, _)
            | Step::Exec(vpn)
            | Step::Prefetch(vpn) => Some(vpn),
            _ => None,
        }
    }

    /// Whether the entry of `vpn` may be another one afterwards, for any CPU's part.
    pub(super) fn changes(&self, vpn: Vpn) -> bool {
        match *self {
            Step::Write(page, _) | Step::Xchg(page, _) => page == vpn,
            Step::Mmap(range, ..)
            | Step::Munmap(range)
            | Step::Mprotect(range, _)
            | Step::Dontneed(range)
            | Step::Cold(range)
            | Step::Populate(range, _) => range.contains(vpn),
            Step::Mremap(from, to) => from.contains(vpn) || to.contains(vpn),
            Step::Fork(_) => true,
            Step::Read(_)
            | Step::Exec(_)
            | Step::RcuBarrier
            | Step::SwitchLazy
            | Step::SwitchMain
            | Step::Prefetch(_)
            | Step::Evict(_) => false,
        }
    }

    /// Whether the page table that translates `vpn` may be freed by it.
    pub(super) fn frees_table(&self, vpn: Vpn, reclaims: bool) -> bool {
        match *self {
            Step::Mmap(range, ..) | Step::Munmap(range) => range.contains(vpn),
            Step::Mremap(from, to) => from.contains(vpn) || to.contains(vpn),
            Step::Dontneed(range) => reclaims && range.contains(vpn),
            _ => false,
        }
    }

    /// Does it on `cpu`.
    pub fn run<P: Platform>(&self, cpu: &mut Cpu<'_, P>) -> Answer {
        fn fault(result: Result<(), Fault>) -> Answer {
            Answer::Name(result.map_or_else(Fault::name, |()| "ok"))
        }
        fn word(result: Result<u64, Fault>) -> Answer {
            result.map_or_else(|fault| Answer::Name(fault.name()), Answer::Word)
        }
        fn errno(result: Result<(), Errno>) -> Answer {
            Answer::Name(result.map_or_else(Errno::name, |()| "ok"))
        }
        match *self {
            Step::Read(vpn) => return word(cpu.read(vpn)),
            Step::Xchg(vpn, value) => return word(cpu.xchg(vpn, value)),
            Step::Write(vpn, value) => return fault(cpu.write(vpn, value)),
            Step::Exec(vpn) => return fault(cpu.exec(vpn)),
            Step::Mmap(range, prot, flags) => return errno(cpu.mmap(range, prot, flags)),
            Step::Munmap(range) => return errno(cpu.munmap(range)),
            Step::Mremap(from, to) => return errno(cpu.mremap(from, to)),
            Step::Mprotect(range, prot) => return errno(cpu.mprotect(range, prot)),
            Step::Dontneed(range) => return errno(cpu.madvise_dontneed(range)),
            Step::Cold(range) => return errno(cpu.madvise_cold(range)),
            Step::Populate(range, access) => return errno(cpu.madvise_populate(range, access)),
            Step::Fork(child) => return errno(cpu.fork(child)),
            Step::RcuBarrier => cpu.rcu_barrier(),
            Step::SwitchLazy => cpu.switch_lazy(),
            Step::SwitchMain => cpu.switch_to_mm(),
            Step::Prefetch(vpn) => cpu.prefetch(vpn),
            Step::Evict(vpn) => cpu.evict(vpn),
        }
        Answer::Name("ok")
    }
}
