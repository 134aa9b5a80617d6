//! Core: operations over addresses.

use std::ops::Range;

use seqfault_core::{
    self as core, Access, Cpu, Errno, Fault, FileId, FilePage, MmId, MmapFile, MmapFlags,
    PageRange, PageState, Platform, Vpn,
};

use crate::litmus::ast::Prot;
use crate::ops::{Answer, Backing, Names, Numbered, Op, Rename};
use crate::platform::Native;

/// By addresses: pages, and the address spaces of processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Addresses;

impl Names for Addresses {
    type Page = Vpn;
    type Pages = PageRange;
    type FilePage = FilePage;
    type File = FileId;
    type Process = MmId;
}

/// What core returns, as an answer.
trait Answered {
    fn answer(self) -> Answer;
}

impl Answered for () {
    fn answer(self) -> Answer {
        Answer::Ok
    }
}

impl Answered for u64 {
    fn answer(self) -> Answer {
        Answer::Word(self)
    }
}

impl Answered for Fault {
    fn answer(self) -> Answer {
        match self {
            Fault::MapErr => Answer::MAPERR,
            Fault::AccErr => Answer::ACCERR,
            Fault::Bus => Answer::BUS,
        }
    }
}

impl Answered for Errno {
    fn answer(self) -> Answer {
        match self {
            Errno::Nomem => Answer::ENOMEM,
            Errno::Inval => Answer::EINVAL,
            Errno::Exist => Answer::EEXIST,
            Errno::Fault => Answer::EFAULT,
        }
    }
}

impl<T: Answered, E: Answered> Answered for Result<T, E> {
    fn answer(self) -> Answer {
        match self {
            Ok(done) => done.answer(),
            Err(error) => error.answer(),
        }
    }
}

/// The addresses of pages, by a function from their numbers; adjacent pages have adjacent ones.
pub struct AtAddresses<F>(pub F);

/// Core has nothing of this kind.
#[derive(Debug)]
pub struct NotInCore;

impl<F: Fn(usize) -> Vpn> Rename<Numbered, Addresses> for AtAddresses<F> {
    type Error = NotInCore;

    fn page(&mut self, page: &usize) -> Result<Vpn, NotInCore> {
        Ok((self.0)(*page))
    }

    fn pages(&mut self, pages: &Range<usize>) -> Result<PageRange, NotInCore> {
        let start = (self.0)(pages.start);
        Ok(PageRange::new(start, Vpn(start.0 + pages.len() as u64)))
    }

    fn file_page(&mut self, page: &usize) -> Result<FilePage, NotInCore> {
        let page = u32::try_from(*page).map_err(|_| NotInCore)?;
        Ok(FilePage(page))
    }

    fn file(&mut self, file: &usize) -> Result<FileId, NotInCore> {
        Ok(FileId(*file))
    }

    fn process(&mut self, process: &usize) -> Result<MmId, NotInCore> {
        Ok(MmId(*process))
    }
}

