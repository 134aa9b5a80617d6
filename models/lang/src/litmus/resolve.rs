//! Whether the names, indices and numbers of a test fit together.
//!
//! The parser lists every name with its place ([`Mentions`]); here each use is
//! held against the definitions. A name that stands in a statement which could
//! not be read is never called unknown.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::Possible;
use super::ast::{Decl, Op, Part, Program, Span, Value};
use super::errors::Error;
use super::mentions::{Definition, DefinitionKind, Mentions, UseKind};
use super::names::{LAZY, MAIN, nearest};
use super::parse::{list, short};
use crate::ops::find_verb;
use crate::ops::{Errno, Fault};

/// Checks a test whose text was read as far as it could be. Where it was read whole,
/// page names that are values get the form that [`Layout::name`] gives them.
///
/// [`Layout::name`]: super::Layout::name
pub(super) fn resolve(program: Option<&mut Program>, mentions: &Mentions, errors: &mut Vec<Error>) {
    let mut resolver = Resolver {
        mentions,
        known: BTreeMap::new(),
        errors,
    };
    resolver.definitions();
    resolver.threads();
    resolver.registers();
    resolver.order();
    resolver.growth();
    for (name, span, kind) in &mentions.uses {
        resolver.use_of(name, span, kind);
    }
    if let Some(program) = program
        && resolver.errors.is_empty()
    {
        resolver.heap(program);
        resolver.name_values(program);
        resolver.values(program);
    }
}

struct Resolver<'a> {
    mentions: &'a Mentions,
    known: BTreeMap<&'a str, &'a Definition>,
    errors: &'a mut Vec<Error>,
}

impl<'a> Resolver<'a> {
    fn definitions(&mut self) {
        for definition in &self.mentions.definitions {
            let name = definition.name.as_str();
            let process = matches!(definition.kind, DefinitionKind::Process { .. });
            if process && (name == MAIN || name == LAZY) {
                let why = match name {
                    MAIN => "the first process has this name",
                    _ => "`switch lazy` runs a kernel thread",
                };
                let message = format!("no process can be named `{name}`");
                self.errors
                    .push(Error::new(definition.span.clone(), message).help(why));
            } else if let Some(first) = self.known.get(name) {
                let message = format!("the name `{}` is given twice", short(name));
                let note = format!("a {} has this name already", first.kind.noun());
                self.errors.push(
                    Error::new(definition.span.clone(), message).also(first.span.clone(), note),
                );
            } else {
                if is_pages(definition) && Value::from_name(name).is_some() {
                    let message = format!("no page can be named `{name}`");
                    self.errors.push(
                        Error::new(definition.span.clone(), message)
                            .help("a condition could not tell it from a result of this name"),
                    );
                }
                self.known.insert(name, definition);
            }
        }
    }

    fn threads(&mut self) {
        let mut first: BTreeMap<usize, &Span> = BTreeMap::new();
        for (cpu, span) in &self.mentions.threads {
            if let Some(earlier) = first.get(cpu) {
                let error = Error::new(span.clone(), format!("a second program for P{cpu}"));
                self.errors
                    .push(error.also((*earlier).clone(), "the first one begins here"));
            } else {
                first.insert(*cpu, span);
            }
        }
        if self.mentions.lost_thread {
            return;
        }
        for (expected, (cpu, span)) in first.into_iter().enumerate() {
            if expected != cpu {
                let message = format!("`P{cpu}` without `P{expected}`");
                self.errors.push(
                    Error::new(span.clone(), message)
                        .help("CPUs are numbered from 0 without a gap"),
                );
                return;
            }
        }
    }

    fn registers(&mut self) {
        for (_, name, span) in &self.mentions.registers {
            let what = match self.known.get(name.as_str()) {
                Some(definition) => format!("a {}", definition.kind.noun()),
                None if find_verb(name).is_some() => "a statement".to_owned(),
                None => continue,
            };
            self.errors.push(
                Error::new(
                    span.clone(),
                    format!("the register `{}` has the name of {what}", short(name)),
                )
                .help("name registers `r0`, `r1`, …"),
            );
        }
    }

    /// `after`: each range has at most one behind it, and none is behind itself.
    fn order(&mut self) {
        let mut behind: BTreeMap<&str, (&str, &Span)> = BTreeMap::new();
        let mut before: BTreeMap<&str, (&str, &Span)> = BTreeMap::new();
        for (name, span, kind) in &self.mentions.uses {
            let UseKind::After { by } = kind else {
                continue;
            };
            if let Some((other, place)) = behind.get(name.as_str()) {
                let message = format!("`{}` is not right behind `{}`", short(by), short(name));
                let note = format!("`{}` is behind it already", short(other));
                self.errors
                    .push(Error::new(span.clone(), message).also((*place).clone(), note));
            } else {
                behind.insert(name, (by, span));
                before.entry(by).or_insert((name, span));
            }
        }
        // No two ranges have the same one before or behind them, so whoever is
        // on the way to a cycle is in it.
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for (&start, (_, span)) in &before {
            let mut path = vec![start];
            let mut at = start;
            while seen.insert(at) {
                let Some((next, _)) = before.get(at) else {
                    break;
                };
                at = next;
                path.push(at);
                if at == start {
                    let message = format!("`{}` is placed behind itself", short(start));
                    let path: Vec<String> = path.iter().map(|name| short(name)).collect();
                    let help = format!("no range is first: {}", path.join(" after "));
                    self.errors
                        .push(Error::new((*span).clone(), message).help(help));
                    break;
                }
            }
        }
    }

