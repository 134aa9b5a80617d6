//! The command as its users see it: what it prints, and how it exits.
//!
//! Each snapshot is the whole output of one command line over the files in
//! `fixtures/` and `bad/`, or of all command lines that make one family of
//! mistakes. Times are replaced; everything else is deterministic.

mod commands;
mod counterexamples;
mod errors;
mod inputs;
mod long;
mod matrix;
mod outputs;
mod programs;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the fixtures.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/fixtures")
}

/// What a command line prints and how it exits, as one text.
fn seqfault_in(folder: &Path, arguments: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seqfault"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LOOM_") {
            command.env_remove(name);
        }
    }
    let output = command
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_remove("COLUMNS")
        // As cargo runs it, whatever runs this.
        .env("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"))
        .output()
        .expect("the command starts");
    let mut text = without_times(&String::from_utf8_lossy(&output.stdout));
    let errors = String::from_utf8_lossy(&output.stderr);
    if !errors.is_empty() {
        text += "--- standard error\n";
        text += &errors;
    }
    text += &format!("--- exit status {}\n", output.status.code().unwrap_or(-1));
    text
}

fn seqfault(arguments: &str) -> String {
    seqfault_in(&fixtures(), arguments)
}

/// The text with durations as `#`.
fn without_times(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with("Time ") {
            let (name, _) = line.rsplit_once(' ').unwrap_or((line, ""));
            out += name;
            out += " #";
        } else {
            let mut words = Vec::new();
            for word in line.split(' ') {
                words.push(word);
                if word == "s" || word == "s," {
                    let at = words.len() - 2;
                    // The blanks that align the number go with it.
                    words[at] = "#";
                }
            }
            let line = words.join(" ");
            out += &collapse_before(&line);
        }
        out.push('\n');
    }
    out
}

/// One blank before each `#`, however long the number was.
fn collapse_before(line: &str) -> String {
    let mut line = line.to_owned();
    while let Some(at) = line.find("   # s") {
        line.remove(at);
    }
    line
}

/// A command line of a family, named by what is wrong with it, and its whole output.
fn section(name: &str, arguments: &str, output: &str) -> String {
    format!("## {name}\n\n    $ seqfault {arguments}\n\n{output}\n")
}

/// The text is what its snapshot has.
#[macro_export]
macro_rules! assert_kept {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            prepend_module_to_snapshot => false,
            omit_expression => true,
            snapshot_path => "snapshots"
        }, {
            insta::assert_snapshot!($name, $text);
        });
    };
}

/// One snapshot for each command line.
#[macro_export]
macro_rules! snapshots {
    ($($name:ident: $arguments:expr;)*) => {$(
        #[test]
        fn $name() {
            $crate::assert_kept!(stringify!($name), $crate::seqfault($arguments));
        }
    )*};
}

/// One snapshot for each family of command lines.
#[macro_export]
macro_rules! families {
    ($($(#[$about:meta])* $family:ident { $($name:ident: $arguments:expr;)* })*) => {$(
        $(#[$about])*
        #[test]
        fn $family() {
            let mut said = String::new();
            $(
                let output = $crate::seqfault($arguments);
                said += &$crate::section(stringify!($name), $arguments, &output);
            )*
            $crate::assert_kept!(stringify!($family), said);
        }
    )*};
}
