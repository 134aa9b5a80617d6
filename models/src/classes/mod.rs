//! What tells executions apart that end alike.
//!
//! A search visits each execution graph once. Many of them end in the same outcome, and the
//! question of those who would reduce the search is what they differ in: the order of which lock's
//! critical sections, the order of which counter's increments, the write that which loads read.
//!
//! ```text
//! Graph --prints()--> a print of each aspect --Classes--> columns --Table::of()--> counts
//! ```
//!
//! An *aspect* of an execution is what happened at all locations that core calls by one name, in
//! one respect (a [`Kind`]); its *print* is a hash of 64 bits. All aspects together are the execution.
//!
//! # Memory
//! An execution takes 8 bytes for each aspect that any execution has, and 20 more: some 250 bytes
//! for core, which has 20 to 30 aspects in most tests. While they are counted there are some 40
//! more. Half a million executions take 200 MB.

mod prints;
mod table;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use seqfault_explorer::graph::Graph;

use crate::litmus::ast::Outcome;
use prints::{Prints, mix, prints};
pub use table::{Row, Step, Table};

/// In which respect executions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The coherence order of all writes, and with it what the read-modify-writes among them read.
    Order,
    /// The write that each load, and each compare-exchange that failed, read.
    Reads,
    /// The values that were chosen.
    Choices,
}

impl Kind {
    /// Its name in a table.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Order => "order",
            Kind::Reads => "reads",
            Kind::Choices => "choices",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One aspect: what core calls the locations, and the respect.
pub type Aspect = (&'static str, Kind);

/// The executions of one search, by what they look like.
#[derive(Debug, Default)]
pub struct Classes {
    columns: Mutex<Columns>,
}

#[derive(Debug, Default)]
struct Columns {
    outcomes: HashMap<Outcome, u32>,
    /// The outcome of each execution.
    ends: Vec<u32>,
    aspects: BTreeMap<Aspect, Vec<u64>>,
    /// What all loads read, by value.
    loaded: Vec<u64>,
    /// What all read-modify-writes that wrote read, by value.
    updated: Vec<u64>,
    /// The names whose locations all are locks, as far as was seen.
    locks: BTreeMap<&'static str, bool>,
}

impl Classes {
    fn columns(&self) -> MutexGuard<'_, Columns> {
        self.columns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An execution with this graph has ended in `outcome`.
    pub fn add(&self, graph: &Graph, outcome: &Outcome) {
        let prints = prints(graph);
        self.columns().add(prints, outcome);
    }

    /// The search starts again: what was seen so far is void.
    pub fn restart(&self) {
        *self.columns() = Columns::default();
    }

    /// Counts them.
    pub fn table(&self) -> Table {
        Table::of(&self.columns())
    }
}

impl Columns {
    fn add(&mut self, prints: Prints, outcome: &Outcome) {
        let next = self.outcomes.len() as u32;
        let end = match self.outcomes.get(outcome) {
            Some(&end) => end,
            None => *self.outcomes.entry(outcome.clone()).or_insert(next),
        };
        let before = self.ends.len();
        self.ends.push(end);
        self.loaded.push(prints.loaded);
        self.updated.push(prints.updated);
        for (aspect, print) in prints.aspects {
            let column = self.aspects.entry(aspect).or_default();
            // Executions that have nothing of it come with 0.
            column.resize(before, 0);
            column.push(print);
        }
        for (name, is_lock) in prints.locks {
            *self.locks.entry(name).or_insert(true) &= is_lock;
        }
    }

    /// What execution `at` contributes to a sum over aspects, of which this is the `number`th.
    fn share(column: &[u64], number: usize, at: usize) -> u64 {
        let print = column.get(at).copied().unwrap_or(0);
        mix(mix(0, number as u64), print)
    }
}

#[cfg(test)]
mod tests;
