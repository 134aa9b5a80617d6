//! A test as calls on pages, and what is looked at in the end.

use std::collections::BTreeMap;

use super::spread::Spread;
use crate::litmus::Layout;
use crate::litmus::ast::{Op, Outcome, PageProperty, Place, Stmt, Value};
use crate::scenario::Scenario;
use crate::spec::Rules;
use crate::spec::seq::{Call, Machine, Ret};

/// The first process.
const MAIN: &str = "main";

/// What a statement does on the host. Pages are by their ids.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// An access or a system call.
    Call(Call),
    /// Makes the process with this number.
    Fork(usize),
    /// A prefetch instruction.
    Prefetch(usize),
    /// The CPU runs somebody else for a moment.
    Sleep,
    /// Nothing.
    Nothing,
}

/// A statement of a CPU's program.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub act: Act,
    /// The slot of its register, among those of its CPU.
    pub slot: Option<usize>,
    /// As the file has it.
    pub text: String,
}

/// A statement of the initial state.
#[derive(Clone, Debug)]
pub(super) struct Preparation {
    pub act: Act,
    /// What one CPU is answered.
    pub expected: Ret,
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
    /// Of each process that is forked the pages that are asked for, each with the slot of its
    /// answer.
    pub children: Vec<Vec<(usize, usize)>>,
    /// The pages that the setup leaves populated.
    pub populated: Vec<usize>,
    /// All of an instance in as few page tables as can be.
    pub dense: Spread,
    /// Each range in a page table of its own.
    pub apart: Spread,
}

impl Plan {
    /// # Errors
    /// What the host lacks, after `needs`.
    pub fn new(scenario: &Scenario) -> Result<Plan, String> {
        let (program, layout) = (&scenario.program, &scenario.layout);
        if let Some(limit) = program.limit() {
            return Err(format!("a limit on {} on the host", limit.key));
        }
        let elsewhere = program
            .threads
            .iter()
            .find_map(|thread| thread.process.as_deref());
        if let Some(process) = elsewhere.filter(|process| *process != MAIN) {
            return Err(format!("a CPU in process `{process}` on the host"));
        }
        let names: Vec<&str> = program.forked().collect();
        let act = |layout: &Layout, stmt: &Stmt| act(layout, &names, stmt);
        let mut machine = Machine::with_rules(layout.len(), Rules::linux());
        let mut setup = Vec::new();
        for stmt in &program.setup {
            let act = act(layout, stmt)?;
            let expected = match &act {
                Act::Call(call) => machine.apply(call),
                _ => Ret::Ok,
            };
            setup.push(Preparation {
                act,
                expected,
                text: stmt.to_string(),
            });
        }
        let mut programs = Vec::new();
        let mut registers = Vec::new();
        for thread in &program.threads {
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
                statements.push(Statement {
                    act: act(layout, stmt)?,
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
            let id = layout.id(&place);
            (Look::Property(property, place), id)
        });
        let mut children = vec![Vec::new(); names.len()];
        let mut slots = 0..;
        let words = condition.words().into_iter().map(|(process, place)| {
            let id = layout.id(&place);
            let child = process.as_ref().and_then(|process| {
                let child = names.iter().position(|name| name == process)?;
                Some((child, process.clone()))
            });
            let look = match child {
                Some((child, process)) => {
                    let slot = slots.next().expect("there are enough numbers");
                    children[child].push((slot, id));
                    Look::ChildWord(process, place, slot)
                }
                None => Look::Word(process, place),
            };
            (look, id)
        });
        let looks = properties.chain(words).collect();
        Ok(Plan {
            setup,
            programs,
            registers,
            looks,
            children,
            populated: (0..layout.len())
                .filter(|page| machine.populated(*page) == Some(true))
                .collect(),
            dense: Spread::dense(layout),
            apart: Spread::apart(layout),
        })
    }

    /// How many threads it takes.
    pub fn cpus(&self) -> usize {
        self.programs.len()
    }

    /// How many answers the children of an instance give.
    pub fn child_slots(&self) -> usize {
        self.children.iter().map(Vec::len).sum()
    }

    /// Whether a CPU's program forks.
    pub fn forks(&self) -> bool {
        let mut statements = self.programs.iter().flatten();
        statements.any(|statement| matches!(statement.act, Act::Fork(_)))
    }

    /// Every call.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        let setup = self.setup.iter().map(|preparation| &preparation.act);
        let statements = self.programs.iter().flatten();
        let acts = setup.chain(statements.map(|statement| &statement.act));
        acts.filter_map(|act| match act {
            Act::Call(call) => Some(call),
            Act::Fork(_) | Act::Prefetch(_) | Act::Sleep | Act::Nothing => None,
        })
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

/// What a statement does on the host, where these processes are forked.
fn act(layout: &Layout, children: &[&str], stmt: &Stmt) -> Result<Act, String> {
    let page = |place: &Place| Ok(layout.id(place));
    if let Some(call) = Call::of(&stmt.op, page, |pages| Ok::<_, String>(layout.ids(pages)))? {
        return Ok(Act::Call(call));
    }
    match &stmt.op {
        Op::Prefetch { page } => Ok(Act::Prefetch(layout.id(page))),
        Op::Fork { process: name } => {
            let child = children.iter().position(|child| child == name);
            Ok(Act::Fork(
                child.expect("every process that is forked is listed"),
            ))
        }
        Op::Switch { process } if process == MAIN => Ok(Act::Sleep),
        Op::SwitchLazy {} | Op::RcuBarrier {} | Op::Evict { .. } => Ok(Act::Nothing),
        other => Err(format!("`{other}` on the host")),
    }
}
