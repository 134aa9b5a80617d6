//! Random cases, each determined by a seed and its number, and made at no cost to speak of.
//!
//! A sequence works on a window of its own size, and the ranges of its system calls like to
//! begin and to end where earlier ones did: that is where VMAs are split and merged.
//!
//! Most sequences do without about half of the system calls: what a few of them do together comes the sooner (Groce, Zhang,
//! Eide, Chen, Regehr, *Swarm Testing*, ISSTA 2012).
//!
//! How often an operation is drawn is a column of [the table of operations](crate::ops), and its
//! operands are drawn by their kinds.

use std::ops::Range;
use std::sync::LazyLock;

use smallvec::SmallVec;

use super::case::Case;
use super::given::Given;
use super::setup::{CoreSetup, FILE, PAGES, Shape, any_protocol};
use crate::litmus::ast::Prot;
use crate::ops::{Backing, Bytes, Drawn, Family, Kind, Numbered, Operand, ROWS, Row};
use crate::random::Random;
use crate::spec::seq::Call;

/// The smallest window.
const LEAST_PAGES: usize = 4;

/// One call in so many is not given whole pages.
const BYTES_ONCE_IN: u64 = 16;

/// One call of two ranges in so many has one page in one of them: `mremap` that changes a length.
const UNEVEN_ONCE_IN: u64 = 2;

/// A flag is there once in so many times.
const FLAG_ONCE_IN: u64 = 3;

/// One mapping in so many is of a file, and half of these are private.
const FILE_ONCE_IN: u64 = 3;

/// One sequence in so many has all system calls.
const ALL_ONCE_IN: u64 = 4;

/// The shares of all system calls together among the shares of other operations.
const SYSTEM_CALLS: usize = 21;

/// What is drawn.
static DRAWN: LazyLock<Draws> = LazyLock::new(Draws::new);

/// The rows that are drawn.
struct Draws {
    /// Those that are once in so many operations.
    rare: Vec<(u64, &'static Row)>,
    /// Others but for system calls, each as often as it has shares.
    others: Vec<&'static Row>,
    /// System calls, each as often as it has shares among them.
    system_calls: Vec<&'static Row>,
}

impl Draws {
    fn new() -> Draws {
        let mut draws = Draws {
            rare: Vec::new(),
            others: Vec::new(),
            system_calls: Vec::new(),
        };
        // A seed's sequences are by this order: an operation that comes to the table is the last.
        let mut rows: Vec<&Row> = ROWS.iter().collect();
        rows.sort_by_key(|row| row.bytes.as_ref().map(|bytes| bytes.start));
        for row in rows {
            match row.drawn {
                Drawn::Never => {}
                Drawn::OnceIn(n) => draws.rare.push((n, row)),
                Drawn::Often(shares) => {
                    let drawn = match row.family {
                        Family::Mapping | Family::Advice => &mut draws.system_calls,
                        _ => &mut draws.others,
                    };
                    drawn.extend(std::iter::repeat_n(row, shares));
                }
            }
        }
        draws
    }
}

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
        let core = setup(&mut random);
        let pages = random.within(LEAST_PAGES..PAGES + 1);
        let mut sequence = Sequence::new(random, pages);
        sequence.leave_out();
        let len = sequence.random.within(ops);
        let ops = (0..len).map(|_| sequence.op()).collect();
        Case { core, ops }
    }
}

