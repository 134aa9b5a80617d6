//! An execution's entries in an order in which they can be told.
//!
//! The explorer runs the CPUs in any order that its graph allows, and a read may see a write that
//! the last one before it has replaced. Each entry belongs to the access that its CPU made before
//! it; the graph's accesses have an order in which each read sees the last write, wherever there is
//! one; the entries follow it.

use std::collections::VecDeque;

use seqfault_core::{CpuId, LockClass, LockStep, What};
use seqfault_explorer::graph::Graph;
use seqfault_explorer::graph::event::EventId;
use seqfault_explorer::report::order::order;

use super::locks::Locks;
use crate::platform::{Entry, Moment, Weak};

/// Entries in their order, each with when it was made.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The entries.
    pub entries: Vec<Entry>,
    /// When each was made, but for what weak memory adds.
    pub moments: Vec<Option<Moment>>,
}

struct Teller<'a> {
    entries: &'a [Entry],
    moments: &'a [Moment],
    graph: &'a Graph,
    /// The CPU whose last step comes last.
    last: Option<CpuId>,
    /// By CPU, what is to be told still.
    left: Vec<VecDeque<usize>>,
    locks: Locks,
    told: Told,
}

/// The entries of the execution with this graph, which ends with what the CPU `last` does.
pub(crate) fn in_coherent_order(
    entries: &[Entry],
    moments: &[Moment],
    graph: &Graph,
    last: Option<CpuId>,
) -> Told {
    let start = entries.iter().position(|e| *e == Entry::Start);
    let first = start.map_or(0, |start| start + 1);
    let mut teller = Teller {
        entries,
        moments,
        graph,
        last,
        left: Vec::new(),
        locks: Locks::default(),
        told: Told::default(),
    };
    for at in 0..first {
        teller.tell(at);
    }
    for (at, &(cpu, _)) in moments.iter().enumerate().skip(first) {
        let cpu = cpu as usize;
        if teller.left.len() <= cpu {
            teller.left.resize_with(cpu + 1, VecDeque::new);
        }
        teller.left[cpu].push_back(at);
    }
    let order = order(graph, last.map(|cpu| cpu.0 as u32));
    let mut reordered = order.reordered.iter().peekable();
    for &id in &order.events {
        let weak = reordered.next_if(|reordered| reordered.access == id);
        teller.access(id, weak.map(|weak| weak.behind));
    }
    teller.rest();
    teller.told
}

impl Teller<'_> {
    /// The access `id` happens, behind another one that it should come before.
    fn access(&mut self, id: EventId, behind: Option<EventId>) {
        let event = self.graph.event(id);
        let cpu = event.thread as usize;
        let made = event.index + 1;
        while self.next(cpu).is_some_and(|(_, when)| when < made) {
            self.tell_next(cpu);
        }
        let mut is_told = false;
        while self
            .next(cpu)
            .is_some_and(|(at, when)| when == made && tells_of_access(&self.entries[at], cpu))
        {
            self.tell_next(cpu);
            is_told = true;
        }
        if let Some(behind) = behind {
            let newer = self.graph.event(behind);
            let site = |site: &std::panic::Location<'_>| format!("{}:{}", site.file(), site.line());
            self.push(Entry::Weak(Weak {
                cpu: CpuId(cpu),
                is_told,
                writes: event.is_write(),
                site: site(event.site),
                behind: CpuId(newer.thread as usize),
                behind_site: site(newer.site),
            }));
        }
        while self
            .next(cpu)
            .is_some_and(|(at, when)| when == made && !self.waits_with(at, cpu, made))
        {
            self.tell_next(cpu);
        }
    }

    /// What was not told with any access.
    fn rest(&mut self) {
        let last = self.last.map(|cpu| cpu.0);
        let cpus = (0..self.left.len()).filter(|&cpu| Some(cpu) != last);
        for cpu in cpus.chain(last).collect::<Vec<_>>() {
            while self.next(cpu).is_some() {
                self.tell_next(cpu);
            }
        }
    }

    /// Whether the entry is told right before what comes after it, not right after what
    /// came before it.
    fn waits_with(&self, at: usize, cpu: usize, made: u32) -> bool {
        let event = match &self.entries[at] {
            Entry::Begin(..) => return true,
            Entry::Event(event) => event,
            _ => return false,
        };
        let What::Lock {
            class,
            instance,
            step,
        } = event.what
        else {
            return false;
        };
        // The step at which an execution fails is its last one.
        let is_last = self.last == Some(CpuId(cpu))
            && made as usize == self.graph.thread_len(cpu as u32)
            && matches!(step, LockStep::Waits | LockStep::Tries);
        // Who need not wait yet is not shown to.
        let is_early = step == LockStep::Waits
            && !matches!(class, LockClass::Irq | LockClass::Rcu)
            && self.locks.holders((class, instance), CpuId(cpu)).is_empty();
        is_last || is_early
    }

    /// The next entry of a CPU, and after how many accesses it was made.
    fn next(&self, cpu: usize) -> Option<(usize, u32)> {
        let &at = self.left.get(cpu)?.front()?;
        Some((at, self.moments[at].1))
    }

    fn tell_next(&mut self, cpu: usize) {
        if let Some(at) = self.left[cpu].pop_front() {
            self.tell(at);
        }
    }

    fn tell(&mut self, at: usize) {
        match &self.entries[at] {
            Entry::Event(event) => self.locks.step(event),
            Entry::End(cpu, ..) => self.locks.end(*cpu),
            _ => {}
        }
        self.told.entries.push(self.entries[at].clone());
        self.told.moments.push(Some(self.moments[at]));
    }

    fn push(&mut self, entry: Entry) {
        self.told.entries.push(entry);
        self.told.moments.push(None);
    }
}

/// Whether an entry that is made right after an access tells what that has read or written.
pub(super) fn tells_of_access(entry: &Entry, cpu: usize) -> bool {
    let Entry::Event(event) = entry else {
        return false;
    };
    let tells = matches!(
        event.what,
        What::UserRead { .. }
            | What::UserWrite { .. }
            | What::TlbFill { .. }
            | What::HwSet { .. }
            | What::PteRead { .. }
            | What::PteSet { .. }
            | What::Walk { .. }
            | What::SeqRead { .. }
            | What::SeqSet { .. }
            | What::TlbGen { .. }
            | What::Lazy { .. }
    );
    tells && event.cpu == CpuId(cpu)
}
