//! Final page properties: forced where every implementation agrees, both elsewhere.

use super::run;

const ONE: &str = "page A; mmap A rw;";
const ALL: &str = r"mapped(A) /\ present(A) /\ dirty(A) /\ young(A) /\ writable(A)";

#[test]
fn an_untouched_page_has_none() {
    run(ONE, &["rcu_barrier;"], ALL)
        .allows("mapped(A)=true present(A)=false dirty(A)=false young(A)=false writable(A)=false")
        .counts(1);
}

#[test]
fn a_stored_page_is_dirty() {
    run(ONE, &["write A 1;"], ALL)
        .allows("present(A)=true dirty(A)=true young(A)=true writable(A)=true")
        .allows("present(A)=true dirty(A)=true young(A)=true writable(A)=false")
        .counts(2);
}

#[test]
fn a_read_page_is_clean() {
    run(ONE, &["read A; mprotect A r;"], ALL)
        .allows("present(A)=true dirty(A)=false young(A)=true writable(A)=false")
        .counts(1);
}

#[test]
fn dontneed_forgets() {
    run(ONE, &["write A 1; madvise A dontneed;"], ALL)
        .allows("mapped(A)=true present(A)=false dirty(A)=false")
        .counts(1);
}

#[test]
fn no_protection_leaves_presence_open() {
    run(
        ONE,
        &["write A 1; mprotect A none;"],
        r"present(A) /\ dirty(A)",
    )
    .allows("present(A)=true dirty(A)=true")
    .allows("present(A)=false dirty(A)=true")
    .counts(2);
}

#[test]
fn populate_makes_present() {
    let finals = r"present(A) /\ dirty(A)";
    run(ONE, &["madvise A populate_read;"], finals)
        .allows("present(A)=true dirty(A)=false")
        .counts(1);
    run(ONE, &["madvise A populate_write;"], finals)
        .forbids("present(A)=false")
        .counts(2);
    run("page A;", &["mmap A r populate;"], finals)
        .allows("present(A)=true dirty(A)=false")
        .counts(1);
    run("page A;", &["mmap A none populate;"], finals)
        .allows("present(A)=false dirty(A)=false")
        .counts(1);
}

#[test]
fn populate_is_not_part_of_its_mmap() {
    // The other CPU's mapping may come in between, and is populated then.
    let threads = ["mmap A rw populate;", "mmap A rw;"];
    run("page A;", &threads, "present(A)")
        .allows("present(A)=true")
        .allows("present(A)=false")
        .counts(2);
}

#[test]
fn populate_takes_its_pages_one_by_one() {
    let threads = [
        "madvise A populate_read;",
        "madvise A[0] dontneed; madvise A[1] dontneed;",
    ];
    run(
        "pages A[2]; mmap A rw;",
        &threads,
        r"present(A[0]) /\ present(A[1])",
    )
    .allows("present(A[0])=false present(A[1])=true")
    .allows("present(A[0])=true present(A[1])=false")
    .counts(4);
}

#[test]
fn a_concurrent_store_is_dirty_exactly_if_it_is_kept() {
    let finals = r"A=0 /\ dirty(A) /\ present(A)";
    run(
        "page A; mmap A rw;",
        &["madvise A dontneed;", "write A 1;"],
        finals,
    )
    .allows("A=1 dirty(A)=true present(A)=true")
    .allows("A=0 dirty(A)=false present(A)=false")
    .counts(2);
}

#[test]
fn names_of_one_page_agree() {
    let finals = r"young(A) /\ young(A[0])";
    run(ONE, &["madvise A populate_read;"], finals)
        .allows("young(A)=true young(A[0])=true")
        .allows("young(A)=false young(A[0])=false")
        .counts(2);
}
