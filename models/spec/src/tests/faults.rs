//! A fault is a step of its own: what it populates in vain, and entries that come behind its back.

use std::collections::HashSet;

use super::{NOTHING, Shown, run, run_under};
use crate::code::{Code, Instr};
use crate::files::Files;
use crate::seq::{Call, Machine};
use crate::state::State;
use crate::step::Steps;
use crate::word::Populated;
use crate::{Freedom, Rules};
use seqfault_lang::litmus::ast::Prot;
use seqfault_lang::ops::Backing;

const ONE: &str = "page A; mmap A rw;";

/// Asserts that `outcome` is allowed, and that it would not be if an access and its fault were one.
#[track_caller]
fn by_a_fault(outcome: &str, init: &str, threads: &[&str], finals: &str) -> Shown {
    let shown = run(init, threads, finals);
    shown.allows(outcome);
    let rules = Rules {
        faults_in_vain: false,
        ..Rules::default()
    };
    run_under(&rules, init, threads, finals).forbids(outcome);
    shown
}

#[test]
fn a_page_is_populated_in_vain() {
    let store = ["mprotect A r;", "r0 = write A 1;"];
    for outcome in [
        "1:r0=accerr present(A)=true dirty(A)=true",
        "1:r0=accerr present(A)=true dirty(A)=false",
    ] {
        by_a_fault(outcome, ONE, &store, r"present(A) /\ dirty(A)");
    }
    by_a_fault(
        "1:r0=maperr present(B)=true",
        "page A; page B; mmap A r; mmap B r;",
        &["mremap A B;", "r0 = read A;"],
        "present(B)",
    );
    // It was there already, and stays clean where nothing was to be stored.
    run(ONE, &["mprotect A none;", "r0 = read A;"], "dirty(A)")
        .forbids("1:r0=accerr dirty(A)=true");
}

#[test]
fn a_fetch_that_is_refused_populates_in_vain() {
    let fetch = "r0 = exec A; r1 = read A;";
    by_a_fault("1:r0=maperr 1:r1=0", ONE, &["munmap A;", fetch], NOTHING);
    let looks = ["munmap A;", "r0 = exec A;", "r0 = mincore A;"];
    by_a_fault("1:r0=maperr 2:r0=1", ONE, &looks, NOTHING);
    // The entry comes behind the back of a fault.
    let threads = ["munmap A;", "r0 = exec A;", "r0 = read A; r1 = read A;"];
    by_a_fault("1:r0=accerr 2:r0=maperr 2:r1=0", ONE, &threads, NOTHING);
    let never = Rules {
        refused_exec_populates: Freedom::No,
        ..Rules::default()
    };
    run_under(&never, ONE, &threads, NOTHING).forbids("2:r0=maperr 2:r1=0");
    run_under(&never, ONE, &looks, NOTHING).forbids("2:r0=1");
}

#[test]
fn a_page_is_populated_under_a_fault() {
    let calls = "r0 = mmap A rw populate; munmap A;";
    by_a_fault(
        "0:r0=maperr 0:r1=ok 1:r0=ok",
        ONE,
        &["r0 = write A 1; r1 = write A 2;", calls],
        NOTHING,
    );
    // Nobody else has populated it meanwhile.
    run(
        "page A; mmap A rw; write A 7;",
        &["r0 = write A 1; r1 = write A 2;", "munmap A;"],
        NOTHING,
    )
    .forbids("0:r0=maperr 0:r1=ok");
}

#[test]
fn an_entry_that_a_cpu_knows_of_does_not_come_behind_its_back() {
    let other = "r0 = write A 1; r1 = write F 1; munmap A;";
    let shown = run(
        "page A; page F; mmap A rw; mmap F rw;",
        &[other, "r0 = read F; r1 = write A 2; r2 = write A 3;"],
        NOTHING,
    );
    shown.allows("1:r0=0 1:r1=maperr 1:r2=ok");
    shown.forbids("1:r0=1 1:r1=maperr 1:r2=ok");
    let own = "r0 = write A 2; r1 = write A 2; r2 = write A 3;";
    let shown = run(ONE, &["r0 = write A 1; munmap A;", own], NOTHING);
    shown.allows("1:r0=maperr 1:r1=maperr 1:r2=ok");
    shown.forbids("1:r0=ok 1:r1=maperr 1:r2=ok");
}

#[test]
fn the_first_store_replaces_what_serves_loads() {
    by_a_fault(
        "1:r0=0 1:r1=maperr 1:r2=1",
        ONE,
        &[
            "r0 = write A 1; munmap A;",
            "r0 = read A; r1 = read A; r2 = read A;",
        ],
        NOTHING,
    )
    .forbids("1:r0=1 1:r1=maperr 1:r2=1");
    by_a_fault(
        "1:r0=0 1:r1=maperr 1:r2=ok",
        ONE,
        &[
            "r0 = write A 1; munmap A;",
            "r0 = read A; r1 = write A 2; r2 = write A 3;",
        ],
        NOTHING,
    );
    by_a_fault(
        "1:r0=accerr 1:r1=maperr 1:r2=ok",
        ONE,
        &[
            "r0 = write A 1; munmap A;",
            "r0 = exec A; r1 = write A 2; r2 = write A 3;",
        ],
        NOTHING,
    );
    // A fork leaves it to be copied first.
    by_a_fault(
        "1:r0=7 1:r1=maperr 1:r2=ok",
        "page A; mmap A rw; write A 7; fork c;",
        &[
            "r0 = write A 1; munmap A;",
            "r0 = read A; r1 = write A 2; r2 = write A 3;",
        ],
        NOTHING,
    );
}

