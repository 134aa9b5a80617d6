//! Guard pages: no access reaches them, and what they held is gone.

use super::{run, run_under};
use crate::{GuardRules, Rules};

const SEVEN: &str = "page A; mmap A rw; write A 7;";
const GUARD: &str = "page A; page B; mmap A rw; write A 7; madvise A guard_install;";
const OF_FILE: &str =
    "file F[1] = {5}; page A; page B; mmap A rw shared F[0]; mmap B rw private F[0];";

#[test]
fn an_access_is_answered_as_if_nothing_were_mapped() {
    let thread =
        "r0 = read A; r1 = write A 1; r2 = xchg A 1; r3 = exec A; r4 = madvise A populate_read;";
    run(GUARD, &[thread], "A=0 /\\ mapped(A)").only(&[
        "0:r0=maperr 0:r1=maperr 0:r2=maperr 0:r3=maperr 0:r4=efault A=maperr mapped(A)=true",
    ]);
    let thread = "mprotect A r; r0 = write A 1; r1 = read A; mprotect A none; r2 = read A;";
    run(GUARD, &[thread], "A=0").only(&["0:r0=accerr 0:r1=maperr 0:r2=accerr A=accerr"]);
}

#[test]
fn what_it_held_is_gone() {
    let thread = "r0 = madvise A guard_install; r1 = madvise A guard_remove; r2 = read A;";
    run(SEVEN, &[thread], "A=0").only(&["0:r0=ok 0:r1=ok 0:r2=0 A=0"]);
    let thread = "write B 6; madvise A guard_install; madvise B guard_install; madvise A guard_remove; \
                  madvise B guard_remove; r0 = read A; r1 = read B;";
    run(OF_FILE, &[thread], "A=0").only(&["0:r0=5 0:r1=5 A=5"]);
    // It was none: nothing goes.
    run(SEVEN, &["r0 = madvise A guard_remove;"], "A=0").only(&["0:r0=ok A=7"]);
}

#[test]
fn it_stays_until_it_is_removed_or_unmapped() {
    for call in [
        "madvise A dontneed",
        "madvise A free",
        "mprotect A r",
        "madvise A cold",
    ] {
        let thread = format!("r0 = {call}; r1 = read A;");
        run(GUARD, &[&thread], "A=0").only(&["0:r0=ok 0:r1=maperr A=maperr"]);
    }
    for call in ["madvise A guard_remove", "mmap A rw"] {
        let thread = format!("r0 = {call}; r1 = read A;");
        run(GUARD, &[&thread], "A=0").only(&["0:r0=ok 0:r1=0 A=0"]);
    }
    run(
        GUARD,
        &["mremap A B; r0 = read A; r1 = read B; r2 = madvise B guard_remove; r3 = read B;"],
        "A=0",
    )
    .only(&["0:r0=maperr 0:r1=maperr 0:r2=ok 0:r3=0 A=maperr"]);
    let thread = "mremap A B dontunmap; r0 = read A; r1 = read B;";
    run(GUARD, &[thread], "A=0").only(&["0:r0=0 0:r1=maperr A=0"]);
    let thread = "madvise A guard_install; truncate F 0; r0 = read A; truncate F 1; r1 = read A; \
                  madvise A guard_remove; r2 = read A;";
    run(OF_FILE, &[thread], "A=0").only(&["0:r0=maperr 0:r1=maperr 0:r2=0 A=0"]);
}

#[test]
fn each_process_has_its_own() {
    let init = format!("{GUARD} fork child;");
    run(
        &init,
        &["madvise A guard_remove; r0 = read A;", "r0 = read A;"],
        "A=0",
    )
    .only(&["0:r0=0 1:r0=0 A=0", "0:r0=0 1:r0=maperr A=0"]);
    run(
        &init,
        &["madvise A guard_remove; r0 = read A;"],
        "child:A=0",
    )
    .only(&["0:r0=0 child:A=maperr"]);
}

