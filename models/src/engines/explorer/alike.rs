//! CPUs that do the same, and what an execution says of those in which they have other names.

use std::ops::Range;

use seqfault_core::{CpuId, CpuLocal, Platform, System};

use crate::litmus::ast::Outcome;
use crate::litmus::names::LIMITS;
use crate::scenario::{Scenario, Statement};

/// The CPUs that do the same and begin with the same, by groups of following numbers: what they run,
/// and what their hardware does by itself, is equal but for the names of registers.
pub(super) fn groups<P: Platform>(
    scenario: &Scenario,
    system: &System<P>,
    locals: &[CpuLocal<P>],
) -> Vec<Range<usize>> {
    // CPU 0 has taken some of what is limited.
    if LIMITS.iter().any(|&limit| scenario.chosen.contains(limit)) {
        return Vec::new();
    }
    let does = |one: &Statement, other: &Statement| {
        one.op == other.op && one.reg.is_some() == other.reg.is_some()
    };
    let alike = |&one: &usize, &other: &usize| {
        let [a, b] = [one, other].map(|cpu| &scenario.threads[cpu]);
        let speculates = scenario.config.protocol.speculation > 0;
        let speculated = |cpu: usize| scenario.speculated(CpuId(cpu));
        !a.is_empty()
            && a.len() == b.len()
            && a.iter().zip(b).all(|(one, other)| does(one, other))
            && (!speculates || speculated(one) == speculated(other))
            && system.begin_alike([&locals[one], &locals[other]])
    };
    let cpus: Vec<usize> = (0..scenario.threads.len()).collect();
    let chunks = cpus.chunk_by(alike).filter(|cpus| cpus.len() > 1);
    chunks.map(|cpus| cpus[0]..cpus[0] + cpus.len()).collect()
}

/// The outcome of the execution in which `names` do what the CPUs 0, 1, … have done in `outcome`.
pub(super) fn renamed(scenario: &Scenario, outcome: &Outcome, names: &[usize]) -> Outcome {
    let mut renamed = outcome.clone();
    renamed.regs.clear();
    for (&name, (cpu, statements)) in names.iter().zip(scenario.threads.iter().enumerate()) {
        for (own, other) in statements.iter().zip(&scenario.threads[name]) {
            let (Some(own), Some(other)) = (&own.reg, &other.reg) else {
                continue;
            };
            if let Some(value) = outcome.regs.get(&(cpu, own.clone())) {
                renamed.regs.insert((name, other.clone()), value.clone());
            }
        }
    }
    renamed
}
