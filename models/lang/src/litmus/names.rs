//! Names that the format knows: invariants, counters, limits.

/// The invariants that are checked in every execution, as `broken by` names them.
pub const INVARIANTS: &[&str] = &[
    "use-after-free",
    "stale-tlb",
    "lost-write",
    "lost-dirty",
    "lost-wp",
    "wrong-page",
    "data-race",
    "refcount",
    "leak",
    "lock-order",
    "deadlock",
    "livelock",
    "torn-vma",
    "sleep-in-rcu",
    "not-atomic",
];

/// What a `broken by` line names where the final condition is what fails.
pub const CONDITION: &str = "condition";

/// What a test may need of an engine.
pub const FEATURES: &[&str] = &[WEAK_MEMORY];

/// The feature of an engine that explores weak memory.
pub const WEAK_MEMORY: &str = "weak-memory";

/// The counters that `count(NAME)` reads.
pub const COUNTERS: &[&str] = &[
    "faults",
    "spurious",
    "speculative",
    "fallbacks",
    "shootdowns",
    "local_flushes",
    "full_flushes",
    "mmap_read_locks",
    "mmap_write_locks",
    "vma_read_locks",
    "pt_allocs",
    "pt_frees",
    "grace_periods",
    "host_syscalls",
    "ptes_touched",
    "io_waits",
    "retries",
    "longest_wait",
];

/// The limit on the page frames of each CPU.
pub const FRAMES: &str = "frames";

/// What `with NAME=N` limits: each CPU has N of these, and takes none of another's.
pub const LIMITS: &[&str] = &[FRAMES, "tables"];

/// The name of the first process.
pub const MAIN: &str = "main";

/// What `switch` names a kernel thread with.
pub const LAZY: &str = "lazy";

/// The most CPUs that a test may have.
pub const MAX_CPUS: usize = 4;

/// The most pages that one declaration may have.
pub const MAX_PAGES: usize = 4096;

/// The candidate that a mistyped `word` was most likely meant to be, if one is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(word, candidate, allowed)?, candidate)))
        // A word that shares no letter with the candidate is a different word.
        .filter(|&(steps, candidate)| steps < candidate.len().max(word.len()))
        .min_by_key(|&(steps, candidate)| (steps, candidate.len().abs_diff(word.len())))
        .map(|(_, candidate)| candidate)
}

/// Edits that turn one word into the other, ignoring case: insertions, deletions, substitutions,
/// and swaps of neighbours. `None` above `limit`.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    // Longer words than any name of the format are never near one.
    let lower = |s: &str| s.chars().take(64).collect::<String>().to_ascii_lowercase();
    Some(strsim::osa_distance(&lower(a), &lower(b))).filter(|&steps| steps <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_find_their_word() {
        let verbs = ["munmap", "mprotect", "read", "mmap"];
        assert_eq!(nearest("mprotct", verbs), Some("mprotect"));
        assert_eq!(nearest("unmap", verbs), Some("munmap"));
        assert_eq!(nearest("raed", verbs), Some("read"));
        assert_eq!(nearest("READ", verbs), Some("read"));
        assert_eq!(nearest("wr", ["r", "rw"]), Some("rw"));
        assert_eq!(nearest("fly", verbs), None);
        assert_eq!(nearest("x", ["r", "rx"]), Some("rx"));
        assert_eq!(nearest(&"m".repeat(1_000_000), verbs), None);
    }
}
