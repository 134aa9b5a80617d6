//! Where verdicts go: files that cannot be written, a full disk, Ctrl-C, and the name in hints.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{fixtures, seqfault, seqfault_in};

#[test]
fn what_cannot_be_written_is_refused_before_the_search() {
    for option in [
        "--json nowhere/all.json",
        "--json .",
        "--dot use-after-free.litmus/graphs",
    ] {
        let text = seqfault(&format!("check use-after-free.litmus {option}"));
        assert!(text.starts_with("--- standard error\nerror: "), "{text}");
        assert!(text.contains(" cannot be written: "), "{text}");
        assert!(text.ends_with("--- exit status 2\n"), "{text}");
    }
    // A look at a file is no change of it.
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("before.json");
    std::fs::write(&file, "before").expect("written");
    seqfault(&format!("check nowhere.litmus --json {}", file.display()));
    let text = std::fs::read_to_string(&file).expect("it is there");
    assert_eq!(text, "before");
}

#[cfg(target_os = "linux")]
#[test]
fn a_verdict_that_nobody_gets_is_an_error() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("every Linux has it");
    let output = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(["check", "one-cpu.litmus"])
        .current_dir(fixtures())
        .stdout(full)
        .output()
        .expect("the command starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.starts_with("error: standard output: No space left"),
        "{errors}"
    );
}

/// One that goes to a reader who has seen enough is none.
#[cfg(unix)]
#[test]
fn a_reader_may_leave() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(["check", "one-cpu.litmus"])
        .current_dir(fixtures())
        .stdout(writer)
        .status()
        .expect("the command starts");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn hints_name_the_command_as_it_was_called() {
    let replay = |package: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seqfault"));
        match package {
            Some(package) => command.env("CARGO_PKG_NAME", package),
            None => command.env_remove("CARGO_PKG_NAME"),
        };
        let output = command
            .args(["check", "condition.litmus"])
            .current_dir(fixtures())
            .output()
            .expect("the command starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("Replay: "));
        line.expect("a failure").to_owned()
    };
    let arguments = "check condition.litmus --engine explorer";
    let called = env!("CARGO_BIN_EXE_seqfault");
    assert_eq!(replay(None), format!("Replay: {called} {arguments}"));
    let under_cargo = replay(Some("seqfault-models"));
    assert_eq!(under_cargo, format!("Replay: cargo seqfault {arguments}"));
}

/// A file of any name is the command.
#[test]
fn hints_name_a_command_that_was_renamed() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("renamed");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let renamed = folder.join("sf");
    std::fs::copy(env!("CARGO_BIN_EXE_seqfault"), &renamed).expect("a copy");
    let file = fixtures().join("condition.litmus");
    let file = file.display().to_string();
    let said = |arguments: &[&str]| {
        let output = Command::new(&renamed)
            .args(arguments)
            .current_dir(&folder)
            .env_remove("CARGO_PKG_NAME")
            .output()
            .expect("the command starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    };
    let renamed = renamed.display();
    for (arguments, hint) in [
        (vec!["check", &file], format!("Replay: {renamed} check ")),
        (
            vec!["new", "my-race"],
            format!("; `{renamed} check my-race.litmus` checks it"),
        ),
        (vec!["check"], "Usage: sf check ".to_owned()),
    ] {
        let text = said(&arguments);
        assert!(text.contains(&hint), "{hint}: {text}");
        assert!(!text.contains("cargo seqfault"), "{text}");
    }
    let test = std::fs::read_to_string(folder.join("my-race.litmus")).expect("it was written");
    assert!(test.contains("`sf knobs` lists all"), "{test}");
}

/// What was found until Ctrl-C is told, whether it is kept or not.
#[cfg(target_os = "linux")]
#[test]
fn what_was_found_until_an_interrupt_is_told() {
    use std::io::{BufRead, BufReader, Read};

    for engine in ["explorer", "loom", "shuttle", "native", "linux"] {
        if engine == "linux" && seqfault_models::linux::Host::new(1).is_err() {
            continue;
        }
        let iterations = match engine {
            "shuttle" | "native" | "linux" => "--iterations 1000000000",
            _ => "--verbose",
        };
        // The first is over soon, and is the sign that the second is under way.
        let tests = "one-cpu.litmus ../long/three-cpus.litmus";
        let options = format!("--engine {engine} --jobs 1 {iterations}");
        let mut child = started(&format!("check {tests} {options}"));
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut text = String::new();
        if iterations == "--verbose" {
            while !text.contains("Time one-cpu") {
                assert_ne!(out.read_line(&mut text).expect("a line"), 0, "{text}");
            }
        } else {
            // Nothing is over soon: once it waits for Ctrl-C it is under way.
            until_caught(&mut child);
        }
        interrupt(&child);
        out.read_to_string(&mut text).expect("text");
        let mut errors = String::new();
        let mut err = child.stderr.take().expect("it is piped");
        err.read_to_string(&mut errors).expect("text");
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(130), "{engine}: {text}{errors}");
        assert!(
            errors.starts_with("interrupted: what was found follows"),
            "{errors}"
        );
        assert!(text.contains(" as expected, "), "{engine}: {text}");
    }
}

/// What is compared is told as far as it was, too.
#[cfg(target_os = "linux")]
#[test]
fn a_comparison_ends_at_an_interrupt() {
    let (status, text, errors) = interrupted("compare one-cpu.litmus ../long/three-cpus.litmus");
    assert_eq!(status, Some(130), "{text}{errors}");
    assert!(text.contains("\ninterrupted: "), "{text}");
    assert!(text.contains(" not compared\n"), "{text}");
    assert!(text.contains("explorer: "), "{text}");
}

