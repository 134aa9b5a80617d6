//! How long programs take, and the delays that follow.
//!
//! ```text
//! longest    .......|==============|
//! other      |==|         earliest: it ends a fifth before the longest begins
//!                                      |==|   latest: it begins a fifth behind its end
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use super::board::MAX_THREADS;
use seqfault_lang::random::Random;

/// Longer is a preemption, no duration: cycles.
const LONGEST: u64 = 200_000;
/// The same of programs that fork.
const LONGEST_FORK: u64 = 1_000_000;
/// Durations in a row that may be longer.
const SLOW: u64 = 16;
/// A duration counts for one of so many.
const WEIGHT: u64 = 8;

/// What programs take, by CPU of the test. It has no pointers: processes have it in common.
#[derive(Debug)]
pub(super) struct Pace {
    durations: [Duration; MAX_THREADS],
    cpus: usize,
    longest: u64,
}

#[derive(Debug, Default)]
struct Duration {
    /// The moving average, in cycles.
    average: AtomicU64,
    /// How many in a row were too long.
    slow: AtomicU64,
}

impl Pace {
    /// Of so many programs, one of which forks or none.
    pub fn new(cpus: usize, forks: bool) -> Pace {
        Pace {
            longest: if forks { LONGEST_FORK } else { LONGEST },
            durations: Default::default(),
            cpus,
        }
    }

    /// A CPU's program took so many cycles. Only that CPU's thread tells.
    pub fn took(&self, cpu: usize, cycles: u64) {
        let duration = &self.durations[cpu];
        if cycles > self.longest {
            let slow = duration.slow.load(Ordering::Relaxed) + 1;
            duration.slow.store(slow, Ordering::Relaxed);
            if slow < SLOW {
                return;
            }
        } else {
            duration.slow.store(0, Ordering::Relaxed);
        }
        let cycles = cycles.min(self.longest);
        let average = duration.average.load(Ordering::Relaxed);
        let average = if average == 0 {
            cycles
        } else {
            (average * (WEIGHT - 1) + cycles) / WEIGHT
        };
        duration.average.store(average, Ordering::Relaxed);
    }

    /// A delay for the start of `cpu`, in cycles.
    pub fn delay(&self, cpu: usize, random: &mut Random) -> u64 {
        let average = |cpu: usize| self.durations[cpu].average.load(Ordering::Relaxed);
        let all = 0..self.cpus;
        let longest = all.clone().max_by_key(|cpu| average(*cpu)).unwrap_or(0);
        let others = all.filter(|other| *other != longest);
        let lead = others.map(average).max().unwrap_or(0);
        let fifth = average(longest) / 5;
        if cpu == longest {
            return fifth + lead;
        }
        let earliest = lead - average(cpu).min(lead);
        let latest = fifth + lead + average(longest) + fifth;
        earliest + random.number() % (latest - earliest).max(1)
    }

    /// The longest gap between two statements of a program with so many.
    pub fn gap(&self, statements: usize) -> u64 {
        let average = |duration: &Duration| duration.average.load(Ordering::Relaxed);
        let longest = self.durations.iter().map(average).max().unwrap_or(0);
        longest * 6 / 5 / statements.max(1) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_cover_the_longest_program() {
        let pace = Pace::new(2, false);
        pace.took(0, 10_000);
        pace.took(1, 1_000);
        let mut random = Random::new(1);
        assert_eq!(pace.delay(0, &mut random), 3_000);
        let delays: Vec<u64> = (0..1_000).map(|_| pace.delay(1, &mut random)).collect();
        assert!(delays.iter().all(|delay| *delay < 15_000));
        // It ends before the other begins, and begins when the other has ended.
        assert!(delays.iter().any(|delay| *delay < 1_000));
        assert!(delays.iter().any(|delay| *delay > 14_000));
    }

    #[test]
    fn a_preemption_is_no_duration() {
        let pace = Pace::new(1, false);
        pace.took(0, 1_000);
        pace.took(0, 5_000_000);
        assert_eq!(pace.gap(1), 1_200);
        for _ in 0..100 {
            pace.took(0, 5_000_000);
        }
        assert!(pace.gap(1) > 100_000);
    }
}
