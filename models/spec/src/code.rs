//! A resolved program: calls over page ids, register slots, and what is still to come.

use std::ops::Range;

use smallvec::{SmallVec, smallvec};

use super::call::{Call, Course, Kind, Specified};
use super::files::Files;
use super::heap::Heap;
use super::rules::Rules;
use super::stack::Stacks;
use seqfault_lang::ops::Backing;

/// One statement.
#[derive(Clone, Debug)]
pub(super) struct Instr {
    /// What is done.
    pub(super) call: Call,
    /// The slot of the register that takes the answer.
    pub(super) reg: Option<usize>,
    /// The pages that it is about: of `fork`, all of the caller's process, and those of the new
    /// one, of which there are as many and nothing is mapped.
    pages: SmallVec<[Range<usize>; 2]>,
}

impl Instr {
    /// `call`, of a CPU in `process`, where each process has `own` pages, and the pages of `files` are behind
    /// them.
    pub(super) fn new(
        call: Call,
        reg: Option<usize>,
        process: usize,
        own: usize,
        files: &Files,
    ) -> Instr {
        let pages = match call {
            Call::Truncate { file, .. } => smallvec![files.of(file)],
            Call::Punch { page } => smallvec![files.one(page)],
            // All of all processes.
            Call::Swapoff {} => smallvec![0..files.pages().start],
            Call::Fork { process: child } => {
                let of = |process: usize| process * own..(process + 1) * own;
                smallvec![of(process), of(child)]
            }
            ref call => {
                let mut pages = SmallVec::new();
                call.locate(|located| pages.push(located.range()));
                pages
            }
        };
        Instr { call, reg, pages }
    }

    /// Whether it is a user access.
    pub(super) fn is_access(&self) -> bool {
        self.call.kind().is_some()
    }

    /// The page of an access.
    pub(super) fn call_page(&self) -> usize {
        self.call.range().start
    }

    /// The same access, which may extend a mapping that is in these pages to its own.
    pub(super) fn that_extends(mut self, above: Range<usize>) -> Instr {
        self.pages.push(above);
        self
    }

    /// The same about these pages alone.
    pub(super) fn about(mut self, pages: Range<usize>) -> Instr {
        self.pages = smallvec![pages];
        self
    }

    /// The pages that it is about, page by page.
    pub(super) fn pages(&self) -> impl Iterator<Item = usize> {
        self.pages.iter().flat_map(Range::clone)
    }

    /// The pages, of so many, that may have something new when it is done.
    pub(super) fn reached(&self, pages: usize) -> impl Iterator<Item = usize> {
        // Whatever maps the file, wherever it is.
        let all = match self.call {
            Call::Truncate { .. } => 0..pages,
            _ => 0..0,
        };
        self.pages().chain(all)
    }

    /// What it does to each page that it is about.
    fn done(&self) -> impl Iterator<Item = (usize, Later)> {
        let extends = self.is_access() && self.pages.len() > 1;
        self.pages.iter().enumerate().flat_map(move |(nth, pages)| {
            let done = match (Later::by(&self.call, nth), extends) {
                (_, true) if nth > 0 => Later::CHANGE,
                (done, true) => done.and(Later::CHANGE),
                (done, false) => done,
            };
            pages.clone().map(move |page| (page, done))
        })
    }

    /// What `fork` copies, and where to.
    pub(super) fn copied(&self) -> Option<(&Range<usize>, &Range<usize>)> {
        match (&self.call, &self.pages[..]) {
            (Call::Fork { .. }, [from, to]) => Some((from, to)),
            _ => None,
        }
    }
}

/// What a CPU will still do to a page, as a set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Later(u8);

impl Later {
    /// Nothing.
    pub(super) const NOTHING: Later = Later(0);
    /// Any user access.
    pub(super) const ACCESS: Later = Later(0b111);
    /// A read of the word, or a store to it.
    pub(super) const WORD: Later = Later(0b011);
    /// A store to the word.
    pub(super) const STORE: Later = Later(0b010);
    /// A call that changes its state.
    pub(super) const CHANGE: Later = Later(1 << 3);
    /// A call that populates it.
    pub(super) const POPULATE: Later = Later(1 << 4);
    /// A `fork` that copies it.
    pub(super) const COPY: Later = Later(1 << 5);
    /// A call whose answer depends on what has been done to it.
    pub(super) const LOOK: Later = Later(1 << 6);

    /// The bit of a kind of access.
    pub(super) fn of(kind: Kind) -> Later {
        Later(1 << kind as u8)
    }

    /// What a call does to the pages of its range number `nth`.
    fn by(call: &Call, nth: usize) -> Later {
        match call {
            Call::Fork { .. } if nth == 0 => Later::COPY,
            Call::PopulateRead { .. } | Call::PopulateWrite { .. } => Later::POPULATE,
            Call::Mmap { populate: true, .. } => Later::CHANGE.and(Later::POPULATE),
            call if !call.is_asked() => Later::NOTHING,
            call if call.counts() => Later::LOOK,
            Call::Msync { .. } => Later::LOOK,
            call => call.kind().map_or(Later::CHANGE, Later::of),
        }
    }

