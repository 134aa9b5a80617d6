//! Bytes become a case.
//!
//! ```text
//! byte 0      page tables and TLB size
//! bytes 1..7  choices, three bits each, the first choice in the lowest
//! then, until the bytes or MAX_OPS end, for each operation
//!   verb     one byte
//!   where    one byte: high half the page, low half how many (for ranges)
//!   what     one byte, for the operations that need one: protection and flags, or a word
//! ```
//!
//! Every string of bytes is a case, and a changed byte changes one operation.
//! Of sixteen values of a half byte twelve are the window's pages and four are,
//! once more, pages at the borders of page tables.

use arbitrary::Unstructured;
use seqfault_core::{CHOICES, Protocol};
use seqfault_models::differential::{Case, Op, PAGES, Shape, Subject};
use seqfault_models::litmus::ast::Prot;
use seqfault_models::spec::seq::Call;

/// Operations of a case, at most.
pub const MAX_OPS: usize = 64;

/// The pages that the upper values of a half byte stand for.
const BORDERS: [usize; 4] = [3, 4, 7, 8];

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

/// The case that `data` stands for.
pub fn case(data: &[u8]) -> Case {
    let mut bytes = Unstructured::new(data);
    let mut byte = || -> Option<u8> {
        let next = !bytes.is_empty();
        next.then(|| bytes.arbitrary().expect("a byte is left"))
    };
    let mut header = [0; 7];
    header.fill_with(|| byte().unwrap_or(0));
    let [shape, a, b, c, d, e, f] = header;
    let choices = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    let subject = Subject {
        shape: Shape::ALL[usize::from(shape) % Shape::ALL.len()],
        protocol: protocol(choices),
        tlb_entries: [64, 3, 1, 64][usize::from(shape >> 6)],
        ..Subject::default()
    };
    let mut ops = Vec::new();
    while ops.len() < MAX_OPS {
        let Some(op) = op(&mut byte) else { break };
        ops.push(op);
    }
    Case { subject, ops }
}

/// Bits of a choice.
const CHOICE_BITS: usize = 3;

/// The protocol of these choices. One that conflicts with those before it is
/// not made.
fn protocol(choices: u64) -> Protocol {
    let mut protocol = Protocol::default();
    for (number, choice) in CHOICES.iter().enumerate() {
        let shifted = choices >> (number * CHOICE_BITS);
        let value = shifted as usize % (1 << CHOICE_BITS) % choice.values.len();
        let mut chosen = protocol;
        let made = chosen.choose(choice.name, choice.values[value].name);
        made.expect("the table of choices names its own values");
        if chosen.conflict().is_none() {
            protocol = chosen;
        }
    }
    protocol
}

/// The next operation; `None` where the bytes end.
fn op(byte: &mut impl FnMut() -> Option<u8>) -> Option<Op> {
    let verb = byte()?;
    let place = byte()?;
    let page = page(place >> 4);
    let len = 1 + usize::from(place & 15);
    let pages = page..(page + len).min(PAGES);
    let call = match verb % 24 {
        0..4 => Call::Read(page),
        4..8 => Call::Write(page, u64::from(place & 15) + 1),
        8 => Call::Xchg(page, u64::from(place & 15) + 1),
        9..11 => Call::Exec(page),
        11..14 => {
            let what = byte()?;
            Call::Mmap {
                pages,
                prot: prot(what),
                populate: what & 1 << 6 != 0,
                noreplace: what & 1 << 7 != 0,
            }
        }
        14 => Call::Munmap(pages),
        15..18 => Call::Mprotect(pages, prot(byte()?)),
        18 => Call::Dontneed(pages),
        19 => Call::PopulateRead(pages),
        20 => Call::PopulateWrite(pages),
        21 => return Some(Op::Prefetch(page)),
        22 => return Some(Op::Evict(page)),
        _ => {
            return Some(match place % 4 {
                0 => Op::SwitchLazy,
                1 => Op::RcuBarrier,
                _ => Op::SwitchMain,
            });
        }
    };
    Some(Op::Call(call))
}

fn page(half: u8) -> usize {
    let half = usize::from(half);
    half.checked_sub(PAGES)
        .map_or(half, |border| BORDERS[border])
}

fn prot(byte: u8) -> Prot {
    PROTS[usize::from(byte) % PROTS.len()]
}

#[cfg(test)]
mod tests {
    use seqfault_models::differential::protocols;

    use super::*;

    #[test]
    fn every_byte_string_is_a_case() {
        assert_eq!(case(&[]).ops, []);
        assert_eq!(case(&[0; 8]).ops, []);
        for byte in 0..=255 {
            let case = case(&[byte; 300]);
            assert!(case.ops.len() <= MAX_OPS);
            for op in &case.ops {
                assert!(op.call().pages().end <= PAGES, "{op}");
            }
        }
    }

    #[test]
    fn every_protocol_can_be_chosen() {
        assert!(CHOICES.len() * CHOICE_BITS <= 48);
        for wanted in protocols() {
            let mut choices = 0;
            for (number, (choice, (_, value))) in CHOICES.iter().zip(wanted.choices()).enumerate() {
                let value = choice.values.iter().position(|v| v == value);
                let value = value.expect("a protocol has values of its choices");
                choices |= (value as u64) << (number * CHOICE_BITS);
            }
            assert_eq!(protocol(choices), wanted);
        }
    }

    #[test]
    fn ranges_reach_to_the_end() {
        let munmap = Op::Call(Call::Munmap(8..PAGES));
        assert_eq!(case(&[0, 0, 0, 0, 0, 0, 0, 14, 0xff]).ops, [munmap]);
    }
}
