//! A resolved program: calls over page ids, register slots, and what is still to come.

use super::call::{Call, Kind};

/// One statement.
#[derive(Clone, Debug)]
pub(super) struct Instr {
    /// What is done.
    pub(super) call: Call,
    /// The slot of the register that takes the answer.
    pub(super) reg: Option<usize>,
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

    /// The bit of a kind of access.
    pub(super) fn of(kind: Kind) -> Later {
        Later(1 << kind as u8)
    }

    /// What a call does to each of its pages.
    fn by(call: &Call) -> Later {
        match call {
            Call::PopulateRead(_) | Call::PopulateWrite(_) => Later::POPULATE,
            Call::Mmap { populate: true, .. } => Later::CHANGE.and(Later::POPULATE),
            call => call.kind().map_or(Later::CHANGE, Later::of),
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
    /// How many pages there are.
    pub(super) pages: usize,
    /// How many register slots there are.
    pub(super) regs: usize,
    /// The pages whose final word matters.
    pub(super) watched_words: Vec<bool>,
    /// The pages whose final touch matters.
    pub(super) watched_touch: Vec<bool>,
    /// By CPU and statement, what the statement and those after it do to each page.
    later: Vec<Vec<Vec<Later>>>,
    /// By CPU and statement, whether it or one after it is a system call.
    sections: Vec<Vec<bool>>,
}

impl Code {
    /// Code where every page's final state matters.
    pub(super) fn new(threads: Vec<Vec<Instr>>, pages: usize, regs: usize) -> Code {
        let moved_with = moved_with(&threads, pages);
        let later = |thread: &Vec<Instr>| later(thread, &moved_with);
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
        let watched_words = vec![true; pages];
        let watched_touch = vec![true; pages];
        Code {
            threads,
            pages,
            regs,
            watched_words,
            watched_touch,
            later,
            sections,
        }
    }

    /// Makes `call` the statement of a program that has one CPU and one statement.
    pub(super) fn set_only(&mut self, call: &Call) {
        self.threads[0][0].call.clone_from(call);
        self.sections[0][0] = call.is_section();
        let row = &mut self.later[0][0];
        row.fill(Later::NOTHING);
        call.pages().for_each(|page| row[page] = Later::by(call));
    }

    /// The statement at `pc` of `cpu`.
    pub(super) fn at(&self, cpu: usize, pc: usize) -> Option<&Instr> {
        self.threads[cpu].get(pc)
    }

    /// What `cpu` does to `page` from `pc` on, the statement there included, and to pages that
    /// share memory with it by way of `mremap`.
    pub(super) fn later(&self, cpu: usize, pc: usize, page: usize) -> Later {
        self.later[cpu][pc][page]
    }

    /// Whether a system call is left for `cpu` from `pc` on.
    pub(super) fn sections_later(&self, cpu: usize, pc: usize) -> bool {
        self.sections[cpu][pc]
    }

    /// Makes watched what shares memory with something watched by way of `mremap`.
    pub(super) fn watch_what_moves(&mut self) {
        let moved_with = moved_with(&self.threads, self.pages);
        for watched in [&mut self.watched_words, &mut self.watched_touch] {
            let wanted: Vec<usize> = (0..self.pages)
                .filter(|&page| watched[page])
                .map(|page| moved_with[page])
                .collect();
            for (watched, first) in watched.iter_mut().zip(&moved_with) {
                *watched |= wanted.contains(first);
            }
        }
    }

    /// How many stores the threads have.
    pub(super) fn stores(&self) -> usize {
        let instrs = self.threads.iter().flatten();
        instrs
            .filter(|instr| instr.call.kind() == Some(Kind::Write))
            .count()
    }
}

/// Of each page the first one that memory can come from or go to by `mremap`.
fn moved_with(threads: &[Vec<Instr>], pages: usize) -> Vec<usize> {
    let mut firsts: Vec<usize> = (0..pages).collect();
    for instr in threads.iter().flatten() {
        if let Call::Mremap(from, to) = &instr.call {
            for (old, new) in from.clone().zip(to.clone()) {
                let (one, other) = (firsts[old], firsts[new]);
                let same = firsts.iter_mut().filter(|f| **f == one.max(other));
                same.for_each(|first| *first = one.min(other));
            }
        }
    }
    firsts
}

/// What each statement of a thread and those after it do to each page and those that it is
/// `moved_with`.
fn later(thread: &[Instr], moved_with: &[usize]) -> Vec<Vec<Later>> {
    let pages = 0..moved_with.len();
    let mut table = vec![vec![Later::NOTHING; moved_with.len()]; thread.len() + 1];
    for (pc, instr) in thread.iter().enumerate().rev() {
        let mut row = table[pc + 1].clone();
        let bits = Later::by(&instr.call);
        let touched: Vec<usize> = instr.call.pages().map(|page| moved_with[page]).collect();
        for page in pages
            .clone()
            .filter(|&page| touched.contains(&moved_with[page]))
        {
            // An exchange reads too, but as a store it already conflicts with everything.
            row[page] = row[page].and(bits);
        }
        table[pc] = row;
    }
    table
}
