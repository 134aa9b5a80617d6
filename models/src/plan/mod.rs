//! Random concurrent programs: a [`Plan`] is a program over a window of pages, which bytes, a test
//! or a number stand for.
//!
//! ```text
//! bytes (fuzzing) --decode--> +------+ --program--> litmus test --> any engine
//! a proof ------------of----> | Plan | --smaller--> plans that are one step smaller
//! seed, number ------random-> +------+ --encode---> bytes
//! ```
//!
//! # Bytes
//! ```text
//! byte 0      how many CPUs: 2 to 4; and which of them run the child, if the setup forks one
//! bytes 1..7  the protocol
//! byte 7      how many records
//! then        records; the low three bits of a record's last byte say whose: 0 is the setup
//! then        the schedule, as `engines::driven` takes it
//! ```
//! Every string of bytes is a plan. An operation that a CPU cannot do there, or
//! that is one too many, is left out: a second fork is.

pub mod choices;
mod random;
pub mod record;
mod smaller;
pub mod syntax;

use seqfault_core::{Protocol, Quirks};

use self::record::{RECORD, WHOSE, Window, op, record, whose};
use crate::differential::{FILE, Given};
use crate::litmus::ast::{self, Part, Place, Program};
use crate::ops::{Backing, Numbers, Runs};
use crate::scenario::{Deviations, Scenario};
use crate::spec::seq::Call;

/// Pages of a program: two page tables of four entries have them.
pub const PAGES: usize = 6;
/// The pages: the first one most often, and then those at the tables' border.
pub const WINDOW: Window = Window {
    pages: PAGES,
    more: &[0, 0, 0, 3, 4, 0, 0, 1, 0, 0],
};
/// Most CPUs.
pub const MAX_CPUS: usize = 4;
const CPU_COUNTS: usize = MAX_CPUS - 1;
/// Most operations of a CPU, and of the setup.
pub const MAX_OPS: usize = 4;
/// Bytes before the records.
pub const HEADER: usize = 2 + choices::BYTES;
/// Most records.
pub const MAX_RECORDS: usize = (MAX_CPUS + 1) * MAX_OPS;

/// A program, as operations, and its schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The choices.
    pub protocol: Protocol,
    /// The quirks: none, unless a finding is wanted.
    pub quirks: Quirks,
    /// What one CPU does first.
    pub setup: Vec<Given>,
    /// What each CPU does.
    pub threads: Vec<Vec<Given>>,
    /// Which CPUs run the child that the setup forks; none if it forks none.
    pub in_child: Vec<bool>,
    /// The choices between CPUs.
    pub schedule: Vec<u8>,
}

impl Plan {
    /// The plan that `data` stands for, without quirks.
    pub fn decode(data: &[u8]) -> Plan {
        let mut header = [0; HEADER];
        for (to, from) in header.iter_mut().zip(data) {
            *to = *from;
        }
        let [shape, chosen @ .., count] = header;
        let cpus = rows(shape) - 1;
        let (records, _) = data.get(HEADER..).unwrap_or_default().as_chunks::<RECORD>();
        let count = (usize::from(count) % (MAX_RECORDS + 1)).min(records.len());
        let mut rows = vec![Vec::new(); cpus + 1];
        for record in &records[..count] {
            rows[whose(record, cpus + 1)].push(op(*record, WINDOW));
        }
        let mut forks = false;
        let rows = rows.into_iter().map(|row| possible(row, &mut forks));
        let mut rows: Vec<_> = rows.collect();
        without_smaps_of_files(&mut rows);
        let mut rows = rows.into_iter();
        let setup = rows.next().unwrap_or_default();
        let threads = rows.collect();
        let children = usize::from(shape) / CPU_COUNTS;
        let is_child = |cpu| setup.contains(&Given::FORK) && children >> cpu & 1 != 0;
        Plan {
            protocol: choices::decode(chosen),
            quirks: Quirks::NONE,
            in_child: (0..cpus).map(is_child).collect(),
            setup,
            threads,
            schedule: data
                .get(HEADER + count * RECORD..)
                .unwrap_or_default()
                .to_vec(),
        }
    }

