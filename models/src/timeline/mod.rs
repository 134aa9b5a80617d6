//! Timelines: what happened in one execution, for a reviewer who does not know
//! this program.
//!
//! A column for each CPU, a row for each event, in the order of the execution:
//! a statement as the author wrote it, below it what the machine did for it,
//! and `=>` its result. The invariant that is violated comes last.
//!
//! Under the explorer the order is one in which each read sees the last write above it. Where weak
//! memory allows what no such order shows, the access that does not fit says so.

mod graph;
mod locks;
mod names;
mod order;
mod table;
mod words;
mod writes;

use seqfault_core::{CpuId, Invariant, LockClass};

use crate::engines::{Failure, Order, Violated};
use crate::platform::Entry;
use crate::scenario::{Scenario, Statement};
pub(crate) use graph::drawn;
pub(crate) use locks::{Lock, Locks};
use names::{Names, cpus};
pub(crate) use order::{Told, in_coherent_order};
use table::Row;
use words::Teller;
use writes::Writes;

/// How far events are indented below their statement.
const INDENT: usize = 2;

/// What happened in one execution.
#[derive(Clone, Copy, Debug)]
pub struct Timeline<'a> {
    /// What was run.
    pub scenario: &'a Scenario,
    /// What happened; on the host's threads, CPU by CPU.
    pub entries: &'a [Entry],
    /// How they are ordered.
    pub order: Order,
}

/// A failure told in full: the initial state, what happened, what is violated.
pub fn counterexample(
    scenario: &Scenario,
    failure: &Failure,
    order: Order,
    width: usize,
) -> String {
    let timeline = |entries| Timeline {
        scenario,
        entries,
        order,
    };
    // The host's kernel tells no timeline.
    let mut out = if failure.timeline.is_empty() && order != Order::Unseen {
        "timeline not kept\n".to_owned()
    } else {
        timeline(&failure.timeline).with_end(width, last_row(failure))
    };
    if let Some(also) = &failure.also {
        out += "\nAnother execution:\n\n";
        out += &timeline(also).rows_as_table(width, None);
    }
    out.push('\n');
    out += &fill(&format!("{}: {}", failure.violated, failure.message), width);
    if failure.race {
        let cpu = failure
            .cpu
            .map_or("a CPU".to_owned(), |cpu| cpu.to_string());
        let other = match (failure.cpu, scenario.config.cpus) {
            (Some(CpuId(one)), 2) => CpuId(1 - one).to_string(),
            _ => "another CPU".to_owned(),
        };
        out += &fill(
            &format!(
                "Nothing orders what {cpu} does last and an earlier access of {other} to the \
                 same object: either can come first, whichever does above."
            ),
            width,
        );
    }
    if is_found_at_rest(failure) {
        out += "It is seen when all CPUs have ended.\n";
    }
    if failure.violated == Violated::Invariant(Invariant::Deadlock) {
        out += &timeline(&failure.timeline).who_waits();
    }
    out
}

/// Whether it is what the machine looks like when no CPU runs any more.
fn is_found_at_rest(failure: &Failure) -> bool {
    let Violated::Invariant(invariant) = failure.violated else {
        return false;
    };
    let is_whole = matches!(
        invariant,
        Invariant::Deadlock | Invariant::LockOrder | Invariant::NotAtomic
    );
    failure.cpu.is_none() && !is_whole
}

/// The row in which the violation shows.
fn last_row(failure: &Failure) -> Option<Row> {
    let text = if failure.race {
        format!("** {}: not ordered", failure.violated)
    } else {
        format!("** {}", failure.violated)
    };
    failure.cpu.map(|cpu| Row {
        cpu,
        indent: INDENT,
        text,
    })
}

