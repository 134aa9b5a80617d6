//! Which statement a value was written by.

use seqfault_core::{CpuId, Pfn, What, WriteSource};

use crate::platform::Entry;
use crate::scenario::Scenario;

/// The user writes of a timeline, by CPU and number.
pub(super) struct Writes<'a> {
    scenario: &'a Scenario,
    entries: &'a [Entry],
    /// For each write so far: its CPU, its statement's text, where it went.
    seen: Vec<(CpuId, String, Pfn)>,
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
    pub fn wrote(&mut self, at: usize, cpu: CpuId, pfn: Pfn) {
        let text = self.entries[..=at]
            .iter()
            .rev()
            .find_map(|entry| match entry {
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
        self.seen.push((cpu, text.unwrap_or_default(), pfn));
    }

    /// The statement behind a write.
    pub fn statement(&self, source: WriteSource) -> Option<&str> {
        let mut of_cpu = self.seen.iter().filter(|(cpu, ..)| *cpu == source.cpu);
        let (_, text, _) = of_cpu.nth(source.number as usize)?;
        Some(text)
    }

    /// The last write to a frame so far.
    pub fn last(&self, pfn: Pfn) -> Option<WriteSource> {
        let at = self.seen.iter().rposition(|(.., to)| *to == pfn)?;
        let cpu = self.seen[at].0;
        let before = self.seen[..at].iter().filter(|(c, ..)| *c == cpu).count();
        let number = u32::try_from(before).ok()?;
        Some(WriteSource { cpu, number })
    }

    /// Goes over the writes of the initial state, which are not shown.
    pub fn skip(&mut self, start: usize) {
        for at in 0..start {
            if let Entry::Event(event) = &self.entries[at]
                && let What::UserWrite { pfn, .. } = event.what
            {
                self.wrote(at, event.cpu, pfn);
            }
        }
    }
}
