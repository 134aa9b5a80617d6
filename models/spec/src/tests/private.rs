//! Private mappings of files: what a process stores is its own, and what it has not stored to is the file's.

use super::run;

/// A file of two pages, mapped privately at `A` and shared at `B`.
const BOTH: &str =
    "file F[2] = {5, 6}; pages A[2]; pages B[2]; mmap A rw private F[0]; mmap B rw shared F[0];";
const FOUND: &str = r"A[0]=0 /\ B[0]=0";

#[test]
fn a_store_is_not_in_the_file() {
    let thread = "r0 = read A[0]; r1 = write A[0] 1; r2 = read A[0]; r3 = read B[0]; r4 = xchg A[1] 2; r5 = read B[1];";
    run(BOTH, &[thread], FOUND).only(&["0:r0=5 0:r1=ok 0:r2=1 0:r3=5 0:r4=6 0:r5=6 A[0]=1 B[0]=5"]);
}

#[test]
fn what_is_not_stored_to_is_the_file_s() {
    let thread =
        "r0 = read A[0]; write B[0] 7; r1 = read A[0]; write A[0] 1; write B[0] 8; r2 = read A[0];";
    run(BOTH, &[thread], FOUND).only(&["0:r0=5 0:r1=7 0:r2=1 A[0]=1 B[0]=8"]);
}

/// A copy is made of one state of the file, and what comes later is not in it.
#[test]
fn populating_for_writing_copies() {
    for call in [
        "madvise A populate_write",
        "mmap A rw private F[0] populate",
    ] {
        let thread = &format!("r0 = {call}; write B[0] 7; r1 = read A[0];");
        run(BOTH, &[thread], FOUND).only(&["0:r0=ok 0:r1=5 A[0]=5 B[0]=7"]);
    }
    for call in ["madvise A populate_read", "mmap A r private F[0] populate"] {
        let thread = &format!("r0 = {call}; write B[0] 7; r1 = read A[0];");
        run(BOTH, &[thread], FOUND).only(&["0:r0=ok 0:r1=7 A[0]=7 B[0]=7"]);
    }
}

#[test]
fn what_is_discarded_is_the_file_s_again() {
    let thread = "write A[0] 1; r0 = madvise A dontneed; r1 = read A[0]; r2 = madvise A free;";
    run(BOTH, &[thread], FOUND).only(&["0:r0=ok 0:r1=5 0:r2=einval A[0]=5 B[0]=5"]);
    let thread = "write A[0] 1; munmap A; r0 = read A[0]; mmap A rw private F[1]; r1 = read A[0]; r2 = read A[1];";
    run(BOTH, &[thread], FOUND).only(&["0:r0=maperr 0:r1=6 0:r2=bus A[0]=6 B[0]=5"]);
}

#[test]
fn a_child_has_the_copies_and_goes_on_with_the_file() {
    let init = &format!("{BOTH} write A[0] 1; fork c;");
    let found = r"A[0]=0 /\ A[1]=0 /\ c:A[0]=0 /\ c:A[1]=0";
    let threads = ["write B[1] 7; write A[0] 2;", "c: r0 = write A[1] 3;"];
    run(init, &threads, found).only(&["1:r0=ok A[0]=2 A[1]=7 c:A[0]=1 c:A[1]=3"]);
}

#[test]
fn what_moves_takes_its_copies_along_and_goes_on_with_the_file() {
    let init = "file F[3] = {5, 6, 7}; pages A[2]; pages B[4]; mmap A rw private F[0];";
    let found = r"A[0]=0 /\ B[0]=0 /\ B[1]=0 /\ B[2]=0 /\ B[3]=0";
    run(
        init,
        &["write A[0] 1; r0 = mremap A B; r1 = madvise B dontneed; r2 = write B[2] 9;"],
        found,
    )
    .only(&["0:r0=ok 0:r1=ok 0:r2=ok A[0]=maperr B[0]=5 B[1]=6 B[2]=9 B[3]=bus"]);
    // Of one file, but not of one mapping.
    let init = &format!("{init} mmap A[1] rw shared F[1];");
    run(init, &["r0 = mremap A B;"], found)
        .only(&["0:r0=efault A[0]=5 B[0]=maperr B[1]=maperr B[2]=maperr B[3]=maperr"]);
}

#[test]
fn what_is_counted_is_the_page_cache_and_its_copies() {
    let init = "file F[1] = {5}; pages A[2]; mmap A rw private F[0];";
    let thread = "r0 = mincore A; write A[0] 1; r1 = mincore A; r2 = write A[1] 1; r3 = madvise A populate_write;";
    run(init, &[thread], "A[0]=0").only(&["0:r0=1 0:r1=1 0:r2=bus 0:r3=efault A[0]=1"]);
}

/// All CPUs of a process go by the copy from one moment on, though it may be of an older state than one of them
/// has seen.
#[test]
fn a_copy_beside_a_store_to_the_file() {
    let threads = [
        "write B[0] 7;",
        "r0 = read A[0]; r1 = read A[0];",
        "r0 = madvise A populate_write;",
    ];
    run(BOTH, &threads, FOUND)
        .allows("1:r0=7 1:r1=5 A[0]=5")
        .allows("1:r0=5 1:r1=7 A[0]=7")
        .allows("1:r0=5 1:r1=5 A[0]=7")
        .allows("1:r0=5 1:r1=5 A[0]=5")
        .forbids("1:r0=7 1:r1=5 A[0]=7")
        .allows("1:r0=5 1:r1=7 A[0]=5")
        .forbids("B[0]=5")
        .counts(7);
}

/// The first store's copy may go again, and the store come to another one.
#[test]
fn a_store_beside_a_discard() {
    let threads = [
        "r0 = write A[0] 1; r1 = read A[0];",
        "r0 = madvise A[0] dontneed;",
    ];
    run(BOTH, &threads, FOUND)
        .allows("0:r0=ok 0:r1=1 A[0]=1 B[0]=5")
        .allows("0:r0=ok 0:r1=1 A[0]=5 B[0]=5")
        .allows("0:r0=ok 0:r1=5 A[0]=5 B[0]=5")
        .forbids("B[0]=1");
}
