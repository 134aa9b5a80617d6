//! The files, shelf by shelf.

use std::path::{Path, PathBuf};

use seqfault_models::cli::{self, Test};
use seqfault_models::scenario::Deviations;

/// The shelves that there must be.
pub const SHELVES: &[&str] = &[
    "basics", "cow", "driver", "file", "monitor", "pt_free", "spf", "stack", "swap", "tlb",
    "vma_lock", "vma_tree",
];

/// The folder of what fuzzing found, which need not be there.
pub const FOUND: &str = "found";

/// Folders of this package that are no shelves.
const NO_SHELVES: &[&str] = &["src", "tests", "target"];

/// One file.
#[derive(Debug)]
pub struct Proof {
    /// Its shelf; empty if it lies outside one.
    pub shelf: String,
    /// Its name without the extension.
    pub slug: String,
    /// The file, read; or all that is wrong with it, as text.
    pub test: Result<Test, String>,
}

impl Proof {
    /// `shelf/slug`, as its test is named.
    pub fn name(&self) -> String {
        format!("{}/{}", self.shelf, self.slug)
    }
}

/// All files.
#[derive(Debug)]
pub struct Corpus {
    /// In the order of their names.
    pub proofs: Vec<Proof>,
}

impl Corpus {
    /// Reads every file of this package.
    ///
    /// # Errors
    /// If a folder cannot be read. What is wrong with a file is kept with it.
    pub fn read() -> std::io::Result<Corpus> {
        Corpus::read_from(Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    fn read_from(folder: &Path) -> std::io::Result<Corpus> {
        let mut proofs = Vec::new();
        let mut shelves = vec![(String::new(), folder.to_owned())];
        for path in sorted(folder)? {
            let name = file_name(&path);
            if path.is_dir() && !NO_SHELVES.contains(&&*name) && !name.starts_with('.') {
                shelves.push((name, path));
            }
        }
        for (shelf, folder) in shelves {
            for path in sorted(&folder)? {
                if path.extension().is_some_and(|end| end == "litmus") {
                    proofs.push(Proof {
                        shelf: shelf.clone(),
                        slug: file_name(&path.with_extension("")),
                        test: read(&path),
                    });
                }
            }
        }
        Ok(Corpus { proofs })
    }

    /// The files that could be read.
    pub fn tests(&self) -> impl Iterator<Item = (&Proof, &Test)> {
        self.proofs
            .iter()
            .filter_map(|proof| Some((proof, proof.test.as_ref().ok()?)))
    }
}

fn read(path: &Path) -> Result<Test, String> {
    let mut tests = cli::collect(&[path.to_owned()], &Deviations::default())?;
    tests.pop().ok_or_else(|| "no test".to_owned())
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
