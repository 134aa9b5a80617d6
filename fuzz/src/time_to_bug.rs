//! How many executions it takes to find each quirk.
//!
//! With the program given, a `broken by` line of a proof that names the quirk:
//! shuttle's schedulers, and schedules that coverage guides. With nothing
//! given, programs and schedules together, from random programs on.

use std::collections::BTreeMap;

use seqfault_core::{Invariant, Quirk, Quirks};
use seqfault_models::engines::{self, Control, Judge, Shuttle, Strategy, Violated, driven};
use seqfault_models::litmus::ast::{Item, Program};
use seqfault_models::platform::count_in;
use seqfault_models::scenario::{Deviations, Scenario};
use seqfault_models::spec::{self, Rules};

use crate::plan::{self, Plan};
use crate::record::RECORD;
use crate::rng::Rng;
use crate::{guided, mutate, program_schedule, seeds};

/// A way to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The proof's program under a scheduler of shuttle's.
    Shuttle(Strategy),
    /// The proof's program, its schedules guided by coverage.
    Guided,
    /// Programs and schedules, guided by coverage.
    Programs,
}

impl Way {
    /// All of them.
    pub const ALL: [Way; 5] = [
        Way::Shuttle(Strategy::Random),
        Way::Shuttle(Strategy::Pct),
        Way::Shuttle(Strategy::Urw),
        Way::Guided,
        Way::Programs,
    ];

    /// Of how many seeds the median counts.
    pub const fn seeds(self) -> u64 {
        match self {
            Way::Shuttle(_) | Way::Guided => 31,
            Way::Programs => 5,
        }
    }

    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Way::Shuttle(Strategy::Random) => "random",
            Way::Shuttle(Strategy::Pct) => "PCT",
            Way::Shuttle(Strategy::Urw) => "URW",
            Way::Shuttle(Strategy::Dfs) => "DFS",
            Way::Guided => "guided schedules",
            Way::Programs => "guided programs",
        }
    }
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// Found by so many executions.
    After(u64),
    /// Not found by so many.
    NotWithin(u64),
    /// Sequential consistency cannot show it: every proof of it needs weak memory.
    NeedsWeakMemory,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Found::After(executions) => write!(f, "{executions}"),
            Found::NotWithin(cap) => write!(f, "> {cap}"),
            Found::NeedsWeakMemory => f.write_str("n/a"),
        }
    }
}

impl std::str::FromStr for Found {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Found, Self::Err> {
        match text.strip_prefix("> ") {
            _ if text == "n/a" => Ok(Found::NeedsWeakMemory),
            Some(cap) => cap.parse().map(Found::NotWithin),
            None => text.parse().map(Found::After),
        }
    }
}

/// A proof that turns a quirk on.
pub struct Proof {
    /// Its name.
    pub name: String,
    scenario: Scenario,
    judge: Judge,
}

impl Proof {
    /// The first one that needs no weak memory.
    pub fn of(quirk: Quirk, proofs: &[(String, Program)]) -> Option<Proof> {
        proofs.iter().find_map(|(name, program)| {
            if program.needs.iter().any(|need| need == "weak-memory") {
                return None;
            }
            let names = |item: &Item| matches!(item, Item::Quirk(q, _) if q == quirk.name());
            let lines = program.broken_by.iter();
            let line = lines
                .into_iter()
                .find(|line| line.items.iter().any(names))?;
            let deviations = Deviations::from_items(&line.items).ok()?;
            let scenario = Scenario::new(program, &deviations).ok()?;
            let allowed = spec::outcomes(program, &Rules::default()).ok();
            Some(Proof {
                name: name.clone(),
                scenario,
                judge: Judge {
                    allowed: allowed.map(|spec| spec.outcomes),
                    ..Judge::default()
                },
            })
        })
    }

