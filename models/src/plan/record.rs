//! Four bytes are an operation.
//!
//! ```text
//! byte 0   the verb: the table of operations says which ones stand for which operation
//! byte 1   high half: the page, or the length of the file; low half: how many (for ranges), or the value
//! byte 2   for the operations that need it: protection and flags, or where to; low three bits: a file's page
//! byte 3   low three bits: whose operation, where there are several CPUs
//! ```
//! Bytes 1 and 2 are the operands, one after the other, from the highest bit on: as many bits as the
//! operand's kind takes. What is mapped is the last, in the lowest bits: of eight values the first four are anonymous
//! memory. Where there are two ranges, they are equally long, but if these bits are the last of the eight values, or the last
//! but one: then the second or the first is one page. All records are of one length, so that inserting, dropping or swapping some
//! leaves the others what they are. Every four bytes are an operation.

use std::ops::Range;
use std::sync::LazyLock;

use crate::differential::{FILE, Given};
use crate::litmus::ast::Prot;
use crate::ops::{Backing, Kind, Numbered, Operand, ROWS, Row};
use crate::spec::seq::Call;

/// The length of a record.
pub const RECORD: usize = 4;
/// The verb's byte.
pub const VERB: usize = 0;
/// The byte that begins with the page.
pub const PLACE: usize = 1;
/// The byte behind it.
pub const WHAT: usize = 2;
/// The byte that says whose operation it is.
pub const WHOSE: usize = 3;

/// A record.
pub type Record = [u8; RECORD];

