//! Each rule matters: changing it alone changes what some test may show.

use super::{NOTHING, TWO, run, run_under};
use crate::{DontneedLock, Freedom, HoleRule, Placement, Rules};
use seqfault_lang::ops::Answer;

/// Asserts that the reference forbids an outcome and that the rules with one change allow it.
#[track_caller]
fn weaker(change: impl Fn(&mut Rules), outcome: &str, init: &str, threads: &[&str], finals: &str) {
    run(init, threads, finals).forbids(outcome);
    let mut rules = Rules::default();
    change(&mut rules);
    run_under(&rules, init, threads, finals).allows(outcome);
}

/// Asserts that the reference allows an outcome and that the rules with one change forbid it.
#[track_caller]
fn stronger(
    change: impl Fn(&mut Rules),
    outcome: &str,
    init: &str,
    threads: &[&str],
    finals: &str,
) {
    run(init, threads, finals).allows(outcome);
    let mut rules = Rules::default();
    change(&mut rules);
    run_under(&rules, init, threads, finals).forbids(outcome);
}

const FLAG: &str = "page A; page F; page G; mmap A rw; mmap F rw; mmap G rw; write A 1;";
const HOLE: &str = "pages A[3]; mmap A rw; munmap A[1]; write A[0] 1; write A[2] 3;";

#[test]
fn placement() {
    let threads = ["write A 1; write B 2;", "write B 1; write A 2;"];
    stronger(
        |r| r.placement = Placement::Last,
        "A=1 B=1",
        TWO,
        &threads,
        r"A=0 /\ B=0",
    );
}

#[test]
fn stale_reads() {
    let threads = ["write A 1; r0 = read B;", "write B 1; r0 = read A;"];
    stronger(
        |r| r.stale_reads = false,
        "0:r0=0 1:r0=0",
        TWO,
        &threads,
        NOTHING,
    );
}

#[test]
fn release_acquire() {
    let threads = ["write A 1; write B 1;", "r0 = read B; r1 = read A;"];
    weaker(
        |r| r.release_acquire = false,
        "1:r0=1 1:r1=0",
        TWO,
        &threads,
        NOTHING,
    );
}

#[test]
fn atomic_xchg() {
    let threads = ["r0 = xchg A 1;", "r0 = xchg A 2;"];
    weaker(
        |r| r.atomic_xchg = false,
        "0:r0=0 1:r0=0",
        TWO,
        &threads,
        NOTHING,
    );
}

#[test]
fn window() {
    let threads = [
        "munmap A;",
        "r0 = read A; write F 1;",
        "r0 = read F; r1 = read A;",
    ];
    stronger(
        |r| r.window = false,
        "1:r0=maperr 2:r0=1 2:r1=1",
        FLAG,
        &threads,
        NOTHING,
    );
}

#[test]
fn cpus_differ() {
    let threads = [
        "munmap A;",
        "r0 = read A; write F 1;",
        "r0 = read F; r1 = read A;",
    ];
    stronger(
        |r| r.cpus_differ = false,
        "1:r0=maperr 2:r0=1 2:r1=1",
        FLAG,
        &threads,
        NOTHING,
    );
}

#[test]
fn kinds_differ() {
    let threads = ["munmap A;", "r0 = write A 2; r1 = read A;"];
    stronger(
        |r| r.kinds_differ = false,
        "1:r0=maperr 1:r1=1",
        FLAG,
        &threads,
        NOTHING,
    );
}

/// Nothing was there to be translated, so what a fault has found gone is gone for reads as well.
#[test]
fn a_kind_stays_behind_only_by_a_translation() {
    let untouched = "page A; mmap A rw;";
    let munmap = ["munmap A;", "r0 = write A 1; r1 = read A;"];
    let apart = |rules: &mut Rules| rules.kinds_need_translation = false;
    weaker(apart, "1:r0=maperr 1:r1=0", untouched, &munmap, NOTHING);
    // Once another CPU has read it, there may be one.
    let reader = ["munmap A;", "r0 = write A 1; r1 = read A;", "r0 = read A;"];
    run(untouched, &reader, NOTHING).allows("1:r0=maperr 1:r1=0 2:r0=0");
    // So there may after an instruction fetch that was refused.
    let fetch = ["munmap A;", "r0 = exec A; r1 = write A 1; r2 = read A;"];
    run(untouched, &fetch, NOTHING).allows("1:r0=accerr 1:r1=maperr 1:r2=0");
}

/// A CPU does not read what was there before its own store, whichever CPU has faulted for it.
#[test]
fn who_faults_leaves_no_translation() {
    let threads = ["madvise A dontneed;", "r0 = write A 2; r1 = read A;"];
    let apart = |rules: &mut Rules| rules.kinds_need_translation = false;
    weaker(apart, "1:r0=ok 1:r1=1", FLAG, &threads, NOTHING);
    let three = [threads[0], threads[1], "r0 = write A 3;"];
    run(FLAG, &three, NOTHING).forbids("1:r0=ok 1:r1=1 2:r0=ok");
    // Nor does it store behind what it has read.
    let reads = [threads[0], "r0 = read A; r1 = xchg A 2;", "r0 = write A 3;"];
    run(FLAG, &reads, NOTHING)
        .forbids("1:r0=3 1:r1=1")
        .forbids("1:r0=0 1:r1=1");
    // Instructions are fetched by translations of their own.
    let fetch = ["munmap A;", "r0 = write A 2; r1 = exec A;", "r0 = exec A;"];
    run("page A; mmap A rwx; write A 1;", &fetch, NOTHING).allows("1:r0=maperr 1:r1=ok");
}

