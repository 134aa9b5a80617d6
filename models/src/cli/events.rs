//! `seqfault events`: what loops cost in events, on the host's kernel and on core.
//!
//! Events are counted, not timed, so that they mean the same on every machine. The first loop is
//! that of the relaxed TLB flushes (N. Amit, RFC, July 2022), whose question is how many
//! shootdowns it takes.
//!
//! While the other CPU runs another process it needs no shootdown. So the loops are run in
//! rounds, and the round with the most shootdowns counts; of the rest it is the mean.
//!
//! Faults are a loop's own doing: they must be as many on the host as on core, but for a few of
//! the runner's own memory. Shootdowns may be fewer on the host, where the other CPU did not run,
//! and never more.

use seqfault_core::{Counter, Cpu, CpuId, CpuLocal, System};

use super::arguments::Events;
use super::{Trouble, say};
use crate::linux::concurrent::count;
use crate::linux::events::Event;
use crate::litmus;
use crate::platform::{self, Native};
use crate::scenario::{Deviations, Scenario};
use crate::subjects;
use crate::verdict::plural;

/// The loops: initial state, and one turn.
const LOOPS: &[(&str, &str)] = &[
    (WRITTEN, "mprotect A r; mprotect A rw; write A 1;"),
    (WRITTEN, "mprotect A none; mprotect A rw; write A 1;"),
    (MAPPED, "madvise A dontneed; write A 1;"),
    (MAPPED, "madvise A dontneed; read A; write A 1;"),
    (
        MAPPED,
        "madvise A dontneed; madvise A populate_write; write A 1;",
    ),
    (MAPPED, "munmap A; mmap A rw; write A 1;"),
    (MAPPED, "mmap A rw; write A 1;"),
    (NEIGHBOURS, "mremap A[1] A[2]; mremap A[2] A[1];"),
];

const MAPPED: &str = "page A; mmap A rw;";
const WRITTEN: &str = "page A; mmap A rw; write A 1;";
/// Nothing but a page moves: its table stays, as the first page does.
const NEIGHBOURS: &str = "pages A[3]; mmap A[0..2] rw; write A[0] 1; write A[1] 1;";

/// What is counted, its name, and core's counter: core does not count each flush of a CPU's own
/// TLB.
const COUNTED: [(Event, &str, Option<Counter>); 3] = [
    (Event::Faults, "faults", Some(Counter::Faults)),
    (Event::Shootdowns, "shootdowns", Some(Counter::Shootdowns)),
    (Event::LocalFlushes, "own flushes", None),
];

/// Turns of a loop on core, where all are alike.
const TURNS: u64 = 8;

/// So many events of a turn may be the runner's own, where the host counts them.
const TOLERANCE: f64 = 0.1;

/// Prints a row for each loop and number of CPUs; true, if what must be equal is.
pub(super) fn run(command: &Events) -> Result<bool, Trouble> {
    let deviations = command.deviate.choices_alone("events")?;
    let width = LOOPS.iter().map(|(_, turn)| turn.len()).max().unwrap_or(0);
    let mut head = format!("{:width$}  CPUs", "events per turn");
    let mut below = format!("{:width$}      ", "");
    for (_, name, _) in COUNTED {
        head += &format!("  {name:>15}");
        below += &format!("  {:>7} {:>7}", "linux", "core");
    }
    say(&head);
    say(&below);
    let mut lacks: Vec<String> = Vec::new();
    let mut differences = Vec::new();
    for (setup, turn) in LOOPS {
        for cpus in [1, 2] {
            let scenario = scenario(setup, turn, cpus, &deviations)?;
            let host = count(
                &scenario.program,
                &COUNTED.map(|(event, ..)| event),
                command.turns,
            );
            let core = on_core(&scenario)?;
            let mut line = format!("{turn:width$}  {cpus:>4}");
            for (at, core) in core.into_iter().enumerate() {
                let host = match &host {
                    Ok(counted) => counted[at].clone(),
                    Err(what) => Err(what.clone()),
                };
                let (event, ..) = COUNTED[at];
                let host = host.map(|rounds| rate(event, &rounds, command.turns));
                if let (Ok(host), Some(core)) = (&host, core)
                    && differs(event, *host, core)
                {
                    let (_, name, _) = COUNTED[at];
                    let cpus = plural(cpus as u64, "CPU");
                    differences.push(format!(
                        "{turn} on {cpus}: {host:.3} {name} on linux, {core:.3} on core"
                    ));
                }
                let host = host.map(|rate| format!("{rate:.3}"));
                let host = host.unwrap_or_else(|what| {
                    if !lacks.contains(&what) {
                        lacks.push(what);
                    }
                    "n/a".to_owned()
                });
                let core = core.map_or("-".to_owned(), |count| format!("{count:.3}"));
                line += &format!("  {host:>7} {core:>7}");
            }
            say(&line);
        }
    }
    for what in lacks {
        say(&format!("n/a: needs {what}"));
    }
    for difference in &differences {
        say(&format!("DIFFER: {difference}"));
    }
    Ok(differences.is_empty())
}

