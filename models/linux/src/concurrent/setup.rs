//! The initial states of a batch, and the processes that live as long as it does.
//!
//! ```text
//! first process   mmap A  | mmap A  | fork c ------ | write A | write A | meet ... meet | wait for c
//!                 of each instance  \\                of each instance
//! c                                  meet ... meet | reads what is asked of it, ends
//! ```
//! One process is forked for all instances, at the same place of each initial state. Where a CPU is in
//! it, it runs that CPU's program; where none is, it sleeps meanwhile.

use super::batch::Batch;
use super::board::Doing;
use super::child::Sender;
use super::crew::{Crew, HAS, Turn, caught};
use super::family::Family;
use super::perform::perform;
use super::plan::Preparation;
use crate::answer::failed;
use crate::arena::Arena;
use crate::fork::Child;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::{Answer, Op};
use seqfault_lang::random::Random;

impl Crew<'_> {
    /// Makes the initial states. The processes that live on end with the batch, which they are waited
    /// for.
    pub fn set_up(
        &self,
        batch: &Batch<'_>,
        turn: &Turn,
        arena: &mut Arena,
        sender: &Sender,
    ) -> Vec<Child> {
        let renewed = arena.renew_files();
        renewed.expect("files in memory are written to");
        let instances = 0..batch.order.len();
        for instance in instances.clone() {
            self.stop_growth(instance, batch, arena);
        }
        let mut members = Vec::new();
        if !self.plan.is_together() {
            for instance in instances {
                let mut family = Family::new(self.plan, &self.answers);
                for preparation in &self.plan.setup {
                    self.prepare(preparation, instance, batch, arena, &mut family);
                }
                family.wait();
            }
            return members;
        }
        for preparation in &self.plan.setup {
            if let Op::Fork { process } = preparation.op {
                let made = self.member(process, batch, turn, arena, sender);
                let answer = made.map_or_else(failed, |member| {
                    members.push(member);
                    Answer::Ok
                });
                preparation.check(answer);
                continue;
            }
            let mut family = Family::new(self.plan, &self.answers);
            for instance in instances.clone() {
                self.prepare(preparation, instance, batch, arena, &mut family);
            }
        }
        members
    }

    /// Maps what allows nothing right below each range in which mappings grow: they stay in it, and what is mapped
    /// further below does not stop them (`expand_downwards()`, mm/vma.c).
    fn stop_growth(&self, instance: usize, batch: &Batch<'_>, arena: &mut Arena) {
        for &first in &self.plan.stopped {
            let page = batch.spread.page(instance, first);
            // Below the first page of all the arena is empty.
            if let Some(below) = page.checked_sub(1) {
                let answer = arena.mmap(below..page, None, Prot::None, false, false);
                assert_eq!(answer, Answer::Ok, "a page without access can be mapped");
            }
        }
    }

    /// Does a statement of the initial state in an instance.
    fn prepare(
        &self,
        preparation: &Preparation,
        instance: usize,
        batch: &Batch<'_>,
        arena: &mut Arena,
        family: &mut Family<'_>,
    ) {
        let number = batch.first + instance as u64;
        self.board
            .note(self.plan.homes.leader(), Doing::Setup(number));
        let page = |id| batch.spread.page(instance, id);
        let op = self
            .plan
            .of_instance(&preparation.op, batch.spread, instance);
        let mut random = Random::new(0);
        let answer = perform(&op, instance, arena, page, &mut random, family);
        preparation.check(answer.expect(HAS));
    }

    /// Forks a process that lives until the end of the batch. What is asked of it, it reads then.
    fn member(
        &self,
        process: usize,
        batch: &Batch<'_>,
        turn: &Turn,
        arena: &mut Arena,
        sender: &Sender,
    ) -> Result<Child, i32> {
        let work = || {
            let mut turn = turn.clone();
            match self.plan.homes.cpu(process) {
                Some(cpu) => {
                    turn.seat = None;
                    self.wait(cpu, &mut turn);
                    self.instances(cpu, batch, &mut turn, arena);
                }
                // One meeting is before all instances, and one before each.
                None => self
                    .meeting
                    .miss(turn.meeting + 1 + batch.order.len() as u64),
            }
            let slots = self.plan.child_slots();
            for instance in 0..batch.order.len() {
                for &(slot, id) in &self.plan.children[process] {
                    let page = batch.spread.page(instance, id);
                    let answer = arena.shown(page, self.plan.grows());
                    self.answers.put(instance * slots + slot, answer);
                }
            }
        };
        // SAFETY: the other threads wait in a meeting, or sleep, and have no lock meanwhile.
        unsafe {
            Child::fork_by_libc(|| {
                if let Err(panicked) = caught(work) {
                    sender.send(&panicked);
                    // The others wait for this one.
                    libc::kill(libc::getppid(), libc::SIGKILL);
                }
            })
        }
    }
}

impl Preparation {
    /// # Panics
    /// If the statement answers otherwise than one CPU is answered.
    fn check(&self, answer: Answer) {
        let expected = self.expected.unwrap_or(answer);
        let text = &self.text;
        assert!(
            answer == expected,
            "in the initial state `{text}` answers {answer} instead of {expected}"
        );
    }
}
