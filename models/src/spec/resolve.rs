//! From a syntax tree to code over page ids, or the first thing outside the slice.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::call::Call;
use super::code::{Code, Instr, Sharing};
use super::rules::Rules;
use crate::litmus::ast::{
    Atom, Backing, Decl, Formula, Op, PageProperty, Pages, Part, Place, Program, Span, Stmt, Thread,
};

/// Something that the specification does not cover yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// What it is, as the author wrote it or by its operation's name.
    pub what: String,
    /// Where it stands.
    pub span: Span,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the reference specification does not support {} yet",
            self.what
        )
    }
}

impl std::error::Error for Unsupported {}

/// A page that the condition names, in a process.
pub(super) type NamedWord = (Option<String>, Place);

/// A property of a page that the condition names.
pub(super) type NamedProperty = (PageProperty, Place);

/// A program over page ids.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// How many pages each process has.
    pub(super) own: usize,
    /// How many processes there are, those that CPUs fork included.
    pub(super) processes: usize,
    /// The setup's calls.
    pub(super) setup: Vec<Call>,
    /// The threads.
    pub(super) code: Code,
    /// The register of each slot.
    pub(super) regs: Vec<(usize, String)>,
    /// The words that the condition names.
    pub(super) words: Vec<(NamedWord, usize)>,
    /// The page properties that the condition names.
    pub(super) properties: Vec<(NamedProperty, usize)>,
}

/// Resolves `program`. Which pages may share memory depends on `rules`.
pub(super) fn resolve(program: &Program, rules: &Rules) -> Result<Resolved, Unsupported> {
    if let Some(limit) = program.limit() {
        let what = format!(
            "memory that runs out (`with {}={}`)",
            limit.key, limit.value
        );
        return Err(unsupported(what, limit.span.clone()));
    }
    let names = Names::new(program);
    let mut setup = Vec::new();
    let mut lazy = false;
    for stmt in &program.setup {
        setup.push(names.call(stmt, 0, &mut lazy)?);
    }
    let mut regs: Vec<(usize, String)> = Vec::new();
    let mut threads = Vec::new();
    let mut process = Vec::new();
    for (cpu, thread) in program.threads.iter().enumerate() {
        let own = names.process_of(thread)?;
        process.push(own);
        let mut lazy = false;
        let mut instrs = Vec::new();
        for stmt in &thread.body {
            let call = names.call(stmt, own, &mut lazy)?;
            let reg = stmt.reg.as_ref().map(|name| {
                let key = (cpu, name.clone());
                regs.iter()
                    .position(|slot| *slot == key)
                    .unwrap_or_else(|| {
                        regs.push(key);
                        regs.len() - 1
                    })
            });
            instrs.push(Instr::new(call, reg, own, names.pages));
        }
        threads.push(instrs);
    }
    let mut atoms = Vec::new();
    collect_atoms(&program.condition.formula, &mut atoms);
    let mut words = BTreeMap::new();
    let mut properties = BTreeMap::new();
    for atom in atoms {
        let span = &program.condition.span;
        match atom {
            Atom::Word { process, place, .. } => {
                let process_number = names.number(process.as_deref().unwrap_or(MAIN), span)?;
                let page = process_number * names.pages + names.page(place, span)?;
                words.insert((process.clone(), place.clone()), page);
            }
            Atom::Page { property, place } => {
                properties.insert((*property, place.clone()), names.page(place, span)?);
            }
            Atom::Reg { .. } | Atom::Count { .. } => {}
        }
    }
    let mut sharing = Sharing::new(names.all_pages());
    let prepared = setup
        .iter()
        .map(|call| Instr::new(call.clone(), None, 0, names.pages));
    for instr in prepared.chain(threads.iter().flatten().cloned()) {
        match instr.copied() {
            Some((from, to)) if !rules.fork_private => sharing.add(from, to),
            _ => {}
        }
    }
    let mut code = Code::of_processes(threads, process, &sharing, regs.len());
    if code.threads.len() > MAX_CPUS {
        let what = format!("more than {MAX_CPUS} CPUs");
        return Err(unsupported(what, program.condition.span.clone()));
    }
    code.watched_words.fill(false);
    code.watched_touch.fill(false);
    words
        .values()
        .for_each(|&page| code.watched_words[page] = true);
    properties
        .values()
        .for_each(|&page| code.watched_touch[page] = true);
    code.watch_what_is_shared();
    let words = words.into_iter().collect();
    let properties = properties.into_iter().collect();
    Ok(Resolved {
        own: names.pages,
        processes: names.processes.len(),
        setup,
        code,
        regs,
        words,
        properties,
    })
}

/// The first process.
const MAIN: &str = "main";

/// As many as a version's maker can be told apart.
const MAX_CPUS: usize = 64;

fn unsupported(what: String, span: Span) -> Unsupported {
    Unsupported { what, span }
}

fn collect_atoms<'a>(formula: &'a Formula, atoms: &mut Vec<&'a Atom>) {
    match formula {
        Formula::Atom(atom) => atoms.push(atom),
        Formula::Not(inner) => collect_atoms(inner, atoms),
        Formula::And(left, right) | Formula::Or(left, right) => {
            collect_atoms(left, atoms);
            collect_atoms(right, atoms);
        }
    }
}