    /// Executions of shuttle until something is found: at most `cap`.
    fn shuttle(&self, strategy: Strategy, seed: u64, cap: u64) -> Found {
        let run = |iterations: u64| {
            let shuttle = Shuttle {
                iterations,
                seed,
                strategy,
            };
            let control = Control::default();
            let report = engines::run(&shuttle, &self.scenario, &control, &self.judge);
            let failure = report.failure?;
            Some((report.executions, failure.violated))
        };
        match run(cap) {
            None => Found::NotWithin(cap),
            // An inversion is looked for when all executions are there: which of
            // them were needed shows only by doing with fewer.
            Some((_, Violated::Invariant(Invariant::LockOrder))) => {
                let (mut low, mut high) = (0, cap);
                while high - low > 1 {
                    let middle = low.midpoint(high);
                    match run(middle) {
                        Some(_) => high = middle,
                        None => low = middle,
                    }
                }
                Found::After(high)
            }
            Some((executions, _)) => Found::After(executions),
        }
    }

    /// Executions of guided schedules until something is found.
    fn guided(
        &self,
        counters: &'static [std::sync::atomic::AtomicU8],
        seed: u64,
        cap: u64,
    ) -> Found {
        let run = |schedule: &[u8]| {
            count_in(Some(counters));
            let report = driven::run(&self.scenario, schedule, &self.judge);
            count_in(None);
            report.failure.map(|_| ())
        };
        found(
            guided::search(&schedules(seed), mutate::schedule, counters, seed, cap, run),
            cap,
        )
    }
}

/// Random schedules to begin with, from dense ones to ones of few preemptions.
fn schedules(seed: u64) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(seed ^ 0x5eed);
    let one = |number: usize| {
        let (gaps, len) = (1 << (number % 7), 64 >> (number % 7 / 2));
        let byte = |_| (rng.below(gaps) as u8) << 2 | rng.below(4) as u8;
        (0..len).map(byte).collect()
    };
    (0..64).map(one).collect()
}

fn found<F>(result: Option<(u64, F)>, cap: u64) -> Found {
    result.map_or(Found::NotWithin(cap), |(executions, _)| {
        Found::After(executions)
    })
}

/// Random programs to begin with, of as many records as mostly fit and a schedule.
fn start(seed: u64) -> Vec<Vec<u8>> {
    const LEN: usize = plan::HEADER + 17 * RECORD + 1;
    let mut rng = Rng::new(seed ^ 0x5eed);
    (0..64)
        .map(|_| (0..LEN).map(|_| rng.byte()).collect())
        .collect()
}

/// Executions of guided programs until something is found.
fn programs(
    quirk: Quirk,
    counters: &'static [std::sync::atomic::AtomicU8],
    seed: u64,
    cap: u64,
) -> Found {
    let rules = Rules::default();
    let run = |data: &[u8]| {
        let plan = program_schedule::plan(data, Quirks::NONE.with(quirk));
        let finding = program_schedule::run(&plan, &rules, counters).err()?;
        // What a right core shows too is not the quirk's doing.
        let right = Plan {
            quirks: Quirks::NONE,
            ..plan
        };
        program_schedule::run(&right, &rules, counters).ok()?;
        Some(finding)
    };
    let start = start(seed);
    found(
        guided::search(&start, mutate::plan, counters, seed, cap, run),
        cap,
    )
}

/// The median over the seeds of how `way` finds `quirk`.
pub fn median(quirk: Quirk, proof: Option<&Proof>, way: Way, cap: u64) -> Found {
    let Some(proof) = proof else {
        return Found::NeedsWeakMemory;
    };
    let counters = guided::counters();
    let mut all: Vec<Found> = Vec::new();
    let middle = way.seeds() as usize / 2;
    for seed in 1..=way.seeds() {
        let limit = limit(all.get(middle), cap);
        all.push(match way {
            // Not up to the limit: an inversion of locks is looked for at the end.
            Way::Shuttle(strategy) => proof.shuttle(strategy, seed, cap),
            Way::Guided => proof.guided(counters, seed, limit),
            Way::Programs => programs(quirk, counters, seed, limit),
        });
        all.sort();
        // The median is not within the cap if so many are not.
        let missed = all.iter().filter(|f| matches!(f, Found::NotWithin(_)));
        if missed.count() > middle {
            return Found::NotWithin(cap);
        }
    }
    all[middle]
}

/// How far another search need go: once as many as the median needs have found it, one that
/// takes longer than the last of them changes nothing.
fn limit(middle: Option<&Found>, cap: u64) -> u64 {
    match middle {
        Some(Found::After(executions)) => *executions,
        _ => cap,
    }
}

