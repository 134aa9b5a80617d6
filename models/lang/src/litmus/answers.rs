//! What a statement can answer, and what a page can read in the end.
//!
//! A condition that compares with anything else says nothing: it is an error in the file. What
//! is told here depends on the [answers](Answers) of a statement's operation and on the words that
//! the test has, not on what happens: a value that is possible by this may still never show.

use std::collections::BTreeSet;

use super::Ids;
use super::ast::{Atom, Decl, Op, Program, Relation, Value};
use super::parse::list;
use crate::ops::{Answers, Failure, Fault};

/// What the statements of one test can answer.
pub(super) struct Possible<'p> {
    program: &'p Program,
    /// Every word that a page may come to hold.
    words: BTreeSet<u64>,
    has_files: bool,
}

impl<'p> Possible<'p> {
    /// Of `program`.
    pub fn of(program: &'p Program) -> Possible<'p> {
        // Memory that nobody has written reads 0.
        let mut words = BTreeSet::from([0]);
        words.extend(program.ops().filter_map(Op::word));
        let files = program.decls.iter().filter_map(|decl| match decl {
            Decl::File { words, .. } => Some(words),
            Decl::Pages { .. } => None,
        });
        words.extend(files.clone().flatten());
        Possible {
            program,
            words,
            has_files: files.count() > 0 || program.device_pages() > 0,
        }
    }

    /// Why `atom` is false, or true, whatever happens, and what would not be.
    pub fn settled(&self, atom: &Atom) -> Option<(String, String)> {
        match atom {
            Atom::Reg { cpu, reg, value } => {
                let body = &self.program.threads.get(*cpu)?.body;
                let mut assign = body.iter().filter(|s| s.reg.as_ref() == Some(reg));
                // What the earlier ones answer is not there any more in the end.
                let op = &assign.next_back()?.op;
                if self.may_answer(op, value) {
                    return None;
                }
                let last = match assign.next() {
                    None => String::new(),
                    Some(_) => format!(", which assigns `{reg}` last,"),
                };
                let message = format!("`{op}`{last} never answers `{value}`");
                Some((message, self.told(op)))
            }
            Atom::Count {
                counter,
                relation,
                bound,
            } => {
                let always = match (relation, *bound) {
                    (Relation::Lt, 0) | (Relation::Gt, u64::MAX) => "never",
                    (Relation::Ge, 0) | (Relation::Le, u64::MAX) => "always",
                    _ => return None,
                };
                let message = format!("`{counter}` is {always} {relation} {bound}");
                let help =
                    "a counter is a number from 0; compare it with one that it may have or not";
                Some((message, help.to_owned()))
            }
            Atom::Word { value, .. } if !self.may_read(value) => {
                let message = format!("a page never reads `{value}` in this test");
                Some((message, format!("it reads {}", self.told_words())))
            }
            _ => None,
        }
    }

    fn may_answer(&self, op: &Op, value: &Value) -> bool {
        match (op.answers(), value) {
            (Answers::Unknown, _) => true,
            (Answers::Word, value) => self.may_read(value),
            (Answers::Access | Answers::Call(_), Value::Ok) => true,
            (Answers::Access, Value::Fault(fault)) => self.may_fault(*fault),
            (Answers::Count(_), Value::Word(count)) => *count <= self.pages(op),
            (Answers::Call(failures) | Answers::Count(failures), Value::Errno(errno)) => {
                self.errnos(op, failures).any(|name| name == errno.name())
            }
            (Answers::Access | Answers::Call(_) | Answers::Count(_), _) => false,
        }
    }

    /// How many pages `op` is about.
    fn pages(&self, op: &Op) -> u64 {
        op.numbered(&Ids::new(self.program)).pages().count() as u64
    }

    /// The names of those of `failures` that `op` may answer in this test.
    fn errnos(&self, op: &Op, failures: &'static [Failure]) -> impl Iterator<Item = &'static str> {
        let failures = failures.iter();
        let possible = failures.filter(|failure| failure.is_of(op, self.has_files));
        possible.map(|failure| failure.errno.name())
    }

    fn may_read(&self, value: &Value) -> bool {
        match value {
            Value::Word(word) => self.words.contains(word),
            Value::Fault(fault) => self.may_fault(*fault),
            _ => false,
        }
    }

    /// Only a page of a file may lie behind its end, and only memory with a limit runs out.
    fn may_fault(&self, fault: Fault) -> bool {
        self.faults().any(|name| name == fault.name())
    }

    fn faults(&self) -> impl Iterator<Item = &'static str> {
        let may_lack = self.has_files || self.program.limit().is_some();
        let all = Fault::ALL.into_iter();
        let possible = all.filter(move |fault| may_lack || *fault != Fault::Bus);
        possible.map(Fault::name)
    }

    /// What `op` can answer, in words.
    fn told(&self, op: &Op) -> String {
        let all = match op.answers() {
            Answers::Unknown => return format!("`{op}` answers anything"),
            Answers::Word => self.told_words(),
            Answers::Access => list(["ok"].into_iter().chain(self.faults())),
            Answers::Call(errnos) => list(["ok"].into_iter().chain(self.errnos(op, errnos))),
            Answers::Count(errnos) => {
                let errnos = list(self.errnos(op, errnos));
                format!("a number up to {}, {errnos}", self.pages(op))
            }
        };
        format!("`{op}` answers {all}")
    }

    fn told_words(&self) -> String {
        /// More words than these are not listed.
        const LISTED: usize = 8;
        let faults = list(self.faults());
        if self.words.len() > LISTED {
            return format!("a word that some statement stores, {faults}");
        }
        let words: Vec<String> = self.words.iter().map(ToString::to_string).collect();
        format!("{}, {faults}", list(words.iter().map(String::as_str)))
    }
}
