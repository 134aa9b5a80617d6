//! Random numbers that a seed determines on every host.

use std::ops::Range;

/// SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The stream of the item `number` of those of `seed`.
    pub fn of(seed: u64, number: u64) -> Random {
        let mut outer = Random(seed);
        let mut inner = Random(outer.number() ^ number);
        Random(inner.number())
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number of `range`, which is not empty.
    pub fn within(&mut self, range: Range<usize>) -> usize {
        range.start + (self.number() % range.len() as u64) as usize
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.number().is_multiple_of(n)
    }

    /// One of `all`, which are not none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.within(0..all.len())]
    }
}