#[test]
fn mremap_clears_first() {
    weaker(
        |r| r.mremap_clears_first = false,
        "1:r0=maperr 1:r1=7",
        "page A; page B; mmap A rw; mmap B rw; write A 1; write B 7;",
        &["mremap A B;", "r0 = xchg A 2; r1 = read B;"],
        NOTHING,
    );
}

#[test]
fn monotonic() {
    let threads = ["munmap A;", "r0 = read A; r1 = read A;"];
    weaker(
        |r| r.monotonic = false,
        "1:r0=maperr 1:r1=1",
        FLAG,
        &threads,
        NOTHING,
    );
}

#[test]
fn revoke_on_return() {
    let threads = ["munmap A; write F 1;", "r0 = read F; r1 = read A;"];
    weaker(
        |r| r.revoke_on_return = false,
        "1:r0=1 1:r1=1",
        FLAG,
        &threads,
        NOTHING,
    );
}

#[test]
fn replace_gap() {
    weaker(
        |r| r.replace_gap = true,
        "1:r0=maperr",
        FLAG,
        &["mmap A r;", "r0 = read A;"],
        NOTHING,
    );
}

#[test]
fn munmap_downgrades() {
    let threads = ["munmap A;", "r0 = madvise A dontneed; r1 = read A;"];
    let outcome = "1:r0=enomem 1:r1=1";
    stronger(
        |r| r.munmap_downgrades = false,
        outcome,
        FLAG,
        &threads,
        NOTHING,
    );
}

#[test]
fn dontneed_lock() {
    let threads = [
        "madvise A dontneed;",
        "mprotect G none;",
        "r0 = read A; r1 = read G; write F 1;",
        "r0 = read F; r1 = read A; r2 = read G;",
    ];
    let outcome = "2:r0=0 2:r1=accerr 3:r0=1 3:r1=1 3:r2=0";
    stronger(
        |r| r.dontneed_lock = DontneedLock::Mmap,
        outcome,
        FLAG,
        &threads,
        NOTHING,
    );
}

#[test]
fn sections_synchronize() {
    let threads = [
        "write F 1; munmap A;",
        "r0 = mmap A rw noreplace; r1 = read F;",
    ];
    let outcome = "1:r0=ok 1:r1=0";
    weaker(
        |r| r.sections_synchronize = false,
        outcome,
        FLAG,
        &threads,
        NOTHING,
    );
}

#[test]
fn faults_synchronize() {
    let threads = ["write F 1; munmap A;", "r0 = read A; r1 = read F;"];
    let outcome = "1:r0=maperr 1:r1=0";
    stronger(
        |r| r.faults_synchronize = true,
        outcome,
        FLAG,
        &threads,
        NOTHING,
    );
}

#[test]
fn mprotect_hole() {
    let threads = ["r0 = mprotect A r; r1 = write A[0] 5; r2 = write A[2] 7;"];
    let reference = "0:r0=enomem 0:r1=accerr 0:r2=ok";
    run(HOLE, &threads, NOTHING).allows(reference).counts(1);
    let nothing = "0:r0=enomem 0:r1=ok 0:r2=ok";
    weaker(
        |r| r.mprotect_hole = HoleRule::Nothing,
        nothing,
        HOLE,
        &threads,
        NOTHING,
    );
    let all = "0:r0=enomem 0:r1=accerr 0:r2=accerr";
    weaker(
        |r| r.mprotect_hole = HoleRule::All,
        all,
        HOLE,
        &threads,
        NOTHING,
    );
}

#[test]
fn dontneed_hole() {
    let threads = ["r0 = madvise A dontneed; r1 = read A[0]; r2 = read A[2];"];
    let reference = "0:r0=enomem 0:r1=0 0:r2=0";
    run(HOLE, &threads, NOTHING).allows(reference).counts(1);
    let before = "0:r0=enomem 0:r1=0 0:r2=3";
    weaker(
        |r| r.dontneed_hole = HoleRule::Before,
        before,
        HOLE,
        &threads,
        NOTHING,
    );
}

/// Asserts that the rules with one change show an outcome that the reference does not.
#[track_caller]
fn otherwise(change: impl Fn(&mut Rules), outcome: &str, init: &str, thread: &str) {
    weaker(change, outcome, init, &[thread], NOTHING);
}

#[test]
fn munmap_hole() {
    otherwise(
        |r| r.munmap_hole = HoleRule::Before,
        "0:r0=ok 0:r1=maperr 0:r2=3",
        HOLE,
        "r0 = munmap A; r1 = read A[0]; r2 = read A[2];",
    );
}

