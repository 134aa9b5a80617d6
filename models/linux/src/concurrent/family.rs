//! The processes that a test forks, but for those that live as long as a batch (`setup`).
//!
//! ```text
//! CPU 0   ... | fork c | write A | ... | wait for c | meet
//!                  \                       |
//! c                 reads what is asked of it, ends
//! ```
//! What a child has is what there was at its fork (a plan asks it for nothing that it shares), so
//! it may as well read late: the thread that forked it waits when its own program is over. Until then
//! its statements, like those of the other CPUs, find pages that the child has a part in. But no
//! child lives on into the next instance: it would have a part in the pages of that one too.

use super::plan::Plan;
use crate::answer::failed;
use crate::arena::Arena;
use crate::fork::{Answers, Child};
use seqfault_lang::ops::Answer;

/// What a thread has forked.
#[derive(Debug)]
pub(super) struct Family<'a> {
    plan: &'a Plan,
    answers: &'a Answers,
    living: Vec<Child>,
}

impl<'a> Family<'a> {
    /// No process yet; children answer into `answers`, which is [`room`] for all instances.
    pub fn new(plan: &'a Plan, answers: &'a Answers) -> Family<'a> {
        Family {
            plan,
            answers,
            living: Vec::new(),
        }
    }

    /// Forks `child` in an instance: it reads the pages that it is asked for, each at the place in
    /// the window that `page` gives it.
    pub fn fork(
        &mut self,
        child: usize,
        instance: usize,
        arena: &Arena,
        page: impl Fn(usize) -> usize,
    ) -> Answer {
        let asked = &self.plan.children[child];
        let (answers, grows) = (self.answers, self.plan.grows());
        let first = instance * self.plan.child_slots();
        // SAFETY: accesses of an arena, and stores to shared memory.
        let made = unsafe {
            Child::fork(|| {
                for &(slot, id) in asked {
                    answers.put(first + slot, arena.shown(page(id), grows));
                }
            })
        };
        match made {
            Ok(child) => self.living.push(child),
            Err(errno) => return failed(errno),
        }
        Answer::Ok
    }

    /// Waits until no child lives any more.
    pub fn wait(&mut self) {
        self.living.clear();
    }
}

/// Room for the answers of all children of so many instances.
///
/// # Errors
/// What the host lacks.
pub(super) fn room(plan: &Plan, instances: usize) -> Result<Answers, String> {
    Answers::new(instances * plan.child_slots())
}

/// What a child answered in an instance.
///
/// # Panics
/// If it did not.
pub(super) fn answer(plan: &Plan, answers: &Answers, instance: usize, slot: usize) -> Answer {
    let answer = answers.take(instance * plan.child_slots() + slot);
    answer.expect("a process that was forked answers what it is asked")
}