fn setup(random: &mut Random) -> CoreSetup {
    CoreSetup {
        shape: *random.pick(&Shape::ALL),
        protocol: any_protocol(random.number()),
        tlb_entries: *random.pick(&[64, 3, 1]),
        ..CoreSetup::default()
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
    /// The system calls that it has, if not all, each as often as it has shares among them.
    system_calls: Option<Vec<&'static Row>>,
}

impl Sequence {
    /// The sequence of these choices, over so many pages, and the file.
    pub fn new(random: Random, pages: usize) -> Sequence {
        Sequence {
            random,
            pages,
            borders: vec![0, pages / 2, pages],
            system_calls: None,
        }
    }

    /// Lets it do without some system calls, but not without what maps anything.
    fn leave_out(&mut self) {
        if self.random.once_in(ALL_ONCE_IN) {
            return;
        }
        let mut kept = Vec::with_capacity(DRAWN.system_calls.len());
        for shares in DRAWN
            .system_calls
            .chunk_by(|one, other| one.name == other.name)
        {
            if shares[0].name == "Mmap" || self.random.once_in(2) {
                kept.extend_from_slice(shares);
            }
        }
        self.system_calls = Some(kept);
    }

    /// The next operation.
    pub fn op(&mut self) -> Given {
        let Draws {
            rare,
            others,
            system_calls,
        } = &*DRAWN;
        for (n, row) in rare {
            if self.random.once_in(*n) {
                return Given::Call(self.call(row, None));
            }
        }
        let number = self.random.within(0..others.len() + SYSTEM_CALLS);
        if let Some(row) = others.get(number) {
            return Given::Call(self.call(row, None));
        }
        let pages = self.range();
        let row = *self
            .random
            .pick(self.system_calls.as_ref().unwrap_or(system_calls));
        let call = self.call(row, Some(pages));
        if self.random.once_in(BYTES_ONCE_IN) {
            Given::with_bytes(call, *self.random.pick(&Bytes::ALL))
        } else {
            Given::Call(call)
        }
    }

    /// The operation of `row` with random operands, of which the first range may be drawn already.
    fn call(&mut self, row: &Row, mut drawn: Option<Range<usize>>) -> Call {
        let mut first: Option<Range<usize>> = None;
        let operand = |kind| match kind {
            Kind::Page => Operand::Page(self.page()),
            Kind::Pages => Operand::Pages(match &first {
                Some(first) => self.elsewhere(first),
                None => {
                    let pages = drawn.take().unwrap_or_else(|| self.range());
                    first.insert(pages).clone()
                }
            }),
            Kind::Word => Operand::Word(self.word()),
            Kind::Prot => Operand::Prot(self.prot()),
            Kind::Flag => Operand::Flag(self.random.once_in(FLAG_ONCE_IN)),
            Kind::Backing => Operand::Backing(self.backing()),
            Kind::NewProcess => Operand::Process(1),
            Kind::Process => Operand::Process(0),
            Kind::File => Operand::File(0),
            Kind::Len => Operand::Len(self.random.within(0..FILE.len() + 1)),
            Kind::FilePage => Operand::FilePage(self.random.within(0..FILE.len())),
            Kind::Modes => unreachable!("what a sequence has not is in no operation that is drawn"),
        };
        let operands: SmallVec<[_; 4]> = row.kinds().map(operand).collect();
        let is_uneven = row.has_two_ranges() && self.random.once_in(UNEVEN_ONCE_IN);
        match is_uneven {
            true => Call::uneven(row, operands.into_iter(), self.random.within(0..2)),
            false => Call::level(row, operands.into_iter()),
        }
    }

    /// A range for what is in `from`, most often somewhere else, as long as there is room.
    fn elsewhere(&mut self, from: &Range<usize>) -> Range<usize> {
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
        start..(start + from.len()).min(room)
    }

    fn prot(&mut self) -> Prot {
        *self.random.pick(&PROTS)
    }

    fn word(&mut self) -> u64 {
        self.random.within(1..4) as u64
    }

    /// What is mapped.
    pub fn backing(&mut self) -> Backing<Numbered> {
        if !self.random.once_in(FILE_ONCE_IN) {
            return Backing::Anon;
        }
        let at = self.random.within(0..FILE.len());
        match self.random.once_in(2) {
            true => Backing::PrivateFile(at),
            false => Backing::SharedFile(at),
        }
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::differential::core::Core;
    use crate::subject::Subject as _;

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

    #[test]
    fn shares_are_what_the_table_says() {
        const OPS: usize = 200_000;
        let mut sequence = Sequence::new(Random::new(5), PAGES);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for _ in 0..OPS {
            *counts.entry(sequence.op().call().row().name).or_default() += 1;
        }
        let rare: f64 = DRAWN.rare.iter().map(|(n, _)| 1.0 / *n as f64).sum();
        let all = (DRAWN.others.len() + SYSTEM_CALLS) as f64;
        for row in ROWS {
            let is_call = DRAWN
                .system_calls
                .iter()
                .any(|drawn| drawn.name == row.name);
            let expected = match row.drawn {
                Drawn::Never => 0.0,
                Drawn::OnceIn(n) => 1.0 / n as f64,
                Drawn::Often(shares) if is_call => {
                    let of_calls = shares as f64 / DRAWN.system_calls.len() as f64;
                    (1.0 - rare) * SYSTEM_CALLS as f64 / all * of_calls
                }
                Drawn::Often(shares) => (1.0 - rare) * shares as f64 / all,
            };
            let drawn = counts.get(row.name).copied().unwrap_or(0) as f64 / OPS as f64;
            // Five times the deviation of so many draws.
            let most = 5.0 * (expected / OPS as f64).sqrt();
            let name = row.name;
            assert!(
                (drawn - expected).abs() <= most,
                "{name}: {drawn}, not {expected}"
            );
        }
    }

    /// What is drawn is nothing that core lacks.
    #[test]
    fn core_has_what_is_drawn() {
        let mut sequence = Sequence::new(Random::new(6), PAGES);
        let mut core = Core::new(&CoreSetup::default(), &[]);
        for row in ROWS.iter().filter(|row| row.drawn != Drawn::Never) {
            let op = Given::Call(sequence.call(row, None));
            assert_eq!(core.lacks(op.call()), None, "{op}");
        }
    }
}
