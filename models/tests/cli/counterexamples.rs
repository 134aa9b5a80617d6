//! Failures, their timelines, and that the printed line replays them.
//!
//! Read a snapshot as a reviewer would who has not read this program.

use crate::{seqfault, snapshots};

snapshots! {
    use_after_free: "check use-after-free.litmus --quirk pt-free-immediate";
    stale_tlb: "check stale-tlb.litmus --quirk gather-ignores-nested";
    deadlock: "check deadlock.litmus --quirk mmap-lock-under-vma-lock";
    lock_order: "check lock-order.litmus --quirk mmap-lock-under-vma-lock";
    torn_vma: "check torn-vma.litmus --quirk modify-vma-unlocked";
    leak: "check leak.litmus --quirk no-pmd-recheck";
    condition: "check condition.litmus";
    by_shuttle: "check deadlock.litmus --engine shuttle --seed 7 --quirk mmap-lock-under-vma-lock";
    another_failure: "check wrong-what.litmus";
    trace: "check store-buffering.litmus --trace";
}

/// The printed line leads to the same failure.
#[track_caller]
fn replays(arguments: &str) {
    let first = seqfault(arguments);
    let replay = first
        .lines()
        .find_map(|line| line.strip_prefix("Replay: cargo seqfault "))
        .expect("a failure prints how to replay it");
    let again = seqfault(replay);
    let failure = |text: &str| {
        let from = text.find("\nBecause ").expect("a failure has a reason");
        text[from..].to_owned()
    };
    assert_eq!(failure(&first), failure(&again), "{replay}");
}

#[test]
fn a_failure_under_the_explorer_replays() {
    replays("check use-after-free.litmus --quirk pt-free-immediate");
}

#[test]
fn a_failure_under_loom_replays() {
    replays("check use-after-free.litmus --quirk pt-free-immediate --engine loom");
    replays("check leak.litmus --quirk no-pmd-recheck --engine loom --preemptions 2");
}

#[test]
fn a_failure_under_shuttle_replays() {
    let deadlock = "check deadlock.litmus --engine shuttle --quirk mmap-lock-under-vma-lock";
    replays(&format!("{deadlock} --seed 3"));
    replays(&format!("{deadlock} --seed 3 --strategy pct"));
    replays(&format!("{deadlock} --strategy dfs"));
}

#[test]
fn the_hosts_threads_show_no_order_between_cpus() {
    let text = seqfault("check condition.litmus --engine native --iterations 20000");
    assert!(
        text.contains("Each column is in the order of its CPU."),
        "{text}"
    );
    assert!(text.contains("--engine native --seed 0"), "{text}");
}

/// The counterexample of the README is what the command prints, by the command that is told there.
#[test]
fn the_readme_has_a_real_one() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README");
    let (_, shown) = readme
        .split_once("\n$ cargo seqfault check proofs/")
        .expect("a command");
    let (command, shown) = shown.split_once("\n…\n").expect("its output");
    let (shown, _) = shown.split_once("\nReplay: ").expect("how it is run again");
    let printed = crate::seqfault_in(&root, &format!("check proofs/{command}"));
    assert!(printed.contains(shown), "{printed}");
}
