//! Each file of this folder as a test: what `seqfault check` says of it is what the file expects.
//!
//! The expectation is a comment of the file, one item a line:
//! ```text
//! (* expected: Ok                          it passes, exit status 0
//!    expected: No INVARIANT                it fails by that, or by `condition`; 1
//!    expected: Unknown                     it was not searched to its end; 1
//!    expected: skipped TEXT                core does not support something of it; 1
//!    expected: refused LINE:COLUMN: TEXT   it cannot run, for this reason; 2
//!    options: --max-executions 300         what the command line has beside the file
//!    says: Executions 300 unknown *)       a part of what is printed
//! ```
//! The tests come from the folder at run time. What defends a protocol is a proof (`proofs/`);
//! here is what the tool must not get wrong: public bug reports as far as the language can tell
//! them, searches that are stopped, files that must be refused.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases = match files(&folder) {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("error: {}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    };
    cases.sort();
    if cases.is_empty() {
        eprintln!("error: {} has no test", folder.display());
        return ExitCode::FAILURE;
    }
    let trials = cases.into_iter().map(|path| {
        let name = path.file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        Trial::test(name.clone(), move || check(&path, &name))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "litmus") {
            found.push(path);
        }
    }
    Ok(found)
}

/// How a check may end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    Ok,
    No(String),
    Unknown,
    Skipped(String),
    Refused(String),
}

/// What a file says of itself.
struct Expectation {
    expected: Expected,
    options: Vec<String>,
    says: Vec<String>,
}

impl Expectation {
    fn of(text: &str) -> Result<Expectation, String> {
        const HEAD: &str = "(* expected:";
        let at = text.find(HEAD).ok_or("it does not say what is expected")?;
        let comment = &text[at + "(* ".len()..];
        let end = comment.find("*)").ok_or("the comment does not end")?;
        let mut expected = None;
        let mut options = Vec::new();
        let mut says = Vec::new();
        for item in comment[..end].lines() {
            let (key, value) = item.trim().split_once(": ").ok_or("an item has no value")?;
            match key {
                "expected" => expected = Some(Expected::of(value.trim())?),
                "options" => options.extend(value.split_whitespace().map(str::to_owned)),
                "says" => says.push(value.trim().to_owned()),
                _ => return Err(format!("nothing is known of `{key}`")),
            }
        }
        Ok(Expectation {
            expected: expected.ok_or("it does not say what is expected")?,
            options,
            says,
        })
    }
}

impl Expected {
    fn of(value: &str) -> Result<Expected, String> {
        match value.split_once(' ').unwrap_or((value, "")) {
            ("Ok", "") => Ok(Expected::Ok),
            ("Unknown", "") => Ok(Expected::Unknown),
            ("No", what) if !what.is_empty() => Ok(Expected::No(what.to_owned())),
            ("skipped", what) if !what.is_empty() => Ok(Expected::Skipped(what.to_owned())),
            ("refused", what) if !what.is_empty() => Ok(Expected::Refused(what.to_owned())),
            _ => Err(format!("nobody answers `{value}`")),
        }
    }

    /// What the command said, and how it ended.
    fn of_output(file: &str, status: Option<i32>, text: &str, errors: &str) -> Option<Expected> {
        let word = |word: &str| text.lines().any(|line| line == word);
        match status? {
            0 if word("Ok") => Some(Expected::Ok),
            1 if word("Unknown") => Some(Expected::Unknown),
            1 if word("No") => {
                let reason = text
                    .lines()
                    .find_map(|line| line.strip_prefix("Because "))?;
                let (what, _) = reason.split_once(':')?;
                Some(Expected::No(what.to_owned()))
            }
            1 if text.contains("\nSkipped ") => {
                let why = text
                    .lines()
                    .find_map(|line| line.strip_prefix("Skipped "))?;
                Some(Expected::Skipped(why.to_owned()))
            }
            2 if text.is_empty() => {
                let mut lines = errors.lines();
                let at = lines.find_map(|line| line.strip_prefix(file)?.strip_prefix(':'))?;
                Some(Expected::Refused(at.replacen(" error:", "", 1)))
            }
            _ => None,
        }
    }
}

fn check(path: &Path, name: &str) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    if text.lines().next() != Some(&format!("MM {name}")) {
        return Err("the test is not named as its file".into());
    }
    let expectation = Expectation::of(&text)?;
    let file = format!("{name}.litmus");
    let output = Command::new(env!("CARGO_BIN_EXE_seqfault"))
        .args(["check", &file])
        .args(&expectation.options)
        .current_dir(path.parent().unwrap_or(path))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let found = Expected::of_output(&file, output.status.code(), &text, &errors);
    if found.as_ref() != Some(&expectation.expected) {
        let expected = &expectation.expected;
        return Err(format!("expected {expected:?}, found {found:?}:\n{text}{errors}").into());
    }
    match expectation.says.iter().find(|says| !text.contains(*says)) {
        None => Ok(()),
        Some(says) => Err(format!("it does not say `{says}`:\n{text}").into()),
    }
}
