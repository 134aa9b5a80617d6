//! `seqfault conform` as its users see it, and as it survives what happens to its workers.

use std::process::{Command, Output};

use crate::host;

fn conform(arguments: &str) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .arg("conform")
        .args(arguments.split_whitespace())
        .env("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"))
        .output()
        .expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

#[test]
fn agreement_is_counted() {
    if host().is_none() {
        return;
    }
    let (output, text) = conform("--sequences 500 --seed 3 --jobs 2");
    assert_eq!(output.status.code(), Some(0), "{text}");
    let start = "spec, core and linux agree: 500 sequences, ";
    assert!(text.starts_with(start), "{text}");
    assert!(
        text.contains(" operations in a second of CPU time"),
        "{text}"
    );
}

#[test]
fn a_difference_is_shrunk_saved_and_replayed() {
    if host().is_none() {
        return;
    }
    // Not in the target folder: another user may run the tests than who built them.
    let name = format!("seqfault-difference-{}.litmus", std::process::id());
    let file = std::env::temp_dir().join(name);
    let wrong = "--wrong noreplace-replaces";
    let save = format!("--save {}", file.display());
    let (output, text) = conform(&format!("--sequences 5000 {wrong} {save}"));
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("linux differs from the specification"),
        "{text}"
    );
    assert!(text.contains("spec, core and linux DIFFER"), "{text}");
    let litmus = std::fs::read_to_string(&file).expect("it was saved");
    std::fs::remove_file(&file).expect("it can be removed");
    assert!(litmus.starts_with("MM linux-differs"), "{litmus}");
    let replay = text
        .lines()
        .find_map(|line| line.strip_prefix("Replay: cargo seqfault conform "));
    let (output, again) = conform(replay.expect("a replay"));
    assert_eq!(output.status.code(), Some(1), "{again}");
    assert!(again.contains(litmus.trim_end()), "{again}");
}

#[test]
fn a_run_goes_on_behind_a_difference() {
    if host().is_none() {
        return;
    }
    let wrong = "--wrong noreplace-replaces --jobs 2";
    let (output, text) = conform(&format!("--sequences 60 --keep-going {wrong}"));
    assert_eq!(output.status.code(), Some(1), "{text}");
    let found = text.matches("differs from the specification").count() as u64;
    assert!(found > 2, "{text}");
    let verdict = format!("DIFFER {found} times: {} sequences", 60 - found);
    assert!(text.contains(&verdict), "{verdict}: {text}");
}

#[test]
fn an_interrupt_ends_with_a_tally() {
    if host().is_none() {
        return;
    }
    let child = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(["conform", "--sequences", "1000000000"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the command starts");
    let status = format!("/proc/{}/status", child.id());
    let catches = || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask & 1 << (libc::SIGINT - 1) != 0)
    };
    while !catches() {
        std::thread::yield_now();
    }
    // SAFETY: the process is a child that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(
        text.contains("spec, core and linux agree so far: "),
        "{text}"
    );
}

#[test]
fn a_crash_is_reported_and_survived() {
    if host().is_none() {
        return;
    }
    let (output, text) = conform("--sequences 300 --plant-crash 100 --jobs 1");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("sequence 100, step 2: crashed: exit status: 134"),
        "{text}"
    );
    assert!(text.contains("signal 0xb at address 0x8"), "{text}");
    assert!(text.contains("--seed 0 --from 100 --sequences 1"), "{text}");
    assert!(
        text.contains("INCOMPLETE: 1 worker lost: 299 sequences"),
        "{text}"
    );
}

#[test]
fn a_hang_is_reported_and_survived() {
    if host().is_none() {
        return;
    }
    let (output, text) = conform("--sequences 300 --plant-hang 299 --jobs 2 --patience 4");
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("sequence 299, step 2: hangs: no step in 4 s; killed"),
        "{text}"
    );
    assert!(
        text.contains("INCOMPLETE: 1 worker lost: 299 sequences"),
        "{text}"
    );
}

#[test]
fn bad_arguments_are_told() {
    let (output, _) = conform("--ops 5..2");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("`--ops 5..2`"), "{error}");
    let (output, _) = conform("--wrong nonsense");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("mprotect-only-takes"), "{error}");
}

#[test]
fn the_host_is_described() {
    if host().is_none() {
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .arg("host")
        .output()
        .expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let found = |name: &str| text.lines().find(|line| line.starts_with(name));
    assert!(
        found("kernel ").is_some_and(|line| line.contains("yes")),
        "{text}"
    );
    assert!(
        found("arena ").is_some_and(|line| line.contains("a fault tells maperr")),
        "{text}"
    );
    assert!(found("userfaultfd, user faults ").is_some(), "{text}");
}

/// A saved difference is a test: the host, which is right, fails it.
#[test]
fn a_failure_on_the_host_is_told_without_a_machine() {
    if host().is_none() {
        return;
    }
    let name = format!("seqfault-wrong-{}.litmus", std::process::id());
    let file = std::env::temp_dir().join(name);
    let test = "MM wrong { page A; mmap A rw; } P0 { munmap A; r0 = read A; } forall (0:r0=0)";
    std::fs::write(&file, test).expect("there is room for a file");
    let output = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(["check", "--engine", "linux"])
        .arg(&file)
        .output()
        .expect("the command starts");
    std::fs::remove_file(&file).expect("it can be removed");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("0:r0=maperr"), "{text}");
    assert!(text.contains("Initial state: mmap A rw"), "{text}");
    assert!(
        !text.contains("Protocol:") && !text.contains("    P0"),
        "{text}"
    );
}
