//! `seqfault matrix`.

use std::path::{Path, PathBuf};

use crate::seqfault_in;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/matrix")
}

/// A test that is red under a choice which it does not make is an unexplained cell; one that makes
/// it otherwise is red as well, and explained.
#[test]
fn a_red_cell_is_explained_or_not() {
    let text = seqfault_in(&folder(), "matrix needs-a-choice.litmus --sound");
    let unexplained =
        "UNEXPLAINED: needs-a-choice is red under mprotect_writable=fault: condition\n";
    assert!(text.contains(unexplained), "{text}");
    let replay = " check needs-a-choice.litmus --with mprotect_writable=fault\n";
    assert!(text.contains(replay), "{text}");
    assert!(text.contains("1 cell unexplained: 1 test, "), "{text}");
    assert!(text.ends_with("--- exit status 1\n"), "{text}");
    let text = seqfault_in(&folder(), "matrix makes-a-choice.litmus --sound");
    let explained = "makes-a-choice is red (condition): the file makes this choice otherwise: \
                     mprotect_writable=fault\n";
    assert!(text.contains(explained), "{text}");
    assert!(text.ends_with("--- exit status 0\n"), "{text}");
}

/// A matrix of which no cell was searched to its end says nothing; how many were stopped is told.
#[test]
fn a_matrix_of_nothing_does_not_pass() {
    let stopped =
        "matrix ../../../../proofs/basics/munmap-vs-write.litmus --sound --max-executions 1";
    for arguments in [stopped, "matrix needs-userfaultfd.litmus"] {
        let text = seqfault_in(&folder(), arguments);
        assert!(
            text.contains("UNKNOWN: no cell was searched to its end: 1 test, "),
            "{text}"
        );
        assert_eq!(
            text.contains(" cells stopped, "),
            arguments == stopped,
            "{text}"
        );
        assert!(text.ends_with("--- exit status 1\n"), "{text}");
    }
}

/// What a quirk does to no test is said, and why.
#[test]
fn quirks_are_red_or_masked() {
    let text = seqfault_in(&folder(), "matrix makes-a-choice.litmus");
    assert!(text.contains("page-free-before-flush: MASKED: "), "{text}");
    let text = seqfault_in(
        &folder(),
        "matrix ../../../../proofs/basics/dontneed-vs-write.litmus ../../../../proofs/pt_free/page-freed-before-flush.litmus",
    );
    let red = "page-free-before-flush: red: ";
    let line = text.lines().find(|line| line.starts_with(red));
    assert!(
        line.is_some_and(|line| line.contains("(stale-tlb)")),
        "{text}"
    );
}

/// The document has each test by its name: two of one name are refused, where one would be lost.
#[test]
fn tests_of_one_name_are_no_document() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("one-name.json");
    let tests = "makes-a-choice.litmus ./makes-a-choice.litmus";
    let text = seqfault_in(
        &folder(),
        &format!("matrix {tests} --sound --json {}", file.display()),
    );
    let refused = "are both named makes-a-choice: --json needs one of them";
    assert!(text.contains(refused), "{text}");
    assert!(text.ends_with("--- exit status 2\n"), "{text}");
    assert!(!file.exists());
}

/// A conflict is skipped by name.
#[test]
fn conflicts_are_skipped_by_name() {
    let file = std::env::temp_dir().join(format!("seqfault-matrix-{}.json", std::process::id()));
    let arguments = format!(
        "matrix ../../../../proofs/pt_free --sound --max-executions 50 --json {}",
        file.display()
    );
    let text = seqfault_in(&folder(), &arguments);
    let skipped = "pt_free=ipi: skipped (pt_reclaim=on needs pt_free=rcu";
    assert!(text.contains(skipped), "{text}");
    let json = std::fs::read_to_string(&file).expect("it was written");
    std::fs::remove_file(&file).expect("it can be removed");
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    let columns = json["columns"].as_array().expect("columns");
    let ipi = columns
        .iter()
        .find(|column| column["name"] == "pt_free=ipi");
    let ipi = ipi.expect("every choice is a column");
    assert_eq!(ipi["tests"]["no-pmd-recheck"]["state"], "skipped", "{text}");
    let states = columns
        .iter()
        .flat_map(|c| c["tests"].as_object().expect("tests"));
    assert!(
        states
            .into_iter()
            .any(|(_, cell)| cell["state"] == "stopped"),
        "{text}"
    );
}
