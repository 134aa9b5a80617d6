//! Six bytes are a protocol: three bits for each choice that programs make, the first in the lowest.

use seqfault_core::Protocol;

use crate::differential;

/// Bytes of a protocol.
pub const BYTES: usize = 6;

/// Bits of a choice.
const CHOICE_BITS: usize = 3;

/// The protocol that `bytes` stand for. A choice that conflicts with those
/// before it is not made.
pub fn decode(bytes: [u8; BYTES]) -> Protocol {
    let [a, b, c, d, e, f] = bytes;
    let choices = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    let mut protocol = Protocol::default();
    for (number, choice) in differential::choices().enumerate() {
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

/// The bytes that stand for `protocol`.
pub fn encode(protocol: &Protocol) -> [u8; BYTES] {
    let mut choices = 0;
    for (number, choice) in differential::choices().enumerate() {
        let mut made = protocol.choices();
        let made = made.find(|(name, _)| *name == choice.name);
        let value = made.and_then(|(_, made)| choice.values.iter().position(|v| v == made));
        let value = value.expect("a protocol has values of its choices");
        choices |= (value as u64) << (number * CHOICE_BITS);
    }
    let [a, b, c, d, e, f, ..] = u64::to_le_bytes(choices);
    [a, b, c, d, e, f]
}

#[cfg(test)]
mod tests {
    use crate::differential::protocols;

    use super::*;

    #[test]
    fn every_protocol_can_be_chosen() {
        assert!(differential::choices().count() * CHOICE_BITS <= BYTES * 8);
        for wanted in protocols() {
            assert_eq!(decode(encode(&wanted)), wanted);
        }
    }
}