    /// Bytes that stand for it, quirks aside; `None` if none do.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let fits = (2..=MAX_CPUS).contains(&self.threads.len())
            && self.rows().all(|row| row.len() <= MAX_OPS);
        if !fits {
            return None;
        }
        let children = self.in_child.iter().enumerate();
        let children: usize = children
            .map(|(cpu, child)| usize::from(*child) << cpu)
            .sum();
        let mut bytes = vec![(self.threads.len() - 2 + children * CPU_COUNTS) as u8];
        bytes.extend(choices::encode(&self.protocol));
        bytes.push(self.len() as u8);
        for (cpu, row) in self.rows().enumerate() {
            for op in row {
                let mut record = record(op)?;
                record[WHOSE] = cpu as u8;
                bytes.extend(record);
            }
        }
        bytes.extend(&self.schedule);
        Some(bytes)
    }

    /// The operations of the setup, then of each CPU.
    pub fn rows(&self) -> impl Iterator<Item = &Vec<Given>> {
        std::iter::once(&self.setup).chain(&self.threads)
    }

    /// Whether it makes a second process.
    pub fn forks(&self) -> bool {
        self.rows().flatten().any(|op| *op == Given::FORK)
    }

    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.rows().map(Vec::len).sum()
    }

    /// Whether no CPU does anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The program: its condition names every page that an operation names, so
    /// that outcomes show them.
    pub fn program(&self) -> Program {
        syntax::program(self)
    }

    /// The program, ready to run.
    ///
    /// # Panics
    /// If it cannot run: decoding gives none that cannot.
    pub fn scenario(&self) -> Scenario {
        let deviations = Deviations {
            choices: Vec::new(),
            quirks: self.quirks.iter().collect(),
        };
        let scenario = Scenario::new(&self.program(), &deviations);
        scenario.unwrap_or_else(|refusal| panic!("{refusal}\n{}", self.program()))
    }

    /// The plan of a test, if its pages and operations have records.
    pub fn of(program: &Program) -> Option<Plan> {
        let mut protocol = Protocol::default();
        let mut with: Vec<_> = program.with.iter().collect();
        with.sort_by_key(|choice| choice.key != "protocol");
        for choice in with {
            protocol.choose(&choice.key, &choice.value).ok()?;
        }
        let pages = Pages::of(program)?;
        let ops = |body: &[ast::Stmt], process: Option<&str>| -> Option<Vec<Given>> {
            let process = process.unwrap_or(syntax::MAIN);
            let ops = body.iter().map(|stmt| pages.op(&stmt.op, process));
            ops.collect()
        };
        let threads = program.threads.iter();
        let threads = threads.map(|t| ops(&t.body, t.process.as_deref()));
        let in_child = program.threads.iter().map(|t| t.process.is_some());
        let plan = Plan {
            protocol,
            quirks: Quirks::NONE,
            setup: ops(&program.setup, None)?,
            threads: threads.collect::<Option<_>>()?,
            in_child: in_child.collect(),
            schedule: Vec::new(),
        };
        let data = plan.encode()?;
        (Plan::decode(&data) == plan).then_some(plan)
    }
}

/// How many of them have operations, by the first byte: the setup, and each CPU.
pub fn rows(shape: u8) -> usize {
    3 + usize::from(shape) % CPU_COUNTS
}

/// The operations that a CPU can do one after the other, and that are of use, where `forked` tells
/// whether there is a child already.
fn possible(mut ops: Vec<Given>, forked: &mut bool) -> Vec<Given> {
    let mut runs = Runs::default();
    ops.retain(|op| runs.has_use_for(op.call()));
    ops.truncate(MAX_OPS);
    ops.retain(|op| *op != Given::FORK || !std::mem::replace(forked, true));
    ops
}

/// Leaves `smaps` out where a file is mapped: what it counts of files, the specification does not tell.
fn without_smaps_of_files(rows: &mut [Vec<Given>]) {
    let maps_file =
        |op: &Given| matches!(op.call(), Call::Mmap { backing, .. } if *backing != Backing::Anon);
    if rows.iter().flatten().any(maps_file) {
        for row in rows {
            row.retain(|op| !matches!(op.call(), Call::Smaps { .. }));
        }
    }
}

