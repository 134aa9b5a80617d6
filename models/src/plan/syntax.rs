//! A plan as the syntax tree of a litmus test.

use std::collections::BTreeSet;

use seqfault_core::Protocol;

use super::{PAGES, Plan};
use crate::differential::{FILE, Given, has_file};
use crate::litmus::ast::{
    self, Atom, BrokenBy, Choice, Condition, Decl, Formula, Item, Place, Program, Quantifier, Stmt,
    Thread, Value,
};
use crate::ops::Named;

/// The name of all pages together.
const NAME: &str = "A";

/// The name of the file.
const NAME_OF_FILE: &str = "F";

/// The name of the process that is forked.
const CHILD: &str = "c";

/// The first process.
pub const MAIN: &str = "main";

/// The name of a program that is no finding yet.
const PROGRAM: &str = "program-schedule";

/// The program of `plan`.
pub fn program(plan: &Plan) -> Program {
    let with = choices(&plan.protocol);
    let statements = |ops: &[Given], process: &str, registers: bool| {
        let statements = ops.iter().enumerate();
        let statements = statements.map(|(number, op)| Stmt {
            reg: (registers && op.has_answer()).then(|| format!("r{number}")),
            op: statement(op, process),
            span: 0..0,
        });
        statements.collect::<Vec<_>>()
    };
    let threads = plan.threads.iter().zip(&plan.in_child);
    let threads = threads.map(|(ops, in_child)| Thread {
        process: in_child.then(|| CHILD.to_owned()),
        body: statements(ops, if *in_child { CHILD } else { MAIN }, true),
    });
    Program {
        name: PROGRAM.to_owned(),
        description: None,
        comments: Vec::new(),
        with,
        decls: decls(plan),
        setup: statements(&plan.setup, MAIN, false),
        threads: threads.collect(),
        condition: condition(plan),
        broken_by: Vec::new(),
        loom_misses: None,
        needs: Vec::new(),
        notes: Vec::new(),
    }
}

/// The pages, and the file, if it is of use.
fn decls(plan: &Plan) -> Vec<Decl> {
    let pages = Decl::Pages {
        name: NAME.to_owned(),
        len_pages: Some(PAGES),
        after: None,
        span: 0..0,
    };
    let file = Decl::File {
        name: NAME_OF_FILE.to_owned(),
        len_pages: FILE.len(),
        words: FILE.to_vec(),
        uncached: false,
        span: 0..0,
    };
    let has_file = plan.rows().flatten().any(|op| has_file(op.call()));
    let files = has_file.then_some(file);
    std::iter::once(pages).chain(files).collect()
}

/// The choices that are not the usual ones.
fn choices(protocol: &Protocol) -> Vec<Choice> {
    let usual = Protocol::default();
    let choices = protocol.choices().zip(usual.choices());
    let choices = choices.enumerate().filter(|(number, (a, b))| {
        // The first choice, the preset, resets the others.
        *number == 0 && a != b || protocol != &usual && *number > 0
    });
    choices
        .map(|(_, ((key, value), _))| Choice {
            key: key.to_owned(),
            value: value.name.to_owned(),
            span: 0..0,
        })
        .collect()
}

/// True of every outcome: the pages that some operation names, in each process, as they are or not.
fn condition(plan: &Plan) -> Condition {
    let mut pages: BTreeSet<usize> = plan
        .rows()
        .flatten()
        .flat_map(|op| op.call().pages())
        .collect();
    if pages.is_empty() {
        pages.insert(0);
    }
    let processes: &[Option<&str>] = if plan.forks() {
        &[None, Some(CHILD)]
    } else {
        &[None]
    };
    let either = |process: Option<&str>, page: usize| {
        let atom = || {
            Box::new(Formula::Atom(Atom::Word {
                process: process.map(str::to_owned),
                place: place(page),
                value: Value::Word(0),
            }))
        };
        Formula::Or(atom(), Box::new(Formula::Not(atom())))
    };
    let all = processes
        .iter()
        .flat_map(|process| pages.iter().map(|page| either(*process, *page)));
    let formula = all.reduce(|all, page| Formula::And(Box::new(all), Box::new(page)));
    Condition {
        quantifier: Quantifier::Forall,
        formula: formula.expect("there is a page"),
        span: 0..0,
        atom_spans: Vec::new(),
    }
}

/// That this outcome is never seen.
pub fn never(outcome: &ast::Outcome) -> Option<Condition> {
    let registers = outcome.regs.iter().map(|((cpu, reg), value)| Atom::Reg {
        cpu: *cpu,
        reg: reg.clone(),
        value: value.clone(),
    });
    let words = outcome
        .words
        .iter()
        .map(|((process, place), value)| Atom::Word {
            process: process.clone(),
            place: place.clone(),
            value: value.clone(),
        });
    let atoms = registers.chain(words).map(Formula::Atom);
    let formula = atoms.reduce(|all, atom| Formula::And(Box::new(all), Box::new(atom)))?;
    Some(Condition {
        quantifier: Quantifier::NotExists,
        formula,
        span: 0..0,
        atom_spans: Vec::new(),
    })
}

/// A text as a description takes it, in one line.
pub fn line(text: &str) -> String {
    let text = text.replace('"', "'").replace("*)", "* )");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A `broken by` line of the plan's quirks, if it has some.
pub fn broken_by(plan: &Plan, what: String) -> Option<BrokenBy> {
    let quirks = plan.quirks.iter();
    let items: Vec<Item> = quirks
        .map(|quirk| Item::Quirk(quirk.name().to_owned(), 0..0))
        .collect();
    (!items.is_empty()).then_some(BrokenBy {
        items,
        what,
        what_span: 0..0,
        span: 0..0,
    })
}

fn place(page: usize) -> Place {
    Place {
        name: NAME.to_owned(),
        index: Some(page),
    }
}

fn statement(op: &Given, process: &str) -> ast::Op {
    let named = op.call().rename(&mut Named {
        pages: NAME,
        all: PAGES,
        file: Some(NAME_OF_FILE),
        processes: &[process, CHILD],
    });
    named.expect("there are two processes and a file")
}
