//! How many states some programs have, so that a search that silently shrinks or grows shows.

use super::run;

const SIX: &str = "page A; page B; page C; page D; page F; page G; \
    mmap A rw; mmap B rw; mmap C rw; mmap D rw; mmap F rw; mmap G rw;";

/// Asserts the number of outcomes and of states.
#[track_caller]
fn costs(threads: &[&str], outcomes: usize, states: u64) {
    let shown = run(SIX, threads, super::NOTHING);
    assert_eq!(
        (shown.spec.outcomes.len(), shown.spec.states),
        (outcomes, states)
    );
}

#[test]
fn four_cpus_on_words() {
    let threads = [
        "write A 1;",
        "write B 1;",
        "r0 = read A; r1 = read B;",
        "r0 = read B; r1 = read A;",
    ];
    costs(&threads, 16, 91);
}

#[test]
fn two_cpus_on_a_mapping() {
    costs(&["munmap A;", "r0 = write A 1; r1 = read A;"], 3, 17);
    costs(
        &["mprotect A r; write F 1;", "r0 = read F; r1 = write A 1;"],
        3,
        17,
    );
}

#[test]
fn three_cpus_and_two_dontneeds() {
    let threads = [
        "madvise A dontneed; write F 1;",
        "write A 2; madvise A dontneed; write F 2;",
        "r0 = read F; r1 = read A; r2 = write A 5; r3 = read A;",
    ];
    costs(&threads, 12, 848);
}

#[test]
fn a_fork_and_two_cpus_that_store() {
    let shown = run(
        SIX,
        &[
            "write A 1; fork c; write B 3;",
            "write A 2; write B 1; madvise B dontneed;",
            "write B 2; r0 = read A; mprotect A r;",
        ],
        r"c:A=0 /\ c:B=0 /\ A=0 /\ B=0",
    );
    assert_eq!((shown.spec.outcomes.len(), shown.spec.states), (74, 1865));
}

#[test]
fn processes_know_nothing_of_each_other() {
    let shown = run(
        &format!("{SIX} fork c;"),
        &[
            "write A 1; munmap A;",
            "c: write A 2; r0 = read A; munmap A;",
        ],
        r"A=0",
    );
    assert_eq!((shown.spec.outcomes.len(), shown.spec.states), (1, 12));
}

#[test]
fn three_cpus_of_five_statements() {
    let threads = [
        "write A 1; mprotect A r; write F 1; r0 = read B; mprotect A rw;",
        "r0 = write A 2; r1 = read A; r2 = read F; r3 = write B 1; r4 = write A 5;",
        "r0 = read A; madvise A dontneed; r2 = read F; r3 = read B; r4 = read A;",
    ];
    costs(&threads, 980, 20678);
}

#[test]
fn four_cpus_of_three_statements() {
    let threads = [
        "munmap A; write F 1; r0 = read B;",
        "r0 = write A 1; r1 = read A; r2 = read F;",
        "r0 = mmap A rw; r1 = write A 3; r2 = read F;",
        "r0 = read A; r1 = read F; r2 = xchg A 4;",
    ];
    costs(&threads, 944, 15077);
}
