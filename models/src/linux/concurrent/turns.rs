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

/// Runs the program of CPU 0 so many times, while each other CPU of the test spins in the same address
/// space; for each event how often it happened.
///
/// # Errors
/// What the host lacks for the test.
pub fn count(
    scenario: &Scenario,
    events: &[Event],
    turns: u64,
) -> Result<Vec<Result<u64, String>>, String> {
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

fn run(plan: &Plan, events: &[Event], turns: u64) -> Result<Vec<Result<u64, String>>, String> {
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
    let read = || -> Vec<Result<u64, String>> {
        let read = |counter: &Result<Counter, String>| match counter {
            Ok(counter) => Ok(counter.read()),
            Err(what) => Err(what.clone()),
        };
        counters.iter().map(read).collect()
    };
    let before = read();
    (0..turns).for_each(|_| turn());
    let after = read();
    let pairs = before.into_iter().zip(after);
    Ok(pairs.map(|(before, after)| Ok(after? - before?)).collect())
}
