//! What accesses may show while system calls change what is mapped.

use super::{NOTHING, run};

/// A page to change and a page that serves as a flag.
const FLAG: &str = "page A; page F; page G; mmap A rw; mmap F rw; mmap G rw; write A 1;";

#[test]
fn munmap_against_a_write() {
    run(
        "page A; mmap A rw;",
        &["munmap A;", "r0 = write A 1; r1 = read A;"],
        "mapped(A)",
    )
    // The write sees the old state and the read the new one. The other way around nothing was
    // there that could be translated.
    .allows("1:r0=ok 1:r1=1")
    .allows("1:r0=ok 1:r1=maperr")
    .allows("1:r0=maperr 1:r1=maperr")
    .forbids("1:r0=maperr 1:r1=0")
    .forbids("1:r0=ok 1:r1=0")
    .forbids("mapped(A)=true")
    .counts(3);
}

#[test]
fn after_munmap_has_returned_nobody_writes() {
    run(
        FLAG,
        &["munmap A; write F 1;", "r0 = read F; r1 = write A 1;"],
        NOTHING,
    )
    .forbids("1:r0=1 1:r1=ok")
    .allows("1:r0=1 1:r1=maperr")
    .allows("1:r0=0 1:r1=maperr")
    .allows("1:r0=0 1:r1=ok");
}

#[test]
fn after_mprotect_has_returned_nobody_writes() {
    run(
        FLAG,
        &["mprotect A r; write F 1;", "r0 = read F; r1 = write A 1;"],
        NOTHING,
    )
    .forbids("1:r0=1 1:r1=ok")
    .allows("1:r0=1 1:r1=accerr")
    .counts(3);
}

#[test]
fn a_page_that_moves_is_one_memory_at_two_places() {
    let one = "page A; page B; mmap A rw; write A 1;";
    run(
        one,
        &["mremap A B;", "r0 = write A 2; r1 = read B;"],
        r"A=0 /\ B=0",
    )
    // Where the old place is gone, the new one is there.
    .allows("1:r0=ok 1:r1=2 A=maperr B=2")
    .allows("1:r0=ok 1:r1=maperr A=maperr B=2")
    .allows("1:r0=maperr 1:r1=1 A=maperr B=1")
    .forbids("1:r0=maperr 1:r1=maperr A=maperr B=1")
    .counts(3);
    run(one, &["mremap A B;", "r0 = read B; r1 = write A 2;"], "B=0")
        .allows("1:r0=1 1:r1=ok B=2")
        .forbids("1:r0=0");
    run(
        one,
        &["r0 = mremap A B; r1 = read A; r2 = read B;"],
        NOTHING,
    )
    .allows("0:r0=ok 0:r1=maperr 0:r2=1")
    .counts(1);
}

#[test]
fn three_cpus_meet_at_both_places_of_a_page_that_moves() {
    run(
        "page A; page B; mmap A rw; mmap B rw; write A 1; write B 7;",
        &[
            "mremap A B;",
            "r0 = write A 2;",
            "r0 = read B; r1 = read B;",
        ],
        "B=0",
    )
    .allows("1:r0=ok 2:r0=1 2:r1=2 B=2")
    .allows("1:r0=ok 2:r0=7 2:r1=2 B=2")
    .forbids("2:r0=1 2:r1=7")
    .forbids("2:r0=2 2:r1=1")
    .forbids("2:r0=maperr");
}

#[test]
fn a_move_says_what_is_wrong_with_it() {
    let pages = "pages A[4]; mmap A[0] rw; mmap A[2..4] rw; write A[3] 3; write A[2] 2;";
    let answers = |thread: &str| run(pages, &[thread], NOTHING);
    answers("r0 = mremap A[0..2] A[1..3];")
        .allows("0:r0=einval")
        .counts(1);
    answers("r0 = mremap A[1..3] A[2..4];")
        .allows("0:r0=einval")
        .counts(1);
    answers("r0 = mremap A[1] A[2]; r1 = read A[2];")
        .allows("0:r0=efault 0:r1=2")
        .counts(1);
    // The hole leaves what is at its new place.
    answers("r0 = mremap A[0..2] A[2..4]; r1 = read A[2]; r2 = read A[3];")
        .allows("0:r0=ok 0:r1=0 0:r2=3")
        .counts(1);
}

/// It says so without a look at what is mapped: no other call keeps it waiting.
#[test]
fn a_move_onto_itself_waits_for_nothing() {
    let reads = "r0 = read A[1]; r1 = mremap A[1] A[1]; r2 = read A[0];";
    let init = "pages A[2]; mmap A rw populate;";
    run(init, &["munmap A;", reads], NOTHING).allows("1:r0=maperr 1:r1=einval 1:r2=0");
    let moves = "r0 = read A[1]; r1 = mremap A[1] B; r2 = read A[0];";
    let init = "pages A[2]; page B; mmap A rw populate;";
    run(init, &["munmap A;", moves], NOTHING).forbids("1:r0=maperr 1:r1=efault 1:r2=0");
}

#[test]
fn an_added_permission_shows_early_and_orders_nothing() {
    run(
        FLAG,
        &[
            "mprotect A r; write F 1; mprotect A rw;",
            "r0 = write A 2; r1 = read F;",
        ],
        "A=0",
    )
    .allows("1:r0=ok 1:r1=0")
    .allows("1:r0=accerr 1:r1=0 A=1")
    .forbids("1:r0=accerr A=2");
    run(
        "page A; page F; mmap A r; mmap F rw;",
        &["write F 1; mprotect A rw;", "r0 = write A 2; r1 = read F;"],
        "A=0",
    )
    .allows("1:r0=ok 1:r1=0 A=2");
}

