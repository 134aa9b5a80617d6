//! A program again and again on one CPU, with events counted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::affinity::{allowed, pin};
use super::plan::Plan;
use crate::linux::arena::Arena;
use crate::linux::events::{Counter, Event};
use crate::linux::host::without_huge_pages;
use crate::random::Random;
use crate::scenario::Scenario;

/// Turns before events count.
const WARM_UP: u64 = 16;
/// How many rounds there are.
const ROUNDS: usize = 20;

/// How often an event happened in each round, or what the host lacks to tell.
pub type Rounds = Result<Vec<u64>, String>;

/// Runs the program of CPU 0 so many times in each of some rounds, while each other CPU of the
/// test spins in the same address space; for each event how often it happened in each round.
///
/// # Errors
/// What the host lacks for the test.
pub fn count(scenario: &Scenario, events: &[Event], turns: u64) -> Result<Vec<Rounds>, String> {
    let plan = Plan::new(scenario)?;
    let cpus = allowed();
    if cpus.len() < plan.cpus() {
        return Err(format!("{} CPUs", plan.cpus()));
    }
    without_huge_pages();
    let over = AtomicBool::new(false);
    let spinning = AtomicUsize::new(0);
    let spin = |cpu: usize| {
        pin(cpu);
        spinning.fetch_add(1, Ordering::Relaxed);
        while !over.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    };
    std::thread::scope(|scope| {
        for &cpu in &cpus[1..plan.cpus()] {
            scope.spawn(move || spin(cpu));
        }
        let counted = scope.spawn(|| {
            pin(cpus[0]);
            while spinning.load(Ordering::Relaxed) + 1 < plan.cpus() {
                std::thread::yield_now();
            }
            let counted = run(&plan, events, turns);
            over.store(true, Ordering::Relaxed);
            counted
        });
        let counted = counted.join();
        over.store(true, Ordering::Relaxed);
        counted.unwrap_or_else(|_| Err("a runner that does not panic".to_owned()))
    })
}

fn run(plan: &Plan, events: &[Event], turns: u64) -> Result<Vec<Rounds>, String> {
    let counters: Vec<Result<Counter, String>> =
        events.iter().map(|event| Counter::new(*event)).collect();
    let mut arena = Arena::new(plan.apart.len_pages(1))?;
    let mut random = Random::new(0);
    let page = |id| plan.apart.page(0, id);
    for preparation in &plan.setup {
        preparation.act.perform(&mut arena, page, &mut random);
    }
    let mut turn = || {
        for statement in &plan.programs[0] {
            statement.act.perform(&mut arena, page, &mut random);
        }
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
