//! linux: the host's kernel, one CPU.
//!
//! What a host cannot be made to do, or does not show, is no failure and no pass: [`needs`] names
//! it, and the test is skipped.

use std::collections::BTreeMap;
use std::time::Instant;

use seqfault_core::{self as core, Access, PageRange};

use super::{Failure, Judge, Options, Report, Search};
use crate::linux::{Host, PageSeen};
use crate::litmus::ast::{Outcome, PageProperty, Place, Prot, Value};
use crate::scenario::{Scenario, Statement, Step};
use crate::spec::seq::{Call, Ret};

/// What the test needs and the host has not; `None` if it can run.
pub fn needs(scenario: &Scenario) -> Option<String> {
    let cpus = scenario.threads.len();
    if cpus > 1 {
        return Some(format!("needs {cpus} CPUs, and linux runs one yet"));
    }
    let statements = scenario.threads.iter().flatten();
    let mut calls = Vec::new();
    for statement in scenario.setup.iter().chain(statements) {
        match call(&statement.step) {
            Some(call) => calls.push(call),
            None => {
                let what = &statement.text;
                return Some(format!(
                    "needs `{what}`, which no program can ask a host for"
                ));
            }
        }
    }
    let condition = &scenario.program.condition;
    if let Some(name) = condition.counters().into_iter().next() {
        return Some(format!("needs count({name}), which linux does not count"));
    }
    for (property, place) in condition.pages() {
        if shown(property, &NOTHING).is_none() {
            let property = format!("{property:?}").to_lowercase();
            return Some(format!(
                "needs {property}({place}), which the host does not show"
            ));
        }
    }
    match Host::new(1) {
        Err(what) => Some(format!("needs {what}")),
        Ok(mut host) => {
            let lacks = calls.iter().find_map(|call| host.lacks(call));
            lacks.map(|what| format!("needs {what}"))
        }
    }
}

/// Runs the test, again and again: each outcome is judged.
pub fn run(scenario: &Scenario, options: &Options, judge: &Judge) -> Report {
    let start = Instant::now();
    let mut report = Report {
        outcomes: BTreeMap::new(),
        executions: 0,
        search: Search::Sampled,
        failure: None,
        problem: None,
        witnesses: BTreeMap::new(),
        elapsed: start.elapsed(),
        kept: Vec::new(),
    };
    let layout = &scenario.layout;
    let last = (0..layout.len()).map(|id| layout.vpn(id)).max();
    let pages = last.map_or(1, |last| last as usize + 1);
    match Host::new(pages) {
        Err(what) => report.problem = Some(format!("needs {what}")),
        Ok(mut host) => {
            for _ in 0..options.iterations {
                options.progress.began();
                report.executions += 1;
                let outcome = execution(scenario, &mut host);
                let seen = report.outcomes.entry(outcome.clone()).or_default();
                *seen += 1;
                if *seen > 1 {
                    continue;
                }
                report.failure = judge
                    .violated(scenario, &outcome)
                    .map(|(violated, message)| Failure {
                        replay: "--engine linux".to_owned(),
                        ..Failure::new(violated, message, Vec::new())
                    });
                if report.failure.is_some() {
                    break;
                }
            }
        }
    }
    report.elapsed = start.elapsed();
    report
}

/// Runs it once.
fn execution(scenario: &Scenario, host: &mut Host) -> Outcome {
    host.reset();
    let mut outcome = Outcome::default();
    for statement in &scenario.setup {
        statement_on(host, statement);
    }
    for (cpu, thread) in scenario.threads.iter().enumerate() {
        for statement in thread {
            let value = statement_on(host, statement);
            if let Some(reg) = &statement.reg {
                outcome.regs.insert((cpu, reg.clone()), value);
            }
        }
    }
    host.look();
    let seen = |place: &Place| host.page(scenario.layout.vpn(scenario.layout.id(place)) as usize);
    let condition = &scenario.program.condition;
    for (process, place) in condition.words() {
        let value = seen(&place).value.value();
        outcome.words.insert((process, place), value);
    }
    for (property, place) in condition.pages() {
        if let Some(holds) = shown(property, &seen(&place)) {
            outcome.pages.insert((property, place), holds);
        }
    }
    outcome
}

fn statement_on(host: &mut Host, statement: &Statement) -> Value {
    let call = call(&statement.step).expect("a test that needs more is skipped");
    host.apply(&call, None).value()
}

/// A property as the host shows it, if it does.
fn shown(property: PageProperty, page: &PageSeen) -> Option<bool> {
    match property {
        PageProperty::Mapped => Some(page.rights.is_some()),
        PageProperty::Present => Some(page.present && !page.swapped),
        PageProperty::Swapped => Some(page.swapped),
        PageProperty::Wp => Some(page.wp),
        PageProperty::Dirty | PageProperty::Young | PageProperty::Writable | PageProperty::Huge => {
            None
        }
    }
}

/// A page of which nothing is known.
const NOTHING: PageSeen = PageSeen {
    rights: None,
    value: Ret::Maperr,
    present: false,
    owned: false,
    swapped: false,
    wp: false,
};

/// The step as a call on the window, whose pages are numbered as the layout has them.
fn call(step: &Step) -> Option<Call> {
    let pages = |range: &PageRange| range.start.0 as usize..range.end.0 as usize;
    Some(match step {
        Step::Read(vpn) => Call::Read(vpn.0 as usize),
        Step::Write(vpn, value) => Call::Write(vpn.0 as usize, *value),
        Step::Xchg(vpn, value) => Call::Xchg(vpn.0 as usize, *value),
        Step::Exec(vpn) => Call::Exec(vpn.0 as usize),
        Step::Mmap(range, rights, flags) => Call::Mmap {
            pages: pages(range),
            prot: prot(*rights)?,
            populate: flags.populate,
            noreplace: flags.noreplace,
        },
        Step::Munmap(range) => Call::Munmap(pages(range)),
        Step::Mprotect(range, rights) => Call::Mprotect(pages(range), prot(*rights)?),
        Step::Dontneed(range) => Call::Dontneed(pages(range)),
        Step::Populate(range, Access::Write) => Call::PopulateWrite(pages(range)),
        Step::Populate(range, _) => Call::PopulateRead(pages(range)),
        Step::RcuBarrier
        | Step::SwitchLazy
        | Step::SwitchMain
        | Step::Prefetch(_)
        | Step::Evict(_) => return None,
    })
}

/// The protection as a test names it.
fn prot(rights: core::Prot) -> Option<Prot> {
    let all = [Prot::None, Prot::R, Prot::Rw, Prot::Rx, Prot::Rwx];
    all.into_iter()
        .find(|prot| crate::differential::core_prot(*prot) == rights)
}
