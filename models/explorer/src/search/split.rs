//! Splitting a search: the alternatives on the stack are independent of each
//! other.
//!
//! The oldest alternative is the nearest to the root, and mostly the largest. As
//! it is the first of its level, taking it away leaves T4 as it is.

use super::Search;
use super::pending::Fork;

impl Search {
    /// Takes the oldest alternative away: a search of its own.
    pub(crate) fn export(&mut self) -> Option<Search> {
        let (level, fork, way) = self.nth(0)?;
        let alone = self.alone(level, fork, way);
        let forks = &mut self.levels[level].forks;
        forks[fork].ways.remove(way);
        if forks[fork].ways.is_empty() {
            forks.remove(fork);
        }
        self.recount();
        Some(alone)
    }

    /// The search of one pending alternative, from the oldest, alone.
    pub(crate) fn only(&self, nth: usize) -> Option<Search> {
        let (level, fork, way) = self.nth(nth)?;
        Some(self.alone(level, fork, way))
    }

    fn nth(&self, mut nth: usize) -> Option<(usize, usize, usize)> {
        for (l, level) in self.levels.iter().enumerate() {
            for (f, fork) in level.forks.iter().enumerate() {
                if nth < fork.ways.len() {
                    return Some((l, f, nth));
                }
                nth -= fork.ways.len();
            }
        }
        None
    }

    fn alone(&self, level: usize, fork: usize, way: usize) -> Search {
        let last = level + 1 == self.levels.len();
        let level = &self.levels[level];
        let base = if last { &self.graph } else { &level.graph };
        let fork = &level.forks[fork];
        let mut graph = base.clone();
        let revisited = fork.enter(fork.ways[way], &mut graph);
        Search::new(revisited.unwrap_or(graph), fork.share)
    }

    /// Keeps every `n`th pending alternative, from the `k`th on. Answers their
    /// share.
    pub(crate) fn keep_shard(&mut self, k: usize, n: usize) -> f64 {
        let mut number = 0;
        let mut share = 0.0;
        for level in &mut self.levels {
            for Fork {
                ways, share: each, ..
            } in &mut level.forks
            {
                ways.retain(|_| {
                    number += 1;
                    (number - 1) % n == k
                });
                share += *each * ways.len() as f64;
            }
            level.forks.retain(|fork| !fork.ways.is_empty());
        }
        self.recount();
        share
    }

    fn recount(&mut self) {
        (self.pending, self.held) = self.count();
    }
}
