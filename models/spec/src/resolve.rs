//! From a syntax tree to code over page ids, or the first thing outside the slice.

use std::collections::BTreeMap;
use std::ops::Range;

use super::call::{Call, Course, Specified};
use super::code::{Code, Instr, Sharing};
use super::files::Files;
use super::heap::{Heap, reached_by};
use super::rules::Rules;
use super::stack::Stacks;
use seqfault_lang::litmus::Ids;
use seqfault_lang::litmus::ast::{Atom, PageProperty, Place, Program, Span, Stmt};
use seqfault_lang::litmus::names::MAIN;
use seqfault_lang::ops::{Backing, Family, Op, Runs, Unsupported};

/// A page that the condition names, in a process.
pub(super) type NamedWord = (Option<String>, Place);

/// A property of a page that the condition names.
pub(super) type NamedProperty = (PageProperty, Place);

/// A program over page ids.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// How many pages each process has.
    pub(super) own: usize,
    /// The ranges of a process in which mappings grow; none where none grows.
    pub(super) ranges: Vec<Range<usize>>,
    /// The range of the heap, if there is one.
    pub(super) heap: Option<Range<usize>>,
    /// How many processes there are, those that CPUs fork included.
    pub(super) processes: usize,
    /// The words of each file.
    pub(super) files: Vec<Vec<u64>>,
    /// Of each file whether it is on a disk.
    pub(super) uncached: Vec<bool>,
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
    let ids = Ids::new(program);
    let own = ids.len();
    let processes = ids.processes().len();
    let mut files = program.files();
    let uncached = program.uncached();
    let mut places = Files::new(processes * own, &files);
    if program.device_pages() > 0 {
        files.push(vec![0; program.device_pages()]);
        places = Files::with_device(processes * own, &files);
    }
    let places = places.with_uncached(&uncached);
    let ranges = match program.has_stacks() {
        true => ids.ranges(),
        false => Vec::new(),
    };
    let stacks = Stacks::new(&ranges, own, processes);
    let heap = program.heap().map(|name| {
        let first = Place {
            name: name.to_owned(),
            index: None,
        };
        let first = ids.page(&first);
        let mut ranges = ids.ranges().into_iter();
        ranges
            .find(|range| range.start == first)
            .expect("a range begins there")
    });
    let places_of_heap = heap.clone().map(|range| Heap::new(range, own));
    let mut runs = Runs::default();
    let has_files = has_files(program);
    let ask = |stmt: &Stmt, process: usize, runs: &mut Runs| {
        let asks_entries = match stmt.op {
            Op::Smaps { .. } | Op::Swapoff {} => has_files.then_some("files"),
            Op::Reclaim { .. } | Op::Pageout { .. } => {
                (program.device_pages() > 0).then_some("a device")
            }
            _ => None,
        };
        if let Some(of) = asks_entries {
            let what = format!("`{}` in a test with mappings of {of}", stmt.op);
            return Err(unsupported(what, stmt.span.clone()));
        }
        let call = call(stmt, (&ids, &places), process, runs);
        if let Ok(Op::Mremap { from, to, .. }) = &call
            && from.len() != to.len()
            && program.has_stacks()
        {
            // A mapping that has grown up to another one like it does not become one with it.
            let what = format!("`{}` in a test with mappings that grow", stmt.op);
            return Err(unsupported(what, stmt.span.clone()));
        }
        call.map_err(|what| unsupported(what, stmt.span.clone()))
    };
    let setup = program.setup.iter();
    let setup = setup.map(|stmt| ask(stmt, 0, &mut runs));
    let setup: Vec<Call> = setup.collect::<Result<_, _>>()?;
    let mut regs: Vec<(usize, String)> = Vec::new();
    let mut threads = Vec::new();
    let mut process = Vec::new();
    for (cpu, thread) in program.threads.iter().enumerate() {
        let of_cpu = ids.process(thread.process.as_deref().unwrap_or(MAIN));
        if !ids.at_start().contains(&of_cpu) {
            let what = "a CPU in a process that another CPU forks".to_owned();
            return Err(unsupported(what, program.condition.span.clone()));
        }
        process.push(of_cpu);
        let mut runs = Runs::default();
        let mut instrs = Vec::new();
        for stmt in &thread.body {
            let call = ask(stmt, of_cpu, &mut runs)?;
            let reg = stmt.reg.as_ref().map(|name| {
                let key = (cpu, name.clone());
                regs.iter()
                    .position(|slot| *slot == key)
                    .unwrap_or_else(|| {
                        regs.push(key);
                        regs.len() - 1
                    })
            });
            let instr = stacks.reached_by(Instr::new(call, reg, of_cpu, own, &places));
            instrs.push(reached_by(instr, places_of_heap.as_ref()));
        }
        threads.push(instrs);
    }
    let mut words = BTreeMap::new();
    let mut properties = BTreeMap::new();
    for (number, atom) in program.condition.atoms().into_iter().enumerate() {
        match atom {
            Atom::Word { process, place, .. } => {
                let of = ids.process(process.as_deref().unwrap_or(MAIN));
                words.insert((process.clone(), place.clone()), of * own + ids.page(place));
            }
            Atom::Page {
                property: PageProperty::Wp | PageProperty::Huge,
                ..
            } => {
                let spans = &program.condition.atom_spans;
                let span = spans.get(number).unwrap_or(&program.condition.span);
                return Err(unsupported(format!("`{atom}`"), span.clone()));
            }
            Atom::Page { property, .. } if *property != PageProperty::Mapped && has_files => {
                let spans = &program.condition.atom_spans;
                let span = spans.get(number).unwrap_or(&program.condition.span);
                let what = format!("`{atom}` in a test with mappings of files");
                return Err(unsupported(what, span.clone()));
            }
            Atom::Page { property, place } => {
                properties.insert((*property, place.clone()), ids.page(place));
            }
            Atom::Reg { .. } | Atom::Count { .. } => {}
        }
    }
    let prepared = setup
        .iter()
        .map(|call| Instr::new(call.clone(), None, 0, own, &places));
    let all = prepared.chain(threads.iter().flatten().cloned());
    let sharing = Sharing::of(all, &places, rules);
    let mut code = Code::of_processes(threads, process, &sharing, regs.len());
    code.files = places;
    code.guards |= setup
        .iter()
        .any(|call| matches!(call, Call::GuardInstall { .. }));
    code.stacks = stacks;
    code.heap = places_of_heap;
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
        own,
        ranges,
        heap,
        processes,
        files,
        uncached,
        setup,
        code,
        regs,
        words,
        properties,
    })
}

