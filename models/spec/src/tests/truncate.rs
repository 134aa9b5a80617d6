//! Files that become shorter and longer.

use super::{run, run_under};
use crate::Rules;

/// A file of two pages, mapped shared at `A` and privately at `B`.
const BOTH: &str =
    "file F[2] = {5, 6}; pages A[3]; pages B[2]; mmap A rw shared F[0]; mmap B rw private F[0];";
const FOUND: &str = r"A[0]=0 /\ A[1]=0 /\ A[2]=0 /\ B[0]=0 /\ B[1]=0";

#[test]
fn what_is_behind_the_new_end_is_gone() {
    let thread =
        "write A[1] 1; r0 = truncate F 1; r1 = read A[1]; r2 = write B[1] 2; r3 = read A[0];";
    run(BOTH, &[thread], FOUND)
        .only(&["0:r0=ok 0:r1=bus 0:r2=bus 0:r3=5 A[0]=5 A[1]=bus A[2]=bus B[0]=5 B[1]=bus"]);
    let thread =
        "r0 = truncate F 0; r1 = mincore A; r2 = madvise A populate_read; r3 = munmap A[0];";
    run(BOTH, &[thread], FOUND).only(&[
        "0:r0=ok 0:r1=0 0:r2=efault 0:r3=ok A[0]=maperr A[1]=bus A[2]=bus B[0]=bus B[1]=bus",
    ]);
}

#[test]
fn what_comes_again_is_zero() {
    let thread = "write B[1] 1; truncate F 1; r0 = truncate F 2; r1 = read A[1]; r2 = read A[2]; r3 = read B[1];
        write A[1] 7; r4 = read B[1]; r5 = mincore A;";
    run(BOTH, &[thread], FOUND).only(&[
        "0:r0=ok 0:r1=0 0:r2=bus 0:r3=0 0:r4=7 0:r5=2 A[0]=5 A[1]=7 A[2]=bus B[0]=5 B[1]=7",
    ]);
}

#[test]
fn what_is_mapped_behind_the_end_is_there_when_the_file_is_longer() {
    let init =
        "file F[2] = {5, 6}; pages A[2]; page B; truncate F 1; mmap A rw shared F[0]; fork c;";
    let thread = "r0 = read A[1]; truncate F 2; r1 = write A[1] 6; r2 = mremap A[1] B;";
    run(init, &[thread], r"B=0 /\ c:A[1]=0").only(&["0:r0=bus 0:r1=ok 0:r2=ok B=6 c:A[1]=6"]);
}

/// Only `truncate` flushes what it has cleared where `mremap dontunmap` has nothing to unmap.
#[test]
fn what_it_has_cleared_may_show_where_nothing_is_unmapped() {
    let init = "file F[1] = {5}; page A; page B; mmap A rw private F[0]; write A 7;";
    let left = ["mremap A B dontunmap; r0 = read A;", "truncate F 0;"];
    run(init, &left, "A=0").only(&["0:r0=7 A=bus", "0:r0=5 A=bus", "0:r0=bus A=bus"]);
    let rules = Rules {
        dontunmap_flushes: true,
        ..Rules::default()
    };
    run_under(&rules, init, &left, "A=0").forbids("0:r0=7");
    run(init, &left[..1], "A=0").only(&["0:r0=5 A=5"]);
    let unmapped = ["mremap A B; mmap A rw private F[0]; r0 = read A;", left[1]];
    run(init, &unmapped, "A=0").forbids("0:r0=7");
}

#[test]
fn accesses_beside_it_are_before_it_or_find_nothing() {
    run(
        BOTH,
        &["r0 = write A[0] 1; r1 = read A[0];", "r0 = truncate F 0;"],
        r"A[0]=0",
    )
    .only(&[
        "0:r0=ok 0:r1=1 1:r0=ok A[0]=bus",
        "0:r0=ok 0:r1=bus 1:r0=ok A[0]=bus",
        "0:r0=bus 0:r1=bus 1:r0=ok A[0]=bus",
    ]);
    // Behind its return nothing is left, in no process.
    let init = &format!("{BOTH} write B[0] 3; fork c;");
    let threads = [
        "truncate F 0; write A[2] 1;",
        "c: r0 = read A[0]; r1 = read B[0];",
    ];
    run(init, &threads, r"A[0]=0 /\ c:A[0]=0 /\ c:B[0]=0")
        .allows("1:r0=5 1:r1=3 c:B[0]=bus")
        .allows("1:r0=bus 1:r1=3 c:B[0]=bus")
        .allows("1:r0=bus 1:r1=bus c:A[0]=bus")
        .allows("1:r0=5 1:r1=bus")
        .forbids("c:B[0]=3")
        .counts(4);
}

#[test]
fn a_mapping_made_beside_it_is_of_the_old_length_or_the_new() {
    let init = "file F[1] = {5}; page A; page B; mmap B rw private F[0];";
    run(
        init,
        &[
            "r0 = mmap A rw shared F[0] populate; r1 = read A;",
            "truncate F 0; truncate F 1;",
        ],
        "A=0",
    )
    .allows("0:r0=ok 0:r1=5 A=0")
    .allows("0:r0=ok 0:r1=bus A=0")
    .allows("0:r0=ok 0:r1=0 A=0")
    .counts(3);
}

