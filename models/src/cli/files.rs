//! From paths to tests.

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
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{name}: error: cannot be read: {error}\n"))?;
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

fn render(errors: &Errors) -> String {
    use std::io::IsTerminal;
    errors.render(std::io::stderr().is_terminal())
}

/// Reads every test under `paths`, in the order of the paths and then of the
/// names, and makes sure that each can run under `deviations`.
///
/// # Errors
/// All that is wrong with the paths, else all that is wrong with the files, as text.
pub fn collect(paths: &[PathBuf], deviations: &Deviations) -> Result<Vec<Test>, String> {
    let mut found = Vec::new();
    for path in paths {
        find(path, &mut found)?;
    }
    let mut tests = Vec::new();
    let mut errors = Vec::new();
    for (path, label) in found {
        match Test::read(&path, label) {
            Ok(test) => match verdict::validate(&test.program, deviations) {
                Ok(()) => tests.push(test),
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
    let metadata =
        std::fs::metadata(path).map_err(|error| format!("error: {}: {error}\n", path.display()))?;
    if !metadata.is_dir() {
        let label = path.file_stem().unwrap_or_default();
        found.push((path.to_owned(), label.to_string_lossy().into_owned()));
        return Ok(());
    }
    let mut files = Vec::new();
    walk(path, &mut files).map_err(|error| format!("error: {}: {error}\n", path.display()))?;
    if files.is_empty() {
        return Err(format!(
            "error: no file under {} ends in .{EXTENSION}\n",
            path.display()
        ));
    }
    files.sort();
    for file in files {
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

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            let hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if !hidden {
                walk(&path, files)?;
            }
        } else if path.extension().is_some_and(|end| end == EXTENSION) {
            files.push(path);
        }
    }
    Ok(())
}