#[test]
fn mremap_moves() {
    otherwise(
        |r| r.mremap_moves = false,
        "0:r0=0",
        "page A; page B; mmap A rw; write A 1;",
        "mremap A B; r0 = read B;",
    );
}

#[test]
fn mremap_keeps_holes() {
    otherwise(
        |r| r.mremap_keeps_holes = false,
        "0:r0=maperr",
        "pages A[2]; pages B[2]; mmap A[0] rw; mmap B rw;",
        "mremap A B; r0 = read B[1];",
    );
}

#[test]
fn mremap_changes_lengths() {
    let setup = "file F[2] = {5, 6}; pages A[2]; pages B[2]; mmap A rw shared F[0];";
    let shorter = "mremap A B[0]; r0 = read A[1];";
    otherwise(|r| r.mremap_shrinks = false, "0:r0=6", setup, shorter);
    let longer = "mremap A[0] B; r0 = read B[1];";
    otherwise(|r| r.mremap_grows = false, "0:r0=maperr", setup, longer);
    otherwise(|r| r.files.mremap_goes_on = false, "0:r0=0", setup, longer);
}

#[test]
fn dontunmap_leaves_an_empty_mapping() {
    let setup = "pages A[1]; pages B[1]; mmap A rw; write A 1;";
    let body = "mremap A B dontunmap; r0 = read A;";
    otherwise(|r| r.dontunmap_stays = false, "0:r0=maperr", setup, body);
    otherwise(|r| r.dontunmap_empties = false, "0:r0=1", setup, body);
}

#[test]
fn noreplace_refuses() {
    otherwise(
        |r| r.noreplace_refuses = false,
        "0:r0=ok 0:r1=0",
        HOLE,
        "r0 = mmap A rw noreplace; r1 = read A[0];",
    );
}

#[test]
fn discards() {
    otherwise(
        |r| r.mmap_discards = false,
        "0:r0=1",
        HOLE,
        "mmap A rw; r0 = read A[0];",
    );
    otherwise(
        |r| r.dontneed_discards = false,
        "0:r0=1",
        HOLE,
        "madvise A dontneed; r0 = read A[0];",
    );
}

#[test]
fn mprotect_grants() {
    otherwise(
        |r| r.mprotect_grants = false,
        "0:r0=ok 0:r1=accerr",
        "page A; mmap A r;",
        "r0 = mprotect A rw; r1 = write A 1;",
    );
}

#[test]
fn fork_copies() {
    weaker(
        |r| r.fork_copies = false,
        "c:A=0",
        "page A; mmap A rw; write A 1;",
        &["fork c;"],
        "c:A=0",
    );
}

#[test]
fn fork_private() {
    let change = |r: &mut Rules| r.fork_private = false;
    let (init, finals) = ("page A; mmap A rw; write A 1;", r"A=0 /\ c:A=0");
    weaker(change, "c:A=2", init, &["fork c; write A 2;"], finals);
    let init = &format!("{init} fork c;");
    weaker(
        change,
        "A=2",
        init,
        &["r0 = read A;", "c: write A 2;"],
        finals,
    );
}

#[test]
fn fork_atomic() {
    weaker(
        |r| r.fork_atomic = false,
        "c:A=0 c:B=1",
        TWO,
        &["fork c;", "write A 1; write B 1;"],
        r"c:A=0 /\ c:B=0",
    );
}

#[test]
fn exec_needs_x() {
    otherwise(
        |r| r.exec_needs_x = false,
        "0:r0=ok",
        "page A; mmap A r;",
        "r0 = exec A;",
    );
}

#[test]
fn populate_denied() {
    otherwise(
        |r| r.populate_denied = Answer::ENOMEM,
        "0:r0=enomem",
        "page A; mmap A r;",
        "r0 = madvise A populate_write;",
    );
}

#[test]
fn freedoms() {
    const ONE: &str = "page A; mmap A rw;";
    for (answer, other) in [(Freedom::Yes, "false"), (Freedom::No, "true")] {
        stronger(
            |r| r.refused_exec_populates = answer,
            &format!("present(A)={other}"),
            "page A; mmap A r;",
            &["exec A;"],
            "present(A)",
        );
        stronger(
            |r| r.none_keeps_present = answer,
            &format!("present(A)={other}"),
            ONE,
            &["write A 1; mprotect A none;"],
            "present(A)",
        );
        stronger(
            |r| r.populate_write_dirties = answer,
            &format!("dirty(A)={other}"),
            ONE,
            &["madvise A populate_write;"],
            "dirty(A)",
        );
        stronger(
            |r| r.young_unaccessed = answer,
            &format!("young(A)={other}"),
            ONE,
            &["madvise A populate_read;"],
            "young(A)",
        );
        stronger(
            |r| r.writable_pte = answer,
            &format!("writable(A)={other}"),
            ONE,
            &["write A 1;"],
            "writable(A)",
        );
    }
}