/// A copy that is made beside it goes with the page.
#[test]
fn a_private_copy_beside_it() {
    run(
        BOTH,
        &[
            "r0 = xchg B[0] 1; r1 = read B[0];",
            "truncate F 0; truncate F 2;",
        ],
        FOUND,
    )
    .allows("0:r0=5 0:r1=1 B[0]=0")
    .allows("0:r0=5 0:r1=bus B[0]=0")
    .allows("0:r0=5 0:r1=0 B[0]=0")
    .allows("0:r0=bus 0:r1=bus B[0]=0")
    .allows("0:r0=bus 0:r1=0 B[0]=0")
    .allows("0:r0=0 0:r1=1 B[0]=1")
    .counts(6);
}

/// A page that comes with the length is in the page cache when it is touched.
#[test]
fn what_is_counted_was_touched() {
    let init = &format!("{BOTH} truncate F 0; truncate F 2;");
    let thread =
        "r0 = mincore A; r1 = read B[1]; r2 = mincore A; r3 = write B[0] 1; r4 = mincore A;";
    run(init, &[thread], "A[0]=0").only(&["0:r0=0 0:r1=0 0:r2=1 0:r3=ok 0:r4=2 A[0]=0"]);
    let thread =
        "r0 = madvise A[1] populate_write; r1 = mincore A; r2 = exec A[0]; r3 = mincore B;";
    run(init, &[thread], "A[0]=0")
        .allows("0:r0=ok 0:r1=1")
        .forbids("0:r1=0")
        .forbids("0:r1=2");
}

/// What is being unmapped may have left the file's list of mappings before its translations are gone.
#[test]
fn a_mapping_that_is_being_unmapped_may_show_what_went() {
    let init = "file F[1] = {5}; page A; mmap A rw shared F[0];";
    let threads = [
        "r0 = read A; truncate F 0; r1 = read A;",
        "munmap A; r0 = read A;",
    ];
    run(init, &threads, "A=0")
        .allows("0:r0=5 0:r1=5 1:r0=maperr")
        .allows("0:r0=5 0:r1=bus 1:r0=maperr")
        .allows("0:r0=5 0:r1=maperr 1:r0=maperr")
        .forbids("0:r0=maperr 0:r1=5")
        .counts(4);
    let threads = ["truncate F 0; r1 = read A;", "r0 = munmap A;"];
    run(init, &threads, "A=0")
        .allows("0:r1=5 1:r0=ok A=maperr")
        .counts(3);
}

/// What is gone in one process may be there in another one still: nothing is accessed there any more, but populated.
#[test]
fn processes_are_visited_one_after_the_other() {
    let init = "file F[1] = {5}; file G[1]; page A; page B; mmap A rw shared F[0]; mmap B rw shared G[0]; read A; fork c;";
    let threads = [
        "truncate F 0;",
        "c: r0 = read A; write B 1;",
        "r0 = read B; r1 = madvise A populate_read;",
    ];
    run(init, &threads, r"c:A=0")
        .allows("1:r0=bus 2:r0=1 2:r1=ok")
        .allows("1:r0=bus 2:r0=1 2:r1=efault")
        .allows("1:r0=5 2:r0=1 2:r1=ok");
}

/// Two of one file come one after the other.
#[test]
fn two_of_one_file() {
    run(
        BOTH,
        &[
            "r0 = truncate F 1; r1 = read A[1];",
            "r0 = truncate F 2; r1 = read A[1];",
        ],
        "A[1]=0",
    )
    .allows("0:r1=bus 1:r1=0 A[1]=0")
    .allows("0:r1=bus 1:r1=6 A[1]=bus")
    .forbids("A[1]=6");
}

#[test]
fn a_hole_is_zero_but_in_copies() {
    let thread = "write B[1] 1; punch F[0]; punch F[1]; r0 = mincore A[0..2]; r1 = read A[0]; r2 = mincore B; \
        r3 = read B[1]; r4 = read A[2];";
    run(BOTH, &[thread], FOUND)
        .only(&["0:r0=0 0:r1=0 0:r2=2 0:r3=1 0:r4=bus A[0]=0 A[1]=0 A[2]=bus B[0]=0 B[1]=1"]);
    let init = &format!("{BOTH} fork c;");
    let threads = [
        "punch F[0]; r0 = read A[0];",
        "c: r0 = read B[0]; r1 = read A[0];",
    ];
    run(init, &threads, "c:A[0]=0").only(&[
        "0:r0=0 1:r0=5 1:r1=5 c:A[0]=0",
        "0:r0=0 1:r0=5 1:r1=0 c:A[0]=0",
        "0:r0=0 1:r0=0 1:r1=0 c:A[0]=0",
        "0:r0=0 1:r0=0 1:r1=5 c:A[0]=0",
    ]);
}