impl Timeline<'_> {
    /// The initial state and the table.
    pub fn table(&self, width: usize) -> String {
        self.with_end(width, None)
    }

    fn with_end(&self, width: usize, end: Option<Row>) -> String {
        let mut out = String::new();
        let setup = &self.scenario.setup;
        if !setup.is_empty() {
            let texts: Vec<&str> = setup.iter().map(|s| &*s.text).collect();
            out += &fill(&format!("Initial state: {}", texts.join("; ")), width);
        }
        if self.order == Order::Unseen {
            // What goes on inside the host's kernel is not seen.
            return out;
        }
        out += &fill(
            &format!("Protocol: {}", self.scenario.config.protocol),
            width,
        );
        if !self.scenario.config.quirks.is_empty() {
            let quirks = self.scenario.config.quirks.iter();
            let quirks: Vec<String> = quirks.map(|q| q.to_string()).collect();
            out += &fill(&format!("Quirks: {}", quirks.join(", ")), width);
        }
        if !self.is_ordered() {
            out += &fill(
                "Each column is in the order of its CPU. How events of different CPUs were \
                 ordered is not known: rows side by side need not have happened together.",
                width,
            );
        }
        out.push('\n');
        out + &self.rows_as_table(width, end)
    }

    fn is_ordered(&self) -> bool {
        self.order != Order::ByCpu
    }

    fn rows_as_table(&self, width: usize, end: Option<Row>) -> String {
        let mut rows = self.rows();
        rows.extend(end);
        let cpus = self.scenario.config.cpus;
        if self.is_ordered() {
            table::in_order(&rows, cpus, width)
        } else {
            table::side_by_side(&rows, cpus, width)
        }
    }

    fn teller(&self) -> Teller<'_> {
        Teller {
            scenario: self.scenario,
            entries: self.entries,
            names: Names::new(self.scenario),
            locks: Locks::default(),
            writes: Writes::new(self.scenario, self.entries),
            order: self.order,
            seq: None,
        }
    }

    /// The rows, without those of the initial state unless it is where the
    /// execution ended.
    fn rows(&self) -> Vec<Row> {
        let mut teller = self.teller();
        let start = self.entries.iter().position(|e| *e == Entry::Start);
        let first = start.map_or(0, |start| start + 1);
        teller.writes.skip(first);
        let mut rows = Vec::new();
        let mut left = self.statements_left();
        for (at, entry) in self.entries.iter().enumerate().skip(first) {
            let mut row = |cpu: CpuId, indent, text| rows.push(Row { cpu, indent, text });
            match entry {
                Entry::Start => {}
                Entry::Setup(number) => {
                    let text = text(&self.scenario.setup, *number);
                    row(CpuId(0), 0, format!("{text} (initial state)"));
                }
                Entry::Begin(cpu, number) => {
                    let statements = self.scenario.threads.get(cpu.0);
                    let text = statements.map_or("?", |s| text(s, *number));
                    row(*cpu, 0, text.to_owned());
                }
                Entry::End(cpu, number, result) => {
                    let statement = self.scenario.threads.get(cpu.0);
                    let reg = statement.and_then(|s| s.get(*number)?.reg.as_deref());
                    let text = match reg {
                        Some(reg) => format!("=> {reg} = {result}"),
                        None => format!("=> {result}"),
                    };
                    row(*cpu, INDENT, text);
                    if let Some(left) = left.get_mut(cpu.0) {
                        *left = left.saturating_sub(1);
                    }
                }
                Entry::Weak(weak) if weak.is_told => {}
                Entry::Weak(weak) => row(weak.cpu, INDENT, teller.weak(weak)),
                Entry::Event(event) => {
                    let cpu = event.cpu;
                    let Some(words) = teller.event(at, event) else {
                        continue;
                    };
                    // What waits for a grace period gets it when the CPU is idle.
                    if left.get(cpu.0) == Some(&0) && is_own(event) {
                        row(cpu, 0, "(has ended: its RCU callbacks run)".to_owned());
                        left[cpu.0] = usize::MAX;
                    }
                    row(cpu, INDENT, words);
                }
            }
        }
        rows
    }

    /// How many statements each CPU has to end.
    fn statements_left(&self) -> Vec<usize> {
        self.scenario.threads.iter().map(Vec::len).collect()
    }

    /// Who waits for what at the end.
    fn who_waits(&self) -> String {
        let mut teller = self.teller();
        for entry in self.entries {
            if let Entry::Event(event) = entry {
                teller.locks.step(event);
            }
        }
        let mut out = String::new();
        let waiters: Vec<_> = teller.locks.waiters().to_vec();
        for (cpu, lock) in waiters {
            let holders = teller.locks.holders(lock, cpu);
            let name = teller.names.lock(lock.0, lock.1);
            out += &match (lock.0, holders.is_empty()) {
                (LockClass::Irq, _) => format!("{cpu} waits until {name} are on.\n"),
                (_, true) => format!("{cpu} waits for {name}.\n"),
                (_, false) => format!("{cpu} waits for {name}, which {} holds.\n", cpus(&holders)),
            };
        }
        out
    }
}

/// Whether the CPU did it itself: not what another's IPI did to it.
fn is_own(event: &seqfault_core::Event) -> bool {
    use seqfault_core::{FlushReason, What};
    !matches!(
        event.what,
        What::TlbFlush {
            reason: FlushReason::Ipi(_),
            ..
        }
    )
}

fn text(statements: &[Statement], number: usize) -> &str {
    statements.get(number).map_or("?", |s| &s.text)
}

/// `text` in lines no wider than `width`.
fn fill(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > width {
            out.push('\n');
            column = 0;
        }
        if column > 0 {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += len;
    }
    out + "\n"
}
