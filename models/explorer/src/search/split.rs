//! Splitting a search: the alternatives on the stack are independent of each
//! other.
//!
//! The oldest alternative is the nearest to the root, and mostly the largest. As
//! it is the first of its level, taking it away leaves T4 as it is.

use super::{Choice, Level, Search};
use crate::graph::Graph;

impl Search {
    /// How many alternatives are pending.
    pub(crate) fn pending(&self) -> usize {
        self.levels.iter().map(|level| level.pending.len()).sum()
    }

    /// Takes the oldest alternative away: a graph to search from.
    pub(crate) fn export(&mut self) -> Option<Search> {
        let at = self
            .levels
            .iter()
            .position(|level| !level.pending.is_empty())?;
        let alternative = self.levels[at].pending.remove(0);
        let graph = match alternative.choice {
            Choice::Backward(graph) => *graph,
            Choice::Forward { .. } => {
                let last = at + 1 == self.levels.len();
                let base = if last {
                    &self.graph
                } else {
                    &self.levels[at].graph
                };
                return Some(Search::alone(base, alternative.choice, alternative.share));
            }
        };
        Some(Search::new(graph, alternative.share))
    }

    fn alone(base: &Graph, choice: Choice, share: f64) -> Search {
        let mut search = Search::new(base.clone(), share);
        search.levels[0]
            .pending
            .push(super::Alternative { choice, share });
        search.advance();
        search
    }

    /// Keeps every `n`th pending alternative, from the `k`th on.
    pub(crate) fn keep_shard(&mut self, k: usize, n: usize) {
        let mut number = 0;
        for Level { pending, .. } in &mut self.levels {
            pending.retain(|_| {
                number += 1;
                (number - 1) % n == k
            });
        }
    }
}