/// What becomes of a call of core.
trait Called<P: Platform> {
    /// Takes the call, whose result says how it went.
    fn by<R: Answered>(self, call: impl FnOnce(&mut Cpu<'_, P>) -> R) -> Answer;
}

/// It is made.
impl<P: Platform> Called<P> for &mut Cpu<'_, P> {
    fn by<R: Answered>(self, call: impl FnOnce(&mut Cpu<'_, P>) -> R) -> Answer {
        call(self).answer()
    }
}

/// It is not made, as it is only asked whether there is one.
struct Asked;

impl Called<Native> for Asked {
    fn by<R: Answered>(self, _: impl FnOnce(&mut Cpu<'_, Native>) -> R) -> Answer {
        Answer::Ok
    }
}

/// How core does `op`; `None` if it does not have it.
fn call<P: Platform>(op: &Op<Addresses>, called: impl Called<P>) -> Option<Answer> {
    Some(match *op {
        Op::Read { page } => called.by(|cpu| cpu.read(page)),
        Op::Write { page, word } => called.by(|cpu| cpu.write(page, word)),
        Op::Xchg { page, word } => called.by(|cpu| cpu.xchg(page, word)),
        Op::Exec { page } => called.by(|cpu| cpu.exec(page)),
        Op::Mmap {
            pages,
            prot,
            ref backing,
            populate,
            noreplace,
        } => {
            let flags = MmapFlags {
                noreplace,
                populate,
                file: match backing {
                    Backing::Anon | Backing::Driver | Backing::Growsdown => None,
                    Backing::PrivateFile(page) | Backing::SharedFile(page) => Some(MmapFile {
                        page: *page,
                        shared: matches!(backing, Backing::SharedFile(_)),
                    }),
                },
                driver: *backing == Backing::Driver,
                growsdown: *backing == Backing::Growsdown,
            };
            called.by(|cpu| cpu.mmap(pages, protection(prot), flags))
        }
        Op::Munmap { pages } => called.by(|cpu| cpu.munmap(pages)),
        Op::Brk { page } => called.by(|cpu| cpu.brk(page)),
        Op::Mprotect { pages, prot } => called.by(|cpu| cpu.mprotect(pages, protection(prot))),
        Op::Mremap {
            from,
            to,
            dontunmap,
        } => called.by(|cpu| cpu.mremap(from, to, dontunmap)),
        Op::Mlock { pages } => called.by(|cpu| cpu.mlock(pages)),
        Op::Munlock { pages } => called.by(|cpu| cpu.munlock(pages)),
        Op::Msync { pages } => called.by(|cpu| cpu.msync(pages)),
        Op::Writeback { page } => called.by(|cpu| cpu.writeback(page)),
        Op::Dontneed { pages } => called.by(|cpu| cpu.madvise_dontneed(pages)),
        Op::Cold { pages } => called.by(|cpu| cpu.madvise_cold(pages)),
        Op::Free { pages } => called.by(|cpu| cpu.madvise_free(pages)),
        Op::GuardInstall { pages } => called.by(|cpu| cpu.madvise_guard_install(pages)),
        Op::GuardRemove { pages } => called.by(|cpu| cpu.madvise_guard_remove(pages)),
        Op::Pageout { pages } => called.by(|cpu| cpu.madvise_pageout(pages)),
        Op::Reclaim { page } => called.by(|cpu| cpu.reclaim(page)),
        Op::Swapoff {} => called.by(|cpu| cpu.swapoff()),
        Op::PopulateRead { pages } => called.by(|cpu| cpu.madvise_populate(pages, Access::Read)),
        Op::PopulateWrite { pages } => called.by(|cpu| cpu.madvise_populate(pages, Access::Write)),
        Op::Mincore { pages } => called.by(|cpu| cpu.mincore(pages)),
        Op::Maps { pages } => called.by(|cpu| cpu.maps(pages)),
        Op::Smaps { pages } => called.by(|cpu| cpu.smaps(pages)),
        Op::Truncate { file, len } => {
            let len = u32::try_from(len).ok()?;
            called.by(|cpu| cpu.truncate(file, len))
        }
        Op::Punch { page } => called.by(|cpu| cpu.punch_hole(page)),
        Op::Fork { process } => called.by(|cpu| cpu.fork(process)),
        // To the CPU's own process: another one is no name here.
        Op::Switch { .. } => called.by(|cpu| cpu.switch_to_mm()),
        Op::SwitchLazy {} => called.by(|cpu| cpu.switch_lazy()),
        Op::RcuBarrier {} => called.by(|cpu| cpu.rcu_barrier()),
        Op::Prefetch { page } => called.by(|cpu| cpu.prefetch(page)),
        Op::Evict { page } => called.by(|cpu| cpu.evict(page)),
        _ => return None,
    })
}

/// Whether core has it.
pub fn does(op: &Op<Addresses>) -> bool {
    call(op, Asked).is_some()
}

/// Does `op` on `cpu`; `None` if core does not have it.
pub fn attempt<P: Platform>(op: &Op<Addresses>, cpu: &mut Cpu<'_, P>) -> Option<Answer> {
    call(op, cpu)
}

/// Does `op` on `cpu`.
///
/// # Panics
/// If core [does not](does) have it.
pub fn perform<P: Platform>(op: &Op<Addresses>, cpu: &mut Cpu<'_, P>) -> Answer {
    attempt(op, cpu).expect("core has the operations of a test that it runs")
}

/// What a read of a page would answer, if it changed nothing.
pub fn shown(page: &PageState) -> Answer {
    match page.vma {
        None => Answer::MAPERR,
        Some(prot) if !prot.allows(Access::Read) => Answer::ACCERR,
        Some(_) if page.is_guard => Answer::MAPERR,
        Some(_) if page.is_behind_end => Answer::BUS,
        Some(_) => Answer::Word(page.word),
    }
}

/// The same protection, as core has it.
pub fn protection(prot: Prot) -> core::Prot {
    match prot {
        Prot::None => core::Prot::NONE,
        Prot::R => core::Prot::R,
        Prot::Rw => core::Prot::RW,
        Prot::Rx => core::Prot::R | core::Prot::X,
        Prot::Rwx => core::Prot::RW | core::Prot::X,
    }
}
