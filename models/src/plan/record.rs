//! Three bytes are an operation.
//!
//! ```text
//! byte 0   low five bits: the verb; high three: whose operation, where there are several CPUs
//! byte 1   high half: the page; low half: how many (for ranges), or the value
//! byte 2   for the operations that need it: protection and flags, or where to
//! ```
//! All records are of one length, so that inserting, dropping or swapping some
//! leaves the others what they are. Every three bytes are an operation.

use crate::differential::Op;
use crate::litmus::ast::Prot;
use crate::ops::Backing;
use crate::spec::seq::Call;

/// The length of a record.
pub const RECORD: usize = 3;

/// A window of pages, and what the values of a half byte stand for in it.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its pages: 16 at most, of which the first values stand for themselves.
    pub pages: usize,
    /// What the values above the pages stand for: pages that matter more.
    pub more: &'static [usize],
}

impl Window {
    /// The page that a half byte stands for.
    fn page(self, half: u8) -> usize {
        let half = usize::from(half);
        match half.checked_sub(self.pages) {
            None => half,
            Some(over) => self.more[over % self.more.len()],
        }
    }
}

const PROTS: [Prot; 8] = [
    Prot::Rw,
    Prot::R,
    Prot::Rw,
    Prot::Rx,
    Prot::Rw,
    Prot::None,
    Prot::Rwx,
    Prot::R,
];

const POPULATE: u8 = 1 << 6;
const NOREPLACE: u8 = 1 << 7;

/// The operation that a record stands for. Accesses have the most verbs, then what
/// changes permissions and the instruction fetches that meet it: nearly a third.
pub fn op(record: [u8; RECORD], window: Window) -> Op {
    let [verb, place, what] = record;
    let page = window.page(place >> 4);
    let low = place & 15;
    let len = 1 + usize::from(low);
    let pages = page..(page + len).min(window.pages);
    let value = u64::from(low) + 1;
    let prot = PROTS[usize::from(what) % PROTS.len()];
    let call = match verb & 31 {
        0..4 | 30 => Call::Read { page },
        4..8 | 31 => Call::Write { page, word: value },
        8 => Call::Xchg { page, word: value },
        9..11 | 25..27 => Call::Exec { page },
        11..14 => Call::Mmap {
            pages,
            prot,
            populate: what & POPULATE != 0,
            noreplace: what & NOREPLACE != 0,
            backing: Backing::Anon,
        },
        14 => Call::Munmap { pages },
        15..18 | 27..30 => Call::Mprotect { pages, prot },
        18 => Call::Dontneed { pages },
        19 => Call::PopulateRead { pages },
        20 => Call::PopulateWrite { pages },
        21 => return Op::Call(Call::Prefetch { page }),
        22 => return Op::Call(Call::Evict { page }),
        24 => {
            let to = window.page(what >> 4);
            let len = pages.len().min(window.pages - to);
            Call::Mremap {
                from: page..page + len,
                to: to..to + len,
            }
        }
        _ => {
            return match what % 4 {
                0 => Op::SWITCH_LAZY,
                1 => Op::RCU_BARRIER,
                2 => Op::SWITCH_MAIN,
                _ => Op::FORK,
            };
        }
    };
    Op::Call(call)
}

/// A record that stands for `op`; `None` if none does, because of its value or of
/// its byte arguments.
pub fn record(op: &Op) -> Option<[u8; RECORD]> {
    let place = |page: usize, low: usize| (low < 16).then_some((page as u8) << 4 | low as u8);
    let range = |pages: &std::ops::Range<usize>| place(pages.start, pages.len().checked_sub(1)?);
    let value = |page: usize, value: u64| {
        let low = usize::try_from(value.checked_sub(1)?).ok()?;
        place(page, low)
    };
    let prot = |prot: &Prot| {
        let at = PROTS.iter().position(|p| p == prot);
        at.map(|at| at as u8)
    };
    let Op::Call(call) = op else {
        return None;
    };
    Some(match call {
        Call::Read { page } => [0, place(*page, 0)?, 0],
        Call::Write { page, word: v } => [4, value(*page, *v)?, 0],
        Call::Xchg { page, word: v } => [8, value(*page, *v)?, 0],
        Call::Exec { page } => [9, place(*page, 0)?, 0],
        Call::Mmap {
            pages,
            prot: p,
            populate,
            noreplace,
            backing: Backing::Anon,
        } => {
            let populate = if *populate { POPULATE } else { 0 };
            let noreplace = if *noreplace { NOREPLACE } else { 0 };
            [11, range(pages)?, prot(p)? | populate | noreplace]
        }
        Call::Munmap { pages } => [14, range(pages)?, 0],
        Call::Mremap { from, to } => [24, range(from)?, place(to.start, 0)?],
        Call::Mprotect { pages, prot: p } => [15, range(pages)?, prot(p)?],
        Call::Dontneed { pages } => [18, range(pages)?, 0],
        Call::PopulateRead { pages } => [19, range(pages)?, 0],
        Call::PopulateWrite { pages } => [20, range(pages)?, 0],
        Call::Prefetch { page } => [21, place(*page, 0)?, 0],
        Call::Evict { page } => [22, place(*page, 0)?, 0],
        Call::SwitchLazy {} => [23, 0, 0],
        Call::RcuBarrier {} => [23, 0, 1],
        Call::Switch { process: 0 } => [23, 0, 2],
        Call::Fork { .. } => [23, 0, 3],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        pages: 6,
        more: &[0, 3, 4],
    };

    #[test]
    fn every_record_is_an_operation_inside_the_window() {
        for verb in 0..=255 {
            for place in 0..=255 {
                let op = op([verb, place, verb ^ place], WINDOW);
                assert!(op.call().pages().all(|page| page < WINDOW.pages), "{op}");
                let is_about_pages = op.is_asked() && op != Op::FORK;
                assert!(
                    op.call().pages().next().is_some() || !is_about_pages,
                    "{op}"
                );
            }
        }
    }

    #[test]
    fn a_record_leads_back_to_its_operation() {
        for number in 0..=u16::MAX {
            let [verb, place] = number.to_le_bytes();
            for what in [0, 1, 2, 3, 5, 6, POPULATE, NOREPLACE | 1] {
                let op = op([verb, place, what], WINDOW);
                let record = record(&op).expect("its value came from a record");
                assert_eq!(super::op(record, WINDOW), op);
            }
        }
    }
}
