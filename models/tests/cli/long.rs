//! Searches in parts, searches that are stopped and go on, and searches that
//! are killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{assert_kept, fixtures, section, seqfault, seqfault_in, snapshots};

snapshots! {
    shard_that_fits: "check use-after-free.litmus --shard 1/2";
    shard_without_the_witness: "check store-buffering.litmus --shard 4/4";
    shard_without_the_deviation: "check deadlock.litmus --shard 2/3";
    shard_with_a_failure: "check condition.litmus --shard 1/1";
}

/// A test whose search takes seconds.
const LONG: &str = "../long/three-cpus.litmus";

/// A folder of this test's own, with copies of these files.
fn folder(name: &str, files: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("long")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    for file in files {
        let from = fixtures().join(file);
        let to = from.file_name().expect("a file");
        std::fs::copy(&from, folder.join(to)).expect("a fixture can be copied");
    }
    folder
}

/// What a verdict counts: outcomes, witnesses, executions.
fn counts(text: &str) -> String {
    let starts = ["Positive", "Observation", "States", "Executions"];
    let lines = text.lines().filter(|line| {
        let is_outcome = line.starts_with(|c: char| c.is_ascii_digit());
        is_outcome || starts.iter().any(|start| line.starts_with(start))
    });
    // Where it comes from is no count.
    let lines: Vec<&str> = lines
        .map(|line| line.split(", from").next().unwrap_or_default())
        .collect();
    assert!(lines.len() > 3, "{text}");
    lines.join("\n")
}

fn whole(folder: &Path, test: &str) -> String {
    let text = seqfault_in(folder, &format!("check {test} -v --jobs 1"));
    assert!(text.contains(" complete"), "{text}");
    counts(&text)
}

fn exit_status(text: &str) -> &str {
    let line = text.lines().next_back().expect("an exit status");
    line.trim_start_matches("--- exit status ")
}

#[test]
fn a_search_goes_on_where_a_limit_stopped_it() {
    let folder = folder("limit", &[LONG]);
    let limited = "check three-cpus.litmus -v --max-executions 25000 --save kept --jobs 1";
    let first = seqfault_in(&folder, limited);
    // The witness was seen.
    assert!(first.contains("\nOk\n"), "{first}");
    assert_eq!(exit_status(&first), "0", "{first}");
    assert!(first.contains("Executions 25000 unknown"), "{first}");
    assert!(
        first.contains(" unknown: stopped before the end\n"),
        "{first}"
    );
    let mut last;
    for executions in ["50000", "75000"] {
        last = seqfault_in(&folder, limited);
        let expected = format!("Executions {executions} unknown");
        assert!(last.contains(&expected), "{expected}: {last}");
    }
    last = seqfault_in(&folder, limited);
    assert_eq!(exit_status(&last), "0", "{last}");
    assert_eq!(counts(&last), whole(&folder, "three-cpus.litmus"));
    // It is over: nothing is run again, or it would be stopped.
    let again = seqfault_in(
        &folder,
        "check three-cpus.litmus -v --max-executions 1 --save kept",
    );
    assert_eq!(counts(&again), counts(&last));
    assert!(
        again.contains("complete, from kept/three-cpus.sound.json"),
        "{again}"
    );
    assert!(again.contains("stale-tlb confirmed after"), "{again}");
}

#[test]
fn a_failure_is_kept_with_its_timeline() {
    let folder = folder("failure", &["condition.litmus", "lock-order.litmus"]);
    for command in [
        "check condition.litmus --save kept",
        "check lock-order.litmus --quirk mmap-lock-under-vma-lock --save kept",
    ] {
        let first = seqfault_in(&folder, command);
        let again = seqfault_in(&folder, command);
        let timeline = |text: &str| {
            let from = text.find("\nBecause ").expect("a failure has a reason");
            text[from..].to_owned()
        };
        assert_eq!(timeline(&first), timeline(&again));
        assert!(again.contains(", from kept/"), "{again}");
    }
}

