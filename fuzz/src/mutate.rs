//! Edits of inputs that keep their meaning in sight: of operations and of
//! schedules, not of bytes.
//!
//! ```text
//! an operation   inserted, dropped, doubled, swapped with another, given to another CPU,
//!                its page moved by one, its verb, length or protection changed
//! a CPU          gets what another one does
//! the rest       a choice, or a byte of the schedule: changed, inserted, dropped
//! ```

use crate::record::{PLACE, RECORD, Record, VERB, WHAT, WHOSE, whose};
use crate::rng::Rng;
use crate::{plan, sequence};

/// Edits an input in place. It may get longer than a target takes.
pub type Mutate = fn(&mut Vec<u8>, &mut Rng);

/// An input's parts: a header, records, and the bytes behind them.
struct Parts {
    header: Vec<u8>,
    records: Vec<Record>,
    tail: Vec<u8>,
}

impl Parts {
    fn of(data: &[u8], header: usize, count: impl Fn(&[u8], usize) -> usize) -> Parts {
        let mut head = data[..header.min(data.len())].to_vec();
        head.resize(header, 0);
        let rest = data.get(header..).unwrap_or_default();
        let (records, _) = rest.as_chunks::<RECORD>();
        let count = count(&head, records.len());
        Parts {
            records: records[..count].to_vec(),
            tail: rest[count * RECORD..].to_vec(),
            header: head,
        }
    }

    fn join(&self, data: &mut Vec<u8>) {
        data.clear();
        data.extend(&self.header);
        data.extend(self.records.as_flattened());
        data.extend(&self.tail);
    }

    /// Edits the records.
    fn edit_record(&mut self, rng: &mut Rng) {
        let len = self.records.len();
        let random: Record = std::array::from_fn(|_| rng.byte());
        if len == 0 {
            return self.records.push(random);
        }
        let at = rng.below(len);
        match rng.below(10) {
            0 | 1 => self.records.insert(rng.below(len + 1), random),
            2 => drop(self.records.remove(at)),
            3 => self.records.insert(rng.below(len + 1), self.records[at]),
            4 => self.records.swap(at, rng.below(len)),
            // The page, by one.
            5 => {
                let step = if rng.below(2) == 0 { 0x10 } else { 0xf0 };
                self.records[at][PLACE] = self.records[at][PLACE].wrapping_add(step);
            }
            // How many pages, or the value.
            6 => self.records[at][PLACE] ^= rng.byte() & 15,
            // The verb.
            7 => self.records[at][VERB] = rng.byte(),
            // The same page as another operation.
            8 => self.records[at][PLACE] = self.records[rng.below(len)][PLACE],
            _ => self.records[at][WHAT] = random[WHAT],
        }
    }

    /// Edits a byte string: of the header in place, of the tail anyhow.
    fn edit_bytes(bytes: &mut Vec<u8>, may_grow: bool, rng: &mut Rng) {
        let random = rng.byte();
        let len = bytes.len();
        match rng.below(if may_grow { 5 } else { 2 }) {
            _ if len == 0 && may_grow => bytes.push(random),
            _ if len == 0 => {}
            0 => bytes[rng.below(len)] = random,
            1 => bytes[rng.below(len)] ^= 1 << (random & 7),
            2 => bytes.insert(rng.below(len + 1), random),
            3 => drop(bytes.remove(rng.below(len))),
            // A preemption a little earlier or later.
            _ => {
                let at = rng.below(len);
                let step = if random & 1 == 0 { 4 } else { 0xfc };
                bytes[at] = bytes[at].wrapping_add(step);
            }
        }
    }
}

/// Edits an input of the sequential target.
pub fn sequence(data: &mut Vec<u8>, rng: &mut Rng) {
    let mut parts = Parts::of(data, sequence::HEADER, |_, records| records);
    for _ in 0..1 + rng.below(3) {
        if rng.below(8) == 0 {
            Parts::edit_bytes(&mut parts.header, false, rng);
        } else {
            parts.edit_record(rng);
        }
    }
    parts.records.truncate(sequence::MAX_OPS);
    parts.tail.clear();
    parts.join(data);
}

/// Edits an input of the concurrent target.
pub fn plan(data: &mut Vec<u8>, rng: &mut Rng) {
    let count = plan::HEADER - 1;
    let mut parts = Parts::of(data, plan::HEADER, |header, records| {
        (usize::from(header[count]) % (plan::MAX_RECORDS + 1)).min(records)
    });
    for _ in 0..1 + rng.below(3) {
        match rng.below(16) {
            0 => Parts::edit_bytes(&mut parts.header, false, rng),
            1..7 => Parts::edit_bytes(&mut parts.tail, true, rng),
            // To another CPU.
            7 | 8 if !parts.records.is_empty() => {
                let at = rng.below(parts.records.len());
                parts.records[at][WHOSE] = rng.byte();
            }
            9 => {
                let rows = plan::rows(parts.header[0]);
                splice(&mut parts.records, rows, rng);
            }
            _ => parts.edit_record(rng),
        }
    }
    parts.records.truncate(plan::MAX_RECORDS);
    parts.header[count] = parts.records.len() as u8;
    parts.join(data);
}