#[test]
fn it_goes_on_over_a_hole() {
    let init = "pages A[3]; mmap A[0] rw; mmap A[2] rw;";
    let thread = "r0 = madvise A guard_install; r1 = read A[0]; r2 = read A[2]; r3 = madvise A guard_remove; r4 = read A[2];";
    run(init, &[thread], "A[0]=0")
        .only(&["0:r0=enomem 0:r1=maperr 0:r2=maperr 0:r3=enomem 0:r4=0 A[0]=0"]);
}

#[test]
fn another_cpu_goes_by_the_page_until_the_return() {
    run(
        SEVEN,
        &["madvise A guard_install;", "r0 = read A; r1 = read A;"],
        "A=0",
    )
    .only(&[
        "1:r0=7 1:r1=7 A=maperr",
        "1:r0=7 1:r1=maperr A=maperr",
        "1:r0=maperr 1:r1=maperr A=maperr",
    ]);
    run(
        SEVEN,
        &[
            "madvise A guard_install;",
            "r0 = write A 1; madvise A guard_remove;",
        ],
        "A=0",
    )
    .allows("1:r0=ok A=maperr")
    .allows("1:r0=ok A=0")
    .allows("1:r0=maperr A=0")
    .forbids("1:r0=maperr A=maperr")
    .forbids("1:r0=ok A=7");
}

/// Each call goes through its pages one by one.
#[test]
fn two_calls_meet_on_each_page() {
    let init = "pages A[2]; mmap A rw;";
    let threads = ["madvise A guard_install;", "madvise A guard_remove;"];
    run(init, &threads, "A[0]=0 /\\ A[1]=0").only(&[
        "A[0]=0 A[1]=0",
        "A[0]=0 A[1]=maperr",
        "A[0]=maperr A[1]=0",
        "A[0]=maperr A[1]=maperr",
    ]);
    let threads = [
        "madvise A guard_install;",
        "madvise A guard_remove; r0 = read A[0];",
    ];
    run(init, &threads, "A[1]=0")
        .allows("1:r0=maperr A[1]=0")
        .allows("1:r0=0 A[1]=maperr");
    // What was there before the later call is there until that returns.
    let threads = [
        "madvise A guard_install;",
        "madvise A guard_remove; r0 = read A[1];",
    ];
    run(init, &threads, "A[0]=0 /\\ A[1]=0").allows("1:r0=0 A[0]=0 A[1]=maperr");
}

/// As Linux has it until some fix.
#[test]
fn a_flush_that_is_due_may_come_after_the_return() {
    let threads = [
        "madvise A guard_install; r0 = read A;",
        "madvise A dontneed; r0 = read A;",
    ];
    run(SEVEN, &threads, "A=0").forbids("0:r0=7");
    let rules = Rules {
        guards: GuardRules {
            install_flushes: false,
            ..GuardRules::default()
        },
        ..Rules::default()
    };
    run_under(&rules, SEVEN, &threads, "A=0").allows("0:r0=7 1:r0=maperr");
    run_under(&rules, SEVEN, &threads, "A=0").forbids("1:r0=7");
    run_under(&rules, SEVEN, &threads[..1], "A=0").only(&["0:r0=maperr A=maperr"]);
}

/// As Linux has it until some fix.
#[test]
fn a_race_of_truncate_may_end_it() {
    let init = format!("{OF_FILE} madvise A guard_install;");
    let threads = ["punch F[0]; r0 = read A;", "r0 = read B;"];
    run(&init, &threads, "A=0").forbids("0:r0=0");
    let rules = Rules {
        guards: GuardRules {
            survive_races: false,
            ..GuardRules::default()
        },
        ..Rules::default()
    };
    run_under(&rules, &init, &threads, "A=0")
        .allows("0:r0=0")
        .allows("0:r0=maperr A=maperr");
}
