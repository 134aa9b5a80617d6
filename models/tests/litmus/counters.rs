//! Each counter of core stands where it must after a known program.

use std::collections::BTreeSet;

use seqfault_core::Counter;
use seqfault_models::litmus;
use seqfault_models::verdict::{self, Request};

/// Everything that one CPU can make core count; the other only has translations.
const ALL: &str = "with mprotect_writable=fault
{ page A; page B; mmap A rw; mmap B r; }
P0 { write A 1; madvise B populate_read; mprotect A r; mprotect A rw; write A 2; munmap A;
     munmap B; read A; rcu_barrier; }
P1 { evict A; }";

/// P1 may miss the flush of the zap, and then drops everything.
const LAZY: &str = "{ page A; mmap A rw; write A 1; }
P0 { madvise A dontneed; }
P1 { switch lazy; switch main; }";

/// P1 may have the entry that P0 opens, and find at its fault that it is open.
const RELAXED: &str = "with flush=relaxed
with mprotect_writable=direct
{ page A; mmap A rw; write A 1; mprotect A r; }
P0 { mprotect A rw; }
P1 { read A; write A 2; }";

/// The page has to be read from a disk: the fault waits for that, and starts again.
const READS: &str = "{ file F[1] = {5} uncached; page A; mmap A r shared F[0]; }
P0 { read A; read A; }";

/// The values that a counter has in all executions.
const TESTS: &[(&str, Counter, &[u64])] = &[
    // Two writes, one page populated, one read of nothing.
    (ALL, Counter::Faults, &[4]),
    (ALL, Counter::Spurious, &[0]),
    (RELAXED, Counter::Spurious, &[0, 1]),
    // The two writes; the read finds no VMA.
    (ALL, Counter::Speculative, &[2]),
    (ALL, Counter::VmaReadLocks, &[2]),
    (ALL, Counter::Fallbacks, &[1]),
    // mprotect and two munmap.
    (ALL, Counter::Shootdowns, &[3]),
    (LAZY, Counter::Shootdowns, &[0, 1]),
    // The second write.
    (ALL, Counter::LocalFlushes, &[1]),
    (LAZY, Counter::LocalFlushes, &[0, 1]),
    (ALL, Counter::FullFlushes, &[0]),
    (LAZY, Counter::FullFlushes, &[0, 1]),
    (ALL, Counter::MmapReadLocks, &[2]),
    (ALL, Counter::MmapWriteLocks, &[4]),
    (ALL, Counter::PtAllocs, &[2]),
    (ALL, Counter::PtFrees, &[2]),
    (ALL, Counter::GracePeriods, &[1]),
    // One for each page that comes; two for the write that opens its entry again.
    (ALL, Counter::PtesTouched, &[4]),
    (READS, Counter::IoWaits, &[1]),
    (READS, Counter::Retries, &[1]),
];

#[test]
fn each_counter_has_its_exact_values() {
    for &(body, counter, expected) in TESTS {
        let shown = expected[0];
        let text = format!("MM t\n{body}\nexists (count({counter})={shown})\n");
        let program = litmus::parse("t", &text).expect("a test");
        let verdict = verdict::check(&program, &Request::default()).expect("core runs it");
        assert!(verdict.is_ok(), "{counter}: {:?}", verdict.reasons);
        let outcomes = verdict.run.expect("it was run").report.outcomes;
        let values: BTreeSet<u64> = outcomes
            .keys()
            .map(|outcome| outcome.counts[counter.name()])
            .collect();
        let expected: BTreeSet<u64> = expected.iter().copied().collect();
        assert_eq!(values, expected, "{counter} of\n{body}");
    }
}

#[test]
fn each_counter_moves_in_some_test() {
    for &counter in Counter::ALL {
        let moves = |(_, other, values): &(_, Counter, &[u64])| {
            *other == counter && values.iter().any(|&value| value > 0)
        };
        assert!(TESTS.iter().any(moves), "no test moves {counter}");
    }
}
