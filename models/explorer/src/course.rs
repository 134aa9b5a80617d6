//! The course of a search: from the empty graph, or from a rest, to a report.
//!
//! The search goes in slices. One ends when all is visited, when a limit is hit,
//! when the rest is to be shown, or when there is enough to cut it into parts; what
//! the workers had left then is what the next slice starts with.
//!
//! A search that is to be cut is rehearsed: what the program is seen to do for the first time after
//! the cut would have cut it otherwise, and the other parts do not know.

use std::sync::Arc;

use crate::config::Config;
use crate::driver::Program;
use crate::mutation::Mutation;
use crate::parallel;
use crate::report::{Failure, FailureKind, Limit, Progress, Report, Verdict};
use crate::rest::{Gaps, Left, Rest};
use crate::run::assume::Seen;
use crate::run::registry::Registry;
use crate::search::Search;
use crate::tally::{Tally, Why};
use crate::worker::LEARN;

/// Searches to the end, or to a limit.
pub(crate) fn run(config: &Arc<Config>, program: &Program, left: Left) -> Report {
    let mut course = Course::new(config, left);
    let over = course.rehearse(program);
    over.unwrap_or_else(|| course.run(program))
}

struct Course<'a> {
    config: &'a Arc<Config>,
    tally: Tally,
    jobs: Vec<Search>,
    seen: Seen,
    /// Has the search been cut into parts?
    cut: bool,
}

impl Left {
    /// What is left of a search that has not started.
    pub(crate) fn all(config: &Config, seen: Seen, elapsed: std::time::Duration) -> Left {
        Left {
            progress: Progress {
                elapsed,
                ..Progress::default()
            },
            shares: (0.0, 1.0),
            gaps: Gaps::default(),
            cut: false,
            seen,
            registry: Registry::default(),
            searches: vec![Search::root(config.mutation)],
        }
    }
}