    /// A process has one heap, in one range.
    fn heap(&mut self, program: &Program) {
        let mut breaks = program.all_stmts().filter_map(|stmt| match &stmt.op {
            Op::Brk { page } => Some((&page.name, &stmt.span)),
            _ => None,
        });
        let Some((name, span)) = breaks.next() else {
            return;
        };
        if let Some((_, other)) = breaks.find(|(other, _)| *other != name) {
            let note = format!("here the heap is in `{}`", short(name));
            self.errors.push(
                Error::new(other.clone(), "a heap in a second range").also(span.clone(), note),
            );
        }
    }

    /// A mapping grows within the pages that are declared with it: what would stop it, or be run over, is
    /// another's if ranges are adjacent.
    fn growth(&mut self) {
        let Some(grows) = &self.mentions.growsdown else {
            return;
        };
        let behind = self
            .mentions
            .uses
            .iter()
            .find_map(|(_, span, kind)| matches!(kind, UseKind::After { .. }).then_some(span));
        if let Some(behind) = behind {
            let message = "a mapping that grows in a test with a range behind another one";
            self.errors.push(
                Error::new(grows.clone(), message)
                    .also(behind.clone(), "these pages are adjacent to others")
                    .help("declare them as one range: `pages A[n]`"),
            );
        }
    }

    fn use_of(&mut self, name: &str, span: &Span, kind: &UseKind) {
        match kind {
            UseKind::RegisterValue(None) if !self.known.get(name).is_some_and(|d| is_pages(d)) => {
                self.result(name, span);
            }
            UseKind::Page(index) | UseKind::RegisterValue(index) => {
                let end = index.map_or(0, |i| i.saturating_add(1));
                self.pages(name, span, end);
            }
            UseKind::Range(part) => {
                let end = match *part {
                    Part::All => 0,
                    Part::One(i) => i.saturating_add(1),
                    Part::Slice(_, j) => j,
                };
                self.pages(name, span, end);
            }
            UseKind::After { .. } => self.pages(name, span, 0),
            UseKind::FilePage(index) => {
                let end = index.map_or(0, |i| i.saturating_add(1));
                self.file(name, span, end);
            }
            UseKind::File(end) => self.file(name, span, *end),
            UseKind::Process => self.process(name, span, false),
            UseKind::ProcessOfThread => self.process(name, span, true),
            UseKind::Register(cpu) => self.register(*cpu, name, span),
            UseKind::WordValue => {
                let mut faults = Fault::ALL.into_iter().map(Fault::name);
                if !faults.clone().any(|fault| fault == name) {
                    let message = format!("a page never reads `{}`", short(name));
                    let help = match nearest(name, faults.clone()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("a word or one of {}", list(&mut faults)),
                    };
                    self.errors
                        .push(Error::new(span.clone(), message).help(help));
                }
            }
        }
    }

    /// A range whose pages up to `end` are used.
    fn pages(&mut self, name: &str, span: &Span, end: usize) {
        match self.known.get(name).map(|d| d.kind) {
            Some(DefinitionKind::Pages(len)) => self.bounds(name, span, end, len),
            _ => self.unknown("page", name, span, is_pages),
        }
    }

    fn file(&mut self, name: &str, span: &Span, end: usize) {
        match self.known.get(name).map(|d| d.kind) {
            Some(DefinitionKind::File(len)) => self.bounds(name, span, end, len),
            _ => {
                let is_file = |d: &Definition| matches!(d.kind, DefinitionKind::File(_));
                self.unknown("file", name, span, is_file);
            }
        }
    }

    fn bounds(&mut self, name: &str, span: &Span, end: usize, len: Option<usize>) {
        let Some(len) = len.filter(|&len| end > len) else {
            return;
        };
        let pages = match len {
            1 => "one page".to_owned(),
            n => format!("{n} pages"),
        };
        let message = format!("`{}` has only {pages}", short(name));
        let declared = self.known[name].span.clone();
        self.errors
            .push(Error::new(span.clone(), message).also(declared, "declared here"));
    }

    fn process(&mut self, name: &str, span: &Span, of_thread: bool) {
        if name == MAIN {
            return;
        }
        match self.known.get(name).map(|d| d.kind) {
            Some(DefinitionKind::Process { in_setup: false }) if of_thread => {
                let message = format!("the process `{}` is made too late", short(name));
                let forked = self.known[name].span.clone();
                self.errors.push(
                    Error::new(span.clone(), message)
                        .help(format!("write `fork {name};` in the initial state"))
                        .also(forked, "forked by a CPU's program here"),
                );
            }
            Some(DefinitionKind::Process { .. }) => {}
            _ => {
                let is_process = |d: &Definition| matches!(d.kind, DefinitionKind::Process { .. });
                self.unknown("process", name, span, is_process);
            }
        }
    }

