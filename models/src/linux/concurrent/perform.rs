//! One statement on the host.

use std::time::Duration;

use super::plan::Act;
use crate::linux::answer::Answer;
use crate::linux::arena::Arena;
use crate::random::Random;
use crate::spec::seq::Call;

/// The longest that a CPU runs somebody else.
const LONGEST_SLEEP_NS: u64 = 20_000;

impl Act {
    /// Does it, with each page at the place in the window that `page` gives it.
    pub fn perform(
        &self,
        arena: &mut Arena,
        page: impl Fn(usize) -> usize,
        random: &mut Random,
    ) -> Answer {
        match self {
            Act::Call(call) => return arena.apply(&moved(call, page), None),
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

/// The call on other pages. Those of a range stay adjacent.
fn moved(call: &Call, page: impl Fn(usize) -> usize) -> Call {
    let range = |ids: &std::ops::Range<usize>| {
        let start = page(ids.start);
        start..start + ids.len()
    };
    match call {
        Call::Read(id) => Call::Read(page(*id)),
        Call::Write(id, value) => Call::Write(page(*id), *value),
        Call::Xchg(id, value) => Call::Xchg(page(*id), *value),
        Call::Exec(id) => Call::Exec(page(*id)),
        Call::Mmap {
            pages,
            prot,
            populate,
            noreplace,
        } => Call::Mmap {
            pages: range(pages),
            prot: *prot,
            populate: *populate,
            noreplace: *noreplace,
        },
        Call::Munmap(ids) => Call::Munmap(range(ids)),
        Call::Mremap(from, to) => Call::Mremap(range(from), range(to)),
        Call::Mprotect(ids, prot) => Call::Mprotect(range(ids), *prot),
        Call::Dontneed(ids) => Call::Dontneed(range(ids)),
        Call::PopulateRead(ids) => Call::PopulateRead(range(ids)),
        Call::PopulateWrite(ids) => Call::PopulateWrite(range(ids)),
        Call::Nop => Call::Nop,
    }
}