impl<'a> Course<'a> {
    fn new(config: &'a Arc<Config>, left: Left) -> Course<'a> {
        let tally = Tally::new(
            left.registry,
            &left.progress,
            left.shares,
            left.gaps,
            config,
        );
        tally.hold(0, left.searches.iter().map(Search::bytes).sum());
        Course {
            config,
            tally,
            jobs: left.searches,
            seen: left.seen,
            cut: left.cut,
        }
    }

    fn run(&mut self, program: &Program) -> Report {
        loop {
            let over = match self.slice(program) {
                Ok(jobs) => self.after(jobs),
                Err(seen) => self.restart(seen),
            };
            if let Some(report) = over {
                return report;
            }
        }
    }

    /// Makes the first runs of the search that is not cut, for what the program does in them: each
    /// part does the same, and comes to the same cut. Answers a report if the search is over.
    fn rehearse(&mut self, program: &Program) -> Option<Report> {
        let has_begun = self.cut || self.tally.runs() > 0;
        if has_begun || self.config.shard.is_none() {
            return None;
        }
        let config = Arc::new(Config {
            shard: None,
            workers: 1,
            max_runs: Some(LEARN),
            max_executions: None,
            progress: None,
            observer: None,
            checkpoint: None,
            ..(**self.config).clone()
        });
        let left = Left::all(&config, self.seen.clone(), self.tally.progress().elapsed);
        let mut rehearsal = Course::new(&config, left);
        let report = rehearsal.run(program);
        if let Verdict::Fail(_) = report.verdict {
            return Some(report);
        }
        self.void();
        match report.verdict {
            Verdict::Unknown(Limit::Time | Limit::Interrupt) => Some(Report {
                progress: nothing(&report.progress),
                rest: Some(self.rest()),
                ..report
            }),
            _ => {
                let elapsed = report.progress.elapsed;
                *self = Course::new(self.config, Left::all(self.config, rehearsal.seen, elapsed));
                None
            }
        }
    }

    fn slice(&mut self, program: &Program) -> Result<Vec<Search>, Seen> {
        let jobs = std::mem::take(&mut self.jobs);
        let (config, tally, seen) = (self.config, &self.tally, &self.seen);
        match config.shard {
            Some(part) if !self.cut => parallel::spread(config, program, tally, seen, jobs, part),
            _ if config.workers > 1 => parallel::search(config, program, tally, seen, jobs),
            _ => parallel::alone(config, program, tally, seen, jobs),
        }
    }

    /// A slice is over. Answers a report if the search is.
    fn after(&mut self, jobs: Vec<Search>) -> Option<Report> {
        let why = self.tally.stopped();
        self.jobs = jobs;
        match why {
            Some(Why::Failed(failure)) => Some(self.report(Verdict::Fail(failure))),
            _ if self.jobs.is_empty() => Some(self.done()),
            Some(Why::Limit(limit)) => {
                let rest = self.rest();
                Some(Report {
                    verdict: Verdict::Unknown(limit),
                    progress: rest.progress(),
                    rest: Some(rest),
                    cut: self.tally.first_cut(),
                })
            }
            Some(Why::Cut) => {
                self.keep_part();
                None
            }
            Some(Why::Checkpoint) => {
                if let Some((_, callback)) = &self.config.checkpoint {
                    callback(&self.rest());
                }
                self.tally.shown(self.config);
                None
            }
            Some(Why::Restart) | None => unreachable!("workers stop for a reason"),
        }
    }

    /// The program was seen to do something new.
    fn restart(&mut self, seen: Seen) -> Option<Report> {
        if let Some(Why::Failed(failure)) = self.tally.stopped() {
            return Some(self.report(Verdict::Fail(failure)));
        }
        if self.cut {
            return Some(self.report(Verdict::Unknown(Limit::Shard)));
        }
        let elapsed = self.tally.progress().elapsed;
        *self = Course::new(self.config, Left::all(self.config, seen, elapsed));
        self.void();
        None
    }

    /// What was counted so far does not count.
    fn void(&self) {
        if let Some(restarted) = &self.config.restarted {
            restarted();
        }
    }

    /// Cuts the search and keeps its part.
    fn keep_part(&mut self) {
        let Some((k, n)) = self.config.shard else {
            return;
        };
        let mut left = self.left();
        left.cut = true;
        let mut number = 0;
        left.searches.retain(|_| {
            number += 1;
            (number - 1) % n == k
        });
        let kept: f64 = left.searches.iter().map(|search| search.share).sum();
        if k > 0 {
            left.progress = nothing(&left.progress);
            left.shares.0 = 0.0;
            left.gaps = Gaps::default();
        }
        left.shares.1 = left.shares.0 + kept;
        *self = Course::new(self.config, left);
        if k > 0 {
            self.void();
        }
    }

    /// All is visited.
    fn done(&mut self) -> Report {
        let (done, whole) = self.tally.shares();
        let adds_up = (done - whole).abs() < 1e-6 || self.config.mutation == Mutation::Rest;
        let verdict = if !adds_up {
            let text = format!("alternatives were lost: {done} of {whole} is done");
            Verdict::Fail(Box::new(Failure::new(FailureKind::Lost, text)))
        } else {
            match self.tally.gaps() {
                Gaps { failures: true, .. } => Verdict::Unknown(Limit::Failures),
                Gaps { cut: true, .. } => Verdict::Unknown(Limit::Events),
                Gaps { revisits: true, .. } => Verdict::Unknown(Limit::Revisits),
                Gaps { .. } => Verdict::Pass,
            }
        };
        let mut report = self.report(verdict);
        let part = self.config.shard;
        if !self.cut && part.is_some_and(|(k, _)| k > 0) {
            report.progress = nothing(&report.progress);
            self.void();
        }
        report.progress.share = 1.0;
        report.progress.estimate = report.progress.runs() as f64;
        let found = report.progress.executions + report.progress.blocked;
        if report.passed() && part.is_none() && found == 0 {
            // A search that passed without an execution has missed something.
            let text = "no execution came to its end: `spin` outside a loop that waits?";
            let failure = Failure::new(FailureKind::Livelock, text.into());
            report.verdict = Verdict::Fail(Box::new(failure));
        }
        report
    }

    fn report(&self, verdict: Verdict) -> Report {
        Report {
            verdict,
            progress: self.tally.progress(),
            rest: None,
            cut: self.tally.first_cut(),
        }
    }

    fn left(&self) -> Left {
        Left {
            progress: self.tally.progress(),
            shares: self.tally.shares(),
            gaps: self.tally.gaps(),
            cut: self.cut,
            seen: self.seen.clone(),
            registry: self.tally.registry.lock().expect("the registry").clone(),
            searches: self.jobs.clone(),
        }
    }

    fn rest(&self) -> Rest {
        Rest::new(self.config, self.left())
    }
}

/// Nothing was visited, in the time that it took.
fn nothing(progress: &Progress) -> Progress {
    Progress {
        elapsed: progress.elapsed,
        ..Progress::default()
    }
}
