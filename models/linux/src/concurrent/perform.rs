//! One statement on the host.

use std::time::Duration;

use super::family::Family;
use crate::arena::Arena;
use seqfault_lang::ops::{Answer, Numbered, Op};
use seqfault_lang::random::Random;

/// The longest that a CPU runs another process.
const LONGEST_SLEEP_NS: u64 = 20_000;

/// Does an operation, whose pages are those of an instance; `page` gives its children theirs. `None`
/// if the host [misses](crate::Host::misses) it.
pub(super) fn perform(
    op: &Op<Numbered>,
    instance: usize,
    arena: &mut Arena,
    page: impl Fn(usize) -> usize,
    random: &mut Random,
    family: &mut Family<'_>,
) -> Option<Answer> {
    match op {
        Op::Fork { process } => Some(family.fork(*process, instance, arena, page)),
        Op::Switch { .. } => {
            let nanos = random.number() % LONGEST_SLEEP_NS;
            std::thread::sleep(Duration::from_nanos(nanos));
            Some(Answer::Ok)
        }
        op => arena.apply(op, None),
    }
}
