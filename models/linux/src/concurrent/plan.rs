//! A test as operations on pages, and what is looked at in the end.

use std::collections::BTreeMap;

use super::homes::{Abroad, Homes};
use super::spread::Spread;
use crate::arena::TABLE_PAGES;
use crate::files::Words;
use seqfault_lang::litmus::Layout;
use seqfault_lang::litmus::ast::{Outcome, PageProperty, Place, Program, Value};
use seqfault_lang::litmus::names::MAIN;
use seqfault_lang::ops::{Answer, Numbered, Op};
use seqfault_spec::Rules;
use seqfault_spec::seq::{Machine, Specified};

/// Entries of a page table, as a power of two: what is not adjacent in a test is so far apart.
const TABLE_BITS: u32 = TABLE_PAGES.ilog2();

/// A statement of a CPU's program.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub op: Op<Numbered>,
    /// The slot of its register, among those of its CPU.
    pub slot: Option<usize>,
    /// As the file has it.
    pub text: String,
}

/// A statement of the initial state.
#[derive(Clone, Debug)]
pub(super) struct Preparation {
    pub op: Op<Numbered>,
    /// What one CPU is answered, where the specification knows.
    pub expected: Option<Answer>,
    /// As the file has it.
    pub text: String,
}

/// What becomes of a page in the end.
#[derive(Clone, Debug)]
pub(super) enum Look {
    /// What a read of it returns in the first process.
    Word(Option<String>, Place),
    /// What a read of it returned in a process that was forked: a slot of those of an instance.
    ChildWord(String, Place, usize),
    /// Whether it has a property that the host can tell.
    Property(PageProperty, Place),
}

/// A test, ready for the host.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub setup: Vec<Preparation>,
    pub programs: Vec<Vec<Statement>>,
    /// The registers of each CPU.
    pub registers: Vec<Vec<String>>,
    /// What is looked at, properties first: a read changes them.
    pub looks: Vec<(Look, usize)>,
    /// Of each process the pages that are asked for, each with the slot of its answer; none of the
    /// first.
    pub children: Vec<Vec<(usize, usize)>>,
    /// The first page of each range, where mappings grow: what is right below keeps them in their range.
    pub stopped: Vec<usize>,
    /// The pages that the setup leaves populated.
    pub populated: Vec<usize>,
    /// What the files of an instance begin with.
    pub files: Vec<Words>,
    /// Of each of them whether it is on a disk.
    pub uncached: Vec<bool>,
    /// Where the CPUs are.
    pub homes: Homes,
    /// All of an instance in as few page tables as can be.
    pub dense: Spread,
    /// Each range in a page table of its own.
    pub apart: Spread,
}

impl Plan {
    /// # Errors
    /// Why the host cannot run it, whatever the kernel.
    pub fn new(program: &Program) -> Result<Plan, String> {
        let layout = &Layout::new(program, TABLE_BITS);
        let ids = layout.ids();
        if let Some(limit) = program.limit() {
            return Err(format!("linux does not support a limit on {}", limit.key));
        }
        let homes = Homes::new(program, ids)?;
        let files = program.files();
        let mut machine =
            Machine::with_files_on(ids.len(), &files, &program.uncached(), Rules::linux());
        if program.has_stacks() {
            machine.set_ranges(&ids.ranges());
        }
        // Behind what the specification does not know it knows nothing.
        let mut is_known = true;
        let setup = program.setup.iter();
        let setup = setup.map(|stmt| {
            let op = stmt.op.numbered(ids);
            is_known &= op.is_specified();
            let expected = match op.is_asked() && !op.is_fork() {
                true if is_known => {
                    let answer = machine.apply(&op);
                    (machine.allowed().len() == 1).then_some(answer)
                }
                true => None,
                false => Some(Answer::Ok),
            };
            Preparation {
                op,
                expected,
                text: stmt.to_string(),
            }
        });
        let setup: Vec<Preparation> = setup.collect();
        // Where the specification does not know, no page is taken for populated.
        let populated =
            (0..ids.len()).filter(|page| is_known && machine.populated(*page) == Some(true));
        let populated = populated.collect();
        let mut programs = Vec::new();
        let mut registers = Vec::new();
        for (cpu, thread) in program.threads.iter().enumerate() {
            let mut names: Vec<String> = Vec::new();
            let mut statements = Vec::new();
            for stmt in &thread.body {
                let slot = stmt.reg.as_ref().map(|reg| {
                    names
                        .iter()
                        .position(|name| name == reg)
                        .unwrap_or_else(|| {
                            names.push(reg.clone());
                            names.len() - 1
                        })
                });
                let op = stmt.op.numbered(ids);
                statements.push(Statement {
                    op: homes.at_home(cpu, op).map_err(|Abroad| {
                        format!("linux does not support `{stmt}` in another process than it names")
                    })?,
                    slot,
                    text: stmt.to_string(),
                });
            }
            programs.push(statements);
            registers.push(names);
        }
        let condition = &program.condition;
        let properties = condition.pages().into_iter();
        let properties = properties.filter(|(property, _)| can_tell(*property));
        let properties = properties.map(|(property, place)| {
            let id = ids.page(&place);
            (Look::Property(property, place), id)
        });
        let mut children = vec![Vec::new(); ids.processes().len()];
        let mut slots = 0..;
        let words = condition.words().into_iter().map(|(process, place)| {
            let id = ids.page(&place);
            let look = match process {
                Some(process) if process != MAIN => {
                    let slot = slots.next().expect("there are enough numbers");
                    children[ids.process(&process)].push((slot, id));
                    Look::ChildWord(process, place, slot)
                }
                process => Look::Word(process, place),
            };
            (look, id)
        });
        let looks: Vec<(Look, usize)> = properties.chain(words).collect();
        let mut asked = looks.iter().filter_map(|(look, _)| match look {
            Look::ChildWord(process, ..) => Some(process),
            _ => None,
        });
        let is_late = |process: &&String| !ids.at_start().contains(&ids.process(process));
        if let (false, Some(process)) = (files.is_empty(), asked.find(is_late)) {
            return Err(format!(
                "linux does not support the words of process `{process}`, which a CPU forks, in a test \
                 with files"
            ));
        }
        Ok(Plan {
            setup,
            programs,
            registers,
            looks,
            children,
            stopped: match program.has_stacks() {
                true => ids.ranges().iter().map(|range| range.start).collect(),
                false => Vec::new(),
            },
            populated,
            files,
            uncached: program.uncached(),
            homes,
            dense: Spread::dense(layout),
            apart: Spread::apart(layout),
        })
    }

