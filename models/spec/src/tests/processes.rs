//! What `fork` copies, and what processes see of each other.

use super::{NOTHING, TWO, run};

const BOTH: &str = r"A=0 /\ B=0 /\ c:A=0 /\ c:B=0";

#[test]
fn a_child_begins_with_what_its_parent_has() {
    let init = "pages A[5]; mmap A[0..3] rw; write A[0] 1; write A[1] 2; mprotect A[1] r; \
        mprotect A[2] none; mmap A[3] rx;";
    let finals = r"c:A[0]=0 /\ c:A[1]=0 /\ c:A[2]=0 /\ c:A[3]=0 /\ c:A[4]=0";
    let same = "c:A[0]=1 c:A[1]=2 c:A[2]=accerr c:A[3]=0 c:A[4]=maperr";
    run(init, &["r0 = fork c;"], finals)
        .allows(&format!("0:r0=ok {same}"))
        .counts(1);
    let init = format!("{init} fork c;");
    run(&init, &["munmap A;"], finals).allows(same).counts(1);
    // Its protections are those of the parent too.
    let thread = "c: r0 = write A[0] 5; r1 = write A[1] 5; r2 = exec A[3]; r3 = read A[4];";
    run(&init, &["munmap A;", thread], finals)
        .allows("1:r0=ok 1:r1=accerr 1:r2=ok 1:r3=maperr c:A[0]=5 c:A[1]=2")
        .counts(1);
}

#[test]
fn stores_after_a_fork_are_seen_in_one_process_alone() {
    let init = &format!("{TWO} write A 1; fork c;");
    let threads = [
        "write A 2; r0 = read A;",
        "c: r0 = read A; write A 3; r1 = read A;",
    ];
    run(init, &threads, r"A=0 /\ c:A=0")
        .allows("0:r0=2 1:r0=1 1:r1=3 A=2 c:A=3")
        .counts(1);
}

#[test]
fn a_child_has_no_later_store_without_the_earlier_ones() {
    run(TWO, &["fork c;", "write A 1; write B 1;"], BOTH)
        .allows("c:A=0 c:B=0")
        .allows("c:A=1 c:B=0")
        .allows("c:A=1 c:B=1")
        .forbids("c:A=0 c:B=1")
        .forbids("A=0")
        .counts(3);
}

#[test]
fn a_child_has_what_its_parents_cpu_has_seen() {
    let threads = ["r0 = read B; fork c;", "write A 1; write B 1;"];
    run(TWO, &threads, BOTH)
        .allows("0:r0=1 c:A=1 c:B=1")
        .forbids("0:r0=1 c:A=0")
        .forbids("0:r0=1 c:B=0")
        .counts(4);
}

#[test]
fn a_fork_sees_a_call_wholly_or_not_at_all() {
    let init = "pages A[2]; mmap A rw; write A[0] 1; write A[1] 1;";
    let finals = r"c:A[0]=0 /\ c:A[1]=0";
    for (call, after) in [
        ("munmap A;", "maperr"),
        ("mprotect A none;", "accerr"),
        ("madvise A dontneed;", "0"),
        ("mmap A r;", "0"),
    ] {
        run(init, &["fork c;", call], finals)
            .allows("c:A[0]=1 c:A[1]=1")
            .allows(&format!("c:A[0]={after} c:A[1]={after}"))
            .counts(2);
    }
}

#[test]
fn a_fork_waits_for_a_dontneed() {
    // The child is behind the end of the call, not only behind its begin: what a CPU that went by
    // the old state stores is in nobody's page.
    let threads = ["fork c;", "madvise A dontneed;", "write A 2; r0 = read A;"];
    let finals = r"A=0 /\ c:A=0";
    run("page A; mmap A rw; write A 1;", &threads, finals)
        .allows("c:A=2 A=0")
        .allows("c:A=0 A=2")
        .allows("c:A=1 A=0")
        .allows("c:A=2 A=2")
        .forbids("c:A=1 A=1")
        .forbids("2:r0=0 c:A=1 A=2");
}

#[test]
fn a_fork_is_a_section_of_its_process() {
    // It knows what the sections before it knew, and those behind it what it knew.
    let init = "page F; page A; mmap F rw; mmap A rw;";
    run(
        init,
        &[
            "write F 1; munmap A;",
            "r0 = fork c; r1 = read A; r2 = read F;",
        ],
        "c:A=0",
    )
    .forbids("c:A=maperr 1:r2=0")
    .allows("c:A=0 1:r2=0");
    run(
        init,
        &[
            "write F 1; fork c;",
            "r0 = mmap A rw noreplace; munmap A; r1 = read F;",
        ],
        "c:A=0",
    )
    .forbids("c:A=0 1:r1=0")
    .allows("c:A=maperr 1:r1=0")
    .allows("c:A=maperr 1:r1=1")
    .allows("c:A=0 1:r1=1");
}

#[test]
fn each_process_has_mappings_of_its_own() {
    let init = "page F; page A; mmap F rw; mmap A rw; fork c;";
    let threads = [
        "write F 1; munmap A;",
        "c: r0 = mmap A rw noreplace; munmap A; r1 = mmap A rw noreplace;",
    ];
    run(init, &threads, r"A=0 /\ c:A=0 /\ F=0 /\ c:F=0")
        .allows("1:r0=eexist 1:r1=ok A=maperr c:A=0 F=1 c:F=0")
        .counts(1);
}

#[test]
fn a_childs_child_is_a_copy_of_the_child() {
    let init = &format!("{TWO} write A 1; fork c; write A 2; fork d;");
    run(
        init,
        &["write A 3;", "c: write A 4; fork e;", "d: r0 = read A;"],
        r"A=0 /\ c:A=0 /\ d:A=0 /\ e:A=0",
    )
    .allows("A=3 c:A=4 d:A=2 e:A=4 2:r0=2")
    .counts(1);
    run(init, &["fork e;", "write A 3;"], r"e:A=0 /\ d:A=0")
        .allows("e:A=2 d:A=2")
        .allows("e:A=3 d:A=2")
        .counts(2);
}

#[test]
fn a_fork_of_nothing_is_a_fork() {
    run("", &["r0 = fork c;"], NOTHING)
        .allows("0:r0=ok")
        .counts(1);
}

#[test]
fn memory_that_was_moved_is_copied() {
    run(
        "page A; page B; mmap A rw; write A 1;",
        &["mremap A B; fork c;", "write A 2;"],
        r"B=0 /\ c:A=0 /\ c:B=0",
    )
    .allows("c:A=maperr c:B=1 B=1")
    .allows("c:A=maperr c:B=2 B=2")
    .forbids("c:B=1 B=2")
    .counts(2);
}

#[test]
fn a_lazy_cpu_comes_back_to_its_own_process() {
    let init = &format!("{TWO} write A 1; fork c;");
    run(
        init,
        &["read A;", "c: switch lazy; switch c; r0 = read A;"],
        NOTHING,
    )
    .allows("1:r0=1")
    .counts(1);
}
