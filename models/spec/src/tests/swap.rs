//! Pages that go out of memory: what a program reads is the same, what is told of entries is not.

use super::{NOTHING, run, run_under};
use crate::{Freedom, Rules};

const SEVEN: &str = "page A; mmap A rw; write A 7;";

#[test]
fn what_is_read_is_the_same() {
    for reclaim in ["reclaim A", "madvise A pageout"] {
        let thread = format!("r0 = {reclaim}; r1 = read A; write A 8; {reclaim}; r2 = xchg A 9;");
        run(SEVEN, &[&thread], "A=0").only(&["0:r0=ok 0:r1=7 0:r2=8 A=9"]);
        let init = format!("{SEVEN} {reclaim};");
        run(&init, &["r0 = read A;", "r0 = read A;"], NOTHING).only(&["0:r0=7 1:r0=7"]);
    }
    let threads = ["reclaim A;", "r0 = read A; write A 8; r1 = read A;"];
    run(SEVEN, &threads, "A=0").only(&["1:r0=7 1:r1=8 A=8"]);
}

#[test]
fn what_is_not_mapped_is_not_reclaimed() {
    let thread = "r0 = reclaim A; r1 = madvise A pageout; r2 = read A;";
    run("page A;", &[thread], "swapped(A)")
        .only(&["0:r0=ok 0:r1=enomem 0:r2=maperr swapped(A)=false"]);
    let hole = "pages A[2]; mmap A[0] rw; write A[0] 7;";
    run(hole, &["r0 = madvise A pageout;"], "swapped(A[0])").only(&[
        "0:r0=enomem swapped(A[0])=true",
        "0:r0=enomem swapped(A[0])=false",
    ]);
}

/// It is out, or it is in memory as before.
#[test]
fn a_page_that_is_out_has_no_bits() {
    let all = "swapped(A) /\\ present(A) /\\ dirty(A) /\\ writable(A) /\\ young(A)";
    let shown = run(SEVEN, &["reclaim A;"], all);
    shown
        .allows("swapped(A)=true present(A)=false dirty(A)=false writable(A)=false young(A)=false")
        .allows("swapped(A)=false present(A)=true dirty(A)=true writable(A)=true young(A)=true")
        .allows("swapped(A)=false present(A)=true young(A)=false")
        .forbids("swapped(A)=false present(A)=false");
    for bit in ["present", "dirty", "writable", "young"] {
        shown.forbids(&format!("swapped(A)=true {bit}(A)=true"));
    }
}

#[test]
fn what_is_accessed_is_in_memory_again() {
    for thread in [
        "reclaim A; read A;",
        "reclaim A; write A 1;",
        "reclaim A; madvise A populate_read;",
        "reclaim A; madvise A dontneed;",
        "reclaim A; munmap A;",
        "reclaim A; mmap A rw;",
    ] {
        run(SEVEN, &[thread], "swapped(A)").only(&["swapped(A)=false"]);
    }
    let stored = run(SEVEN, &["reclaim A; write A 1;"], "dirty(A) /\\ young(A)");
    stored.only(&["dirty(A)=true young(A)=true"]);
    // Nothing was stored since it came again; or it never went.
    let read = run(SEVEN, &["reclaim A; read A;"], "dirty(A) /\\ present(A)");
    read.only(&[
        "dirty(A)=true present(A)=true",
        "dirty(A)=false present(A)=true",
    ]);
    // While the call is under way, what is accessed may be out in the end.
    run(SEVEN, &["reclaim A;", "write A 1;"], "swapped(A) /\\ A=0")
        .only(&["swapped(A)=true A=1", "swapped(A)=false A=1"]);
    let told = ["reclaim A; write B 1;", "r0 = read B; r1 = read A;"];
    let init = "page A; page B; mmap A rw; mmap B rw; write A 7;";
    run(init, &told, "swapped(A)")
        .allows("1:r0=0 1:r1=7 swapped(A)=true")
        .forbids("1:r0=1 swapped(A)=true");
}