/// The search of a program ends, however long it would be: the program has not passed.
#[cfg(target_os = "linux")]
#[test]
fn the_search_of_a_program_ends_at_an_interrupt() {
    // It has far more executions than anybody waits for. Which program a seed has depends on the
    // operations that there are: where this one is short, another seed's is not.
    let program = "--cpus 3 --ops 3..3 --sequences 1 --iterations 0 --seed 8";
    let (status, text, errors) = interrupted(&format!(
        "conform {program} --max-executions 1000000000000 --jobs 1"
    ));
    assert_eq!(status, Some(130), "{text}{errors}");
    assert!(
        text.contains("core and spec UNKNOWN: 0 programs of "),
        "{text}"
    );
    assert!(text.contains(", 1 not run, "), "{text}");
}

/// A matrix is told as far as it is filled: what was not run is no pass, and the document has it.
#[cfg(target_os = "linux")]
#[test]
fn a_matrix_ends_at_an_interrupt() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interrupted-matrix.json");
    let _ = std::fs::remove_file(&file);
    let (status, text, errors) = interrupted(&format!(
        "matrix ../long/three-cpus.litmus one-cpu.litmus --jobs 1 --max-executions 1000000000000 \
         --json {}",
        file.display()
    ));
    assert_eq!(status, Some(130), "{text}{errors}");
    assert!(
        errors.starts_with("interrupted: what was found follows"),
        "{errors}"
    );
    let row = text.lines().find(|line| line.starts_with("one-cpu "));
    assert!(row.is_some_and(|row| row.ends_with(" !")), "{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.contains(" cells not run, "), "{text}");
    assert!(!text.contains("no cell is unexplained"), "{text}");
    assert!(!text.contains("MASKED"), "{text}");
    assert!(text.contains(": not run: "), "{text}");
    let json = std::fs::read_to_string(&file).expect("it was written");
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    for column in json["columns"].as_array().expect("columns") {
        assert_eq!(column["masked_by"], serde_json::Value::Null, "{column}");
        if column["kind"] == "quirk" {
            assert_eq!(column["tests"]["one-cpu"]["state"], "not run", "{column}");
        }
    }
}

/// A command that is under way, in a process group of its own.
#[cfg(target_os = "linux")]
fn started(arguments: &str) -> std::process::Child {
    use std::os::unix::process::CommandExt;

    Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(arguments.split_whitespace())
        .current_dir(fixtures())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("the command starts")
}

/// How a command ends, and what it says, if Ctrl-C comes when it is under way.
#[cfg(target_os = "linux")]
fn interrupted(arguments: &str) -> (Option<i32>, String, String) {
    let mut child = started(arguments);
    until_caught(&mut child);
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Sends SIGINT to a process and to all that it has started, as a terminal does.
#[cfg(target_os = "linux")]
fn interrupt(child: &std::process::Child) {
    let killed = Command::new("kill")
        .args(["-INT", "--", &format!("-{}", child.id())])
        .status()
        .expect("there is a kill");
    assert!(killed.success());
}

/// Waits until a process catches SIGINT, which it must come to.
#[cfg(target_os = "linux")]
fn until_caught(child: &mut std::process::Child) {
    while !is_caught(child.id()) {
        if let Some(status) = child.try_wait().expect("it can be asked") {
            let mut errors = String::new();
            let err = child.stderr.as_mut().expect("it is piped");
            std::io::Read::read_to_string(err, &mut errors).expect("text");
            panic!("it ended by itself, {status}: {errors}");
        }
        std::thread::yield_now();
    }
}

/// Whether a process catches SIGINT.
#[cfg(target_os = "linux")]
fn is_caught(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & 1 << 1 != 0)
}

#[test]
fn a_lane_that_ran_nothing_is_not_green() {
    for arguments in [
        "check use-after-free.litmus --engine spec --quirk pt-free-immediate",
        "check reclaim.litmus reclaim.litmus --preset spf",
        "compare reclaim.litmus reclaim.litmus --preset spf",
    ] {
        let text = seqfault(arguments);
        assert!(
            text.contains("nothing was run: every test was skipped\n"),
            "{text}"
        );
        assert!(text.ends_with("--- exit status 1\n"), "{text}");
    }
}

/// The specification has no counters: a condition on one is not answered "false".
#[test]
fn what_the_specification_does_not_count_is_not_judged_by_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("counts");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let text = "MM counts\n(* source: none *)\n{ page A; mmap A rw; }\nP0 { write A 1; }\n\
                forall (count(faults)=0)\n";
    std::fs::write(folder.join("counts.litmus"), text).expect("the target folder can be written");
    let said = seqfault(&format!(
        "check {}/counts.litmus --engine spec",
        folder.display()
    ));
    assert!(
        said.contains("needs core: the specification counts nothing"),
        "{said}"
    );
    assert!(said.ends_with("--- exit status 1\n"), "{said}");
}

/// However many grants of permissions there were, a stale translation shows.
#[test]
fn no_number_of_statements_ends_what_is_checked() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("many");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    let many = "mprotect A r; mprotect A rw; write A 1; ".repeat(600);
    let text = format!(
        "MM many-grants\n(* source: none *)\nwith flush=relaxed\n\
         {{ page A; mmap A rw; write A 1; {many} }}\n\
         P0 {{ mprotect A r; }}\nP1 {{ r0 = write A 2; }}\n\
         forall (1:r0=ok /\\ A=2 \\/ 1:r0=accerr /\\ A=1)\n\
         broken by relaxed-on-removal : stale-tlb\n"
    );
    std::fs::write(folder.join("many-grants.litmus"), text).expect("written");
    let text = seqfault_in(&folder, "check many-grants.litmus");
    assert!(text.contains("\nOk\n"), "{text}");
    assert!(text.contains(" : stale-tlb confirmed after "), "{text}");
}
