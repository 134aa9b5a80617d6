//! What a night starts ends with it.
#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};

/// Starts a program that says a line and does not end by itself, in the role
/// in which a night starts it.
fn start(parent: u32) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seqfault-ci"));
    command
        .args(["sh", "-c", "echo here; exec sleep 60"])
        .env("SEQFAULT_CI_ENDS_WITH", parent.to_string())
        .stdout(Stdio::piped());
    command.spawn().expect("the program can be started")
}

#[test]
fn a_program_is_killed_when_the_thread_that_started_it_ends() {
    let started = std::thread::spawn(|| {
        let mut child = start(std::process::id());
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        let read = BufReader::new(output).read_line(&mut line);
        assert_eq!((read.expect("it says something"), &*line), (5, "here\n"));
        child
    });
    let mut child = started.join().expect("the thread ends well");
    let status = child.wait().expect("it ends");
    assert_eq!(status.signal(), Some(9), "{status}");
}

#[test]
fn a_program_whose_parent_is_gone_does_not_start() {
    let output = start(1).wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "{output:?}");
}