/// Where the pages of a test lie in the window: ranges one after the other, or,
/// if they are not adjacent, in page tables of their own.
struct Pages {
    starts: Vec<(String, usize, usize)>,
    /// The file, if the test has one.
    file: Option<String>,
}

impl Pages {
    fn of(program: &Program) -> Option<Pages> {
        let mut starts: Vec<(String, usize, usize)> = Vec::new();
        let (mut next, mut file) = (0, None);
        for decl in &program.decls {
            let (name, len_pages, after) = match decl {
                ast::Decl::Pages {
                    name,
                    len_pages,
                    after,
                    ..
                } => (name, len_pages, after),
                // Whatever its words are, those of plans are others.
                ast::Decl::File {
                    name, len_pages, ..
                } if file.is_none() && *len_pages <= FILE.len() => {
                    file = Some(name.clone());
                    continue;
                }
                ast::Decl::File { .. } => return None,
            };
            let len = len_pages.unwrap_or(1);
            let start = match after {
                Some(before) => {
                    let (_, start, len) = starts.iter().find(|(n, ..)| n == before)?;
                    start + len
                }
                // Small tables have four entries.
                None if next > 0 && next < 4 => 4,
                None => next,
            };
            next = start + len;
            starts.push((name.clone(), start, len));
        }
        (next <= PAGES).then_some(Pages { starts, file })
    }

    fn page(&self, place: &Place) -> Option<usize> {
        let (_, start, _) = self.starts.iter().find(|(name, ..)| *name == place.name)?;
        Some(start + place.index.unwrap_or(0))
    }

    fn range(&self, pages: &ast::Pages) -> Option<std::ops::Range<usize>> {
        let (_, start, len) = self.starts.iter().find(|(name, ..)| *name == pages.name)?;
        Some(match pages.part {
            Part::All => *start..start + len,
            Part::One(index) => start + index..start + index + 1,
            Part::Slice(from, to) => start + from..start + to,
        })
    }

    fn op(&self, op: &ast::Op, own: &str) -> Option<Given> {
        let call = op.rename(&mut Numbers {
            page: |place: &Place| self.page(place).ok_or(()),
            pages: |pages: &ast::Pages| self.range(pages).ok_or(()),
            process: |process: &str| Ok(usize::from(process != own)),
            file: |file: &str| (self.file.as_deref() == Some(file)).then_some(0).ok_or(()),
        });
        let op = Given::Call(call.ok()?);
        record(&op).is_some().then_some(op)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::parse;
    use crate::random::Random;

    /// Random bytes, short and long.
    fn inputs() -> impl Iterator<Item = Vec<u8>> {
        let mut random = Random::new(1);
        (0..3000).map(move |_| {
            let len = random.within(0..100);
            (0..len).map(|_| random.number() as u8).collect()
        })
    }

    #[test]
    fn every_byte_string_is_a_test_that_reads_as_itself() {
        for data in inputs() {
            let plan = Plan::decode(&data);
            let text = plan.program().to_string();
            let program = parse("plan.litmus", &text)
                .unwrap_or_else(|errors| panic!("{text}\n{}", errors.render(false)));
            assert_eq!(program.without_spans(), plan.program(), "{text}");
            plan.scenario();
        }
    }

    /// Its hardware walks page tables still, while its program does not run.
    #[test]
    fn a_lazy_cpu_keeps_what_it_can_do() {
        let prefetch = Given::Call(Call::Prefetch { page: 0 });
        let read = Given::Call(Call::Read { page: 0 });
        let ops = vec![
            Given::SWITCH_MAIN,
            Given::SWITCH_LAZY,
            read,
            prefetch.clone(),
            Given::SWITCH_LAZY,
        ];
        assert_eq!(possible(ops, &mut false), [Given::SWITCH_LAZY, prefetch]);
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for data in inputs() {
            let plan = Plan::decode(&data);
            let bytes = plan.encode().expect("it came from bytes");
            assert_eq!(Plan::decode(&bytes), plan);
            let of = Plan::of(&plan.program()).expect("it has records");
            assert_eq!(of.program(), plan.program());
        }
    }
}
