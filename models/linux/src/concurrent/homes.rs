//! The processes that CPUs are in.

use seqfault_lang::litmus::Ids;
use seqfault_lang::litmus::ast::Program;
use seqfault_lang::litmus::names::MAIN;
use seqfault_lang::ops::{Numbered, Op};

/// The process of each CPU.
#[derive(Clone, Debug)]
pub(super) struct Homes(Vec<usize>);

/// The CPU is in another process than the one that is named.
#[derive(Debug)]
pub(super) struct Abroad;

impl Homes {
    /// # Errors
    /// Why the host cannot run it: a process that was forked has one thread, and the first one does what is
    /// done for all.
    pub fn new(program: &Program, ids: &Ids) -> Result<Homes, String> {
        let name = |cpu: usize| program.threads[cpu].process.as_deref().unwrap_or(MAIN);
        let homes: Vec<usize> = (0..program.cpus())
            .map(|cpu| ids.process(name(cpu)))
            .collect();
        if !homes.contains(&0) {
            return Err(format!(
                "linux does not support a test without a CPU in process `{MAIN}`"
            ));
        }
        let crowded =
            (0..homes.len()).find(|&cpu| homes[cpu] != 0 && homes[..cpu].contains(&homes[cpu]));
        match crowded {
            None => Ok(Homes(homes)),
            Some(cpu) => Err(format!(
                "linux does not support two CPUs in process `{}`",
                name(cpu)
            )),
        }
    }

    /// The first CPU of the first process: its thread does what is done for all.
    pub fn leader(&self) -> usize {
        let leader = self.0.iter().position(|process| *process == 0);
        leader.expect("`new` has looked")
    }

    /// The other CPUs of the first process.
    pub fn followers(&self) -> impl Iterator<Item = usize> + use<> {
        let leader = self.leader();
        let homes = self.0.clone();
        (0..homes.len()).filter(move |&cpu| homes[cpu] == 0 && cpu != leader)
    }

    /// How many CPUs are in processes that were forked.
    pub fn elsewhere(&self) -> usize {
        self.0.iter().filter(|process| **process != 0).count()
    }

    /// Whether the CPU is in the first process.
    pub fn is_in_main(&self, cpu: usize) -> bool {
        self.0[cpu] == 0
    }

    /// The CPU of a process that was forked, if it has one.
    pub fn cpu(&self, process: usize) -> Option<usize> {
        self.0.iter().position(|home| *home == process)
    }

    /// An operation of a CPU, as the host has it: a switch is to the CPU's own process, which is 0.
    pub fn at_home(&self, cpu: usize, op: Op<Numbered>) -> Result<Op<Numbered>, Abroad> {
        match op {
            Op::Switch { process } if process == self.0[cpu] => Ok(Op::Switch { process: 0 }),
            Op::Switch { .. } if !self.is_in_main(cpu) => Err(Abroad),
            op => Ok(op),
        }
    }
}
