//! Locked mappings: their pages come, and stay.

use super::{run, run_under};
use crate::{LockRules, Rules};
use seqfault_lang::ops::Answer;

const MAPPED: &str = "page A; mmap A rw;";
const SHARED: &str = "page A; mmap A rw; write A 1; mprotect A r; fork c;";

#[test]
fn what_is_locked_is_there() {
    run(MAPPED, &["r0 = mlock A; r1 = mincore A;"], "present(A)")
        .only(&["0:r0=ok 0:r1=1 present(A)=true"]);
    run(MAPPED, &["r0 = munlock A; r1 = mincore A;"], "present(A)")
        .only(&["0:r0=ok 0:r1=0 present(A)=false"]);
    // It is brought in page by page, by a mapping that others may have unmapped meanwhile.
    run(MAPPED, &["r0 = mlock A;", "r0 = munmap A;"], "mapped(A)").only(&[
        "0:r0=ok 1:r0=ok mapped(A)=false",
        "0:r0=enomem 1:r0=ok mapped(A)=false",
    ]);
}

#[test]
fn over_a_hole_it_locks_and_brings_nothing_in() {
    let init = "pages A[3]; mmap A[0] rw; mmap A[2] rw;";
    let thread =
        "r0 = mlock A; r1 = madvise A[0] dontneed; r2 = madvise A[2] dontneed; r3 = mincore A[0];";
    run(init, &[thread], "mapped(A[0])")
        .only(&["0:r0=enomem 0:r1=einval 0:r2=ok 0:r3=0 mapped(A[0])=true"]);
    let thread = "r0 = mlock A[0]; r1 = munlock A; r2 = madvise A[0] dontneed;";
    run(init, &[thread], "mapped(A[0])").only(&["0:r0=ok 0:r1=enomem 0:r2=ok mapped(A[0])=true"]);
}

#[test]
fn what_cannot_come_ends_it() {
    let init = "file F[1] = {5}; pages A[2]; pages B[2]; pages C[2]; mmap A none; mmap B rw; \
                madvise B[0] guard_install; mmap C r private F[0];";
    let thread = "r0 = mlock A; r1 = mlock B; r2 = mlock C; r3 = mincore B;";
    run(init, &[thread], "mapped(A[0])")
        .only(&["0:r0=enomem 0:r1=enomem 0:r2=enomem 0:r3=0 mapped(A[0])=true"]);
    // What becomes writable is brought in then: a copy, if it maps a file.
    let thread = "r0 = mlock A; r1 = mprotect A rw; r2 = mincore A;";
    run(init, &[thread], "mapped(A[0])").only(&["0:r0=enomem 0:r1=ok 0:r2=2 mapped(A[0])=true"]);
    let init = "file F[1] = {5}; page C; page D; mmap C r private F[0]; mmap D rw shared F[0];";
    let thread = "r0 = mlock C; r1 = mprotect C rw; write D 6; r2 = read C;";
    run(init, &[thread], "D=6").only(&["0:r0=ok 0:r1=ok 0:r2=5 D=6"]);
}

#[test]
fn it_stays_for_all_who_have_it() {
    for reclaim in ["reclaim A", "madvise A pageout"] {
        run(
            SHARED,
            &["r0 = mlock A;", &format!("{reclaim};")],
            "present(A)",
        )
        .forbids("present(A)=false");
        run(
            SHARED,
            &["r0 = mlock A; munlock A;", &format!("{reclaim};")],
            "present(A)",
        )
        .allows("present(A)=false");
    }
    let init = "file F[1] = {5}; page A; page B; mmap A rw shared F[0]; mmap B rw shared F[0];";
    run(init, &["mlock A; reclaim B; r0 = mincore B;"], "A=5").only(&["0:r0=1 A=5"]);
    // Over a hole it is locked, and nothing was brought in that would keep the page.
    let init =
        "file F[1] = {5}; pages A[2]; page B; mmap A[0] rw shared F[0]; mmap B rw shared F[0];";
    run(
        init,
        &["mlock A; read B; reclaim B; r0 = mincore B;"],
        "B=5",
    )
    .only(&["0:r0=0 B=5", "0:r0=1 B=5"]);
}