#[test]
fn what_changes_mappings_finds_it() {
    let moved = "page A; page B; mmap A rw; write A 7;";
    run(
        moved,
        &["reclaim A; mremap A B; r0 = read B;"],
        "swapped(B)",
    )
    .only(&["0:r0=7 swapped(B)=false"]);
    run(
        moved,
        &["reclaim A; mremap A B;"],
        "swapped(B) /\\ swapped(A)",
    )
    .only(&[
        "swapped(A)=false swapped(B)=true",
        "swapped(A)=false swapped(B)=false",
    ]);
    let protected = "reclaim A; mprotect A r; r0 = write A 8; r1 = read A;";
    run(SEVEN, &[protected], NOTHING).only(&["0:r0=accerr 0:r1=7"]);
    let forked = "reclaim A; fork c; write A 8;";
    run(SEVEN, &[forked], "A=0 /\\ c:A=0").only(&["A=8 c:A=7"]);
    let freed = "madvise A free; reclaim A; r0 = read A;";
    run(SEVEN, &[freed], NOTHING).only(&["0:r0=7", "0:r0=0"]);
    run(SEVEN, &["reclaim A; madvise A free; r0 = read A;"], NOTHING).only(&["0:r0=7", "0:r0=0"]);
}

#[test]
fn observers_may_miss_it() {
    for look in ["mincore", "smaps"] {
        let thread = format!("reclaim A; r0 = {look} A; read A; r1 = {look} A;");
        run(SEVEN, &[&thread], NOTHING).only(&["0:r0=0 0:r1=1", "0:r0=1 0:r1=1"]);
        // Also while the call is under way.
        let threads = ["reclaim A;", &format!("read A; r0 = {look} A; write A 1;")];
        run(SEVEN, &threads, NOTHING).only(&["1:r0=0", "1:r0=1"]);
    }
    run(SEVEN, &["reclaim A; r0 = maps A;"], NOTHING).only(&["0:r0=1"]);
}

/// Both processes lose it, or one does.
#[test]
fn processes_lose_what_they_share() {
    let init = format!("{SEVEN} fork c;");
    let shown = run(
        &init,
        &["r0 = read A;", "c: reclaim A; r0 = read A;"],
        "swapped(A)",
    );
    shown.only(&[
        "0:r0=7 1:r0=7 swapped(A)=true",
        "0:r0=7 1:r0=7 swapped(A)=false",
    ]);
    let apart = format!("{SEVEN} fork c; write A 8;");
    let shown = run(
        &apart,
        &["r0 = read A;", "c: reclaim A; r0 = read A;"],
        "A=0",
    );
    shown.only(&["0:r0=8 1:r0=7 A=8"]);
}

/// A fault that had begun before the page came again looks at a mapping that is gone meanwhile.
#[test]
fn an_entry_that_comes_again_is_news() {
    let munmap = ["munmap A;", "r0 = read A; r1 = read A;", "read A;"];
    run(SEVEN, &munmap, NOTHING).forbids("1:r0=maperr 1:r1=7");
    let init = format!("{SEVEN} reclaim A;");
    run(&init, &munmap, NOTHING).allows("1:r0=maperr 1:r1=7");
}

/// Of what was forked it is the same page that goes, wherever it is by then.
#[test]
fn what_is_another_page_stays() {
    let init = "pages A[2]; page B; mmap A rw; write A[0] 7; write A[1] 8; fork c;";
    let shown = run(
        init,
        &["c: reclaim A[0];"],
        "swapped(A[0]) /\\ swapped(A[1])",
    );
    shown.only(&[
        "swapped(A[0])=true swapped(A[1])=false",
        "swapped(A[0])=false swapped(A[1])=false",
    ]);
    let moved = format!("{init} mremap A[0] B;");
    let shown = run(
        &moved,
        &["c: reclaim A[0];"],
        "swapped(B) /\\ swapped(A[1])",
    );
    shown.only(&[
        "swapped(A[1])=false swapped(B)=true",
        "swapped(A[1])=false swapped(B)=false",
    ]);
}