/// Whether the counts of a turn are not what they must be.
fn differs(event: Event, host: f64, core: f64) -> bool {
    match event {
        Event::Faults => !(-TOLERANCE..=TOLERANCE).contains(&(host - core)),
        Event::Shootdowns => host > core + TOLERANCE,
        // Core does not count each of them.
        Event::LocalFlushes => false,
    }
}

/// Events per turn.
fn rate(event: Event, rounds: &[u64], turns: u64) -> f64 {
    let most = rounds.iter().max().map_or(0.0, |most| *most as f64);
    let mean = rounds.iter().sum::<u64>() as f64 / rounds.len() as f64;
    let count = if event == Event::Shootdowns {
        most
    } else {
        mean
    };
    count / turns as f64
}

fn scenario(
    setup: &str,
    turn: &str,
    cpus: usize,
    deviations: &Deviations,
) -> Result<Scenario, Trouble> {
    let other = if cpus > 1 { "P1 { rcu_barrier; }" } else { "" };
    let text = format!("MM turn {{ {setup} }} P0 {{ {turn} }} {other} exists (A=1)");
    let program = litmus::parse("turn", &text);
    let program = program.map_err(|errors| Trouble::Files(errors.render(false)))?;
    let scenario = Scenario::new(&program, deviations);
    scenario.map_err(|refusal| Trouble::Usage(refusal.message))
}

/// The events of a turn on core, natively.
fn on_core(scenario: &Scenario) -> Result<[Option<f64>; 3], Trouble> {
    let run = || {
        platform::begin(platform::nobody);
        let system: System<Native> =
            { System::with_files_of(scenario.config, &scenario.files, scenario.truncates) };
        let mut local = CpuLocal::new(&system, CpuId(0));
        let counts = |local: &CpuLocal<Native>| {
            COUNTED.map(|(.., counter)| Some(local.counters().get(counter?)))
        };
        for statement in &scenario.setup {
            subjects::perform(&statement.op, &mut Cpu::new(&system, &mut local));
        }
        let turns = |turns: u64, local: &mut CpuLocal<Native>| {
            let mut cpu = Cpu::new(&system, local);
            for _ in 0..turns {
                for statement in &scenario.threads[0] {
                    subjects::perform(&statement.op, &mut cpu);
                }
                cpu.rcu_barrier();
            }
        };
        turns(1, &mut local);
        let before = counts(&local);
        turns(TURNS, &mut local);
        let after = counts(&local);
        platform::end();
        std::array::from_fn(|at| Some((after[at]? - before[at]?) as f64 / TURNS as f64))
    };
    platform::catch(run).map_err(|stopped| Trouble::Usage(format!("core: {}", stopped.message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_be_equal_is_told_from_what_may_differ() {
        assert!(!differs(Event::Faults, 2.01, 2.0));
        assert!(differs(Event::Faults, 1.5, 2.0));
        assert!(differs(Event::Faults, 2.5, 2.0));
        assert!(
            !differs(Event::Shootdowns, 0.3, 2.0),
            "the other CPU may not run"
        );
        assert!(differs(Event::Shootdowns, 2.5, 2.0));
        assert!(differs(Event::Shootdowns, 1.0, 0.0));
        assert!(!differs(Event::LocalFlushes, 9.0, 0.0));
    }
}
