//! Pages that are freed lazily: what they held stays or goes, until they are stored to.

use super::{NOTHING, run, run_under};
use crate::Rules;

const SEVEN: &str = "page A; mmap A rw; write A 7;";
const FREED: &str = "page A; mmap A rw; write A 7; madvise A free;";

#[test]
fn what_was_freed_is_there_or_is_not() {
    let shown = run(FREED, &["r0 = read A; r1 = read A;"], "A=0");
    for outcome in [
        "0:r0=7 0:r1=7 A=7",
        "0:r0=7 0:r1=7 A=0",
        "0:r0=7 0:r1=0 A=0",
        "0:r0=0 0:r1=0 A=0",
    ] {
        shown.allows(outcome);
    }
    shown
        .forbids("0:r0=0 0:r1=7 A=7")
        .forbids("0:r0=0 0:r1=7 A=0");
    let rules = Rules {
        lazy_pages_go: false,
        ..Rules::default()
    };
    run_under(&rules, FREED, &["r0 = read A; r1 = read A;"], "A=0").only(&["0:r0=7 0:r1=7 A=7"]);
}

#[test]
fn a_store_keeps_a_page() {
    run(FREED, &["write A 8; r0 = read A;"], "A=0").only(&["0:r0=8 A=8"]);
    let shown = run(FREED, &["r0 = xchg A 8;"], "A=0");
    shown.only(&["0:r0=7 A=8", "0:r0=0 A=8"]);
    let rules = Rules {
        stores_keep_lazy_pages: false,
        ..Rules::default()
    };
    run_under(&rules, FREED, &["write A 8; r0 = read A;"], "A=0").allows("0:r0=0 A=0");
}

#[test]
fn a_store_beside_the_call_may_go_with_the_page() {
    let shown = run(
        SEVEN,
        &["madvise A free;", "write A 8; r0 = read A;"],
        "A=0",
    );
    for outcome in ["1:r0=8 A=8", "1:r0=0 A=0", "1:r0=8 A=0"] {
        shown.allows(outcome);
    }
    shown.forbids("1:r0=7 A=7").forbids("1:r0=7 A=8");
    // Behind its return it does not.
    let told = [
        "madvise A free; write B 1;",
        "r0 = read B; write A 8; r1 = read A;",
    ];
    let two = "page A; page B; mmap A rw; mmap B rw; write A 7;";
    run(two, &told, "A=0")
        .allows("1:r0=1 1:r1=8 A=8")
        .forbids("1:r0=1 1:r1=0 A=0")
        .forbids("1:r0=1 1:r1=8 A=0");
}

/// Reclaim may flush late: a translation is left to what has gone.
#[test]
fn one_cpu_may_see_a_page_that_has_gone_for_another() {
    let told = ["r0 = read A; write B 1;", "r0 = read B; r1 = read A;"];
    let init = "page A; page B; mmap A rw; mmap B rw; write A 7; madvise A free;";
    run(init, &told, NOTHING).allows("0:r0=0 1:r0=1 1:r1=7");
    // No store goes there: a look at the entry comes first.
    let stores = ["r0 = read A; write B 1;", "r0 = read B; write A 8;"];
    run(init, &stores, "A=0")
        .allows("0:r0=0 1:r0=1 A=8")
        .forbids("0:r0=0 1:r0=1 A=0");
}

#[test]
fn a_mapping_keeps_that_its_page_may_go() {
    for changed in [
        "mprotect A r;",
        "madvise A cold;",
        "madvise A populate_read;",
    ] {
        let init = format!("{FREED} {changed}");
        run(&init, &["r0 = read A;"], NOTHING).only(&["0:r0=7", "0:r0=0"]);
    }
    let moved = "page A; page B; mmap A rw; write A 7; madvise A free; mremap A B;";
    run(moved, &["r0 = read B;"], NOTHING).only(&["0:r0=7", "0:r0=0"]);
    let gone = format!("{FREED} madvise A dontneed;");
    run(&gone, &["r0 = read A;"], NOTHING).only(&["0:r0=0"]);
}

/// Each has its own copy, and each goes by itself.
#[test]
fn processes_that_share_a_page_lose_it_one_by_one() {
    let init = format!("{FREED} fork c;");
    let shown = run(&init, &["r0 = read A;", "c: r0 = read A;"], NOTHING);
    shown.only(&[
        "0:r0=7 1:r0=7",
        "0:r0=7 1:r0=0",
        "0:r0=0 1:r0=7",
        "0:r0=0 1:r0=0",
    ]);
}

#[test]
fn a_hole_is_told() {
    let shown = run(
        "pages A[2]; mmap A[0] rw; write A[0] 7;",
        &["r0 = madvise A free; r1 = read A[0];"],
        NOTHING,
    );
    shown.only(&["0:r0=enomem 0:r1=7", "0:r0=enomem 0:r1=0"]);
}