    fn unknown(&mut self, noun: &str, name: &str, span: &Span, fits: fn(&Definition) -> bool) {
        if let Some(other) = self.known.get(name) {
            let message = format!("`{}` is a {}", short(name), other.kind.noun());
            self.errors.push(
                Error::new(span.clone(), format!("{message}, not a {noun}"))
                    .also(other.span.clone(), "declared here"),
            );
            return;
        }
        if self.mentions.lost_init || self.mentions.lost.contains(name) {
            return;
        }
        let fitting = self.known.values().filter(|d| fits(d));
        let names: Vec<&str> = fitting.map(|d| d.name.as_str()).collect();
        let declare = match noun {
            "process" => "make it with `fork NAME;` in the initial state",
            "file" => "declare it with `file F[n] = {v0, …};` in the initial state",
            _ => "declare it with `page A;` or `pages A[n];` in the initial state",
        };
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => declare.to_owned(),
            None => {
                let known = list(names.iter().copied().take(16));
                format!("known here: {known}; or {declare}")
            }
        };
        let message = format!("no {noun} is named `{}`", short(name));
        self.errors
            .push(Error::new(span.clone(), message).help(help));
    }

    fn register(&mut self, cpu: usize, name: &str, span: &Span) {
        let mentions = self.mentions;
        if !mentions.threads.iter().any(|(n, _)| *n == cpu) {
            if !mentions.lost_thread {
                let message = format!("there is no CPU {cpu}");
                let help = match mentions.threads.len() {
                    1 => "this test has CPU 0 only".to_owned(),
                    n => format!("this test has CPUs 0 to {}", n.saturating_sub(1)),
                };
                self.errors
                    .push(Error::new(span.clone(), message).help(help));
            }
            return;
        }
        let registers = || mentions.registers.iter();
        let of_cpu = |cpu: usize| registers().filter(move |(n, ..)| *n == Some(cpu));
        if of_cpu(cpu).any(|(_, reg, _)| reg == name) || mentions.lost.contains(name) {
            return;
        }
        let own: BTreeSet<&str> = of_cpu(cpu).map(|(_, reg, _)| reg.as_str()).collect();
        let other = registers().find(|(_, reg, _)| reg == name);
        let help = match (self.known.get(name), other) {
            (Some(definition), _) if is_pages(definition) => {
                format!("what page `{name}` reads at the end is written `{name}=V`")
            }
            (_, Some((Some(n), ..))) => format!("did you mean `{n}:{name}`?"),
            (_, Some((None, ..))) => {
                "the initial state assigns it, but a condition sees the CPUs' registers only".into()
            }
            _ if own.is_empty() => format!("give a result to it: `{name} = read A;`"),
            _ => format!("P{cpu} assigns {}", list(own)),
        };
        let message = format!("no statement of P{cpu} assigns `{}`", short(name));
        self.errors
            .push(Error::new(span.clone(), message).help(help));
    }

    /// A name as the value of a register.
    fn result(&mut self, name: &str, span: &Span) {
        if Value::from_name(name).is_some() || self.mentions.lost.contains(name) {
            return;
        }
        let pages = self.known.values().filter(|d| is_pages(d));
        let pages: Vec<&str> = pages.map(|d| d.name.as_str()).collect();
        let common = ["ok", "maperr", "accerr", "bus", "closed"];
        let errnos = Errno::NAMES.iter().copied();
        let allowed = common.into_iter().chain(errnos).chain(pages);
        let help = match nearest(name, allowed) {
            _ if name.contains("seg") => "SIGSEGV is `maperr` or `accerr`".to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "a word, one of {}, an errno in lower case, or a page",
                list(common)
            ),
        };
        let message = format!("no statement yields `{}`", short(name));
        self.errors
            .push(Error::new(span.clone(), message).help(help));
    }

    /// What a register, a page or a counter is compared with must be possible, and say something.
    fn values(&mut self, program: &Program) {
        let possible = Possible::of(program);
        let condition = &program.condition;
        for (atom, span) in condition.atoms().into_iter().zip(&condition.atom_spans) {
            if let Some((message, help)) = possible.settled(atom) {
                self.errors
                    .push(Error::new(span.clone(), message).help(help));
            }
        }
    }

    /// Gives each page's name that is a value its one form: `A` where `A` is a
    /// single page, else `A[i]`.
    fn name_values(&self, program: &mut Program) {
        program.condition.formula.for_each_value(&mut |value| {
            let Value::Page(place) = value else { return };
            let several = matches!(
                program.decls.iter().find(|decl| decl.name() == place.name),
                Some(Decl::Pages {
                    len_pages: Some(_),
                    ..
                })
            );
            let single = self
                .known
                .get(place.name.as_str())
                .is_some_and(|d| is_pages(d))
                && !several;
            match place.index {
                None if several => place.index = Some(0),
                Some(_) if single => place.index = None,
                _ => {}
            }
        });
    }
}

fn is_pages(definition: &Definition) -> bool {
    matches!(definition.kind, DefinitionKind::Pages(_))
}
