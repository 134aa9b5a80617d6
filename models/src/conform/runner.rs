//! The runner: starts workers, watches them, and survives what becomes of them.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use super::ledger::Place;
use super::options::Options;
use super::process::{End, Worker};
use super::share::Tally;
use crate::differential::{Case, FILE, LeftOut, PAGES};
use crate::linux::Host;

/// How often workers are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// The run ends after so many incidents.
const INCIDENTS: usize = 8;

/// What a run shows.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was done.
    pub tally: Tally,
    /// The differences: one, unless the run went on behind it.
    pub differences: Vec<Found>,
    /// What ended workers before their time.
    pub incidents: Vec<Incident>,
    /// Sequences that were not run, because the run ended early.
    pub left: u64,
    /// It was interrupted.
    pub interrupted: bool,
    /// What the sequences went without, as this kernel is older.
    pub left_out: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
    /// How long the host's CPUs worked on it: less than `elapsed` for each job where others use
    /// them too.
    pub cpu: Duration,
}

/// A difference, as a worker tells it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The sequence's number.
    pub number: u64,
    /// The finding with its litmus test.
    pub text: String,
    /// The litmus test alone.
    pub litmus: String,
}

/// A worker that crashed, or stopped moving.
#[derive(Clone, Debug)]
pub struct Incident {
    /// The sequence's number; `None` if the worker had none yet.
    pub number: Option<u64>,
    /// The step that was under way, from 0.
    pub step: u64,
    /// What became of the worker.
    pub fate: String,
    /// What it said.
    pub said: String,
    /// The operations up to the step.
    pub ops: Vec<String>,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "sequence {number}, step {}: {}", self.step, self.fate)?,
            None => write!(f, "before the first sequence: {}", self.fate)?,
        }
        for line in self.said.lines() {
            write!(f, "\n  | {line}")?;
        }
        for (step, op) in self.ops.iter().enumerate() {
            write!(f, "\n  {step:3}  {op}")?;
        }
        Ok(())
    }
}

/// A run, or what kept it from being one.
pub type Result = std::result::Result<Run, String>;

/// Runs everything. `command` starts a worker: this program, up to where the worker's arguments go.
/// `progress` is told from time to time what was done; once it wants an end there is one.
///
/// # Errors
/// What the host lacks.
pub fn run(
    options: &Options,
    command: &[&str],
    progress: &mut dyn FnMut(Tally) -> ControlFlow<()>,
) -> Result {
    let started = Instant::now();
    let mut run = Run {
        tally: Tally::default(),
        differences: Vec::new(),
        incidents: Vec::new(),
        left: 0,
        interrupted: false,
        left_out: Host::with_files(PAGES, &[FILE.to_vec()])
            .map(|mut host| LeftOut::of(&mut host).needs)
            .unwrap_or_default(),
        elapsed: Duration::ZERO,
        cpu: Duration::ZERO,
    };
    let before = children_cpu();
    let start = |numbers| {
        let worker = Worker::start(options, numbers, command);
        worker.map_err(|error| format!("a process of its own for each job ({error})"))
    };
    let shares = shares(&options.numbers, options.jobs);
    let mut workers: Vec<Worker> = shares
        .into_iter()
        .map(start)
        .collect::<std::result::Result<_, _>>()?;
    let mut rest: Vec<Range<u64>> = Vec::new();
    while !workers.is_empty() {
        std::thread::sleep(LOOK);
        let mut tally = run.tally;
        let mut at = 0;
        while at < workers.len() {
            let worker = &mut workers[at];
            let Some(end) = worker.look(options) else {
                tally.add(worker.ledger.read().tally);
                at += 1;
                continue;
            };
            let worker = workers.swap_remove(at);
            let place = worker.ledger.read();
            run.tally.add(place.tally);
            tally.add(place.tally);
            match end {
                End::Agrees => {}
                End::Lacks(what) => return Err(what),
                End::Differs(text) => {
                    let (text, litmus) = text.split_once('\0').unwrap_or((&text, ""));
                    run.differences.push(Found {
                        number: place.number,
                        text: text.to_owned(),
                        litmus: litmus.to_owned(),
                    });
                    let behind = place.number + 1..worker.numbers.end;
                    if options.keep_going && !behind.is_empty() {
                        workers.push(start(behind)?);
                    }
                }
                End::Lost { fate, said } => {
                    let incident = incident(options, place, fate, said);
                    let behind = incident.number.map_or(u64::MAX, |number| number + 1);
                    run.incidents.push(incident);
                    let behind = behind.min(worker.numbers.end)..worker.numbers.end;
                    if behind.is_empty() {
                    } else if run.incidents.len() < INCIDENTS {
                        workers.push(start(behind)?);
                    } else {
                        rest.push(behind);
                    }
                }
            }
        }
        run.interrupted = progress(tally).is_break();
        let has_found = !run.differences.is_empty() && !options.keep_going;
        if has_found || run.interrupted || run.incidents.len() >= INCIDENTS {
            for mut worker in workers.drain(..) {
                worker.kill();
                run.tally.add(worker.ledger.read().tally);
            }
        }
    }
    let wanted = options.numbers.end - options.numbers.start;
    run.left = wanted.saturating_sub(run.tally.sequences + run.incidents.len() as u64);
    run.left = run.left.saturating_sub(run.differences.len() as u64);
    run.differences.sort_by_key(|found| found.number);
    run.elapsed = started.elapsed();
    run.cpu = children_cpu().saturating_sub(before);
    Ok(run)
}

/// What the CPUs worked for processes that were started here and have ended.
fn children_cpu() -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel fills the struct, and zeros are one too.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.sequences += other.sequences;
        self.ops += other.ops;
    }
}

/// The numbers, in as many parts as there are jobs.
fn shares(numbers: &Range<u64>, jobs: usize) -> Vec<Range<u64>> {
    let len = numbers.end - numbers.start;
    let jobs = (jobs as u64).clamp(1, len.max(1));
    (0..jobs)
        .map(|job| numbers.start + len * job / jobs..numbers.start + len * (job + 1) / jobs)
        .collect()
}

fn incident(options: &Options, place: Place, fate: String, said: String) -> Incident {
    let number = (place.beats > 0 && place.number != u64::MAX).then_some(place.number);
    let ops = number.map_or(Vec::new(), |number| {
        let case = Case::random(options.seed, number, options.ops.clone());
        let ops = case
            .effective_ops()
            .into_iter()
            .take(place.step as usize + 1);
        ops.map(|op| op.to_string()).collect()
    });
    Incident {
        number,
        step: place.step,
        fate,
        said,
        ops,
    }
}