/// A figure of up to so many executions is small: it is had again.
const SMALL: u64 = 10;

/// Executions within which a small figure is had again.
const SMALL_CAP: u64 = 2_000;

/// A quirk's row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The proof of whose program the first columns are.
    pub proof: String,
    /// The median of each of [`Way::ALL`].
    pub found: Vec<Found>,
}

impl Row {
    /// Measures `quirk`, by at most `cap` executions for each seed.
    pub fn measure(quirk: Quirk, proofs: &[(String, Program)], cap: u64) -> Row {
        let proof = Proof::of(quirk, proofs);
        let found = Way::ALL
            .iter()
            .map(|way| median(quirk, proof.as_ref(), *way, cap))
            .collect();
        Row {
            proof: name(proof.as_ref()),
            found,
        }
    }

    /// The first small figure of shuttle's that is another by now: what was measured is, and what is. One that
    /// changed says that core, a proof or a search has changed since.
    ///
    /// # Errors
    /// It, or what the proof is by now.
    pub fn had_again(&self, quirk: Quirk, proofs: &[(String, Program)]) -> Result<usize, String> {
        let proof = Proof::of(quirk, proofs);
        let now = name(proof.as_ref());
        if now != self.proof {
            return Err(format!("{quirk}: {}, and {now} by now", self.proof));
        }
        let mut compared = 0;
        for (way, then) in Way::ALL.iter().zip(&self.found) {
            let is_small = matches!(then, Found::After(executions) if *executions <= SMALL);
            if !is_small || !matches!(way, Way::Shuttle(_)) {
                continue;
            }
            let found = median(quirk, proof.as_ref(), *way, SMALL_CAP);
            if found != *then {
                let way = way.name();
                return Err(format!("{quirk}, {way}: {then}, and {found} by now"));
            }
            compared += 1;
        }
        Ok(compared)
    }
}

/// The name of a proof in the table.
fn name(proof: Option<&Proof>) -> String {
    proof.map_or("needs weak-memory".to_owned(), |proof| proof.name.clone())
}

/// The rows of a table, as [`table`] writes them. A row with a figure that is none is left out.
pub fn read(text: &str) -> BTreeMap<Quirk, Row> {
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let quirk = Quirk::from_name(cells.next()?)?;
        let proof = cells.next()?.to_owned();
        let found = cells.map(|cell| cell.parse().ok()).collect::<Option<_>>()?;
        Some((quirk, Row { proof, found }))
    });
    rows.filter(|(_, row)| row.found.len() == Way::ALL.len())
        .collect()
}

/// A table of these rows.
pub fn table(rows: &BTreeMap<Quirk, Row>) -> String {
    let mut text = format!(
        "# Executions until a quirk is found\n\n\
         The median of {} seeds (of {} for guided programs); `> N`: most seeds do not find it\n\
         within N executions. `cargo ci time-to-bug --new --bless` measures the rows that this\n\
         file lacks and those of which a small figure is another by now, and writes the file;\n\
         without `--new` it measures all. Shuttle's schedulers give the same figures each time,\n\
         guided searches nearly so: memory that is used again may look like one object. The first\n\
         four columns are given a program that shows the quirk, by the proof's own `broken by`\n\
         line; the last one has to find program, choices and schedule together, from random\n\
         programs on. `n/a`: each proof needs weak memory, which no schedule can show. In the\n\
         geometric mean, which the slow ones count in as well as the fast ones, `> N` is N.\n\n\
         | quirk | proof |",
        Way::Guided.seeds(),
        Way::Programs.seeds(),
    );
    for way in Way::ALL {
        text += &format!(" {} |", way.name());
    }
    text += "\n| --- | --- |";
    text += &" ---: |".repeat(Way::ALL.len());
    for (quirk, Row { proof, found }) in rows {
        let cells: Vec<String> = found.iter().map(Found::to_string).collect();
        text += &format!("\n| {quirk} | {proof} | {} |", cells.join(" | "));
    }
    text.push_str("\n| **found** | |");
    for column in 0..Way::ALL.len() {
        let within = cells(rows, column).filter(|f| matches!(f, Found::After(_)));
        text += &format!(" {} |", within.count());
    }
    for (name, nth) in [("median", middle as Nth), ("slowest", last)] {
        text += &format!("\n| **{name}** | |");
        for column in 0..Way::ALL.len() {
            text += &format!(" {} |", of_column(rows, column, nth));
        }
    }
    text.push_str("\n| **geometric mean** | |");
    for column in 0..Way::ALL.len() {
        text += &format!(" {} |", geometric_mean(cells(rows, column)));
    }
    text.push('\n');
    let at = |way| Way::ALL.iter().position(|w| *w == way);
    if let (Some(random), Some(guided)) = (at(Way::Shuttle(Strategy::Random)), at(Way::Guided)) {
        let both = || cells(rows, random).zip(cells(rows, guided));
        text += &format!(
            "\nGuided schedules take fewer executions than random ones for {} quirks, more for {}.\n\
             They begin with every density of preemptions, of which random schedules have one: where\n\
             that one will do, some executions are lost, and where it will not, most are saved.\n",
            both().filter(|(random, guided)| guided < random).count(),
            both().filter(|(random, guided)| guided > random).count(),
        );
    }
    text
}