/// Edits a schedule.
pub fn schedule(data: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.below(3) {
        Parts::edit_bytes(data, true, rng);
    }
    data.truncate(64);
}

/// One CPU does what another one does, or the setup, of so many together.
fn splice(records: &mut Vec<Record>, rows: usize, rng: &mut Rng) {
    let [from, to] = [rng.below(rows), rng.below(rows)];
    if from == to {
        return;
    }
    let mut copied: Vec<Record> = records.clone();
    copied.retain(|record| whose(record, rows) == from);
    for record in &mut copied {
        record[WHOSE] = to as u8;
    }
    records.retain(|record| whose(record, rows) != to);
    records.extend(copied);
}

/// Edits a text: by words and lines.
pub fn text(data: &mut Vec<u8>, rng: &mut Rng) {
    let words = crate::dictionary::words();
    for _ in 0..1 + rng.below(3) {
        let spans = spans(data);
        let word = words[rng.below(words.len())].as_bytes();
        let at = match spans.len() {
            0 => 0..0,
            len => spans[rng.below(len)].clone(),
        };
        match rng.below(8) {
            0..3 => drop(data.splice(at, word.iter().copied())),
            3 => drop(data.splice(at.start..at.start, [word, b" "].concat())),
            4 => drop(data.drain(at)),
            5 => {
                let copy = data[at.clone()].to_vec();
                let other = spans.get(rng.below(spans.len().max(1)));
                let to = other.map_or(0, |span| span.start);
                drop(data.splice(to..to, copy));
            }
            6 => line(data, rng),
            _ => Parts::edit_bytes(data, true, rng),
        }
    }
}

/// Doubles or drops a line.
fn line(data: &mut Vec<u8>, rng: &mut Rng) {
    let mut lines: Vec<&[u8]> = data.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.is_empty() {
        return;
    }
    let at = rng.below(lines.len());
    if rng.below(2) == 0 {
        lines.remove(at);
    } else {
        lines.insert(rng.below(lines.len() + 1), lines[at]);
    }
    *data = lines.concat();
}

/// Words and signs.
fn spans(data: &[u8]) -> Vec<std::ops::Range<usize>> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let mut end = 0;
    data.chunk_by(|a, b| is_word(a) && is_word(b))
        .map(|chunk| {
            end += chunk.len();
            end - chunk.len()..end
        })
        .filter(|span| !data[span.start].is_ascii_whitespace())
        .collect()
}

/// An edit for libFuzzer: `data` has room for `max_size` bytes, `size` of which
/// are the input; the new size is returned. Now and then libFuzzer's own edits
/// have their turn, by `bytes`.
pub fn in_place(
    mutate: Mutate,
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    bytes: fn(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut rng = Rng::new(u64::from(seed));
    if rng.below(6) == 0 {
        return bytes(data, size, max_size);
    }
    let mut input = data[..size].to_vec();
    mutate(&mut input, &mut rng);
    input.truncate(max_size.min(data.len()));
    data[..input.len()].copy_from_slice(&input);
    input.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::Plan;
    use crate::sequence::case;

    #[test]
    fn an_edit_of_a_sequence_leaves_most_operations() {
        let mut rng = Rng::new(5);
        let mut data: Vec<u8> = (0..sequence::HEADER + 20 * RECORD)
            .map(|_| rng.byte())
            .collect();
        let before = case(&data).ops;
        sequence(&mut data, &mut rng);
        let after = case(&data).ops;
        assert_ne!(before, after);
        let kept = after.iter().filter(|op| before.contains(op)).count();
        assert!(kept >= 16, "{before:?}\n{after:?}");
    }

    #[test]
    fn edits_reach_every_part_of_a_plan() {
        let mut rng = Rng::new(6);
        let mut changed = BTreeSet::new();
        let start = [
            &[1; plan::HEADER - 1][..],
            &[9],
            &[0x25; 9 * RECORD],
            &[40; 5],
        ]
        .concat();
        let before = Plan::decode(&start);
        for _ in 0..200 {
            let mut data = start.clone();
            super::plan(&mut data, &mut rng);
            let after = Plan::decode(&data);
            let count = after.threads.len();
            changed.extend((before.protocol != after.protocol).then_some("protocol"));
            changed.extend((before.threads.len() != count).then_some("CPUs"));
            changed.extend((before.setup != after.setup).then_some("setup"));
            changed.extend((before.threads != after.threads).then_some("threads"));
            changed.extend((before.schedule != after.schedule).then_some("schedule"));
        }
        assert_eq!(changed.len(), 5, "{changed:?}");
    }

    #[test]
    fn no_edit_breaks_an_input() {
        for mutate in [sequence as Mutate, super::plan, text] {
            let mut rng = Rng::new(7);
            let mut data = Vec::new();
            for _ in 0..5000 {
                mutate(&mut data, &mut rng);
                data.truncate(300);
            }
        }
    }

    #[test]
    fn an_edit_in_place_stays_in_its_room() {
        for seed in 0..2000 {
            let mut data = [7; 40];
            let size = in_place(super::plan, &mut data, 30, 40, seed, |_, size, _| size);
            assert!(size <= 40);
        }
    }
}
