//! Which statement a value was written by.

use seqfault_core::{CpuId, What, WriteSource};

use crate::platform::Entry;
use crate::scenario::Scenario;

/// The user writes of a timeline, by CPU and number.
pub(super) struct Writes<'a> {
    scenario: &'a Scenario,
    entries: &'a [Entry],
    /// For each write so far: its CPU, and its statement's text.
    seen: Vec<(CpuId, String)>,
}

impl<'a> Writes<'a> {
    pub fn new(scenario: &'a Scenario, entries: &'a [Entry]) -> Writes<'a> {
        Writes {
            scenario,
            entries,
            seen: Vec::new(),
        }
    }

    /// The entry at `at` is a write of `cpu`.
    pub fn wrote(&mut self, at: usize, cpu: CpuId) {
        let text = self.entries[..=at].iter().rev().find_map(|entry| match entry {
            Entry::Begin(who, number) if *who == cpu => {
                let statement = self.scenario.threads.get(cpu.0)?.get(*number)?;
                Some(statement.text.clone())
            }
            Entry::Setup(number) => {
                let statement = self.scenario.setup.get(*number)?;
                Some(format!("{} (initial state)", statement.text))
            }
            _ => None,
        });
        self.seen.push((cpu, text.unwrap_or_default()));
    }

    /// The statement behind a write.
    pub fn statement(&self, source: WriteSource) -> Option<&str> {
        let mut of_cpu = self.seen.iter().filter(|(cpu, _)| *cpu == source.cpu);
        let (_, text) = of_cpu.nth(source.number as usize)?;
        Some(text)
    }

    /// Goes over the writes of the initial state, which are not shown.
    pub fn skip(&mut self, start: usize) {
        for at in 0..start {
            if let Entry::Event(event) = &self.entries[at]
                && matches!(event.what, What::UserWrite { .. })
            {
                self.wrote(at, event.cpu);
            }
        }
    }
}
