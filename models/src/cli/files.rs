//! From paths to tests.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Trouble;
use crate::litmus::ast::Program;
use crate::litmus::{self, Errors};
use crate::scenario::{Deviations, Refusal};
use crate::verdict;

/// What the file names of tests end in.
const EXTENSION: &str = "litmus";
/// What the file names of tests that must fail begin with.
const CANARY: &str = "canary-";

/// The path of standard input.
const STDIN: &str = "-";
/// A litmus test is a page of text: what is longer than so many bytes is something else, or has
/// no end.
const MOST_BYTES: u64 = 4 << 20;

/// A test file that was read.
#[derive(Clone, Debug)]
pub struct Test {
    /// The file.
    pub path: PathBuf,
    /// Its path below the folder that was asked for, without the extension.
    pub label: String,
    /// Its text.
    pub text: String,
    /// The same, parsed.
    pub program: Program,
}

impl Test {
    /// Whether it is a canary: a test that must fail, so that a checker that
    /// sees nothing does not pass for one that found nothing.
    pub fn is_canary(&self) -> bool {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(CANARY)
    }

    fn read(path: &Path, label: String) -> Result<Test, String> {
        let name = path.display().to_string();
        let text = text_of(path).map_err(|error| format!("{name}{error}\n"))?;
        let program = litmus::parse(&name, &text).map_err(|errors| render(&errors))?;
        Ok(Test {
            path: path.to_owned(),
            label,
            text,
            program,
        })
    }

    /// A refusal as an error in the file, where it is the file's.
    pub(super) fn refused(&self, refusal: &Refusal) -> String {
        let name = self.path.display().to_string();
        match &refusal.span {
            Some(span) => render(&Errors::at(
                &name,
                &self.text,
                span.clone(),
                &refusal.message,
            )),
            None => format!("{name}: error: {refusal}\n"),
        }
    }
}

/// What is in a file; or what is wrong with it, to follow its name.
fn text_of(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = if path == Path::new(STDIN) {
        let stdin = std::io::stdin().lock();
        stdin.take(MOST_BYTES + 1).read_to_end(&mut bytes)
    } else {
        let file = File::open(path);
        file.and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| format!(": error: cannot be read: {error}"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!(
            ": error: has more than {MOST_BYTES} bytes, as no litmus test has"
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let last = before.rsplit(|byte| *byte == b'\n').next();
        let column = String::from_utf8_lossy(last.unwrap_or_default())
            .chars()
            .count()
            + 1;
        format!(":{line}:{column}: error: expected text in UTF-8")
    })
}

fn render(errors: &Errors) -> String {
    use std::io::IsTerminal;
    errors.render(std::io::stderr().is_terminal())
}

/// Reads every test under `paths`, in the order of the paths and then of the
/// names, and makes sure that each can run as its file says, and if it is the
/// only one, under `deviations`: one of many that they do not go with is
/// skipped when it is checked.
///
/// # Errors
/// All that is wrong with the paths, else all that is wrong with the files, as text.
pub fn collect(paths: &[PathBuf], deviations: &Deviations) -> Result<Vec<Test>, String> {
    let mut found = Vec::new();
    for path in paths {
        find(path, &mut found)?;
    }
    let are_many = found.len() > 1;
    let skips = |program: &Program| are_many && verdict::conflict(program, deviations).is_some();
    let mut tests = Vec::new();
    let mut errors = Vec::new();
    for (path, label) in found {
        match Test::read(&path, label) {
            Ok(test) => match verdict::validate(&test.program, deviations) {
                Ok(()) => tests.push(test),
                Err(_) if skips(&test.program) => tests.push(test),
                Err(refusal) => errors.push(test.refused(&refusal)),
            },
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(tests)
    } else {
        Err(errors.join("\n"))
    }
}

/// The same, as the commands do it.
pub(super) fn tests(paths: &[PathBuf], deviations: &Deviations) -> Result<Vec<Test>, Trouble> {
    collect(paths, deviations).map_err(Trouble::Files)
}

fn find(path: &Path, found: &mut Vec<(PathBuf, String)>) -> Result<(), String> {
    if path == Path::new(STDIN) {
        if found.iter().any(|(other, _)| other == path) {
            return Err(format!(
                "error: {STDIN} is given twice: standard input is one test\n"
            ));
        }
        found.push((path.to_owned(), "stdin".to_owned()));
        return Ok(());
    }
    let metadata =
        std::fs::metadata(path).map_err(|error| format!("error: {}: {error}\n", path.display()))?;
    if !metadata.is_dir() {
        if let Some(kind) = unreadable(path, &metadata) {
            return Err(format!(
                "error: {}: is {kind}: a test is a file, or comes from a pipe by the path {STDIN}\n",
                path.display()
            ));
        }
        let label = path.file_stem().unwrap_or_default();
        found.push((path.to_owned(), label.to_string_lossy().into_owned()));
        return Ok(());
    }
    let mut files = Vec::new();
    let mut known = BTreeSet::new();
    walk(path, &mut known, &mut files)
        .map_err(|error| format!("error: {}: {error}\n", path.display()))?;
    if files.is_empty() {
        return Err(format!(
            "error: no file under {} ends in .{EXTENSION}\n",
            path.display()
        ));
    }
    files.sort();
    for file in files {
        // Reading it might never end. What cannot be looked at cannot be read, which is told then.
        if std::fs::metadata(&file).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(format!(
                "error: {}: is no regular file, as each test in a folder is\n",
                file.display()
            ));
        }
        let file = match file.strip_prefix(".") {
            Ok(below) => below.to_owned(),
            Err(_) => file,
        };
        let below = file.strip_prefix(path).unwrap_or(&file);
        let label = below.with_extension("").display().to_string();
        found.push((file, label));
    }
    Ok(())
}

/// What the file that a user names is, if reading it might wait for ever: a named pipe that nobody
/// writes to. A pipe without a name, which a shell's `<(…)` is, has a writer.
#[cfg(unix)]
fn unreadable(path: &Path, metadata: &std::fs::Metadata) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;

    let kind = metadata.file_type();
    if kind.is_socket() {
        return Some("a socket");
    }
    // Where the system shows a pipe without a name as a file, there is nothing behind the link.
    let has_name = path.canonicalize().is_ok() && !path.starts_with("/dev/fd");
    (kind.is_fifo() && has_name).then_some("a named pipe")
}

#[cfg(not(unix))]
fn unreadable(_: &Path, _: &std::fs::Metadata) -> Option<&'static str> {
    None
}

/// The tests below `folder`. A folder that symbolic links lead to more than once is looked at
/// once, by the first of its names.
fn walk(
    folder: &Path,
    known: &mut BTreeSet<PathBuf>,
    files: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    if !known.insert(folder.canonicalize()?) {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<std::io::Result<Vec<PathBuf>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            let hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if !hidden {
                walk(&path, known, files)?;
            }
        } else if path.extension().is_some_and(|end| end == EXTENSION) {
            files.push(path);
        }
    }
    Ok(())
}