    /// The same where what changes may be brought in, as it is locked.
    fn that_brings_in(self) -> Later {
        match self.any(Later::CHANGE) {
            true => self.and(Later::POPULATE),
            false => self,
        }
    }

    /// The same where what is populated may be copied, so that it changes.
    fn that_copies(self) -> Later {
        match self.any(Later::POPULATE) {
            true => self.and(Later::CHANGE),
            false => self,
        }
    }

    /// Both.
    pub(super) fn and(self, other: Later) -> Later {
        Later(self.0 | other.0)
    }

    /// Whether any of `other` is in.
    pub(super) fn any(self, other: Later) -> bool {
        self.0 & other.0 != 0
    }
}

/// A resolved program.
#[derive(Clone, Debug)]
pub(super) struct Code {
    /// The statements of each CPU.
    pub(super) threads: Vec<Vec<Instr>>,
    /// The process of each CPU.
    pub(super) process: Vec<usize>,
    /// How many pages there are, in all processes.
    pub(super) pages: usize,
    /// How many register slots there are.
    pub(super) regs: usize,
    /// The pages whose final word matters.
    pub(super) watched_words: Vec<bool>,
    /// The pages whose final touch matters.
    pub(super) watched_touch: Vec<bool>,
    /// Where the pages of files are.
    pub(super) files: Files,
    /// Where the heap is, if there is one.
    pub(super) heap: Option<Heap>,
    /// Where mappings grow.
    pub(super) stacks: Stacks,
    /// Which pages may share memory.
    sharing: Sharing,
    /// By CPU and statement, what the statement and those after it do to each page.
    later: Vec<Vec<Vec<Later>>>,
    /// By CPU and statement, whether it or one after it is a system call.
    sections: Vec<Vec<bool>>,
    /// Whether a statement lets pages go out of memory.
    pub(super) reclaims: bool,
    /// Whether a statement makes guard pages.
    pub(super) guards: bool,
}

impl Code {
    /// Code of one process where every page's final state matters.
    pub(super) fn new(threads: Vec<Vec<Instr>>, pages: usize, regs: usize) -> Code {
        let process = vec![0; threads.len()];
        Code::of_processes(threads, process, &Sharing::new(pages), regs)
    }

    /// The same with the process of each CPU, and pages that share memory by more than `mremap`.
    pub(super) fn of_processes(
        threads: Vec<Vec<Instr>>,
        process: Vec<usize>,
        sharing: &Sharing,
        regs: usize,
    ) -> Code {
        let mut sharing = sharing.clone();
        sharing.add_moves(&threads);
        sharing.locks =
            (threads.iter().flatten()).any(|instr| matches!(instr.call, Call::Mlock { .. }));
        let pages = sharing.firsts.len();
        let later = |thread: &Vec<Instr>| later(thread, &sharing);
        let later = threads.iter().map(later).collect();
        let sections = threads
            .iter()
            .map(|thread| {
                let mut sections = vec![false; thread.len() + 1];
                for (pc, instr) in thread.iter().enumerate().rev() {
                    sections[pc] = sections[pc + 1] || instr.call.is_section();
                }
                sections
            })
            .collect();
        let calls = || threads.iter().flatten().map(|instr| &instr.call);
        let reclaims = calls().any(Call::reclaims);
        let guards = calls().any(|call| matches!(call, Call::GuardInstall { .. }));
        let watched_words = vec![true; pages];
        let watched_touch = vec![true; pages];
        Code {
            threads,
            process,
            pages,
            regs,
            watched_words,
            watched_touch,
            files: Files::default(),
            heap: None,
            stacks: Stacks::default(),
            sharing,
            later,
            sections,
            reclaims,
            guards,
        }
    }

    /// How many processes there are, the last one being that of a CPU or of none.
    pub(super) fn processes(&self) -> usize {
        self.process.iter().max().map_or(1, |last| last + 1)
    }

    /// Makes `instr` the statement of a program that has one CPU and one statement.
    pub(super) fn set_only(&mut self, instr: Instr) {
        self.sections[0][0] = instr.call.is_section();
        let row = &mut self.later[0][0];
        row.fill(Later::NOTHING);
        instr.done().for_each(|(page, done)| row[page] = done);
        self.threads[0][0] = instr;
    }

    /// The statement at `pc` of `cpu`.
    pub(super) fn at(&self, cpu: usize, pc: usize) -> Option<&Instr> {
        self.threads[cpu].get(pc)
    }

    /// What `cpu` does to `page` from `pc` on, the statement there included, and to pages that
    /// may share memory with it.
    pub(super) fn later(&self, cpu: usize, pc: usize, page: usize) -> Later {
        self.later[cpu][pc][page]
    }

