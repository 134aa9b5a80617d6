//! From columns of prints to counts.

use std::collections::BTreeSet;

use super::prints::mix;
use super::{Aspect, Columns, Kind};

/// What tells the executions of one search apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// How many executions there are.
    pub executions: u64,
    /// How many of them look different.
    pub distinct: u64,
    /// How many outcomes there are.
    pub outcomes: u64,
    /// The most executions that end in the same outcome.
    pub largest: u64,
    /// The aspects that are not the same in all executions; the one first without which least is left.
    pub rows: Vec<Row>,
    /// How many aspects are the same in all executions.
    pub constant: u64,
    /// Aspects that are ignored one after the other, until there is one execution for each outcome.
    pub steps: Vec<Step>,
    /// How many executions are left if each load is known by the value that it read.
    pub by_value: u64,
    /// The same if all reads are, and no order of writes is known.
    pub by_value_alone: u64,
}

/// One aspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What core calls the locations.
    pub name: &'static str,
    /// In which respect.
    pub kind: Kind,
    /// Whether they are used as locks.
    pub is_lock: bool,
    /// In how many ways it comes.
    pub alone: u64,
    /// How many executions look different, and how many end differently, without it.
    pub without: u64,
}

/// One more aspect that is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What core calls the locations.
    pub name: &'static str,
    /// In which respect.
    pub kind: Kind,
    /// Whether they are used as locks.
    pub is_lock: bool,
    /// How many executions are left.
    pub left: u64,
}

/// An aspect that varies, and its number in sums.
struct Varying<'a> {
    number: usize,
    aspect: Aspect,
    column: &'a [u64],
    alone: u64,
}

impl Table {
    pub(super) fn of(columns: &Columns) -> Table {
        let executions = columns.ends.len();
        let mut all = Vec::new();
        for (number, (&aspect, column)) in columns.aspects.iter().enumerate() {
            let prints = (0..executions).map(|at| column.get(at).copied().unwrap_or(0));
            let alone = distinct(prints.collect());
            all.push(Varying {
                number,
                aspect,
                column,
                alone,
            });
        }
        let constant = all.extract_if(.., |it| it.alone < 2).count() as u64;
        let mut sums: Vec<u64> = columns.ends.iter().map(|&end| mix(5, end.into())).collect();
        for it in &all {
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum = sum.wrapping_add(it.share(at));
            }
        }
        let mut left = Left {
            sums: sums.into_iter().enumerate().collect(),
        };
        left.unite();
        let distinct_executions = left.count();
        let is_lock = |name: &str| columns.locks.get(name).copied().unwrap_or(false);
        let mut rows: Vec<Row> = all
            .iter()
            .map(|it| Row {
                name: it.aspect.0,
                kind: it.aspect.1,
                is_lock: is_lock(it.aspect.0),
                alone: it.alone,
                without: left.without(it),
            })
            .collect();
        rows.sort_by_key(|row| (row.without, std::cmp::Reverse(row.alone)));
        let (by_value, by_value_alone) = by_value(columns, &all, &left);
        let outcomes = columns.outcomes.len() as u64;
        let mut steps = Vec::new();
        while left.count() > outcomes {
            let best = (0..all.len()).min_by_key(|&at| {
                let it = &all[at];
                (left.without(it), std::cmp::Reverse(it.alone))
            });
            let Some(best) = best else { break };
            let it = all.remove(best);
            left.ignore(&it);
            steps.push(Step {
                name: it.aspect.0,
                kind: it.aspect.1,
                is_lock: is_lock(it.aspect.0),
                left: left.count(),
            });
        }
        let mut ends = vec![0; columns.outcomes.len()];
        columns.ends.iter().for_each(|&end| ends[end as usize] += 1);
        Table {
            executions: executions as u64,
            distinct: distinct_executions,
            outcomes,
            largest: ends.into_iter().max().unwrap_or(0),
            rows,
            constant,
            steps,
            by_value,
            by_value_alone,
        }
    }

    /// The names of locks among the rows.
    pub fn locks(&self) -> BTreeSet<&'static str> {
        let locks = self.rows.iter().filter(|row| row.is_lock);
        locks.map(|row| row.name).collect()
    }
}

impl Varying<'_> {
    fn share(&self, at: usize) -> u64 {
        Columns::share(self.column, self.number, at)
    }
}

/// Executions that look different, each with the sum over its outcome and the aspects that count.
struct Left {
    sums: Vec<(usize, u64)>,
}

impl Left {
    fn count(&self) -> u64 {
        self.sums.len() as u64
    }

    /// How many would be left without an aspect.
    fn without(&self, it: &Varying<'_>) -> u64 {
        let sums = self.sums.iter();
        distinct(
            sums.map(|&(at, sum)| sum.wrapping_sub(it.share(at)))
                .collect(),
        )
    }

    /// Ignores an aspect.
    fn ignore(&mut self, it: &Varying<'_>) {
        for (at, sum) in &mut self.sums {
            *sum = sum.wrapping_sub(it.share(*at));
        }
        self.unite();
    }

    /// Keeps one of those that look alike.
    fn unite(&mut self) {
        self.sums.sort_unstable_by_key(|&(at, sum)| (sum, at));
        self.sums.dedup_by_key(|(_, sum)| *sum);
    }
}

/// How many are left if loads, and if all reads are known by their values.
fn by_value(columns: &Columns, all: &[Varying<'_>], left: &Left) -> (u64, u64) {
    let kept = |sum: u64, at: usize, is_kept: fn(Kind) -> bool| {
        let ignored = all.iter().filter(|it| !is_kept(it.aspect.1));
        ignored.fold(sum, |sum, it| sum.wrapping_sub(it.share(at)))
    };
    let loads = left.sums.iter().map(|&(at, sum)| {
        let rest = kept(sum, at, |kind| kind != Kind::Reads);
        mix(rest, columns.loaded[at])
    });
    let reads = left.sums.iter().map(|&(at, sum)| {
        let rest = kept(sum, at, |kind| kind == Kind::Choices);
        mix(mix(rest, columns.loaded[at]), columns.updated[at])
    });
    (distinct(loads.collect()), distinct(reads.collect()))
}

fn distinct(mut hashes: Vec<u64>) -> u64 {
    hashes.sort_unstable();
    hashes.dedup();
    hashes.len() as u64
}
