//! A program again and again on one CPU, with events counted.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::affinity::{allowed, pin};
use super::board::Board;
use super::child::{Ended, Watch, supervise};
use super::family::{Family, room};
use super::message::Message;
use super::perform::perform;
use super::plan::Plan;
use super::threads::{Work, beside};
use crate::arena::Arena;
use crate::events::{Counter, Event};
use crate::files::Files;
use seqfault_lang::litmus::ast::Program;
use seqfault_lang::ops::{Numbered, Op};
use seqfault_lang::random::Random;

/// Turns before events count.
const WARM_UP: u64 = 16;
/// How many rounds there are.
const ROUNDS: usize = 20;

/// How long a turn may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often an event happened in each round, or what the host lacks to tell.
pub type Rounds = Result<Vec<u64>, String>;

/// Runs the program of CPU 0 so many times in each of some rounds, while each other CPU of the
/// test spins in the same address space; for each event how often it happened in each round.
///
/// All of it happens in a child that never ran anywhere else: a CPU that an address space has
/// left is asked to flush until the kernel forgets that it was there.
///
/// # Errors
/// What the host lacks for the test.
pub fn count(program: &Program, events: &[Event], turns: u64) -> Result<Vec<Rounds>, String> {
    let plan = Plan::new(program)?;
    if plan.homes.elsewhere() > 0 {
        return Err("all CPUs in one process".to_owned());
    }
    let cpus = allowed();
    if cpus.len() < plan.cpus() {
        return Err(format!("{} CPUs", plan.cpus()));
    }
    // Signal handlers and arenas are ready before there is a child.
    let _arena = Arena::new(1)?;
    let board = Board::new().map_err(|error| format!("shared memory ({error})"))?;
    let mut counted = Err("a child that ends well".to_owned());
    let ended = std::thread::scope(|scope| {
        let parent = scope.spawn(|| {
            pin(cpus[0]);
            let mut take = |message| {
                counted = match message {
                    Ok(Message::Rounds(rounds)) => rounds,
                    Ok(other) => Err(format!("a child that says no more than {other:?}")),
                    Err(line) => Err(format!("a child that says no more than `{line}`")),
                };
            };
            let watch = Watch {
                board: &board,
                patience: PATIENCE,
                take: &mut take,
                glance: &mut || (),
            };
            supervise(watch, |sender| {
                let no_thread = |error| {
                    let needs = format!("a thread for each CPU ({error})");
                    sender.end_with(&Message::Rounds(Err(needs)));
                };
                let others = &cpus[1..plan.cpus()];
                let rounds = with_spinners(others, no_thread, || run(&plan, events, turns, &board));
                sender.send(&Message::Rounds(rounds));
            })
        });
        parent.join()
    });
    match ended {
        Ok(Ok(Ended::ByItself)) => counted,
        Ok(Ok(ended)) => Err(format!("a child that ends well ({ended:?})")),
        Ok(Err(error)) => Err(format!("a child process ({error})")),
        Err(_) => Err("a runner that does not panic".to_owned()),
    }
}

/// Works while a thread spins on each of these CPUs.
fn with_spinners<R>(
    cpus: &[usize],
    no_thread: impl FnOnce(io::Error),
    work: impl FnOnce() -> R,
) -> R {
    let over = &AtomicBool::new(false);
    let spinning = &AtomicUsize::new(0);
    let spinner = |&cpu: &usize| -> Work<'_> {
        Box::new(move || {
            pin(cpu);
            spinning.fetch_add(1, Ordering::Relaxed);
            while !over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        })
    };
    beside(cpus.iter().map(spinner).collect(), no_thread, || {
        while spinning.load(Ordering::Relaxed) < cpus.len() {
            std::thread::yield_now();
        }
        let result = work();
        over.store(true, Ordering::Relaxed);
        result
    })
}

fn run(plan: &Plan, events: &[Event], turns: u64, board: &Board) -> Result<Vec<Rounds>, String> {
    let counters: Vec<Result<Counter, String>> =
        events.iter().map(|event| Counter::new(*event)).collect();
    let mut arena = Arena::new(plan.apart.len_pages(1))?;
    arena.set_files(Files::on(&plan.files, &plan.uncached, 1)?);
    let answers = room(plan, 1)?;
    let mut family = Family::new(plan, &answers);
    let mut random = Random::new(0);
    let page = |id| plan.apart.page(0, id);
    for preparation in &plan.setup {
        let op = plan.of_instance(&preparation.op, &plan.apart, 0);
        perform(&op, 0, &mut arena, page, &mut random, &mut family);
        family.wait();
    }
    let statements = plan.programs[0].iter();
    let ops: Vec<Op<Numbered>> = statements
        .map(|stmt| plan.of_instance(&stmt.op, &plan.apart, 0))
        .collect();
    let mut over = 0;
    let mut turn = || {
        for op in &ops {
            perform(op, 0, &mut arena, page, &mut random, &mut family);
        }
        family.wait();
        over += 1;
        board.set_over(over);
    };
    (0..WARM_UP).for_each(|_| turn());
    // By event, what its counter says around each round.
    let mut readings = vec![[0; ROUNDS + 1]; counters.len()];
    for at in 0..=ROUNDS {
        if at > 0 {
            (0..turns).for_each(|_| turn());
        }
        for (counter, readings) in counters.iter().zip(&mut readings) {
            readings[at] = counter.as_ref().map_or(0, Counter::read);
        }
    }
    let rounds = |(counter, readings): (Result<Counter, String>, [u64; ROUNDS + 1])| {
        let differences = readings.windows(2).map(|pair| pair[1] - pair[0]);
        counter.map(|_| differences.collect())
    };
    Ok(counters.into_iter().zip(readings).map(rounds).collect())
}