    /// An operation as an instance does it: on pages of its own, and on its own copy of the files.
    pub fn of_instance(&self, op: &Op<Numbered>, spread: &Spread, instance: usize) -> Op<Numbered> {
        let in_files: usize = self.files.iter().map(Vec::len).sum();
        op.moved_with_files(
            |page| spread.page(instance, page),
            |page| instance * in_files + page,
            |file| instance * self.files.len() + file,
        )
    }

    /// Whether there are mappings that grow.
    pub fn grows(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// How many threads it takes.
    pub fn cpus(&self) -> usize {
        self.programs.len()
    }

    /// Whether the processes of the initial state live until the end of a batch: what they share
    /// with others changes, or CPUs are in them.
    pub fn is_together(&self) -> bool {
        !self.files.is_empty() || self.homes.elsewhere() > 0
    }

    /// How many registers an instance has.
    pub fn register_slots(&self) -> usize {
        self.registers.iter().map(Vec::len).sum()
    }

    /// The first slot of a CPU's registers, among those of an instance.
    pub fn first_register(&self, cpu: usize) -> usize {
        self.registers[..cpu].iter().map(Vec::len).sum()
    }

    /// How many answers the children of an instance give.
    pub fn child_slots(&self) -> usize {
        self.children.iter().map(Vec::len).sum()
    }

    /// Whether a CPU's program forks.
    pub fn forks(&self) -> bool {
        let mut statements = self.programs.iter().flatten();
        statements.any(|statement| statement.op.is_fork())
    }

    /// Every operation, and as the file has it.
    pub fn ops(&self) -> impl Iterator<Item = (&Op<Numbered>, &str)> {
        let setup = self.setup.iter().map(|stmt| (&stmt.op, stmt.text.as_str()));
        let statements = self.programs.iter().flatten();
        setup.chain(statements.map(|stmt| (&stmt.op, stmt.text.as_str())))
    }

    /// The outcome that these values are: the registers of CPU 0, of CPU 1, and
    /// so on, then what was looked at.
    pub fn outcome(&self, values: Vec<Value>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut values = values.into_iter();
        for (cpu, names) in self.registers.iter().enumerate() {
            for (name, value) in names.iter().zip(values.by_ref()) {
                outcome.regs.insert((cpu, name.clone()), value);
            }
        }
        let mut pages = BTreeMap::new();
        for ((look, _), value) in self.looks.iter().zip(values) {
            match look {
                Look::Word(process, place) => {
                    let name = (process.clone(), place.clone());
                    outcome.words.insert(name, value);
                }
                Look::ChildWord(process, place, _) => {
                    let name = (Some(process.clone()), place.clone());
                    outcome.words.insert(name, value);
                }
                Look::Property(property, place) => {
                    pages.insert((*property, place.clone()), value == Value::Word(1));
                }
            }
        }
        outcome.pages = pages;
        outcome
    }
}

/// Whether the host tells a page's property. It has no way to tell of a page table entry's dirty,
/// accessed and writable bits page by page.
pub(super) fn can_tell(property: PageProperty) -> bool {
    match property {
        PageProperty::Present | PageProperty::Swapped | PageProperty::Wp | PageProperty::Mapped => {
            true
        }
        PageProperty::Dirty | PageProperty::Young | PageProperty::Writable | PageProperty::Huge => {
            false
        }
    }
}