/// Whether a statement maps a file, or a device.
fn has_files(program: &Program) -> bool {
    program.ops().any(|op| {
        matches!(
            op,
            Op::Mmap {
                backing: Backing::PrivateFile(_) | Backing::SharedFile(_) | Backing::Driver,
                ..
            }
        )
    })
}

/// As many as a version's maker can be told apart.
const MAX_CPUS: usize = 64;

fn unsupported(what: String, span: Span) -> Unsupported {
    Unsupported {
        by: "spec",
        what,
        span,
    }
}

/// What a statement of a CPU in `process` asks for, which runs what `runs` says.
fn call(
    stmt: &Stmt,
    (ids, files): (&Ids, &Files),
    process: usize,
    runs: &mut Runs,
) -> Result<Call, String> {
    if !runs.can(&stmt.op) {
        let what = match stmt.op.row().family {
            Family::Access => "a user access",
            _ => "a system call",
        };
        return Err(format!(
            "{what} by a CPU that runs a kernel thread (`switch lazy`)"
        ));
    }
    let op = files.of_driver(stmt.op.numbered(ids));
    match &op {
        Op::Switch { process: to } if *to != process => {
            Err(format!("`{}` to another process", stmt.op))
        }
        op if op.rests() => Ok(Call::RcuBarrier {}),
        Op::Fork { .. } => Ok(op),
        op if op.is_asked() => Ok(op.moved(|page| process * ids.len() + page)),
        _ => Err(format!("`{}`", stmt.op)),
    }
}
