//! Tests of the specification: what it allows, what it forbids, and the search.

mod cost;
mod drivers;
mod faults;
mod files;
mod guard;
mod heaps;
mod lazy;
mod locks;
mod looks;
mod mapping;
mod memory;
mod private;
mod processes;
mod properties;
mod rules;
mod search;
mod sequences;
mod slice;
mod stacks;
mod swap;
mod sync;
mod truncate;
mod variants;

use std::collections::BTreeSet;

use super::{Rules, Spec, outcomes};
use seqfault_lang::litmus::ast::{Outcome, Program};
use seqfault_lang::litmus::parse;

/// A program with this initial state, these threads (`NAME: …` in a process of this name) and a
/// condition that names `finals` (so that outcomes show them).
fn program(init: &str, threads: &[&str], finals: &str) -> Program {
    let mut text = format!("MM test\n{{ {init} }}\n");
    for (cpu, thread) in threads.iter().enumerate() {
        let (process, body) = match thread.split_once(": ") {
            Some((process, body)) => (format!("in {process} "), body),
            None => (String::new(), *thread),
        };
        text.push_str(&format!("P{cpu} {process}{{ {body} }}\n"));
    }
    text.push_str(&format!("exists ({finals})\n"));
    parse("test.litmus", &text).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"))
}

/// What a test may show, each outcome as a set of items like `0:r0=1`, `A=1`, `present(A)=true`.
struct Shown {
    spec: Spec,
    items: Vec<BTreeSet<String>>,
}

impl Shown {
    fn new(spec: Spec) -> Shown {
        let items = spec.outcomes.iter().map(items).collect();
        Shown { spec, items }
    }

    /// Whether some outcome has all of `wanted`, which are separated by blanks.
    fn has(&self, wanted: &str) -> bool {
        self.items
            .iter()
            .any(|items| wanted.split_whitespace().all(|want| items.contains(want)))
    }

    /// Asserts that some outcome has all of `wanted`.
    #[track_caller]
    fn allows(&self, wanted: &str) -> &Shown {
        assert!(self.has(wanted), "{wanted} is missing in {:#?}", self.items);
        self
    }

    /// Asserts that no outcome has all of `unwanted`.
    #[track_caller]
    fn forbids(&self, unwanted: &str) -> &Shown {
        assert!(!self.has(unwanted), "{unwanted} is in {:#?}", self.items);
        self
    }

    /// Asserts the number of outcomes.
    #[track_caller]
    fn counts(&self, outcomes: usize) -> &Shown {
        assert_eq!(self.spec.outcomes.len(), outcomes, "{:#?}", self.items);
        self
    }

    /// Asserts that these are all outcomes.
    #[track_caller]
    fn only(&self, outcomes: &[&str]) {
        self.counts(outcomes.len());
        for outcome in outcomes {
            self.allows(outcome);
        }
    }
}

/// The items of an outcome.
fn items(outcome: &Outcome) -> BTreeSet<String> {
    let Outcome {
        regs, words, pages, ..
    } = outcome;
    let regs = regs
        .iter()
        .map(|((cpu, reg), value)| format!("{cpu}:{reg}={value}"));
    let words = words.iter().map(|((process, place), value)| {
        let process = process.iter().map(|name| format!("{name}:"));
        format!("{}{place}={value}", process.collect::<String>())
    });
    let pages = pages.iter().map(|((property, place), answer)| {
        format!(
            "{}({place})={answer}",
            format!("{property:?}").to_lowercase()
        )
    });
    regs.chain(words).chain(pages).collect()
}

/// What the reference specification allows `threads` to show.
#[track_caller]
fn run(init: &str, threads: &[&str], finals: &str) -> Shown {
    run_under(&Rules::default(), init, threads, finals)
}

/// What `rules` allow `threads` to show.
#[track_caller]
fn run_under(rules: &Rules, init: &str, threads: &[&str], finals: &str) -> Shown {
    let program = program(init, threads, finals);
    Shown::new(outcomes(&program, rules).unwrap_or_else(|error| panic!("{error}")))
}

/// Two mapped pages, for tests of the memory model.
const TWO: &str = "page A; page B; mmap A rw; mmap B rw;";

/// A condition that names nothing that the specification shows.
const NOTHING: &str = "count(faults) = 0";
