//! Splitting a search: the alternatives on the stack are independent of each
//! other.
//!
//! The oldest alternative is the nearest to the root, and mostly the largest. As
//! it is the first of its level, taking it away leaves T4 as it is.

use super::Search;
use super::level::Level;
use super::pending::{To, Way};

/// A way that a run has left.
pub(crate) struct Stray {
    level: usize,
    fork: usize,
    way: Way,
}

/// Ways that are taken for alike.
pub(crate) type Stratum = (bool, usize);

fn stratum(at: usize, way: &Way) -> Stratum {
    match way.to {
        To::Revisit(read, _) | To::Overtake(read, _) => (true, read as usize),
        To::Stay | To::Place(..) => (false, at),
    }
}

impl Search {
    /// Takes the oldest alternative away: a search of its own. A level that has
    /// forgotten some keeps all, so that those which were given away are the oldest.
    pub(crate) fn export(&mut self) -> Option<Search> {
        let whole = |level: &Level| level.lost == 0 && !level.forks.is_empty();
        let number = self.levels.iter().position(whole)?;
        let fork = &mut self.levels[number].forks[0];
        let way = fork.take_oldest();
        let given = Some((fork.at, fork.before));
        let alone = self.alone(number, 0, way);
        let level = &mut self.levels[number];
        level.given = given;
        if level.forks[0].ways.is_empty() {
            level.forks.remove(0);
        }
        (self.pending, self.held) = self.count();
        Some(alone)
    }

    /// One of the ways that the run that was just made, the first of the search, has
    /// left. `random` is a number from 0 to 1. Answers a search of the way alone,
    /// and how likely it was to be chosen.
    ///
    /// Half of the likelihood is the same for all ways. With the other half, a walk
    /// along the run leaves it at each fork by each way as likely as it goes on: so
    /// earlier forks are preferred, which have more to come after them.
    pub(crate) fn stray(&self, random: f64) -> Option<(Search, f64)> {
        let forks = || {
            let levels = self.levels.iter().enumerate();
            levels.flat_map(|(l, level)| {
                let forks = level.forks.iter().enumerate();
                forks.map(move |(f, fork)| ((l, f), fork.count()))
            })
        };
        let stays: f64 = forks().map(|(_, ways)| 1.0 / (ways + 1) as f64).product();
        let mut before = 0.0;
        let mut goes_on = 1.0;
        let mut chosen = None;
        for ((level, fork), ways) in forks() {
            goes_on /= (ways + 1) as f64;
            let walk = goes_on / (1.0 - stays);
            let likely = (walk + 1.0 / self.pending as f64) / 2.0;
            // Rounding must not lose the last way.
            let way = (((random - before) / likely) as usize).min(ways - 1);
            chosen = Some((level, fork, way, likely));
            before += likely * ways as f64;
            if random < before {
                break;
            }
        }
        let (level, fork, way, likely) = chosen?;
        let way = self.levels[level].forks[fork].nth(way)?;
        Some((self.alone(level, fork, way), likely))
    }

    /// All the ways that the run that was just made has left, each with its stratum.
    pub(crate) fn strays(&self) -> impl Iterator<Item = (Stratum, Stray)> + '_ {
        let levels = self.levels.iter().enumerate();
        levels.flat_map(|(l, level)| {
            level.forks.iter().enumerate().flat_map(move |(f, fork)| {
                (0..fork.count()).filter_map(move |nth| {
                    let way = fork.nth(nth)?;
                    Some((
                        stratum(fork.at, &way),
                        Stray {
                            level: l,
                            fork: f,
                            way,
                        },
                    ))
                })
            })
        })
    }

    /// A search of such a way alone.
    pub(crate) fn enter(&self, stray: &Stray) -> Search {
        self.alone(stray.level, stray.fork, stray.way)
    }

    fn alone(&self, level: usize, fork: usize, way: Way) -> Search {
        let last = level + 1 == self.levels.len();
        let level = &self.levels[level];
        let base = if last { &self.graph } else { &level.graph };
        let fork = &level.forks[fork];
        let mut graph = base.clone();
        let revisited = fork.enter(way, &mut graph);
        let revisits = (level.revisits).saturating_add(u32::from(revisited.is_some()));
        Search::new(revisited.unwrap_or(graph), fork.share, revisits)
    }
}
