//! One statement on the host.

use std::time::Duration;

use super::family::Family;
use super::plan::Act;
use crate::linux::answer::Answer;
use crate::linux::arena::Arena;
use crate::random::Random;

/// The longest that a CPU runs somebody else.
const LONGEST_SLEEP_NS: u64 = 20_000;

impl Act {
    /// Does it in an instance, with each page at the place in the window that `page` gives it.
    pub fn perform(
        &self,
        instance: usize,
        arena: &mut Arena,
        page: impl Fn(usize) -> usize,
        random: &mut Random,
        family: &mut Family<'_>,
    ) -> Answer {
        match self {
            Act::Fork(child) => return family.fork(*child, instance, arena, page),
            Act::Call(call) => return arena.apply(&call.clone().moved(page), None),
            Act::Prefetch(id) => arena.prefetch(page(*id)),
            Act::Sleep => {
                let nanos = random.next() % LONGEST_SLEEP_NS;
                std::thread::sleep(Duration::from_nanos(nanos));
            }
            Act::Nothing => {}
        }
        Answer::Ok
    }
}
