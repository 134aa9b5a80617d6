//! One execution, whose schedule is given as bytes.
//!
//! ```text
//! byte    after so many choices that go on with the CPU that runs (high six bits)
//!         another one is chosen: which of the others that can run (low two bits);
//!         3 is none of them: the CPU goes on
//! ```
//! A point where only one CPU can run is no choice. Once the bytes are used up,
//! a CPU runs until it waits or yields, and then the next one by number.
//! So every string of bytes is a schedule, an empty one too, and a byte is a
//! preemption.

use std::sync::Arc;

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use super::collector::Collector;
use super::engine::speculation;
use super::shuttle::execution;
use super::{Control, Judge, Report, Search};
use crate::platform::{self, Entry};
use crate::scenario::Scenario;

/// An execution with more choices is given up: its schedule is unfair.
const MAX_STEPS: usize = 20_000;

/// Runs `scenario` once by `schedule`. An execution that was given up leaves no
/// outcome.
pub fn run(scenario: &Scenario, schedule: &[u8], judge: &Judge) -> Report {
    run_with_entries(scenario, schedule, judge).0
}

/// As [`run`], and what happened, unless the report's failure tells.
pub fn run_with_entries(
    scenario: &Scenario,
    schedule: &[u8],
    judge: &Judge,
) -> (Report, Vec<Entry>) {
    if let Some(refusal) = speculation(scenario, "a given schedule") {
        return (refusal, Vec::new());
    }
    platform::begin(platform::nobody);
    let collector = Arc::new(Collector::new(scenario, judge));
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    config.max_steps = MaxSteps::ContinueAfter(MAX_STEPS);
    let model = {
        let collector = collector.clone();
        move || execution(&collector, &Control::default())
    };
    let scheduler = Bytes::new(schedule.to_vec());
    let stopped = platform::catch(|| Runner::new(scheduler, config).run(model))
        .err()
        .or_else(platform::violated);
    let mut entries = platform::end().entries;
    if let Some(stopped) = stopped {
        collector.stopped(&stopped, std::mem::take(&mut entries));
    }
    let report = collector.report(Search::Sampled, |_| "--engine explorer".to_owned());
    (report, entries)
}

/// The scheduler.
struct Bytes {
    bytes: std::vec::IntoIter<u8>,
    /// Choices that go on with the same CPU, and what comes then.
    next: Option<(u8, u8)>,
    began: bool,
}

impl Bytes {
    fn new(bytes: Vec<u8>) -> Bytes {
        let mut bytes = bytes.into_iter();
        Bytes {
            next: take(&mut bytes),
            bytes,
            began: false,
        }
    }

    /// Which of the `others` is next, if the CPU that runs does not go on.
    fn other(&mut self, others: usize) -> Option<usize> {
        match &mut self.next {
            None => None,
            Some((0, which)) => {
                let which = usize::from(*which);
                self.next = take(&mut self.bytes);
                (which < 3).then_some(which % others)
            }
            Some((left, _)) => {
                *left -= 1;
                None
            }
        }
    }
}

/// The next byte's parts.
fn take(bytes: &mut std::vec::IntoIter<u8>) -> Option<(u8, u8)> {
    bytes.next().map(|byte| (byte >> 2, byte & 3))
}

impl Scheduler for Bytes {
    fn new_execution(&mut self) -> Option<Schedule> {
        (!std::mem::replace(&mut self.began, true)).then(|| Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        if platform::is_over() {
            return None;
        }
        let first = runnable.first()?.id();
        if runnable.len() == 1 {
            return Some(first);
        }
        let ids = runnable.iter().map(|task| task.id());
        let goes_on =
            current.filter(|current| !is_yielding && ids.clone().any(|id| id == *current));
        let others = ids.clone().filter(|id| Some(*id) != goes_on);
        match (goes_on, self.other(others.clone().count())) {
            (Some(goes_on), None) => Some(goes_on),
            (_, Some(which)) => others.clone().nth(which),
            (None, None) => {
                let after = others.clone().find(|id| Some(*id) > current);
                Some(after.unwrap_or(first))
            }
        }
    }

    fn next_u64(&mut self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::litmus::parse;
    use crate::scenario::Deviations;

    const STORE_BUFFERING: &str = "MM sb
        { page A; page B; mmap A rw; mmap B rw; write A 0; write B 0; }
        P0 { write A 1; r0 = read B; }
        P1 { write B 1; r0 = read A; }
        exists (0:r0=0)";

    fn scenario() -> Scenario {
        let program = parse("sb.litmus", STORE_BUFFERING).expect("it is a test");
        Scenario::new(&program, &Deviations::default()).expect("it can run")
    }

    fn outcome(schedule: &[u8]) -> String {
        let report = run(&scenario(), schedule, &Judge::default());
        assert!(report.failure.is_none() && report.problem.is_none());
        assert_eq!(report.executions, 1);
        let outcome = report.outcomes.keys().next().expect("it ended");
        outcome.to_string()
    }

    #[test]
    fn without_bytes_one_cpu_runs_after_the_other() {
        assert_eq!(outcome(&[]), outcome(&[]));
        assert!(outcome(&[]).contains("0:r0=0"), "{}", outcome(&[]));
    }

    #[test]
    fn bytes_choose_the_outcome() {
        // One preemption, and two.
        let schedules = (0..=255).flat_map(|byte| [vec![byte], vec![byte; 2]]);
        let all: BTreeSet<String> = schedules.map(|schedule| outcome(&schedule)).collect();
        assert_eq!(all.len(), 3, "{all:?}");
    }

    #[test]
    fn endless_yields_are_given_up() {
        let schedule = vec![0; 100_000];
        let report = run(&scenario(), &schedule, &Judge::default());
        assert!(report.failure.is_none() && report.problem.is_none());
    }
}