#[test]
fn advice_ends_there() {
    let init = "pages A[3]; mmap A rw; write A[0] 1; write A[1] 2; write A[2] 3; mlock A[1];";
    let thread = "r0 = madvise A dontneed; r1 = read A[0]; r2 = read A[1]; r3 = read A[2];";
    run(init, &[thread], "A[1]=2").only(&["0:r0=einval 0:r1=0 0:r2=2 0:r3=3 A[1]=2"]);
    let thread = "r0 = madvise A free; r1 = madvise A cold; r2 = madvise A pageout; r3 = madvise A guard_install;";
    run(init, &[thread], "A[1]=2 /\\ A[0]=0 /\\ A[2]=3")
        .only(&["0:r0=einval 0:r1=einval 0:r2=einval 0:r3=einval A[0]=maperr A[1]=2 A[2]=3"]);
}

#[test]
fn it_moves_and_is_not_inherited() {
    let init = "page A; page B; mmap A rw; write A 1; mlock A;";
    let thread = "mremap A B dontunmap; r0 = madvise A dontneed; r1 = madvise B dontneed;";
    run(init, &[thread], "B=1").only(&["0:r0=ok 0:r1=einval B=1"]);
    let init = "page A; pages B[2]; mmap A rw; mlock A;";
    run(init, &["mremap A B; r0 = mincore B;"], "mapped(B[1])").only(&["0:r0=2 mapped(B[1])=true"]);
    let init = "page A; mmap A rw; mlock A; fork c;";
    run(init, &["r0 = madvise A dontneed;"], "mapped(A)").only(&["0:r0=einval mapped(A)=true"]);
}

#[test]
fn a_part_that_moves_may_unlock_all_on_linux() {
    let init = "pages A[2]; page B; mmap A rw; mlock A;";
    let thread = "r0 = mremap A[0] B dontunmap; r1 = madvise A[1] dontneed;";
    let told = [
        "0:r0=ok 0:r1=einval mapped(B)=true",
        "0:r0=ok 0:r1=ok mapped(B)=true",
    ];
    run(init, &[thread], "mapped(B)").only(&told[..1]);
    run_under(&Rules::linux(), init, &[thread], "mapped(B)").only(&told);
}

#[test]
fn each_rule_matters() {
    let with = |change: fn(&mut LockRules)| {
        let mut rules = Rules::default();
        change(&mut rules.locks);
        rules
    };
    type Wrong = (fn(&mut LockRules), &'static str, &'static str);
    let thread = "pages A[2]; pages B[2]; mmap A[0] r; mmap B[0] r; write A[0] 1;";
    let wrong: [Wrong; 7] = [
        (
            |r| r.populates = false,
            "mlock A[0]; r0 = mincore A[0];",
            "0:r0=0",
        ),
        (
            |r| r.cannot_come = Answer::EFAULT,
            "mmap A[0] none; r0 = mlock A[0];",
            "0:r0=efault",
        ),
        (
            |r| r.locks_before_hole = false,
            "mlock A; r0 = madvise A[0] dontneed;",
            "0:r0=ok",
        ),
        (
            |r| r.refuses_advice = false,
            "mlock A[0]; r0 = madvise A[0] cold;",
            "0:r0=ok",
        ),
        (
            |r| r.moves_with_mremap = false,
            "mlock A[0]; mremap A[0] B[1]; r0 = madvise B[1] dontneed;",
            "0:r0=ok",
        ),
        (
            |r| r.ends_where_it_was = false,
            "mlock A[0]; mremap A[0] B[1] dontunmap; r0 = madvise A[0] dontneed;",
            "0:r0=einval",
        ),
        (
            |r| r.mprotect_populates = false,
            "mmap A[0] none; mlock A[0]; mprotect A[0] rw; r0 = mincore A[0];",
            "0:r0=0",
        ),
    ];
    for (change, threads, outcome) in wrong {
        run(thread, &[threads], "mapped(B[0])").forbids(outcome);
        run_under(&with(change), thread, &[threads], "mapped(B[0])").allows(outcome);
    }
}