#[test]
fn a_search_for_one_violation_goes_on_beyond_another() {
    let case = "../../cases/table-moves-under-a-speculative-fault.litmus";
    let folder = folder("beyond", &[case]);
    let file = folder.join("table-moves-under-a-speculative-fault.litmus");
    let text = std::fs::read_to_string(&file).expect("a copy");
    let other = text.replace(": use-after-free", ": deadlock");
    assert_ne!(text, other);
    std::fs::write(&file, other).expect("it can be written");
    let broken = |limit: &str| {
        let name = "table-moves-under-a-speculative-fault.litmus";
        let command = format!("check {name} -v --jobs 1 --save kept {limit}");
        let text = seqfault_in(&folder, &command);
        assert_eq!(exit_status(&text), "1", "{text}");
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with("Broken by "));
        line.expect("it was run").to_owned()
    };
    let instead = "deadlock not confirmed: leak instead, after";
    let expected = |after| format!("Broken by no-seq-check-under-ptl : {instead} {after}");
    assert_eq!(broken("--max-executions 30"), expected("30 executions"));
    // The first failure is kept, and so is the rest, which goes on.
    assert_eq!(broken("--max-executions 30"), expected("60 executions"));
    let last = broken("");
    assert!(last.contains(instead), "{last}");
    // It is over.
    assert_eq!(broken("--max-executions 1"), last);
}

#[test]
fn parts_add_up_to_the_whole() {
    let tests = ["use-after-free", "store-buffering", "torn-vma", "stale-tlb"];
    let files: Vec<String> = tests.iter().map(|test| format!("{test}.litmus")).collect();
    let files: Vec<&str> = files.iter().map(|file| &**file).collect();
    let folder = folder("parts", &files);
    for test in files {
        for part in 1..=3 {
            let command = format!("check {test} --shard {part}/3 --save kept");
            let text = seqfault_in(&folder, &command);
            assert!(text.contains(&format!("shard {part}/3")), "{text}");
            assert_eq!(exit_status(&text), "0", "{text}");
            if part < 3 {
                let text = seqfault_in(&folder, &format!("check {test} --merge 3 --save kept"));
                assert!(text.contains("part 3/3 is missing"), "{text}");
                assert!(!text.contains("complete"), "{text}");
                assert_eq!(exit_status(&text), "1", "{text}");
            }
        }
        let merged = seqfault_in(&folder, &format!("check {test} -v --merge 3 --save kept"));
        assert!(merged.contains(" complete, from 3 parts"), "{merged}");
        assert_eq!(exit_status(&merged), "0", "{merged}");
        assert_eq!(counts(&merged), whole(&folder, test));
    }
}

#[test]
fn a_part_that_was_stopped_is_no_part_of_a_whole() {
    let folder = folder("half", &[LONG]);
    let part = |k, max: u64| {
        let limits = format!("--shard {k}/2 --save kept --max-executions {max}");
        seqfault_in(&folder, &format!("check three-cpus.litmus {limits}"))
    };
    assert_eq!(exit_status(&part(1, 100_000)), "0");
    let stopped = part(2, 3_000);
    assert!(stopped.contains("Executions 3000 unknown"), "{stopped}");
    let merge = "check three-cpus.litmus -v --merge 2 --save kept";
    let text = seqfault_in(&folder, merge);
    assert!(text.contains("part 2/2 is not over"), "{text}");
    assert_eq!(exit_status(&text), "1", "{text}");
    assert_eq!(exit_status(&part(2, 100_000)), "0");
    let text = seqfault_in(&folder, merge);
    assert_eq!(counts(&text), whole(&folder, "three-cpus.litmus"));
}

#[test]
fn errors_of_kept_searches() {
    let folder = folder("refused", &["use-after-free.litmus", "one-cpu.litmus"]);
    let command = "check use-after-free.litmus --save kept";
    assert_eq!(exit_status(&seqfault_in(&folder, command)), "0");
    let mut said = String::new();
    let mut refused = |name: &str, arguments: &str| {
        let output = seqfault_in(&folder, arguments);
        said += &section(name, arguments, &output);
    };
    refused("other_memory", &format!("{command} --memory tso"));
    let quirk = format!("{command} --quirk pt-free-immediate");
    refused("other_quirk", &quirk);
    let test = folder.join("use-after-free.litmus");
    let text = std::fs::read_to_string(&test).expect("the test");
    std::fs::write(&test, text.replace("read A;", "read A; read A;")).expect("written");
    refused("other_text", command);
    std::fs::write(&test, text).expect("written");

    let file = folder.join("kept/use-after-free.sound.json");
    let kept = std::fs::read_to_string(&file).expect("the search");
    std::fs::write(&file, &kept[..200]).expect("written");
    refused("truncated", command);
    std::fs::write(&file, kept.replace("\"count\":", "\"count\":1")).expect("written");
    refused("altered", command);
    std::fs::write(&file, [0xff, 0xfe]).expect("written");
    refused("no_text", command);
    std::fs::write(&file, kept).expect("written");

    std::fs::write(folder.join("file"), "").expect("written");
    refused("save_in_a_file", "check use-after-free.litmus --save file");
    std::fs::copy(folder.join("one-cpu.litmus"), folder.join("same.litmus")).expect("copied");
    refused("save_of_one_name", "check . --save kept");
    assert_kept!("errors_of_kept_searches", said);
    assert_eq!(exit_status(&seqfault_in(&folder, command)), "0");
}