/// The figures of a column.
fn cells(rows: &BTreeMap<Quirk, Row>, column: usize) -> impl Iterator<Item = &Found> {
    rows.values().filter_map(move |row| row.found.get(column))
}

/// Which of sorted figures.
type Nth = fn(usize) -> usize;

fn middle(len: usize) -> usize {
    len / 2
}

fn last(len: usize) -> usize {
    len.saturating_sub(1)
}

/// One of a column's figures in order, of the quirks that schedules can show.
fn of_column(rows: &BTreeMap<Quirk, Row>, column: usize, nth: Nth) -> String {
    let cells = cells(rows, column).filter(|f| **f != Found::NeedsWeakMemory);
    let mut cells: Vec<&Found> = cells.collect();
    cells.sort();
    let found = cells.get(nth(cells.len()));
    found.map_or("n/a".to_owned(), ToString::to_string)
}

/// The geometric mean of those that schedules can show; one that is not found counts as the cap.
fn geometric_mean<'a>(found: impl Iterator<Item = &'a Found>) -> String {
    let executions = found.filter_map(|found| match found {
        Found::After(executions) | Found::NotWithin(executions) => Some(*executions as f64),
        Found::NeedsWeakMemory => None,
    });
    let logarithms: Vec<f64> = executions.map(f64::ln).collect();
    match logarithms.len() {
        0 => "n/a".to_owned(),
        count => format!(
            "{:.0}",
            (logarithms.iter().sum::<f64>() / count as f64).exp()
        ),
    }
}

/// The proofs' programs, for [`Proof::of`].
pub fn proofs() -> Vec<(String, Program)> {
    seeds::proofs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_cannot_change_the_median_is_cut_short() {
        use Found::{After, NotWithin};
        assert_eq!(limit(None, 100), 100);
        assert_eq!(limit(Some(&After(20)), 100), 20);
        assert_eq!(limit(Some(&NotWithin(100)), 100), 100);
    }

    #[test]
    fn what_is_written_is_read() {
        use Found::{After, NeedsWeakMemory, NotWithin};
        let row = |found: &[Found]| Row {
            proof: "shelf-name".to_owned(),
            found: found.to_vec(),
        };
        let found = [After(1), NotWithin(20), NeedsWeakMemory, After(3), After(4)];
        let rows = BTreeMap::from([(Quirk::ALL[0], row(&found))]);
        assert_eq!(read(&table(&rows)), rows);
        let unmeasured = format!("| {} | not measured | - | - | - | - | - |", Quirk::ALL[1]);
        assert_eq!(read(&unmeasured), BTreeMap::new());
    }

    #[test]
    fn what_is_not_found_counts_in_the_mean() {
        use Found::{After, NeedsWeakMemory, NotWithin};
        let found = [After(1), NeedsWeakMemory, NotWithin(100), After(10)];
        assert_eq!(geometric_mean(found.iter()), "10");
        assert_eq!(geometric_mean([NeedsWeakMemory].iter()), "n/a");
    }
}
