//! Random cases, each determined by a seed and its number, and made at no cost to speak of.
//!
//! A sequence works on a window of its own size, and the ranges of its system calls like to
//! begin and to end where earlier ones did: that is where VMAs are split and merged.

use std::ops::Range;
use std::sync::OnceLock;

use seqfault_core::Protocol;

use super::case::Case;
use super::op::Op;
use super::subject::{PAGES, Shape, Subject, protocols};
use crate::litmus::ast::Prot;
use crate::ops::Backing;
use crate::random::Random;
use crate::spec::seq::{Bytes, Call};

/// The smallest window.
const LEAST_PAGES: usize = 4;

/// One call in so many is not given whole pages.
const BYTES_ONCE_IN: u64 = 16;

/// One operation in so many forks: it takes as long as a hundred others.
const FORK_ONCE_IN: u64 = 64;

/// Protections, the likely ones more than once.
const PROTS: [Prot; 10] = [
    Prot::Rw,
    Prot::Rw,
    Prot::Rw,
    Prot::Rw,
    Prot::R,
    Prot::R,
    Prot::None,
    Prot::Rx,
    Prot::Rx,
    Prot::Rwx,
];

impl Case {
    /// The random case `number` of those of `seed`, with as many operations as `ops` says.
    ///
    /// # Panics
    /// If `ops` is empty.
    pub fn random(seed: u64, number: u64, ops: Range<usize>) -> Case {
        let mut random = Random::of(seed, number);
        let subject = subject(&mut random);
        let pages = random.within(LEAST_PAGES..PAGES + 1);
        let mut sequence = Sequence::new(random, pages);
        let len = sequence.random.within(ops);
        let ops = (0..len).map(|_| sequence.op()).collect();
        Case { subject, ops }
    }
}

fn subject(random: &mut Random) -> Subject {
    static PROTOCOLS: OnceLock<Vec<Protocol>> = OnceLock::new();
    Subject {
        shape: *random.pick(&Shape::ALL),
        protocol: *random.pick(PROTOCOLS.get_or_init(protocols)),
        tlb_entries: *random.pick(&[64, 3, 1]),
        ..Subject::default()
    }
}

/// A sequence that is being made.
pub(crate) struct Sequence {
    /// Where its choices come from.
    pub random: Random,
    /// Pages of its window.
    pages: usize,
    /// Where ranges began and ended so far.
    borders: Vec<usize>,
}

impl Sequence {
    /// The sequence of these choices, over so many pages.
    pub fn new(random: Random, pages: usize) -> Sequence {
        Sequence {
            random,
            pages,
            borders: vec![0, pages / 2, pages],
        }
    }

    /// The next operation.
    pub fn op(&mut self) -> Op {
        if self.random.once_in(FORK_ONCE_IN) {
            return Op::FORK;
        }
        match self.random.within(0..48) {
            0..2 => Op::Call(Call::Prefetch { page: self.page() }),
            2 => Op::Call(Call::Evict { page: self.page() }),
            3 => Op::RCU_BARRIER,
            4 => Op::SWITCH_LAZY,
            5..8 => Op::SWITCH_MAIN,
            8..15 => Op::Call(Call::Read { page: self.page() }),
            15..22 => Op::Call(Call::Write {
                page: self.page(),
                word: self.word(),
            }),
            22..24 => Op::Call(Call::Xchg {
                page: self.page(),
                word: self.word(),
            }),
            24..27 => Op::Call(Call::Exec { page: self.page() }),
            _ => {
                let call = self.system_call();
                if self.random.once_in(BYTES_ONCE_IN) {
                    Op::Bytes(call, *self.random.pick(&Bytes::ALL))
                } else {
                    Op::Call(call)
                }
            }
        }
    }

    fn system_call(&mut self) -> Call {
        let pages = self.range();
        match self.random.within(0..17) {
            0..5 => Call::Mmap {
                pages,
                prot: self.prot(),
                populate: self.random.once_in(3),
                noreplace: self.random.once_in(3),
                backing: Backing::Anon,
            },
            5..7 => Call::Munmap { pages },
            7..11 => Call::Mprotect {
                pages,
                prot: self.prot(),
            },
            11..13 => Call::Dontneed { pages },
            13 => Call::PopulateRead { pages },
            14 => Call::PopulateWrite { pages },
            _ => self.mremap(pages),
        }
    }

    /// Of `from` what fits where it is moved to: most often somewhere else.
    fn mremap(&mut self, from: Range<usize>) -> Call {
        let start = loop {
            let start = self.border().min(self.pages - 1);
            if !from.contains(&start) || self.random.once_in(8) {
                break start;
            }
        };
        let room = match start < from.start {
            true if !self.random.once_in(8) => from.start,
            _ => self.pages,
        };
        let len = from.len().min(room - start);
        Call::Mremap {
            from: from.start..from.start + len,
            to: start..start + len,
        }
    }

    fn prot(&mut self) -> Prot {
        *self.random.pick(&PROTS)
    }

    fn word(&mut self) -> u64 {
        self.random.within(1..4) as u64
    }

    /// Any page, or one next to a border.
    fn page(&mut self) -> usize {
        let page = self.border();
        let back = usize::from(self.random.once_in(2));
        page.saturating_sub(back).min(self.pages - 1)
    }

    /// Pages between two borders.
    fn range(&mut self) -> Range<usize> {
        loop {
            let (a, b) = (self.border(), self.border());
            let range = a.min(b)..a.max(b);
            if !range.is_empty() {
                for border in [range.start, range.end] {
                    if !self.borders.contains(&border) {
                        self.borders.push(border);
                    }
                }
                return range;
            }
        }
    }

    /// A border that there is, or a new one.
    fn border(&mut self) -> usize {
        if self.random.once_in(2) {
            *self.random.pick(&self.borders)
        } else {
            self.random.within(0..self.pages + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_determined_and_differ() {
        let case = |seed, number| Case::random(seed, number, 20..61);
        assert_eq!(case(1, 7), case(1, 7));
        assert_ne!(case(1, 7), case(1, 8));
        assert_ne!(case(1, 7), case(2, 7));
    }

    #[test]
    fn cases_stay_within_their_window() {
        for number in 0..500 {
            let case = Case::random(3, number, 20..61);
            assert!((20..61).contains(&case.ops.len()));
            for op in &case.ops {
                assert!(op.call().pages().all(|page| page < PAGES), "{op}");
            }
        }
    }
}
