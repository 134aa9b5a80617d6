//! linux: the host's kernel.
//!
//! What a host cannot be made to do is no failure and no pass: [`Engine::lacks`] names it, and the test is
//! skipped. What it does not show (counters of the model, single bits of page tables)
//! is left open in outcomes: see [`Formula::surely_holds`](crate::litmus::ast::Formula::surely_holds).

use std::time::Duration;

use seqfault_core::Invariant;

use super::registry::{ITERATIONS, Values};
use super::{
    Control, Engine, Failure, Judge, Kind, LINUX, Order, Profile, Report, Sample, Search, Violated,
};
use crate::linux::concurrent::{self, Seen, Settings};
use crate::scenario::Scenario;

const NAME: &str = "linux";

/// The host's kernel.
#[derive(Clone, Debug)]
pub struct Linux {
    /// So many instances, at most.
    pub iterations: u64,
    /// Where random choices start.
    pub seed: u64,
    /// At most so long, if that comes before the instances.
    pub time: Option<Duration>,
}

impl Default for Linux {
    fn default() -> Linux {
        Linux {
            iterations: ITERATIONS,
            seed: 0,
            time: None,
        }
    }
}

impl Linux {
    pub(super) fn take(values: &mut Values) -> Linux {
        let time = values.time.take();
        let usual = if time.is_some() { u64::MAX } else { ITERATIONS };
        Linux {
            iterations: values.iterations.take().unwrap_or(usual),
            seed: values.seed.take().unwrap_or_default(),
            time,
        }
    }
}

impl Engine for Linux {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Sampling
    }

    fn subject(&self) -> &'static Profile {
        &LINUX
    }

    fn has_weak_memory(&self) -> bool {
        true
    }

    fn order(&self) -> Order {
        Order::Unseen
    }

    fn lacks(&self, scenario: &Scenario) -> Option<String> {
        concurrent::lacks(&scenario.program)
    }

    /// Runs the test, again and again. A failure does not end the run: its count tells how rare
    /// it is.
    fn execute(&self, scenario: &Scenario, control: &Control, judge: &Judge) -> Report {
        let settings = Settings {
            iterations: self.iterations,
            seed: self.seed,
            time: self.time,
            interrupt: control.interrupt.clone(),
            ..Settings::default()
        };
        let mut before = 0;
        let mut progress = |over: u64| {
            control.progress.add(over.saturating_sub(before));
            before = over;
        };
        let seen = concurrent::run(&scenario.program, &settings, &mut progress);
        report(scenario, &settings, judge, seen)
    }
}

/// What was seen, judged.
fn report(scenario: &Scenario, settings: &Settings, judge: &Judge, seen: Seen) -> Report {
    let replay = format!(
        "--engine {NAME} --seed {} --iterations {}",
        settings.seed, seen.instances
    );
    let mut wrong: Vec<(u64, Failure)> = Vec::new();
    for (outcome, tally) in &seen.outcomes {
        let Some((violated, message)) = judge.violated(scenario, outcome) else {
            continue;
        };
        let only = match violated {
            Violated::Invariant(Invariant::NotAtomic) => "only in linux: ",
            _ => "",
        };
        let message = format!(
            "{only}{message}; seen {} times in {}, first in instance {} of seed {} (the host's \
             timing cannot be replayed)",
            tally.count, seen.instances, tally.first, settings.seed
        );
        let failure = Failure {
            replay: replay.clone(),
            ..Failure::new(violated, message, Vec::new())
        };
        wrong.push((tally.first, failure));
    }
    let nothing = (seen.instances == 0).then(|| "no instance was run".to_owned());
    let problem = seen.trouble.or(nothing);
    let problem = problem.map(|trouble| format!("{trouble}; again: {replay}"));
    let search = match problem {
        Some(_) => Search::Unfinished,
        None => Search::Sampled,
    };
    Report {
        executions: seen.instances,
        elapsed: seen.elapsed,
        failure: wrong
            .into_iter()
            .min_by_key(|(first, _)| *first)
            .map(|(_, failure)| failure),
        problem,
        sample: Some(Sample {
            seed: settings.seed,
            threads: scenario.program.cpus(),
            cpus: seen.cpus,
        }),
        outcomes: seen
            .outcomes
            .into_iter()
            .map(|(outcome, tally)| (outcome, tally.count))
            .collect(),
        ..Report::empty(search)
    }
}
