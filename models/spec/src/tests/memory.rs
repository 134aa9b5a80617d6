//! The memory model of user words: release/acquire, no less and no more.

use super::{NOTHING, TWO, run};

#[test]
fn store_buffering_is_allowed() {
    run(
        TWO,
        &["write A 1; r0 = read B;", "write B 1; r0 = read A;"],
        NOTHING,
    )
    .allows("0:r0=0 1:r0=0")
    .counts(4);
}

#[test]
fn store_buffering_of_exchanges_is_allowed() {
    // Both are acquire and release, which orders nothing between two words.
    run(
        TWO,
        &["xchg A 1; r0 = read B;", "xchg B 1; r0 = read A;"],
        NOTHING,
    )
    .allows("0:r0=0 1:r0=0");
}

#[test]
fn message_passing_is_never_stale() {
    run(
        TWO,
        &["write A 1; write B 1;", "r0 = read B; r1 = read A;"],
        NOTHING,
    )
    .forbids("1:r0=1 1:r1=0")
    .counts(3);
}

/// A message keeps what its writer knew, however many there are.
#[test]
fn stores_are_not_counted() {
    let values = 1..=70;
    let mut writer: String = values
        .clone()
        .map(|value| format!("write A {value}; "))
        .collect();
    writer += "write B 1;";
    let outcomes = run(TWO, &[&writer, "r0 = read B; r1 = read A;"], NOTHING);
    // Any value of A before the flag, the last one behind it.
    let outcomes = outcomes.counts(71 + 1).allows("1:r0=1 1:r1=70");
    outcomes.forbids("1:r0=1 1:r1=69").forbids("1:r0=1 1:r1=0");
}

#[test]
fn load_buffering_is_forbidden() {
    run(
        TWO,
        &["r0 = read A; write B 1;", "r0 = read B; write A 1;"],
        NOTHING,
    )
    .forbids("0:r0=1 1:r0=1")
    .counts(3);
}

#[test]
fn reads_of_one_word_are_coherent() {
    run(
        TWO,
        &["write A 1; write A 2;", "r0 = read A; r1 = read A;"],
        NOTHING,
    )
    .forbids("1:r0=2 1:r1=1")
    .forbids("1:r0=1 1:r1=0")
    .counts(6);
}

#[test]
fn readers_agree_on_the_order_of_one_word() {
    let reader = "r0 = read A; r1 = read A;";
    run(TWO, &["write A 1;", "write A 2;", reader, reader], NOTHING)
        .allows("2:r0=1 2:r1=2 3:r0=1 3:r1=2")
        .forbids("2:r0=1 2:r1=2 3:r0=2 3:r1=1");
}

#[test]
fn two_plus_two_writes_may_cross() {
    run(
        TWO,
        &["write A 1; write B 2;", "write B 1; write A 2;"],
        r"A=0 /\ B=0",
    )
    .allows("A=1 B=1")
    .allows("A=2 B=2")
    .counts(4);
}

#[test]
fn independent_reads_may_disagree() {
    run(
        TWO,
        &[
            "write A 1;",
            "write B 1;",
            "r0 = read A; r1 = read B;",
            "r0 = read B; r1 = read A;",
        ],
        NOTHING,
    )
    .allows("2:r0=1 2:r1=0 3:r0=1 3:r1=0")
    .counts(16);
}

#[test]
fn causality_is_cumulative() {
    let threads = [
        "write A 1;",
        "r0 = read A; write B 1;",
        "r0 = read B; r1 = read A;",
    ];
    run(TWO, &threads, NOTHING)
        .forbids("1:r0=1 2:r0=1 2:r1=0")
        .counts(7);
}

#[test]
fn exchanges_are_atomic() {
    let spec = run(
        TWO,
        &["r0 = xchg A 1;", "r0 = xchg A 2;", "r0 = xchg A 3;"],
        "A=0",
    );
    // Every order of the three, and nothing else.
    spec.counts(6)
        .forbids("0:r0=0 1:r0=0")
        .forbids("0:r0=2 1:r0=1");
}

#[test]
fn no_store_comes_between_an_exchange_and_what_it_read() {
    run(TWO, &["r0 = xchg A 1; r1 = read A;", "write A 2;"], "A=0")
        .allows("0:r0=2 0:r1=1 A=1")
        .allows("0:r0=0 0:r1=2 A=2")
        .allows("0:r0=0 0:r1=1 A=2")
        .counts(3);
}

#[test]
fn an_exchange_continues_the_release_sequence() {
    // Where the exchange read the initial word, its reader need not know B.
    let threads = [
        "write B 7; write A 1;",
        "r0 = xchg A 2;",
        "r0 = read A; r1 = read B;",
    ];
    run(TWO, &threads, NOTHING)
        .forbids("1:r0=1 2:r0=2 2:r1=0")
        .allows("1:r0=0 2:r0=2 2:r1=0");
}