/// The declared ranges, and the processes.
struct Names<'a> {
    /// The page ids of each range.
    ranges: BTreeMap<String, Range<usize>>,
    /// How many pages a process has.
    pages: usize,
    /// The first process, those that the initial state forks, and those that CPUs fork.
    processes: Vec<&'a str>,
    /// How many of them there are when the threads start.
    at_start: usize,
}

impl<'a> Names<'a> {
    /// Numbers the pages in the order of their declaration. A range of pages
    /// never leaves its name, so `after` changes nothing here.
    fn new(program: &'a Program) -> Names<'a> {
        let mut names = Names {
            ranges: BTreeMap::new(),
            pages: 0,
            processes: std::iter::once(MAIN).chain(program.forked()).collect(),
            at_start: 1 + program
                .setup
                .iter()
                .filter(|stmt| is_fork(&stmt.op))
                .count(),
        };
        for decl in &program.decls {
            if let Decl::Pages {
                name, len_pages, ..
            } = decl
            {
                let first = names.pages;
                names.pages += len_pages.unwrap_or(1);
                names.ranges.insert(name.clone(), first..names.pages);
            }
        }
        names
    }

    /// How many pages there are in all processes.
    fn all_pages(&self) -> usize {
        self.processes.len() * self.pages
    }

    /// The number of a process that a CPU can be in.
    fn process_of(&self, thread: &Thread) -> Result<usize, Unsupported> {
        let name = thread.process.as_deref().unwrap_or(MAIN);
        let mut there = self.processes[..self.at_start].iter();
        there.position(|there| *there == name).ok_or_else(|| {
            let span = thread.body.first().map_or(0..0, |stmt| stmt.span.clone());
            unsupported(format!("a thread in process `{name}`"), span)
        })
    }

    /// The number of a process.
    fn number(&self, process: &str, span: &Span) -> Result<usize, Unsupported> {
        let number = self.processes.iter().position(|there| *there == process);
        number.ok_or_else(|| unsupported(format!("process `{process}`"), span.clone()))
    }

    fn range(&self, name: &str, span: &Span) -> Result<Range<usize>, Unsupported> {
        let range = self.ranges.get(name).cloned();
        range.ok_or_else(|| unsupported(format!("`{name}`, which is no page,"), span.clone()))
    }

    fn page(&self, place: &Place, span: &Span) -> Result<usize, Unsupported> {
        let range = self.range(&place.name, span)?;
        let page = range.start + place.index.unwrap_or(0);
        if page < range.end {
            Ok(page)
        } else {
            Err(unsupported(
                format!("`{place}`, which is out of range,"),
                span.clone(),
            ))
        }
    }

    fn pages(&self, pages: &Pages, span: &Span) -> Result<Range<usize>, Unsupported> {
        let range = self.range(&pages.name, span)?;
        let (from, to) = match pages.part {
            Part::All => (0, range.len()),
            Part::One(index) => (index, index + 1),
            Part::Slice(from, to) => (from, to),
        };
        if from <= to && to <= range.len() {
            Ok(range.start + from..range.start + to)
        } else {
            let what = format!("`{}[{from}..{to}]`, which is out of range,", pages.name);
            Err(unsupported(what, span.clone()))
        }
    }

    /// What a statement of a CPU in `process` asks for.
    fn call(&self, stmt: &Stmt, process: usize, lazy: &mut bool) -> Result<Call, Unsupported> {
        let span = &stmt.span;
        let before = process * self.pages;
        let page = |place: &Place| self.page(place, span);
        let known = match &stmt.op {
            Op::Fork { process: child } => {
                let process = self.number(child, span)?;
                return Ok(Call::Fork { process });
            }
            op => Call::of(op, page, |pages| self.pages(pages, span))?,
        };
        let call = known.map_or(Call::RcuBarrier {}, |call| call.moved(|page| before + page));
        match &stmt.op {
            _ if call != Call::RcuBarrier {} => {}
            Op::SwitchLazy {} => *lazy = true,
            Op::Switch { process: name } if name == self.processes[process] => *lazy = false,
            Op::RcuBarrier {} => {}
            Op::Prefetch { page: place } | Op::Evict { page: place } => {
                page(place)?;
            }
            op => return Err(unsupported(format!("`{}`", name(op)), span.clone())),
        }
        if *lazy && call.kind().is_some() {
            let what = "a user access by a CPU that runs a kernel thread (`switch lazy`)";
            return Err(unsupported(what.to_owned(), span.clone()));
        }
        Ok(call)
    }
}

fn is_fork(op: &Op) -> bool {
    matches!(op, Op::Fork { .. })
}

/// The name of an operation outside the slice.
fn name(op: &Op) -> String {
    match op {
        Op::Mmap { backing, .. } => match backing {
            Backing::Anon => "mmap".to_owned(),
            Backing::PrivateFile(_) => "mmap private".to_owned(),
            Backing::SharedFile(_) => "mmap shared".to_owned(),
            Backing::Driver => "mmap driver".to_owned(),
        },
        Op::Switch { .. } => "switch to another process".to_owned(),
        op => {
            let keywords = op.row().slots.iter().filter_map(|slot| slot.keyword());
            Vec::from_iter([op.verb()].into_iter().chain(keywords)).join(" ")
        }
    }
}