/// A search that runs and has been kept at least once.
fn under_way(folder: &Path, arguments: &str) -> Child {
    let file = folder.join("kept/three-cpus.sound.json");
    let mut child = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    while !file.exists() {
        let ended = child.try_wait().expect("the command is there");
        assert!(ended.is_none(), "it ended before it was kept: {ended:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn is_over(folder: &Path) -> bool {
    let kept = folder.join("kept/three-cpus.sound.json");
    let text = std::fs::read_to_string(kept).expect("it was kept");
    let document: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    document["search"]["kept"]["state"]["unfinished"].is_null()
}

#[test]
fn a_search_that_is_killed_goes_on() {
    for jobs in [1, 2] {
        let folder = folder(&format!("killed-{jobs}"), &[LONG]);
        let command =
            format!("check three-cpus.litmus -v --save kept --save-every 0.05 --jobs {jobs}");
        let mut child = under_way(&folder, &command);
        child.kill().expect("the command is killed");
        child.wait().expect("it ends");
        assert!(!is_over(&folder), "it was killed too late");
        let text = seqfault_in(&folder, &command);
        assert_eq!(exit_status(&text), "0", "{text}");
        assert_eq!(counts(&text), whole(&folder, "three-cpus.litmus"));
        assert!(is_over(&folder));
    }
}

#[cfg(unix)]
#[test]
fn a_search_that_is_interrupted_is_kept() {
    let folder = folder("interrupted", &[LONG]);
    let command = "check three-cpus.litmus -v --save kept --save-every 0.05";
    let mut child = under_way(&folder, command);
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("there is a kill");
    assert!(killed.success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert!(!is_over(&folder), "it was interrupted too late");
    let text = seqfault_in(&folder, command);
    assert_eq!(counts(&text), whole(&folder, "three-cpus.litmus"));
}

#[test]
fn workers_change_nothing_but_the_time() {
    let long = fixtures().join("../long");
    let alone = whole(&long, "three-cpus.litmus");
    for jobs in [2, 3] {
        let text = seqfault_in(&long, &format!("check three-cpus.litmus -v --jobs {jobs}"));
        assert_eq!(counts(&text), alone, "{jobs}");
    }
    let text = seqfault("check use-after-free.litmus --jobs 4");
    assert_eq!(text, seqfault("check use-after-free.litmus --jobs 1"));
}

#[test]
fn a_failure_is_drawn_and_drawn_again_from_what_was_kept() {
    let folder = folder("dot", &["use-after-free.litmus"]);
    let check = "check use-after-free.litmus --quirk pt-free-immediate --save kept --dot graphs";
    let graph = folder.join("graphs/use-after-free.dot");
    let text = seqfault_in(&folder, check);
    assert!(text.contains("Graph graphs/use-after-free.dot"), "{text}");
    let drawn = std::fs::read_to_string(&graph).expect("it was written");
    assert!(drawn.starts_with("digraph"), "{drawn}");
    assert!(drawn.contains("label=rf"), "{drawn}");
    // Where core loads a word, and where it takes a lock.
    let from_core = |what: &str| {
        let mut lines = drawn.lines();
        lines.any(|line| line.contains(what) && line.contains("core/src/"))
    };
    assert!(
        from_core(" read.rlx ") && from_core(" read.acq "),
        "{drawn}"
    );
    std::fs::remove_file(&graph).expect("it is there");
    seqfault_in(&folder, check);
    let again = std::fs::read_to_string(&graph).expect("it was written again");
    assert_eq!(again, drawn);
}
