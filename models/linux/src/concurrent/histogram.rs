//! Outcomes, how often, and when first.

use std::collections::HashMap;

use seqfault_lang::ops::Answer;

/// Outcomes as the values of their columns.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    numbers: HashMap<Box<[Answer]>, usize>,
    counts: Vec<u64>,
}

impl Histogram {
    /// Counts an outcome; the number that it has got if it is new.
    pub fn add(&mut self, outcome: &[Answer]) -> Option<usize> {
        if let Some(&number) = self.numbers.get(outcome) {
            self.counts[number] += 1;
            return None;
        }
        let number = self.counts.len();
        self.numbers.insert(outcome.into(), number);
        self.counts.push(1);
        Some(number)
    }

    /// How often each was seen, by their numbers.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}