/// Verbs from here on that stand for no operation yet stand for that of the verb so much less: what
/// is taken for a new operation changes no record that is kept.
const SPARE: u8 = 128;

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
    fn page(self, half: usize) -> usize {
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

/// What is mapped.
const BACKINGS: [Backing<Numbered>; 8] = [
    Backing::Anon,
    Backing::Anon,
    Backing::Anon,
    Backing::Anon,
    Backing::PrivateFile(0),
    Backing::PrivateFile(1),
    Backing::SharedFile(0),
    Backing::SharedFile(1),
];

/// Bits of a page, of a length and of a word.
const HALF: u32 = 4;
/// Bits of a protection.
const PROT: u32 = PROTS.len().ilog2();
/// Bits of a flag.
const FLAG: u32 = 1;
/// Bits of what is mapped.
const BACKING: u32 = BACKINGS.len().ilog2();
/// The values of the lowest bits that say which of two ranges is one page.
const ONE_PAGE: [u16; 2] = [6, 7];
/// Bits of all operands.
const OPERANDS: u32 = u16::BITS;

/// The processes that records name.
const OWN: usize = 0;
const CHILD: usize = 1;

/// Whose operation a record is, of so many.
pub fn whose(record: &Record, rows: usize) -> usize {
    usize::from(record[WHOSE] & 7) % rows
}

/// The row of each verb.
static VERBS: LazyLock<[&Row; 256]> = LazyLock::new(|| {
    let row_of = |verb: u8| ROWS.iter().find(|row| has_verb(row, verb));
    std::array::from_fn(|verb| {
        let verb = verb as u8;
        let row = row_of(verb).or_else(|| row_of(verb % SPARE));
        row.expect("every verb below the spare ones is some operation's")
    })
});

fn has_verb(row: &Row, verb: u8) -> bool {
    let bytes = row.bytes.as_ref();
    bytes.is_some_and(|bytes| bytes.contains(&verb.into()))
}

/// The operation that a record stands for.
pub fn op(record: Record, window: Window) -> Given {
    let row = VERBS[usize::from(record[VERB])];
    let all = u16::from_be_bytes([record[PLACE], record[WHAT]]);
    let mut reader = Reader {
        all,
        bits: all,
        window,
        len: None,
    };
    let operands = row.kinds().map(|kind| reader.operand(kind));
    let one = ONE_PAGE.iter().position(|of| *of == lowest(all));
    Given::Call(match one.filter(|_| row.has_two_ranges()) {
        Some(one) => Call::uneven(row, operands, one),
        None => Call::level(row, operands),
    })
}

/// The lowest bits of all operands.
fn lowest(all: u16) -> u16 {
    all % (1 << BACKING)
}

/// Takes operands out of bits.
struct Reader {
    all: u16,
    /// Those that are left.
    bits: u16,
    window: Window,
    /// How many pages the operation's ranges have, once it has one.
    len: Option<usize>,
}

impl Reader {
    fn take(&mut self, bits: u32) -> usize {
        let taken = self.bits >> (OPERANDS - bits);
        self.bits <<= bits;
        taken.into()
    }

    fn operand(&mut self, kind: Kind) -> Operand<Numbered> {
        match kind {
            Kind::Page => Operand::Page(self.page()),
            Kind::Pages => {
                let start = self.page();
                let len = match self.len {
                    Some(len) => len,
                    None => self.take(HALF) + 1,
                };
                self.len = Some(len);
                Operand::Pages(start..(start + len).min(self.window.pages))
            }
            Kind::Word => Operand::Word(self.take(HALF) as u64 + 1),
            Kind::Prot => Operand::Prot(PROTS[self.take(PROT)]),
            Kind::Flag => Operand::Flag(self.take(FLAG) != 0),
            Kind::Backing => Operand::Backing(self.backing()),
            Kind::NewProcess => Operand::Process(CHILD),
            Kind::Process => Operand::Process(OWN),
            Kind::File => Operand::File(0),
            Kind::Len => Operand::Len(self.take(HALF) % (FILE.len() + 1)),
            Kind::FilePage => Operand::FilePage(self.take(HALF) % FILE.len()),
            Kind::Modes => unreachable!("no verb is of an operation that has no records"),
        }
    }

    /// What the lowest bits stand for.
    fn backing(&self) -> Backing<Numbered> {
        BACKINGS[usize::from(lowest(self.all))].clone()
    }

    fn page(&mut self) -> usize {
        let half = self.take(HALF);
        self.window.page(half)
    }
}

/// A record that stands for `op`; `None` if none does, because of its value or of
/// its byte arguments.
pub fn record(op: &Given) -> Option<Record> {
    let Given::Call(call) = op else {
        return None;
    };
    let row = call.row();
    let verb = row.bytes.as_ref()?.start;
    let mut writer = Writer::default();
    let longest = call.lens().max();
    if call.lens().any(|len| Some(len) != longest) {
        writer.lowest = ONE_PAGE[call.lens().position(|len| len == 1)?];
        writer.longer = longest;
    }
    for (kind, operand) in row.kinds().zip(call.operands()) {
        writer.operand(kind, operand)?;
    }
    let left = OPERANDS.checked_sub(writer.used)?;
    let bits = writer.bits.checked_shl(left).unwrap_or(0) | writer.lowest;
    let [place, what] = bits.to_be_bytes();
    Some([u8::try_from(verb).ok()?, place, what, 0])
}

/// Puts operands into bits.
#[derive(Default)]
struct Writer {
    bits: u16,
    used: u32,
    /// The lowest bits of all.
    lowest: u16,
    /// How many pages the operation's ranges have, once it has one.
    len: Option<usize>,
    /// How many the longer one has, if the other is one page.
    longer: Option<usize>,
}

impl Writer {
    /// `None` if the number needs more bits.
    fn put(&mut self, number: usize, bits: u32) -> Option<()> {
        self.bits = self.bits << bits | u16::try_from(number).ok()?;
        self.used += bits;
        (number < 1 << bits).then_some(())
    }

    /// `None` if no bits stand for it.
    fn operand(&mut self, kind: Kind, operand: Operand<Numbered>) -> Option<()> {
        match operand {
            Operand::Page(page) => self.put(page, HALF),
            Operand::Pages(Range { start, end }) => {
                let len = self.longer.or(end.checked_sub(start))?;
                self.put(start, HALF)?;
                match self.len.replace(len) {
                    None => self.put(len.checked_sub(1)?, HALF),
                    Some(other) => (len == other).then_some(()),
                }
            }
            Operand::Word(word) => self.put(usize::try_from(word.checked_sub(1)?).ok()?, HALF),
            Operand::Prot(prot) => {
                let at = PROTS.iter().position(|known| *known == prot)?;
                self.put(at, PROT)
            }
            Operand::Flag(flag) => self.put(flag.into(), FLAG),
            Operand::Backing(backing) => {
                let at = BACKINGS.iter().position(|known| *known == backing)?;
                self.lowest = u16::try_from(at).ok()?;
                Some(())
            }
            Operand::Process(process) => {
                let known = match kind {
                    Kind::NewProcess => CHILD,
                    _ => OWN,
                };
                (process == known).then_some(())
            }
            Operand::File(file) => (file == 0).then_some(()),
            Operand::Len(len) if len <= FILE.len() => self.put(len, HALF),
            Operand::FilePage(page) if page < FILE.len() => self.put(page, HALF),
            Operand::Len(_) | Operand::FilePage(_) | Operand::Modes(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ops::Drawn;

    const WINDOW: Window = Window {
        pages: 6,
        more: &[0, 3, 4],
    };

    /// Each record but for whose it is, the operands not in all combinations.
    fn records() -> impl Iterator<Item = Record> {
        let whats = [
            0, 0x20, 0x26, 0x40, 0x60, 0x77, 0x7f, 0x80, 0x90, 0xa8, 0xb0, 0xff,
        ];
        (0..=u16::MAX).flat_map(move |number| {
            let [verb, place] = number.to_le_bytes();
            whats.map(|what| [verb, place, what, 0])
        })
    }

    #[test]
    fn every_record_is_an_operation_inside_the_window() {
        for record in records() {
            let op = op(record, WINDOW);
            assert!(op.call().pages().all(|page| page < WINDOW.pages), "{op}");
            let of_file = matches!(op.call(), Call::Truncate { .. } | Call::Punch { .. });
            let is_about_pages = op.is_asked() && op != Given::FORK && !of_file;
            assert!(
                op.call().pages().next().is_some() || !is_about_pages,
                "{op}"
            );
        }
    }

    #[test]
    fn a_record_leads_back_to_its_operation() {
        for record in records() {
            let op = op(record, WINDOW);
            let record = super::record(&op).expect("its value came from a record");
            assert_eq!(super::op(record, WINDOW), op);
        }
    }

    fn mmap(backing: Backing<Numbered>) -> Call {
        Call::Mmap {
            pages: 1..3,
            prot: Prot::R,
            backing,
            populate: true,
            noreplace: false,
        }
    }

    /// Records that were kept before there were files stand for what they stood for.
    #[test]
    fn anonymous_memory_leaves_the_lowest_bits_clear() {
        let record = |backing| record(&Given::Call(mmap(backing))).expect("it has a record");
        let anonymous = record(Backing::Anon);
        assert_eq!(anonymous[WHAT], 0b0011_0000, "r, populate, not noreplace");
        let mut of_file = anonymous;
        of_file[WHAT] |= 0b111;
        assert_eq!(record(Backing::SharedFile(1)), of_file);
        assert_eq!(record(Backing::PrivateFile(1))[WHAT] & 0b111, 0b101);
    }

    #[test]
    fn what_has_no_record_is_told() {
        let calls = [
            Call::Write { page: 1, word: 0 },
            Call::Write { page: 1, word: 17 },
            Call::Read { page: 16 },
            Call::Munmap { pages: 0..17 },
            Call::Mremap {
                from: 0..2,
                to: 3..6,
                dontunmap: false,
            },
            Call::Switch { process: 1 },
            Call::Fork { process: 2 },
            Call::Truncate { file: 0, len: 3 },
            Call::Truncate { file: 1, len: 0 },
            Call::Punch { page: 2 },
            mmap(Backing::SharedFile(2)),
            mmap(Backing::PrivateFile(2)),
            mmap(Backing::Driver),
            Call::Unpin {},
        ];
        for call in calls {
            assert_eq!(record(&Given::Call(call.clone())), None, "{call:?}");
        }
    }

    /// An operation has records if it is drawn at random, and operands that records have room for.
    #[test]
    fn what_is_drawn_has_records() {
        let mut taken: BTreeMap<u16, &str> = BTreeMap::new();
        for row in ROWS {
            let is_drawn = row.drawn != Drawn::Never;
            assert!(row.bytes.is_some() || !is_drawn, "{} has no verb", row.name);
            for verb in row.bytes.clone().into_iter().flatten() {
                assert!(verb <= u16::from(u8::MAX), "{}: {verb}", row.name);
                assert_eq!(taken.insert(verb, row.name), None, "{}: {verb}", row.name);
            }
            if row.bytes.is_some() {
                let mut ranges = 0;
                let bits = row.kinds().map(|kind| match kind {
                    Kind::Page | Kind::Word => HALF,
                    Kind::Pages => {
                        ranges += 1;
                        if ranges == 1 { 2 * HALF } else { HALF }
                    }
                    Kind::Prot => PROT,
                    Kind::Flag => FLAG,
                    Kind::Backing => BACKING,
                    Kind::NewProcess | Kind::Process | Kind::File => 0,
                    Kind::Len | Kind::FilePage => HALF,
                    Kind::Modes => u32::MAX,
                });
                let bits = bits.fold(0, u32::saturating_add);
                assert!(bits <= OPERANDS, "{} has no records", row.name);
            }
        }
        assert!((0..SPARE).all(|verb| taken.contains_key(&verb.into())));
    }

    /// What records are there for: accesses have the most verbs, then what changes permissions and the
    /// instruction fetches that meet it.
    #[test]
    fn a_third_of_all_records_is_about_permissions() {
        let share = |names: &[&str]| {
            let rows = VERBS.iter().filter(|row| names.contains(&row.name));
            rows.count() as f64 / VERBS.len() as f64
        };
        let accesses = share(&["Read", "Write", "Xchg"]);
        assert!((0.25..0.4).contains(&accesses), "{accesses}");
        let permissions = share(&["Mprotect", "Exec"]);
        assert!((0.2..0.4).contains(&permissions), "{permissions}");
        for row in ROWS.iter().filter(|row| row.bytes.is_some()) {
            assert!(share(&[row.name]) > 0.0, "{}", row.name);
        }
    }
}
