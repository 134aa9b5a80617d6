//! Random plans, each determined by a seed and its number.
//!
//! The operations are those of one CPU's random sequences ([`Case::random`]), so that what is drawn
//! there is drawn here. What only several CPUs have is added: programs that go lazy and come back,
//! and a child that some of them run.
//!
//! [`Case::random`]: crate::differential::Case::random

use std::iter;
use std::ops::Range;

use seqfault_core::Quirks;

use super::{Plan, choices, possible, without_smaps_of_files};
use crate::differential::{Given, Sequence};
use crate::litmus::ast::Prot;
use crate::ops::Operand;
use crate::random::Random;
use crate::spec::seq::Call;

/// Where the window of a plan may be: in one page table, or over the border of two.
const WINDOWS: [Range<usize>; 5] = [0..1, 0..2, 3..5, 0..3, 2..5];
/// One window in so many is mapped by whatever the random setup does, and not as a whole.
const BARE_ONCE_IN: u64 = 8;
/// Operations of the setup behind its mapping, at most.
const SETUP: usize = 2;
/// One plan in so many has a child from its setup on, which each CPU runs or does not.
const CHILD_ONCE_IN: u64 = 6;
/// One CPU in so many runs a kernel thread for a while.
const LAZY_ONCE_IN: u64 = 5;

/// Choices that are mostly as they are here, as searches of the others take long.
const RARELY: [(&str, &str); 1] = [("speculation", "none")];
/// One plan in so many makes one otherwise.
const RARELY_ONCE_IN: u64 = 8;

impl Plan {
    /// The random plan `number` of those of `seed`: of so many CPUs, each with as many operations
    /// as `ops` says, or fewer where one is nothing that it can do there.
    ///
    /// # Panics
    /// If `ops` is empty.
    pub fn random(seed: u64, number: u64, cpus: usize, ops: Range<usize>) -> Plan {
        let mut random = Random::of(seed, number);
        let mut chosen = [0; choices::BYTES];
        chosen.fill_with(|| random.number() as u8);
        let window = random.pick(&WINDOWS).clone();
        let mut draw = Draw {
            sequence: Sequence::new(random, window.len()),
            window,
            stored: 0,
        };
        let mut forked = false;
        let setup = possible(draw.setup(), &mut forked);
        let has_child = setup.contains(&Given::FORK);
        let in_child = |_| has_child && draw.sequence.random.once_in(2);
        let in_child: Vec<bool> = (0..cpus).map(in_child).collect();
        let threads: Vec<Vec<Given>> = (0..cpus).map(|_| draw.thread(ops.clone())).collect();
        let mut protocol = choices::decode(chosen);
        for (name, value) in RARELY {
            if !draw.sequence.random.once_in(RARELY_ONCE_IN) {
                // Where there is such a choice.
                let _ = protocol.choose(name, value);
            }
        }
        let threads = threads.into_iter().map(|ops| possible(ops, &mut forked));
        let mut rows: Vec<_> = iter::once(setup).chain(threads).collect();
        without_smaps_of_files(&mut rows);
        let mut rows = rows.into_iter();
        Plan {
            protocol,
            quirks: Quirks::NONE,
            setup: rows.next().unwrap_or_default(),
            threads: rows.collect(),
            in_child,
            schedule: Vec::new(),
        }
    }
}

/// A plan that is being made.
struct Draw {
    sequence: Sequence,
    window: Range<usize>,
    /// The word that was stored last: each store has its own, so that reads tell them apart.
    stored: u64,
}

impl Draw {
    fn setup(&mut self) -> Vec<Given> {
        let mut ops = Vec::new();
        if !self.sequence.random.once_in(BARE_ONCE_IN) {
            ops.push(Given::Call(Call::Mmap {
                pages: self.window.clone(),
                prot: Prot::Rw,
                populate: self.sequence.random.once_in(4),
                noreplace: false,
                backing: self.sequence.backing(),
            }));
        }
        let more = self.sequence.random.within(0..SETUP + 1);
        ops.extend((0..more).map(|_| self.op()).filter(|op| *op != Given::FORK));
        if self.sequence.random.once_in(CHILD_ONCE_IN) {
            ops.push(Given::FORK);
        }
        ops
    }

    fn thread(&mut self, len: Range<usize>) -> Vec<Given> {
        let len = self.sequence.random.within(len);
        let mut ops: Vec<Given> = (0..len).map(|_| self.op()).collect();
        if self.sequence.random.once_in(LAZY_ONCE_IN) {
            let lazy = self.sequence.random.within(0..ops.len() + 1);
            ops.insert(lazy, Given::SWITCH_LAZY);
            if self.sequence.random.once_in(2) {
                ops.insert(lazy + 1, Given::SWITCH_MAIN);
            }
        }
        ops
    }

    /// An operation over the window.
    fn op(&mut self) -> Given {
        let start = self.window.start;
        let call = self.sequence.op().call().moved(|page| start + page);
        let operands = call.operands().into_iter().map(|operand| match operand {
            Operand::Word(_) => Operand::Word(self.word()),
            operand => operand,
        });
        Given::Call(Call::new(call.row(), operands))
    }

    fn word(&mut self) -> u64 {
        self.stored += 1;
        self.stored
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::PAGES;
    use super::*;

    fn plans() -> impl Iterator<Item = Plan> {
        (0..2000).map(|number| Plan::random(3, number, 2 + number as usize % 2, 1..4))
    }

    #[test]
    fn plans_are_determined_and_differ() {
        let plan = |seed, number| Plan::random(seed, number, 2, 1..4);
        assert_eq!(plan(1, 7), plan(1, 7));
        assert_ne!(plan(1, 7), plan(1, 8));
        assert_ne!(plan(1, 7), plan(2, 7));
    }

    /// What is found is kept as bytes, too.
    #[test]
    fn bytes_stand_for_each() {
        for plan in plans() {
            let bytes = plan.encode().expect("its operations have records");
            assert_eq!(Plan::decode(&bytes), plan);
            plan.scenario();
        }
    }

    #[test]
    fn every_protocol_forks_and_lazy_cpus_are_drawn() {
        assert!(WINDOWS.iter().all(|window| window.end <= PAGES));
        let ops: HashSet<Given> = plans().flat_map(|p| p.threads.concat()).collect();
        for op in [
            Given::FORK,
            Given::SWITCH_LAZY,
            Given::SWITCH_MAIN,
            Given::RCU_BARRIER,
        ] {
            assert!(ops.contains(&op), "{op}");
        }
        assert!(plans().any(|plan| plan.in_child.contains(&true)));
        for choice in crate::differential::choices() {
            for value in choice.values {
                let has = |plan: Plan| {
                    let mut choices = plan.protocol.choices();
                    choices.any(|(name, v)| name == choice.name && v == value)
                };
                assert!(plans().any(has), "{}={}", choice.name, value.name);
            }
        }
    }
}
