//! One execution of a scenario, on whatever machine.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use seqfault_core::{Cpu, CpuId, CpuLocal, Platform, Quirk, System, Walker};

use super::chains::longest_wait;
use super::collector::Collector;
use crate::litmus::ast::{Outcome, Value};
use crate::platform::{self, Entry, record, start};
use crate::scenario::{LONGEST_WAIT, Statement};
use crate::subjects;

/// An execution that is under way.
pub(super) struct Run<P: Platform> {
    pub system: System<P>,
    collector: Arc<Collector>,
    /// What each CPU left when it stopped.
    stopped: Mutex<Stopped<P>>,
    running: AtomicUsize,
}

/// An execution that has not begun, and what each CPU starts with.
type Made<P> = (Arc<Run<P>>, Vec<CpuLocal<P>>);

struct Stopped<P: Platform> {
    locals: Vec<CpuLocal<P>>,
    registers: BTreeMap<(usize, String), Value>,
}

impl<P: Platform> Run<P> {
    /// A machine on which the setup has been run; `None` if `is_over` said before a statement of the
    /// setup that nothing more is wanted.
    pub fn new(collector: &Arc<Collector>, is_over: impl Fn() -> bool) -> Option<Made<P>> {
        let scenario = &collector.scenario;
        let system = System::with_files_of(scenario.config, &scenario.files, scenario.truncates);
        let cpus = scenario.config.cpus;
        let mut locals: Vec<_> = (0..cpus)
            .map(|cpu| CpuLocal::new(&system, CpuId(cpu)))
            .collect();
        let mut boot = Cpu::new(&system, &mut locals[0]);
        for (number, statement) in scenario.setup.iter().enumerate() {
            if is_over() {
                return None;
            }
            record(Entry::Setup(number));
            subjects::perform(&statement.op, &mut boot);
        }
        boot.leave_nothing_behind();
        start();
        for (local, mm) in locals.iter_mut().zip(&scenario.runs) {
            system.run_in(local, *mm);
        }
        let run = Run {
            system,
            collector: collector.clone(),
            stopped: Mutex::new(Stopped {
                locals: Vec::new(),
                registers: BTreeMap::new(),
            }),
            running: AtomicUsize::new(cpus),
        };
        Some((Arc::new(run), locals))
    }

    /// Runs one CPU's program; true for the CPU that stops last.
    pub fn run_cpu(&self, mut local: CpuLocal<P>) -> bool {
        let id = local.id();
        let statements: &[Statement] = &self.collector.scenario.threads[id.0];
        let mut cpu = Cpu::new(&self.system, &mut local);
        let mut registers = Vec::new();
        for (number, statement) in statements.iter().enumerate() {
            record(Entry::Begin(id, number));
            let value = Value::from(subjects::perform(&statement.op, &mut cpu));
            record(Entry::End(id, number, value.to_string()));
            if let Some(reg) = &statement.reg {
                registers.push(((id.0, reg.clone()), value));
            }
        }
        // Nothing to do any more: what waits for a grace period gets it.
        cpu.rcu_barrier();
        {
            let mut stopped = self.stopped();
            stopped.registers.extend(registers);
            stopped.locals.push(local);
        }
        self.running.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Does what the hardware of CPU `id` does by itself.
    pub fn run_walker(&self, id: CpuId) {
        let scenario = &self.collector.scenario;
        let (fills, evictions) = scenario.speculated(id);
        Walker::new(&self.system, id, scenario.runs[id.0]).run(&fills, &evictions);
    }

    fn stopped(&self) -> std::sync::MutexGuard<'_, Stopped<P>> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the machine when all CPUs have stopped, and tells the outcome. What all CPUs did is recorded in one order.
    pub fn finale(&self) -> Outcome {
        let mut outcome = self.finale_of_parts();
        if self.collector.scenario.asks_for_longest_wait() {
            let longest = platform::with_timeline(longest_wait);
            outcome.counts.insert(LONGEST_WAIT.to_owned(), longest);
        }
        outcome
    }

    /// The same where each CPU recorded its own part. What needs them in one order is left open.
    pub fn finale_of_parts(&self) -> Outcome {
        let mut stopped = self.stopped();
        stopped.locals.sort_by_key(CpuLocal::id);
        self.system.check_at_rest(&stopped.locals);
        let counters = self.system.counters(&stopped.locals);
        let registers = std::mem::take(&mut stopped.registers);
        let quirks = self.system.quirks_looked_at();
        let choices = self.system.choices_looked_at();
        self.collector
            .looked(choices.chain(quirks.iter().map(Quirk::name)));
        self.collector.reached(platform::limits());
        self.collector
            .scenario
            .outcome(&self.system, registers, &counters)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::engines::Judge;
    use crate::litmus;
    use crate::scenario::{Deviations, Scenario};

    #[test]
    fn the_initial_state_is_made_as_long_as_it_is_wanted() {
        let text = "MM many\n{ page A; mmap A rw; write A 1; write A 2; }\n\
                    P0 { r0 = read A; }\nforall (0:r0=2)\n";
        let program = litmus::parse("test", text).expect("a test");
        let scenario = Scenario::new(&program, &Deviations::default()).expect("a scenario");
        let collector = Arc::new(Collector::new(&scenario, &Judge::default()));
        let asked = Cell::new(0);
        let make = |wanted| {
            asked.set(0);
            platform::begin(platform::nobody);
            let is_over = || asked.replace(asked.get() + 1) == wanted;
            let run = Run::<platform::Native>::new(&collector, is_over);
            (run.is_some(), asked.get(), platform::end().entries)
        };
        let (is_made, asked, _) = make(3);
        assert!(is_made && asked == 3, "it is asked before each statement");
        let (is_made, asked, entries) = make(1);
        assert!(!is_made && asked == 2);
        let begun = |entry: &&Entry| matches!(entry, Entry::Setup(_));
        assert_eq!(entries.iter().filter(begun).count(), 1);
    }
}
