//! `msync` and `writeback` show nowhere but in whether there is a hole, and what is reclaimed then in what is counted.

use super::{NOTHING, run};

const FILE: &str = "file F[2] = {5, 6} uncached; pages A[3]; pages B[2]; mmap A[0] rw shared F[0]; \
    mmap A[2] rw private F[0]; mmap B rw shared F[0];";

#[test]
fn a_hole_is_told_of() {
    let thread = "write A[0] 1; write A[2] 2; r0 = msync A; r1 = msync A[0]; r2 = msync A[1..3]; \
        r3 = msync A[1]; r4 = msync B;";
    run(FILE, &[thread], "A[0]=0 /\\ A[2]=0")
        .only(&["0:r0=enomem 0:r1=ok 0:r2=enomem 0:r3=enomem 0:r4=ok A[0]=1 A[2]=2"]);
}

#[test]
fn what_is_written_back_stays_what_it_is() {
    let threads = [
        "r0 = writeback A[0]; r1 = writeback A[1]; r2 = read B[0];",
        "write B[0] 7;",
    ];
    run(FILE, &threads, "A[0]=0").only(&[
        "0:r0=ok 0:r1=ok 0:r2=5 A[0]=7",
        "0:r0=ok 0:r1=ok 0:r2=7 A[0]=7",
    ]);
}

#[test]
fn a_hole_may_come_while_it_is_synced() {
    let threads = ["munmap B[1];", "r0 = msync B;"];
    run(FILE, &threads, NOTHING).only(&["1:r0=ok", "1:r0=enomem"]);
    let threads = ["mprotect B[1] r;", "r0 = msync B;"];
    run(FILE, &threads, NOTHING).only(&["1:r0=ok"]);
}

#[test]
fn what_leaves_the_page_cache_is_the_same_when_it_comes_again() {
    let thread = "write A[0] 7; r0 = writeback A[0]; r1 = reclaim A[0]; r2 = mincore A[0]; r3 = read B[0]; \
        write A[2] 8; r4 = madvise A pageout; r5 = read A[2];";
    run(FILE, &[thread], "A[0]=0").only(&[
        "0:r0=ok 0:r1=ok 0:r2=0 0:r3=7 0:r4=enomem 0:r5=8 A[0]=7",
        "0:r0=ok 0:r1=ok 0:r2=1 0:r3=7 0:r4=enomem 0:r5=8 A[0]=7",
    ]);
    let thread = "read A[0]; r0 = mincore B[0]; reclaim A[0]; read B[0]; r1 = mincore A[0]; \
        read B[1]; r2 = mincore B[1];";
    run(FILE, &[thread], NOTHING).only(&["0:r0=1 0:r1=1 0:r2=1"]);
    let threads = [
        "reclaim A[0];",
        "r0 = read B[0]; write B[0] 9; r1 = read A[0];",
    ];
    run(FILE, &threads, NOTHING).only(&["1:r0=5 1:r1=9"]);
}
