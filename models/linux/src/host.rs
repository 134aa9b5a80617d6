//! The host's kernel behind a window of pages: calls in, answers and page states out.

use std::sync::{PoisonError, RwLock};

use super::answer::failed;
use super::arena::Arena;
use super::fork::{Answers, Child};
use super::observe::{Entry, Observer, Rights, Vma};
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Family};
use seqfault_spec::seq::{Bytes, Call};

/// Whether a child lives, which has its part in the pages of all windows: no thread looks meanwhile.
static FORKING: RwLock<()> = RwLock::new(());

/// What the kernel shows of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSeen {
    /// What its VMA allows, if one covers it.
    pub rights: Option<Rights>,
    /// What a read of it would return.
    pub value: Answer,
    /// Whether a page is there, in memory or in swap.
    pub present: bool,
    /// Whether `mincore` finds it in memory.
    pub resident: bool,
    /// Whether it is this process's alone; the zero page is not, and none is while a forked child
    /// lives.
    pub owned: bool,
    /// Whether it is in swap.
    pub swapped: bool,
    /// Whether userfaultfd write-protects it.
    pub wp: bool,
}

/// A window of the host's memory.
#[derive(Debug)]
pub struct Host {
    arena: Arena,
    observer: Observer,
    vmas: Vec<Vma>,
    entries: Vec<Entry>,
    residents: Vec<u8>,
    pages: Vec<PageSeen>,
    /// What the last child answered; made for the first one.
    answers: Option<Answers>,
}

impl Host {
    /// A window of `pages` pages, nothing mapped.
    ///
    /// # Errors
    /// What the host lacks.
    pub fn new(pages: usize) -> Result<Host, String> {
        without_huge_pages();
        Ok(Host {
            arena: Arena::new(pages)?,
            observer: Observer::new()?,
            vmas: Vec::new(),
            entries: Vec::new(),
            residents: Vec::new(),
            pages: Vec::new(),
            answers: None,
        })
    }

    /// Unmaps everything.
    pub fn reset(&mut self) {
        self.arena.reset();
    }

    /// Why an operation, which is written as `text`, cannot be done on the host: there is no way to
    /// ask a kernel for it, or this one is too old. `None` if it can. The window is empty.
    pub fn lacks(&mut self, op: &Call, text: &str) -> Option<String> {
        match op {
            // Processes are no window's: a program's runner has them.
            Call::Fork { .. } | Call::Switch { process: 0 } => return None,
            Call::Mremap { from, .. } if from.len() > 1 => {
                let lacks = moves_several() != Ok(Answer::Ok);
                return lacks.then(|| "needs mremap of several mappings (Linux 6.17)".to_owned());
            }
            _ => {}
        }
        let answer = self.arena.apply(op, None);
        let is_advice = op.row().family == Family::Advice;
        self.arena.reset();
        match answer {
            None => Some(format!("linux does not support `{text}`")),
            // A kernel that knows the advice misses the mapping first.
            Some(answer) if is_advice && answer != Answer::ENOMEM => Some(format!(
                "needs a kernel that knows `{text}`: this one answers {answer}"
            )),
            Some(_) => None,
        }
    }

    /// Does an operation, whose range is given as `bytes` if not as whole pages; `None` if the host
    /// has no such thing.
    pub fn apply(&mut self, op: &Call, bytes: Option<Bytes>) -> Option<Answer> {
        self.arena.apply(op, bytes)
    }

    /// Forks: the child does `calls`, which are user accesses, one after the other, and ends. Its
    /// answers come in `answers`.
    ///
    /// # Panics
    /// If the child does not answer.
    pub fn fork(&mut self, calls: &[Call], answers: &mut Vec<Answer>) -> Answer {
        answers.clear();
        if self
            .answers
            .as_ref()
            .is_none_or(|room| room.len() < calls.len())
        {
            self.answers = Some(Answers::new(calls.len()).expect("memory for a few answers"));
        }
        let room = self.answers.as_ref().expect("it was made");
        let _alone = FORKING.write().unwrap_or_else(PoisonError::into_inner);
        let arena = &mut self.arena;
        // SAFETY: accesses of an arena, and stores to shared memory.
        let child = unsafe {
            Child::fork(|| {
                for (slot, call) in calls.iter().enumerate() {
                    let answer = arena.apply(call, None);
                    room.put(slot, answer.expect("a child accesses its pages"));
                }
            })
        };
        match child {
            Ok(child) => drop(child),
            Err(errno) => return failed(errno),
        }
        answers.extend((0..calls.len()).map(|slot| {
            let answer = room.take(slot);
            answer.expect("the child answers, whatever it finds")
        }));
        Answer::Ok
    }

    /// Looks at the window; what [`page`](Host::page) and [`vmas`](Host::vmas) tell is from here.
    ///
    /// # Panics
    /// If the kernel does not let this process look at itself any more.
    pub fn look(&mut self) {
        let _nobody = FORKING.read().unwrap_or_else(PoisonError::into_inner);
        self.observer.vmas(&self.arena, &mut self.vmas);
        self.observer
            .entries(&self.arena, &mut self.entries)
            .expect("a process can read its own pagemap");
        self.observer
            .residents(&self.arena, &self.vmas, &mut self.residents)
            .expect("a process can ask for its own mappings");
        self.pages.clear();
        let pages = self.entries.iter().zip(&self.residents);
        for (page, (entry, resident)) in pages.enumerate() {
            let vma = self.vmas.iter().find(|vma| vma.pages.contains(&page));
            let present = entry.is_present() || entry.is_swapped();
            let value = match vma {
                None => Answer::MAPERR,
                Some(vma) if !vma.rights.allows_reads() => Answer::ACCERR,
                // A read would make the page present, and anonymous memory begins as 0.
                Some(_) if !present => Answer::Word(0),
                Some(_) => self.arena.read(page),
            };
            self.pages.push(PageSeen {
                rights: vma.map(|vma| vma.rights),
                value,
                present,
                resident: *resident != 0,
                owned: entry.is_exclusive(),
                swapped: entry.is_swapped(),
                wp: entry.is_wp(),
            });
        }
    }

    /// A page, as it was when it was looked at.
    pub fn page(&self, page: usize) -> PageSeen {
        self.pages[page]
    }

    /// The VMAs, as they were when they were looked at.
    pub fn vmas(&self) -> &[Vma] {
        &self.vmas
    }
}

/// How the kernel answers where `mremap` moves more than one mapping.
///
/// Linux: remap_move(), mm/mremap.c, since 6.17.
pub(super) fn moves_several() -> Result<Answer, String> {
    let mut arena = Arena::new(4)?;
    arena.mmap(0..1, None, Prot::R, false, false);
    arena.mmap(1..2, None, Prot::Rw, false, false);
    Ok(arena.mremap(0..2, 2..4, None))
}

/// Lets no page of this process be part of a huge one, whatever the host's policy: a neighbour of
/// a page that was touched must not become present.
pub(super) fn without_huge_pages() {
    let no: libc::c_ulong = 0;
    // SAFETY: it changes nothing but what faults of this process allocate from now on.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, no, no, no) };
}
