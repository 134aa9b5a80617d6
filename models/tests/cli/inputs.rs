//! Where tests come from: standard input, links, and what is no text at all.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
#[cfg(unix)]
use std::time::Duration;

use crate::{fixtures, seqfault, seqfault_in};

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("inputs")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// What `seqfault check -` prints of a text, and its exit status.
fn piped(text: &[u8]) -> (String, Option<i32>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(["check", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (text, output.status.code())
}

#[test]
fn a_test_may_come_from_standard_input() {
    let test = std::fs::read(fixtures().join("one-cpu.litmus")).expect("the fixture");
    let (text, status) = piped(&test);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.starts_with("Test one-cpu "), "{text}");
    let (text, status) = piped(b"MM t\n{ page A; }\nP0 { raed A; }\nexists (A=0)\n");
    assert_eq!(status, Some(2), "{text}");
    assert!(
        text.starts_with("-:3:6: error: unknown statement"),
        "{text}"
    );
}

#[test]
fn what_is_no_text_is_told_with_its_place() {
    let (text, status) = piped(b"MM t\n{ page \xff; }\n");
    assert_eq!(status, Some(2), "{text}");
    assert_eq!(text, "-:2:8: error: expected text in UTF-8\n");
}

#[test]
fn a_byte_order_mark_and_other_ends_of_lines_change_nothing() {
    let test = std::fs::read_to_string(fixtures().join("condition.litmus")).expect("the fixture");
    let (plain, status) = piped(test.as_bytes());
    assert_eq!(status, Some(1), "{plain}");
    let other = format!("\u{feff}{}", test.replace('\n', "\r\n"));
    let (text, status) = piped(other.as_bytes());
    assert_eq!(status, Some(1), "{text}");
    let without_time = |text: &str| -> String {
        let lines = text.lines().filter(|line| !line.starts_with("Time "));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(without_time(&text), without_time(&plain));
    let (text, _) = piped("\u{feff}MN t\r\n".as_bytes());
    assert!(text.starts_with("-:1:1: error: "), "{text}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_holds_itself_is_read_once() {
    let folder = folder("loop");
    std::fs::create_dir(folder.join("tests")).expect("a folder");
    let test = folder.join("tests/one-cpu.litmus");
    std::fs::copy(fixtures().join("one-cpu.litmus"), test).expect("a copy");
    std::os::unix::fs::symlink("..", folder.join("tests/up")).expect("a link");
    std::os::unix::fs::symlink("tests", folder.join("again")).expect("a link");
    let text = seqfault_in(&folder, "check tests .");
    assert_eq!(text.matches("ok    ").count(), 2, "{text}");
    assert!(text.contains("\n2 tests, 2 as expected"), "{text}");
}

#[cfg(unix)]
#[test]
fn what_has_no_end_is_refused() {
    let text = seqfault("check /dev/zero");
    assert_eq!(
        text,
        "--- standard error\n/dev/zero: error: has more than 4194304 bytes, as no litmus test \
         has\n--- exit status 2\n"
    );
}

/// What a command line says, which must not take long.
#[cfg(unix)]
fn soon(folder: &Path, arguments: &[&str], stdin: Stdio) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(arguments)
        .current_dir(folder)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    for _ in 0..600 {
        if child.try_wait().expect("the command is there").is_some() {
            let output = child.wait_with_output().expect("it has ended");
            return String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr)
                + &format!("exit status {:?}", output.status.code());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().expect("the command is there");
    child.wait().expect("it ends");
    panic!("{arguments:?} does not end");
}

/// A file whose reading might never end is refused by name, in a folder and by itself.
#[cfg(unix)]
#[test]
fn what_may_never_be_written_is_not_waited_for() {
    let folder = folder("pipe");
    let tests = folder.join("tests");
    std::fs::create_dir(&tests).expect("a folder");
    std::fs::copy(
        fixtures().join("one-cpu.litmus"),
        tests.join("one-cpu.litmus"),
    )
    .expect("a copy");
    let made = Command::new("mkfifo")
        .arg(folder.join("pipe.litmus"))
        .status();
    assert!(made.expect("there is a mkfifo").success());
    let _listener = std::os::unix::net::UnixListener::bind(folder.join("socket.litmus"));
    for (name, to) in [
        ("pipe", "../pipe.litmus"),
        ("socket", "../socket.litmus"),
        ("device", "/dev/zero"),
    ] {
        let link = tests.join(format!("{name}.litmus"));
        std::os::unix::fs::symlink(to, &link).expect("a link");
        let text = soon(&folder, &["check", "tests"], Stdio::null());
        let refused = format!("error: tests/{name}.litmus: is no regular file");
        assert!(text.starts_with(&refused), "{text}");
        assert!(text.ends_with("exit status Some(2)"), "{text}");
        std::fs::remove_file(link).expect("it is there");
    }
    for (name, kind) in [("pipe", "a named pipe"), ("socket", "a socket")] {
        let file = format!("{name}.litmus");
        let text = soon(&folder, &["check", &file], Stdio::null());
        let refused = format!("error: {file}: is {kind}: ");
        assert!(text.starts_with(&refused), "{text}");
        assert!(text.ends_with("exit status Some(2)"), "{text}");
    }
    // An entry that is no test's is none of its business.
    let text = soon(&folder, &["check", "tests"], Stdio::null());
    assert!(text.ends_with("exit status Some(0)"), "{text}");
}

/// What a shell's `<(…)` gives is a pipe that has no name.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_without_a_name_is_read() {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let test = std::fs::read(fixtures().join("one-cpu.litmus")).expect("the fixture");
    writer.write_all(&test).expect("it has room");
    drop(writer);
    let text = soon(&fixtures(), &["check", "/dev/fd/0"], reader.into());
    assert!(text.starts_with("Test one-cpu "), "{text}");
    assert!(text.ends_with("exit status Some(0)"), "{text}");
}
