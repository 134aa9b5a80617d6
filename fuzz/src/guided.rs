//! A search that coverage guides, in this process and nearly the same for each seed:
//! what libFuzzer does, as far as it matters for a comparison.
//!
//! An input that counts in a counter what was not counted there before (none,
//! one, two, three, four or more, eight or more, …) is kept, and edited again.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::mutate::Mutate;
use crate::rng::Rng;

/// What was counted so far.
struct Seen {
    counters: &'static [AtomicU8],
    /// By counter, the sizes that were seen, a bit each.
    sizes: Vec<u8>,
}

impl Seen {
    fn new(counters: &'static [AtomicU8]) -> Seen {
        Seen {
            counters,
            sizes: vec![0; counters.len()],
        }
    }

    /// Sets all counters to zero; whether they had counted something new.
    fn collect(&mut self) -> bool {
        let mut is_new = false;
        for (counter, sizes) in self.counters.iter().zip(&mut self.sizes) {
            let count = counter.load(Ordering::Relaxed);
            if count > 0 {
                counter.store(0, Ordering::Relaxed);
                let size = match count {
                    0..4 => count - 1,
                    4..8 => 3,
                    8..16 => 4,
                    16..32 => 5,
                    32..128 => 6,
                    128.. => 7,
                };
                is_new |= *sizes & 1 << size == 0;
                *sizes |= 1 << size;
            }
        }
        is_new
    }
}

/// Runs inputs until one is a finding: those of `start`, and then edits of those
/// that showed something new. Returns how many were run, and the finding; `None`
/// if the first `cap` have none.
pub fn search<F>(
    start: &[Vec<u8>],
    mutate: Mutate,
    counters: &'static [AtomicU8],
    seed: u64,
    cap: u64,
    mut run: impl FnMut(&[u8]) -> Option<F>,
) -> Option<(u64, F)> {
    let mut rng = Rng::new(seed);
    let mut seen = Seen::new(counters);
    seen.collect();
    seen.sizes.fill(0);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for number in 0..cap {
        let data = match start.get(number as usize) {
            Some(data) => data.clone(),
            None => {
                let mut data = match kept.len() {
                    0 => Vec::new(),
                    // The newer half as often as all of them.
                    len if rng.below(2) == 0 => kept[len / 2 + rng.below(len - len / 2)].clone(),
                    len => kept[rng.below(len)].clone(),
                };
                for _ in 0..1 + rng.below(3) {
                    mutate(&mut data, &mut rng);
                }
                data
            }
        };
        if let Some(finding) = run(&data) {
            return Some((number + 1, finding));
        }
        if seen.collect() || kept.is_empty() {
            kept.push(data);
        }
    }
    None
}

/// Counters for one search: they are never freed.
pub fn counters() -> &'static [AtomicU8] {
    let counters = (0..crate::program_schedule::COUNTERS).map(|_| AtomicU8::new(0));
    Box::leak(counters.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A door that opens only to an input that finds each of its three locks.
    fn door(data: &[u8], counters: &[AtomicU8]) -> Option<()> {
        let locks = [17, 200, 3];
        let opened = data
            .iter()
            .zip(locks)
            .take_while(|(a, b)| **a == *b)
            .count();
        counters[opened].store(1, Ordering::Relaxed);
        (opened == locks.len()).then_some(())
    }

    fn any_byte(data: &mut Vec<u8>, rng: &mut Rng) {
        data.resize(3, 0);
        let at = rng.below(3);
        data[at] = rng.byte();
    }

    #[test]
    fn coverage_guides_the_search() {
        let counters = counters();
        let found = search(&[], any_byte, counters, 1, 20_000, |d| door(d, counters));
        let (executions, ()) = found.expect("it is found with counters");
        assert!(executions < 20_000);
        let again = search(&[], any_byte, counters, 1, 20_000, |d| door(d, counters));
        assert_eq!(again, Some((executions, ())));
        let none = self::counters();
        let blind = search(&[], any_byte, none, 1, 20_000, |d| door(d, counters));
        assert_eq!(blind, None);
    }
}
