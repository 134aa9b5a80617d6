//! The reference specification: every outcome that an implementation may show.
//!
//! [`outcomes`] runs a litmus test on an abstract machine that has no page
//! tables, TLBs or faults, only what a user can tell: which pages are mapped,
//! what they admit, and what their words hold. The search visits every state
//! that the machine can reach. An implementation is right if what it shows is a
//! subset. [`seq::Machine`] is the same machine for one CPU.
//!
//! # Words
//! A page holds one word. User reads acquire, user writes release, `xchg` does
//! both, as in C11 (and no more: store buffering, 2+2W and disagreeing readers
//! of independent writes are allowed). `word.rs` has the operational form. An *incarnation* of
//! a page is its memory from a fresh 0 on, until `munmap`, a replacing `mmap` or
//! `madvise dontneed` discards it. What is stored to a discarded incarnation
//! is lost; final words are those of the last one.
//!
//! # Mappings
//! A system call changes a page between a *begin* and an *end*, and both lie
//! between its call and its return. In that interval the page has an old and
//! a new state (what is mapped, what it admits, which incarnation):
//! 1. Each access by another CPU goes by the old or by the new state, wholly.
//! 2. The choice is made for each CPU and each kind of access (read, write, exec; `xchg` is a write)
//!    on its own: a translation that serves one may be gone for another. But a kind stays behind
//!    another of its CPU only by way of a translation. Where the new state refuses an access, that
//!    was a fault, which looked at the mapping; another kind goes by the old state only if memory was
//!    populated there. Who is the first to the new state's memory has faulted it in, and a fault leaves
//!    no older translation of the page behind (x86 drops them, Intel SDM volume 3, 4.10.4.1; elsewhere
//!    the kernel does, flush_tlb_fix_spurious_fault()): all kinds of that CPU go by the new state.
//! 3. It is made once: what went by the new state does not go back.
//! 4. After the end everyone goes by the new state.
//! 5. The caller goes by the old state before its call and by the new one after its return.
//!
//! `mremap` changes the old place and the new one. An access that goes by the old state of the
//! old place and one that goes by the new state of the new place meet in one memory. What was at the
//! new place is unmapped first, to the last translation, before anything moves (mremap_to(),
//! mm/mremap.c), and a fault there waits: for everyone it is gone at one instant, at the begin.
//!
//! This holds for taking and for granting: access that `mprotect` grants may show before its
//! return and never fails after it. A replacing `mmap` has no state in between where nothing is mapped.
//!
//! The machine begins a call on all of its pages at once, and ends it on all at
//! once. That shows no less than page by page: an early begin and a late end only add choices. (A
//! page that is populated by way of its old state is so before its new state is first seen.)
//!
//! # Files
//! A file is of memfd kind: its pages are in memory from the start. A shared mapping shows the file's page, at however many
//! places and in however many processes: one word, with one modification order. What unmaps or replaces such a
//! mapping ends it as any other, and leaves the word; `dontneed` leaves mapping and word, and takes entries that come
//! again.
//!
//! A private mapping shows the file's page until a store, or a call that populates it for writing, makes a copy, whose
//! value is one that the caller may read of the file then: from that instant all CPUs of the process go by the copy, as
//! the translations of the file's page are flushed before there are any of the copy (wp_page_copy(), mm/memory.c). The
//! copy may be older than what another CPU of the process has read of the file, and tells nothing of what the file's
//! writers knew. A store whose fault has made the copy, and that has not been tried again yet, may find that gone.
//! `dontneed` drops copies: the file's page is behind them. A copy moves with `mremap`, and `fork` copies it once more.
//!
//! `truncate` changes a file's length at its begin: each page that maps what goes, or comes, in whatever process, has
//! an old state and a new one until the return, by the same rules as of other calls. What goes is lost, with what private
//! mappings have copied of it; what comes is zero, and in the page cache when it is first touched. It waits for another
//! one of the same file, and for no other section; `truncate.rs` has the reasons.
//!
//! Where a mapping of either kind is longer than the file, an access that it admits is answered `bus`
//! (filemap_fault(), mm/filemap.c), and to populate `efault`. `mincore` finds every page of a file that is in the page cache, mapped or not
//! (mincore_page(), mm/mincore.c). A mapping that `mremap` makes longer goes on with the file. What an implementation
//! has in its entries is not told: page properties other than `mapped`, and `smaps`, are outside the slice where a test maps a file.
//!
//! `guard_install` makes pages of either kind, or anonymous ones, guard pages: what they held goes, and an access is answered as
//! if nothing were mapped, until `guard_remove` or the end of the mapping (`guard.rs`).
//!
//! `mlock` brings pages in, and lets nothing take them out of memory until `munlock` (`lock.rs`).
//!
//! A file that is `uncached` is on a disk. Its words are those of any file, and an access that has to wait for one is like any
//! that faults: it may find afterwards that the mapping has gone. Whether `mincore` counts a page of it that was neither
//! accessed nor populated is open at any time, as the kernel reads ahead (page_cache_ra_order(), mm/readahead.c). And what
//! populates several pages leaves its section to wait for one (faultin_page(), mm/gup.c, of `VM_FAULT_RETRY`): sections of
//! others may come before it, once for each page but the first.
//!
//! # Mappings that grow
//! An access that finds nothing mapped, and above it in its range first a mapping that grows, extends that and goes on by
//! it, unless what is mapped below is near (`stack.rs`). Before and after a call of another CPU: it waits for what is
//! under way. System calls extend nothing.
//!
//! # The heap
//! `brk` moves its end, and maps or unmaps what is between (`heap.rs`).
//!
//! # Processes
//! `fork` makes a process whose pages are a copy of the caller's: mappings, protections, and of
//! each word that no file has the last value of its modification order, all at one instant between the call and the
//! return. From then on nothing that one process does is seen in the other, and sections of the two
//! have nothing to do with each other. What a kernel does page by page is one instant because what
//! is stored through a stale translation is stored for both; `process.rs` has the reasons.
//!
//! # Sections
//! A call does its work inside a section, and so decides its errors at its begin:
//!
//! | call | section | excludes |
//! | --- | --- | --- |
//! | `mmap`, `mremap`, `mprotect`, `mlock`, `munlock`, `brk` to what is more | exclusive | all but `dontneed` of other pages |
//! | `fork` | exclusive, over all pages | all, in its own process |
//! | `munmap`, `brk` to what is less | exclusive, then shared | the same, then exclusive ones |
//! | `populate_*`; `mmap populate` after its mapping, and `mlock` after its locking | shared | exclusive ones |
//! | `cold`, `willneed`, `pageout` | shared | exclusive ones |
//! | `mincore` | shared, for each page anew | exclusive ones |
//! | `dontneed`, `free`, `guard_install`, `guard_remove` | local | exclusive ones over its pages |
//! | `truncate` | of its file | other ones of the file, in any process |
//! | `maps`, `smaps`, `reclaim` | open | nothing |
//!
//! An access that is refused went by the newest state. If an older one has an entry that the CPU
//! does not know of (another CPU populated the page, stored to what was to be copied first, or
//! moved it or changed its protection), the CPU's next access may still go by that: the fault of the first had begun
//! before the entry came. What a CPU knows is in its view, as with messages.
//!
//! So pages pend for several calls at once only if these are `dontneed` or about guard pages (and `populate`, which changes
//! no state). Such a page has a chain of states, one more with each begin. An
//! access goes by any of them that is not older than what its CPU and kind went by before; an
//! end drops all that are older than the state its own call began. Hence each `dontneed`
//! on its own guarantees on return that what was written before its call is gone.
//!
//! What `free` has freed goes by itself, or never: at a moment that no CPU chooses a new state of the page
//! begins, with fresh memory, and loads may go on to go by the old one. A store that comes after the
//! call has returned, and before that moment, keeps the page; one that comes while the call is under
//! way may keep it.
//!
//! `mincore` looks at each page by one of the states that may have the entry that is there: where a
//! state's memory is populated for certain, the entries of those before it are gone. It tells nothing of
//! which state the accesses after it go by, for they may have translations.
//!
//! `maps` and `smaps` look at their pages one by one, and wait for no call that is under way: they find any state of a page
//! that there is (`look.rs`). They are a list that is read bit by bit, and not one moment: what `mremap`
//! moves meanwhile may be counted at both places or at none. A page that is mapped throughout is counted by
//! `maps`, and one that has memory of its own throughout by `smaps`. What calls knew they do not learn from what they find.
//!
//! # Order between calls and accesses
//! An exclusive section knows (happens-before) what all sections before it knew; a shared one
//! knows what the exclusive ones before it knew; a local one knows nothing for certain.
//! An access learns nothing from the state that it goes by, whether old or new, not even where
//! an implementation would take a lock to find out (a fault, the first touch of a page).
//! Program order, and time itself, hold: an access that a flag shows to come after a return
//! comes after the end.
//!
//! Direction of error: each CPU's accesses look up the mapping in program order.
//! A machine whose loads run ahead of the translation of an earlier store
//! could show more than is allowed here.
//!
//! # Errors
//! As Linux 6.18 answers: `mprotect` over a hole fails with `enomem` and has changed
//! the pages before it; `dontneed` over a hole fails with `enomem` and has emptied all others;
//! `populate_*` goes page by page and stops at a hole (`enomem`) or at a mapping that does not
//! admit the access (`einval`), or behind the end of a file (`efault`); `free` stops at a mapping of a file (`einval`); `mincore` stops at a hole (`enomem`); `maps` and `smaps` skip holes; `munmap` of holes is `ok`;
//! `noreplace` over anything is `eexist` and changes nothing; `mremap` of a hole's first page is `efault`, of ranges that overlap `einval` without a section,
//! and where else it meets a hole, what is at the new place stays; the populating half of
//! `mmap populate` ignores all that.
//!
//! # Final properties of pages
//! They are those of the first process. `mapped` is exact. The others are false on a page that was neither accessed
//! nor populated since its incarnation began; an `exec` that was refused may have populated what
//! could be read (x86 does, [`Rules::refused_exec_populates`]); and an access may have populated its
//! page by a mapping that was another one when the access was tried again. Otherwise:
//!
//! | property | true | false | both are allowed |
//! | --- | --- | --- | --- |
//! | `present` | else | | protection `none` |
//! | `young` | accessed | | populated only, made old by `cold` or `free`, or protection `none` |
//! | `dirty` | stored to | else | `populate_write` only, a store's fault, or freed lazily |
//! | `writable` | | no write permission | else |
//! | `swapped` | | never reclaimed, or accessed since | else |
//!
//! Of a page that may be out of memory all are false but `swapped`, or as if it had never gone (`swap.rs`).
//!
//! # The slice
//! Supported: `read`, `write`, `xchg`, `exec`, `mmap` of anonymous memory, of what grows, of files and of a driver's device, `munmap`, `brk`, `mprotect`,
//! `madvise dontneed|free|populate_read|populate_write|cold|willneed|guard_install|guard_remove`, `mincore`, `maps`, `msync`, `mlock`, `munlock`, `truncate`, `punch`; `smaps` where no file is
//! mapped, `reclaim` and `madvise pageout` where no device is; `fork`, and CPUs in a
//! process that the initial state forks; and as statements that change no outcome `writeback`, `rcu_barrier`, `prefetch`, `evict`,
//! `switch lazy`, and `switch` to the CPU's own process. All else is [`Unsupported`], among it
//! `exit` and `switch` to another process, and where mappings grow an `mremap` that changes a length.
//! `count(…)` atoms are left out of outcomes.
//!
//! Each choice that is made here is a field of [`Rules`].
mod argument;
mod call;
mod change;
mod code;
mod encode;
mod explore;
mod fault;
mod file_rules;
mod files;
mod finale;
mod guard;
mod heap;
mod lazy;
mod lock;
mod look;
mod normal;
mod page;
mod process;
mod resolve;
mod rules;
mod section;
pub mod seq;
mod stack;
mod state;
mod step;
mod swap;
#[cfg(test)]
mod tests;
mod truncate;
pub mod vma;
mod walk;
mod word;