#[test]
fn calls_replace_entries() {
    by_a_fault(
        "1:r0=maperr 1:r1=7",
        "page A; mmap A rw; write A 7; mprotect A none;",
        &["mprotect A rw; munmap A;", "r0 = read A; r1 = read A;"],
        NOTHING,
    );
    // What was there before a move is unmapped first.
    by_a_fault(
        "1:r0=maperr 1:r1=7",
        "page A; page B; mmap A rw; mmap B rw; write A 7;",
        &["mremap A B; munmap B;", "r0 = read B; r1 = read B;"],
        NOTHING,
    );
    // It is clear while its protection changes.
    by_a_fault(
        "1:r0=7 1:r1=maperr 1:r2=7",
        "page A; mmap A rw; write A 7;",
        &[
            "mprotect A r; munmap A;",
            "r0 = read A; r1 = read A; r2 = read A;",
        ],
        NOTHING,
    );
    // Or while it is made old, after the fault of the very access that is refused.
    by_a_fault(
        "1:r0=maperr 1:r1=ok",
        ONE,
        &[
            "madvise A cold; munmap A;",
            "r0 = write A 1; r1 = write A 1;",
        ],
        NOTHING,
    );
    // Or while its protection changes, after that fault.
    by_a_fault(
        "1:r0=maperr 1:r1=0",
        ONE,
        &["mprotect A r; munmap A;", "r0 = write A 1; r1 = read A;"],
        NOTHING,
    );
    // The same where the call has begun for certain when the access faults.
    by_a_fault(
        "1:r0=accerr 1:r1=maperr 1:r2=0",
        "pages A[2]; mmap A rw;",
        &[
            "mprotect A r; munmap A[0];",
            "r0 = write A[1] 1; r1 = write A[0] 1; r2 = read A[0];",
        ],
        NOTHING,
    );
}

/// An access faults again where an older translation is left that does not serve it.
#[test]
fn translations_that_are_to_go_are_in_the_way() {
    by_a_fault(
        "1:r0=7 1:r1=maperr 1:r2=0",
        "page A; mmap A rw; write A 7; fork c;",
        &[
            "madvise A dontneed; munmap A;",
            "r0 = read A; r1 = write A 12; r2 = read A;",
        ],
        NOTHING,
    );
}

/// A fault is its access's own until that is over, also where its CPU is alone and its page goes
/// lazily, or was another's.
#[test]
fn a_fault_ends_with_its_access() {
    let rules = Rules::default();
    let mapped = Call::Mmap {
        pages: 0..2,
        prot: Prot::Rw,
        populate: false,
        noreplace: false,
        backing: Backing::Anon,
    };
    let [there, back] = [(0..1, 1..2), (1..2, 0..1)].map(|(from, to)| Call::Mremap {
        from,
        to,
        dontunmap: false,
    });
    let read = Call::Read { page: 0 };
    let calls = [
        read.clone(),
        Call::Write { page: 0, word: 1 },
        Call::Free { pages: 0..1 },
        there,
        back,
    ];
    let programs = calls
        .iter()
        .flat_map(|first| calls.iter().map(move |second| [first, second]));
    let mut were_marked = 0;
    for [first, second] in programs {
        let calls = [first, second, &read, &read];
        let instrs = calls.map(|call| Instr::new(call.clone(), None, 0, 2, &Files::default()));
        let code = Code::new(vec![instrs.to_vec()], 2, 0);
        let steps = Steps {
            code: &code,
            rules: &rules,
        };
        let mut machine = Machine::of_processes(2, 1, &[], &[], rules.clone());
        machine.apply(&mapped);
        let mut under_way = vec![State::start(&code, machine.into_pages())];
        let (mut next, mut known) = (Vec::new(), HashSet::new());
        while let Some(state) = under_way.pop() {
            steps.successors(state.clone(), &mut next);
            for next in next.drain(..) {
                let words = next.pages.iter().flat_map(|page| &page.words);
                let mut marks = words.map(|word| word.touch.populated);
                let is_marked = marks.any(|mark| mark == Populated::ByFault(0));
                were_marked += usize::from(is_marked);
                let is_over = next.cpus[0].pc > state.cpus[0].pc;
                assert!(!is_over || !is_marked, "{calls:?} leaves {next:#?}");
                if known.insert(next.encode()) {
                    under_way.push(next);
                }
            }
        }
    }
    assert!(were_marked > 0, "some access faults in vain");
}
