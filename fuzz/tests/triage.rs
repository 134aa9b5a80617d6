//! From crash inputs to regressions, with planted bugs.

use std::fs;
use std::path::{Path, PathBuf};

use seqfault_core::{Quirk, Quirks};
use seqfault_fuzz::triage::{Request, Triage, triage};
use seqfault_fuzz::{TARGETS, mm_linux, mm_ops_under, program_schedule, seeds, target};
use seqfault_models::cli;
use seqfault_models::conform::Wrong;
use seqfault_models::scenario::Deviations;
use seqfault_models::spec::{HoleRule, Rules};
use seqfault_models::verdict;

/// A folder of this test's own.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("crashes")).expect("a folder can be made");
    folder
}

fn request(name: &str, folder: &Path) -> Request {
    Request {
        target: target(name).expect("it is a target"),
        tests: folder.join("found"),
        inputs: folder.join("inputs"),
        quirks: Quirks::NONE,
        rules: Rules::default(),
        wrong: None,
    }
}

/// Writes those inputs as crashes.
fn crashes<'a>(folder: &Path, inputs: impl IntoIterator<Item = &'a [u8]>) -> usize {
    let inputs = inputs.into_iter().enumerate();
    let written = inputs.map(|(number, data)| {
        let file = folder.join("crashes").join(format!("crash-{number}"));
        fs::write(file, data).expect("an input can be written");
    });
    written.count()
}

fn run(folder: &Path, request: &Request) -> Triage {
    triage(&folder.join("crashes"), request).expect("the folder can be triaged")
}

/// The tests that were written, checked by the explorer.
fn check(tests: &Path) {
    let tests = cli::collect(&[tests.to_owned()], &Deviations::default());
    let tests = tests.unwrap_or_else(|errors| panic!("{errors}"));
    assert!(!tests.is_empty());
    for test in tests {
        let request = verdict::Request::default();
        let verdict = verdict::check(&test.program, &request).expect("it can be checked");
        assert!(verdict.is_ok(), "{}\n{:?}", test.text, verdict.reasons);
    }
}

#[test]
fn a_race_becomes_a_small_confirmed_test() {
    let folder = scratch("race");
    let quirks = Quirks::NONE.with(Quirk::FlushAfterPtl);
    let rules = Rules::default();
    let all = seeds::program_schedule();
    let found = all
        .iter()
        .filter(|(_, data)| program_schedule::run_input(data, quirks, &rules).is_err());
    let found: Vec<&[u8]> = found.map(|(_, data)| &**data).collect();
    // The same input twice, and one that shows nothing.
    let inputs = [found[0], found[0], &[]];
    assert_eq!(crashes(&folder, inputs), 3);
    let request = Request {
        quirks,
        ..request("program_schedule", &folder)
    };
    let first = run(&folder, &request);
    assert_eq!((first.groups.len(), first.fine.len()), (1, 1));
    let group = &first.groups[0];
    assert_eq!((group.inputs.len(), group.is_known), (2, false));
    assert!(
        group.summary.contains("; confirmed by the explorer"),
        "{group:?}"
    );
    let text = fs::read_to_string(&group.file).expect("it was written");
    assert!(text.contains("broken by flush-after-ptl : "), "{text}");
    let statements = text.matches(';').count();
    assert!(statements <= 8, "{text}");
    check(&request.tests);

    let again = run(&folder, &request);
    assert!(again.groups[0].is_known);
    assert_eq!(again.groups[0].file, group.file);
    assert_eq!(
        fs::read_dir(&request.tests).expect("it is there").count(),
        1
    );
}

#[test]
fn a_wrong_specification_becomes_a_test() {
    let folder = scratch("specification");
    let rules = Rules {
        dontneed_hole: HoleRule::Nothing,
        ..Rules::default()
    };
    let all = seeds::mm_ops();
    let found = all
        .iter()
        .filter(|(_, data)| mm_ops_under(data, &rules).is_err());
    let found: Vec<&[u8]> = found.map(|(_, data)| &**data).take(3).collect();
    assert!(crashes(&folder, found) > 0);
    let request = Request {
        rules,
        ..request("mm_ops", &folder)
    };
    let triage = run(&folder, &request);
    assert!(!triage.groups.is_empty() && triage.fine.is_empty());
    let text = fs::read_to_string(&triage.groups[0].file).expect("it was written");
    assert!(
        text.contains("dontneed") && text.contains("source: fuzzing"),
        "{text}"
    );
    let statements = text.matches(';').count();
    assert!(statements <= 5, "{text}");
}

#[test]
fn a_wrong_kernel_becomes_a_test() {
    let wrong = Wrong::find("noreplace-replaces");
    let Some(mut share) = mm_linux::open(wrong) else {
        return;
    };
    let folder = scratch("kernel");
    let all = seeds::mm_ops();
    let found = all
        .iter()
        .filter(|(_, data)| mm_linux::run_on(&mut share, data).is_err());
    let found: Vec<&[u8]> = found.map(|(_, data)| &**data).take(3).collect();
    assert!(crashes(&folder, found) > 0);
    let request = Request {
        wrong,
        ..request("mm_linux", &folder)
    };
    let triage = run(&folder, &request);
    assert!(!triage.groups.is_empty() && triage.fine.is_empty());
    let group = &triage.groups[0];
    assert!(
        group.summary.contains("not ok") || group.summary.contains("eexist"),
        "{group:?}"
    );
    let text = fs::read_to_string(&group.file).expect("it was written");
    assert!(text.contains("noreplace"), "{text}");
    assert!(text.contains("source: fuzzing (mm_linux)"), "{text}");
    assert!(text.matches(';').count() <= 4, "{text}");
}

#[test]
fn an_input_of_another_target_is_made_small() {
    let folder = scratch("other");
    let mut target = TARGETS[0];
    target.name = "no_a";
    target.body = |data| assert!(!data.contains(&b'a'), "an a");
    let request = Request {
        target: Box::leak(Box::new(target)),
        ..request("mm_ops", &folder)
    };
    crashes(&folder, [&b"xxayy"[..], b"a", b"bb"]);
    let triage = run(&folder, &request);
    assert_eq!((triage.groups.len(), triage.fine.len()), (1, 1));
    assert_eq!(triage.groups[0].inputs.len(), 2);
    let kept = fs::read(&triage.groups[0].file).expect("it was written");
    assert_eq!(kept, b"a");
}

#[test]
fn what_is_no_folder_of_inputs_is_refused() {
    let folder = scratch("refused");
    let request = request("mm_ops", &folder);
    let refused = triage(&folder.join("crashes"), &request).expect_err("it is empty");
    assert!(refused.ends_with("no input in it"), "{refused}");
    let refused = triage(&folder.join("nowhere"), &request).expect_err("it is not there");
    assert!(refused.ends_with("no folder"), "{refused}");
}
