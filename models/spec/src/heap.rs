//! The heap: a mapping that a call makes longer, or shorter.
//!
//! A process has one, in one range, empty at first. Its end, the *break*, is a page; `fork` copies it. `brk` moves it.
//!
//! - Up: the pages from the break on are mapped `rw`, if nothing is mapped there nor at the new break, and nothing that
//!   grows down is less than its gap above that.
//! - Down: what is mapped from the new break to the old one goes, whatever it is, as by `munmap`, if there is something.
//! - Where it is: nothing.
//!
//! All else is `enomem`, and changes nothing.
//!
//! # Linux
//! sys_brk(), mm/mmap.c: vma_find() from the new break to the old one; vm_start_gap() of what is next above; the break is
//! set before do_vmi_align_munmap() downgrades `mmap_lock`.

use std::ops::Range;

use super::call::Call;
use super::code::Instr;
use super::stack::GAP;
use super::state::State;
use super::step::Steps;
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Answer;

/// Where the heap of each process is.
#[derive(Clone, Debug)]
pub(super) struct Heap {
    /// Its range in the first process.
    range: Range<usize>,
    /// How many pages each process has.
    own: usize,
}

impl Heap {
    /// That in `range` of processes that have `own` pages each.
    pub(super) fn new(range: Range<usize>, own: usize) -> Heap {
        Heap { range, own }
    }

    /// The range of the heap of the process that `page` is of.
    fn of(&self, page: usize) -> Range<usize> {
        let first = page / self.own * self.own;
        first + self.range.start..first + self.range.end
    }
}

/// `instr`, which may change all of the heap if it is a `brk`.
pub(super) fn reached_by(instr: Instr, heap: Option<&Heap>) -> Instr {
    match (&instr.call, heap) {
        (Call::Brk { page }, Some(heap)) => {
            let range = heap.of(*page);
            instr.about(range)
        }
        _ => instr,
    }
}

/// The pages that change with the break, and what is mapped there then.
pub(super) type Moved = (Range<usize>, Option<Prot>);

impl Steps<'_> {
    /// What becomes of pages if the break goes to `to`, or why it does not.
    pub(super) fn move_break(&self, state: &mut State, to: usize) -> Result<Moved, Answer> {
        let heap = self.code.heap.as_ref().expect("a program with `brk`");
        let range = heap.of(to);
        let is_mapped = |page: usize| state.pages[page].newest().is_some();
        let old = range
            .clone()
            .find(|&page| state.pages[page].is_break)
            .expect("a heap has an end");
        let moved = match to < old {
            true if !(to..old).any(is_mapped) => return Err(Answer::ENOMEM),
            true => (to..old, None),
            false => {
                let next = (old..range.end).find(|&page| is_mapped(page));
                let gap = next.map_or(0, |page| if state.grows(page) { GAP } else { 0 });
                let is_in_the_way = next.is_some_and(|page| to + 1 + gap > page);
                if old < to && is_in_the_way && self.rules.heap_stops {
                    return Err(Answer::ENOMEM);
                }
                (old..to, Some(Prot::Rw))
            }
        };
        if old != to {
            state.page_mut(old).is_break = false;
            state.page_mut(to).is_break = true;
        }
        Ok(moved)
    }

    /// Whether the pending call of `cpu` unmaps pages, for which the lock is downgraded.
    pub(super) fn is_unmapping(&self, state: &State, cpu: usize, instr: &Instr) -> bool {
        let goes = |page: usize| {
            let page = &state.pages[page];
            let pending = page.pending(cpu);
            pending.is_some_and(|version| page.versions[version].mapping.is_none())
        };
        self.rules.munmap_downgrades
            && match instr.call {
                Call::Munmap { .. } => true,
                Call::Brk { .. } => instr.pages().any(goes),
                _ => false,
            }
    }
}
