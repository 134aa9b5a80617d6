//! What the seed decides: each thread finds out by itself.

use std::ops::Range;

use super::plan::Plan;
use super::spread::Spread;
use seqfault_lang::random::Random;

/// Batches between which threads stay on their CPUs.
const BLOCK: u64 = 16;

/// A number of instances that are set up together and run one after another.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    /// The number of its first instance.
    pub first: u64,
    /// Its instances in the order in which they run.
    pub order: Vec<usize>,
    /// Where their pages are.
    pub spread: &'a Spread,
    /// On which of the host's CPUs each thread is, by their number in the list of those there are.
    pub seats: Vec<usize>,
}

impl<'a> Batch<'a> {
    /// The batch of these instances.
    pub fn new(plan: &'a Plan, seed: u64, number: u64, instances: Range<u64>) -> Batch<'a> {
        let mut random = Random::of(seed, number);
        let spread = match random.once_in(2) {
            true => &plan.dense,
            false => &plan.apart,
        };
        let mut order: Vec<usize> = (0..(instances.end - instances.start) as usize).collect();
        shuffle(&mut order, &mut random);
        let mut seats: Vec<usize> = (0..plan.cpus()).collect();
        shuffle(&mut seats, &mut Random::of(!seed, number / BLOCK));
        Batch {
            first: instances.start,
            order,
            spread,
            seats,
        }
    }
}

/// The random choices of one thread in one batch.
pub(super) fn choices(seed: u64, number: u64, cpu: usize) -> Random {
    let mut of_batch = Random::of(seed, number);
    Random::of(of_batch.number(), cpu as u64 + 1)
}

fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.within(0..last + 1));
    }
}
