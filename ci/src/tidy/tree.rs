//! The source files.

use std::fs;
use std::io;
use std::path::Path;

/// A file.
#[derive(Clone, Debug)]
pub struct File {
    /// From the workspace's root, with `/`.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// All source files.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// By path.
    pub files: Vec<File>,
    /// Where the workspace is on this machine.
    pub root: String,
}

/// Endings of the files that are read.
const ENDINGS: [&str; 6] = [".rs", ".toml", ".md", ".litmus", ".yml", ".ci/run"];

/// Folders that are not source, by their path from the root.
const NOT_SOURCE: [&str; 4] = ["fuzz/corpus", "fuzz/artifacts", "fuzz/coverage", ".git"];

impl Tree {
    /// Reads the workspace at `root`.
    pub fn read(root: &Path) -> io::Result<Tree> {
        let mut tree = Tree {
            files: Vec::new(),
            root: root.display().to_string(),
        };
        tree.visit(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn visit(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                let is_built = name == "target" || prefix.is_empty() && name.starts_with("target-");
                if !is_built && !NOT_SOURCE.contains(&&*path) {
                    self.visit(&entry.path(), &format!("{path}/"))?;
                }
            } else if ENDINGS.iter().any(|ending| path.ends_with(ending)) {
                let text = fs::read_to_string(entry.path())?;
                self.files.push(File { path, text });
            }
        }
        Ok(())
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The Rust files of core.
    pub fn core(&self) -> impl Iterator<Item = &File> {
        self.rust()
            .filter(|file| file.path.starts_with("core/src/"))
    }
}

impl File {
    /// Its lines without `//` comments, with their numbers.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines.map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
    }

    /// The same, up to its unit tests.
    pub fn code_without_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code()
            .take_while(|(_, code)| !code.starts_with("mod tests"))
    }
}