#[test]
fn after_dontneed_has_returned_nobody_reads_the_old_word() {
    run(
        FLAG,
        &[
            "madvise A dontneed; write F 1;",
            "r0 = read F; r1 = read A;",
        ],
        NOTHING,
    )
    .forbids("1:r0=1 1:r1=1")
    .allows("1:r0=0 1:r1=1")
    .counts(3);
}

#[test]
fn a_store_during_dontneed_is_kept_or_lost() {
    run(
        FLAG,
        &["madvise A dontneed;", "r0 = write A 2; r1 = read A;"],
        "A=0",
    )
    .allows("A=2 1:r1=2")
    .allows("A=0 1:r1=2")
    .allows("A=0 1:r1=0")
    // The fault of a write leaves no translation for a read.
    .forbids("A=2 1:r1=1")
    .forbids("A=1");
}

#[test]
fn replacing_a_mapping_leaves_no_gap() {
    run(
        FLAG,
        &[
            "mmap A rw; write F 1;",
            "r0 = read A; r1 = read F; r2 = read A;",
        ],
        NOTHING,
    )
    .forbids("1:r0=maperr")
    .forbids("1:r2=maperr")
    .forbids("1:r0=0 1:r2=1")
    .forbids("1:r1=1 1:r2=1")
    .allows("1:r0=1 1:r2=0");
}

#[test]
fn one_of_two_dontneeds_is_enough() {
    let threads = [
        "madvise A dontneed; write F 1;",
        "madvise A dontneed;",
        "r0 = read F; r1 = read A;",
    ];
    run(FLAG, &threads, NOTHING)
        .forbids("2:r0=1 2:r1=1")
        .allows("2:r0=0 2:r1=1");
}

#[test]
fn each_dontneed_discards_what_was_written_before_its_call() {
    // The store of 2 is before the second call, which has returned before the read.
    let threads = [
        "madvise A dontneed;",
        "write A 2; madvise A dontneed; write F 1;",
        "r0 = read F; r1 = read A;",
    ];
    run(FLAG, &threads, "A=0")
        .forbids("2:r0=1 2:r1=2")
        .forbids("2:r0=1 2:r1=1")
        .forbids("A=2")
        .forbids("A=1");
    // Between its two callers a store may belong to either incarnation or to the last.
    let threads = [
        "madvise A dontneed;",
        "madvise A dontneed;",
        "write A 2; r0 = read A;",
    ];
    run(FLAG, &threads, "A=0")
        .allows("A=2 2:r0=2")
        .allows("A=0 2:r0=2")
        .allows("A=0 2:r0=0");
}

#[test]
fn each_kind_of_access_goes_new_once() {
    let reads = "r0 = read A; r1 = read A; r2 = write A 5; r3 = read A;";
    run(FLAG, &["munmap A;", reads], NOTHING)
        .forbids("1:r0=maperr 1:r1=1")
        .forbids("1:r1=maperr 1:r3=5")
        .allows("1:r0=1 1:r1=maperr 1:r2=ok 1:r3=maperr")
        .allows("1:r1=1 1:r2=maperr 1:r3=1");
}

#[test]
fn one_cpu_may_go_new_before_another() {
    let threads = [
        "munmap A;",
        "r0 = read A; write F 1;",
        "r0 = read F; r1 = read A;",
    ];
    run(FLAG, &threads, NOTHING).allows("1:r0=maperr 2:r0=1 2:r1=1");
}

#[test]
fn the_caller_goes_new_with_its_return() {
    run(
        FLAG,
        &["r0 = munmap A; r1 = read A; r2 = mmap A r; r3 = read A;"],
        NOTHING,
    )
    .allows("0:r0=ok 0:r1=maperr 0:r2=ok 0:r3=0")
    .counts(1);
}

#[test]
fn sections_synchronize() {
    let threads = [
        "write F 1; munmap A;",
        "r0 = mmap A rw noreplace; r1 = read F;",
    ];
    run(FLAG, &threads, NOTHING)
        .forbids("1:r0=ok 1:r1=0")
        .allows("1:r0=eexist 1:r1=0")
        .allows("1:r0=eexist 1:r1=1")
        .counts(3);
}

#[test]
fn exclusive_calls_do_not_overlap() {
    // Two pages that were both seen gone belong to calls of which one has returned.
    let threads = [
        "munmap A;",
        "munmap G;",
        "r0 = read A; r1 = read G; write F 1;",
        "r0 = read F; r1 = read A; r2 = read G;",
    ];
    run(FLAG, &threads, NOTHING)
        .forbids("2:r0=maperr 2:r1=maperr 3:r0=1 3:r1=1 3:r2=0")
        .allows("2:r0=maperr 2:r1=0 3:r0=1 3:r1=1 3:r2=0");
}

#[test]
fn dontneed_after_a_munmap_that_still_lingers() {
    let threads = ["munmap A;", "r0 = madvise A dontneed; r1 = read A;"];
    run(FLAG, &threads, NOTHING)
        .allows("1:r0=enomem 1:r1=1")
        .allows("1:r0=enomem 1:r1=maperr")
        .allows("1:r0=ok 1:r1=0")
        .forbids("1:r0=ok 1:r1=1");
}

#[test]
fn a_lost_store_is_lost_with_its_incarnation() {
    run(
        FLAG,
        &["munmap A; mmap A rw; r0 = read A;", "r0 = write A 2;"],
        "A=0",
    )
    .allows("0:r0=2 1:r0=ok A=2")
    .allows("0:r0=0 1:r0=ok A=0")
    .allows("0:r0=0 1:r0=ok A=2")
    .allows("1:r0=maperr A=0")
    .forbids("0:r0=1");
}