pub use explore::Spec;
pub use file_rules::FileRules;
pub use guard::GuardRules;
pub use lock::LockRules;
pub use rules::{DontneedLock, Freedom, HoleRule, Placement, Rules};

use std::collections::BTreeMap;
use std::rc::Rc;

use explore::{explore, reaches};
use page::Page;
use resolve::{Resolved, resolve};
use seq::Machine;
use seqfault_lang::litmus::ast::{Outcome, Program};
use seqfault_lang::ops::Unsupported;

/// All outcomes of `program` that `rules` allow.
///
/// # Errors
/// The first statement or atom that the specification does not cover.
pub fn outcomes(program: &Program, rules: &Rules) -> Result<Spec, Unsupported> {
    let all = outcomes_within(program, rules, usize::MAX)?;
    Ok(all.expect("no search has more states than can be counted"))
}

/// The same by a search of `max_states` states at most; `None` if there are more.
///
/// # Errors
/// As [`outcomes`].
pub fn outcomes_within(
    program: &Program,
    rules: &Rules,
    max_states: usize,
) -> Result<Option<Spec>, Unsupported> {
    let resolved = resolve(program, rules)?;
    let pages = run_setup(&resolved, rules);
    Ok(explore(&resolved, pages, rules, max_states))
}

/// Whether `program` may end in `outcome`, counters aside; `None` if a search of
/// `max_states` states does not tell.
///
/// # Errors
/// As [`outcomes`].
pub fn admits(
    program: &Program,
    rules: &Rules,
    outcome: &Outcome,
    max_states: usize,
) -> Result<Option<bool>, Unsupported> {
    let resolved = resolve(program, rules)?;
    let pages = run_setup(&resolved, rules);
    let outcome = Outcome {
        counts: BTreeMap::new(),
        ..outcome.clone()
    };
    Ok(reaches(&resolved, pages, rules, &outcome, max_states))
}

/// The pages as the setup leaves them.
fn run_setup(resolved: &Resolved, rules: &Rules) -> Vec<Rc<Page>> {
    let mut machine = Machine::of_processes(
        resolved.own,
        resolved.processes,
        &resolved.files,
        &resolved.uncached,
        rules.clone(),
    );
    machine.set_ranges(&resolved.ranges);
    if let Some(range) = &resolved.heap {
        machine.set_heap(range.clone());
    }
    for call in &resolved.setup {
        machine.apply(call);
    }
    machine.into_pages()
}
