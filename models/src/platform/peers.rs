//! CPUs that do the same, under the explorer: where they come to the point that sorts them, and what shows
//! that they are not alike (`seqfault_explorer::symmetry`).
//!
//! The points are in core: where a zap tells that it will flush, and where a CPU takes a page-table
//! lock. The first of a CPU's that it comes to counts.
//!
//! Core tells CPUs apart where one of them visits the others, in the order of their numbers: for a flush, or
//! for a grace period. Two CPUs that visit each other do the same; from any other CPU's visits they differ.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use seqfault_core::{CpuId, Event, LockClass, LockStep, What};
use seqfault_explorer::symmetry::Alike;

/// The name of the word by which a zap tells that it will flush. Linux: `inc_tlb_flush_pending()`.
pub(super) const FLUSH_PENDING: &str = "tlb_flush_pending";

/// CPUs with following numbers that do the same.
struct Group {
    cpus: Range<usize>,
    alike: Alike,
}

thread_local! {
    /// Those of the execution on this OS thread.
    static GROUPS: RefCell<Rc<[Group]>> = RefCell::new(Rc::new([]));
}

fn groups() -> Rc<[Group]> {
    GROUPS.with_borrow(Rc::clone)
}

/// In the execution that begins, the CPUs of each of these groups do the same.
pub(crate) fn begin(groups: Vec<Range<usize>>) {
    let group = |cpus: Range<usize>| Group {
        alike: Alike::new(cpus.len()),
        cpus,
    };
    GROUPS.set(groups.into_iter().map(group).collect());
}

/// The executions that this one stands for, which has ended: for each, which CPU does what the CPUs 0 to
/// `cpus` do here. The first one is this one.
pub(crate) fn names(cpus: usize) -> Vec<Vec<usize>> {
    let mut all = vec![(0..cpus).collect::<Vec<_>>()];
    for group in groups().iter() {
        let names = group.alike.names();
        let renamed = |whole: &Vec<usize>| {
            let rename = |names: &Vec<usize>| {
                let mut whole = whole.clone();
                for (cpu, name) in group.cpus.clone().zip(names) {
                    whole[cpu] = group.cpus.start + name;
                }
                whole
            };
            names.iter().map(rename).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(renamed).collect();
    }
    all
}

/// They are not alike: the search starts again.
pub(crate) fn differ() {
    if let Some(group) = groups().first() {
        group.alike.differ();
    }
}

/// `cpu` does what may be its point.
pub(super) fn at_point<R>(cpu: Option<CpuId>, point: impl FnOnce() -> R) -> R {
    wait(cpu);
    let result = point();
    come(cpu);
    result
}

fn with_group(cpu: Option<CpuId>, act: impl FnOnce(&Alike, usize)) {
    let (Some(cpu), groups) = (cpu, groups()) else {
        return;
    };
    if let Some(group) = groups.iter().find(|group| group.cpus.contains(&cpu.0)) {
        act(&group.alike, cpu.0 - group.cpus.start);
    }
}

fn wait(cpu: Option<CpuId>) {
    with_group(cpu, Alike::wait);
}

fn come(cpu: Option<CpuId>) {
    with_group(cpu, Alike::come);
}

/// A CPU does something.
pub(super) fn told(event: &Event) {
    let cpu = event.cpu;
    match event.what {
        What::Lock {
            class: LockClass::Ptl,
            step,
            ..
        } => match step {
            LockStep::Waits => wait(Some(cpu)),
            LockStep::Locked => come(Some(cpu)),
            // It may not get it, which is no point, or be the first one to have it.
            LockStep::Tries => with_group(Some(cpu), |alike, _| alike.differ()),
            _ => {}
        },
        What::Lock {
            class: LockClass::Rcu,
            step: LockStep::Waits,
            instance,
        } if instance != cpu.0 as u64 => visits(cpu),
        What::TlbGen { .. } => visits(cpu),
        _ => {}
    }
}

/// A CPU visits others.
fn visits(cpu: CpuId) {
    for group in groups().iter() {
        if group.cpus.len() > 2 || !group.cpus.contains(&cpu.0) {
            group.alike.differ();
        }
    }
}
