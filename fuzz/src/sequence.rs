//! Bytes become a case: one CPU's operations.
//!
//! ```text
//! byte 0      page tables and TLB size
//! bytes 1..7  the protocol
//! then        records, up to MAX_OPS
//! ```
//! Every string of bytes is a case. Of the sixteen values of a half byte twelve
//! are the window's pages, and four are, once more, pages at the borders of page tables.

use seqfault_core::Protocol;
use seqfault_models::differential::{Case, CoreSetup, Given, PAGES, Shape};

use crate::choices;
use crate::record::{RECORD, Window, op, record};

/// Operations of a case, at most.
pub const MAX_OPS: usize = 64;

/// Bytes before the records.
pub const HEADER: usize = 1 + choices::BYTES;

/// The pages of a case.
pub const WINDOW: Window = Window {
    pages: PAGES,
    more: &[3, 4, 7, 8],
};

const TLB_ENTRIES: [usize; 4] = [64, 3, 1, 64];

/// The case that `data` stands for.
pub fn case(data: &[u8]) -> Case {
    let mut header = [0; HEADER];
    for (to, from) in header.iter_mut().zip(data) {
        *to = *from;
    }
    let [shape, chosen @ ..] = header;
    let core = CoreSetup {
        shape: Shape::ALL[usize::from(shape) % Shape::ALL.len()],
        protocol: choices::decode(chosen),
        tlb_entries: TLB_ENTRIES[usize::from(shape >> 6)],
        ..CoreSetup::default()
    };
    let (records, _) = data.get(HEADER..).unwrap_or_default().as_chunks::<RECORD>();
    let ops = records.iter().take(MAX_OPS).map(|r| op(*r, WINDOW));
    Case {
        core,
        ops: ops.collect(),
    }
}

/// Bytes that stand for these operations, on the usual core but for its choices.
pub fn encode(protocol: &Protocol, ops: &[Given]) -> Option<Vec<u8>> {
    let mut bytes = vec![0];
    bytes.extend(choices::encode(protocol));
    for op in ops {
        bytes.extend(record(op)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use seqfault_core::FaultPath;
    use seqfault_models::spec::seq::Call;

    use super::*;

    #[test]
    fn every_byte_string_is_a_case() {
        assert_eq!(case(&[]).ops, []);
        assert_eq!(case(&[0; HEADER + RECORD - 1]).ops, []);
        for byte in 0..=255 {
            assert_eq!(case(&[byte; 300]).ops.len(), MAX_OPS);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let munmap = Given::Call(Call::Munmap { pages: 8..PAGES });
        let ops = [
            munmap,
            Given::Call(Call::Write { page: 11, word: 16 }),
            Given::SWITCH_LAZY,
        ];
        let core = CoreSetup {
            protocol: Protocol::preset(FaultPath::Spf),
            ..CoreSetup::default()
        };
        let bytes = encode(&core.protocol, &ops).expect("they have records");
        let case = case(&bytes);
        assert_eq!((case.ops, case.core), (ops.to_vec(), core));
    }
}