    /// `page` and the pages that may share memory with it.
    pub(super) fn sharing(&self, page: usize) -> impl Iterator<Item = usize> {
        let firsts = &self.sharing.firsts;
        (0..firsts.len()).filter(move |&other| firsts[other] == firsts[page])
    }

    /// How many accesses `cpu` has left, from `pc` on, to `page` and to pages that may share memory
    /// with it.
    pub(super) fn accesses(&self, cpu: usize, pc: usize, page: usize) -> usize {
        let left = self.threads[cpu].iter().skip(pc);
        let of_page = |of: usize| self.sharing.firsts[of] == self.sharing.firsts[page];
        let accesses =
            left.filter(|instr| instr.call.kind().is_some() && of_page(instr.call.range().start));
        accesses.count()
    }

    /// Whether a system call is left for `cpu` from `pc` on.
    pub(super) fn sections_later(&self, cpu: usize, pc: usize) -> bool {
        self.sections[cpu][pc]
    }

    /// Makes watched what may share memory with something watched.
    pub(super) fn watch_what_is_shared(&mut self) {
        let firsts = &self.sharing.firsts;
        for watched in [&mut self.watched_words, &mut self.watched_touch] {
            let wanted: Vec<usize> = (0..self.pages)
                .filter(|&page| watched[page])
                .map(|page| firsts[page])
                .collect();
            for (watched, first) in watched.iter_mut().zip(firsts) {
                *watched |= wanted.contains(first);
            }
        }
    }
}

/// Which pages may share memory.
#[derive(Clone, Debug)]
pub(super) struct Sharing {
    /// Of each page the first one that it may share memory with.
    firsts: Vec<usize>,
    /// Whether a page may become a copy of a file's.
    copies: bool,
    /// Whether mappings are locked, so that what changes them may bring pages in.
    locks: bool,
}

impl Sharing {
    /// None of so many pages.
    pub(super) fn new(pages: usize) -> Sharing {
        Sharing {
            firsts: (0..pages).collect(),
            copies: false,
            locks: false,
        }
    }

    /// What the statements of a program do, where files have these pages.
    pub(super) fn of(
        statements: impl Iterator<Item = Instr>,
        files: &Files,
        rules: &Rules,
    ) -> Sharing {
        let mut sharing = Sharing::new(files.pages().end);
        for instr in statements {
            match &instr.call {
                // What maps a file maps it in the child too.
                Call::Fork { .. } if rules.fork_private && files.is_empty() => {}
                Call::Fork { .. } => {
                    let (from, to) = instr.copied().expect("a fork");
                    sharing.add(from, to);
                }
                Call::Mmap {
                    pages,
                    backing: backing @ (Backing::PrivateFile(at) | Backing::SharedFile(at)),
                    ..
                } => {
                    sharing.copies |= matches!(backing, Backing::PrivateFile(_));
                    for (up, page) in pages.clone().enumerate() {
                        sharing.add_one(page, files.page(*at, up));
                    }
                }
                // What moves shows the same pages of a file.
                Call::Mremap { from, to, .. } if !files.is_empty() => {
                    sharing.add(from, to);
                    // What it makes longer may be any file's.
                    for page in to.clone().skip(from.len()) {
                        files
                            .pages()
                            .for_each(|of_file| sharing.add_one(page, of_file));
                    }
                }
                _ => {}
            }
        }
        sharing
    }

    /// Each page of `some` with one of `others`.
    fn add(&mut self, some: &Range<usize>, others: &Range<usize>) {
        for (some, other) in some.clone().zip(others.clone()) {
            self.add_one(some, other);
        }
    }

    /// A page with another one.
    fn add_one(&mut self, some: usize, other: usize) {
        let (one, other) = (self.firsts[some], self.firsts[other]);
        let same = self.firsts.iter_mut().filter(|f| **f == one.max(other));
        same.for_each(|first| *first = one.min(other));
    }

    /// What `mremap` moves.
    fn add_moves(&mut self, threads: &[Vec<Instr>]) {
        for instr in threads.iter().flatten() {
            if let Call::Mremap { from, to, .. } = &instr.call {
                self.add(from, to);
            }
        }
    }
}

/// What each statement of a thread and those after it do to each page and those that it shares
/// memory with.
fn later(thread: &[Instr], sharing: &Sharing) -> Vec<Vec<Later>> {
    let Sharing {
        firsts,
        copies,
        locks,
    } = sharing;
    let mut table = vec![vec![Later::NOTHING; firsts.len()]; thread.len() + 1];
    for (pc, instr) in thread.iter().enumerate().rev() {
        let mut row = table[pc + 1].clone();
        for (touched, done) in instr.done() {
            let sharing = firsts.iter().zip(&mut row);
            let sharing = sharing.filter(|(first, _)| **first == firsts[touched]);
            // An exchange reads too, but as a store it already conflicts with everything.
            let done = if *locks { done.that_brings_in() } else { done };
            let done = if *copies { done.that_copies() } else { done };
            sharing.for_each(|(_, later)| *later = later.and(done));
        }
        table[pc] = row;
    }
    table
}