#[test]
fn it_goes_from_where_it_was_moved_to() {
    let init = "page A; page B; mmap A rw; write A 7;";
    let threads = ["reclaim A;", "mremap A B; r0 = read B;"];
    run(init, &threads, "swapped(B)").only(&["1:r0=7 swapped(B)=true", "1:r0=7 swapped(B)=false"]);
    let told = "page A; page B; page C; mmap A rw; mmap C rw; write A 7;";
    let threads = [
        "reclaim A; write C 1;",
        "r1 = read C; mremap A B; r0 = read B;",
    ];
    run(told, &threads, "swapped(B)")
        .allows("1:r0=7 1:r1=0 swapped(B)=true")
        .forbids("1:r1=1 swapped(B)=true");
}

/// An `exec` that is refused faults first, like a load, and ends.
#[test]
fn an_exec_that_is_refused_brings_it_in_or_not() {
    let thread = "madvise A pageout; r0 = exec A; r1 = exec A; r2 = read A;";
    let init = "page A; mmap A rw; write A 1;";
    for populates in [Freedom::Yes, Freedom::No, Freedom::Either] {
        let rules = Rules {
            refused_exec_populates: populates,
            ..Rules::default()
        };
        let found = run_under(&rules, init, &[thread], "present(A)");
        found.only(&["0:r0=accerr 0:r1=accerr 0:r2=1 present(A)=true"]);
    }
    let thread = "exec A; madvise A pageout;";
    run(init, &[thread], "present(A)").only(&["present(A)=false", "present(A)=true"]);
}

/// `mincore` may miss a page of a file in memory until it is accessed, through whichever mapping.
#[test]
fn a_file_in_memory_goes_to_swap() {
    let init = "file F[1] = {5}; page A; page B; mmap A rw shared F[0]; mmap B r private F[0];";
    run(
        init,
        &["madvise A pageout; r0 = mincore B; r1 = mincore B; r2 = read B; r3 = mincore A;"],
        "A=0",
    )
    .only(&[
        "0:r0=0 0:r1=0 0:r2=5 0:r3=1 A=5",
        "0:r0=0 0:r1=1 0:r2=5 0:r3=1 A=5",
        "0:r0=1 0:r1=0 0:r2=5 0:r3=1 A=5",
        "0:r0=1 0:r1=1 0:r2=5 0:r3=1 A=5",
    ]);
    run(
        init,
        &["madvise A pageout; write A 6; r0 = mincore B;"],
        "B=0",
    )
    .only(&["0:r0=1 B=6"]);
}

#[test]
fn all_is_in_memory_when_swap_is_off() {
    let off = "reclaim A; r0 = swapoff; r1 = swapoff; reclaim A; r2 = madvise A pageout;";
    run(SEVEN, &[off], "swapped(A) /\\ present(A) /\\ A=0")
        .only(&["0:r0=ok 0:r1=einval 0:r2=ok A=7 swapped(A)=false present(A)=true"]);
    // What it brings in was not accessed.
    let bits = run(SEVEN, &["reclaim A; swapoff;"], "young(A) /\\ dirty(A)");
    bits.allows("dirty(A)=false young(A)=false")
        .allows("dirty(A)=true young(A)=true");
    let beside = run(SEVEN, &["reclaim A;", "r0 = swapoff;"], "swapped(A)");
    beside.only(&["1:r0=ok swapped(A)=false"]);
    let twice = run(SEVEN, &["r0 = swapoff;", "r0 = swapoff;"], NOTHING);
    twice.only(&["0:r0=ok 1:r0=einval", "0:r0=einval 1:r0=ok"]);
    let forked = format!("{SEVEN} fork c; reclaim A;");
    run(&forked, &["c: swapoff;"], "swapped(A) /\\ A=0").only(&["A=7 swapped(A)=false"]);
}
