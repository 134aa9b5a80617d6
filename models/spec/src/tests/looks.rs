//! What `maps` and `smaps` find.

use super::{NOTHING, run};

const TWO: &str = "pages A[2]; mmap A rw; write A[0] 1; write A[1] 1;";

#[test]
fn holes_are_skipped_and_untouched_pages_not_counted() {
    let init = "pages A[4]; mmap A[0] rw; mmap A[2..4] r; write A[0] 1;";
    run(
        init,
        &["r0 = maps A; r1 = maps A[1]; r2 = smaps A; r3 = smaps A[1..4];"],
        NOTHING,
    )
    .only(&["0:r0=3 0:r1=0 0:r2=1 0:r3=0"]);
}

#[test]
fn whether_a_read_leaves_a_page_that_counts_is_open() {
    let thread = "r0 = read A; r1 = smaps A; r2 = write A 1; r3 = smaps A; madvise A dontneed; r4 = smaps A;";
    run("page A; mmap A rw;", &[thread], NOTHING).only(&[
        "0:r0=0 0:r1=0 0:r2=ok 0:r3=1 0:r4=0",
        "0:r0=0 0:r1=1 0:r2=ok 0:r3=1 0:r4=0",
    ]);
}

#[test]
fn a_page_that_stays_mapped_is_never_a_hole() {
    for change in [
        "mmap A r",
        "mprotect A[1] none",
        "madvise A dontneed",
        "madvise A free",
    ] {
        let threads = [&format!("{change};"), "r0 = maps A;"];
        run(TWO, &threads, NOTHING).only(&["1:r0=2"]);
    }
    run(TWO, &["mprotect A[1] r;", "r0 = smaps A;"], NOTHING).only(&["1:r0=2"]);
}

#[test]
fn a_list_is_no_moment() {
    let threads = ["munmap A;", "r0 = maps A; r1 = maps A;"];
    let counted = run(TWO, &threads, NOTHING);
    counted
        .allows("1:r0=1 1:r1=0")
        .allows("1:r0=2 1:r1=2")
        .allows("1:r0=0 1:r1=0");
    let init = "pages A[2]; mmap A[0] rw; write A[0] 1;";
    for look in ["maps", "smaps"] {
        let threads = ["mremap A[0] A[1];", &format!("r0 = {look} A;")];
        run(init, &threads, NOTHING).only(&["1:r0=0", "1:r0=1", "1:r0=2"]);
    }
}

#[test]
fn what_was_found_orders_nothing() {
    let threads = ["munmap A;", "r0 = maps A; r1 = read A;"];
    run("page A; mmap A rw; write A 1;", &threads, NOTHING).only(&[
        "1:r0=0 1:r1=1",
        "1:r0=0 1:r1=maperr",
        "1:r0=1 1:r1=1",
        "1:r0=1 1:r1=maperr",
    ]);
    // After the return nothing else is found.
    let init = "page A; page F; mmap A rw; mmap F rw;";
    run(
        init,
        &["munmap A; write F 1;", "r0 = read F; r1 = maps A;"],
        NOTHING,
    )
    .forbids("1:r0=1 1:r1=1")
    .allows("1:r0=1 1:r1=0");
}
