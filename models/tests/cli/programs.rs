//! `seqfault conform` with several CPUs, away from the host's kernel.

use crate::seqfault;

/// The lines of `text` that begin so.
fn line<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.lines().find(|line| line.starts_with(start))
}

#[test]
fn programs_that_pass_are_counted() {
    let text = seqfault("conform --cpus 2 --sequences 12 --seed 3 --iterations 0 --jobs 2");
    let counted = line(&text, "core and spec agree: 12 programs of 2 CPUs passed, ");
    assert!(counted.is_some(), "{text}");
    assert!(text.ends_with("--- exit status 0\n"), "{text}");
    let text = seqfault("conform --cpus 3 --ops 1..1 --sequences 3 --iterations 0 --memory sc");
    assert!(text.contains(" programs of 3 CPUs passed, "), "{text}");
}

/// A program whose search is given up has not passed.
#[test]
fn programs_that_are_stopped_have_not_passed() {
    // Each of the two has hundreds.
    let programs = "--cpus 3 --ops 3..3 --from 1 --sequences 2";
    let text = seqfault(&format!(
        "conform {programs} --iterations 0 --max-executions 1"
    ));
    let start = "core and spec UNKNOWN: 0 programs of 3 CPUs passed";
    let line = line(&text, start).unwrap_or_default();
    assert!(
        line.contains(", 2 executions, 2 stopped after 1 executions"),
        "{text}"
    );
    assert!(text.ends_with("--- exit status 1\n"), "{text}");
}

/// A core that deviates is found out, the finding is shrunk, and its line leads to it again.
#[test]
fn a_wrong_core_is_noticed_and_replayed() {
    let quirk = "--quirk page-free-before-flush --preset vma_lock";
    let text = seqfault(&format!(
        "conform --cpus 2 --sequences 400 --iterations 0 {quirk}"
    ));
    assert!(text.ends_with("--- exit status 1\n"), "{text}");
    let found = line(&text, "Program ").expect("a finding");
    assert!(found.contains(": core violates stale-tlb: "), "{text}");
    assert!(line(&text, "core and spec DIFFER: ").is_some(), "{text}");
    let replay = line(&text, "Replay: ").expect("a line to paste");
    let (_, replay) = replay.split_once(" conform ").expect("the command");
    let again = seqfault(&format!("conform {replay}"));
    assert_eq!(line(&again, "Program "), Some(found), "{again}");
    assert_eq!(line(&again, "P1 {"), line(&text, "P1 {"), "{again}");
}

/// A specification that is wrong is noticed, too.
#[test]
fn a_wrong_specification_is_noticed() {
    let wrong = "--wrong mprotect-only-takes";
    let text = seqfault(&format!(
        "conform --cpus 2 --sequences 400 --iterations 0 {wrong}"
    ));
    let found = line(&text, "Program ").unwrap_or_default();
    assert!(found.contains(": core violates not-atomic: "), "{text}");
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    for (arguments, wants) in [
        (
            "--cpus 1 --max-executions 5",
            "--max-executions is for --cpus 2 or 3",
        ),
        (
            "--quirk page-free-before-flush",
            "--quirk is for --cpus 2 or 3",
        ),
        ("--cpus 2 --level vma", "--level is for --cpus 1"),
        ("--cpus 2 --patience 3", "--patience is for --cpus 1"),
        ("--cpus 3 --plant-hang 3", "--plant-hang is for --cpus 1"),
        (
            "--cpus 2 --ops 3..1",
            "N..M with 1 <= N <= M <= 4 was expected",
        ),
    ] {
        let text = seqfault(&format!("conform {arguments}"));
        assert!(text.contains(wants), "{text}");
        assert!(text.ends_with("--- exit status 2\n"), "{text}");
    }
}
