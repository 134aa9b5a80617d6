//! A run: the child does it, the parent puts together what it says.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::board::{Board, Doing, MAX_THREADS};
use super::child::{Ended, Watch, supervise};
use super::crew;
use super::message::Message;
use super::plan::Plan;
use super::{Seen, Settings, Tally};
use crate::host::Host;
use seqfault_lang::litmus::Ids;
use seqfault_lang::litmus::ast::{Outcome, Program, Value};

/// Threads of two tests would take each other's CPUs.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Why the host cannot run the test; `None` if it can.
pub fn lacks(program: &Program) -> Option<String> {
    let plan = match Plan::new(program) {
        Ok(plan) => plan,
        Err(why) => return Some(why),
    };
    if plan.cpus() > MAX_THREADS {
        return Some(format!("needs at most {MAX_THREADS} CPUs"));
    }
    let pages = Ids::new(program).len().max(1);
    match Host::with_files(pages, &plan.files) {
        Err(what) => Some(format!("needs {what}")),
        Ok(mut host) => plan.ops().find_map(|(op, text)| host.misses(op, text)),
    }
}

/// Runs the test; `progress` is told how many instances are over.
pub fn run(program: &Program, settings: &Settings, progress: &mut dyn FnMut(u64)) -> Seen {
    let mut seen = Seen::default();
    // The second makes signal handlers and arenas ready before there is a child.
    let made = Plan::new(program).and_then(|plan| {
        let host = Host::new(1).map_err(|what| format!("needs {what}"))?;
        let board = Board::new().map_err(|error| format!("needs shared memory ({error})"))?;
        Ok(((plan, host), board))
    });
    let ((plan, _host), board) = match made {
        Ok(made) => made,
        Err(why) => {
            seen.trouble = Some(why);
            return seen;
        }
    };
    let _alone =
        (plan.cpus() > 1).then(|| ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner));
    let started = Instant::now();
    let mut listener = Listener::default();
    let watch = Watch {
        board: &board,
        patience: settings.patience,
        take: &mut |message| listener.take(message, &plan),
        glance: &mut || {
            progress(board.over());
            let interrupt = settings.interrupt.as_ref();
            if interrupt.is_some_and(|interrupt| interrupt.load(Ordering::Relaxed)) {
                board.stop();
            }
        },
    };
    let ended = supervise(watch, |sender| crew::run(&plan, settings, &board, sender));
    seen.elapsed = started.elapsed();
    progress(board.over());
    let trouble = match ended {
        Ok(Ended::ByItself) => listener.problem.take(),
        Ok(Ended::Crashed(how)) => {
            let problem = listener.problem.take();
            Some(problem.unwrap_or_else(|| format!("the run crashed: {how}")))
        }
        Ok(Ended::Hung) => {
            let patience = settings.patience.as_secs_f64();
            Some(format!(
                "the run hangs: no statement ended in {patience} s, and it was killed"
            ))
        }
        Err(error) => Some(format!("needs a child process ({error})")),
    };
    seen.trouble = trouble.map(|trouble| {
        let said: String = listener
            .said
            .iter()
            .map(|line| format!("; {line}"))
            .collect();
        let at = whereabouts(&plan, &board);
        format!("{trouble}; seed {}; {at}{said}", settings.seed)
    });
    seen.instances = board.over();
    seen.cpus = listener.cpus;
    let tallies = listener.tallies.into_iter().zip(listener.counts);
    for ((outcome, first), count) in tallies {
        let tally = seen
            .outcomes
            .entry(outcome)
            .or_insert(Tally { count: 0, first });
        tally.count += count;
    }
    seen
}

/// What the child has said.
#[derive(Default)]
struct Listener {
    /// Outcomes and the instances where they were seen first.
    tallies: Vec<(Outcome, u64)>,
    counts: Vec<u64>,
    cpus: usize,
    problem: Option<String>,
    /// Lines that are no messages: what a crash says.
    said: Vec<String>,
}

impl Listener {
    /// Lines that are kept.
    const MOST: usize = 4;

    fn take(&mut self, message: Result<Message, String>, plan: &Plan) {
        match message {
            Ok(Message::Cpus(cpus)) => self.cpus = cpus,
            Ok(Message::New { values, first }) => {
                let values = values.into_iter().map(Value::from).collect();
                self.tallies.push((plan.outcome(values), first));
                self.counts.push(1);
            }
            // Later ones replace earlier ones; what is new since then counts once.
            Ok(Message::Counts(counts)) => self.counts = counts,
            Ok(Message::Problem(problem)) => self.problem = Some(problem),
            Err(line) if self.said.len() < Listener::MOST => self.said.push(line),
            // A test's child counts no rounds.
            Ok(Message::Rounds(_)) | Err(_) => {}
        }
    }
}

/// Where each thread is.
fn whereabouts(plan: &Plan, board: &Board) -> String {
    let places = (0..plan.cpus()).map(|cpu| match board.doing(cpu) {
        Doing::Nothing => format!("P{cpu} never began"),
        Doing::Setup(instance) => format!("P{cpu} makes the initial state of instance {instance}"),
        Doing::Meets(instance) => format!("P{cpu} waits for the others before instance {instance}"),
        Doing::Looks(instance) => format!("P{cpu} looks at the end of instance {instance}"),
        Doing::Statement(instance, number) => {
            let text = &plan.programs[cpu][usize::from(number)].text;
            format!("P{cpu} is in `{text}` of instance {instance}")
        }
    });
    places.collect::<Vec<_>>().join(", ")
}
