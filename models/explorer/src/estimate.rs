//! The size of a search before it is made.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::config::Config;
use crate::driver::{self, Ended, Program};
use crate::report::Failure;
use crate::run::assume::Seen;
use crate::run::registry::Registry;
use crate::run::session::{self, Session};
use crate::search::Search;

/// How large a search will be, by random samples of it: descents or surveys.
///
/// A descent starts at the first run, and goes on with one of the alternatives
/// that a run leaves, chosen at random, until a run leaves none. A run that was
/// come to by choices with the likelihoods `p1, p2, …` stands for `1 / (p1 p2 …)`
/// runs (Knuth, *Estimating the Efficiency of Backtrack Programs*, Mathematics of
/// Computation 29, 1975). The mean over descents is right on average. The spread
/// may be large, and is itself only estimated: where few descents reach the
/// large part, most results are too small and claim too small an error.
///
/// A survey takes the tree generation by generation, cuts each into strata by how much of
/// the graph there is already, and makes one run of every stratum (Chen, *Heuristic
/// Sampling: A Method for Predicting the Performance of Tree Searching Programs*, SIAM
/// Journal on Computing 21, 1992). It takes as many runs as there are strata, mostly some
/// hundred. Parts that are large because they are deep are in each survey, so
/// that a few surveys are mostly nearer than as many runs in descents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Complete executions.
    pub executions: f64,
    /// Complete, blocked and moot runs together.
    pub runs: f64,
    /// The standard error of `runs`: the deviation of the samples, divided by the
    /// root of their number.
    pub error: f64,
    /// How many descents, or surveys, were made.
    pub descents: u64,
    /// How often the program ran for them.
    pub ran: u64,
}

/// SplitMix64 (Steele, Lea, Flood, *Fast Splittable Pseudorandom Number
/// Generators*, OOPSLA 2014).
pub(crate) struct Random(u64);

impl Random {
    /// A number from 0 to 1.
    pub(crate) fn number(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What a descent, or a survey, stands for.
#[derive(Default)]
pub(crate) struct Descent {
    executions: f64,
    runs: f64,
    ran: u64,
}

impl Descent {
    /// Makes the run that a search begins with, which stands for so many. Answers whether
    /// there was time for it.
    pub(crate) fn run(
        &mut self,
        config: &Config,
        program: &Program,
        search: Search,
        stands_for: f64,
    ) -> Result<bool, Option<Box<Failure>>> {
        session::with(|s| s.search = search);
        let complete = match driver::run(program) {
            Ended::Complete => true,
            Ended::Blocked(failure) if !config.allow_blocked => return Err(Some(failure.into())),
            Ended::Failed(failure) => return Err(Some(failure.into())),
            Ended::Restart => return Err(None),
            Ended::Stopped => return Ok(false),
            Ended::Blocked(_) | Ended::Moot | Ended::Bounded | Ended::Arrived => false,
        };
        self.ran += 1;
        self.runs += stands_for;
        if complete {
            self.executions += stands_for;
        }
        Ok(true)
    }
}

/// Why there is no estimate.
enum Stopped {
    Failed(Box<Failure>),
    /// The program has been seen to do more than was known.
    Restart(Seen),
}

/// How one sample of the tree is taken: none if there is no time for it. An error is a
/// failure, or else the order to start again.
pub(crate) type Sample =
    fn(&Config, &Program, &mut Random) -> Result<Option<Descent>, Option<Box<Failure>>>;

/// Takes so many samples.
pub(crate) fn estimate(
    config: &Arc<Config>,
    program: &Program,
    (descents, seed): (u64, u64),
    sample: Sample,
) -> Result<Estimate, Box<Failure>> {
    driver::quiet_panics();
    let mut seen = Seen::new();
    loop {
        match attempt(config, program, (descents, seed), seen, sample) {
            Ok(estimate) => return Ok(estimate),
            Err(Stopped::Failed(failure)) => return Err(failure),
            Err(Stopped::Restart(more)) => seen = more,
        }
    }
}

fn attempt(
    config: &Arc<Config>,
    program: &Program,
    (descents, seed): (u64, u64),
    seen: Seen,
    sample: Sample,
) -> Result<Estimate, Stopped> {
    let registry = Arc::new(Mutex::new(Registry::default()));
    let mut session = Session::new(config.clone(), registry, seen, Search::default());
    session.deadline = (config.max_time).and_then(|time| Instant::now().checked_add(time));
    session::install(session);
    let mut random = Random(seed);
    let all = (0..descents).map_while(|_| sample(config, program, &mut random).transpose());
    let all: Result<Vec<Descent>, _> = all.collect();
    let seen = session::remove().seen;
    let all = all.map_err(|failure| match failure {
        Some(failure) => Stopped::Failed(failure),
        None => Stopped::Restart(seen),
    })?;
    let descents = all.len() as u64;
    let count = descents.max(1) as f64;
    let mean = |of: fn(&Descent) -> f64| all.iter().map(of).sum::<f64>() / count;
    let runs = mean(|descent| descent.runs);
    let squares = all.iter().map(|d| (d.runs - runs).powi(2)).sum::<f64>();
    Ok(Estimate {
        executions: mean(|descent| descent.executions),
        runs,
        error: (squares / (count - 1.0).max(1.0) / count).sqrt(),
        descents,
        ran: all.iter().map(|descent| descent.ran).sum(),
    })
}

/// One random descent.
pub(crate) fn descent(
    config: &Config,
    program: &Program,
    random: &mut Random,
) -> Result<Option<Descent>, Option<Box<Failure>>> {
    let mut search = Some(Search::root(config.mutation));
    let mut descent = Descent::default();
    let mut stands_for = 1.0;
    while let Some(next) = search {
        if !descent.run(config, program, next, stands_for)? {
            return Ok(None);
        }
        let way = session::with(|s| s.search.stray(random.number()));
        search = way.map(|(search, likely)| {
            stands_for /= likely;
            search
        });
    }
    Ok(Some(descent))
}
